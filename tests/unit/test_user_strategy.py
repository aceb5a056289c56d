"""A strategy of the user's own: a class and a preset beside it, run like those that come along."""

from __future__ import annotations

import csv
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import signals.strategies.sma_cross
from adapters.bars.signal_files import read_signals
from adapters.journal import StoredJournal
from config import preset_files
from engine import events as ev
from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import Said, butler
from tests.conftest import ROOT

UNTIL = ("--to", "2023-01-20")
"""Two weeks and a half of the sample's bars."""

PRESET = """\
name: {name}
title: My own
strategy: {strategy}
timeframe: M15
symbols: [EURUSD]
parameters: {parameters}
limits:
  max_positions: 2
  max_positions_per_symbol: 1
  per_trade_risk_fraction: 0.004
  daily_loss_fraction: 0.02
  reset_zone: Europe/Prague
"""

MINE = '''
"""Buys at every full hour, without a target."""

from __future__ import annotations

import msgspec

from signals.strategy import Enter
from engine.types import Side


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    stop: int
    hour: int | None = None


class Mine:
    parameters_type = Parameters
    timeframes = ("H1",)

    def __init__(self, spec, parameters):
        self.parameters = parameters

    def on_bar(self, bar, view):
        {body}
'''
BUY = """if view.position is None:
            stop = view.tick.bid - self.parameters.stop
            return Enter(side=Side.LONG, stop_loss=stop, take_profit=0, reason="hourly")
"""

Write = Callable[..., Path]


@pytest.fixture
def preset(tmp_path: Path) -> Write:
    """Writes a preset beside `my_strategy.py`, whose content is given as `code`."""

    def write(
        code: str = MINE.format(body=BUY),
        strategy: str = "my_strategy.py:Mine",
        parameters: str = "{stop: 200}",
    ) -> Path:
        (tmp_path / "my_strategy.py").write_text(code, encoding="utf-8")
        file = tmp_path / "mine.yaml"
        text = PRESET.format(name="mine", strategy=strategy, parameters=parameters)
        file.write_text(text, encoding="utf-8")
        return file

    return write


def replay(preset: object, results: Path, *more: object) -> Said:
    return butler("replay", "--preset", preset, "--results-dir", results, "--quiet", *UNTIL, *more)


def rows(results: Path) -> list[dict[str, str]]:
    with (results / "execution_sim_log.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_class_and_a_preset_are_enough(preset: Write, tmp_path: Path) -> None:
    """Its positions are opened at full hours, tagged with the preset's name, without a target.

    The sample's second hour lacks its first bar, so the first hour is known to be over later.
    """
    assert replay(preset(), tmp_path / "r").code == ExitCode.DONE
    opened = [row for row in rows(tmp_path / "r") if row["event"] == "OPEN"]
    assert len(opened) > 5
    assert {row["strategy_id"] for row in opened} == {"mine"}
    assert {(row["reason"], row["direction"], row["take_profit"]) for row in opened} == {
        ("hourly", "long", "")
    }
    assert {row["timestamp"][14:] for row in opened[1:]} == {"00:00+00:00"}


def test_a_copy_of_the_example_does_what_the_example_does(preset: Write, tmp_path: Path) -> None:
    """The example that the documents name can be copied as it stands, annotations and all."""
    code = Path(signals.strategies.sma_cross.__file__).read_text(encoding="utf-8")
    example = Path(preset_files.__file__).parent / "presets" / "sma_cross.yaml"
    file = preset(code)
    file.write_text(
        example.read_text(encoding="utf-8").replace(
            "strategy: sma_cross", "strategy: my_strategy.py:SmaCross"
        ),
        encoding="utf-8",
    )
    assert replay(file, tmp_path / "copied", "--session-id", "a") == Said(ExitCode.DONE, [], [])
    assert replay("sma_cross", tmp_path / "shipped", "--session-id", "a").code == ExitCode.DONE
    assert len(rows(tmp_path / "shipped")) > 20
    assert rows(tmp_path / "copied") == rows(tmp_path / "shipped")


def test_a_strategy_finds_the_files_beside_it(preset: Write, tmp_path: Path) -> None:
    """By `__file__`, as any module does; nothing is left beside it."""
    (tmp_path / "numbers.txt").write_text("200", encoding="utf-8")
    beside = "Path(__file__).parent / 'numbers.txt'"
    reads = f"from pathlib import Path\nSTOP = int(({beside}).read_text())"
    code = MINE.format(body=BUY.replace("self.parameters.stop", "STOP"))
    file = preset(code.replace("import msgspec", f"import msgspec\n{reads}", 1))
    before = {path.name for path in tmp_path.iterdir()}
    assert replay(file, tmp_path / "r").code == ExitCode.DONE
    assert {path.name for path in tmp_path.iterdir()} == before | {"r"}


def test_the_file_of_the_class_is_looked_for_beside_the_preset(
    preset: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the command is started; a preset in the working directory needs no folder."""
    file = preset()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert replay(Path("..") / file.name, tmp_path / "r1").code == ExitCode.DONE
    monkeypatch.chdir(tmp_path)
    assert replay(file.name, tmp_path / "r2").code == ExitCode.DONE
    strip = [{**row, "session_id": ""} for row in rows(tmp_path / "r1")]
    assert strip == [{**row, "session_id": ""} for row in rows(tmp_path / "r2")]


def test_it_may_use_what_a_module_may_use(preset: Write, tmp_path: Path) -> None:
    """Dataclasses and deferred annotations look their module up by its name."""
    code = MINE.replace(
        "import msgspec", "from dataclasses import dataclass, field\nimport msgspec"
    )
    helper = "\n\n@dataclass\nclass Helper:\n    seen: list[int] = field(default_factory=list)\n"
    assert replay(preset(code.format(body=BUY) + helper), tmp_path / "r").code == ExitCode.DONE


def test_its_signals_can_be_written_and_read(preset: Write, tmp_path: Path) -> None:
    """A signal without a target has an empty one, and risk_scale and volume survive exactly."""
    entry = BUY.replace('"hourly"', '"a, b", scale=1 / 3, volume=12_345_600')
    out = tmp_path / "signals.csv"
    said = butler("signals", "--preset", preset(MINE.format(body=entry)), "--out", out, *UNTIL)
    assert said.code == ExitCode.DONE
    found = read_signals(out)
    assert len(found) > 100
    assert {(s.strategy_id, s.reason, s.take_profit) for s in found} == {("mine", "a, b", None)}
    assert {(s.risk_scale, s.volume) for s in found} == {(1 / 3, 1234.56)}


def test_a_signal_without_a_stop_cannot_be_written(preset: Write, tmp_path: Path) -> None:
    entry = BUY.replace("stop_loss=stop", "stop_loss=0")
    said = butler("signals", "--preset", preset(MINE.format(body=entry)), *UNTIL)
    assert said.code == ExitCode.USAGE
    assert said.line.startswith("mine enters EURUSD at 2023-01-0")
    assert "without a stop" in said.line
    assert replay(preset(), tmp_path / "r").code == ExitCode.DONE


def test_its_parameters_are_listed(preset: Write) -> None:
    said = butler("presets", preset())
    assert said.code == ExitCode.DONE
    assert said.out[0].startswith("mine: My own (")
    assert any(line.split() == ["parameters.stop", "200"] for line in said.out)
    assert any(line.split() == ["limits.max_positions", "2"] for line in said.out)


# --- what is wrong with it ------------------------------------------------------------------

# what: (what the preset is written with, fragments of the one line)
WRONG: dict[str, tuple[dict[str, str], list[str]]] = {
    "no such file": (
        {"strategy": "other.py:Mine"}, ["strategy file ", "other.py does not exist"],
    ),
    "no such class": (
        {"strategy": "my_strategy.py:Yours"}, ["my_strategy.py has no class Yours"],
    ),
    "not a class": (
        {"code": "Mine = 5\n"}, ["my_strategy.py has no class Mine"],
    ),
    "not Python": (
        {"code": "def f(:\n"}, ["cannot be imported: SyntaxError", "line 1"],
    ),
    "an import that fails": (
        {"code": "import no_such_module\n"},
        ["cannot be imported: ModuleNotFoundError", "no_such_module"],
    ),
    "an error while it is imported": (
        {"code": "1 / 0\n"}, ["cannot be imported: ZeroDivisionError: division by zero"],
    ),
    "no on_bar": (
        {"code": MINE.format(body="return None").replace("def on_bar", "def on_bars")},
        ["Mine is no strategy", "it has no on_bar", "signals/strategy.py"],
    ),
    "no parameters_type": (
        {"code": MINE.format(body="return None").replace("parameters_type", "parameter_type")},
        ["it has no parameters_type"],
    ),
    "a parameter too few": (
        {"parameters": "{hour: 3}"}, ["missing required field", "stop"],
    ),
    "a parameter too many": (
        {"parameters": "{stop: 2, stpo: 3}"}, ["unknown field", "stpo"],
    ),
    "a parameter of another type": (
        {"parameters": "{stop: near}"}, ["parameters.stop", "int", "str"],
    ),
    "parameters of no type": (
        {"code": MINE.format(body="return None").replace("= Parameters", "= 5")},
        ["Mine", "parameters_type"],
    ),
    "no such timeframe": (
        {"code": MINE.format(body="return None").replace('"H1"', '"H7"')},
        ["Mine", "timeframes", "H7"],
    ),
    "a timeframe that is no tuple": (
        {"code": MINE.format(body="return None").replace('("H1",)', '"H1"')},
        ["Mine", "timeframes"],
    ),
    "no such strategy": (
        {"strategy": "sma_crss"}, ["no strategy 'sma_crss'", "known: ftmo_m15, sma_cross"],
    ),
    "a strategy that is neither": (
        {"strategy": "My Strategy"}, ["strategy", "my_file.py:MyClass", "'My Strategy'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("command", ["replay", "signals", "presets"])
@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    preset: Write, tmp_path: Path, what: str, command: str
) -> None:
    """Nothing was started and nothing written."""
    changes, fragments = WRONG[what]
    file = preset(**changes)
    if command == "replay":
        said = replay(file, tmp_path / "r")
    elif command == "signals":
        said = butler("signals", "--preset", file, "--out", tmp_path / "s.csv")
    else:
        said = butler("presets", file)
    assert said.code == ExitCode.USAGE, said
    for fragment in (file.name, *fragments):
        assert fragment in said.line
    assert said.out == []
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "s.csv").exists()


def test_a_preset_that_does_not_exist_is_named(tmp_path: Path) -> None:
    said = replay(tmp_path / "none.yaml", tmp_path / "r")
    assert said.code == ExitCode.USAGE
    assert "none.yaml" in said.line


def test_bars_that_cannot_make_its_timeframe_are_bad_data(preset: Write, tmp_path: Path) -> None:
    """A day's bars have no hours in them."""
    lines = ["time,open,high,low,close"]
    lines += [f"{1_709_510_400 + 86_400 * day},1.08,1.09,1.07,1.08" for day in range(4)]
    bars = tmp_path / "eurusd.csv"
    bars.write_text("\n".join(lines) + "\n", encoding="utf-8")
    given: tuple[Any, ...] = ("--bars", f"EURUSD={bars}", "--clock", "utc")
    said = butler("replay", "--preset", preset(), "--results-dir", tmp_path / "r", *given)
    assert said.code == ExitCode.DATA
    assert "D1 bars cannot be made into H1 bars" in said.line


# --- when it fails at work ------------------------------------------------------------------

FAILS = {
    "an error of its own": "return 1 / view.position",
    "a decision that is none": "return 'buy'",
    "a side that is a number": "return Enter(side=1, stop_loss=1, take_profit=0, reason='x')",
    "a stop that is a price": (
        "return Enter(side=Side.LONG, stop_loss=1.05, take_profit=0, reason='x')"
    ),
    "no reason": "return Enter(side=Side.LONG, stop_loss=1, take_profit=0, reason=None)",
    "leaving the program": "import sys; sys.exit(3)",
    "cancelling": "import asyncio; raise asyncio.CancelledError('AnError')",
    "what ends a generator": "raise GeneratorExit('AnError')",
    "an interrupt of its own": "raise KeyboardInterrupt('AnError')",
    "what nobody catches": "raise type('AnError', (BaseException,), {})()",
    "an error without a message": (
        "raise type('AnError', (Exception,), {'__str__': lambda error: 1 / 0})()"
    ),
    "leaving what is not open": "from signals.strategy import Leave; return Leave('now')",
}


@pytest.fixture
def ctrl_c_raises() -> Iterator[None]:
    """As in a process that has just begun: nobody has asked to be told of it yet."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_raises")
def test_an_interrupt_that_its_module_raises_is_taken_for_the_users(tmp_path: Path) -> None:
    """Nothing tells it from Ctrl+C: nothing has begun, and the command is interrupted."""
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt", "utf-8")
    shipped = (ROOT / "config/presets/sma_cross.yaml").read_text("utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(re.sub("(?m)^strategy: .*", "strategy: mine.py:Mine", shipped), "utf-8")
    said = butler("replay", "--preset", file, "--results-dir", tmp_path / "r")
    assert (said.code, said.line) == (130, "interrupted")
    assert not list(tmp_path.glob("r/sessions/*"))


@pytest.mark.parametrize("what", FAILS)
def test_a_strategy_that_fails_ends_the_session_in_order(
    preset: Write, tmp_path: Path, what: str
) -> None:
    """Exit code 1 and one line; the journal has everything up to then and how it ended."""
    said = failed(preset, tmp_path / "r", FAILS[what])
    assert "mine " in said.line, "the line names the strategy"
    assert "EURUSD" in said.line
    assert "my_strategy.py:" in said.line, "and where in the file it went wrong"
    assert "in on_bar)" in said.line
    assert "internal error" not in said.line
    folder = tmp_path / "r" / "sessions" / "failed"
    lines = map(json.loads, (folder / "log.jsonl").read_text(encoding="utf-8").splitlines())
    (told,) = (line for line in lines if line["event"] == "the strategy failed")
    assert told["why"] in said.line
    assert "Error" in told["traceback"] or "SystemExit" in told["traceback"]
    summary = json.loads((folder / "execution_sim_summary.json").read_text(encoding="utf-8"))
    assert summary["failure"] == told["why"]


def failed(preset: Write, results: Path, body: str) -> Said:
    """A replay whose strategy does this on 9 January 2023; it ended in order."""
    late = f"if bar.time < 1673258400000: return None\n        {body}"
    said = replay(preset(MINE.format(body=late)), results, "--session-id", "failed")
    assert said.code == ExitCode.INTERNAL
    assert str(results / "sessions" / "failed") in said.line
    stored = StoredJournal(results / "sessions" / "failed" / "journal.sqlite")
    records = list(stored.records())
    assert stored.sealed_hash() is not None
    stored.close()
    assert isinstance(records[0].event, ev.SessionStarted)
    last = records[-1].event
    assert isinstance(last, ev.SessionEnded)
    assert last.outcome is ev.SessionOutcome.FAILED
    assert last.detail
    for command in ("verify", "export"):
        assert butler("journal", command, "failed", "--results-dir", results).code == ExitCode.DONE
    return said


def test_a_strategy_that_cannot_be_made_is_named(preset: Write, tmp_path: Path) -> None:
    code = MINE.format(body="return None").replace(
        "self.parameters = ", "self.parameters = 1 / 0 + "
    )
    said = replay(preset(code), tmp_path / "r")
    assert said.code == ExitCode.INTERNAL
    assert "ZeroDivisionError" in said.line
    assert said.line.startswith("strategy mine failed on EURUSD: ")


@pytest.mark.parametrize("wanted", [("M1",), ("H1", "M5")], ids="-".join)
def test_a_live_session_refuses_recorded_bars_that_are_too_long(
    preset: Write, tmp_path: Path, wanted: tuple[str, ...]
) -> None:
    """The sample's M15 bars cannot be cut; they are not shown under another name."""
    code = MINE.format(body=BUY).replace('("H1",)', repr(wanted))
    said = butler(
        "shadow", "--account-profile", "PAPER", "--preset", preset(code),
        "--results-dir", tmp_path / "results",
    )  # fmt: skip
    assert said.code != ExitCode.DONE
    assert wanted[-1] in said.line
    assert not list((tmp_path / "results" / "sessions").glob("*/journal.sqlite"))
