"""Odds as a whole: the point, its interval, refusals, warnings, costs and levels of risk."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from config.rules import load_rules
from risk.odds.blocks import mean_block, optimal_blocks
from risk.odds.checks import DaySample, largest_day_share, refusal, warnings
from risk.odds.costs import costs
from risk.odds.days import FirmDay
from risk.odds.estimate import Odds, Settings, odds, pass_probability
from risk.odds.interval import Interval, wilson
from risk.odds.levels import Level, ranked
from risk.odds.table import Sizing, table_of
from risk.odds.terms import terms_of
from tests.odds_records import INITIAL, flat_day, flat_days, stream

RULES = load_rules("ftmo_2step")
TERMS = terms_of(RULES, INITIAL)
QUICK = Settings(paths=2_000, paths_by_block=1_000, histories=60, paths_in_each=60)


def record(days: int, mean: float, spread: float, seed: int = 3) -> list[FirmDay]:
    """Days with one trade each, of normal results in fractions of the balance."""
    start, made = INITIAL, []
    for number, figure in enumerate(stream(seed).normal(mean, spread, days)):
        result = int(figure * start)
        made.append(flat_day([(min(0, result), result)], number, start))
        start += result
    return made


@pytest.fixture(scope="module")
def usual() -> Odds:
    return odds(record(260, 0.001, 0.012), TERMS, Sizing.RELATIVE, QUICK)


def test_the_same_record_and_seed_give_the_same_figures(usual: Odds) -> None:
    days = record(260, 0.001, 0.012)
    again = odds(days, TERMS, Sizing.RELATIVE, QUICK)
    assert msgspec.json.encode(again) == msgspec.json.encode(usual)
    other = odds(days, TERMS, Sizing.RELATIVE, msgspec.structs.replace(QUICK, seed=2))
    assert other.passed != usual.passed
    assert other.passed == pytest.approx(usual.passed, abs=0.06)


def test_the_interval_holds_both_others_and_the_point(usual: Odds) -> None:
    for one in (usual.from_history, usual.from_bootstrap):
        assert usual.interval.low <= one.low
        assert one.high <= usual.interval.high
    assert usual.passed in usual.interval
    assert usual.from_history == wilson(
        usual.history_passes / usual.history_decided, usual.independent
    )


def test_shares_of_an_estimate_add_up(usual: Odds) -> None:
    for one in (usual.estimate, usual.history):
        total = one.passed + one.daily_loss + one.max_loss + one.max_days + one.undecided
        assert total == pytest.approx(1)
        assert one.phases[0] >= one.phases[1] == one.passed
    low, middle, high = usual.estimate.days_to_pass or (0, 0, 0)
    assert 8 <= low <= middle <= high
    assert usual.calendar_days(5) == 7


def test_more_drawn_paths_leave_the_interval_as_wide() -> None:
    """The record is what is short: the number of simulations says nothing about it."""
    days = record(120, 0.001, 0.012)
    few, many = (
        odds(days, TERMS, Sizing.RELATIVE, msgspec.structs.replace(QUICK, paths=paths))
        for paths in (500, 8_000)
    )
    assert few.interval.width == pytest.approx(many.interval.width, abs=0.05)
    assert many.interval.width > 0.3


def test_signals_that_always_lose_have_an_upper_bound_and_no_days() -> None:
    found = odds(record(300, -0.004, 0.006), TERMS, Sizing.RELATIVE, QUICK)
    assert (found.passed, found.interval.low) == (0.0, 0.0)
    assert 0.0 < found.interval.high < 0.6
    assert found.estimate.days_to_pass is None


def test_a_daily_limit_is_met_only_on_paths_with_lows() -> None:
    """Closed results alone show no daily breach; a floating loss on some days ends most paths."""
    closed = record(250, 0.002, 0.012)
    deep = [
        day if number % 9 else msgspec.structs.replace(
            day,
            segments=(msgspec.structs.replace(day.segments[0],
                                              lowest=day.start - int(0.06 * INITIAL)),),
        )
        for number, day in enumerate(closed)
    ]  # fmt: skip
    shuffled, real = (odds(days, TERMS, Sizing.ABSOLUTE, QUICK) for days in (closed, deep))
    assert shuffled.estimate.daily_loss == 0
    assert real.estimate.daily_loss > 0.5
    assert real.passed < shuffled.passed / 2


def test_streaks_show_in_the_estimates_at_longer_blocks() -> None:
    """Forty good days, forty bad ones: single days say nothing of it."""
    good, bad = [[(0, 60_000)]] * 40, [[(-62_000, -62_000)]] * 40
    found = odds(flat_days((good + bad) * 4), TERMS, Sizing.ABSOLUTE, QUICK)
    figures = dict(found.by_block)
    assert found.lowest_by_block == min(figures.values())
    assert max(figures.values()) - min(figures.values()) > 0.05
    even = odds(
        flat_days([[(0, 60_000)], [(-62_000, -62_000)]] * 40), TERMS, Sizing.ABSOLUTE, QUICK
    )
    assert even.mean_block == pytest.approx(80 / 6)


def test_blocks_last_a_month_or_longer_but_fit_six_times_into_the_record() -> None:
    assert mean_block(table_of(record(300, 0, 0.01))) == 20.0
    assert mean_block(table_of(record(60, 0, 0.01))) == 10.0
    assert mean_block(table_of(record(4, 0, 0.01))) == 1.0
    walk = np.cumsum(stream().normal(size=400))
    assert optimal_blocks(walk)[0] > 20
    assert optimal_blocks(np.full(50, 0.1)) == (1.0, 1.0)


def enough(**changed: object) -> DaySample:
    return msgspec.structs.replace(DaySample(trades=20), **changed)


def test_a_record_that_bears_odds_is_not_refused() -> None:
    assert refusal(table_of(record(60, 0, 0.01)), enough()) is None


@pytest.mark.parametrize(
    ("days", "run", "words"),
    [
        (59, enough(), "59 firm days, at least 60"),
        (60, enough(trades=19), "19 closed trades, at least 20"),
        (60, enough(ended_by="max_loss"), "ended early by max_loss"),
        (60, enough(reads_balance=86_400_000),
         "reads its balance (with another one it decides otherwise at 1970-01-02 00:00 UTC)"),
        (60, enough(keeps_reserve=True), "firm_reserve_fraction"),
    ],
)  # fmt: skip
def test_a_record_that_bears_no_odds_is_refused_in_one_line(
    days: int, run: DaySample, words: str
) -> None:
    said = refusal(table_of(record(days, 0, 0.01)), run)
    assert said is not None
    assert words in said
    assert "\n" not in said


def with_held_nights(days: list[FirmDay], nights: list[int]) -> list[FirmDay]:
    """The days, with a position open over the night after each of these."""
    held = list(days)
    for night in nights:
        last = msgspec.structs.replace(held[night].segments[-1], balance=None)
        held[night] = msgspec.structs.replace(held[night], segments=(last,))
        held[night + 1] = msgspec.structs.replace(held[night + 1], flat=False)
    return held


def test_too_few_flat_midnights_are_refused() -> None:
    days = record(61, 0, 0.01)
    enough_nights = list(range(31))
    assert refusal(table_of(with_held_nights(days, enough_nights)), enough()) is None
    said = refusal(table_of(with_held_nights(days, list(range(32)))), enough())
    assert said is not None
    assert said.startswith("29 midnights with nothing open, at least 30")


CHANGES: list[tuple[Callable[[Odds], Odds], str]] = [
    (lambda one: msgspec.structs.replace(one, days=249), "only 249 firm days"),
    (lambda one: msgspec.structs.replace(one, independent=4.96), "5.0 independent attempts"),
    (lambda one: msgspec.structs.replace(one, flat_starts=51), "51 of 260 days"),
    (
        lambda one: msgspec.structs.replace(
            one, history=msgspec.structs.replace(one.history, undecided=0.11)
        ),
        "11% of the starts",
    ),
]


@pytest.mark.parametrize(("change", "words"), CHANGES)
def test_what_to_know_is_said(usual: Odds, change: Callable[[Odds], Odds], words: str) -> None:
    table = table_of(record(260, 0.001, 0.012))
    assert any(words in said for said in warnings(table, change(usual)))


def test_a_single_day_and_missing_news_are_said(usual: Odds) -> None:
    table = table_of(flat_days([[(0, 10)], [(0, 10)], [(-5, -5)], [(0, 100)]]))
    assert largest_day_share(table) == pytest.approx(100 / 120)
    said = warnings(table, usual, news_without_calendar=True)
    assert any("one day made 83%" in one for one in said)
    assert any("no calendar" in one for one in said)
    assert largest_day_share(table_of(flat_days([[(-5, -5)]]))) is None


def test_closed_deals_are_marked(usual: Odds) -> None:
    table = table_of(record(260, 0.001, 0.012))
    said = warnings(table, usual, closed_deals_only=True)
    assert said[0] == "floating loss unknown: daily and overall breaches are understated"
    assert said[0] not in warnings(table, usual)


def test_the_point_alone_is_about_the_same(usual: Odds) -> None:
    point = pass_probability(record(260, 0.001, 0.012), TERMS, Sizing.RELATIVE)
    assert point == usual.passed  # the same seed, block and number of paths


def test_costs_follow_the_number_of_attempts() -> None:
    found = costs(0.25, 500, refunded=True)
    assert (found.attempts, found.fees) == (4.0, 1_500.0)
    assert found.budget90 == 500 * 9  # 0.75 ** 8 is 0.1001
    assert costs(0.9, 500).budget90 == 500  # one attempt passes with just 90 %
    assert costs(1.0, 500).fees == 500
    assert costs(0.0, 500).fees is None
    for p, fee in ((-0.1, 1.0), (1.1, 1.0), (math.nan, 1.0), (0.5, -1.0), (0.5, math.inf)):
        with pytest.raises(ValueError, match="must"):
            costs(p, fee)


def test_levels_are_ranked_by_odds_and_by_cost(usual: Odds) -> None:
    def level(risk: float, passed: float, low: float, high: float) -> Level:
        phases = (1.0, passed)
        estimate = msgspec.structs.replace(usual.estimate, phases=phases)
        changed = msgspec.structs.replace(usual, estimate=estimate, interval=Interval(low, high))
        return Level(risk=risk, odds=changed, cut={"margin": 3, "max_positions": 1})

    levels = [
        level(0.25, 0.5, 0.3, 0.7), level(0.5, 0.6, 0.4, 0.8), level(1, 0.6, 0.2, 0.9),
        level(2, 0.1, 0.0, 0.3),
    ]  # fmt: skip
    found = ranked(levels, 540)
    assert (found.best, found.cheapest, found.alike) == (1, 1, (0, 2))
    assert found.costs[3].lower.fees is None
    assert levels[0].marks == ("margin",)
    with pytest.raises(ValueError, match="no level"):
        ranked([], 540)
