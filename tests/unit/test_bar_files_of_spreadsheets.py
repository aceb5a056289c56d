"""Dates and times as spreadsheets and other programs write them: read where they are proven."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.bars.reader import BarFile, BarFileError, concat, open_bars
from adapters.bars.signal_files import SignalFileError, read_signals
from adapters.bars.ticks import bars_of_ticks, tick_layout
from engine.events import UserSignal

START = 1_741_564_800  # 2025-03-10 00:00:00
COUNT = 30
PRICES = "1.08000,1.08010,1.07990,1.08000"
NAMED = "Time,Open,High,Low,Close"
LOCAL = "Local time,Open,High,Low,Close"


def _text(head: str, row: str) -> str:
    """Bars of M15, each line by its time."""
    ats = (datetime.fromtimestamp(START + 900 * n, UTC) for n in range(COUNT))
    lines = [row.format(at=at, s=int(at.timestamp()), p=PRICES) for at in ats]
    return "\n".join([head] * bool(head) + lines) + "\n"


def _opened(folder: Path, text: str) -> BarFile:
    path = folder / "bars.csv"
    path.write_text(text, encoding="utf-8")
    return open_bars(path)


LATE = START + 13 * 86_400 + 20 * 3600
"""22:00 has two digits as every hour has, and the day, the 23rd, is no month."""


def _from(time: int, row: str) -> str:
    """Bars an hour apart, so that the day turns."""
    lines = [NAMED]
    for n in range(COUNT):
        at = datetime.fromtimestamp(time + 3600 * n, UTC)
        lines.append(row.format(at=at, half=f"{at:%I:%M %p}".lstrip("0"), p=PRICES))
    return "\n".join(lines) + "\n"


MONTH_FIRST = "{at.month}/{at.day}/{at.year} {at.hour}:{at:%M},{p}"
DAY_FIRST = "{at:%d}/{at:%m}/{at.year} {at:%H}:{at:%M},{p}"


@pytest.mark.parametrize(
    "row",
    [
        MONTH_FIRST,
        DAY_FIRST,
        "{at.month}/{at.day}/{at.year} {half},{p}",
        "{at.year}-{at.month}-{at.day} {at.hour}:{at:%M}:00,{p}",
        "{at:%Y.%m.%d} {at.hour}:{at:%M},{p}",
        '"{at.day}/{at.month}/{at.year} {at.hour}:{at:%M}",{p}',
    ],
)
def test_a_spreadsheets_dates_are_read_where_the_file_proves_their_order(
    tmp_path: Path, row: str
) -> None:
    """The first row alone does not tell how short hours are written, nor do all days."""
    columns = concat(_opened(tmp_path, _from(LATE, row)).chunks())
    assert columns.time.tolist() == [LATE + 3600 * n for n in range(COUNT)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # The 10th and 11th of March, or of October and November.
        (_from(START, MONTH_FIRST), r"line 2: column 'Time': '3/10/2025 0:00' .* no date of the"),
        (_from(START, DAY_FIRST), r"line 2: .* no date of the file tells which\): write it as"),
        (
            _from(LATE, MONTH_FIRST) + "24/3/2025 5:00,1.08,1.08,1.08,1.08\n",
            r"line 32: '24/3/2025 5:00' has another order of day and month than '3/23/2025 20:00' "
            "in line 2",
        ),
        (
            _from(LATE, MONTH_FIRST) + "3/25/2025,1.08,1.08,1.08,1.08\n",
            r"line 32: .*'3/25/2025' is not a calendar time written M/D/YYYY h:mm as the first",
        ),
        (
            _from(LATE, MONTH_FIRST) + "3/32/2025 1:00,1.08,1.08,1.08,1.08\n",
            r"line 32: .*'2025-03-32 01:00:00' is not a calendar time",
        ),
        (
            _text("", "{at:%Y-%m-%d %H:%M},{p}").replace(",", "|"),
            r"separated by '\|': save it with",
        ),
        (_text("", "{at:%Y-%m-%d %H:%M},{p}").replace(",", " "), "separated by blanks"),
        (_text(LOCAL, "{at:%Y-%m-%dT%H:%M:%S},{p}"), "times in a local zone"),
        ("EUR/USD,20250310 00:00:00.123,1.08,1.09\n", r"holds ticks .*--ticks M1"),
    ],
)
def test_dates_that_prove_nothing_or_two_things_are_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(BarFileError, match=told):
        list(_opened(tmp_path, text).chunks())


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        (_text("", "{s}000,{p},1.5,{s}899,1.5,3,0.5,0.6,0"), "utc"),
        (_text("", "{at:%Y%m%d %H%M%S},{p},7").replace(",", ";"), "est"),
        (_text("Time (EET),Open,High,Low,Close", "{at:%Y.%m.%d %H:%M:%S},{p}"), "eu-dst"),
        (_text(LOCAL, "{at:%d.%m.%Y %H:%M:%S}.000 GMT+0200,{p}"), "utc"),
    ],
)
def test_the_clock_is_the_one_that_the_format_states(
    tmp_path: Path, text: str, clock: str | None
) -> None:
    assert _opened(tmp_path, text).fixed_clock == clock


def test_ticks_of_truefx_become_bars_by_their_time_in_utc(tmp_path: Path) -> None:
    ticks = tmp_path / "ticks.csv"
    first = "EUR/USD,20250310 00:00:00.123,1.08000,1.08003\n"
    ticks.write_text(first + "EUR/USD,20250310 00:01:00.500,1.08010,1.08012\n", encoding="utf-8")
    layout = tick_layout(ticks)
    assert (layout.clock, layout.symbol) == ("utc", "EUR/USD")
    columns = concat(bars_of_ticks(ticks, layout, 60, 5))
    assert columns.time.tolist() == [START, START + 60]
    assert columns.spread.tolist() == [3, 2]
    ticks.write_text(first + "GBP/USD,20250310 00:01:00.500,1.2,1.3\n", encoding="utf-8")
    with pytest.raises(BarFileError, match="line 2: is a tick of 'GBP/USD', not of EUR/USD"):
        list(bars_of_ticks(ticks, tick_layout(ticks), 60, 5))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # A price and a volume are no bid and ask.
        ("20250310 220000;1.08;1\n", "is no file of ticks"),
        ("Time,Bid,Ask\n10/03/2025 22:00:00.123,1.08,1.09\n", "the day or the month may come"),
    ],
)
def test_ticks_that_do_not_tell_are_refused(tmp_path: Path, text: str, told: str) -> None:
    ticks = tmp_path / "ticks.csv"
    ticks.write_text(text, encoding="utf-8")
    with pytest.raises(BarFileError, match=told):
        list(bars_of_ticks(ticks, tick_layout(ticks), 60, 5))


SIGNALS = "time,symbol,direction,stop_loss,exit_time\n"


def _signals(folder: Path, *rows: str) -> list[UserSignal]:
    path = folder / "signals.csv"
    path.write_text(SIGNALS + "\n".join(rows) + "\n", encoding="utf-8")
    return read_signals(path)


@pytest.mark.parametrize(
    "row",
    [
        "3/23/2025 9:15,EURUSD,long,1.07,3/24/2025 0:00",
        "23/3/2025 9:15:00,EURUSD,long,1.07,24/03/2025",
        "3/23/2025 9:15 AM,EURUSD,long,1.07,3/24/2025 12:00 am",
        "23.3.2025 9:15,EURUSD,long,1.07,24.3.2025 0:00",
        "2025/3/23 9:15,EURUSD,long,1.07,2025-3-24 0:00",
    ],
)
def test_signals_of_a_spreadsheet_have_its_dates(tmp_path: Path, row: str) -> None:
    (signal,) = _signals(tmp_path, row)
    assert signal.time == 1_742_721_300_000  # 2025-03-23 09:15
    assert signal.exit_time == 1_742_774_400_000


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["3/2/2025 9:15,EURUSD,long,1.07,"], "no date of the file tells which: write"),
        (
            ["3/23/2025 9:15,EURUSD,long,1.07,", "24/3/2025 9:15,EURUSD,long,1.07,"],
            "line 3: '24/3/2025 9:15' has another order of day and month than '3/23/2025 9:15'",
        ),
        (["3/23/2025 25:15,EURUSD,long,1.07,"], "time '2025-03-23 25:15:00'"),
        (["3/23/2025 13:15 PM,EURUSD,long,1.07,"], "time '3/23/2025 13:15 PM'"),
    ],
)
def test_signals_whose_dates_tell_nothing_are_refused(
    tmp_path: Path, rows: list[str], told: str
) -> None:
    with pytest.raises(SignalFileError, match=re.escape(told)):
        _signals(tmp_path, *rows)
