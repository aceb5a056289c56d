"""Worked cases for every shipped rule set, by hand from its page: rules x events, to the cent."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.rules import list_rules, load_rules
from engine import events as ev
from engine.events import AttemptOutcome, DenyReason
from engine.rules import Calendar, News, Phase
from risk import objectives as obj
from risk import restrictions
from risk.challenge import Challenge
from tests.builders import START, closed, limits, of_kind, opened, wired
from tests.challenges import WEEK, rules
from tests.risk_steps import reset, see
from tests.user_signal_runs import Told, bar_file, flat, iso, played, signal_file, terms_of
from tests.user_signal_runs import at as bar_at

USD = 100
I = 100_000 * USD  # noqa: E741 - the initial balance, as the rules call it
WIDE = limits(daily_loss_fraction=0.9, max_positions=9)

# Rules: the first day's limit, the overall limit, the target; whether reaching a limit breaks it.
FIRST_DAY: dict[str, tuple[int, int, int, bool]] = {
    "ftmo_1step": (97_000, 90_000, 110_000, False),
    "ftmo_2step": (95_000, 90_000, 110_000, False),
    "fundednext_stellar_2step": (95_000, 90_000, 108_000, True),
    "fundingpips_2step": (95_000, 90_000, 108_000, True),
    "the5ers_high_stakes": (95_000, 90_000, 108_000, True),
}

# Rules: day and overall limit after a day that ended with balance and equity.
SECOND_DAY: dict[str, dict[tuple[int, int], tuple[float, float]]] = {
    "ftmo_1step": {
        (104_000, 104_000): (101_000, 94_000),
        (104_000, 106_000): (101_000, 94_000),
        (97_500, 97_500): (94_500, 90_000),
    },
    "ftmo_2step": {
        (104_000, 104_000): (99_000, 90_000),
        (104_000, 106_000): (99_000, 90_000),
        (97_500, 96_000): (92_500, 90_000),
    },
    "fundednext_stellar_2step": {
        (104_000, 106_000): (99_000, 90_000),
        (97_500, 96_000): (92_500, 90_000),
    },
    "fundingpips_2step": {
        (104_000, 106_000): (100_700, 90_000),
        (97_500, 96_000): (92_625, 90_000),
    },
    "the5ers_high_stakes": {
        (104_000, 106_000): (100_700, 90_000),
        (97_500, 96_000): (92_625, 90_000),
    },
}


def test_every_shipped_set_has_its_vectors() -> None:
    assert list_rules() == sorted(FIRST_DAY) == sorted(SECOND_DAY)


@pytest.mark.parametrize("name", FIRST_DAY)
def test_the_first_day(name: str) -> None:
    day, overall, target, touch = FIRST_DAY[name]
    found = load_rules(name)
    state = obj.new_phase(found, 0, I, "2026-06-01")
    assert (state.day_limit, state.max_limit) == (day * USD, overall * USD)
    assert obj.target_of(found, state) == target * USD
    at = obj.breach_of(found, state, I, day * USD)
    below = obj.breach_of(found, state, I, day * USD - 1)
    assert (at is not None) is touch
    assert below is not None
    assert (below.rule, below.final) == (obj.DAILY_LOSS, True)


@pytest.mark.parametrize(
    ("name", "ended", "wanted"),
    [(name, ended, wanted) for name, days in SECOND_DAY.items() for ended, wanted in days.items()],
)
def test_the_second_day(name: str, ended: tuple[int, int], wanted: tuple[float, float]) -> None:
    found = load_rules(name)
    state = obj.new_phase(found, 0, I, "2026-06-01")
    balance, equity = (figure * USD for figure in ended)
    turned = obj.next_day(found, state, "2026-06-02", balance, equity)
    assert (turned.day_limit, turned.max_limit) == tuple(round(it * USD) for it in wanted)


@pytest.mark.parametrize(
    ("name", "days", "gates"),
    [
        ("ftmo_2step", (104_000, 107_000, 109_000, 110_000), ()),
        ("ftmo_2step", (104_000, 110_000), ("trading_days",)),
        ("ftmo_1step", (105_000, 110_000), ()),
        ("ftmo_1step", (105_001, 110_000), ("best_day",)),
        ("fundednext_stellar_2step", (102_000, 103_000, 104_000, 105_000, 108_000), ()),
        ("fundednext_stellar_2step", (102_000, 104_000, 106_000, 108_000), ("trading_days",)),
        ("fundingpips_2step", (103_000, 106_000, 108_000), ()),
        ("fundingpips_2step", (103_000, 108_000), ("trading_days",)),
        ("the5ers_high_stakes", (103_000, 106_000, 108_000), ()),
        ("the5ers_high_stakes", (108_150, 108_151, 108_151), ("profitable_days",)),
    ],
)
def test_what_a_phase_asks_for(name: str, days: tuple[int, ...], gates: tuple[str, ...]) -> None:
    """Each day opens a position and ends with this balance; judged on the day after."""
    found = load_rules(name)
    state = obj.new_phase(found, 0, I, "2026-06-01")
    for number, balance in enumerate(days, start=2):
        state = obj.opened(state)
        state = obj.next_day(found, state, f"2026-06-{number:02}", balance * USD, balance * USD)
    assert obj.missing(found, state, days[-1] * USD, flat=True) == gates


# --- conduct -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "limit", "denied"),
    [
        (1_499, None, False), (1_500, None, True),  # what ships keeps a quarter for protecting
        (1_998, 2_000, False), (1_999, 2_000, False), (2_000, 2_000, True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["ftmo_1step", "ftmo_2step"])
def test_the_2000th_request_may_leave_and_the_next_entry_not(
    name: str, sent: int, limit: int | None, denied: bool
) -> None:
    found = load_rules(name)
    conduct = found.restrictions
    if limit is not None:
        conduct = msgspec.structs.replace(conduct, requests_a_day=limit)
    state = obj.requested(obj.new_phase(found, 0, I, "2026-06-01"), sent)
    objection = restrictions.count_objection(conduct, state, 0, 0)
    assert (objection is not None and objection[0] is DenyReason.REQUESTS_PER_DAY) is denied
    turned = obj.next_day(found, state, "2026-06-02", I, I)
    assert restrictions.count_objection(conduct, turned, 0, 0) is None


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


CLOSES = at("2026-01-16T22:00Z")  # a Friday, 17:00 in New York


@pytest.mark.parametrize("name", ["ftmo_1step", "ftmo_2step"])
@pytest.mark.parametrize(
    ("phase", "outcomes"),
    [("account", [AttemptOutcome.BREACHED]), ("account_swing", [])],
)
def test_a_swing_account_stays_open_over_a_weekend(
    name: str, phase: str, outcomes: list[AttemptOutcome]
) -> None:
    found = load_rules(name)
    place = [item.name for item in found.phases].index(phase)
    parts = wired(WIDE, challenge=Challenge(rules=found, first_phase=place))
    parts.bus.time = CLOSES - 1
    parts.bus.publish(opened(7, order_id=0))
    parts.bus.time = CLOSES
    parts.bus.feed(ev.WeekendDue(CLOSES))
    assert [item.outcome for item in of_kind(parts.journal, ev.AttemptEnded)] == outcomes
    due = restrictions.flat_due(found, found.phases[place:], CLOSES - 86_400_000)
    assert bool(list(islice(due, 1))) is bool(outcomes)


@pytest.mark.parametrize(("phase", "violations"), [("account", ["stop"]), ("account_swing", [])])
def test_a_stop_filled_inside_a_news_window(phase: str, violations: list[str]) -> None:
    found = load_rules("ftmo_2step")
    place = [item.name for item in found.phases].index(phase)
    calendar = Calendar(news=(News(time=CLOSES - 3_600_000, currencies=("USD",)),))
    parts = wired(WIDE, challenge=Challenge(rules=found, first_phase=place, calendar=calendar))
    parts.bus.time = CLOSES - 7_200_000
    parts.bus.publish(opened(7, order_id=0))
    parts.bus.time = CLOSES - 3_600_000 + 119_000
    parts.bus.publish(closed(7, reason="SL"))
    assert [item.cause for item in of_kind(parts.journal, ev.RuleViolated)] == violations


# --- verdicts ------------------------------------------------------------------------------------


def ended_with(challenge: Challenge) -> list[tuple[AttemptOutcome, str]]:
    """What is said of a day that makes the target, flat, with one trade."""
    parts = wired(WIDE, challenge=challenge)
    parts.bus.publish(opened(7, order_id=0))
    parts.bus.publish(closed(7))
    see(parts, START + 100_000)
    return [(item.outcome, item.detail) for item in of_kind(parts.journal, ev.AttemptEnded)]


TARGET: dict[str, Any] = {"name": "only", "target": 60}
SEEN = Calendar(news=(News(time=CLOSES),))


@pytest.mark.parametrize(
    ("phase", "calendar", "wanted"),
    [
        ({}, Calendar(), (AttemptOutcome.PASSED, "")),
        (
            {"unproven": ("a review",)},
            Calendar(),
            (AttemptOutcome.NOT_PROVEN, "not judged: a review"),
        ),
        (
            {"news_minutes": 2},
            Calendar(),
            (AttemptOutcome.NOT_PROVEN, "not judged: news (no calendar was given)"),
        ),
        ({"news_minutes": 2}, SEEN, (AttemptOutcome.PASSED, "")),
    ],
)
def test_a_rule_that_nobody_judged_makes_a_pass_not_proven(
    phase: dict[str, Any], calendar: Calendar, wanted: tuple[AttemptOutcome, str]
) -> None:
    only = rules(phases=(Phase(**TARGET, **phase),))
    assert ended_with(Challenge(rules=only, calendar=calendar)) == [wanted]
    more = rules(phases=(Phase(**TARGET, **phase), Phase(name="second", target=30)))
    (found,) = ended_with(Challenge(rules=more, calendar=calendar))
    between = {
        AttemptOutcome.PASSED: AttemptOutcome.PHASE_PASSED,
        AttemptOutcome.NOT_PROVEN: AttemptOutcome.PHASE_NOT_PROVEN,
    }
    assert found[0] is between[wanted[0]]


# Rules: what of their pages decides every pass of theirs and is judged by the firm alone.
JUDGED_BY_THE_FIRM = {
    "fundednext_stellar_2step": ["automated trading"],
    "fundingpips_2step": ["review", "bots"],
}


@pytest.mark.parametrize("name", FIRST_DAY)
def test_what_the_firm_alone_decides_keeps_a_pass_from_being_proved(name: str) -> None:
    """A program that trades is what two of the firms forbid: no pass there is proved."""
    wanted = JUDGED_BY_THE_FIRM.get(name, [])
    for phase in load_rules(name).phases:
        assert len(phase.unproven) == len(wanted)
        assert all(word in rule for word, rule in zip(wanted, phase.unproven, strict=True))


def test_an_account_expires_after_too_many_days_without_an_opening() -> None:
    """30 days in a row are allowed; an opening begins the count anew."""
    phase = Phase(name="only", target=9_000, inactive_days=30)
    parts = wired(WIDE, challenge=Challenge(rules=rules(phases=(phase,))))
    for day in range(29):
        reset(parts, START)
        assert not of_kind(parts.journal, ev.AttemptEnded), day
    parts.bus.publish(opened(7))
    parts.bus.publish(closed(7))
    for day in range(31):
        reset(parts, START)
        assert not of_kind(parts.journal, ev.AttemptEnded), day
    reset(parts, START)
    (ended,) = of_kind(parts.journal, ev.AttemptEnded)
    assert (ended.outcome, ended.cause) == (AttemptOutcome.BREACHED, "inactivity")
    assert ended.detail == "nothing was opened for 31 days"


def test_the_week_of_the_vectors_is_new_yorks() -> None:
    assert next(restrictions.weekly(WEEK, CLOSES - 1)).start == CLOSES


# --- a reward on a 1-Step account ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("keeps", "limits_after"), [(False, (97_000, 90_000)), (True, (97_000, 94_000))]
)
def test_a_reward_takes_the_trailing_limit_back(keeps: bool, limits_after: tuple[int, int]) -> None:
    """The best end of a day was 104,000; the account is brought back to 100,000."""
    found = load_rules("ftmo_1step")
    maximum = msgspec.structs.replace(found.maximum, keeps_after_reward=keeps)
    found = msgspec.structs.replace(found, maximum=maximum)
    phase = len(found.phases) - 2
    before = obj.new_phase(found, phase, I, "2026-06-01")
    before = obj.next_day(found, before, "2026-06-02", 104_000 * USD, 104_000 * USD)
    assert (before.day_limit, before.max_limit) == (101_000 * USD, 94_000 * USD)
    begun = obj.new_phase(found, phase, I, "2026-06-02")
    after = obj.after_reward(found, before, begun)
    assert (after.day_limit, after.max_limit) == tuple(it * USD for it in limits_after)


def rewarded(folder: Path, rules_name: str, *, paid_at: float) -> Told:
    """A target of 400 points is reached in bar 4; a reward is due at bar `paid_at`."""
    calendar = folder / "calendar.csv"
    text = f"time,kind,until,currencies\n{iso(bar_at(paid_at))},reward,,\n"
    calendar.write_text(text, encoding="utf-8")
    bars = flat(20)
    bars[4] = (108_000, 108_500, 107_995, 108_400)
    signal = {
        "time": bar_at(1), "symbol": "EURUSD", "direction": "long", "stop_loss": 1.0780,
        "take_profit": 1.0840, "volume": 1.0,
    }  # fmt: skip
    terms = terms_of(
        {"EURUSD": bar_file(folder, "EURUSD", bars)},
        signal_file(folder, [signal]),
        {"per_trade_risk_fraction": 0.1, "daily_loss_fraction": 0.5},
        objectives=rules_name,
        calendar=calendar,
        commission=["0"],
    )
    return played(terms)


@pytest.mark.parametrize("name", ["ftmo_1step:account", "ftmo_2step:account_swing"])
def test_a_reward_pays_the_profit_out_and_the_phase_begins_anew(tmp_path: Path, name: str) -> None:
    told = rewarded(tmp_path, name, paid_at=8)
    ended = told.of(ev.AttemptEnded)
    assert [(item.outcome, item.detail) for item in ended] == [
        (AttemptOutcome.REWARDED, "390.00 USD paid out")
    ]
    first, again = told.of(ev.AttemptStarted)
    assert (again.attempt, again.phase, again.deposit) == (first.attempt, first.phase, -39_000)
    assert again.account.balance == again.account.equity == START
    assert (again.day_limit, again.max_limit) == (first.day_limit, first.max_limit)
    assert told.end.account.balance == START
    assert not told.of(ev.TradingStateChanged)


@pytest.mark.parametrize(
    ("name", "paid_at"),
    [("ftmo_1step:account", 2), ("ftmo_1step:challenge", 8), ("ftmo_1step:account", -3)],
)
def test_nothing_is_paid_while_a_position_is_open_nor_before_the_account_is_earned(
    tmp_path: Path, name: str, paid_at: float
) -> None:
    told = rewarded(tmp_path, name, paid_at=paid_at)
    assert len(told.of(ev.AttemptStarted)) == 1
    assert told.end.account.balance == START + 39_000
