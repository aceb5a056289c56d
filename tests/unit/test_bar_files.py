"""Every known format is recognised by its content and gives the bars that were written."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from adapters.bars import lines
from adapters.bars.reader import BarFile, RateColumns, concat, open_bars
from engine.types import ClockName

START = 1_741_564_800  # 2025-03-10 00:00:00
COUNT = 120
PRICES = ("open", "high", "low", "close")


def _bars() -> dict[str, Any]:
    """Random but sensible M15 bars with five decimals."""
    random = np.random.default_rng(7)
    close = 108_000 + np.cumsum(random.integers(-20, 21, COUNT))
    opening = np.concatenate([[108_000], close[:-1]])
    return {
        "time": START + 900 * np.arange(COUNT, dtype=np.int64),
        "open": opening / 1e5,
        "high": (np.maximum(opening, close) + 3) / 1e5,
        "low": (np.minimum(opening, close) - 4) / 1e5,
        "close": close / 1e5,
        "tick_volume": random.integers(1, 500, COUNT),
        "spread": random.integers(0, 30, COUNT),
    }


BARS = _bars()


def _text(head: str, row: str) -> str:
    """The bars as text with LF: `row` is a format of the bar's values, its prices and `at`."""
    rows = [head] if head else []
    for n in range(COUNT):
        bar = {name: column[n].item() for name, column in BARS.items()}
        bar["at"] = datetime.fromtimestamp(bar["time"], UTC)
        bar["ohlc"] = [f"{bar[name]:.5f}" for name in PRICES]
        rows.append(row.format(**bar))
    return "\n".join(rows) + "\n"


def _row(stamp: str, rest: str, separator: str) -> str:
    return separator.join([stamp, *(f"{{ohlc[{n}]}}" for n in range(4)), rest])


HEAD = "time,open,high,low,close,tick_volume,spread,real_volume"
REST = "{tick_volume},{spread},0"
ISO = "{at:%Y-%m-%d %H:%M:%S}"
GUI_HEAD = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\t"
GUI = _text(GUI_HEAD, _row("{at:%Y.%m.%d\t%H:%M:%S}", "{tick_volume}\t0\t{spread}", "\t"))

TEXTS: dict[str, tuple[str, str, ClockName | None, bool]] = {
    # what: (text, format, clock that the format states, whether it has spreads)
    "epoch": (_text(HEAD, _row("{time}", REST, ",")), "MT5 CSV", None, True),
    "iso": (_text(HEAD, _row(ISO, REST, ",")), "MT5 CSV", None, True),
    "iso with T": (_text(HEAD, _row("{at:%Y-%m-%dT%H:%M}", REST, ",")), "MT5 CSV", None, True),
    "semicolons": (
        _text(HEAD.replace(",", ";"), _row(ISO, REST.replace(",", ";"), ";")),
        "MT5 CSV",
        None,
        True,
    ),
    "no spread": (
        _text("Time,Open,High,Low,Close,Volume", _row(ISO, "{tick_volume}", ",")),
        "MT5 CSV",
        None,
        False,
    ),
    "time_utc": (
        _text("time_utc,open,high,low,close,volume", _row(ISO, "{tick_volume}.2", ",")),
        "MT5 CSV",
        "utc",
        False,
    ),
    "marked as UTC": (_text(HEAD, _row(ISO + "+00:00", REST, ",")), "MT5 CSV", "utc", True),
    "quoted": (
        _text(HEAD.replace("time", '"time"'), _row(f'"{ISO}"', REST, ",")),
        "MT5 CSV",
        None,
        True,
    ),
    "gui": (GUI, "MT5 GUI export", None, True),
    "headerless": (
        _text("", _row("{at:%Y.%m.%d,%H:%M:%S}", "{tick_volume},0,{spread}", ",")),
        "headerless MT5 CSV",
        None,
        True,
    ),
    "mt4": (
        _text("", _row("{at:%Y.%m.%d,%H:%M}", "{tick_volume}", ",")),
        "headerless MT5 CSV",
        None,
        False,
    ),
    "histdata": (
        _text("", _row("{at:%Y%m%d %H%M%S}", "{tick_volume}", ";")),
        "HistData",
        "est",
        False,
    ),
    "dukascopy": (
        _text(
            "Gmt time,Open,High,Low,Close,Volume",
            _row("{at:%d.%m.%Y %H:%M:%S}.000", "{tick_volume}.4", ","),
        ),
        "Dukascopy",
        "utc",
        False,
    ),
}


def _opened(tmp_path: Path, content: bytes) -> BarFile:
    path = tmp_path / "bars.dat"
    path.write_bytes(content)
    return open_bars(path)


def _assert_bars(columns: RateColumns, *, spread: bool = True) -> None:
    assert columns.first_row == 0
    for name in ("time", *PRICES, "tick_volume"):
        np.testing.assert_array_equal(getattr(columns, name), BARS[name], err_msg=name)
    np.testing.assert_array_equal(columns.spread, BARS["spread"] if spread else np.zeros(COUNT))
    assert columns.time.dtype == columns.tick_volume.dtype == columns.spread.dtype == np.int64
    assert {getattr(columns, name).dtype for name in PRICES} == {np.dtype(np.float64)}


@pytest.mark.parametrize("what", TEXTS)
def test_text_formats_round_trip(tmp_path: Path, what: str) -> None:
    """Each text format is named, its clock is told, and its bars are those written."""
    text, name, clock, spread = TEXTS[what]
    file = _opened(tmp_path, text.encode())
    assert (file.format, file.fixed_clock) == (name, clock)
    _assert_bars(concat(file.chunks()), spread=spread)


@pytest.mark.parametrize("what", TEXTS)
def test_places_are_the_lines_of_the_file(tmp_path: Path, what: str) -> None:
    """`place` names the line on which a text editor shows the bar."""
    text = TEXTS[what][0]
    file = _opened(tmp_path, text.encode())
    line = int(file.place(5).removeprefix("line "))
    assert f"{BARS['close'][5]:.5f}" in text.split("\n")[line - 1]


@pytest.mark.parametrize(
    ("encoding", "mark", "suffix"),
    [
        ("utf-8", b"", ""),
        ("utf-8", b"\xef\xbb\xbf", ""),
        ("utf-16-le", b"\xff\xfe", " (UTF-16)"),
        ("utf-16-be", b"\xfe\xff", " (UTF-16)"),
        ("utf-16-le", b"", " (UTF-16)"),
        ("utf-16-be", b"", " (UTF-16)"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_gui_exports_are_read_in_every_encoding(
    tmp_path: Path, encoding: str, mark: bytes, suffix: str, ending: str
) -> None:
    """The terminal's export is read as UTF-8 or UTF-16, with or without a byte order mark."""
    file = _opened(tmp_path, mark + GUI.replace("\n", ending).encode(encoding))
    assert file.format == "MT5 GUI export" + suffix
    _assert_bars(concat(file.chunks()))


def test_mixed_line_ends_and_blank_lines_at_the_end_are_harmless(tmp_path: Path) -> None:
    """CRLF and LF may be mixed, and the last line may or may not end."""
    mixed = GUI.replace("\n", "\r\n", 40)
    for tail in ("", "\n", "\r\n\r\n\n"):
        _assert_bars(concat(_opened(tmp_path, (mixed.rstrip() + tail).encode()).chunks()))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_bars_do_not_depend_on_the_blocks_that_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, size: int
) -> None:
    """Lines, and characters of two bytes, may be cut anywhere by the reading."""
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    _assert_bars(concat(_opened(tmp_path, GUI.encode(encoding)).chunks()))


@pytest.mark.parametrize("rows", [1, 7, COUNT, 16_384])
def test_chunks_hold_at_most_the_rows_asked_for(tmp_path: Path, rows: int) -> None:
    """Chunks are numbered on, and together are the file, for text and Parquet alike."""
    path = tmp_path / "bars"
    pq.write_table(pa.table(BARS), path)
    for file in (_opened(tmp_path, GUI.encode()), open_bars(path)):
        chunks = list(file.chunks(rows))
        assert max(len(chunk) for chunk in chunks) == min(rows, COUNT)
        assert [chunk.first_row for chunk in chunks] == list(range(0, COUNT, rows))
        _assert_bars(concat(chunks))
        with pytest.raises(ValueError, match="at least one bar"):
            next(file.chunks(0))


@pytest.mark.parametrize("unit", ["int64", "int32", "uint64", "s", "ms", "us", "ns"])
def test_parquet_times_may_be_integers_or_timestamps(tmp_path: Path, unit: str) -> None:
    """Whole seconds and timestamps of any resolution give the same times, by the file's clock."""
    kind = pa.timestamp(unit) if len(unit) < 3 else pa.type_for_alias(unit)
    seconds = pa.array(BARS["time"])
    times = seconds.cast(pa.timestamp("s")).cast(kind) if len(unit) < 3 else seconds.cast(kind)
    path = tmp_path / "bars"
    pq.write_table(pa.table({**BARS, "time": times}), path)
    file = open_bars(path)
    assert (file.format, file.fixed_clock, file.first_line) == ("MT5 parquet", None, None)
    assert file.place(0) == "row 1"
    _assert_bars(concat(file.chunks()))


def test_parquet_that_states_utc_is_utc(tmp_path: Path) -> None:
    """A UTC timestamp type and a column `time_utc` both fix the clock."""
    zoned = pa.array(BARS["time"]).cast(pa.timestamp("s", "UTC"))
    named = {"time_utc" if name == "time" else name: column for name, column in BARS.items()}
    for table in ({**BARS, "time": zoned}, named):
        path = tmp_path / "bars"
        pq.write_table(pa.table(table), path)
        file = open_bars(path)
        assert file.fixed_clock == "utc"
        _assert_bars(concat(file.chunks()))


def test_parquet_without_spread_and_volume_has_zeros(tmp_path: Path) -> None:
    """Only time and prices are needed."""
    path = tmp_path / "bars"
    pq.write_table(pa.table({name: BARS[name] for name in ("time", *PRICES)}), path)
    columns = concat(open_bars(path).chunks())
    assert not columns.spread.any()
    assert not columns.tick_volume.any()
    np.testing.assert_array_equal(columns.close, BARS["close"])


def test_what_common_libraries_write_is_read(tmp_path: Path) -> None:
    """CSV as Arrow writes it, with a quoted header, is read."""
    path = tmp_path / "bars.csv"
    pc.write_csv(pa.table(BARS), path)
    _assert_bars(concat(open_bars(path).chunks()))


def test_sha256_is_of_the_bytes_of_the_file(tmp_path: Path) -> None:
    """The hash identifies the file as it lies on the disk."""
    content = GUI.encode("utf-16")
    assert _opened(tmp_path, content).sha256 == hashlib.sha256(content).hexdigest()


def test_part_and_take_select_bars(tmp_path: Path) -> None:
    """`part` keeps the file's row numbers, `take` numbers anew."""
    columns = concat(_opened(tmp_path, GUI.encode()).chunks())
    part = columns.part(10, 13)
    assert (len(part), part.first_row, part.time[0]) == (3, 10, BARS["time"][10])
    taken = columns.take(np.array([5, 3]))
    assert (taken.first_row, taken.time.tolist()) == (0, BARS["time"][[5, 3]].tolist())
    with pytest.raises(ValueError, match="no bars"):
        concat([])
