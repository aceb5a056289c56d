"""Attempts at a firm's objectives over whole replays: ends, new starts, the same journal again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.rules import list_rules, load_rules
from engine import events as ev
from engine.events import AttemptOutcome
from engine.rules import DailyLoss, MaxLoss, Measured, Mode, Phase, RuleAction, TradingRestrictions
from risk.challenge import Challenge
from scripts.app.terms.replay_terms import Terms
from tests import synthetic
from tests.challenges import COURSES, WEEK, following, rules
from tests.golden.replays import Case, replayed
from tests.golden.test_journal_hash import Scenario, journal_hash, scenarios, written
from tests.user_signal_runs import Told, played, with_limits

TIGHT = Challenge(rules=rules(), repeat=True)


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Terms:
    """Three weeks of three symbols under tight rules, one attempt after another."""
    folder = tmp_path_factory.mktemp("bars")
    files = written(5, 21, synthetic.M15, list(synthetic.NATURES), folder)
    limits: dict[str, float | int] = {"daily_loss_fraction": 0.5, "max_positions": 3}
    return following(Case(files=files, limits=limits).terms(), TIGHT)


@pytest.fixture(scope="module")
def told(terms: Terms) -> Told:
    return played(terms)


class TestRepeatedAttempts:
    def test_there_are_passes_and_breaches_and_every_end_is_followed_by_a_start(
        self, told: Told
    ) -> None:
        starts, ends = told.of(ev.AttemptStarted), told.of(ev.AttemptEnded)
        assert {end.outcome for end in ends} >= {
            AttemptOutcome.PHASE_PASSED, AttemptOutcome.BREACHED,
        }  # fmt: skip
        assert len(starts) == len(ends) + 1
        for end, start in zip(ends, starts[1:], strict=True):
            passed = end.outcome is AttemptOutcome.PHASE_PASSED
            expected = (end.attempt, 2) if passed else (end.attempt + 1, 1)
            assert (start.attempt, start.phase) == expected

    def test_every_start_is_flat_on_the_first_balance_with_its_own_limits(self, told: Told) -> None:
        open_now: set[int] = set()
        for record in told.records:
            match record.event:
                case ev.PositionOpened(position=position):
                    open_now.add(position)
                case ev.PositionClosed(position=position):
                    open_now.discard(position)
                case ev.AttemptStarted() as start:
                    assert not open_now
                    figures = (start.account.balance, start.account.equity, start.account.margin)
                    assert figures == (10_000_000, 10_000_000, 0)
                    assert (start.day_limit, start.max_limit) == (9_950_000, 9_900_000)
                case _:
                    pass

    def test_a_breach_is_below_a_limit_and_a_pass_at_its_target_and_flat(self, told: Told) -> None:
        targets = {1: 10_060_000, 2: 10_030_000}
        for end in told.of(ev.AttemptEnded):
            if end.outcome is AttemptOutcome.BREACHED:
                assert end.min_buffer < 0
                assert end.cause in ("daily_loss", "max_loss")
            else:
                assert end.min_buffer >= 0
                assert end.account.balance >= targets[end.phase]
                assert end.account.equity == end.account.balance

    def test_between_an_end_and_the_next_start_nothing_is_opened(self, told: Told) -> None:
        ended = False
        for record in told.records:
            match record.event:
                case ev.AttemptEnded():
                    ended = True
                case ev.AttemptStarted():
                    ended = False
                case ev.PositionOpened():
                    assert not ended
                case _:
                    pass


class TestOneAttempt:
    def test_the_replay_ends_with_the_first_end(self, terms: Terms) -> None:
        once = Challenge(rules=TIGHT.rules)
        told = played(following(terms, once))
        (*_, last) = told.of(ev.AttemptEnded)
        assert last.outcome in (AttemptOutcome.PASSED, AttemptOutcome.BREACHED)
        assert {start.attempt for start in told.of(ev.AttemptStarted)} == {1}
        assert told.end.open_positions == ()
        assert told.records[-1].time == told.records[-2].time


def test_a_daily_limit_that_pauses_stops_entries_and_not_the_attempt(terms: Terms) -> None:
    daily = DailyLoss(percent=30, action=RuleAction.PAUSE)
    told = played(following(terms, Challenge(rules=rules(daily=daily), repeat=True)))
    halts = [item for item in told.of(ev.TradingStateChanged) if "firm's daily" in item.detail]
    assert halts
    assert all(end.cause != "daily_loss" for end in told.of(ev.AttemptEnded))


def test_nothing_stays_open_over_a_weekend_where_the_rules_forbid_it(terms: Terms) -> None:
    loose = rules()
    phase = type(loose.phases[0])(name="earned", flat_minutes=30)
    restrictions = type(loose.restrictions)(week=WEEK)
    wide = DailyLoss(percent=5_000)
    free = rules(
        phases=(phase,), restrictions=restrictions, daily=wide,
        maximum=type(loose.maximum)(percent=9_000),
    )  # fmt: skip
    told = played(following(terms, Challenge(rules=free)))
    weekend = [item for item in told.of(ev.PositionClosed) if item.reason == "WEEKEND"]
    assert weekend
    assert not told.of(ev.AttemptEnded)


def test_the_summary_lists_the_attempts_and_how_often_they_passed(
    terms: Terms, tmp_path: Path
) -> None:
    summary = json.loads(replayed(terms, tmp_path).summary.read_text(encoding="utf-8"))
    attempts, tally = summary["attempts"], summary["objectives"]
    assert [item["attempt"] for item in attempts] == list(range(1, len(attempts) + 1))
    outcomes = [item["outcome"] for item in attempts]
    assert tally["passed"] == outcomes.count("passed")
    assert tally["failed"] == outcomes.count("breached") + outcomes.count("stopped")
    assert tally["unfinished"] == outcomes.count("unfinished") <= 1
    assert tally["pass_rate"] == tally["passed"] / (tally["passed"] + tally["failed"])
    for item in attempts:
        assert item["start"] <= item["min_buffer_at"] <= item["end"]
    room = summary["loss_buffer"]
    assert room["today"] <= room["overall"] + 5_000
    realised = sum(day["realised"] for day in summary["daily"])
    floating = summary["final_equity"] - summary["final_balance"]
    assert summary["total_pnl"] == pytest.approx(realised + floating, abs=0.01)
    assert all(day["worst_equity"] > 0 for day in summary["daily"])


def test_the_same_attempts_give_the_same_journal(terms: Terms, tmp_path: Path) -> None:
    first = journal_hash(terms, tmp_path, "one")
    assert journal_hash(terms, tmp_path, "two") == first
    assert journal_hash(following(terms, Challenge(rules=TIGHT.rules)), tmp_path, "three") != first


def same_either_way(scenario: Scenario, challenge: Challenge, folder: Path) -> None:
    terms = following(scenario.terms(folder), challenge)
    every = dataclasses.replace(terms, every_bar=True)
    assert journal_hash(terms, folder, "quick") == journal_hash(every, folder, "thorough")


LATE_END = Challenge(
    rules=rules(
        daily=DailyLoss(percent=20),
        maximum=MaxLoss(percent=100, mode=Mode.TRAILING_END_OF_DAY, measured_on=Measured.BALANCE),
        phases=(Phase(name="first", target=60, trading_days=2),),
        restrictions=TradingRestrictions(week=WEEK, requests_a_day=40),
    )
)
"""An attempt that ends inside a bar, at whose opening nothing happens."""


@example(Scenario(0, synthetic.MINUTE, ["EURUSD"]), LATE_END)
@settings(max_examples=3, deadline=None)
@given(scenarios(), COURSES)
def test_passing_over_quiet_bars_changes_no_attempt(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario, challenge: Challenge
) -> None:
    """Limits, resets, ends and new starts fall on bars that are played."""
    same_either_way(scenario, challenge, tmp_path_factory.mktemp("quiet"))


@pytest.mark.deep
@settings(max_examples=400, deadline=None)
@given(scenarios(), COURSES)
def test_passing_over_quiet_bars_changes_no_attempt_at_length(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario, challenge: Challenge
) -> None:
    """The same over many more feeds and rules."""
    same_either_way(scenario, challenge, tmp_path_factory.mktemp("quiet"))


GUARDED: dict[str, Any] = {
    "daily_loss_fraction": 0.5,
    "firm_reserve_fraction": 0.0,
    "allow_slippage_points": 5,
    "allow_gap_fraction": 0.0025,
    "keep_stops": True,
}
"""No bar of the feeds jumps farther than that beyond a stop."""


def outcomes(terms: Terms, name: str, **limits: Any) -> tuple[list[AttemptOutcome], int]:
    """How the attempts at a firm's rules ended, and how many positions were opened."""
    challenge = Challenge(rules=load_rules(name), repeat=True)
    told = played(following(with_limits(terms, **limits), challenge))
    return [end.outcome for end in told.of(ev.AttemptEnded)], len(told.of(ev.PositionOpened))


def risky(seed: int, folder: Path) -> Terms:
    """Two weeks in which each of three positions may lose 1 %, at prices that slip."""
    files = written(seed, 14, synthetic.M15, list(synthetic.NATURES), folder)
    limits: dict[str, float | int] = {"max_positions": 3, "per_trade_risk_fraction": 0.01}
    return Case(files=files, limits=limits, costs={"slippage_points": 2}).terms()


def test_what_breaks_without_the_guard_holds_with_it(tmp_path: Path) -> None:
    terms = risky(1, tmp_path)
    ended, _ = outcomes(terms, "ftmo_1step", daily_loss_fraction=0.5)
    assert AttemptOutcome.BREACHED in ended
    ended, opened = outcomes(terms, "ftmo_1step", **GUARDED)
    assert AttemptOutcome.BREACHED not in ended
    assert opened > 20


@pytest.mark.deep
@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(list_rules()))
def test_with_the_guard_on_no_attempt_is_ever_broken(
    tmp_path_factory: pytest.TempPathFactory, seed: int, name: str
) -> None:
    terms = risky(seed, tmp_path_factory.mktemp("guarded"))
    ended, _ = outcomes(terms, name, **GUARDED)
    assert AttemptOutcome.BREACHED not in ended
