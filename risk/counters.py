"""What must be counted between two decisions: orders of the hour and the day, losses."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping

import msgspec

from engine.types import Millis

HOUR: Millis = 3_600_000

_ANY_SYMBOL = ""
"""Under this name stand entries of the day of whose symbol the ledger says nothing."""


class TradeCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted up to `now`; `last_loss` is when a position was last closed with a loss.

    `day` are the entries approved in this trading day, by symbol.
    """

    now: Millis = 0
    orders_hour: int = 0
    day: Mapping[str, int] = {}
    last_loss: Millis | None = None


class TradeCounters:
    """Counts entries as risk approves them, so that orders in flight are in the count."""

    def __init__(self) -> None:
        self._hour: deque[Millis] = deque()
        self.day: Counter[str] = Counter()
        self.last_loss: Millis | None = None

    def ordered(self, symbol: str, now: Millis) -> None:
        """An entry on `symbol` was approved."""
        self._forget(now)
        self._hour.append(now)
        self.day[symbol] += 1

    def closed_with_loss(self, now: Millis) -> None:
        """A position was closed with a loss, costs included."""
        self.last_loss = now

    def adopt(
        self,
        orders_day: int,
        symbols: Mapping[str, int],
        moments: Iterable[Millis],
        last_loss: Millis | None,
    ) -> None:
        """What the account's ledger has counted, earlier sessions included; `symbols` by symbol.

        What was counted here may be newer: of each the larger figure stands.
        """
        self.day |= Counter(symbols)
        more = orders_day - self.day.total()
        if more > 0:
            self.day[_ANY_SYMBOL] += more
        counted = Counter(self._hour) | Counter(moments)
        self._hour = deque(sorted(counted.elements()))
        if last_loss is not None:
            self.last_loss = max(last_loss, self.last_loss or last_loss)

    def turn(self) -> None:
        """A new trading day."""
        self.day.clear()

    def counts(self, now: Millis) -> TradeCounts:
        """The counts as they are now."""
        return TradeCounts(
            now=now,
            orders_hour=self.orders_hour(now),
            day=dict(self.day),
            last_loss=self.last_loss,
        )

    def orders_hour(self, now: Millis) -> int:
        """Entries approved within the last hour; one exactly an hour ago is over."""
        self._forget(now)
        return len(self._hour)

    def _forget(self, now: Millis) -> None:
        """What is an hour old counts no more; kept, it would grow with every entry."""
        while self._hour and self._hour[0] <= now - HOUR:
            self._hour.popleft()
