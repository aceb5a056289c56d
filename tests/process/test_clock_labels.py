"""Formats x clocks x labels: what the bars show goes over what a file states."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.cli.shared.exit_codes import ExitCode
from signals.market_data.clocks import CLOCKS, to_server, to_utc
from tests import synthetic
from tests.commands import butler

Line = Callable[[datetime, str], str]
# Header, how a line is written, and the clock that the format states.
FORMATS: dict[str, tuple[str, Line, str | None]] = {
    "plain": ("time,open,high,low,close\n", lambda t, v: f"{t:%Y-%m-%d %H:%M:%S},{v}", None),
    "epoch": ("time,open,high,low,close\n", lambda t, v: f"{t.timestamp():.0f},{v}", None),
    "offset": (
        "time,open,high,low,close\n",
        lambda t, v: f"{t:%Y-%m-%d %H:%M:%S}+00:00,{v}",
        "utc",
    ),
    "zulu": ("time,open,high,low,close\n", lambda t, v: f"{t:%Y-%m-%dT%H:%M:%S}Z,{v}", "utc"),
    "time_utc": ("time_utc,open,high,low,close\n", lambda t, v: f"{t:%Y-%m-%d %H:%M},{v}", "utc"),
    "dukascopy": (
        "Gmt time,Open,High,Low,Close,Volume\n",
        lambda t, v: f"{t:%d.%m.%Y %H:%M:%S}.000,{v},1.5",
        "utc",
    ),
    "export": (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n",
        lambda t, v: f"{t:%Y.%m.%d}\t{t:%H:%M:%S}\t" + v.replace(",", "\t"),
        None,
    ),
    "headerless": ("", lambda t, v: f"{t:%Y.%m.%d},{t:%H:%M},{v},7", None),
    "histdata": ("", lambda t, v: f"{t:%Y%m%d %H%M%S};" + v.replace(",", ";") + ";0", "est"),
}


@pytest.fixture(scope="module")
def feed() -> synthetic.Bars:
    """Six weeks of EURUSD: both continents change their clocks in it."""
    return synthetic.feed(4, days=42)["EURUSD"]


def written(path: Path, feed: synthetic.Bars, format_name: str, clock: str) -> Path:
    """The bars in a format, their times by `clock` whatever the format states."""
    header, line, _ = FORMATS[format_name]
    times = to_server(clock, to_utc("new-york+7", feed.time)).tolist()
    prices = zip(*(feed.column(n) for n in ("open", "high", "low", "close")), strict=True)
    lines = (
        line(datetime.fromtimestamp(time, UTC), ",".join(f"{price:.5f}" for price in bar))
        for time, bar in zip(times, prices, strict=True)
    )
    path.write_text(header + "".join(f"{text}\n" for text in lines))
    return path


@pytest.mark.parametrize("clock", [*CLOCKS, "Asia/Tokyo"])
@pytest.mark.parametrize("format_name", FORMATS)
def test_what_is_stated_is_held_against_the_bars(
    tmp_path: Path, feed: synthetic.Bars, format_name: str, clock: str
) -> None:
    """A right label or none is played by the right clock, a wrong one names what the bars show."""
    file = written(tmp_path / "eurusd.csv", feed, format_name, clock)
    stated = FORMATS[format_name][2]
    said = butler("data", "check", file)
    if clock not in CLOCKS or stated not in (None, clock):
        assert (said.code, said.out[-1]) == (ExitCode.DATA, "  refused by replay")
        remedy = "NAME" if clock not in CLOCKS else clock
        wrong = f"settle it with --clock {remedy}, or" if stated else "its clock is not known"
        assert wrong in said.out[2]
    else:
        assert (said.code, said.out[-1]) == (ExitCode.DONE, "  usable")
        assert said.out[1].startswith(f"  clock: {clock} (")


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_named_clock_wins_in_every_format(
    tmp_path: Path, feed: synthetic.Bars, format_name: str
) -> None:
    """Server times in any format, with --clock, give the trades of bars that state nothing."""
    logs: list[str] = []
    for name in ("plain", format_name):
        file = written(tmp_path / f"{name}.csv", feed, name, "eu-dst")
        results = tmp_path / f"results_{name}_{len(logs)}"
        said = butler(
            *("replay", "--bars", f"EURUSD={file}", "--clock", "eu-dst", "--results-dir", results),
            *("--session-id", "s", "--json"),
        )
        assert said.code == ExitCode.DONE
        logs.append((results / "execution_sim_log.csv").read_text())
    assert logs[0] == logs[1]
    assert logs[0].count("\n") > 20
