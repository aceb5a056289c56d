"""A signal file that grows is read line by line; what is due is told once and at its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.bars.follow import FollowedSignals
from adapters.mt5.live.schedule import SIGNAL_LIFE, LiveSignalSchedule
from engine import events as ev
from engine.types import Side

HEADER = "time,symbol,direction,stop_loss,exit_time\n"
NOON = 1_736_251_200_000


def line(minute: int, symbol: str = "EURUSD", exit_minute: int | None = None) -> str:
    left = "" if exit_minute is None else f"2025-01-07T12:{exit_minute:02}:00+00:00"
    return f"2025-01-07T12:{minute:02}:00+00:00,{symbol},long,1.09,{left}\n"


class Followed:
    """A file, its reader, and what the reader complained of."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "signals.csv"
        self.warnings: list[str] = []
        self.reader = FollowedSignals(self.path, self.warnings.append)

    def append(self, text: str) -> list[ev.UserSignal]:
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.reader.poll()


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_a_file_that_is_not_there_yet_is_waited_for(followed: Followed) -> None:
    assert followed.reader.poll() == []
    assert [signal.symbol for signal in followed.append(HEADER + line(0))] == ["EURUSD"]
    assert followed.reader.poll() == [], "each line once"


def test_only_whole_lines_are_taken(followed: Followed) -> None:
    """Whoever writes may be in the middle of a line."""
    text = line(5)
    assert followed.append(HEADER + text[:20]) == []
    (signal,) = followed.append(text[20:])
    assert (signal.time, signal.side, signal.line) == (NOON + 300_000, Side.LONG, 2)


def test_a_bad_line_is_told_with_its_number_and_the_next_one_is_taken(followed: Followed) -> None:
    taken = followed.append(HEADER + "noon,EURUSD,long,1.09,\n" + line(7))
    assert [signal.line for signal in taken] == [3]
    (warning,) = followed.warnings
    assert "line 2" in warning
    assert "noon" in warning


def test_json_lines_need_no_header(followed: Followed) -> None:
    one = '{"time": 1736251200, "symbol": "EURUSD", "direction": "short", "stop_loss": 1.2}\n'
    assert [signal.side for signal in followed.append(one + "{\n" + one)] == [Side.SHORT] * 2
    assert "line 2" in followed.warnings[0]


def test_a_file_that_became_shorter_is_read_from_its_beginning(followed: Followed) -> None:
    followed.append(HEADER + line(0) + line(1))
    followed.path.write_text(HEADER + line(2), encoding="utf-8")
    assert [signal.time for signal in followed.reader.poll()] == [NOON + 120_000]
    assert "shorter" in followed.warnings[0]


def test_signals_are_due_in_order_of_time_and_each_once(followed: Followed) -> None:
    schedule = LiveSignalSchedule({"EURUSD"})
    schedule.add(followed.append(HEADER + line(10, exit_minute=20) + line(5)))
    assert list(schedule.due(NOON)) == []
    first, second = schedule.due(NOON + 600_000)
    assert isinstance(first, ev.SignalDue)
    assert isinstance(second, ev.SignalDue)
    assert first.signal.time < second.signal.time
    (left,) = schedule.due(NOON + 1_200_000)
    assert left == ev.ExitDue(second.signal.signal_id, NOON + 1_200_000)
    assert list(schedule.due(NOON + 10 * SIGNAL_LIFE)) == []


def test_what_comes_too_late_has_expired_and_strange_symbols_are_told(followed: Followed) -> None:
    schedule = LiveSignalSchedule({"EURUSD"})
    schedule.add(followed.append(HEADER + line(0) + line(0, "XAUUSD")))
    problems = [
        item.problem
        for item in schedule.due(NOON + SIGNAL_LIFE + 1)
        if isinstance(item, ev.SignalDue)
    ]
    assert problems == [ev.DenyReason.EXPIRED, ev.DenyReason.UNKNOWN_SYMBOL]


def test_a_session_that_goes_on_does_not_take_a_signal_again(followed: Followed) -> None:
    (signal,) = followed.append(HEADER + line(0, exit_minute=30))
    schedule = LiveSignalSchedule({"EURUSD"}, {signal.signal_id})
    schedule.add([signal])
    (left,) = schedule.due(NOON + 3_600_000)
    assert isinstance(left, ev.ExitDue), "but it is left at its time"


def test_entries_wait_while_trading_is_suspended_and_times_of_leaving_do_not(
    followed: Followed,
) -> None:
    """As while the link is lost: they are acted on afterwards, unless they have expired by then."""
    schedule = LiveSignalSchedule({"EURUSD"})
    schedule.add(followed.append(HEADER + line(0, exit_minute=1)))
    (left,) = schedule.due(NOON + 60_000, hold=True)
    assert isinstance(left, ev.ExitDue)
    (entered,) = schedule.due(NOON + 120_000)
    assert isinstance(entered, ev.SignalDue)
    assert entered.problem is None
    schedule.add(followed.append(line(2)))
    (expired,) = schedule.due(NOON + 120_000 + SIGNAL_LIFE + 1, hold=True)
    assert isinstance(expired, ev.SignalDue)
    assert expired.problem is ev.DenyReason.EXPIRED


def test_an_unfinished_line_is_read_once_however_long_it_grows(followed: Followed) -> None:
    """It is left out, and the lines after it are taken."""
    followed.append(HEADER + line(0))
    for _ in range(5):
        assert followed.append("x" * 1_500_000) == []
    found = followed.append("y\n" + line(1))
    while not found:
        found = followed.reader.poll()
    assert [signal.symbol for signal in found] == ["EURUSD"]
    assert len(followed.warnings) == 1
    assert "line 3: is longer than 65536 bytes; it is left out" in followed.warnings[0]


def test_what_is_read_at_once_with_an_endless_line_has_the_numbers_of_its_own_lines(
    followed: Followed,
) -> None:
    (signal,) = followed.append("\ufeff" + HEADER + line(0) + "x" * 70_000)
    assert signal.line == 2
    (warning,) = followed.warnings
    assert "line 3: is longer than 65536 bytes" in warning
