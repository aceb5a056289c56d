"""What the built-in PAPER account's terminal is like."""

from __future__ import annotations

import json


def paper_spec(symbols: list[str]) -> str:
    """The specification of a paper terminal with a quiet market in `symbols`."""
    from config.loader import load_symbols

    known = load_symbols()
    return json.dumps({"symbols": [name for name in symbols if name in known]})
