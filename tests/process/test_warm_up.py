"""`--from` means one thing: what decides has seen the bars before it, or begins `--cold`."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scripts.cli.shared.exit_codes import ExitCode
from tests import synthetic
from tests.commands import Said, butler

START = "2024-03-13T10:10"
"""In the middle of a bar, of an hour and of the data."""

DAYS = ("--from", "2024-03-14T06:30", "--to", "2024-03-16")
"""At whose first opening nothing is entered."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    feed = synthetic.feed(4, days=28)["EURUSD"]
    return synthetic.write_parquet(feed, tmp_path_factory.mktemp("bars") / "eurusd.parquet")


def signals(file: Path, *more: str) -> list[dict[str, str]]:
    said = butler("signals", "--bars", f"EURUSD={file}", "--clock", "new-york+7", *more)
    assert said.code == ExitCode.DONE
    return list(csv.DictReader(said.out))


@pytest.mark.parametrize("preset", ["ftmo_m15", "sma_cross"])
def test_signals_from_a_date_are_those_of_all_bars_from_that_date(file: Path, preset: str) -> None:
    """With --cold the first hours have none: the indicators know nothing yet."""
    whole = signals(file, "--preset", preset)
    expected = [row for row in whole if row["time"] >= f"{START}:00"]
    assert 5 < len(expected) < len(whole)
    assert signals(file, "--preset", preset, "--from", START) == expected
    cold = signals(file, "--preset", preset, "--from", START, "--cold")
    assert cold != expected
    assert cold[0]["time"] > expected[0]["time"]


def replay(folder: Path, file: Path, *more: str) -> Said:
    return butler(
        *("replay", "--bars", f"EURUSD={file}", "--clock", "new-york+7", "--results-dir", folder),
        *("--session-id", "one", "--quiet", *more),
    )


def test_a_replay_and_a_session_on_recorded_bars_trade_the_same_from_a_date(
    tmp_path: Path, file: Path
) -> None:
    """Warm by default; what is recorded is enough to decide the same again."""
    assert replay(tmp_path / "r", file, *DAYS).code == ExitCode.DONE
    said = butler(
        *("shadow", "--account-profile", "PAPER", "--bars", f"EURUSD={file}", "--speed", "max"),
        *("--clock", "new-york+7", *DAYS, "--results-dir", tmp_path / "s"),
        *("--session-id", "two", "--quiet"),
    )
    assert said.code == ExitCode.DONE, said
    runs = (tmp_path / "r" / "sessions" / "one", tmp_path / "s" / "sessions" / "two")
    compared = butler("compare", *runs)
    assert compared.code == ExitCode.DONE, compared
    again = butler("journal", "replay", "one", "--results-dir", tmp_path / "r")
    assert again.code == ExitCode.DONE, again


def test_a_cold_replay_is_another_one_and_compare_knows_why(tmp_path: Path, file: Path) -> None:
    replay(tmp_path / "warm", file, "--from", START)
    replay(tmp_path / "cold", file, "--from", START, "--cold")
    runs = (tmp_path / name / "sessions" / "one" for name in ("warm", "cold"))
    compared = butler("compare", *runs)
    assert compared.code == ExitCode.DIFFERENT
    assert any("warm-up: one run's indicators began cold" in line for line in compared.out)
    again = butler("journal", "replay", "one", "--results-dir", tmp_path / "cold")
    assert again.code == ExitCode.DONE, again


def test_a_strategy_that_is_asked_bar_by_bar_has_seen_the_past_too(
    tmp_path: Path, file: Path
) -> None:
    """Without a scan over columns a strategy is warmed up by the bars themselves."""
    (tmp_path / "counting.py").write_text(
        "import msgspec\n"
        "from engine.types import LONG\n"
        "from signals.strategy import Enter\n"
        "class Parameters(msgspec.Struct, frozen=True):\n"
        "    every: int\n"
        "class Counting:\n"
        "    parameters_type, timeframes = Parameters, ('M15',)\n"
        "    def __init__(self, spec, parameters):\n"
        "        self.count, self.every = 0, parameters.every\n"
        "    def on_bar(self, bar, view):\n"
        "        self.count += 1\n"
        "        if self.count % self.every == 0 and view.position is None:\n"
        "            return Enter(side=LONG, stop_loss=bar.low - 200, take_profit=bar.high + 90,\n"
        "                         reason=str(self.count))\n"
    )
    preset = (Path(__file__).parents[2] / "config" / "presets" / "sma_cross.yaml").read_text()
    head, _, rest = preset.partition("parameters:")
    limits = rest[rest.index("limits:") :]
    head = head.replace("strategy: sma_cross", "strategy: counting.py:Counting")
    (tmp_path / "counting.yaml").write_text(f"{head}parameters: {{every: 50}}\n{limits}")
    options = ("--preset", str(tmp_path / "counting.yaml"))
    whole = [row["reason"] for row in signals(file, *options) if row["time"] >= f"{START}:00"]
    assert [row["reason"] for row in signals(file, *options, "--from", START)] == whole
    assert replay(tmp_path / "r", file, *options, "--from", START).code == ExitCode.DONE
    log = (tmp_path / "r" / "execution_sim_log.csv").read_text()
    first = next(row for row in csv.DictReader(log.splitlines()) if row["event"] == "OPEN")
    assert first["reason"] == whole[0]
