"""One line while a sweep runs: how far it is, how fast, and the best so far, in sample."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scripts.app.sweep.trial import TrialRow


@contextmanager
def trial_progress(
    total: int, objective: str, *, shown: bool
) -> Iterator[Callable[[TrialRow, bool], None]]:
    """Takes each finished trial, and whether it was done before; silent when it is not `shown`."""
    if not shown:
        yield lambda _row, _before: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("trials"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    told = SweepProgress(total, objective, time.monotonic())
    with Progress(
        *columns, console=Console(stderr=True), transient=True,
        redirect_stdout=sys.stdout.isatty(),  # what leads into a file goes there
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=total, told="")

        def show(row: TrialRow, before: bool) -> None:
            told.take(row, before=before)
            bar.update(task, completed=told.done, told=told.line(time.monotonic()))

        yield show


class SweepProgress:
    """Counts trials; `now` are seconds of any clock that only goes forward."""

    def __init__(self, total: int, objective: str, now: float) -> None:
        self._total, self._objective, self._began = total, objective, now
        self._before = 0
        self._errors = 0
        self._best: float | None = None
        self.done = 0

    def take(self, row: TrialRow, *, before: bool) -> None:
        """A trial is done, in this run or `before`."""
        self.done += 1
        self._before += before
        self._errors += bool(row.error)
        figure = {"net": row.net / 100, "odds": row.odds}.get(self._objective, row.sharpe)
        if not row.error and figure is not None:
            self._best = figure if self._best is None else max(self._best, figure)

    def line(self, now: float) -> str:
        """Rate, what is left, errors, the best figure."""
        made, seconds = self.done - self._before, now - self._began
        parts = []
        if made and seconds > 0:
            rate = made / seconds
            parts.append(f"{rate:.1f}/s, {(self._total - self.done) / rate:,.0f} s left")
        if self._errors:
            parts.append(f"{self._errors} failed")
        if self._best is not None:
            parts.append(f"best {self._objective} in sample {self._best:.4g}")
        return ", ".join(parts)
