"""What people have is read where it is unambiguous, else refused by its true cause."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bars.reader import BarFileError, ColumnChoice, concat, open_bars
from adapters.bars.ticks import bars_of_ticks, tick_layout
from adapters.bars.values import as_written

START = 1_741_564_800  # 2025-03-10 00:00:00
COUNT = 30
TIMES = [START + 900 * n for n in range(COUNT)]
CLOSES = [1.08 + n / 100_000 for n in range(COUNT)]
NAMES = ("time", "open", "high", "low", "close")
NAMED = "Time,Open,High,Low,Close"
PLAIN = "time,open,high,low,close,tick_volume,spread"


def _prices(n: int) -> list[str]:
    close = CLOSES[n]
    return [f"{p:.5f}" for p in (close, close + 0.0001, close - 0.0001, close)]


def _text(head: str, row: str, zone: Any = UTC) -> str:
    lines = [head] if head else []
    for n, time in enumerate(TIMES):
        at = datetime.fromtimestamp(time, UTC).astimezone(zone)
        o, h, low, c = _prices(n)
        values = {"at": at, "s": time, "n": n, "o": o, "h": h, "l": low, "c": c, "v": n + 1}
        single = ",".join(repr(float(np.float32(float(p)))) for p in (o, h, low, c))
        quoted = ",".join(f'"{p}"'.replace(".", ",") for p in (o, h, low, c))
        lines.append(row.format(p=f"{o},{h},{low},{c}", p32=single, quoted=quoted, **values))
    return "\n".join(lines) + "\n"


BASIC = _text(PLAIN, "{s},{p},{v},3")
ISO = "{at:%Y-%m-%dT%H:%M:%S}"
KYIV = timezone(timedelta(hours=2))

# what: the text of the very same bars
READ: dict[str, str] = {
    "milliseconds": _text("timestamp,open,high,low,close,volume", "{s}000,{p},{v}"),
    "seconds as floats": _text("time,open,high,low,close", "{s}.0,{p}"),
    "nanoseconds": _text("time,open,high,low,close", "{s}000000000,{p}"),
    "an offset in every row": _text("time,open,high,low,close", ISO + "+02:00,{p}", KYIV),
    "a short offset": _text("time,open,high,low,close", ISO + "+0200,{p}", KYIV),
    "an offset to the west": _text(
        "time,open,high,low,close", ISO + "-05:00,{p}", timezone(timedelta(hours=-5))
    ),
    "TradingView, ISO": _text(
        "time,open,high,low,close,Volume,MA,MA,RSI", ISO + "Z,{p},{v},1,,55.2"
    ),
    "TradingView, epoch": _text("time,open,high,low,close,Volume,Volume MA", "{s},{p},{v},NaN"),
    "capitals": _text("Time,Open,High,Low,Close,Volume", "{s},{p},{v}"),
    "partition columns": _text("time,open,high,low,close,year,month", "{s},{p},2025,3"),
    "a symbol column": _text("symbol,time,open,high,low,close", "EURUSD,{s},{p}"),
    "an index beside the time": _text(",time,open,high,low,close", "{n},{s},{p}"),
    "an index that is the time": _text(",open,high,low,close", "{at:%Y-%m-%d %H:%M:%S},{p}"),
    "Datetime": _text("Datetime,Open,High,Low,Close,Volume", "{at:%Y-%m-%d %H:%M:%S},{p},{v}"),
    "float volumes and spreads": _text(PLAIN, "{s},{p},{v}.0,3.0"),
    "a separator line": "sep=;\n" + _text(PLAIN, "{s},{p},{v},3").replace(",", ";"),
    "decimal commas": _text("", "{s};{o};{h};{l};{c}").replace(".", ","),
    "six fields of MT4": _text("", "{at:%Y.%m.%d},{at:%H:%M},{p}"),
    "one field of time": _text("", "{at:%Y.%m.%d %H:%M},{p},{v}"),
    "semicolons that are not HistData": _text("", "{at:%Y-%m-%d %H:%M};{o};{h};{l};{c};{v}"),
    "blank last rows": BASIC + ",,,,,,\n,,,,,,\n\n",
    "a mark twice": "\ufeff\ufeff" + BASIC,
    "no header, epoch": _text("", "{s},{p},{v}"),
    "no header, milliseconds": _text("", "{s}000,{p}"),
    "MetaStock": _text("<TICKER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
                       "EURUSD,{at:%Y%m%d},{at:%H%M%S},{p},{v}"),
    "date and hour without signs": _text("Date,Time,Open,High,Low,Close",
                                         "{at:%Y%m%d},{at:%H%M},{p}"),
    "the word UTC": _text("time,open,high,low,close", "{at:%Y-%m-%d %H:%M:%S} UTC,{p}"),
    "a blank before the offset": _text(
        "time,open,high,low,close", "{at:%Y-%m-%d %H:%M:%S} +0200,{p}", KYIV
    ),
    "one letter a column": _text("t,o,h,l,c,v", "{s},{p},{v}"),
    "bid prices": _text("date,bidopen,bidhigh,bidlow,bidclose,askopen",
                        "{at:%Y-%m-%d %H:%M:%S},{p},1.2"),
    "32-bit floats as text": _text("time,open,high,low,close", "{s},{p32}"),
    "Binance, milliseconds": _text("", "{s}000,{p},{v}.5,{s}899,1.5,{v},0.5,0.6,0"),
    "Binance, microseconds": _text("", "{s}000000,{p},{v}.5,{s}899999,1.5,{v},0.5,0.6,0"),
    "MetaStock with a period": _text(
        "<TICKER>,<PER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
        "EURUSD,15,{at:%Y%m%d},{at:%H%M%S},{p},{v},0",
    ),
    "NinjaTrader": _text("", "{at:%Y%m%d %H%M%S};{o};{h};{l};{c};{v}"),
    "an offset by the name of GMT": _text(
        "Local time,Open,High,Low,Close,Volume", "{at:%d.%m.%Y %H:%M:%S}.000 GMT+0200,{p},{v}", KYIV
    ),
    "the column UTC": _text("UTC,Open,High,Low,Close", "{at:%d.%m.%Y %H:%M:%S}.000 UTC,{p}"),
    "a spreadsheet's short hours": _text(NAMED, "{at:%Y.%m.%d} {at.hour}:{at:%M},{p}"),
    "a spreadsheet's points": _text(NAMED, "{at.day}.{at.month}.{at.year} {at.hour}:{at:%M},{p}"),
    "short hours of their own": _text(
        "Date,Time,Open,High,Low,Close", "{at:%Y.%m.%d},{at.hour}:{at:%M},{p}"
    ),
    "short hours without header": _text("", "{at:%Y.%m.%d},{at.hour}:{at:%M},{p},{v}"),
    "decimal commas in quotes": _text("time,open,high,low,close", "{s},{quoted}"),
}  # fmt: skip
READ["decimal commas"] = "time;open;high;low;close\n" + READ["decimal commas"]


def _opened(folder: Path, content: str | bytes, name: str = "bars.csv", **how: Any) -> Any:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_bars(path, **how)


def _same(file: Any) -> None:
    columns = concat(file.chunks())
    assert columns.time.tolist() == TIMES
    expected = np.array([[float(p) for p in _prices(n)] for n in range(COUNT)])
    for place, name in enumerate(NAMES[1:]):
        assert getattr(columns, name).tolist() == expected[:, place].tolist()


@pytest.mark.parametrize("what", READ)
def test_it_gives_the_bars_that_were_written(tmp_path: Path, what: str) -> None:
    _same(_opened(tmp_path, READ[what]))


@pytest.mark.parametrize("what", ["an offset in every row", "TradingView, ISO"])
def test_times_with_an_offset_are_utc(tmp_path: Path, what: str) -> None:
    assert _opened(tmp_path, READ[what]).fixed_clock == "utc"


def test_the_wall_s_time_is_read_where_the_user_names_a_clock(tmp_path: Path) -> None:
    file = _opened(tmp_path, READ["an offset in every row"], wall=True)
    assert concat(file.chunks()).time.tolist() == [time + 7200 for time in TIMES]


def test_an_offset_may_change_with_the_season(tmp_path: Path) -> None:
    """The rows on both sides of a change of the hour are an hour apart, as the moments are."""
    text = "time,open,high,low,close\n2025-03-30T02:45:00+02:00,1.08,1.08,1.08,1.08\n"
    text += "2025-03-30T04:00:00+03:00,1.08,1.08,1.08,1.08\n"
    assert np.diff(concat(_opened(tmp_path, text).chunks()).time).tolist() == [900]


def test_columns_that_are_ignored_are_told(tmp_path: Path) -> None:
    file = _opened(tmp_path, READ["TradingView, ISO"])
    assert file.ignored == ("column 'MA'", "column 'MA'", "column 'RSI'")


def _zip(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_a_packed_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Its hash is that of the file that the user has."""
    _same(_opened(tmp_path, gzip.compress(BASIC.encode()), "a.csv.gz"))
    _same(_opened(tmp_path, _zip(**{"bars.csv": BASIC}), "a.zip"))
    _same(_opened(tmp_path, _zip(**{"D.csv": BASIC, "D.txt": "gaps found"}), "histdata.zip"))
    plain = tmp_path / "plain.parquet"
    pq.write_table(_table(), plain)
    _same(_opened(tmp_path, gzip.compress(plain.read_bytes()), "b.parquet.gz"))


def _table(**changes: Any) -> pa.Table:
    prices = np.array([[float(p) for p in _prices(n)] for n in range(COUNT)])
    columns = {"time": np.array(TIMES)} | {n: prices[:, k] for k, n in enumerate(NAMES[1:])}
    return pa.table({**columns, **changes})


PARQUETS: dict[str, dict[str, Any]] = {
    "single floats": {"close": np.array([float(_prices(n)[3]) for n in range(COUNT)], np.float32)},
    "float volumes": {"tick_volume": np.arange(COUNT, dtype=np.float64)},
    "float spreads": {"spread": np.ones(COUNT)},
    "milliseconds": {"time": np.array(TIMES) * 1000},
    "times of UTC by another name": {
        "time": pa.array(np.array(TIMES) * 1000, pa.timestamp("ms", tz="+00:00"))
    },
    "partition columns": {"year": np.full(COUNT, 2025), "month": ["03"] * COUNT},
    "a symbol column": {"symbol": ["EURUSD"] * COUNT},
}


@pytest.mark.parametrize("what", PARQUETS)
def test_parquet_as_libraries_write_it_gives_the_bars(tmp_path: Path, what: str) -> None:
    path = tmp_path / "bars.parquet"
    pq.write_table(_table(**PARQUETS[what]), path)
    _same(open_bars(path))


@pytest.mark.parametrize("volumes", [[None, *[1.0] * (COUNT - 1)], [np.nan] * COUNT])
def test_a_volume_without_value_is_named_as_the_file_names_it(
    tmp_path: Path, volumes: list[float | None]
) -> None:
    path = tmp_path / "bars.parquet"
    pq.write_table(_table(Volume=pa.array(volumes, pa.float64(), from_pandas=False)), path)
    with pytest.raises(BarFileError, match=r"row 1: column 'Volume'.*--drop Volume"):
        list(open_bars(path).chunks())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_volumes_with_parts_are_said_to_be_rounded(tmp_path: Path, ending: str) -> None:
    """What was traded in parts of a lot is not without volume, as a bar of a closed market is."""
    volumes = [0.0, 0.2, 0.6, 1.4, 2.0] * (COUNT // 5)
    if ending == "csv":
        rows = (f"{s},1.08,1.08,1.08,1.08,{v}" for s, v in zip(TIMES, volumes, strict=True))
        file = _opened(tmp_path, "\n".join(["time,open,high,low,close,volume", *rows]))
    else:
        path = tmp_path / "bars.parquet"
        pq.write_table(_table(tick_volume=np.array(volumes)), path)
        file = open_bars(path)
    columns = concat(file.chunks())
    assert columns.tick_volume.tolist() == [0, 1, 1, 1, 2] * (COUNT // 5)
    assert columns.rounded
    assert not concat(_opened(tmp_path, BASIC).chunks()).rounded


@given(st.integers(1, 9_999_999), st.integers(0, 6))
def test_a_32_bit_float_is_the_shortest_decimal_that_it_stands_for(
    points: int, digits: int
) -> None:
    """No two decimals of seven digits share a 32-bit float: each is read as it was written."""
    price = round(points / 10**digits, digits)
    narrow = np.array([price], np.float32)
    (read,) = as_written(narrow.astype(np.float64))
    assert read == price
    assert as_written(np.array([price, 1 / 3])).tolist() == [price, 1 / 3]


def test_parquet_with_capitals_or_the_time_as_index_gives_the_bars(tmp_path: Path) -> None:
    for names in (("Time", "Open", "High", "Low", "Close"), ("__index_level_0__", *NAMES[1:])):
        path = tmp_path / "bars.parquet"
        pq.write_table(_table().rename_columns(list(names)), path)
        _same(open_bars(path))


def test_the_user_says_what_the_rest_is(tmp_path: Path) -> None:
    text = _text("Zeit,Eröffnung,high,low,close,time", "{s},{p},morning")
    renamed = ColumnChoice({"zeit": "time", "eröffnung": "open"}, frozenset({"time"}))
    _same(_opened(tmp_path, text, choice=renamed))
    with pytest.raises(BarFileError, match="has no column 'uhr'; it has Zeit, Eröffnung, high"):
        _opened(tmp_path, text, choice=ColumnChoice({"uhr": "time"}))


TICKS: dict[str, tuple[str, str, str | None]] = {
    "the platform's": (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n",
        "{at:%Y.%m.%d}\t{at:%H:%M:%S}.{ms:03}\t{bid}\t{ask}\t\t\t6\n",
        None,
    ),
    "Dukascopy's": (
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n",
        "{at:%d.%m.%Y %H:%M:%S}.{ms:03},{ask},{bid},1,2\n",
        "utc",
    ),
    "HistData's": ("", "{at:%Y%m%d %H%M%S}{ms:03},{bid},{ask},0\n", "est"),
    "plain, in milliseconds": ("time,bid,ask\n", "{s}{ms:03},{bid},{ask}\n", None),
}


@pytest.mark.parametrize("what", TICKS)
def test_bars_are_made_of_ticks(tmp_path: Path, what: str) -> None:
    """Open, extremes and close of the bid, the least spread, and a count of ticks."""
    head, row, clock = TICKS[what]
    ticks = [
        (START + 10, 1.08, 1.08003), (START + 30, 1.0802, 1.0803), (START + 59, 1.0799, 1.0800),
        (START + 60, 1.0801, 1.08015),
        (START + 200, 1.0803, 1.0804),
    ]  # fmt: skip
    path = tmp_path / "ticks.csv"
    path.write_text(
        head
        + "".join(
            row.format(at=datetime.fromtimestamp(s, UTC), s=s, ms=123, bid=bid, ask=ask)
            for s, bid, ask in ticks
        )
    )
    layout = tick_layout(path)
    bars = concat(bars_of_ticks(path, layout, 60, 5))
    assert layout.clock == clock
    assert bars.time.tolist() == [START, START + 60, START + 180]
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0]) == (
        1.08,
        1.0802,
        1.0799,
        1.0799,
    )
    assert bars.tick_volume.tolist() == [3, 1, 1]
    assert bars.spread.tolist() == [3, 5, 10]


def test_the_platform_leaves_out_a_side_that_did_not_change(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv"
    path.write_text(
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n"
        "2025.03.10\t00:00:01.5\t1.08\t1.0801\t\t\n2025.03.10\t00:00:02.5\t\t1.08004\t\t\n"
    )
    bars = concat(bars_of_ticks(path, tick_layout(path), 60, 5))
    assert (bars.close.tolist(), bars.spread.tolist()) == ([1.08], [4])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("time,open,high,low,close\n", "is no file of ticks"),
        ("time,bid,ask\n1741564800,x,1.08\n", "line 2: bid 'x' is not a price"),
        ("time,bid,ask\nnoon,1.08,1.08\n", "line 2: time 'noon' cannot be read"),
        ("time,bid,ask\n1741564900,1,1\n1741564800,1,1\n", "line 3: goes back in time"),
    ],
)
def test_what_is_no_tick_is_one_line(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "ticks.csv"
    path.write_text(text)
    with pytest.raises(BarFileError, match=cause):
        list(bars_of_ticks(path, tick_layout(path), 60, 5))


HST = struct.pack("<i", 401) + b"(C)opyright".ljust(144, b"\0")
# what: (content, fragments of the one line)
REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "MT4 history": (HST, ["MT4 history file (.hst)", "save it as CSV"]),
    "MT5 ticks": ("<DATE>\t<TIME>\t<BID>\t<ASK>\n2025.03.10\t00:00:00.123\t1.08\t1.081\n",
                  ["holds ticks", "butler data import ", "bars.parquet --ticks M1"]),
    "ticks by another name": ("timestamp,askPrice,bidPrice\n1741564800123,1,2\n", ["holds ticks"]),
    "Dukascopy ticks": ("Gmt time,Ask,Bid,AskVolume,BidVolume\n1,2,3,4,5\n", ["holds ticks"]),
    "HistData ticks": ("20250310 000000123,1.08,1.081,0\n", ["holds ticks"]),
    "thousands": (_text("time;open;high;low;close", "{s};1,080.5;1,080.5;1,080.5;1,080.5"),
                  ["line 2", "'1,080.5'", "thousands separators"]),
    "a blank row in between": (BASIC.replace("\n", "\n,,,,,,\n", 3), ["line 2", "is blank"]),
    "two symbols": (READ["a symbol column"].replace("EURUSD", "GBPUSD", 1),
                    ["line 3", "'EURUSD' in a file of 'GBPUSD'"]),
    "Excel": (_zip(**{"[Content_Types].xml": "x", "sheet.xml": "y"}), ["Excel workbook"]),
    "two files": (_zip(**{"a.csv": BASIC, "b.csv": BASIC}),
                  ["zip archive of 2 files ('a.csv', 'b.csv')"]),
    "OpenDocument": (_zip(**{"mimetype": "x", "content.xml": "y"}), ["OpenDocument spreadsheet"]),
    "MT5 history": (b"\xf5\x01\0\0" + b"C\0o\0p\0y\0" * 40, ["MT5 history file (.hcc)"]),
    "JSON": ('[{"time": 1741564800, "open": 1.08}]', ["is JSON"]),
    "no UTF-8": ("Zeit;Eröffnung\n1;2\n".encode("cp1252"), ["save it as CSV UTF-8"]),
    "carriage returns": (BASIC.replace("\n", "\r"), ["end lines with CRLF or LF"]),
    "a title": ("EURUSD M15\n" + BASIC, ["stands before the header, which is line 2"]),
    "two lines of headers": ("Price,Close,High,Low,Open\nTicker,E,E,E,E\nDatetime,,,,\n",
                             ["line 2", "second line of headers"]),
    "other words": ("Zeit;Hoch\n1;2\n", ["bars.parquet --map time=NAME"]),
    "two times": (_text("timestamp,date,time,open,high,low,close",
                        "{s},{at:%Y-%m-%d},{at:%H:%M},{p}"),
                  ["'timestamp' gives the time, and so do a date", "--drop timestamp"]),
    "a time without its date": (_text("time,open,high,low,close", "{at:%H%M%S},{p}"),
                                ["'000000'", "its date is missing"]),
    "dates alone": (_text("Date,Open,High,Low,Close", "{at:%Y-%m-%d},{p}"),
                    ["line 3", "'2025-03-10' stands in two lines and has no time of day"]),
    "Excel's dates": (_text("time,open,high,low,close", "{at.month}/{at.day}/2025 0:00,{p}"),
                      ["the day or the month may come first", "write it as 2025-03-31 09:15"]),
    "an empty volume": (_text("time,open,high,low,close,volume", "{s},{p},"),
                        ["column 'volume'", "bars.parquet --drop volume"]),
    "thousands in quotes": (_text("time,open,high,low,close,volume", '{s},{p},"1,234"'),
                            ["'1,234'", "may be one of thousands"]),
    "a separator at the end": (_text("time,open,high,low,close", "{s},{p},"),
                               ["6 fields, expected 5", "ends in a separator"]),
    "klines": (_text("", "{s}000,{p},1,2,3,4,5,6,7"), ["12 fields", "a line that names the"]),
    "a damaged archive": (gzip.compress(BASIC.encode())[:-20], ["is a damaged gzip archive"]),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_the_true_cause_is_named(tmp_path: Path, what: str) -> None:
    content, fragments = REFUSED[what]
    with pytest.raises(BarFileError) as caught:
        list(_opened(tmp_path, content).chunks())
    assert len(str(caught.value).splitlines()) == 1
    for fragment in fragments:
        assert fragment in str(caught.value)
