"""The probability that the best of several trials in sample is no better than the middle one out
of it.

D. H. Bailey, J. Borwein, M. Lopez de Prado, Q. J. Zhu, The Probability of Backtest Overfitting
(SSRN 2326253): combinatorially symmetric cross-validation. Every half of the blocks of days is once
the sample, its complement what comes out of it.
"""

from __future__ import annotations

from itertools import combinations, islice

import msgspec
import numpy as np

from risk.odds.table import Floats, Ints

BLOCKS = 16
LEAST_TRIALS = 10
LEAST_DAYS = 250
"""From here on the figure is shown: below it varies too much to say anything."""

_CHUNK = 512
_EQUAL = 1e-12  # Sharpe ratios so close are the same: sums of equal columns may round apart


class Overfitting(msgspec.Struct, frozen=True, kw_only=True):
    """`pbo` is the share of splits whose best trial ends in the lower half out of sample.

    `median_rank` is the median relative rank of the chosen trials there (0 worst, 1 best), `loss`
    the share of splits in which it loses, `splits` their number.
    """

    pbo: float
    median_rank: float
    loss: float
    splits: int


def overfitting(results: Floats, blocks: int = BLOCKS) -> Overfitting:
    """CSCV over a row of results a day and a column a trial.

    Days that are left over when all blocks have the same length are dropped at the end. Raises
    ValueError for an odd number of blocks, fewer than two trials, or fewer than two days a block.
    """
    _check(results, blocks)
    length = len(results) // blocks
    used = results[: length * blocks]
    mean = used.mean(axis=0)
    parts = (used - mean).reshape(blocks, length, -1)
    sums, squares = parts.sum(axis=1), (parts**2).sum(axis=1)
    ranks, figures = [], []
    halves = combinations(range(blocks), blocks // 2)
    while chosen := list(islice(halves, _CHUNK)):
        inside = np.zeros((len(chosen), blocks))
        np.put_along_axis(inside, np.array(chosen), 1.0, axis=1)
        days = length * blocks // 2
        sample = _sharpe(inside @ sums, inside @ squares, mean, days)
        outside = _sharpe((1 - inside) @ sums, (1 - inside) @ squares, mean, days)
        best = np.argmax(sample >= sample.max(axis=1, keepdims=True) - _EQUAL, axis=1)
        ranks.append(_relative_rank(outside, best))
        figures.append(outside[np.arange(len(best)), best])
    w, out = np.concatenate(ranks), np.concatenate(figures)
    return Overfitting(
        pbo=float((w <= 0.5).mean()),
        median_rank=float(np.median(w)),
        loss=float((out < 0).mean()),
        splits=len(w),
    )


def _check(results: Floats, blocks: int) -> None:
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks is {blocks}, must be an even number")
    if results.ndim != 2 or results.shape[1] < 2:
        raise ValueError("at least 2 trials are needed, a column each")
    if len(results) < 2 * blocks:
        raise ValueError(f"{len(results)} days are too few for {blocks} blocks of 2 days and more")


def _sharpe(sums: Floats, squares: Floats, mean: Floats, days: int) -> Floats:
    """Mean over standard deviation (of the population) from sums of centred results."""
    centred = sums / days
    variance = squares / days - centred**2
    flat = variance <= 1e-14 * np.maximum(squares / days, 1e-300)
    spread = np.sqrt(np.where(flat, 1.0, variance))
    ratio: Floats = np.where(flat, 0.0, (centred + mean) / spread)
    return ratio


def _relative_rank(figures: Floats, chosen: Ints) -> Floats:
    """Rank of the chosen trial / (trials + 1); equal ones share the middle rank."""
    own = figures[np.arange(len(chosen)), chosen][:, None]
    below = (figures < own - _EQUAL).sum(axis=1)
    equal = (np.abs(figures - own) <= _EQUAL).sum(axis=1)
    rank: Floats = (below + (equal + 1) / 2) / (figures.shape[1] + 1)
    return rank
