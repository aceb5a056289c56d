"""Odds over any record: the fast fold is the rules, and drawn days keep the record's order."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
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
    RuleSet,
)
from risk.odds.days import FirmDay, Segment
from risk.odds.draws import StationaryOrder, pseudo_histories
from risk.odds.history import history
from risk.odds.interval import Interval, hull, wilson
from risk.odds.paths import Cause, Outcome, Played
from risk.odds.recorder import DayRecorder
from risk.odds.table import Sizing, scaled, table_of
from risk.odds.terms import terms_of
from tests.odds_records import INITIAL, Attempt, Ended, date_of, stream

PHASES = st.builds(
    Phase,
    name=st.just("phase"),
    target=st.sampled_from([300, 500, 801]),
    trading_days=st.integers(0, 3),
    best_day=st.sampled_from([None, 3_000, 5_000]),
)

RULES = st.builds(
    RuleSet,
    name=st.just("any"),
    title=st.just("Any"),
    reset_zone=st.just("UTC"),
    daily=st.builds(
        DailyLoss,
        percent=st.sampled_from([150, 300, 500]),
        day_start=st.sampled_from(list(DayStartBasis)),
        amount_base=st.sampled_from(list(AmountBase)),
        measured_on=st.sampled_from(list(Measured)),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
    maximum=st.builds(
        MaxLoss,
        percent=st.sampled_from([400, 800]),
        mode=st.sampled_from(list(Mode)),
        trails=st.sampled_from(list(DayStartBasis)),
        lock=st.sampled_from([None, 10_000]),
        measured_on=st.sampled_from(list(Measured)),
        breach_at=st.sampled_from(list(BreachAt)),
    ),
    phases=st.one_of(
        st.tuples(PHASES),
        st.tuples(PHASES, PHASES),
        st.tuples(PHASES, PHASES, st.just(Phase(name="account"))),
    ),
)

STEPS = st.integers(-30, 34).map(lambda step: step * 10_000 + step % 3)


@st.composite
def records(draw: st.DrawFn, most: int = 25) -> list[FirmDay]:
    """Days that follow each other, positions held over midnight among them."""
    days: list[FirmDay] = []
    balance = equity = draw(st.sampled_from([INITIAL, 2_500_003]))
    flat = True
    for number in range(draw(st.integers(1, most))):
        start, begins, opened = balance, flat, False
        segments: list[Segment] = []
        count = draw(st.integers(0 if flat else 1, 3))
        for k in range(count):
            opened = opened or flat or draw(st.booleans())
            held = k == count - 1 and draw(st.integers(0, 3)) == 0
            after = balance if held else max(1_000_000, balance + draw(STEPS))
            equity = max(900_000, after + draw(STEPS)) if held else after
            entry = balance if flat or k else days[-1].equity
            low = min(entry, after, equity) - abs(draw(STEPS))
            segments.append(Segment(low, None if held else after, opened))
            balance, flat = after, not held
        if flat:
            equity = balance
        days.append(
            FirmDay(
                date=date_of(number), start=start, flat=begins, segments=tuple(segments),
                balance=balance, equity=equity, opened=opened,
            )
        )  # fmt: skip
    return days


def ended(played: Played, i: int) -> Ended:
    phase = int(played.phase[i])
    outcome = Outcome(played.outcome[i]).name.lower()
    cause = Cause(played.cause[i]).rule
    return outcome, cause, phase, [int(days) for days in played.days[i][:phase]]


@settings(max_examples=200, deadline=None)
@given(records(), RULES, st.sampled_from(list(Sizing)))
def test_every_start_ends_as_one_attempt_played_by_the_objectives(
    days: list[FirmDay], rules: RuleSet, sizing: Sizing
) -> None:
    table = table_of(days)
    found = history(table, terms_of(rules, INITIAL), sizing)
    for i, start in enumerate(found.starts):
        assert ended(found.played, i) == Attempt(rules, sizing).over(days[start:])


@settings(deadline=None)
@given(records(), RULES, st.sampled_from(list(Sizing)))
def test_played_results_count_every_attempt_once(
    days: list[FirmDay], rules: RuleSet, sizing: Sizing
) -> None:
    """Shares add up to one, and no attempt lasts longer than the days that were left."""
    found = history(table_of(days), terms_of(rules, INITIAL), sizing)
    breached = sum(int(found.played.ended_by(cause).sum()) for cause in list(Cause)[1:])
    assert found.passes + breached + found.unfinished == len(found.starts)
    assert (found.played.elapsed <= len(days) - found.starts).all()
    assert (found.played.days.sum(axis=1) <= found.played.elapsed).all()


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2**47), st.integers(-(2**47), 2**47), st.integers(1, 2**47)
        ).filter(lambda row: abs(row[1] * row[0] // row[2]) < 2**48),
        min_size=1,
    )
)
def test_scaling_is_exact_to_the_cent(rows: list[tuple[int, int, int]]) -> None:
    """As whole numbers of any size say, where the product is larger than 64 bits too."""
    balance, difference, start = (np.array(column) for column in zip(*rows, strict=True))
    got = scaled(Sizing.RELATIVE, balance, difference, start)
    assert got.tolist() == [b + d * b // s for b, d, s in rows]


@settings(deadline=None)
@given(records(), st.floats(1, 30), st.integers(0, 99))
def test_a_drawn_day_follows_its_own_day_or_a_flat_midnight(
    days: list[FirmDay], block: float, seed: int
) -> None:
    table = table_of(days)
    if not (table.flat.any() and table.ends_flat.any()):
        return
    rows = pseudo_histories(table, block, 7, stream(seed))
    assert rows.shape == (7, len(days))
    for row in rows:
        assert table.flat[row[0]]
        for day, following in itertools.pairwise(row):
            jumped = following != day + 1
            assert not jumped or (table.ends_flat[day] and table.flat[following])
    order = StationaryOrder(table, block, 3, stream(seed), rows)
    drawn = np.stack([order.draw() for _ in range(20)])
    assert ((drawn >= 0) & (drawn < len(days))).all()


@given(st.floats(0, 1), st.floats(0.01, 1e6))
def test_wilson_holds_its_share_and_narrows_with_trials(share: float, trials: float) -> None:
    wide, narrow = wilson(share, trials), wilson(share, trials * 2)
    assert 0 <= wide.low <= share + 1e-9
    assert share - 1e-9 <= wide.high <= 1
    assert narrow.width <= wide.width + 1e-12
    assert hull(wide, narrow, Interval(share, share)).width >= wide.width


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("seen"), STEPS, STEPS, st.booleans()),
            st.tuples(st.just("opened"), st.just(0), st.just(0), st.just(False)),
            st.tuples(st.just("reset"), STEPS, STEPS, st.booleans()),
        ),
        max_size=60,
    )
)
def test_recorded_days_agree_with_each_other_and_hold_every_low(
    steps: list[tuple[str, int, int, bool]],
) -> None:
    """Any sequence of figures makes days that a table takes, none of whose lows is forgotten."""
    recorder = DayRecorder(date_of(0), INITIAL)
    lows, flat = [INITIAL], True
    for number, (what, balance, equity, says_flat) in enumerate(steps):
        figures = INITIAL + balance, INITIAL + (balance if says_flat else equity)
        if what == "opened":
            recorder.opened()
            flat = False
        elif what == "seen":
            flat = says_flat
            recorder.seen(*figures, flat=flat)
            lows.append(figures[1])
        else:
            flat = says_flat
            recorder.reset(date_of(number), *figures, flat=flat)
            lows.append(figures[1])
    days = recorder.finish(flat=flat)
    if days:
        table_of(days)
        found = [segment.lowest for day in days for segment in day.segments]
        assert min([INITIAL, *found]) == min(lows)
