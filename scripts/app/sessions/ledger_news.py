"""When a running session looks at its account's ledger again, and what it learns from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from adapters.mt5.api.errors import TerminalError
from adapters.state.errors import StateFailed
from adapters.state.reading import ReadFailed
from engine import events as ev
from engine.journal import JournalFailed
from engine.types import Cents
from risk.ledger.verdict import LedgerSeverity
from scripts.app.sessions.connection import Connection
from scripts.app.sessions.ledger import LedgerRead, LedgerSource, later_since, read_once

EVERY_SECONDS = 900.0
_SOON_SECONDS = 5.0
"""So long after a reading that failed, or that found a history still loading."""


class LedgerObserver:
    """Reads the ledger after each reconnect, at each reset, when the balance moved by something
    that is no deal of ours, and every quarter of an hour; says what has changed.
    """

    def __init__(
        self,
        connection: Connection,
        source: LedgerSource,
        first: LedgerRead,
        *,
        follows: bool,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._connection, self._source, self._follows = connection, source, follows
        self._told = first.update(follows=follows)
        self._seen = first.seen
        self._balances: set[Cents] = {self._told.balance}
        self._due = self._seconds() + EVERY_SECONDS
        self._was_down = False
        self._last = self._told.balance

    def routes(self) -> ev.Routes:
        """What tells it of the session's own deals, and of a link that is back."""
        return {
            ev.PositionOpened: lambda e: self._balances.add(e.account.balance),
            ev.PositionClosed: lambda e: self._balances.add(e.account.balance),
            ev.LinkChanged: self._on_link,
        }

    def _on_link(self, link: ev.LinkChanged) -> None:
        if link.up and self._was_down:
            self._due = 0.0
        self._was_down = not link.up

    async def news(self, balance: Cents, *, turns: bool) -> ev.LedgerUpdated | None:
        """The standing where it changed; always where the day `turns`, whose figures it sets right.

        `balance` is what the terminal shows. Raises JournalFailed when the store fails.
        """
        # What the last look showed has been booked by now, where it was a deal of ours.
        last, self._last = self._last, balance
        if not turns and last in self._balances and self._seconds() < self._due:
            return None
        try:
            reading = await read_once(self._connection, self._source, later_since(self._seen))
        except (ReadFailed, TerminalError):
            self._due = self._seconds() + _SOON_SECONDS
            return None
        except StateFailed as error:
            raise JournalFailed(str(error)) from error
        return self._news(reading, turns=turns)

    def _news(self, reading: LedgerRead, *, turns: bool) -> ev.LedgerUpdated | None:
        update = reading.update(follows=self._follows, first=False)
        late = reading.report.severity is LedgerSeverity.WAIT
        self._due = self._seconds() + (_SOON_SECONDS if late else EVERY_SECONDS)
        self._balances = {update.balance}
        if not late:
            self._seen = reading.seen
        before, self._told = self._told, update
        return update if turns or _differs(before, update) else None


def _differs(before: ev.LedgerUpdated, now: ev.LedgerUpdated) -> bool:
    """Whether anything but the balance that it was computed at changed."""
    names = ("figures", "codes", "baseline", "symbols", "suspended")
    return any(getattr(before, name) != getattr(now, name) for name in names)
