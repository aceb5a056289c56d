"""Signal files are read with every field's meaning, or refused with one line that says why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from adapters.bars import signal_files as reader
from adapters.bars.signal_files import COLUMNS, SignalFileError, read_signals, signals_csv
from engine.events import UserSignal
from engine.types import Side

HEAD = "time,symbol,direction,stop_loss"
ROW = "2024-03-01T08:15:00,EURUSD,long,1.08"
AT = 1_709_280_900_000
FULL: dict[str, Any] = {
    "time": "2024-03-01T08:15:00Z", "symbol": "EURUSD", "direction": "short", "stop_loss": 1.1,
    "entry_price": 1.09, "take_profit": 1.07, "exit_time": "2024-03-02T08:15:00+00:00",
    "expires": 1_709_284_500, "reason": "a, quoted \"tag\"", "strategy_id": "my own",
    "risk_scale": 0.5, "volume": 0.25,
}  # fmt: skip
AS_READ = UserSignal(
    line=1, time=AT, symbol="EURUSD", side=Side.SHORT, stop_loss=1.1, entry_price=1.09,
    take_profit=1.07, exit_time=AT + 86_400_000, expires=AT + 3_600_000,
    reason='a, quoted "tag"', strategy_id="my own", risk_scale=0.5, volume=0.25,
)  # fmt: skip


def read(folder: Path, content: str | bytes) -> list[UserSignal]:
    file = folder / "signals.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_signals(file)


def refusal(folder: Path, content: str | bytes) -> str:
    """The one line with which the file is refused, without its path."""
    with pytest.raises(SignalFileError) as caught:
        read(folder, content)
    text, path = str(caught.value), f"{folder / 'signals.csv'}:"
    assert text.startswith(path)
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    assert len(text) < len(path) + 400, "a message does not repeat the file"
    return text.removeprefix(path)


def line(**changes: Any) -> str:
    """A JSON line with some fields other than in FULL."""
    return json.dumps({**FULL, **changes}) + "\n"


def csv_of(**changes: str) -> str:
    """A file of one signal with some cells changed; its header names what it has."""
    cells = dict(zip(HEAD.split(","), ROW.split(","), strict=True)) | changes
    return f"{','.join(cells)}\n{','.join(cells.values())}\n"


# --- what is understood ---------------------------------------------------------------------


def test_a_csv_file_and_json_lines_of_the_same_signals_say_the_same(tmp_path: Path) -> None:
    texts = {name: "" if value is None else str(value) for name, value in FULL.items()}
    written = signals_csv([texts])
    assert written.decode().splitlines()[0] == ",".join(COLUMNS)
    (from_csv,) = read(tmp_path, written)
    (from_json,) = read(tmp_path, line())
    assert from_json == AS_READ
    assert from_csv.line == 2
    assert {**_fields(from_csv), "line": 1} == _fields(from_json)


def _fields(signal: UserSignal) -> dict[str, Any]:
    return {name: getattr(signal, name) for name in signal.__struct_fields__}


def test_what_is_left_out_has_the_documented_default(tmp_path: Path) -> None:
    """No target, no pending order, no time of leaving; risk sizes the order unscaled."""
    expected = UserSignal(line=2, time=AT, symbol="EURUSD", side=Side.LONG, stop_loss=1.08)
    assert (expected.reason, expected.strategy_id) == ("signal", "user")
    assert (expected.risk_scale, expected.volume) == (1.0, None)
    assert read(tmp_path, f"{HEAD}\n{ROW}\n") == [expected]
    empty = {name: None for name in COLUMNS if name not in HEAD}
    with_nulls = {**dict(zip(HEAD.split(","), ROW.split(","), strict=True)), **empty}
    assert _fields(read(tmp_path, json.dumps(with_nulls))[0]) == {**_fields(expected), "line": 1}


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T08:15:00",  # without an offset: UTC
        "2024-03-01 08:15",
        "2024-03-01T08:15:00Z",
        "2024-03-01T09:15:00+01:00",  # local times count by their own offset
        "2024-03-01T13:45:00+05:30",
        "2024-02-29T23:15:00-09:00",
        "1709280900",
        "20240301T081500",
    ],
)
def test_a_time_in_any_zone_is_that_moment_in_utc(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, csv_of(time=text))[0].time == AT


def test_epoch_seconds_in_json_may_be_numbers_with_a_fraction(tmp_path: Path) -> None:
    assert read(tmp_path, line(time=AT // 1000))[0].time == AT
    assert read(tmp_path, line(time=AT / 1000 + 0.25))[0].time == AT + 250


def test_the_hour_that_a_clock_runs_through_twice_is_told_apart_by_the_offset(
    tmp_path: Path,
) -> None:
    first = read(tmp_path, csv_of(time="2024-10-27T02:30:00+02:00"))[0].time
    second = read(tmp_path, csv_of(time="2024-10-27T02:30:00+01:00"))[0].time
    assert second - first == 3_600_000


@pytest.mark.parametrize(("word", "side"), [("long", 1), ("BUY", 1), ("Short", -1), ("sell", -1)])
def test_directions_are_understood_in_both_languages(tmp_path: Path, word: str, side: int) -> None:
    assert read(tmp_path, csv_of(direction=word))[0].side == side


# what: a file of the same two signals
SPELT: dict[str, str | bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + f"{HEAD}\n{ROW}\n{ROW}\n".encode(),
    "mixed line ends": f"{HEAD}\r\n{ROW}\n{ROW}\r",
    "old line ends": f"{HEAD}\r{ROW}\r{ROW}",
    "no last line end": f"{HEAD}\n{ROW}\n{ROW}",
    "blank lines": f"{HEAD}\n\n{ROW}\n\n\n{ROW}\n\n",
    "spaces around cells": f" Time , SYMBOL,direction ,stop_loss\n {ROW}\n{ROW} \n",
    "columns in another order": (
        "symbol,stop_loss,time,direction\n"
        "EURUSD,1.08,2024-03-01T08:15,long\nEURUSD,1.08,1709280900,buy\n"
    ),
    "quoted cells": f'"time","symbol","direction","stop_loss"\n{ROW}\n'
    '"2024-03-01T08:15:00","EURUSD","long","1.08"',
}


@pytest.mark.parametrize("what", SPELT)
def test_it_is_read_all_the_same(tmp_path: Path, what: str) -> None:
    signals = read(tmp_path, SPELT[what])
    expected = (AT, "EURUSD", Side.LONG, 1.08)
    assert [(s.time, s.symbol, s.side, s.stop_loss) for s in signals] == [expected] * 2


def test_json_lines_may_hold_any_line_end_and_signs_that_only_look_like_one(
    tmp_path: Path,
) -> None:
    """A line separator inside a text ends no line (and makes no tag that could be printed)."""
    content = line().strip() + "\r\n\r" + line(symbol="GBPUSD")
    assert [(s.symbol, s.line) for s in read(tmp_path, content)] == [("EURUSD", 1), ("GBPUSD", 3)]
    raw = json.dumps({**FULL, "reason": "a\u2028b"}, ensure_ascii=False)
    assert "line 1: reason" in refusal(tmp_path, raw)


def test_signals_keep_the_order_and_the_lines_of_the_file(tmp_path: Path) -> None:
    """Sorting is not the reader's business, and duplicates are risk's."""
    later = ROW.replace("-03-", "-04-")
    signals = read(tmp_path, f"{HEAD}\n{later}\n\n{ROW}\n{ROW}\n")
    assert [signal.line for signal in signals] == [2, 4, 5]
    assert signals[0].time > signals[1].time == signals[2].time


def test_two_signals_are_the_same_when_strategy_symbol_second_and_side_are(
    tmp_path: Path,
) -> None:
    ids = {
        read(tmp_path, line(**changes))[0].signal_id
        for changes in (
            {}, {"stop_loss": 1.2}, {"time": AT / 1000 + 0.5}, {"volume": 1, "reason": "other"},
        )
    }  # fmt: skip
    others = {
        read(tmp_path, line(**changes))[0].signal_id
        for changes in (
            {"direction": "long"}, {"symbol": "GBPUSD"}, {"time": AT // 1000 + 1},
            {"strategy_id": "other"},
        )
    }  # fmt: skip
    assert len(ids) == 1
    assert len(others) == 4
    assert not ids & others


OTHERS: dict[str, str | bytes] = {
    "milliseconds": csv_of(time="1709280900000"),
    "nanoseconds": csv_of(time="1709280900000000000"),
    "an hour of one digit": csv_of(time="2024-03-01 8:15"),
    "the word UTC": csv_of(time="2024/03/01 08:15:00 UTC"),
    "UTF-16": f"{HEAD}\n{ROW}\n".encode("utf-16"),
    "an index": f",{HEAD}\n0,{ROW}\n",
    "separators at the end": f"{HEAD},\n{ROW},\n",
    "a separator at the end of the row": f"{HEAD}\n{ROW},\n",
    "blank rows above": f"\n,,,\n{HEAD}\n{ROW}\n",
    "a line of the separator": f"sep=;\n{HEAD}\n{ROW}".replace(",", ";"),
    "words apart": "Time,Symbol,Direction,Stop Loss,Take-Profit\n" + f"{ROW},-",
    "a terminal's words": "Time,Symbol,Type,S / L,T / P\n" + f"{ROW},N/A",
    "semicolons": f"{HEAD}\n{ROW}".replace(",", ";"),
    "semicolons and decimal commas": f"{HEAD}\n{ROW}".replace(",", ";").replace("1.08", "1,08"),
    "tabs": f"{HEAD}\n{ROW}".replace(",", "\t"),
    "the platform's own time": csv_of(time="2024.03.01 08:15:00"),
    "the day first, with points": csv_of(time="01.03.2024 08:15"),
    "another's names": "Timestamp,Ticker,Type,stopLoss\n" + ROW,
    "short names": "datetime,instrument,side,SL\n" + ROW,
    "no target as the platform writes it": csv_of(take_profit="0.0"),
    "no target as a table writes it": csv_of(take_profit="NaN", volume="nan", exit_time="NaT"),
    "no entry price as the platform writes it": csv_of(entry_price="0"),
    "blank rows of a spreadsheet": f"{HEAD}\n,,,\n{ROW}\n,,,\n , ,,\n",
    "JSON of another program": '{"timestamp": 1709280900000, "symbol": "EURUSD", "type": "buy", '
    '"sl": 1.08, "tp": 0}\n',
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_other_programs_write_says_the_same(tmp_path: Path, what: str) -> None:
    """Each is the plain row's signal: same moment, symbol, side and stop, nothing else."""
    (plain,) = read(tmp_path, f"{HEAD}\n{ROW}")
    (other,) = read(tmp_path, OTHERS[what])
    assert msgspec.structs.replace(other, line=plain.line) == plain


# --- what is refused ------------------------------------------------------------------------

# what: (content, place, fragments that the one line must hold)
MALFORMED: dict[str, tuple[str | bytes, str, list[str]]] = {
    "empty": (b"", "", ["is empty", "first line names the columns"]),
    "header only": (f"{HEAD}\n", "", ["holds no signal", "below the header"]),
    "blank lines only": ("\n\n", "", ["is empty"]),
    "blank cells only": (f"{HEAD}\n,,,\n", "", ["holds no signal", "below the header"]),
    "missing column": (
        "time,symbol,stop_loss\n2024-03-01,EURUSD,1.0\n",
        "line 1",
        ["lacks direction", "every signal has one"],
    ),
    "unknown column": (csv_of(colour="0.1"), "line 1", ["unknown column 'colour'", "volume"]),
    "no header": (f"{ROW}\n", "line 1", ["is a signal where a header is due", HEAD]),
    "a value without a name": (f"{HEAD},\n{ROW},9\n", "line 2", ["without a name"]),
    "a value beyond the header": (f"{HEAD}\n{ROW},9\n", "line 2", ["5 fields, the header 4"]),
    "day or month first": (csv_of(time="03/05/2024 09:15"), "line 2", ["day or the month first"]),
    "a comma in quotes": (csv_of(stop_loss='"1,082"'), "line 2", ["of decimals or of thousands"]),
    "a workbook": (b"PK\x03\x04" + b"\0" * 90, "", ["is an Excel workbook"]),
    "a packed file": (b"\x1f\x8b" + b"\0" * 90, "", ["is a gzip archive"]),
    "duplicate column": (
        f"{HEAD},symbol\n{ROW},GBPUSD\n",
        "line 1",
        ["column symbol is there twice", "remove one"],
    ),
    "semicolons and a decimal too many": (
        f"{HEAD}\n{ROW}".replace(",", ";").replace("1.08", "1;08"),
        "line 2",
        ["has 5 fields, the header 4", "separate fields with semicolons"],
    ),
    "thousands beside semicolons": (
        f"{HEAD}\n{ROW}".replace(",", ";").replace("1.08", "1,080.5"),
        "line 2",
        ["stop_loss '1,080.5'"],
    ),
    "missing cells": (
        f"{HEAD}\n{ROW}\n2024-03-01,EURUSD\n",
        "line 3",
        ["has 2 fields, the header 4"],
    ),
    "extra cells": (f"{HEAD}\n{ROW},1.1\n", "line 2", ["has 5 fields, the header 4"]),
    "comma decimals": (
        csv_of(stop_loss="1,08"),
        "line 2",
        ["has 5 fields, the header 4", "decimals with a point"],
    ),
    "comma decimals in quotes": (
        csv_of(stop_loss='"1,08"'),
        "line 2",
        ["stop_loss '1,08'", "write a positive price such as 1.0825"],
    ),
    "text in a price": (csv_of(stop_loss="abc"), "line 2", ["stop_loss 'abc'", "positive price"]),
    "NaN": (csv_of(stop_loss="NaN"), "line 2", ["stop_loss is missing", "positive price"]),
    "infinite": (csv_of(take_profit="inf"), "line 2", ["take_profit 'inf'", "positive price"]),
    "negative": (csv_of(entry_price="-1.08"), "line 2", ["entry_price '-1.08'"]),
    "zero": (csv_of(stop_loss="0"), "line 2", ["stop_loss '0'", "positive price"]),
    "beyond all prices": (csv_of(stop_loss="1e300"), "line 2", ["stop_loss '1e300'"]),
    "digit groups": (csv_of(stop_loss="1_000"), "line 2", ["stop_loss '1_000'"]),
    "digits of another script": (csv_of(stop_loss="\u0661.\u0660\u0668"), "line 2", ["stop_loss"]),
    "no stop": (csv_of(stop_loss=""), "line 2", ["stop_loss is missing", "positive price"]),
    "zero volume": (csv_of(volume="0"), "line 2", ["volume '0'", "lots above 0"]),
    "no such volume": (csv_of(volume="1e12"), "line 2", ["volume '1e12'", "lots above 0"]),
    "risk scale": (csv_of(risk_scale="-1"), "line 2", ["risk_scale '-1'", "above 0"]),
    "wrong direction": (csv_of(direction="up"), "line 2", ["direction 'up'", "long or short"]),
    "no symbol": (csv_of(symbol=""), "line 2", ["symbol is missing"]),
    "bad time": (csv_of(time="yesterday"), "line 2", ["time 'yesterday'", "2024-03-01T08:15:00"]),
    "no such day": (csv_of(time="2024-02-30"), "line 2", ["time '2024-02-30'"]),
    "day first": (csv_of(time="01/03/2024 08:15"), "line 2", ["time '01/03/2024 08:15'"]),
    "a zone's name": (csv_of(time="2024-03-01T08:15 CET"), "line 2", ["write a time such as"]),
    "no such offset": (csv_of(time="2024-03-01T08:15+25:00"), "line 2", ["write a time such as"]),
    "a date as one number": (csv_of(time="20240301"), "line 2", ["time '20240301'"]),
    "before all clocks": (csv_of(time="1900-01-01"), "line 2", ["time '1900-01-01'"]),
    "after all clocks": (csv_of(expires="2150-01-01"), "line 2", ["expires '2150-01-01'"]),
    "at the edge of the calendar": (csv_of(time="0001-01-01T00:00+14:00"), "line 2", ["time"]),
    "exit before entry": (
        csv_of(exit_time="2024-03-01T08:14:00"),
        "line 2",
        ["exit_time '2024-03-01T08:14:00' is not after time", "correct one of them"],
    ),
    "exit at entry, in another zone": (
        csv_of(exit_time="2024-03-01T09:15:00+01:00"),
        "line 2",
        ["exit_time", "is not after time"],
    ),
    "expires before time": (
        csv_of(entry_price="1.09", expires="2024-02-29"),
        "line 2",
        ["expires '2024-02-29' is not after time"],
    ),
    "control signs": (csv_of(reason="a\x07b"), "line 2", [r"reason 'a\x07b'", "write a text"]),
    "a tag that is too long": (csv_of(reason="x" * 65), "line 2", ["at most 64 characters"]),
    "unclosed quote": (
        f'{HEAD}\n{ROW}\n"2024-03-01,EURUSD,long,1.08\n{ROW}\n',
        "line 4",
        ["is not CSV (unexpected end of data)", "correct the quotes"],
    ),
    "text after a quote": (f'{HEAD}\n"2024"x,EURUSD,long,1\n', "line 2", ["is not CSV"]),
    "huge cell": (csv_of(reason="x" * 1_000_000), "line 2", ["is not CSV (field larger than"]),
    "huge line": (f"{HEAD}\n{'1,' * 1_000_000}\n", "line 2", ["has 1000001 fields"]),
    "huge name": ("x" * 100_000 + f"\n{ROW}", "line 1", ["unknown column 'xxx"]),
    "Latin-1": (csv_of(reason="Gewinnmöglichkeit").encode("latin-1"), "", ["is not UTF-8 text"]),
    "binary": (np.random.default_rng(3).bytes(5_000), "", ["is not UTF-8 text"]),
    "zeros": (b"\0" * 5_000, "line 1", ["unknown column"]),
    "JSON array": (f"[{line()}]", "", ["is a JSON array", "one object a line"]),
    "JSON over several lines": (
        json.dumps(FULL, indent=1),
        "line 1",
        ["is not JSON (Expecting property name", "at column", "one object a line"],
    ),
    "JSON that breaks off": (line()[:-9], "line 1", ["is not JSON", "at column"]),
    "JSON with more behind": (line().strip() + ",\n", "line 1", ["is not JSON (Extra data"]),
    "a line that is no object": (line() + "[1]\n", "line 2", ["'[1]' is not a JSON object"]),
    "JSON without a column": (
        json.dumps({"time": 1, "symbol": "EURUSD"}),
        "line 1",
        ["lacks direction, stop_loss"],
    ),
    "JSON with an unknown column": (line(colour=1), "line 1", ["unknown column 'colour'"]),
    "JSON with a column twice": (
        line().replace('"volume"', '"stop_loss"'),
        "line 1",
        ["column stop_loss is there twice"],
    ),
    "JSON null for a price": (line(stop_loss=None), "line 1", ["stop_loss is missing"]),
    "JSON true for a price": (line(stop_loss=True), "line 1", ["stop_loss 'true'"]),
    "JSON list for a price": (line(stop_loss=[1.08]), "line 1", ["stop_loss '[1.08]'"]),
    "JSON NaN for a price": (line(stop_loss=float("nan")), "line 1", ["stop_loss is missing"]),
    "JSON list for a time": (line(time=[2024, 3, 1]), "line 1", ["time '[2024, 3, 1]'"]),
    "JSON object for a time": (line(time={"year": 2024}), "line 1", ["time '"]),
    "JSON true for a time": (line(time=True), "line 1", ["time 'true'"]),
    "JSON number for a direction": (line(direction=1), "line 1", ["direction '1'", "long or"]),
    "JSON number for a symbol": (line(symbol=5), "line 1", ["symbol '5'", "write a symbol"]),
    "JSON list for a reason": (line(reason=["a"]), "line 1", ["reason", "write a text"]),
    "JSON number without end": (
        line(stop_loss="?").replace('"?"', "9" * 5_000),
        "line 1",
        ["is not JSON"],
    ),
    "JSON without bottom": ('{"time":' + "[" * 200_000, "line 1", ["nested too deeply"]),
}


def test_there_are_enough_ways_to_spoil_a_file() -> None:
    assert len(MALFORMED) >= 25


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_file_is_refused_with_one_line(tmp_path: Path, what: str) -> None:
    content, place, fragments = MALFORMED[what]
    text = refusal(tmp_path, content)
    assert text.startswith(f" {place}:" if place else " ")
    assert ("line" in text.split(":")[0]) == bool(place)
    for fragment in fragments:
        assert fragment in text


def test_the_first_bad_line_is_the_one_that_is_told(tmp_path: Path) -> None:
    """The lines of a file are counted as an editor counts them, quoted line ends included."""
    good = f'{HEAD},reason\n{ROW},a\n\n{ROW},"b"\n'
    assert refusal(tmp_path, good + ROW + ",c,d\n" + ROW).startswith(" line 5: has 6 fields")
    assert refusal(tmp_path, good + ROW + ',"c\nd"\n').startswith(" line 6: reason 'c\\nd'")


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "no.csv", "does not exist")):
        with pytest.raises(SignalFileError, match=words) as caught:
            read_signals(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs rights that can be taken")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "signals.csv"
    file.write_text(f"{HEAD}\n{ROW}\n")
    file.chmod(0)
    with pytest.raises(SignalFileError, match=r"cannot be read \(Permission denied\)"):
        read_signals(file)


def test_a_file_that_is_far_too_large_is_not_read_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_LARGEST", 100)
    assert "split it by time" in refusal(tmp_path, "x" * 101)
    assert len(read(tmp_path, f"{HEAD}\n{ROW}\n")) == 1
