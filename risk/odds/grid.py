"""A trial among the others: its rank, its neighbours on the grid, and whether ranks last."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from risk.odds.table import Floats


class Plateau(msgspec.Struct, frozen=True, kw_only=True):
    """A trial's figure and the median of its neighbours on the grid (None: it has none)."""

    chosen: float
    neighbours: float | None
    count: int


def best_of(figures: Floats) -> int:
    """The trial with the largest figure; of several the smallest number. NaN is none."""
    usable = np.where(np.isnan(figures), -np.inf, figures)
    if not len(usable) or np.isneginf(usable).all():
        raise ValueError("no trial has a figure")
    return int(np.argmax(usable))


def rank_of(figures: Floats, trial: int) -> float:
    """The trial's rank, 1 for the largest figure; equal ones share the middle rank."""
    own = figures[trial]
    return float((figures > own).sum() + ((figures == own).sum() + 1) / 2)


def ranks(figures: Floats) -> Floats:
    """The rank of every trial, 1 for the largest figure."""
    _, inverse, counts = np.unique(-figures, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    found: Floats = (before + (counts + 1) / 2)[inverse]
    return found


def rank_correlation(one: Floats, other: Floats) -> float | None:
    """Spearman's, between two figures of the same trials; None when one does not vary."""
    a, b = (ranks(figures) - ranks(figures).mean() for figures in (one, other))
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm else None


def plateau(places: Sequence[Sequence[int]], figures: Floats, trial: int) -> Plateau:
    """How the trial stands out of its surroundings; `places` are steps along each axis.

    Neighbours are one step away on one axis. A peak that none of them shares is luck more often
    than not.
    """
    here = np.array(places[trial])
    steps = np.abs(np.array(places) - here).sum(axis=1)
    near = figures[(steps == 1) & ~np.isnan(figures)]
    return Plateau(
        chosen=float(figures[trial]),
        neighbours=float(np.median(near)) if len(near) else None,
        count=len(near),
    )
