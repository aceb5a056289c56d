"""Columns of integers, packed so that a year of M1 bars fits in about a megabyte, exactly.

Each column becomes the smallest integer type that holds it, its bytes in planes (all low bytes
first), which compresses well. All columns and one JSON document make one zlib stream in base64.
The page unpacks it in `data.js`.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.result import PriceHistory

Ints = npt.NDArray[np.int64]

_TYPES: Final = (np.int8, np.int16, np.int32)
_LEVEL: Final = 6


def packed(document: Mapping[str, Any], columns: Mapping[str, Ints]) -> str:
    """The document and the columns as text that no HTML parser takes for markup."""
    header: list[dict[str, Any]] = []
    planes: list[bytes] = []
    for name, column in columns.items():
        small = _small(column)
        header.append({"name": name, "bytes": small.itemsize, "rows": len(small)})
        planes.append(small.view(np.uint8).reshape(len(small), small.itemsize).T.tobytes())
    meta = json.dumps({"columns": header, "document": document}, allow_nan=False).encode()
    length = len(meta).to_bytes(4, "little")
    return base64.b64encode(zlib.compress(length + meta + b"".join(planes), _LEVEL)).decode()


def _small(column: Ints) -> npt.NDArray[np.signedinteger[Any]]:
    """The column in the smallest type that holds all of it; six bytes hold any money or time."""
    low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
    for kind in _TYPES:
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return np.ascontiguousarray(column, dtype=kind).astype(np.dtype(kind).newbyteorder("<"))
    return np.ascontiguousarray(column).astype("<i8")


def differences(column: Ints) -> Ints:
    """Each value less the one before it, the first as it is."""
    return np.diff(column, prepend=np.int64(0))


def price_columns(name: str, prices: PriceHistory) -> dict[str, Ints]:
    """Bars as small numbers: steps of time in seconds, moves and wicks in points."""
    opens, closes = prices.open, prices.close
    before = np.concatenate([np.zeros(1, dtype=np.int64), closes[:-1]])[: len(prices)]
    return {
        f"{name}.time": differences(prices.time // 1000),
        f"{name}.gap": opens - before,
        f"{name}.body": closes - opens,
        f"{name}.up": prices.high - np.maximum(opens, closes),
        f"{name}.down": np.minimum(opens, closes) - prices.low,
    }
