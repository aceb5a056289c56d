"""Where a hosted paper terminal's bars come from: a file of records, or a market made up."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.charts import Rates
from engine.types import SymbolSpec

SPAN_MINUTES: Final = 30 * 24 * 60
"""A made-up market has M1 bars for so long before its start, and for as long after it."""

_WAVE_MINUTES: Final = 60
_PRICES: Final = ("open", "high", "low", "close")


def load_bars(path: Path) -> Rates:
    """The rates records of a ``.npy`` file, of one symbol, in order of time.

    Raises ValueError with the file and what is wrong with it.
    """
    try:
        rates: Rates = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: {error}; save an array of rates with numpy.save") from error
    if rates.dtype != mt5.rates_dtype() or rates.ndim != 1 or not len(rates):
        raise ValueError(f"{path}: holds no rates records, the kind that copy_rates_range gives")
    if (np.diff(rates["time"]) <= 0).any():
        raise ValueError(f"{path}: its times do not rise; sort it and drop duplicates")
    if not all(np.isfinite(rates[name]).all() and (rates[name] > 0).all() for name in _PRICES):
        raise ValueError(f"{path}: holds prices that are not above 0")
    rates.setflags(write=False)
    return rates


def made_up_bars(spec: SymbolSpec, price: float, swing: int, start: int) -> Rates:
    """M1 bars around `start` (server seconds) whose price is a wave of `swing` points each way.

    The wave is at its top at `start`, goes down for half an hour and comes back; the recorded
    spread is the symbol's floor.
    """
    minutes = np.arange(-SPAN_MINUTES, SPAN_MINUTES + 1)
    half = _WAVE_MINUTES // 2
    wave = np.abs(minutes % _WAVE_MINUTES - half) * 2 / half - 1
    bids = np.round((spec.points(price) + np.round(swing * wave)) / 10.0**spec.digits, spec.digits)
    rates = np.zeros(len(minutes) - 1, dtype=mt5.rates_dtype())
    rates["time"] = start // 60 * 60 + minutes[:-1] * 60
    rates["open"], rates["close"] = bids[:-1], bids[1:]
    rates["high"] = np.maximum(rates["open"], rates["close"])
    rates["low"] = np.minimum(rates["open"], rates["close"])
    rates["tick_volume"] = 4
    rates["spread"] = spec.spread_floor
    rates.setflags(write=False)
    return rates
