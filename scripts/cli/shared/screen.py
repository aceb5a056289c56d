"""A command's screen: notes and warnings on stderr, the summary on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode, ended

if TYPE_CHECKING:
    from pathlib import Path

    from engine.portfolio import Portfolio
    from engine.result.hindsight import Hindsight
    from scripts.app.frontend import Interrupt
    from scripts.app.operations.finished import FinishedSession


@dataclass(frozen=True)
class Screen:
    """How much the user wants to see; a `scripts.app.frontend.Frontend`."""

    as_json: bool = False
    quiet: bool = False
    objectives: str | None = None
    """The rules that a run is held against, as the user named them."""
    report: bool = False
    """Whether the page of the run is to be written."""

    @property
    def shows_progress(self) -> bool:
        return sys.stderr.isatty() and not self.quiet and not self.as_json

    @property
    def warn(self) -> Callable[[str], None] | None:
        return None if self.quiet or self.as_json else complain

    def tell(self, notes: list[str]) -> None:
        for note in () if self.quiet else notes:
            complain(note)

    def interruptible(self, request_stop: Callable[[], None]) -> AbstractContextManager[Interrupt]:
        from scripts.cli.shared.interrupts import orderly_stop

        return orderly_stop(request_stop)

    def progress(self, total: int) -> AbstractContextManager[Callable[[int], None]]:
        return progress_bar(total, shown=self.shows_progress)

    def tell_left_open(
        self, portfolio: Portfolio, *, profile: str, goes_on: str, dry_run: bool
    ) -> None:
        """Said even where nothing else is: open positions are money."""
        from scripts.view.left_open import left_open_lines

        for line in left_open_lines(
            portfolio.positions.values(),
            portfolio.specs,
            profile=profile,
            goes_on=goes_on,
            dry_run=dry_run,
        ):
            complain(line)

    def finish(self, session: FinishedSession) -> ExitCode:
        """Show what a session came to, as the user asked for it; returns the exit code."""
        self.show(session)
        return ExitCode.DONE if session.as_ordered else ended(session.outcome)

    def show(self, session: FinishedSession) -> None:
        """Write the page where one is wanted, and print the short summary (or the JSON)."""
        import json

        hindsight = self._hindsight(session)
        page = self._page(session, hindsight)
        if self.as_json:
            print(json.dumps(session.summary, indent=2, allow_nan=False))
        elif not self.quiet:
            from scripts.view.printable import printable
            from scripts.view.summary import summary_lines

            for line in summary_lines(session, hindsight, page):
                print(printable(line))

    def _hindsight(self, session: FinishedSession) -> Hindsight | None:
        from scripts.app.results.verdict import hindsight_of
        from scripts.app.terms.request import followed

        wanted = self.report or not (self.quiet or self.as_json)
        if session.result is None or not wanted:
            return None
        named = self.objectives if followed(self.objectives) is None else None
        return hindsight_of(session.result, named)

    def _page(self, session: FinishedSession, hindsight: Hindsight | None) -> Path | None:
        if not self.report or session.result is None:
            return None
        from scripts.app.results.pages import write_latest

        return write_latest(session.result, hindsight, session.folder)[0]


@contextmanager
def progress_bar(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, told how much is done; silent when it is not `shown`."""
    if not shown:
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("bars")
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True,
        redirect_stdout=sys.stdout.isatty(),  # what leads into a file goes there
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
