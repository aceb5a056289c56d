"""Bars whose symbol the file or its name says, and symbols from a file of facts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.loader import load_symbols, symbols_yaml
from scripts.cli.shared.exit_codes import ExitCode
from tests import synthetic
from tests.commands import Said, butler

SPEC = """
symbols:
  BTCUSD:
    base: BTC
    quote: USD
    digits: 2
    contract: 1
    volume_min: 0.01
    volume_step: 0.01
    volume_max: 10
    commission: 0
    spread_floor_points: {rollover_hour: 2000, otherwise: 1500}
    stops_level: 0
    leverage: 2
"""


@pytest.fixture(scope="module")
def feed() -> synthetic.Bars:
    return synthetic.feed(4, days=28)["EURUSD"]


def replay(folder: Path, name: str, *arguments: object) -> tuple[Said, str]:
    results = folder / name
    said = butler("replay", "--results-dir", results, "--session-id", "s", "--json", *arguments)
    log = results / "execution_sim_log.csv"
    return said, log.read_text() if log.exists() else ""


@pytest.mark.parametrize(
    ("file_name", "written"),
    [
        ("EURUSD_M15.parquet", "{file}"),
        ("eurusd.parquet", "{file}"),
        ("bars.parquet", "eurusd={file}"),
        ("bars.parquet", "EURUSD.r={file}"),
        ("a=b_EURUSD.parquet", "{file}"),
    ],
)
def test_the_symbol_is_understood_and_a_line_says_so(
    tmp_path: Path, feed: synthetic.Bars, file_name: str, written: str
) -> None:
    """The replay is that of EURUSD=FILE."""
    file = synthetic.write_parquet(feed, tmp_path / file_name)
    _, expected = replay(tmp_path, "plain", "--bars", f"EURUSD={file}")
    said, log = replay(tmp_path, "other", "--bars", written.format(file=file))
    assert said.code == ExitCode.DONE
    assert log == expected
    assert [line for line in said.err if "taken to be" in line and "EURUSD" in line]


def test_a_column_of_the_file_goes_before_its_name(tmp_path: Path) -> None:
    lines = ["symbol,time,open,high,low,close"]
    lines += [f"GBPUSD,{1_741_564_800 + 900 * n},1.08001,1.0801,1.0799,1.08" for n in range(40)]
    file = tmp_path / "EURUSD.csv"
    file.write_text("\n".join(lines))
    said, _ = replay(tmp_path, "r", "--bars", file)
    assert f"butler: {file}: its bars are taken to be of GBPUSD" in said.err


def test_what_says_no_symbol_is_refused_with_what_to_write(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    file = synthetic.write_parquet(feed, tmp_path / "bars.parquet")
    said, _ = replay(tmp_path, "r", "--bars", file)
    assert said.code == ExitCode.USAGE
    assert f"write SYMBOL=FILE, such as EURUSD={file}" in said.line
    unknown, _ = replay(tmp_path, "r", "--bars", f"BTCUSD={file}")
    assert "unknown symbol BTCUSD" in unknown.line
    assert "--symbol-spec FILE" in unknown.line


def test_a_symbol_of_the_user_s_own_is_replayed_and_can_be_replayed_again(tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text(SPEC)
    lines = ["time,open,high,low,close,tick_volume"]
    for n in range(4 * 24 * 20):
        price = 60_000.25 + (n * 37 % 401) * 5 - n
        lines.append(f"{1_741_564_800 + 900 * n},{price},{price + 90},{price - 80},{price + 9},7")
    file = tmp_path / "BTCUSD_M15.csv"
    file.write_text("\n".join(lines))
    options = ("--bars", file, "--symbol-spec", spec, "--clock", "utc", "--preset", "sma_cross")
    said, log = replay(tmp_path, "r", *options)
    assert said.code == ExitCode.DONE
    assert json.loads("\n".join(said.out))["data"][0]["symbol"] == "BTCUSD"
    assert ",BTCUSD," in log
    again = butler("journal", "replay", "s", "--results-dir", tmp_path / "r")
    assert again.code == ExitCode.DONE, again
    checked = butler("data", "check", file, "--symbol-spec", spec)
    assert "BTCUSD M15" in checked.out[0]


def test_doctor_saves_the_symbols_of_a_terminal(tmp_path: Path) -> None:
    """What it writes can be read, and is what the terminal has; nothing is overwritten."""
    file = tmp_path / "symbols.yaml"
    common = ("doctor", "--account-profile", "PAPER", "--results-dir", tmp_path / "r")
    said = butler(*common, "--save-symbols", file)
    assert said.code == ExitCode.DONE, said
    assert any("save symbols" in line and f"written to {file}" in line for line in said.out)
    saved = load_symbols(file)
    known = load_symbols()
    assert saved
    for name, spec in saved.items():
        assert spec.digits == known[name].digits
        assert spec.conversion == known[name].conversion
    again = butler(*common, "--save-symbols", file)
    assert again.code == ExitCode.TERMINAL
    assert any("exists already" in line for line in again.out)


def test_what_is_saved_reads_as_the_same_symbols(tmp_path: Path) -> None:
    """The whole built-in table, there and back."""
    file = tmp_path / "all.yaml"
    file.write_text(symbols_yaml(load_symbols().values()))
    assert load_symbols(file) == load_symbols()
