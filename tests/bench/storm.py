"""A strategy that trades on every M15 bar: what a round trip costs, and that it stays the same.

A round trip is twelve records: two orders from signal to fill, the position opened and closed, each
with everything on (journal, event log, summary).
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from pathlib import Path

from engine.events import BarClosed
from engine.types import Side, SymbolSpec, units
from scripts.replay import Request, resolve_terms
from scripts.wiring import Terms
from signals.strategy import Decision, Enter, Leave, View
from tests import synthetic
from tests.bench.machine import machine
from tests.bench.speed import Found, kept, session

TRIPS = (10_000, 100_000)
RUNS = 3

_BARS_A_WEEK = 5 * 96
_FAR = 20_000  # points: a stop that is never hit


class Storm:
    """Opens on one bar, long and short in turn, and closes on the next."""

    timeframes: tuple[str, ...] = ("M15",)

    def __init__(self, _spec: SymbolSpec) -> None:
        self._side = Side.LONG

    def on_bar(self, _bar: BarClosed, view: View) -> Decision | None:
        if view.position is not None:
            return Leave("STORM")
        self._side = self._side.opposite
        stop = view.tick.bid - self._side * _FAR
        return Enter(
            side=self._side, stop_loss=stop, take_profit=0, reason="storm", volume=units(0.1)
        )


def storm_terms(trips: int, folder: Path) -> Terms:
    """At least `trips` round trips of 0.10 lot over synthetic M15 bars, with no limit in reach."""
    weeks = 2 * trips // _BARS_A_WEEK + 3
    first = synthetic.SPRING - 7 * weeks * synthetic.DAY
    bars = synthetic.feed(1, days=7 * weeks, first=first)["EURUSD"]
    path = synthetic.write_parquet(bars, folder / f"storm_{trips}.parquet")
    limits = {"per_trade_risk_fraction": 0.9, "daily_loss_fraction": 0.99}
    request = Request(bars=[f"EURUSD={path}"], clock="utc", limits=limits, starting_equity=1e8)
    terms = dataclasses.replace(
        resolve_terms(request)[0], preset="storm", parameters={}, factory=Storm, timeframes=("M15",)
    )
    return kept(terms)


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        for trips in TRIPS:
            terms = storm_terms(trips, Path(made))
            runs = [_timed(terms) for _ in range(RUNS)]
            rate = statistics.median(found.trades / seconds for found, seconds in runs)
            print(f"  {runs[0][0].trades:>9,} round trips  {rate:9,.0f} a second")


def _timed(terms: Terms) -> tuple[Found, float]:
    start = time.perf_counter()
    found = session(terms)
    return found, time.perf_counter() - start
