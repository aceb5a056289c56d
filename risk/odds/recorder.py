"""Firm days from what happens to an account, one figure after the other.

It receives resets, openings and every figure of the account in the order in which they are
dispatched; a replay tests the worst of the bars that it skips, so the lows are exact.
"""

from __future__ import annotations

from engine.types import Cents
from risk.odds.days import FirmDay, Segment


class DayRecorder:
    """Makes one `FirmDay` between two resets. Limits and ends do not concern it."""

    def __init__(self, date: str, balance: Cents) -> None:
        """The first day, `date` in the rules' zone, begins flat with `balance`."""
        self.days: list[FirmDay] = []
        self._flat_balance = balance
        self._begin(date, balance, balance, flat=True)

    def _begin(self, date: str, balance: Cents, equity: Cents, *, flat: bool) -> None:
        self._date = date
        self._start = balance
        self._flat_start = flat
        self._opened = False
        self._segments: list[Segment] = []
        # The equity at the reset is tested against the new day's limits: its segment's first low.
        self._lows: tuple[Cents, Cents] | None = None if flat else (equity, balance)
        self._last = (balance, equity)
        self._open = not flat

    def opened(self) -> None:
        """A position was opened."""
        self._opened = True
        self._open = True

    def seen(self, balance: Cents, equity: Cents, *, flat: bool) -> None:
        """The account's figures; `flat` says whether nothing is open."""
        self._last = (balance, equity)
        # A charge that comes after the close changes a flat balance: a segment of its own.
        if self._open or not flat or balance != self._flat_balance:
            lows = self._lows
            if lows is None:
                self._lows = equity, balance
            elif equity < lows[0] or balance < lows[1]:
                self._lows = min(lows[0], equity), min(lows[1], balance)
            self._open = True
            if flat:
                self._close(balance)

    def _close(self, balance: Cents | None) -> None:
        if self._lows is not None:
            low, low_balance = self._lows
            self._segments.append(Segment(low, balance, self._opened, low_balance))
        self._lows, self._open = None, False
        if balance is not None:
            self._flat_balance = balance

    def reset(self, date: str, balance: Cents, equity: Cents, *, flat: bool) -> None:
        """The day `date` begins with these figures."""
        self._end(flat=flat, balance=balance, equity=equity)
        self._begin(date, balance, equity, flat=flat)
        if flat:
            self._flat_balance = balance

    def _end(self, *, flat: bool, balance: Cents, equity: Cents) -> None:
        if flat:
            self.seen(balance, equity, flat=True)
        else:
            if self._lows is None:  # opened since the last figures: the reset tells the first ones
                self._lows = (equity, balance)
            self._close(None)
        self.days.append(
            FirmDay(
                date=self._date,
                start=self._start,
                flat=self._flat_start,
                segments=tuple(self._segments),
                balance=balance,
                equity=equity,
                opened=self._opened,
            )
        )

    def finish(self, *, flat: bool) -> list[FirmDay]:
        """All days, when the record ends now; the running one counts if anything happened on it."""
        if self._segments or self._open:
            balance, equity = self._last
            self._end(flat=flat, balance=balance, equity=equity)
        return self.days
