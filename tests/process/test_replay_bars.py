"""`butler replay --repair` and `--clock auto`: files as they come, put right or refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.types import ClockName
from scripts.cli.shared.exit_codes import ExitCode
from signals.market_data.clocks import CLOCKS, to_server, to_utc
from tests import synthetic
from tests.commands import Said, butler

WINTER = 1_704_672_000
"""8 January 2024, a Monday: no clock changes for weeks."""


@pytest.fixture(scope="module")
def feed() -> synthetic.Bars:
    """Six weeks of EURUSD: both continents change their clocks in it."""
    return synthetic.feed(4, days=42)["EURUSD"]


def by_clock(bars: synthetic.Bars, clock: ClockName) -> synthetic.Bars:
    """The same market as a server with another clock would have written it."""
    times = to_server(clock, to_utc("new-york+7", bars.time))
    return synthetic.Bars(bars.digits, times, *(getattr(bars, n) for n in _VALUES))


_VALUES = ("open", "high", "low", "close", "tick_volume", "spread")


def part(bars: synthetic.Bars, keep: slice) -> synthetic.Bars:
    return synthetic.Bars(bars.digits, *(getattr(bars, n)[keep] for n in ("time", *_VALUES)))


def replay(folder: Path, name: str, *arguments: object) -> tuple[Said, list[dict[str, str]]]:
    """Runs a replay of its own folder of results; what it said, and its event log."""
    results = folder / name
    said = butler("replay", "--results-dir", results, "--session-id", "s", "--json", *arguments)
    log = results / "execution_sim_log.csv"
    if not log.exists():
        return said, []
    with log.open(encoding="utf-8", newline="") as file:
        return said, list(csv.DictReader(file))


def told(said: Said, key: str) -> str:
    """What the summary says of the bars."""
    value: str = json.loads("\n".join(said.out))["data"][0][key]
    return value


def test_a_repaired_file_is_replayed_like_the_clean_one(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    """Without --repair it is refused; with it, what was done is said first."""
    order = np.concatenate([np.arange(700, len(feed)), np.arange(703)])
    mixed = synthetic.Bars(feed.digits, *(getattr(feed, n)[order] for n in ("time", *_VALUES)))
    clean = synthetic.write_parquet(feed, tmp_path / "clean.parquet")
    file = synthetic.write_parquet(mixed, tmp_path / "mixed.parquet")
    bars = ("--bars", f"EURUSD={file}", "--clock", "new-york+7")
    refused, _ = replay(tmp_path, "refused", *bars)
    assert refused.code == ExitCode.DATA
    assert "sort the bars by time" in refused.line
    said, mended = replay(tmp_path, "mended", *bars, "--repair")
    assert said.code == ExitCode.DONE
    assert said.err == [
        f"butler: {file}: dropped 3 exact duplicates",
        f"butler: {file}: sorted by time: it went backwards 1x",
    ]
    _, expected = replay(tmp_path, "clean", "--bars", f"EURUSD={clean}", "--clock", "new-york+7")
    assert mended == expected
    assert len(expected) > 20


@pytest.mark.parametrize("clock", CLOCKS)
def test_auto_tells_every_clock(tmp_path: Path, feed: synthetic.Bars, clock: ClockName) -> None:
    """The replay is that of the named clock, and the market's times are those of every server."""
    file = synthetic.write_parquet(by_clock(feed, clock), tmp_path / "eurusd.parquet")
    bars = ("--bars", f"EURUSD={file}")
    said, log = replay(tmp_path, "auto", *bars, "--clock", "auto")
    assert said.code == ExitCode.DONE
    assert told(said, "clock") == clock
    assert told(said, "first") == "2024-03-03T22:00:00+00:00"
    assert told(said, "last").startswith("2024-04-12T20:")
    named, same = replay(tmp_path, "named", *bars, "--clock", clock)
    assert log == same
    assert named.err == []
    noted = [line for line in said.err if f"the bars' clock is {clock}: weeks open at" in line]
    assert bool(noted) == (clock != "new-york+7"), "the usual clock needs no word"


@pytest.mark.parametrize("clock", ["new-york+7", "eu-dst"])
def test_without_a_word_the_clock_is_told_where_it_can_be(
    tmp_path: Path, feed: synthetic.Bars, clock: ClockName
) -> None:
    file = synthetic.write_parquet(by_clock(feed, clock), tmp_path / "eurusd.parquet")
    said, _ = replay(tmp_path, "r", "--bars", f"EURUSD={file}")
    assert (said.code, told(said, "clock")) == (ExitCode.DONE, clock)


Spoil = Callable[[synthetic.Bars], synthetic.Bars]
UNSURE: dict[str, tuple[Spoil, str]] = {
    "too short": (lambda bars: part(bars, slice(400)), "too few weekends to tell (0)"),
    "one season": (
        lambda _: synthetic.feed(4, days=21, first=WINTER)["EURUSD"],
        "new-york+7 and eu-dst explain the bars equally well",
    ),
}


@pytest.mark.parametrize("what", UNSURE)
def test_auto_refuses_when_it_is_unsure_and_says_what_it_saw(
    tmp_path: Path, feed: synthetic.Bars, what: str
) -> None:
    """Without --clock the usual one is taken, and that is said."""
    change, evidence = UNSURE[what]
    file = synthetic.write_parquet(change(feed), tmp_path / "eurusd.parquet")
    bars = ("--bars", f"EURUSD={file}")
    refused, log = replay(tmp_path, "refused", *bars, "--clock", "auto")
    assert refused.code == ExitCode.DATA
    assert refused.line.startswith("--clock auto cannot tell the clock: ")
    assert evidence in refused.line
    assert refused.line.endswith("; name it with --clock")
    assert not log
    said, _ = replay(tmp_path, "assumed", *bars)
    assert (said.code, told(said, "clock")) == (ExitCode.DONE, "new-york+7")
    assert said.line.startswith("the bars' clock is taken to be new-york+7 (")
    assert evidence in said.line


def test_files_that_disagree_are_no_feed(tmp_path: Path, feed: synthetic.Bars) -> None:
    one = synthetic.write_parquet(feed, tmp_path / "eurusd.parquet")
    other = synthetic.write_parquet(by_clock(feed, "utc"), tmp_path / "gbpusd.parquet")
    bars = ("--bars", f"EURUSD={one}", "--bars", f"GBPUSD={other}", "--clock", "auto")
    said, _ = replay(tmp_path, "r", *bars)
    assert said.code == ExitCode.DATA
    assert "the files disagree: new-york+7, utc" in said.line


def test_a_format_that_states_its_clock_is_not_asked(tmp_path: Path) -> None:
    """Too few bars to say anything against it: what is stated holds unless the user names one."""
    lines = [f"20240304 17{n:02}00;1.08001;1.08019;1.07999;1.08011;0\n" for n in range(30)]
    file = tmp_path / "DAT_EURUSD_M1.csv"
    file.write_text("".join(lines))
    bars = ("--bars", f"EURUSD={file}")
    for name, clock in {"auto": ("--clock", "auto"), "none": ()}.items():
        said, _ = replay(tmp_path, name, *bars, *clock)
        assert (said.code, told(said, "clock"), said.err) == (ExitCode.DONE, "est", [])
    said, _ = replay(tmp_path, "named", *bars, "--clock", "new-york+7")
    assert (said.code, told(said, "clock")) == (ExitCode.DONE, "new-york+7")
    assert said.line == f"{file}: --clock new-york+7 is used, not est, which its format states"


def marked(bars: synthetic.Bars, path: Path) -> Path:
    """The bars with their server times marked as UTC, as `pandas.to_datetime(utc=True)` does."""
    plain = synthetic.write_parquet(bars, path)
    table = pq.read_table(plain)
    stamps = pc.cast(pc.cast(table["time"], pa.timestamp("s")), pa.timestamp("us"))
    zoned = pc.assume_timezone(stamps, "UTC")
    pq.write_table(table.set_column(table.column_names.index("time"), "time", zoned), path)
    return path


@pytest.mark.parametrize("clock", ["new-york+7", "eu-dst"])
@pytest.mark.parametrize("options", [(), ("--clock", "auto")], ids=["none", "auto"])
def test_a_stated_clock_that_the_bars_contradict_is_refused(
    tmp_path: Path, feed: synthetic.Bars, clock: ClockName, options: tuple[str, ...]
) -> None:
    """The line has what is stated, what is seen, and the flag that settles it either way."""
    file = marked(by_clock(feed, clock), tmp_path / "eurusd.parquet")
    said, log = replay(tmp_path, "r", "--bars", f"EURUSD={file}", *options)
    assert (said.code, log) == (ExitCode.DATA, [])
    assert "its format states the clock utc, which the bars contradict: weeks open at" in said.line
    assert f"{clock} explains" in said.line
    assert f"settle it with --clock {clock}, or with --clock utc if" in said.line


def test_the_named_clock_goes_before_the_stated_one(tmp_path: Path, feed: synthetic.Bars) -> None:
    """Marked bars with --clock give the trades of unmarked ones with it, either way named."""
    plain = synthetic.write_parquet(feed, tmp_path / "plain.parquet")
    file = marked(feed, tmp_path / "eurusd.parquet")
    for clock in ("new-york+7", "utc"):
        named = ("--clock", clock)
        said, log = replay(tmp_path, f"marked_{clock}", "--bars", f"EURUSD={file}", *named)
        _, expected = replay(tmp_path, f"plain_{clock}", "--bars", f"EURUSD={plain}", *named)
        assert (said.code, told(said, "clock")) == (ExitCode.DONE, clock)
        assert log == expected
        assert len(expected) > 20
        again = butler("journal", "replay", "s", "--results-dir", tmp_path / f"marked_{clock}")
        assert again.code == ExitCode.DONE, again


def test_a_named_clock_is_questioned_where_the_bars_contradict_it(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    """It holds all the same; the right one needs no word."""
    file = synthetic.write_parquet(feed, tmp_path / "eurusd.parquet")
    for clock in ("eu-dst", "utc", "est"):
        said, _ = replay(tmp_path, clock, "--bars", f"EURUSD={file}", "--clock", clock)
        assert (said.code, told(said, "clock")) == (ExitCode.DONE, clock)
        begin = f"warning: {file}: --clock {clock} is used, but the bars contradict it: weeks open"
        assert said.line.startswith(begin)
    said, _ = replay(tmp_path, "right", "--bars", f"EURUSD={file}", "--clock", "new-york+7")
    assert said.err == []


def test_a_stated_clock_that_no_known_one_replaces_is_refused_too(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    """Tokyo's own time marked as UTC: the mark is wrong, whatever is right."""
    file = marked(by_clock(feed, "Asia/Tokyo"), tmp_path / "eurusd.parquet")
    said, _ = replay(tmp_path, "r", "--bars", f"EURUSD={file}")
    assert said.code == ExitCode.DATA
    assert "which none of the known clocks explains" in said.line
    assert "settle it with --clock NAME" in said.line


def test_bars_that_fit_no_known_clock_are_refused_until_it_is_named(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    """Contradicted is not unknown: the usual clock is not taken where the bars exclude it."""
    file = synthetic.write_parquet(by_clock(feed, "Asia/Tokyo"), tmp_path / "eurusd.parquet")
    bars = ("--bars", f"EURUSD={file}")
    for options in ((), ("--clock", "auto")):
        said, log = replay(tmp_path, "refused", *bars, *options)
        assert (said.code, log) == (ExitCode.DATA, [])
        assert "Mon 06:00" in said.line
        assert "which none of the known clocks explains" in said.line
        assert "name it with --clock" in said.line
    checked = butler("data", "check", file)
    assert (checked.code, checked.out[-1]) == (ExitCode.DATA, "  refused by replay")
    said, log = replay(tmp_path, "named", *bars, "--clock", "Asia/Tokyo")
    assert (said.code, said.err, told(said, "clock")) == (ExitCode.DONE, [], "Asia/Tokyo")
    assert told(said, "first") == "2024-03-03T22:00:00+00:00"
    assert len(log) > 20
    again = butler("journal", "replay", "s", "--results-dir", tmp_path / "named")
    assert again.code == ExitCode.DONE, again


def test_a_clock_that_is_none_is_one_line(tmp_path: Path, feed: synthetic.Bars) -> None:
    file = synthetic.write_parquet(feed, tmp_path / "eurusd.parquet")
    said, _ = replay(tmp_path, "r", "--bars", f"EURUSD={file}", "--clock", "Mars/Olympus")
    assert said.code == ExitCode.USAGE
    assert said.line.startswith("--clock Mars/Olympus: must be auto, one of new-york+7, eu-dst,")


def test_data_commands_tell_a_stated_clock_that_the_bars_contradict(
    tmp_path: Path, feed: synthetic.Bars
) -> None:
    file = marked(feed, tmp_path / "eurusd.parquet")
    said = butler("data", "check", file)
    assert said.code == ExitCode.DATA
    assert said.out[1] == "  clock: utc (stated by the format)"
    assert said.out[2].startswith("  error: its format states the clock utc, which the bars contr")
    assert said.out[-1] == "  refused by replay"
    copied = butler("data", "import", file, "--out", tmp_path / "copy.parquet")
    assert copied.code == ExitCode.DONE
    assert "settle it with --clock new-york+7" in copied.out[0]
