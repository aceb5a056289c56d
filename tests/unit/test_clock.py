"""The two clocks of the kernel."""

from __future__ import annotations

import time

import pytest

from engine.clock import Clock, SystemClock, VirtualClock


def test_the_system_clock_shows_the_machines_time_in_whole_milliseconds() -> None:
    clock: Clock = SystemClock()
    before = time.time_ns()
    now = clock.now()
    after = time.time_ns()
    assert before // 1_000_000 <= now <= after // 1_000_000
    assert isinstance(now, int)


def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(1_000)
    assert (clock.now(), clock.now()) == (1_000, 1_000)
    clock.advance_to(1_000)
    assert clock.now() == 1_000
    clock.advance_to(2_500)
    assert clock.now() == 2_500


def test_a_virtual_clock_refuses_to_step_back_and_stays_where_it_was() -> None:
    clock = VirtualClock(1_000)
    with pytest.raises(ValueError, match="cannot step back from 1000 to 999"):
        clock.advance_to(999)
    assert clock.now() == 1_000
