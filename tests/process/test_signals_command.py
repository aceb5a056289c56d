"""`butler signals`, `butler replay --signals` and `butler presets`, as they are typed."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.bars.signal_files import COLUMNS, read_signals
from adapters.journal import StoredJournal
from config import preset_files
from config.loader import list_presets
from engine import events as ev
from engine.events import DenyReason
from engine.types import Limits
from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import Said, butler
from tests.user_signal_runs import at, bar_file, flat, iso, signal_file

UNTIL = ("--to", "2023-02-01")
PRESETS = Path(preset_files.__file__).parent / "presets"


# --- butler signals ---------------------------------------------------------------------------


def test_signals_are_written_in_order_and_can_be_read_again(tmp_path: Path) -> None:
    out = tmp_path / "signals.csv"
    said = butler("signals", "--out", out, *UNTIL)
    found = read_signals(out)
    assert said == Said(ExitCode.DONE, [f"{len(found):,} signals written to {out}"], [])
    assert len(found) > 300
    assert [signal.time for signal in found] == sorted(signal.time for signal in found)
    assert out.read_bytes().count(b"\r") == 0
    assert {signal.strategy_id for signal in found} == {"ftmo_m15"}
    assert {signal.reason for signal in found} == {"v1_cross", "v2_momentum"}
    assert len({signal.signal_id for signal in found}) == len(found)


def test_without_a_file_they_go_to_standard_output_alone(tmp_path: Path) -> None:
    out = tmp_path / "signals.csv"
    butler("signals", "--out", out, "--preset", "sma_cross", *UNTIL)
    said = butler("signals", "--preset", "sma_cross", *UNTIL)
    assert (said.code, said.err) == (ExitCode.DONE, [])
    assert said.out == out.read_text(encoding="utf-8").splitlines()
    assert said.out[0] == ",".join(COLUMNS)
    assert {row["volume"] for row in csv.DictReader(said.out)} == {"0.1"}


def test_a_file_that_is_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "signals.csv"
    out.write_text("x" * 1_000_000)
    assert butler("signals", "--out", out, *UNTIL).code == ExitCode.DONE
    assert read_signals(out)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_where_nothing_can_be_written_it_is_one_line(tmp_path: Path) -> None:
    for out in (tmp_path / "none" / "signals.csv", tmp_path):
        said = butler("signals", "--out", out, *UNTIL)
        assert said.code == ExitCode.USAGE
        assert said.line.startswith(f"{out}: cannot be written (")


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (("--preset", "none"), ExitCode.USAGE, "there is no preset 'none'"),
        (("--bars", "EURUSD"), ExitCode.USAGE, "write SYMBOL=FILE"),
        (("--bars", "EURUSD=none.csv"), ExitCode.DATA, "none.csv: does not exist"),
        (("--from", "2030-01-01"), ExitCode.DATA, "holds no bar between --from and --to"),
        (("--clock", "cet"), ExitCode.USAGE, "--clock cet: must be auto, one of"),
        (("--nonsense",), ExitCode.USAGE, "No such option"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: tuple[str, ...], code: int, fragment: str) -> None:
    said = butler("signals", *arguments)
    assert (said.code, said.out) == (code, [])
    assert fragment in said.line


def test_bars_are_read_as_replay_reads_them(tmp_path: Path) -> None:
    """Notes on the clock go to the other stream."""
    start = 1_709_510_400
    lines = ["time,open,high,low,close,spread"]
    lines += [
        f"{start + 900 * n},{1.08 + n % 9 / 1e4:.5f},1.09123,1.07123,{1.08 + n % 7 / 1e4:.5f},2"
        for n in range(400)
    ]
    file = tmp_path / "eurusd.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = butler("signals", "--bars", f"EURUSD={file}", "--preset", "sma_cross")
    assert said.code == ExitCode.DONE
    assert said.line.startswith("the bars' clock is taken to be new-york+7 (too few weekends")
    first = next(csv.DictReader(said.out))["time"]
    named = butler("signals", "--bars", f"EURUSD={file}", "--preset", "sma_cross", "--clock", "utc")
    assert named.err == []
    assert next(csv.DictReader(named.out))["time"][11:13] != first[11:13]


# --- butler replay --signals --------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "time": at(2), "symbol": "EURUSD", "direction": "long", "stop_loss": 1.077,
    "take_profit": 1.09, "exit_time": at(6), "reason": "good",
}  # fmt: skip

# what is wrong: (what differs from GOOD, the reason of the denial)
DENIED: dict[str, tuple[dict[str, Any], DenyReason]] = {
    "no such symbol": ({"symbol": "NOSUCH"}, DenyReason.UNKNOWN_SYMBOL),
    "a symbol without bars": ({"symbol": "GBPUSD"}, DenyReason.UNKNOWN_SYMBOL),
    "before the bars": ({"time": at(-1)}, DenyReason.OUTSIDE_DATA),
    "years before the bars": ({"time": 0, "exit_time": at(1)}, DenyReason.OUTSIDE_DATA),
    "after the last opening": ({"time": at(29.5), "exit_time": at(40)}, DenyReason.OUTSIDE_DATA),
    "long after the bars": ({"time": at(5_000), "exit_time": at(6_000)}, DenyReason.OUTSIDE_DATA),
    "in a hole": ({"time": at(20.5), "exit_time": at(29)}, DenyReason.EXPIRED),
    "over before it begins": ({"time": at(8.1), "exit_time": at(8.9)}, DenyReason.EXPIRED),
    "the same again": ({}, DenyReason.DUPLICATE_INTENT),
    "one too many on the symbol": ({"time": at(3)}, DenyReason.MAX_POSITIONS_PER_SYMBOL),
    "a stop above": ({"time": at(9), "exit_time": at(12), "stop_loss": 1.081},
                     DenyReason.INVALID_STOPS),
    "a target below": ({"time": at(10), "exit_time": at(12), "take_profit": 1.079},
                       DenyReason.INVALID_STOPS),
    "too little": ({"time": at(11), "exit_time": at(12), "volume": 0.001},
                   DenyReason.BELOW_MIN_VOLUME),
    "too much": ({"time": at(12), "exit_time": at(13), "volume": 2}, DenyReason.PER_TRADE_RISK),
}  # fmt: skip


def replay(folder: Path, signals: Path, *more: object) -> Said:
    hole = [*flat(20), None, None, None, *flat(7)]
    bars = bar_file(folder, "EURUSD", hole)
    return butler(
        "replay", "--bars", f"EURUSD={bars}", "--clock", "utc", "--spread-floor", 10,
        "--signals", signals, "--results-dir", folder / "r", "--session-id", "s", "--json", *more,
    )  # fmt: skip


def log(folder: Path) -> list[dict[str, str]]:
    with (folder / "r" / "execution_sim_log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_signal_is_a_row_or_a_denial_with_its_reason(tmp_path: Path) -> None:
    """One good one and one of each fault: in the log, in the summary and in the journal."""
    signals = [{**GOOD, "reason": "good"}]
    signals += [{**GOOD, **changes, "reason": what} for what, (changes, _) in DENIED.items()]
    said = replay(tmp_path, signal_file(tmp_path, signals))
    assert said.code == ExitCode.DONE
    summary = json.loads("\n".join(said.out))
    rows = log(tmp_path)
    assert [row["event"] for row in rows if row["event"] != "FILTER"] == ["OPEN", "CLOSE"]
    wanted = sorted(str(reason) for _, reason in DENIED.values())
    assert sorted(row["reason"] for row in rows if row["event"] == "FILTER") == wanted
    assert all(row["detail"] for row in rows if row["event"] == "FILTER")
    assert summary["signals"] == len(signals) == 1 + len(wanted)
    assert summary["orders"] == summary["number_of_trades"] == 1
    assert {name: n for name, n in summary["filtered"].items() if n} == {
        name: wanted.count(name) for name in wanted
    }
    stored = StoredJournal(tmp_path / "r" / "sessions" / "s" / "journal.sqlite")
    events = [record.event for record in stored.records()]
    stored.close()
    by_tag = {
        item.order.terms.reason: item.reason for item in events if isinstance(item, ev.OrderDenied)
    }
    assert by_tag == {what: reason for what, (_, reason) in DENIED.items()}


def test_a_signal_of_an_unknown_symbol_has_no_price_in_the_log(tmp_path: Path) -> None:
    """Its digits are not known; everything else that it said is there."""
    given = {**GOOD, "symbol": "NOSUCH", "strategy_id": "mine"}
    assert replay(tmp_path, signal_file(tmp_path, [given])).code == ExitCode.DONE
    (row,) = log(tmp_path)
    assert (row["symbol"], row["direction"], row["price"], row["stop_loss"]) == (
        "NOSUCH", "long", "", "",
    )  # fmt: skip
    assert (row["strategy_id"], row["reason"]) == ("mine", "unknown_symbol")
    assert row["detail"] == "NOSUCH is not among this session's symbols"


@pytest.mark.parametrize("place", [2, 1.5, 1.001])
def test_a_signal_is_acted_on_at_the_first_opening_from_its_time_on(
    tmp_path: Path, place: float
) -> None:
    """And left at the first opening from its exit time on, for the reason END."""
    given = {**GOOD, "time": at(place), "exit_time": at(5.3)}
    assert replay(tmp_path, signal_file(tmp_path, [given])).code == ExitCode.DONE
    opened, closed = log(tmp_path)
    assert (opened["event"], opened["timestamp"]) == ("OPEN", iso(at(2)))
    assert (opened["price"], opened["stop_loss"]) == ("1.08010", "1.07700")
    assert (closed["event"], closed["timestamp"]) == ("CLOSE", iso(at(6)))
    assert (closed["price"], closed["reason"]) == ("1.08000", "END")


def test_a_position_whose_exit_falls_into_a_hole_is_left_after_it(tmp_path: Path) -> None:
    given = {**GOOD, "time": at(19), "exit_time": at(20.5)}
    assert replay(tmp_path, signal_file(tmp_path, [given])).code == ExitCode.DONE
    assert [row["timestamp"] for row in log(tmp_path)] == [iso(at(19)), iso(at(23))]


def test_without_an_exit_time_a_position_is_held_to_the_end(tmp_path: Path) -> None:
    given = {name: value for name, value in GOOD.items() if name != "exit_time"}
    said = replay(tmp_path, signal_file(tmp_path, [given]))
    assert json.loads("\n".join(said.out))["open_positions"] == 1
    assert [row["event"] for row in log(tmp_path)] == ["OPEN"]


def test_lines_out_of_order_are_acted_on_by_their_times(tmp_path: Path) -> None:
    later = {**GOOD, "time": at(8), "exit_time": at(9), "reason": "later"}
    for number, signals in enumerate(([GOOD, later], [later, GOOD])):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert replay(folder, signal_file(folder, signals)).code == ExitCode.DONE
    assert log(tmp_path / "0") == log(tmp_path / "1")
    assert [row["reason"] for row in log(tmp_path / "0")] == ["good", "END", "later", "END"]


def test_the_session_is_told_by_the_file_s_hash(tmp_path: Path) -> None:
    """The preset is not run; its name would be wrong in the summary."""
    file = signal_file(tmp_path, [GOOD])
    summary = json.loads("\n".join(replay(tmp_path, file).out))
    assert summary["preset"] == "signals"
    stored = StoredJournal(tmp_path / "r" / "sessions" / "s" / "journal.sqlite")
    first = next(iter(stored.records())).event
    stored.close()
    assert isinstance(first, ev.SessionStarted)
    assert first.signals_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (first.preset, first.parameters) == ("signals", {})


def test_a_trade_limit_ends_a_replay_of_signals_too(tmp_path: Path) -> None:
    later = {**GOOD, "time": at(8), "exit_time": at(9)}
    said = replay(tmp_path, signal_file(tmp_path, [GOOD, later]), "--limit-trades", 1)
    assert json.loads("\n".join(said.out))["number_of_trades"] == 1
    assert [row["event"] for row in log(tmp_path)] == ["OPEN", "CLOSE"]


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "does not exist: check the path"),
        (b"", "is empty: its first line names the columns"),
        (b"time,symbol,direction\n", "line 1: lacks stop_loss"),
        (b"time,symbol,direction,stop_loss\nnow,EURUSD,long,1\n", "line 2: time 'now': write a"),
        (b"[]", "is a JSON array"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_understood_is_bad_data(
    tmp_path: Path, content: bytes | None, fragment: str
) -> None:
    """One line with the file, the line and the field; no session is begun."""
    file = tmp_path / "signals.csv"
    if content is not None:
        file.write_bytes(content)
    said = replay(tmp_path, file)
    assert (said.code, said.out) == (ExitCode.DATA, [])
    assert said.line.startswith(f"{file}: ")
    assert fragment in said.line
    assert not (tmp_path / "r").exists()


def test_what_a_process_writes_to_its_output_can_be_replayed(tmp_path: Path) -> None:
    """The bytes as they leave the process, whatever the platform makes of line ends."""
    written = subprocess.run(
        [sys.executable, "-m", "scripts.cli.main", "signals", "--to", "2023-01-10"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
    )
    assert written.stderr == b""
    file = tmp_path / "signals.csv"
    file.write_bytes(written.stdout)
    given = ("--to", "2023-01-10", "--signals", file, "--results-dir", tmp_path, "--quiet")
    assert butler("replay", *given) == Said(ExitCode.DONE, [], [])
    summary = json.loads((tmp_path / "execution_sim_summary.json").read_text(encoding="utf-8"))
    assert summary["signals"] == len(read_signals(file)) > 50


# --- butler presets -----------------------------------------------------------------------------


def test_all_presets_are_listed_with_their_titles() -> None:
    said = butler("presets")
    assert (said.code, said.err) == (ExitCode.DONE, [])
    heads = [line for line in said.out if not line.startswith(" ")]
    assert [head.partition(":")[0] for head in heads] == list_presets()
    for head in heads:
        file = PRESETS / f"{head.partition(':')[0]}.yaml"
        assert yaml.safe_load(file.read_text(encoding="utf-8"))["title"] in head
        assert str(file) in head


@pytest.mark.parametrize("name", ["ftmo_m15", "sma_cross"])
def test_a_preset_is_shown_with_every_parameter_and_limit(name: str) -> None:
    """Each value of the YAML file, nothing of another preset."""
    said = butler("presets", name)
    document = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    shown = {line.split()[0]: line.split(maxsplit=1)[1] for line in said.out[1:]}
    for section in ("parameters", "limits"):
        for key, value in document[section].items():
            name_of = f"{section}.{key}"
            rows = [text for field, text in shown.items() if f"{field}.".startswith(f"{name_of}.")]
            assert rows, f"{section}.{key} is not shown"
            if isinstance(value, int | float | str) and not isinstance(value, bool):
                assert rows == [str(value)]
    keys = set(document["parameters"]) | set(document["limits"])
    named = {field.split(".")[1] for field in shown}
    assert keys <= named <= keys | set(Limits.__struct_fields__), (
        "limits that are off are shown, too"
    )


def test_a_preset_that_is_not_there_is_one_line() -> None:
    said = butler("presets", "ftmo_m16")
    assert (said.code, said.out) == (ExitCode.USAGE, [])
    assert "there is no preset 'ftmo_m16'; did you mean ftmo_m15?" in said.line


def test_names_are_matched_with_a_line_and_a_denial_is_dated_by_its_signal(tmp_path: Path) -> None:
    """Lower case is the symbol that it writes; an unknown one is denied when it is due."""
    signals = [{**GOOD, "symbol": "eurusd"}, {**GOOD, "symbol": "NOSUCH", "time": at(9)}]
    signals[1].pop("exit_time")
    early = {**GOOD, "time": at(-2), "exit_time": at(1), "strategy_id": "early"}
    said = replay(tmp_path, signal_file(tmp_path, [*signals, early]))
    assert said.code == ExitCode.DONE
    assert "butler: signals: eurusd is taken to be EURUSD" in said.err
    opened = next(row for row in log(tmp_path) if row["event"] == "OPEN")
    assert opened["symbol"] == "EURUSD"
    unknown = next(row for row in log(tmp_path) if row["symbol"] == "NOSUCH")
    assert _moment(unknown["timestamp"]) == _moment(signals[1]["time"])
    outside = next(row for row in log(tmp_path) if row["reason"] == "outside_data")
    moment = f"{_moment(early['time']):%Y-%m-%d %H:%M:%S} UTC"
    assert outside["detail"] == f"the signal's time, {moment}, lies outside the bars"
    again = butler("journal", "replay", "s", "--results-dir", tmp_path / "r")
    assert again.code == ExitCode.DONE, again


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return datetime.fromtimestamp(value / 1000, UTC)
