"""What was counted on each trading day. Pure."""

from __future__ import annotations

from engine.result.parts import DayRecord
from engine.types import Cents


class DayCounts:
    """Counts of the running day, and the days behind on which something happened."""

    def __init__(self) -> None:
        self.opened = 0
        self.trades = 0
        self.denials = 0
        self.behind: list[DayRecord] = []
        self._date = ""
        self._day_start: Cents = 0
        self._balance: Cents = 0

    def begin(self, date: str, balance: Cents) -> None:
        """The session begins on `date`."""
        self._date = date
        self._day_start = self._balance = balance

    def deposit(self, amount: Cents) -> None:
        """A deposit is no result of the day's trading."""
        self._balance += amount

    def roll(self, date: str, balance: Cents, day_start: Cents, worst: Cents | None) -> None:
        """The day `date` begins; `day_start` is what its limit hangs on."""
        self.end(balance, worst)
        self._date, self._day_start, self._balance = date, day_start, balance

    def end(self, balance: Cents, worst: Cents | None) -> None:
        """The running day is over."""
        realised = balance - self._balance
        if realised or self.opened or self.trades or self.denials:
            self.behind.append(
                DayRecord(
                    date=self._date,
                    day_start=self._day_start,
                    realised=realised,
                    worst=worst,
                    opened=self.opened,
                    trades=self.trades,
                    denials=self.denials,
                )
            )
        self.opened = self.trades = self.denials = 0
