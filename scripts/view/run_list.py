"""Past runs as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.types import grouped
from scripts.app.journals.listing import PastRun

_HEAD = (
    "started",
    "session",
    "mode",
    "preset",
    "played",
    "state",
    "result",
    "trades",
    "open",
    "verdict",
)
_NUMBERS = frozenset({"result", "trades", "open"})


def run_lines(runs: Sequence[PastRun], more: int, results: Path) -> Iterator[str]:
    """A table of the runs, and how many there are beside them."""
    if not runs:
        yield f"no run in {results / 'sessions'} yet: butler replay makes one"
        return
    rows = [_HEAD, *map(_cells, runs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = (
            cell.rjust(width) if name in _NUMBERS else cell.ljust(width)
            for name, cell, width in zip(_HEAD, row, widths, strict=True)
        )
        yield "  ".join(cells).rstrip()
    if more:
        yield f"... and {more:,} more (--last 0 shows all)"


def _cells(run: PastRun) -> tuple[str, ...]:
    played = f"{(run.played_from or '')[:10]} to {(run.played_to or '')[:10]}"
    return (
        (run.started or "-")[:16].replace("T", " "),
        run.session_id,
        f"{run.mode or '-'}{f' {run.account_profile}' if run.account_profile else ''}",
        run.preset or "-",
        played if run.played_from else "-",
        run.state,
        "-" if run.result is None else grouped(run.result, run.currency, "+"),
        "-" if run.trades is None else f"{run.trades:,}",
        "-" if run.open_positions is None else str(run.open_positions),
        run.verdict or "-",
    )
