"""Firm days from a session's events: what is open is known from positions and margin alone."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from engine import events as ev
from risk.odds.days import Segment
from risk.odds.fold import DayFold
from tests.builders import START, account, closed, opened, started

SUNDAY_NIGHT = round(dt.datetime(2024, 1, 7, 23, 30, tzinfo=dt.UTC).timestamp() * 1000)


def fold() -> DayFold:
    """One that begins half an hour after midnight in Prague."""
    made = DayFold("Europe/Prague", 0, lambda: SUNDAY_NIGHT)
    made.on_started(started())
    return made


def test_margin_left_or_a_position_left_is_not_flat() -> None:
    made = fold()
    made.on_opened(opened(7))
    made.on_account(ev.AccountSeen(START, START - 90, 500))
    made.on_closed(closed(7))
    made.on_account(ev.AccountSeen(START + 5, START - 200, 500))
    made.on_account(ev.AccountSeen(START + 10, START + 10, 0))
    (day,) = made.days()
    assert day.segments == (Segment(START - 200, START + 10, True, START),)
    assert (day.date, day.flat, made.trades) == ("2024-01-08", True, 1)


def test_a_partial_close_leaves_the_position_open() -> None:
    made = fold()
    made.on_opened(opened(7))
    made.on_closed(msgspec.structs.replace(closed(7), remaining=1))
    made.on_account(ev.AccountSeen(START + 5, START + 5, 0))
    made.on_reset(ev.ResetDue("2024-01-09", START + 5, START + 8, 0))
    first, second = (*made.days(), None)[:2]
    assert first is not None
    assert not first.ends_flat
    assert second is not None
    assert not second.flat
    assert made.trades == 0


def test_a_recorded_day_stands_for_the_reset() -> None:
    """What the events of a run give, its records give again."""
    made = [fold(), fold()]
    for one in made:
        one.on_opened(opened(7))
        one.on_account(ev.AccountSeen(START, START - 90, 500))
    made[0].on_reset(ev.ResetDue("2024-01-09", START, START - 40, 500))
    template = account(START, START - 40, 500)
    made[1].on_day_rolled(
        ev.DayRolled(date="2024-01-09", day_start=START, floor=0.0, account=template)
    )
    assert made[0].days() == made[1].days()
    assert ev.ResetDue in made[0].routes()
    assert ev.DayRolled in made[1].recorded_routes()


def test_figures_before_the_start_are_an_error() -> None:
    early = DayFold("UTC", 0, lambda: 0)
    with pytest.raises(RuntimeError, match="before the session started"):
        early.on_account(ev.AccountSeen(1, 1, 0))
