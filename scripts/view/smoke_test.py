"""A smoke test's report in lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.types import USD, amount

if TYPE_CHECKING:
    from scripts.app.operations.smoke_report import SmokeReport


def report_json(report: SmokeReport) -> str:
    """The summary as its file has it."""
    return json.dumps(report.document(), indent=2, allow_nan=False)


def report_lines(report: SmokeReport, file: Path, symbol: str) -> Iterator[str]:
    """One line a step, then what became of the order, and the `file` that has it all."""
    for step in report.steps:
        yield f"{step['outcome']:<6} {step['step']:<12} {step['milliseconds']:>6} ms"
    facts = report.facts
    if facts["volume"] is not None:
        yield _order_line(symbol, facts)
    yield f"order sent {facts['order_sent']}, closed {facts['order_closed']}; {file}"


def _order_line(symbol: str, facts: dict[str, Any]) -> str:
    """What was asked for and what it came to, in one line."""
    unit = facts["currency"] or USD
    parts = [f"{facts['volume']:.2f} lots {symbol}", f"risk {amount(facts['risk'] * 100, unit)}"]
    for what, name in (("opened at", "open_price"), ("closed at", "close_price")):
        if facts[name] is not None:
            parts.append(f"{what} {facts[name]}")
    if facts["profit"] is not None:
        parts.append(f"profit {amount(facts['profit'] * 100, unit)} with costs")
    return ", ".join(parts)
