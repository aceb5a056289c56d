"""What bar files hold, in lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from signals.market_data.validate import period_name

if TYPE_CHECKING:
    from scripts.app.operations.bar_files import BarFileReport, WrittenBars

_SHOWN = 5
"""Findings of one kind that are shown; the others are counted."""


_ROUNDED = "volumes have parts: they are taken as whole numbers, any above 0 as at least 1"


def report_lines(report: BarFileReport) -> Iterator[str]:
    """Format, period and clock of a file, everything odd in it, and whether it can be used."""
    file, checker, verdict = report.file, report.checker, report.verdict
    period = period_name(checker.period) if checker.period else "no timeframe"
    clock = file.fixed_clock or verdict.clock or "cannot be determined"
    why = "stated by the format" if file.fixed_clock else verdict.evidence
    yield f"{file.path}: {file.format}, {report.symbol} {period}, {checker.rows:,} bars"
    yield f"  clock: {clock} ({why})"
    if file.ignored:
        yield f"  ignored: {', '.join(file.ignored)}"
    if report.fault is not None:
        yield f"  error: {report.fault}"
    if report.rounded:
        yield f"  note: {_ROUNDED}"
    if report.closed_flats:
        yield f"  note: {report.closed_flats}: replay leaves them out"
    for kind, count in checker.counts.items():
        shown = [finding for finding in report.findings if finding.kind is kind][:_SHOWN]
        for finding in shown:
            yield f"  {finding.severity}: {file.place(finding.row)}: {finding.detail}"
        if count > len(shown):
            yield f"  and {count - len(shown):,} more: {kind}"
    if report.usable:
        yield "  usable"
    else:
        repairable = report.errors and all(finding.repairable for finding in report.errors)
        yield "  refused by replay" + ("; --repair mends it" if repairable else "")


def written_lines(written: WrittenBars, out: Path) -> Iterator[str]:
    """What was repaired, how many bars were written, and how to replay them."""
    yield from written.repairs
    if written.rounded:
        yield _ROUNDED
    clock = f"replay them with --clock {written.clock}" if written.clock else ""
    yield "; ".join(filter(None, (f"{out}: {written.rows:,} bars", written.fault or clock)))
