"""A second run on the page: its equity on the first one's axis, and how the two compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.reports.page.sections import Table
from engine.result.curve import EquityCurve
from engine.types import Cents

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OtherRun:
    """Run B: its name, one sentence on both, its equity, and tables of what differs.

    `tone` is `pass` where the runs are equal, else `fail`. `curve` None: nothing in common.
    """

    name: str
    head: str
    text: str
    tone: str
    curve: EquityCurve | None
    start: Cents
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()


def laid_on(curve: EquityCurve, other: OtherRun | None) -> Ints | None:
    """B's equity at the close of each point of `curve`; 0 where B has none yet."""
    known = None if other is None else other.curve
    if other is None or known is None or not len(known) or not len(curve):
        return None
    ends = curve.time + curve.period
    rows = np.searchsorted(known.time + known.period, ends, side="right") - 1
    found: Ints = np.where(rows < 0, other.start, known.equity[np.maximum(rows, 0)])
    begun = ends > int(known.time[0])
    over = curve.time > int(known.time[-1]) + known.period
    return np.where(begun & ~over, found, 0)
