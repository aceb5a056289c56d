"""Random rules that short feeds can pass and break, and replays that follow them."""

from __future__ import annotations

import dataclasses

from hypothesis import strategies as st

from engine.rules import (
    AmountBase,
    BreachAt,
    DailyLoss,
    DayStartBasis,
    MaxLoss,
    Measured,
    Mode,
    Phase,
    RuleAction,
    RuleSet,
    TradingRestrictions,
    WeeklyClosure,
)
from risk.challenge import Challenge
from scripts.app.terms.objectives import with_firms_day
from scripts.app.terms.replay_terms import Terms

WEEK = WeeklyClosure(zone="America/New_York", closes=(4 * 24 + 17) * 60, opens=(6 * 24 + 17) * 60)
ZONES = st.sampled_from([("Europe/Prague", 0), ("America/New_York", 17), ("Etc/GMT-3", 0)])


def rules(**changes: object) -> RuleSet:
    """Tight rules: a day may lose 0.5 %, an attempt 1 %, and 0.6 % and 0.3 % are to be made."""
    tight = RuleSet(
        name="tight",
        title="Tight",
        reset_zone="Europe/Prague",
        daily=DailyLoss(percent=50),
        maximum=MaxLoss(percent=100),
        phases=(
            Phase(name="first", target=60, trading_days=2),
            Phase(name="second", target=30, trading_days=1),
        ),
    )
    return RuleSet(**{**{name: getattr(tight, name) for name in tight.__struct_fields__},
                      **changes})  # fmt: skip


def _phases() -> st.SearchStrategy[tuple[Phase, ...]]:
    one = st.builds(
        Phase,
        name=st.just("first"),
        target=st.sampled_from([20, 60, 200]),
        trading_days=st.integers(0, 3),
        best_day=st.none() | st.just(5_000),
        flat_minutes=st.sampled_from([0, 0, 45]),
    )
    second = Phase(name="second", target=30, trading_days=1)
    earned = Phase(name="earned", flat_minutes=30)
    return st.tuples(one) | st.tuples(one, st.just(second), st.just(earned))


RULES: st.SearchStrategy[RuleSet] = st.builds(
    lambda turn, daily, maximum, phases: rules(
        reset_zone=turn[0], reset_hour=turn[1], daily=daily, maximum=maximum, phases=phases,
        restrictions=TradingRestrictions(
            gap_minutes=120, closure_minutes=120, week=WEEK, requests_a_day=40
        ),
    ),
    ZONES,
    st.builds(
        DailyLoss,
        percent=st.sampled_from([20, 50, 100]),
        day_start=st.sampled_from(list(DayStartBasis)),
        amount_base=st.sampled_from(list(AmountBase)),
        measured_on=st.sampled_from(list(Measured)),
        breach_at=st.sampled_from(list(BreachAt)),
        action=st.sampled_from(list(RuleAction)),
    ),
    st.builds(
        MaxLoss,
        percent=st.sampled_from([40, 100, 150]),
        mode=st.sampled_from(list(Mode)),
        trails=st.sampled_from(list(DayStartBasis)),
        lock=st.none() | st.just(10_000),
        measured_on=st.sampled_from(list(Measured)),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
    _phases(),
)  # fmt: skip

COURSES: st.SearchStrategy[Challenge] = st.builds(Challenge, rules=RULES, repeat=st.booleans())


def following(terms: Terms, challenge: Challenge) -> Terms:
    """The terms of a replay that follows the course, its day included."""
    limits = with_firms_day(terms.limits, challenge)
    return dataclasses.replace(terms, objectives=challenge, limits=limits)
