"""The market of a simulated session: bars and symbols by a seed, on dates that matter."""

from __future__ import annotations

import datetime as dt
from random import Random

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.charts import Rates
from engine.types import Conversion, SymbolSpec

PERIOD = 900

_DAYS = ("2025-01-07", "2025-03-09", "2025-03-28", "2025-10-24", "2025-10-31", "2025-06-13")
"""An ordinary day, the days before clocks change in New York and in Europe, and a Friday."""

SPECS = (
    SymbolSpec(
        name="EURUSD", digits=5, contract=100_000, volume_min=100, volume_step=100,
        volume_max=500_000, commission=250.0, spread_floor_rollover=24, spread_floor=2,
        stops_level=0, leverage=100, conversion=Conversion.NONE, base="EUR", quote="USD",
        swap_long=-6.1, swap_short=2.3, triple_swap_weekday=3,
    ),
    SymbolSpec(
        name="USDJPY", digits=3, contract=100_000, volume_min=100, volume_step=100,
        volume_max=500_000, commission=250.0, spread_floor_rollover=38, spread_floor=4,
        stops_level=0, leverage=100, conversion=Conversion.DIVIDE, base="USD", quote="JPY",
        swap_long=8.0, swap_short=-15.0, triple_swap_weekday=3,
    ),
)  # fmt: skip
_PRICES = {"EURUSD": 110_000, "USDJPY": 150_000}
_LONGEST_GAP = 12
_JUMPS = (0.05, 0.05, 0.3)
"""How often a bar opens away from where the last one closed, and may open beyond a stop."""


def start_of(rng: Random) -> int:
    """The server's clock at the beginning, in seconds: late in one of the days."""
    day = dt.datetime.fromisoformat(rng.choice(_DAYS)).replace(tzinfo=dt.UTC)
    return int(day.timestamp()) + rng.randrange(18 * 3600, 23 * 3600, PERIOD)


def bars_of(rng: Random, spec: SymbolSpec, start: int, count: int) -> Rates:
    """A walk of `count` M15 bars with holes in time and jumps in price."""
    jumps = rng.choice(_JUMPS)
    price, moment = _PRICES[spec.name], start
    rows: list[tuple[float, ...]] = []
    for _ in range(count):
        opened = price + (rng.randint(-150, 150) if rng.random() < jumps else 0)
        close = opened + rng.randint(-45, 45)
        high = max(opened, close) + rng.randint(0, 30)
        low = min(opened, close) - rng.randint(0, 30)
        shown = [spec.price(points) for points in (opened, high, low, close)]
        rows.append((moment, *shown, 100, rng.randint(0, 25), 0))
        price = close
        moment += PERIOD * (rng.randint(2, _LONGEST_GAP) if rng.random() < 0.03 else 1)
    rates = np.array(rows, dtype=mt5.rates_dtype())
    rates.setflags(write=False)
    return rates
