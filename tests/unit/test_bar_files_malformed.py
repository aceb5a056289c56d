"""Bad files are refused with one line that names the file, the place, the value and a remedy."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.bars import lines
from adapters.bars.reader import BarFileError, open_bars
from signals.market_data.validate import BarChecker, Severity

NOW = 1_750_000_000  # 2025-06-15

HEAD = "time,open,high,low,close,tick_volume,spread"
ROWS = [
    f"{1_741_564_800 + 900 * n},1.0{n + 10},1.0{n + 12},1.00{n + 4},1.0{n + 11},{n + 1},2"
    for n in range(6)
]
GOOD = [HEAD, *ROWS]
HISTDATA = [f"20250310 {n:02}0000;1.08000{n};1.080020;1.079990;1.080010;0" for n in range(6)]
HEADERLESS = [f"2025.03.10,{n:02}:00:00,1.0800{n},1.081,1.079,1.08,5,0,1" for n in range(6)]
ISO = [HEAD] + [f"2025-03-10 {n:02}:00:00,1.0800{n},1.081,1.079,1.08,5,1" for n in range(6)]
LATE = "2025-03-10 22:00:00,1.08001,1.081,1.079,1.08,5,1"
DUKASCOPY = ["Gmt time,Open,High,Low,Close,Volume"] + [
    f"10.03.2025 {n:02}:00:00.000,1.0800{n},1.081,1.079,1.08,5.5" for n in range(6)
]


def _with(rows: list[str], line: int, text: str) -> bytes:
    """`rows` with the line of that number, counted from 1, replaced."""
    return "\n".join([*rows[: line - 1], text, *rows[line:]]).encode()


def _edit(rows: list[str], line: int, old: str, new: str) -> bytes:
    assert old in rows[line - 1]
    return _with(rows, line, rows[line - 1].replace(old, new, 1))


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("bars.csv", "\n".join(GOOD))
    return buffer.getvalue()


def _junk() -> bytes:
    return np.random.default_rng(3).bytes(5_000)


# what: (content, place, fragments that the one line must hold)
TEXTS: dict[str, tuple[bytes, str, list[str]]] = {
    "empty file": (b"", "", ["is empty"]),
    "only line ends": (b"\r\n\n\n", "", ["no text"]),
    "header only": (HEAD.encode() + b"\r\n", "", ["header but no bars"]),
    "zip cut off": (_zip()[:-30], "", ["is a damaged"]),
    "gzip cut off": (gzip.compress("\n".join(GOOD).encode())[:-9], "", ["is a damaged"]),
    "binary junk": (_junk(), "", ["neither text nor Parquet"]),
    "binary junk in the middle": (
        "\n".join(GOOD).encode() + b"\n" + b"\xff\xfe\xfd" * 40,
        "",
        ["not UTF-8 text", "near byte"],
    ),
    "web page": (b"<!DOCTYPE html>\n<html></html>", "line 1", ["web page or report"]),
    "words": (b"hello\nworld\n", "line 1", ["none of the known bar formats"]),
    "spaces for separators": (
        "\n".join(GOOD).replace(",", " ").encode(),
        "line 1",
        ["separated by blanks"],
    ),
    "bars for separators": (
        "\n".join(GOOD).replace(",", "|").encode(),
        "line 1",
        ["separated by '|'"],
    ),
    "headerless with 8 fields": (
        "\n".join(HEADERLESS).replace(",0,1", ",1").encode(),
        "line 1",
        ["8 fields", "no header"],
    ),
    "missing column": (
        "\n".join(GOOD).replace("close", "spread_max", 1).encode(),
        "line 1",
        ["no column close", "--map close=NAME"],
    ),
    "no close at all": (
        "\n".join(",".join(x.split(",")[:4]) for x in GOOD).encode(),
        "line 1",
        ["no column close"],
    ),
    "duplicate column": (_edit(GOOD, 1, "low", "high"), "line 1", ["'high'", "twice"]),
    "local times of Dukascopy": (
        _edit(DUKASCOPY, 1, "Gmt", "Local"),
        "line 1",
        ["'local time'", "GMT"],
    ),
    "truncated row": (_with(GOOD, 7, "1741569300,1.015,1.0"), "line 7", ["3 fields, expected 7"]),
    "first row short": (_with(GOOD, 2, "1741564800,1.0"), "line 2", ["2 fields, expected 7"]),
    "row too long": (_edit(GOOD, 4, ",2", ",2,9;9"), "line 4", ["8 fields", "decimals"]),
    "semicolon in one row": (_edit(GOOD, 4, ",", ";"), "line 4", ["6 fields, expected 7"]),
    "comma decimals": (_edit(GOOD, 5, "1.013", "1,013"), "line 5", ["8 fields", "a point, not"]),
    "comma decimals, semicolons": (
        "\n".join(HISTDATA).replace(".", ",").encode(),
        "line 1",
        ["field 2 (open)", "'1,080000'", "a point, not a comma"],
    ),
    "NaN": (_edit(GOOD, 3, "1.013", "NaN"), "line 3", ["column 'high'", "nan", "not a price"]),
    "infinite": (_edit(GOOD, 3, "1.013", "inf"), "line 3", ["column 'high'", "inf", "not a price"]),
    "empty field": (_edit(GOOD, 3, "1.013", ""), "line 3", ["column 'high'", "''", "not a number"]),
    "text in price": (_edit(GOOD, 6, "1.014", "n/a"), "line 6", ["column 'open'", "'n/a'"]),
    "price with underscore": (_edit(GOOD, 6, "1.014", "1_014"), "line 6", ["'1_014'"]),
    "spread in pips": (
        _edit(GOOD, 6, "5,2", "5,0.2"),
        "line 6",
        ["column 'spread'", "'0.2'", "whole number of points"],
    ),
    "negative spread": (_edit(GOOD, 6, "5,2", "5,-2"), "line 6", ["'spread'", "-2 is negative"]),
    "volume no number": (
        _edit(GOOD, 6, "5,2", "nan,2"),
        "line 6",
        ["'tick_volume'", "'nan'", "not a number"],
    ),
    "two tables": (
        "\n".join([*GOOD, *GOOD]).encode(),
        "line 8",
        ["column 'time'", "second table", "one table per file"],
    ),
    "blank line between": (_with(GOOD, 4, ""), "line 4", ["is blank"]),
    "blank line after the header": (_with(GOOD, 2, ""), "line 2", ["is blank"]),
    "blank first line": (b"\n" + "\n".join(GOOD).encode(), "line 1", ["is blank"]),
    "carriage returns alone": (
        "\n".join(GOOD).encode().replace(b"\n1741566", b"\r1741566"),
        "line 3",
        ["carriage return"],
    ),
    "huge line": (
        "\n".join(GOOD).encode() + b"\n" + b"9" * 2_000_000,
        "line 8",
        ["longer than 16,384 bytes"],
    ),
    "huge first line": (b"9" * 2_000_000, "line 1", ["longer than 16,384 bytes"]),
    "milliseconds": (
        _with(GOOD, 2, "1741564800000" + ROWS[0][10:]),
        "line 3",
        ["'1741565700'", "epoch milliseconds as the first row's"],
    ),
    "negative time": (_with(GOOD, 3, "-5" + ROWS[1][10:]), "line 3", ["'time'", "before 1970"]),
    "fractional seconds": (
        _with(GOOD, 2, "1741564800.5" + ROWS[0][10:]),
        "line 2",
        ["'1741564800.5'", "not a date and time"],
    ),
    "an offset of a day": (
        "\n".join(ISO).replace(":00:00,", ":00:00+24:00,").encode(),
        "line 2",
        ["+24:00", "not a calendar time"],
    ),
    "zone in one row": (
        _edit(ISO, 4, ":00:00", ":00:00+02:00"),
        "line 4",
        ["'2025-03-10 02:00:00+02:00'", "YYYY-MM-DD hh:mm:ss"],
    ),
    "month before day": (
        "\n".join(ISO).replace("2025-03-10", "03/10/2025").encode(),
        "line 2",
        ["'03/10/2025 00:00:00'", "not a date and time"],
    ),
    "30 February": (
        _edit(HEADERLESS, 3, "2025.03.10", "2025.02.30"),
        "line 3",
        ["field 1 (date)", "'2025.02.30'", "calendar"],
    ),
    "29 February 2025": (
        _edit(ISO, 3, "2025-03-10", "2025-02-29"),
        "line 3",
        ["column 'time'", "'2025-02-29 01:00:00'", "calendar"],
    ),
    "hour 24": (_edit(HEADERLESS, 4, "03:00", "24:00"), "line 4", ["(clock)", "'24:00:00'"]),
    "date one digit short": (
        _edit(HISTDATA, 4, "20250310", "2025031"),
        "line 4",
        ["field 1 (time)", "'2025031 030000'", "YYYYMMDD hhmmss"],
    ),
    "date with a space": (_edit(HEADERLESS, 2, "2025", " 2025"), "line 2", ["' 2025.03.10'"]),
    "UTF-16 cut in a character": (
        "\n".join(GOOD).encode("utf-16") + b"1",
        "",
        ["UTF-16", "damaged"],
    ),
    "negative price": (
        _with(GOOD, 5, "1741567500,-1.013,1.015,-1.2,1.014,1,2"),
        "line 5",
        ["not a positive number", "-1.013"],
    ),
    "high below low": (_edit(GOOD, 5, "1.015", "0.015"), "line 5", ["low is above the high"]),
    "future date": (_with(GOOD, 7, "1999999800" + ROWS[5][10:]), "line 7", ["2033-05-18", "later"]),
    "row twice": (_with(GOOD, 4, ROWS[1]), "line 4", ["2025-03-10 00:15:00", "twice"]),
    "a quote that is never closed": (
        "\n".join([HEAD, LATE, '"' + LATE, *[LATE] * 4_000]).encode(),
        "line 3",
        ["has 1 fields"],
    ),
    "a carriage return in a first bar with quotes": (
        _with(ISO, 2, '"2025-03-10 00:00:00",1.08,1.081,1.079,1.08,5,1\r7'),
        "line 2",
        ["carriage return"],
    ),
    "a carriage return after a loose time with quotes": (
        "\n".join(ISO).replace(" 0", " ").encode() + b'\n"2025-03-10 6:00:00",1,1,1,1,5,1\r7\n',
        "line 8",
        ["carriage return"],
    ),
    "a date and its separator in quotes": (b'"2025-03-10\t"\n', "line 1", ["has 1 fields"]),
    "rows swapped": (
        "\n".join([*GOOD[:3], GOOD[4], GOOD[3], *GOOD[5:]]).encode(),
        "line 5",
        ["2025-03-10 00:30:00", "comes after", "sort"],
    ),
}


def first_problem(path: Path) -> str:
    """The line that a user would see first of a file."""
    checker = BarChecker("EURUSD", 3, NOW)
    try:
        file = open_bars(path)
        for chunk in file.chunks():
            checker.push(chunk)
    except BarFileError as error:
        return str(error)
    errors = [found for found in checker.finish() if found.severity is Severity.ERROR]
    return f"{path}: {file.place(errors[0].row)}: {errors[0].detail}"


def _assert_clear(line: str, path: Path, place: str, fragments: list[str]) -> None:
    assert "\n" not in line
    assert len(line.replace(str(path.with_suffix("")), "")) < 260
    assert line.startswith(f"{path}: {place}: " if place else f"{path}: ")
    for fragment in fragments:
        assert fragment in line


@pytest.mark.parametrize("what", TEXTS)
def test_malformed_text_gets_one_clear_line(tmp_path: Path, what: str) -> None:
    """Each way in which text can be wrong is named with its file, place and value."""
    content, place, fragments = TEXTS[what]
    path = tmp_path / "bars.csv"
    path.write_bytes(content)
    _assert_clear(first_problem(path), path, place, fragments)


def _table(count: int = 3_000) -> dict[str, Any]:
    close = np.round(1.08 + 0.001 * np.sin(np.arange(count)), 3)
    return {
        "time": pa.array(1_741_564_800 + 900 * np.arange(count)),
        "open": close,
        "high": close + 0.001,
        "low": close - 0.001,
        "close": close,
        "tick_volume": pa.array(np.arange(count), pa.uint64()),
        "spread": pa.array(np.zeros(count), pa.int32()),
    }


def _replaced(name: str, row: int, value: object) -> dict[str, Any]:
    table = _table(50)
    values = pa.array(table[name]).to_pylist()
    values[row] = value
    return {**table, name: pa.array(values)}


def _without(name: str) -> dict[str, Any]:
    return {key: column for key, column in _table().items() if key != name}


def _moments(zone: str | None, late: int = 0) -> pa.Array:
    """Times as timestamps, the last of them `late` milliseconds late."""
    ticks = 1_741_564_800_000 + 900_000 * np.arange(50)
    ticks[-1] += late
    return pa.array(ticks).cast(pa.timestamp("ms", zone))


PARQUETS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "missing column": (_without("low"), "", ["no column low"]),
    "missing time": (_without("time"), "", ["no column time"]),
    "two symbols": (
        {**_table(), "symbol": ["EURUSD"] * 9 + ["GBPUSD"] * 2_991},
        "row 10",
        ["'GBPUSD' in a file of 'EURUSD'", "one symbol"],
    ),
    "two times": ({**_table(), "time_utc": _table()["time"]}, "", ["'time_utc'", "twice"]),
    "no rows": ({key: column[:0] for key, column in _table().items()}, "", ["no rows"]),
    "text for prices": ({**_table(), "open": ["1.08"] * 3_000}, "", ["'open'", "64-bit floats"]),
    "half floats": (
        {**_table(), "close": pa.array(_table()["close"].astype(np.float16), pa.float16())},
        "",
        ["'close'", "type halffloat", "64-bit"],
    ),
    "fractional spread": (
        {**_table(), "spread": np.full(3_000, 0.2)},
        "row 1",
        ["'spread'", "integers"],
    ),
    "local timestamps": (
        {**_table(50), "time": _moments("Europe/Prague")},
        "",
        ["'time'", "Europe/Prague", "UTC"],
    ),
    "part of a second": (
        {**_table(50), "time": _moments(None, late=1)},
        "row 50",
        ["parts of a second", "whole seconds"],
    ),
    "NaN": (_replaced("high", 17, float("nan")), "row 18", ["'high'", "nan", "not a price"]),
    "null": (_replaced("high", 17, None), "row 18", ["'high'", "no value"]),
    "milliseconds": (_replaced("time", 2, 1_741_566_600_000), "row 3", ["divide milliseconds"]),
    "negative spread": (_replaced("spread", 9, -1), "row 10", ["'spread'", "negative"]),
    "negative price": (_replaced("low", 9, -1.0), "row 10", ["not a positive number"]),
}


@pytest.mark.parametrize("what", PARQUETS)
def test_malformed_parquet_gets_one_clear_line(tmp_path: Path, what: str) -> None:
    """Each way in which a table can be wrong is named with its file, row or column."""
    table, place, fragments = PARQUETS[what]
    path = tmp_path / "bars.parquet"
    pq.write_table(pa.table(table), path)
    _assert_clear(first_problem(path), path, place, fragments)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_truncated_parquet_gets_one_clear_line(tmp_path: Path, share: float) -> None:
    """A download that broke off is told from a whole file, wherever it ends."""
    path = tmp_path / "bars.parquet"
    pq.write_table(pa.table(_table()), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    _assert_clear(first_problem(path), path, "", ["damaged or cut off", "copy or export it again"])


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_parquet_damaged_inside_gets_one_clear_line(tmp_path: Path, compression: str) -> None:
    """Damage among the values is found while the bars are read, by checksum where there is one."""
    path = tmp_path / "bars.parquet"
    pq.write_table(pa.table(_table()), path, compression=compression, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    content[2_000:2_100] = bytes(100)
    path.write_bytes(content)
    _assert_clear(first_problem(path), path, "", ["damaged or cut off"])


@pytest.mark.parametrize("size", [1, 7, 64])
def test_blank_lines_are_found_wherever_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A blank line is named by its number also at the edge of what is read at once."""
    monkeypatch.setattr(lines, "BLOCK_BYTES", size)
    path = tmp_path / "bars.csv"
    for line in (2, 4, 7):
        for end in (b"", b"\n"):
            path.write_bytes(_with(GOOD, line, "\r\n\n" + GOOD[line - 1]) + end)
            _assert_clear(first_problem(path), path, f"line {line}", ["is blank"])


def test_damaged_files_give_bars_or_one_line_and_nothing_else(tmp_path: Path) -> None:
    """Whatever bytes are changed, no other exception than the readers' own comes out."""
    random = np.random.default_rng(11)
    path = tmp_path / "bars"
    pq.write_table(pa.table(_table(100)), path)
    originals = [path.read_bytes(), "\n".join(GOOD).encode(), "\n".join(ISO).encode("utf-16")]
    messages = []
    for turn in range(300):
        damaged = bytearray(originals[turn % 3])
        place = int(random.integers(len(damaged)))
        damaged[place : place + int(random.integers(1, 20))] = random.bytes(3)
        path.write_bytes(damaged)
        try:
            list(open_bars(path).chunks())
        except BarFileError as error:
            messages.append(str(error))
    assert len(messages) > 200
    assert not any("\n" in message for message in messages)


def test_paths_that_are_no_files_get_one_clear_line(tmp_path: Path) -> None:
    """A wrong path and a folder are named as what they are."""
    missing = tmp_path / "nothing.csv"
    _assert_clear(first_problem(missing), missing, "", ["does not exist", "check the path"])
    _assert_clear(first_problem(tmp_path), tmp_path, "", ["is a folder"])


def test_an_unknown_file_is_not_quoted(tmp_path: Path) -> None:
    """A file of secrets that is named by mistake does not end up in a message."""
    path = tmp_path / ".env"
    for secret in ("PASSWORD=swordfish;x", "swordfish", "user,swordfish\na,b"):
        path.write_text(secret, encoding="utf-8")
        assert "swordfish" not in first_problem(path)


def test_the_error_knows_its_path_and_line(tmp_path: Path) -> None:
    """Callers need not parse the message."""
    path = tmp_path / "bars.csv"
    path.write_bytes(TEXTS["NaN"][0])
    with pytest.raises(BarFileError) as caught:
        list(open_bars(path).chunks())
    assert (caught.value.path, caught.value.line) == (path, 3)
