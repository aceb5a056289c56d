"""A smoke test's report in lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.app.operations.smoke_report import SmokeReport


def report_lines(report: SmokeReport, file: Path) -> Iterator[str]:
    """One line a step, then what became of the order, and the `file` that has it all."""
    for step in report.steps:
        yield f"{step['outcome']:<6} {step['step']:<12} {step['milliseconds']:>6} ms"
    facts = report.facts
    yield f"order sent {facts['order_sent']}, closed {facts['order_closed']}; {file}"
