"""The bounds that a bar's values keep in every format, and the words for one that does not.

Only what no reader could hand on sensibly is refused here: prices that are no numbers, times
outside any market's history, negative counts. Whether the bars make sense is the checker's work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.bars.column_names import PRICES
from adapters.bars.columns import RateColumns
from adapters.bars.errors import BarFileError, shown

EARLIEST = 0
LATEST = 4_102_444_800
"""Times are from 1970-01-01 up to, not including, 2100-01-01."""


def range_fault(columns: RateColumns) -> tuple[int, str, Any] | None:
    """The first value out of bounds: its position, its column and itself; None if all is well."""
    masks = {"time": (columns.time < EARLIEST) | (columns.time >= LATEST)}
    masks |= {name: ~np.isfinite(getattr(columns, name)) for name in PRICES}
    masks |= {"tick_volume": columns.tick_volume < 0, "spread": columns.spread < 0}
    found = [(int(mask.argmax()), name) for name, mask in masks.items() if mask.any()]
    if not found:
        return None
    index, name = min(found, key=lambda fault: fault[0])
    return index, name, getattr(columns, name)[index].item()


def bad_value(name: str, value: Any) -> str:
    """What is wrong with `value` in the column `name`, and the remedy."""
    if name == "time":
        if value >= LATEST:
            return (
                f"{value} is not in epoch seconds before 2100: "
                "divide milliseconds by 1,000 (nanoseconds by 1,000,000,000)"
            )
        return f"{value} is a time before 1970: correct it or export the file again"
    if name in PRICES:
        return f"{value} is not a price: correct the bar or export the file again"
    return f"{value} is negative: correct the bar or export the file again"


_FLOAT32_DIGITS = (6, 7, 8, 9)
"""Significant digits of a decimal that a 32-bit float stands for: six always fit, nine suffice."""


def as_written(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Prices that went through 32-bit floats as the shortest decimals that these stand for.

    A column with any other value is returned as it is: its prices are decimals already.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = prices.astype(np.float32)
    if not np.array_equal(narrow.astype(np.float64), prices):
        return prices
    open_ones = np.isfinite(prices) & (prices > 0)
    told = np.where(open_ones, prices, 1.0)
    exponents = np.floor(np.log10(told))
    result = prices.copy()
    for digits in _FLOAT32_DIGITS:
        # Both are whole powers of ten, so that the quotient is the decimal's own float.
        up, down = (10.0 ** np.maximum(sign * (digits - 1 - exponents), 0) for sign in (1, -1))
        shorter = np.rint(told * up / down) * down / up
        with np.errstate(over="ignore"):
            fits = open_ones & (shorter.astype(np.float32) == narrow)
        result[fits] = shorter[fits]
        open_ones &= ~fits
    return result


def counted(volumes: NDArray[Any]) -> tuple[NDArray[np.int64], bool]:
    """Volumes as whole numbers, what is above 0 as at least 1, and whether any had parts.

    Some exports have lots or millions; a bar in which anything was traded is none without volume.
    """
    whole = np.where((volumes > 0) & (volumes < 1), 1, np.rint(volumes))
    return whole.astype(np.int64), bool((whole != volumes).any())


class Symbol:
    """The symbol that a column of the file names; it is the same in every row."""

    def __init__(self, path: Path, unit: str = "line") -> None:
        self._path = path
        self._unit = unit
        self._name: str | None = None

    def check(self, column: Any, first: int) -> None:
        """Raises BarFileError where an Arrow column, whose first row is `first`, names another."""
        for place, value in enumerate(column.unique().to_pylist()):
            name = str(value)
            if self._name is None and place == 0:
                self._name = name
            elif name != self._name:
                row = next(n for n, item in enumerate(column.to_pylist()) if str(item) == name)
                raise BarFileError(
                    self._path,
                    f"is a bar of {shown(name)} in a file of {shown(str(self._name))}: give one "
                    "symbol per file",
                    first + row,
                    self._unit,
                )
