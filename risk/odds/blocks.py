"""How long the blocks of the bootstrap are.

D. N. Politis, H. White, Automatic Block-Length Selection for the Dependent Bootstrap, Econometric
Reviews 23 (2004), with the correction of A. Patton, D. N. Politis, H. White, ibid. 28 (2009).
"""

from __future__ import annotations

import math

import numpy as np

from risk.odds.table import DayTable, Floats

SHORTEST = 20.0
"""Days. Autocorrelation of day results is blind to slow regimes, which make blocks of a month."""

PART_OF_RECORD = 6
"""At least so many blocks must fit into the record."""


def optimal_blocks(series: Floats) -> tuple[float, float]:
    """Mean block length in days for the stationary bootstrap, and the length for the circular one.

    A series without variation has blocks of one day. Raises ValueError for fewer than 10 days.
    """
    days = len(series)
    if days < 10:
        raise ValueError(f"{days} days are too few to tell a block length from, at least 10")
    centred = series - series.mean()
    # Its rounding leaves a constant series a trace of variation.
    if np.ptp(series) <= 1e-12 * np.abs(series).max(initial=1e-300):
        return 1.0, 1.0
    lags = math.ceil(math.sqrt(days)) + max(5, int(math.log10(days)))
    covariance = np.array([centred[k:] @ centred[: days - k] for k in range(lags + 1)]) / days
    window = 2 * max(1, _last_significant(centred, covariance, lags))
    window = min(window, lags)
    steps = np.arange(1, window + 1)
    weights = np.minimum(1.0, 2 * (1 - steps / window))  # the flat-top window
    slope = float((2 * weights * steps * covariance[1 : window + 1]).sum())
    spectrum = float(covariance[0] + (2 * weights * covariance[1 : window + 1]).sum())
    longest = math.ceil(min(3 * math.sqrt(days), days / 3))
    lengths = [_length(slope, spectrum, factor, days) for factor in (2.0, 4.0 / 3.0)]
    stationary, circular = (min(length, float(longest)) for length in lengths)
    return stationary, circular


def _length(slope: float, spectrum: float, factor: float, days: int) -> float:
    variance = factor * spectrum**2
    if variance == 0.0:
        return math.inf
    return float((2 * slope**2 / variance) ** (1 / 3) * days ** (1 / 3))


def _last_significant(centred: Floats, covariance: Floats, lags: int) -> int:
    """The lag after which enough autocorrelations in a row are insignificant; half of all if none.

    A lag's correlation is taken over the two parts of the series that it relates.
    """
    days = len(centred)
    row = max(5, int(math.log10(days)))
    bound = 2 * math.sqrt(math.log10(days) / days)
    squares = centred**2
    small = []
    for lag in range(lags + 1):
        norm = math.sqrt(squares[lag + 1 :].sum() * squares[: days - lag - 1].sum())
        small.append(abs(covariance[lag]) * days < bound * norm)
    for first in range(lags + 1 - row):
        if all(small[first : first + row]):
            return first
    return lags  # cut to all lags by the caller


def mean_block(table: DayTable) -> float:
    """The mean block of a record: of day results, of their squares, or a month, the longest.

    At most a sixth of the record, and at least one day.
    """
    days = len(table)
    lengths = [SHORTEST]
    if days >= 10:
        results = table.results
        lengths += [optimal_blocks(results)[0], optimal_blocks(results**2)[0]]
    return max(1.0, min(max(lengths), days / PART_OF_RECORD))
