"""The folder that odds leave: their page, and everything as JSON."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from adapters.system.atomic_files import replace_file
from engine.clock import SystemClock

PAGE = "report.html"
SUMMARY = "summary.json"


def write_odds(results: Path, page: str, document: dict[str, Any]) -> Path:
    """The page in a new folder below `results`; raises OSError where it cannot be written."""
    folder = results / "odds" / f"{SystemClock().now() // 1000}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    text = json.dumps(document, indent=2, allow_nan=False)
    replace_file(folder / SUMMARY, text.encode() + b"\n")
    replace_file(folder / PAGE, page.encode())
    return folder / PAGE
