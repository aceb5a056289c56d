"""Rules played over days, in cases worked by hand, and over draws whose answer is known exactly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from config.rules import list_rules, load_rules
from engine.rules import BreachAt, DailyLoss, MaxLoss, Phase, RuleAction, RuleSet
from risk.odds.days import FirmDay, Segment, scaled_down, spliced, without_idle_weekends
from risk.odds.draws import NoFlatStart, RecordOrder, StationaryOrder
from risk.odds.history import history
from risk.odds.paths import Cause, Outcome, Played
from risk.odds.play import play
from risk.odds.table import LARGEST, BadDays, Sizing, table_of
from risk.odds.terms import NoTarget, OddsTerms, terms_of
from tests.odds_records import INITIAL, Attempt, date_of, flat_day, flat_days, row_day, stream

PERCENT = INITIAL // 100
TWO_STEP = load_rules("ftmo_2step")
ONE_STEP = load_rules("ftmo_1step")

Row = tuple[str, str, int, list[int]]


def one_phase(**phase: Any) -> RuleSet:
    """5 % a day, 10 % in all, a target of 2 %, no minimum of days."""
    return RuleSet(
        name="one", title="One", reset_zone="UTC",
        daily=DailyLoss(percent=500), maximum=MaxLoss(percent=1_000),
        phases=(Phase(name="only", target=200, **phase),),
    )  # fmt: skip


def from_first(days: Sequence[FirmDay], terms: OddsTerms, sizing: Sizing = Sizing.ABSOLUTE) -> Row:
    """What comes of the attempt that begins on the first day."""
    played = play(table_of(days), terms, sizing, RecordOrder(np.array([0]), len(days)), len(days))
    phase = int(played.phase[0])
    outcome, cause = Outcome(played.outcome[0]).name.lower(), Cause(played.cause[0]).rule
    return outcome, cause, phase, played.days[0][:phase].tolist()


def test_an_equity_on_the_limit_breaks_it_only_where_a_touch_does() -> None:
    touch = msgspec.structs.replace(
        one_phase(), daily=DailyLoss(percent=500, breach_at=BreachAt.TOUCH)
    )
    on, below = flat_days([[(-5 * PERCENT, 0)]]), flat_days([[(-5 * PERCENT - 1, 0)]])
    assert from_first(on, terms_of(one_phase(), INITIAL))[0] == "unfinished"
    assert from_first(on, terms_of(touch, INITIAL))[:2] == ("breached", "daily_loss")
    assert from_first(below, terms_of(one_phase(), INITIAL))[:2] == ("breached", "daily_loss")


def test_the_overall_limit_is_named_where_both_are_broken() -> None:
    days = flat_days([[(-4 * PERCENT, -4 * PERCENT)], [(-7 * PERCENT, 0)]])
    assert from_first(days, terms_of(one_phase(), INITIAL)) == ("breached", "max_loss", 1, [2])


def test_a_pass_before_the_breach_of_the_same_day_stands_and_one_after_it_does_not() -> None:
    terms = terms_of(one_phase(), INITIAL)
    first, second = (0, 2 * PERCENT), (-6 * PERCENT, 0)
    assert from_first([flat_day([first, second])], terms) == ("passed", "", 1, [1])
    late = [flat_day([second, (0, 2 * PERCENT)])]
    assert from_first(late, terms) == ("breached", "daily_loss", 1, [1])
    within = [flat_day([(-6 * PERCENT, 2 * PERCENT)])]
    assert from_first(within, terms) == ("breached", "daily_loss", 1, [1])


def test_a_target_reached_and_lost_again_within_a_day_passes() -> None:
    days = [flat_day([(0, 2 * PERCENT), (-PERCENT, -PERCENT)])]
    assert from_first(days, terms_of(one_phase(), INITIAL))[0] == "passed"


def test_days_without_an_opening_are_no_trading_days() -> None:
    terms = terms_of(one_phase(trading_days=2), INITIAL)
    days = [flat_day([(0, 3 * PERCENT)], 0)] + [flat_day([], n, 103 * PERCENT) for n in (1, 2)]
    assert from_first(days, terms) == ("unfinished", "", 1, [3])
    days.append(flat_day([(0, 0)], 3, 103 * PERCENT))
    assert from_first(days, terms) == ("passed", "", 1, [4])


def test_the_next_phase_begins_on_a_fresh_balance_on_the_next_flat_day() -> None:
    """Days until then count for no phase."""
    terms = terms_of(TWO_STEP, INITIAL)
    up = [flat_day([(0, 300_000)], n, INITIAL + 300_000 * n) for n in range(3)]
    start = INITIAL + 900_000
    turn = row_day([start, 1, [[start, start + PERCENT, True], [start, None, True]],
                    start + PERCENT, start + PERCENT, 1], 3)  # fmt: skip
    top = start + PERCENT
    held = row_day([top, 0, [[top, None, False]], top, top, 0], 4)
    back = row_day([top, 0, [[top, top, False]], top, top, 0], 5)
    after = [flat_day([(-90_000, -90_000)], 6 + n, top) for n in range(2)]
    days = [*up, turn, held, back, *after]
    assert from_first(days, terms) == ("unfinished", "", 2, [4, 2])
    assert list(Attempt(TWO_STEP, Sizing.ABSOLUTE).over(days)) == list(from_first(days, terms))


def test_best_day_delays_a_pass_until_the_others_have_made_as_much() -> None:
    terms = terms_of(ONE_STEP, INITIAL)
    gains = [7 * PERCENT, 3 * PERCENT, 3 * PERCENT, PERCENT]
    days = [flat_day([(0, gain)], n, INITIAL + sum(gains[:n])) for n, gain in enumerate(gains)]
    assert from_first(days[:3], terms) == ("unfinished", "", 1, [3])
    assert from_first(days, terms) == ("passed", "", 1, [4])


def test_a_trailing_limit_follows_the_best_end_of_a_day_and_stops_at_its_lock() -> None:
    maximum = msgspec.structs.replace(ONE_STEP.maximum, lock=10_000)
    locked = msgspec.structs.replace(ONE_STEP, maximum=maximum, daily=DailyLoss(percent=2_000))
    free = msgspec.structs.replace(locked, maximum=ONE_STEP.maximum)
    hard = tuple(msgspec.structs.replace(phase, target=9_000) for phase in locked.phases[:1])
    days = [flat_day([(0, 15 * PERCENT)]), flat_day([(-12 * PERCENT, 0)], 1, 115 * PERCENT)]
    terms = [terms_of(msgspec.structs.replace(r, phases=hard), INITIAL) for r in (free, locked)]
    assert from_first(days, terms[0])[:2] == ("breached", "max_loss")
    assert from_first(days, terms[1])[0] == "unfinished"


def test_volumes_that_follow_the_balance_turn_the_same_day_into_more() -> None:
    days = flat_days([[(0, PERCENT)]] * 2)
    assert from_first(days, terms_of(one_phase(), INITIAL))[0] == "passed"
    record = flat_days([[(0, PERCENT - 1)]] * 2)
    assert from_first(record, terms_of(one_phase(), INITIAL))[0] == "unfinished"
    assert from_first(record, terms_of(one_phase(), INITIAL), Sizing.RELATIVE)[0] == "passed"


def test_a_phase_with_a_limit_of_days_fails_after_them() -> None:
    terms = terms_of(one_phase(), INITIAL, max_days=2)
    days = flat_days([[], [(0, PERCENT)], [(0, PERCENT)]])
    assert from_first(days, terms) == ("breached", "max_days", 1, [2])
    assert from_first(days[1:], terms) == ("passed", "", 1, [2])


def pausing() -> OddsTerms:
    rules = one_phase()
    daily = msgspec.structs.replace(rules.daily, percent=100, action=RuleAction.PAUSE)
    return terms_of(msgspec.structs.replace(rules, daily=daily), INITIAL)


def test_a_pause_drops_the_entries_of_the_rest_of_the_day() -> None:
    """The segment that broke the limit is played to its end; later ones never happened."""
    days = flat_days([[(-2 * PERCENT, -PERCENT), (0, 5 * PERCENT)], [(0, PERCENT)] * 1])
    assert from_first(days, pausing()) == ("unfinished", "", 1, [2])
    again = [*days, flat_day([(0, 2 * PERCENT)], 2)]
    assert from_first(again, pausing()) == ("passed", "", 1, [3])


def test_after_a_pause_a_position_that_was_never_opened_brings_nothing() -> None:
    """The record held it over midnight; what follows counts from where it was flat again."""
    first = row_day(
        [INITIAL, 1, [[INITIAL - 2 * PERCENT, INITIAL - PERCENT, True], [INITIAL, None, True]],
         INITIAL - PERCENT, INITIAL, 1], 0)  # fmt: skip
    start = INITIAL - PERCENT
    second = row_day(
        [start, 0, [[start - 20 * PERCENT, start + 9 * PERCENT, False],
                    [start + 9 * PERCENT, start + 12 * PERCENT, True]],
         start + 12 * PERCENT, start + 12 * PERCENT, 1], 1)  # fmt: skip
    assert from_first([first, second], pausing()) == ("passed", "", 1, [2])
    smaller = msgspec.structs.replace(
        second,
        segments=(second.segments[0], Segment(start, start + 11 * PERCENT, True)),
        balance=start + 11 * PERCENT,
        equity=start + 11 * PERCENT,
    )
    assert from_first([first, smaller], pausing()) == ("unfinished", "", 1, [2])


def held(day: FirmDay) -> FirmDay:
    """The day, with a position open at its start."""
    return msgspec.structs.replace(day, flat=False)


def test_rules_without_a_target_are_refused() -> None:
    with pytest.raises(NoTarget, match=r"ftmo_2step.*account"):
        terms_of(TWO_STEP, INITIAL, first_phase=2)
    assert [one.name for one in terms_of(TWO_STEP, INITIAL, first_phase=1).phases] == [
        "verification"
    ]


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], "no firm days"),
        ([flat_day([], start=0)], "start is 0"),
        ([flat_day([(0, LARGEST)])], "more than"),
        ([flat_day([]), held(flat_day([(0, 1)], 1))], "flat is False"),
        ([held(flat_day([]))], "needs a segment"),
    ],
)  # fmt: skip
def test_days_that_contradict_themselves_are_refused(days: list[FirmDay], words: str) -> None:
    with pytest.raises(BadDays, match=words):
        table_of(days)


def test_an_idle_weekend_is_laid_into_monday() -> None:
    """Its low counts on Monday, and Monday's limits are set from the equity at Monday's reset."""
    friday = row_day([INITIAL, 1, [[INITIAL, None, True]], INITIAL, INITIAL + 50, 1], 4)
    sunday = FirmDay(
        date="2024-01-07", start=INITIAL, flat=False, opened=False, balance=INITIAL,
        segments=(Segment(INITIAL - 900, None, False),), equity=INITIAL + 70,
    )  # fmt: skip
    monday = row_day([INITIAL, 0, [[INITIAL - 5, INITIAL, False]], INITIAL, INITIAL, 0], 5)
    found = without_idle_weekends([friday, sunday, monday])
    assert [day.date for day in found] == [friday.date, monday.date]
    assert found[1].segments[0].lowest == INITIAL - 900
    assert found[0].equity == INITIAL + 70
    traded = msgspec.structs.replace(sunday, opened=True)
    assert without_idle_weekends([friday, traded, monday]) == [friday, traded, monday]


def test_pieces_are_joined_at_flat_midnights() -> None:
    held = row_day([INITIAL, 0, [[INITIAL, INITIAL, False]], INITIAL, INITIAL, 0], 0)
    open_end = row_day([INITIAL, 1, [[INITIAL, None, True]], INITIAL, INITIAL, 1], 2)
    quiet = flat_day([], 1)
    assert spliced([[held, quiet, open_end], [quiet], [held]]) == [quiet, quiet]


def test_results_are_scaled_down_only() -> None:
    day = flat_day([(-101, -51), (-200, 301)])
    (half,) = scaled_down([day], 0.5)
    assert [(s.lowest - INITIAL, (s.balance or 0) - INITIAL) for s in half.segments] == [
        (-51, -26), (-100, 150),
    ]  # fmt: skip
    assert (half.start, half.balance) == (INITIAL, INITIAL + 150)
    assert scaled_down([day], 1.0) == [day]
    for share in (0.0, 1.01, math.nan):
        with pytest.raises(ValueError, match="scale down only"):
            scaled_down([day], share)


def exact(days: Sequence[FirmDay], rules: RuleSet, block: float, length: int) -> dict[str, float]:
    """Outcome shares over every sequence of days, each with its probability."""
    n, shares = len(days), dict.fromkeys(("passed", "daily_loss", "max_loss", "unfinished"), 0.0)
    for sequence in itertools.product(range(n), repeat=length):
        chance = 1 / n
        for day, following in itertools.pairwise(sequence):
            jump = 1.0 if day == n - 1 else 1 / block
            chance *= jump / n + (1 - jump) * (following == day + 1)
        outcome, cause, _, _ = Attempt(rules, Sizing.RELATIVE).over([days[i] for i in sequence])
        shares[cause or outcome] += chance
    return shares


def shares_of(played: Played) -> dict[str, float]:
    return {
        "passed": float(played.passed.mean()),
        "daily_loss": float(played.ended_by(Cause.DAILY_LOSS).mean()),
        "max_loss": float(played.ended_by(Cause.MAX_LOSS).mean()),
        "unfinished": float((~played.decided).mean()),
    }


@pytest.mark.parametrize("block", [1.0, 3.0])
def test_drawn_outcomes_are_those_of_all_sequences(block: float) -> None:
    """Every sequence of six days, weighed by its probability, within the Monte Carlo error."""
    rules = msgspec.structs.replace(
        one_phase(trading_days=2), phases=(Phase(name="a", target=400, trading_days=2),)
    )
    days = flat_days([[(-PERCENT, 2 * PERCENT)], [(-4 * PERCENT, -4 * PERCENT)],
                      [(-2 * PERCENT, PERCENT), (-5 * PERCENT - 1, PERCENT)]])  # fmt: skip
    expected = exact(days, rules, block, 6)
    assert sum(expected.values()) == pytest.approx(1)
    table, paths = table_of(days), 40_000
    order = StationaryOrder(table, block, paths, stream(3))
    found = shares_of(play(table, terms_of(rules, INITIAL), Sizing.RELATIVE, order, 6))
    for name, share in expected.items():
        error = 4 * math.sqrt(share * (1 - share) / paths)
        assert found[name] == pytest.approx(share, abs=error + 1e-4), name


@pytest.mark.parametrize(("up", "down"), [(1, 1), (11, 9), (9, 11)])
def test_a_coin_is_ruined_as_often_as_the_gambler(up: int, down: int) -> None:
    """Days of +1 % and -1 %: the classical ruin probability between +10 % and -11 %, then +5 %."""
    days = flat_days([[(0, PERCENT)]] * up + [[(-PERCENT, -PERCENT)]] * down)
    ratio = down / up

    def reach(goal: int) -> float:
        if ratio == 1:
            return 11 / (11 + goal)
        return float((1 - ratio**11) / (1 - ratio ** (11 + goal)))

    table, paths = table_of(days), 40_000
    order = StationaryOrder(table, 1.0, paths, stream(5))
    played = play(table, terms_of(TWO_STEP, INITIAL), Sizing.ABSOLUTE, order, 20_000)
    for share, expected in (
        (float(((played.phase > 1) | played.passed).mean()), reach(10)),
        (float(played.passed.mean()), reach(10) * reach(5)),
    ):
        assert share == pytest.approx(expected, abs=4 * math.sqrt(expected / paths))


def test_levels_of_one_record_draw_the_same_days() -> None:
    """Whichever paths end sooner: so a difference between levels is not one of luck."""
    table = table_of(flat_days([[(0, n)] for n in range(9)]))
    one, other = (StationaryOrder(table, 4.0, 50, stream(2)) for _ in range(2))
    for step in range(30):
        left, right = one.draw(), other.draw()
        assert (left[: len(right)] == right).all()
        if step == 10:
            keep = np.arange(50) < 7
            other.keep(keep)


def test_a_record_on_which_nothing_can_begin_is_refused() -> None:
    row = [INITIAL, 0, [[INITIAL, None, False]], INITIAL, INITIAL, 0]
    table = table_of([row_day(row, 0), row_day(row, 1)])
    with pytest.raises(NoFlatStart, match="nothing open"):
        StationaryOrder(table, 2.0, 5, stream())
    with pytest.raises(ValueError, match="mean_block is 0"):
        StationaryOrder(table, 0.0, 5, stream())


def test_pauses_do_not_change_what_never_reaches_the_limit() -> None:
    days = [flat_day([(0, 40_000)], n, INITIAL + 40_000 * n) for n in range(6)]
    assert from_first(days, pausing()) == from_first(days, terms_of(one_phase(), INITIAL))


PROFITABLE = one_phase(profitable_days=2, profitable_percent=50)


def test_a_phase_waits_for_its_profitable_days() -> None:
    """Half a percent or more counts, the running day too; a day of less does not."""
    terms = terms_of(PROFITABLE, INITIAL)
    gains = [3 * PERCENT, PERCENT // 2 - 1, PERCENT // 2]
    days = [flat_day([(0, gain)], n, INITIAL + sum(gains[:n])) for n, gain in enumerate(gains)]
    assert from_first(days[:2], terms) == ("unfinished", "", 1, [2])
    assert from_first(days, terms) == ("passed", "", 1, [3])


@pytest.mark.parametrize("name", list_rules())
@pytest.mark.parametrize("sizing", list(Sizing))
def test_every_shipped_rule_set_is_played_as_its_pure_functions_say(
    name: str, sizing: Sizing
) -> None:
    """Over random records, from every flat start: outcome, cause, phase and days."""
    rules = load_rules(name)
    terms = terms_of(rules, INITIAL)
    assert terms.asks_for_profitable_days == any(p.profitable_days for p in rules.phases)
    generator = stream(7)
    for _ in range(12):
        days = random_record(generator, 60)
        found = history(table_of(days), terms, sizing)
        for i, start in enumerate(found.starts.tolist()):
            phase = int(found.played.phase[i])
            got = (
                Outcome(found.played.outcome[i]).name.lower(),
                Cause(found.played.cause[i]).rule,
                phase,
                found.played.days[i][:phase].tolist(),
            )
            assert got == Attempt(rules, sizing).over(days[start:])


def random_record(generator: np.random.Generator, count: int) -> list[FirmDay]:
    """Days of up to three trades, now and then one that is held over midnight."""
    days: list[FirmDay] = []
    balance, held = INITIAL, False
    for number in range(count):
        start, flat = balance, not held
        segments: list[Segment] = []
        for k in range(int(generator.integers(held, 4))):
            result = int(generator.normal(0.002, 0.012) * INITIAL)
            low = min(balance, balance + result) - int(generator.exponential(0.004) * INITIAL)
            balance += result
            segments.append(Segment(low, balance, bool(k or flat), min(start, balance)))
        held = bool(segments) and generator.random() < 0.2
        equity = balance
        if held:
            last = segments[-1]
            segments[-1] = Segment(last.lowest, None, last.opened, last.lowest_balance)
            balance = segments[-2].balance or start if len(segments) > 1 else start
            equity = balance + int(generator.normal(0, 0.01) * INITIAL)
        days.append(
            FirmDay(
                date=date_of(number), start=start, flat=flat, segments=tuple(segments),
                balance=balance, equity=equity, opened=any(s.opened for s in segments),
            )
        )  # fmt: skip
    return days


def test_a_phase_without_openings_expires_as_the_firm_says() -> None:
    """After more days in a row than it allows; an opening begins the count anew."""
    rules = one_phase(inactive_days=2)
    terms = terms_of(rules, INITIAL)
    traded, idle = [(0, 0)], list[tuple[int, int]]()
    for pattern in ([traded, idle, idle, traded, idle], [traded, idle, idle, idle, traded]):
        days = flat_days([*pattern, idle, idle, traded])
        assert list(from_first(days, terms)) == list(Attempt(rules, Sizing.ABSOLUTE).over(days))
    assert from_first(days, terms) == ("breached", "inactivity", 1, [5])


def test_idle_weekends_count_as_days_without_an_opening() -> None:
    """They are no firm days, but the firm's calendar goes on."""
    terms = terms_of(one_phase(inactive_days=4), INITIAL)
    traded, idle = [(0, 0)], list[tuple[int, int]]()
    days = flat_days([traded, idle, idle, traded])
    assert from_first(days, terms)[0] == "unfinished"
    days[2] = msgspec.structs.replace(days[2], spans=3)
    assert from_first(days, terms) == ("unfinished", "", 1, [4])
    days[3] = msgspec.structs.replace(days[3], spans=2)
    assert from_first(days, terms) == ("breached", "inactivity", 1, [4])
