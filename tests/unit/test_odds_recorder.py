"""Firm days from an account's figures: segments, lows, midnights with a position, late charges."""

from __future__ import annotations

from risk.odds.days import FirmDay, Segment
from risk.odds.recorder import DayRecorder

START = 10_000_000


def recorder() -> DayRecorder:
    return DayRecorder("2024-01-01", START)


def test_a_segment_lasts_from_one_flat_moment_to_the_next() -> None:
    day = recorder()
    day.opened()
    day.seen(START - 5, START - 105, flat=False)
    day.seen(START - 5, START - 30, flat=False)
    day.seen(START + 70, START + 70, flat=True)
    day.opened()
    day.seen(START + 60, START + 60, flat=True)
    (found,) = day.finish(flat=True)
    assert found == FirmDay(
        date="2024-01-01", start=START, flat=True, opened=True,
        segments=(Segment(START - 105, START + 70, True, START - 5),
                  Segment(START + 60, START + 60, True, START + 60)),
        balance=START + 60, equity=START + 60,
    )  # fmt: skip


def test_a_position_held_over_midnight_opens_the_next_day_with_its_equity() -> None:
    """The equity at the reset is tested against the new day's limits, so it is that day's low."""
    day = recorder()
    day.opened()
    day.seen(START, START - 100, flat=False)
    day.reset("2024-01-02", START, START + 40, flat=False)
    day.seen(START, START + 90, flat=False)
    day.seen(START + 80, START + 80, flat=True)
    first, second = day.finish(flat=True)
    assert first.segments == (Segment(START - 100, None, True, START),)
    assert (first.balance, first.equity, first.ends_flat) == (START, START + 40, False)
    assert second.segments == (Segment(START + 40, START + 80, False, START),)
    assert (second.flat, second.opened) == (False, False)


def test_a_day_on_which_nothing_happens_has_no_segment() -> None:
    day = recorder()
    day.seen(START, START, flat=True)
    day.reset("2024-01-02", START, START, flat=True)
    day.reset("2024-01-03", START, START, flat=True)
    days = day.finish(flat=True)
    assert [(one.segments, one.opened) for one in days] == [((), False)] * 2


def test_a_charge_after_the_close_is_kept() -> None:
    """A commission that is booked late lowers a flat balance: the limits must see it."""
    day = recorder()
    day.opened()
    day.seen(START, START, flat=True)
    day.seen(START - 7, START - 7, flat=True)
    (found,) = day.finish(flat=True)
    assert found.segments[-1] == Segment(START - 7, START - 7, True, START - 7)
    assert found.balance == START - 7


def test_a_position_opened_and_closed_between_two_figures_made_a_trading_day() -> None:
    day = recorder()
    day.opened()
    day.reset("2024-01-02", START - 3, START - 3, flat=True)
    (found,) = day.finish(flat=True)
    assert found.opened
    assert found.segments == (Segment(START - 3, START - 3, True, START - 3),)
