"""Sharpe ratios of day results, and what is left of the best of many trials.

D. H. Bailey, M. Lopez de Prado, The Deflated Sharpe Ratio, Journal of Portfolio Management 40
(2014). Ratios are per day, not annualised; the kurtosis is that of the distribution (3 for a normal
one), not the excess.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec
import numpy as np

from risk.odds.table import Floats

_EULER = 0.5772156649015329
_NORMAL = NormalDist()


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """Of one trial's day results, all of the population."""

    sharpe: float
    days: int
    skew: float
    kurtosis: float


class Deflated(msgspec.Struct, frozen=True, kw_only=True):
    """`expected` is the ratio that the best of so many trials without any skill would reach.

    `probability` is that of the observed one to be truly above it.
    """

    expected: float
    probability: float


def sharpe(results: Floats) -> Floats:
    """Mean over standard deviation of each column; 0 for one without variation."""
    mean, spread = results.mean(axis=0), results.std(axis=0)
    flat = spread <= 1e-12 * np.abs(results).max(axis=0, initial=1e-300)
    ratio: Floats = np.where(flat, 0.0, mean / np.where(flat, 1.0, spread))
    return ratio


def moments(results: Floats) -> Moments:
    """The moments of one trial's day results; skew 0 and kurtosis 3 without variation."""
    ratio = float(sharpe(results[:, None])[0])
    centred = results - results.mean()
    variance = float((centred**2).mean())
    if ratio == 0.0 and variance <= 1e-24 * float((results**2).max(initial=1e-300)):
        return Moments(sharpe=0.0, days=len(results), skew=0.0, kurtosis=3.0)
    return Moments(
        sharpe=ratio,
        days=len(results),
        skew=float((centred**3).mean()) / variance**1.5,
        kurtosis=float((centred**4).mean()) / variance**2,
    )


def deflated_sharpe(one: Moments, trials: int, variance_of_trials: float) -> Deflated:
    """The ratio of the best trial, deflated by their number and the variance of their ratios.

    `trials` are all that were ever made for this purpose on these days, not those of one grid.
    Raises ValueError for fewer than one trial or two days, or a negative variance.
    """
    if trials < 1 or one.days < 2 or not variance_of_trials >= 0:
        raise ValueError(
            f"trials is {trials}, days {one.days}, variance {variance_of_trials}: needs at least "
            "1 trial, 2 days and no negative variance"
        )
    expected = math.sqrt(variance_of_trials) * _best_of(trials)
    ratio = one.sharpe
    square = 1 - one.skew * ratio + (one.kurtosis - 1) / 4 * ratio**2
    if square <= 0:
        raise ValueError(f"skew {one.skew} and kurtosis {one.kurtosis} belong to no distribution")
    score = (ratio - expected) * math.sqrt(one.days - 1) / math.sqrt(square)
    return Deflated(expected=expected, probability=_NORMAL.cdf(score))


def deflated_best(results: Floats, trials: int) -> Deflated:
    """The trial with the best ratio among the columns, deflated.

    `trials` are all that were ever made, at least those that are given here.
    """
    ratios = sharpe(results)
    best = results[:, int(np.argmax(ratios))]
    return deflated_sharpe(moments(best), max(trials, len(ratios)), float(ratios.var()))


def _best_of(trials: int) -> float:
    """The expected largest of so many standard normal figures (0 for a single one)."""
    if trials == 1:
        return 0.0
    high = _NORMAL.inv_cdf(1 - 1 / trials)
    higher = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return (1 - _EULER) * high + _EULER * higher
