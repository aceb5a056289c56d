"""What a live session saw of its account and of prices, as far as its journal holds it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events as ev
from engine.result.curve import GRID, EquityCurve, Ints
from engine.result.prices import BarRow, PriceHistory
from engine.types import LONG, Cents, Millis, Points, Side

import numpy as np  # isort: skip

_PERIODS: dict[str, Millis] = {
    "M1": 60_000,
    "M5": 300_000,
    "M15": 900_000,
    "M30": 1_800_000,
    "H1": 3_600_000,
    "H4": 14_400_000,
    "D1": 86_400_000,
}


class Observations:
    """Looks at the account by slot of the grid, ticks against open positions, closed bars."""

    def __init__(self) -> None:
        self._slots: dict[Millis, list[Cents]] = {}
        self._open: dict[int, tuple[str, Side, Points]] = {}
        self._extremes: dict[int, list[Points]] = {}
        self._spreads: dict[str, Points] = {}
        self._paid: dict[int, Points | None] = {}
        self._counts: dict[Millis, int] = {}
        self._bars: dict[str, dict[str, list[BarRow]]] = {}
        self._now: Millis = 0

    def begin(self, event: ev.SessionStarted, time: Millis) -> None:
        self.figures(time, event.account.balance, event.account.equity)

    def figures(self, time: Millis, balance: Cents, equity: Cents) -> None:
        """The account's figures at `time`."""
        self._now = slot = time // GRID * GRID
        known = self._slots.get(slot)
        if known is None:
            self._slots[slot] = [balance, equity, equity, equity]
        else:
            known[0], known[1] = balance, equity
            if equity < known[2]:
                known[2] = equity
            elif equity > known[3]:
                known[3] = equity
        self._counts[slot] = len(self._open)

    def opened(self, event: ev.PositionOpened) -> None:
        self._open[event.position] = (event.symbol, event.side, event.price)
        self._paid[event.position] = self._spreads.get(event.symbol)

    def closed(self, event: ev.PositionClosed) -> None:
        _, side, entry = self._open[event.position]
        self._meet(event.position, (event.price - entry) * side)
        if not event.remaining:
            del self._open[event.position]

    def tick(self, event: ev.Tick) -> None:
        """A price that every open position of its symbol could be closed at."""
        self._spreads[event.symbol] = event.ask - event.bid
        for position, (symbol, side, entry) in self._open.items():
            if symbol == event.symbol:
                price = event.bid if side is LONG else event.ask
                self._meet(position, (price - entry) * side)

    def _meet(self, position: int, gain: Points) -> None:
        known = self._extremes.setdefault(position, [0, 0])
        if gain < -known[0]:
            known[0] = -gain
        elif gain > known[1]:
            known[1] = gain

    def excursions(self, position: int) -> tuple[Points | None, Points | None]:
        """The largest adverse and favourable excursions that ticks showed."""
        known = self._extremes.get(position)
        return (None, None) if known is None else (known[0], known[1])

    def spread(self, position: int) -> Points | None:
        """The spread of the last tick before the opening; None where none was seen."""
        return self._paid.get(position)

    def bar(self, event: ev.BarClosed) -> None:
        row = (event.time, event.open, event.high, event.low, event.close)
        self._bars.setdefault(event.symbol, {}).setdefault(event.timeframe, []).append(row)

    def prices(self) -> dict[str, PriceHistory]:
        """The bars of each symbol's shortest timeframe."""
        found = {}
        for symbol, frames in self._bars.items():
            known = [name for name in frames if name in _PERIODS]
            if known:
                name = min(known, key=_PERIODS.__getitem__)
                found[symbol] = PriceHistory.of_rows(symbol, _PERIODS[name], frames[name])
        return found

    def _times(self) -> list[Millis]:
        """Slots with a look at the account, and those of bars between the first and the last."""
        known = set(self._slots)
        first, last = min(known), max(known)
        for bars in self.prices().values():
            slots = bars.time // GRID * GRID
            known.update(slots[(slots > first) & (slots < last)].tolist())
        return sorted(known)

    def _carried(self, times: list[Millis]) -> Iterator[tuple[Cents, Cents, Cents, Cents, int]]:
        """The figures of each slot; without a look they are those before it."""
        balance = equity = count = 0
        for time in times:
            seen = self._slots.get(time)
            if seen is None:
                yield balance, equity, equity, equity, count
                continue
            balance, equity, worst, best = seen
            count = self._counts[time]
            yield balance, equity, worst, best, count

    def curve(self, floors: tuple[Ints, Ints, Ints, Ints]) -> EquityCurve:
        """The points; `floors` are columns of times and of the floors and target from then on."""
        times = self._times()
        table = np.array(list(self._carried(times)), dtype=np.int64).reshape(-1, 5)
        since, day, overall, target = floors
        stamps = np.array(times, dtype=np.int64)
        row = np.maximum(np.searchsorted(since, stamps + GRID, side="left") - 1, 0)
        balance, equity, worst, best, count = table.T.copy()
        return EquityCurve(
            stamps,
            balance,
            equity,
            worst,
            best,
            day[row],
            overall[row],
            target[row],
            count,
        )
