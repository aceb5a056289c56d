"""Which bars of a symbol have closed: what is asked for, and what of the answer is news."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

from adapters.mt5.execution.observation import BAR_SECONDS, BarRequest
from engine import events as ev

Rates = np.ndarray[Any, Any]


class Preparer(Protocol):
    """Turns complete bars into what they close (`signals.market_data.bars.BarPreparer`)."""

    def prepare(
        self,
        server: Rates,
        opens: Rates,
        highs: Rates,
        lows: Rates,
        closes: Rates,
        recorded_spreads: Rates,
        /,
    ) -> object: ...

    def closed_by(self, server: int) -> list[ev.BarClosed]: ...


class BarWatch:
    """Which bars of one symbol have closed, published once each and in order."""

    def __init__(
        self, symbol: str, name: str, preparer: Preparer, seconds: int = BAR_SECONDS
    ) -> None:
        """`seconds` is the length of the bars that are fetched; `preparer` aggregates them."""
        self._seconds = seconds
        self.symbol = symbol
        self.name = name
        self._preparer = preparer
        self._opened = 0

    @property
    def request(self) -> BarRequest:
        return BarRequest(self.name, self._opened, seconds=self._seconds)

    def closed(self, bars: Rates) -> Iterator[ev.BarClosed]:
        """What is known to be closed now: every bar but the last is complete.

        Bars that closed before the newest closed one are late.
        """
        times = bars["time"].tolist()
        for row in range(len(times) - 1):
            if times[row] < self._opened:
                continue
            one = bars[row : row + 1]
            self._preparer.prepare(
                one["time"], one["open"], one["high"], one["low"], one["close"],
                one["spread"].astype(np.int64),
            )  # fmt: skip
            late = row + 2 < len(times)
            for bar in self._preparer.closed_by(times[row + 1]):
                yield _late(bar) if late else bar
        if times:
            self._opened = max(self._opened, times[-1])


def _late(bar: ev.BarClosed) -> ev.BarClosed:
    return ev.BarClosed(
        bar.symbol, bar.timeframe, bar.time, bar.open, bar.high, bar.low, bar.close, late=True
    )


def past_of(bar: ev.BarClosed) -> ev.PastBar:
    return bar.timeframe, bar.time, bar.open, bar.high, bar.low, bar.close
