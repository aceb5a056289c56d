"""Opening a bar file of any known format and reading it in bounded memory.

The format is detected from the content, never from the file's name. What the readers hand on is
checked value by value; whether the bars make sense together is the work of
`signals.market_data.validate`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from adapters.bars.column_names import ColumnChoice
from adapters.bars.columns import RateColumns, concat
from adapters.bars.errors import BarFileError
from adapters.bars.layouts import Layout, recognise
from adapters.bars.lines import blocks, encoding_of
from adapters.bars.loose_columns import settled
from adapters.bars.packed import unpacked
from adapters.bars.parquet import MAGIC, parquet_clock, read_parquet
from adapters.bars.text import read_text
from engine.types import ClockName

__all__ = ["BarFile", "BarFileError", "ColumnChoice", "RateColumns", "concat", "open_bars"]

CHUNK_ROWS = 16_384

_FOREIGN = {
    b"\x90\x01\0\0": "an MT4 history file (.hst): save it as CSV in MT4's History Center",
    b"\x91\x01\0\0": "an MT4 history file (.hst): save it as CSV in MT4's History Center",
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save the sheet as CSV",
    b"]\0\0": "a file of Dukascopy's ticks (.bi5): download bars or ticks as CSV",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"Rar!": "a rar archive: unpack it",
    b"BZh": "a bzip2 archive: unpack it",
    b"\xfd7zXZ": "an xz archive: unpack it",
    b"\x28\xb5\x2f\xfd": "a zstd archive: unpack it",
    b"\x95\x01\0\0": "an MT4 tester's file (.fxt): export bars as CSV",
    b"\xf5\x01\0\0": "an MT5 history file (.hcc): export bars as CSV in MT5's symbol window",
    b"\x89HDF": "an HDF5 file: save the table as CSV or Parquet",
    b"ARROW1": "a Feather file: save the table as CSV or Parquet",
    b"\x93NUMPY": "a NumPy file: save the table as CSV or Parquet",
    b"SQLite format 3": "a SQLite database: save the table as CSV or Parquet",
    b"[": "JSON: save the table as CSV or Parquet",
    b"{": "JSON: save the table as CSV or Parquet",
}


@dataclass(frozen=True)
class BarFile:
    """A recognised bar file; nothing stays open between calls.

    `format` is the format's name for people. `fixed_clock` is the clock that the format itself
    states (HistData: EST; Dukascopy, `time_utc` and times marked as UTC: UTC), None when the
    times are by whatever clock the feed's server had. `first_line` is the line of the first bar
    in a text file; None for Parquet, whose rows are counted from 1. `ignored` are the columns that
    are none of a bar's.
    """

    path: Path
    format: str
    fixed_clock: ClockName | None
    first_line: int | None
    layout: Layout | None = None
    encoding: str = ""
    wall: bool = False
    choice: ColumnChoice | None = None
    ignored: tuple[str, ...] = ()
    symbol: str | None = None

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, in hex; computed when first asked for."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]:
        """The bars in the order of the file, at most `rows` at a time.

        Raises BarFileError at the first value that cannot be read.
        """
        if rows < 1:
            raise ValueError(f"rows is {rows}: a chunk holds at least one bar")
        if self.layout is None:
            yield from read_parquet(self.path, rows, self.choice)
            return
        for block in read_text(self.path, self.layout, self.encoding, wall=self.wall):
            for start in range(0, len(block), rows):
                yield block.part(start, min(start + rows, len(block)))

    def place(self, row: int) -> str:
        """Where bar `row` (from 0) stands in the file, in words: "line 2" or "row 1"."""
        if self.first_line is None:
            return f"row {row + 1}"
        return f"line {self.first_line + row}"


def open_bars(path: Path, *, wall: bool = False, choice: ColumnChoice | None = None) -> BarFile:
    """Recognises the bar file at `path` by its content, packed as a single file or not.

    Times with an offset from UTC are read as UTC, with `wall` as the clock on the wall showed
    them. `choice` is what the user says of the columns.
    Raises BarFileError when there is no such file or it is not one of the known formats.
    """
    head = _head(path)
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise BarFileError(path, f"is {name}")
    if head.startswith(MAGIC):
        clock, ignored, symbol = parquet_clock(path, choice)
        return BarFile(
            path, "MT5 parquet", clock, None, choice=choice, ignored=ignored, symbol=symbol
        )
    encoding = encoding_of(head)
    if encoding == "utf-8-sig" and b"\0" in head:
        raise BarFileError(path, "is neither text nor Parquet: give a file of bars")
    layout = settled(path, encoding, recognise(path, _first_lines(path, encoding), choice))
    first_line = layout.before + 1
    name = layout.format + (" (UTF-16)" if encoding.startswith("utf-16") else "")
    return BarFile(
        path,
        name,
        layout.fixed_clock,
        first_line,
        layout,
        encoding,
        wall,
        choice,
        layout.ignored,
        layout.symbol,
    )


def _head(path: Path) -> bytes:
    """The file's first bytes; raises BarFileError when there are none to read."""
    if path.is_dir():
        raise BarFileError(path, "is a folder: give the file of bars in it")
    try:
        with unpacked(path) as file:
            head = file.read(4096)
    except FileNotFoundError as error:
        raise BarFileError(path, "does not exist: check the path") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BarFileError(path, f"cannot be opened ({reason}): check its rights") from error
    if not head:
        raise BarFileError(path, "is empty: export it again")
    return head


def _first_lines(path: Path, encoding: str) -> list[str]:
    """The first three lines, or those that there are."""
    found: list[str] = []
    for line, block in blocks(path, encoding):
        if not found and line > 1:
            raise BarFileError(path, "is blank: a bar file starts with its header or first bar", 1)
        rows = block.removesuffix(b"\n").split(b"\n", 3)[:3]
        found += [raw.decode().removesuffix("\r") for raw in rows]
        if len(found) > 2:
            break
    if not found:
        raise BarFileError(path, "has no text in it: export it again")
    return found[:3]
