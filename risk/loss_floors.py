"""Day start, own floors under equity, and how deep equity came. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor

from engine.events import Account
from engine.types import Cents, Limits
from risk import limits as rules


class DrawdownTracker:
    """Largest drawdown from the peak and largest loss of a day, as fractions of peak and day start.

    `LossFloors.test` moves them.
    """

    def __init__(self, starting_equity: Cents) -> None:
        self.peak = starting_equity
        self.drawdown = 0.0
        self.daily_loss = 0.0


class LossFloors:
    """What the own loss limits are counted from, and the floors that follow; money in cents.

    `day_start` is the balance at the beginning of the trading day, floating profit excluded;
    `starting_balance` is what the largest loss counts from.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.day_start: Cents = 0
        self.starting_balance: Cents = 0
        self.drawdowns = DrawdownTracker(1)
        self._day: Cents = 0
        self._overall: Cents | None = None
        self.highest: Cents = 0
        """The floor that equity meets first."""

    @property
    def floors(self) -> dict[str, Cents]:
        """The floors by name."""
        floors = {"today": self._day}
        if self._overall is not None:
            floors["overall"] = self._overall
        return floors

    def start(self, account: Account) -> None:
        """A session starts: nothing was seen of the account before."""
        self.drawdowns = DrawdownTracker(account.equity)
        self.begin_at(account)

    def begin_at(self, account: Account) -> None:
        """An account starts with these figures; its floating profit is no part of the day start."""
        self.drawdowns.peak = account.equity
        self.count_from(account.balance)
        self.day_starts_at(account.balance)

    def count_from(self, balance: Cents) -> None:
        """The largest loss counts from `balance`."""
        self.starting_balance = balance
        overall = rules.max_loss_floor(self._limits, balance)
        self._overall = None if overall is None else floor(overall + rules.TOLERANCE)
        self._choose()

    def day_starts_at(self, balance: Cents) -> None:
        """A trading day starts, or is known to have started, with `balance`."""
        self.day_start = balance
        self._day = floor(rules.day_floor(self._limits, balance) + rules.TOLERANCE)
        self._choose()

    def _choose(self) -> None:
        overall = self._overall
        self.highest = self._day if overall is None else max(self._day, overall)

    def test(self, equity: Cents) -> bool:
        """One equity test; whether a floor is reached."""
        extremes, peak, day_start = self.drawdowns, self.drawdowns.peak, self.day_start
        if equity > peak:
            extremes.peak = equity
        else:
            drawdown = (peak - equity) / peak
            if drawdown > extremes.drawdown:
                extremes.drawdown = drawdown
        if equity < day_start:
            loss = (day_start - equity) / day_start
            if loss > extremes.daily_loss:
                extremes.daily_loss = loss
        return equity <= self.highest

    def hit(self, equity: Cents) -> Iterator[tuple[str, Cents]]:
        """The limits whose floors `equity` has reached, and those floors."""
        for limit, least in (("daily_loss", self._day), ("max_loss", self._overall)):
            if least is not None and equity <= least:
                yield limit, least
