"""Bars are written as MT5 parquet: the same values read again, and never half a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bars.reader import BarFileError, RateColumns, concat, open_bars
from adapters.bars.writer import write_bars
from tests import synthetic

COLUMNS = ("time", "open", "high", "low", "close", "tick_volume", "spread")


def bars(count: int, first: int = 0) -> RateColumns:
    """Bars whose values all differ."""
    number = np.arange(first, first + count, dtype=np.int64)
    price = 1.08 + number / 100_000
    return RateColumns(
        1_709_510_400 + 900 * number, price, price + 0.0002, price - 0.0001, price + 0.0001,
        number + 1, number % 50, first,
    )  # fmt: skip


def same(one: RateColumns, other: RateColumns) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    assert write_bars(path, [bars(100), bars(28, 100)]) == 128
    assert same(concat(open_bars(path).chunks()), bars(128))


def test_columns_and_types_are_those_of_copy_rates(tmp_path: Path) -> None:
    """As other programs that read MT5's rates expect them."""
    write_bars(tmp_path / "bars.parquet", [bars(3)])
    schema = pq.read_schema(tmp_path / "bars.parquet")
    assert {name: str(schema.field(name).type) for name in schema.names} == {
        "time": "int64",
        "open": "double",
        "high": "double",
        "low": "double",
        "close": "double",
        "tick_volume": "uint64",
        "spread": "int32",
        "real_volume": "uint64",
    }
    assert pq.read_table(tmp_path / "bars.parquet").column("real_volume").to_pylist() == [0] * 3


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_how_bars_are_cut_into_chunks_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), 300]
    whole = bars(300)
    parts = [whole.part(start, stop) for start, stop in pairwise(edges)]
    path = tmp_path_factory.mktemp("cut") / "bars.parquet"
    assert write_bars(path, parts) == 300
    assert same(concat(open_bars(path).chunks()), whole)


def test_a_terminal_s_text_export_becomes_the_same_bars(tmp_path: Path) -> None:
    """Three symbols, five weekdays: digits, spreads and volumes included."""
    for name, made in synthetic.feed(5, days=7).items():
        text = open_bars(synthetic.write_text(made, tmp_path / f"{name}.txt"))
        path = tmp_path / f"{name}.parquet"
        assert write_bars(path, text.chunks()) == len(made)
        read = concat(open_bars(path).chunks())
        assert same(read, concat(text.chunks()))
        assert read.close.tolist() == made.column("close").tolist()


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    write_bars(path, [bars(500)])
    write_bars(path, [bars(2)])
    assert same(concat(open_bars(path).chunks()), bars(2))
    assert [file.name for file in tmp_path.iterdir()] == ["bars.parquet"]


def breaking_off() -> Iterator[RateColumns]:
    """Bars of a file that cannot be read to its end."""
    yield bars(200)
    raise BarFileError(Path("source.csv"), "is damaged", 202)


@pytest.mark.parametrize("before", [None, b"what was there"])
def test_when_bars_break_off_nothing_has_changed(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "bars.parquet"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(BarFileError, match=r"source\.csv: line 202"):
        write_bars(path, breaking_off())
    left = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert left == ({} if before is None else {"bars.parquet": before})


def test_a_folder_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_bars(tmp_path / "none" / "bars.parquet", [bars(3)])


def test_a_spread_that_the_type_cannot_hold_is_refused_not_bent(tmp_path: Path) -> None:
    """The widest that fits is written; the next is named with its row."""
    fits, wide = bars(3), bars(3, 3)
    fits.spread[2] = 2**31 - 1
    wide.spread[1] = 2**31
    path = tmp_path / "bars.parquet"
    assert write_bars(path, [fits]) == 3
    assert concat(open_bars(path).chunks()).spread.tolist() == [0, 1, 2**31 - 1]
    with pytest.raises(BarFileError, match=r"row 5: a spread of 2147483648 points cannot"):
        write_bars(path, [fits, wide])
    assert concat(open_bars(path).chunks()).spread.tolist() == [0, 1, 2**31 - 1]
