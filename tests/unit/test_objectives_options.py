"""The options that follow a firm's objectives, and the lines that tell how the attempts went."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.loader import load_rules
from scripts.app.errors import AppError
from scripts.app.terms.objectives import (
    about_rules,
    as_recorded,
    challenge_of,
    resolve,
    with_firms_day,
)
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from scripts.view.objectives import objective_lines
from tests.builders import limits, started


class TestResolve:
    def test_without_the_option_nothing_is_followed(self) -> None:
        assert resolve(None, None, None) is None
        assert with_firms_day(limits(), None) == limits()

    def test_rules_are_followed_from_their_first_phase_once_by_default(self) -> None:
        challenge = resolve("ftmo_2step", None, None)
        assert challenge is not None
        assert (challenge.rules.name, challenge.first_phase, challenge.repeat) == (
            "ftmo_2step",
            0,
            False,
        )
        assert [phase.name for phase in challenge.phases] == [
            "challenge",
            "verification",
            "account",
            "account_swing",
        ]

    def test_a_phase_may_be_named_and_attempts_repeated(self, tmp_path: Path) -> None:
        calendar = tmp_path / "calendar.csv"
        calendar.write_text("time,kind,until,currencies\n2026-06-05T12:30:00Z,news,,USD\n")
        challenge = resolve("ftmo_2step:account", "repeat", calendar)
        assert challenge is not None
        assert (challenge.first_phase, challenge.repeat) == (2, True)
        assert len(challenge.calendar.news) == 1

    def test_the_colon_of_a_drive_belongs_to_the_file(self) -> None:
        with pytest.raises(AppError, match=r"mine.yaml: there is no such file"):
            resolve(r"C:\rules\mine.yaml", None, None)

    def test_the_initial_balance_is_recorded_only_where_it_was_named(self) -> None:
        """Without it the record is that of journals from before there was one."""
        plain, named = resolve("ftmo_2step", None, None), resolve("ftmo_2step", None, None, 1e5)
        assert "initial_balance" not in as_recorded(plain)
        for challenge in (plain, named):
            recorded = as_recorded(challenge)
            assert as_recorded(challenge_of(started(objectives=recorded))) == recorded
        assert named is not None
        assert named.initial_balance == 10_000_000

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ((None, None, None, 1e5), "--initial-balance needs --objectives to go with"),
            (("ftmo_2step", None, None, -1.0), "--initial-balance -1.0: must be above 0"),
            ((None, "repeat", None), "--attempts needs --objectives to go with"),
            ((None, None, Path("x")), "--calendar needs --objectives to go with"),
            (("ftmo_2step", "twice", None), "--attempts twice: must be once or repeat"),
            (("ftmo", None, None), "there are no rules 'ftmo'"),
            (("ftmo_2step:funded", None, None), "has no phase 'funded'; its phases are challenge"),
            (("ftmo_2step", None, Path("none.csv")), "none.csv: there is no such file"),
        ],
    )
    def test_a_wrong_option_is_one_line_with_the_remedy(
        self, options: tuple[Any, ...], complaint: str
    ) -> None:
        with pytest.raises(AppError) as caught:
            resolve(*options)
        assert complaint in str(caught.value)
        assert "\n" not in str(caught.value)
        assert exit_code(caught.value) is ExitCode.USAGE

    def test_the_own_limits_share_the_firms_day(self) -> None:
        challenge = resolve("fundednext_stellar_2step", None, None)
        shared = with_firms_day(limits(), challenge)
        assert (shared.reset_zone, shared.reset_hour) == ("America/New_York", 17)


ATTEMPT: dict[str, Any] = {
    "attempt": 1, "start": "2023-01-02T00:00:00+00:00", "end": "2023-02-03T00:00:00+00:00",
    "days": 33, "phase": 1, "outcome": "breached", "cause": "max_loss", "min_buffer": -5.5,
}  # fmt: skip
SUMMARY: dict[str, Any] = {
    "objectives": {"title": load_rules("ftmo_2step").title, "passed": 1, "failed": 3,
                   "unfinished": 1, "pass_rate": 0.25},
    "attempts": [ATTEMPT] * 12,
    "loss_buffer": {"today": 4_000.0, "overall": 9_000.0, "orders_today": 10,
                 "order_risk": 400.0, "reset_in_hours": 3.25},
}  # fmt: skip


class TestLines:
    def test_they_say_how_often_the_signals_would_have_passed(self) -> None:
        first, more, *attempts, room = objective_lines(SUMMARY)
        assert first == "  objectives FTMO 2-Step: passed 1 of 4 attempts (25%), 1 unfinished"
        assert more.strip() == "the last 10 of 12 attempts:"
        assert len(attempts) == 10
        assert "33 days, phase 1: breached (max_loss), smallest buffer -5.50 USD" in attempts[0]
        assert "4,000.00 USD today (10 orders of 400.00)" in room

    def test_what_the_firm_judges_itself_goes_with_a_pass(self) -> None:
        """Listed beside it, in the summary's lines and the first record; it ends nothing."""
        challenge = resolve("ftmo_2step", None, None)
        told = about_rules(challenge)["not_modelled"]
        assert any("forbidden practices, which the firm judges" in rule for rule in told)
        assert "left_out" not in as_recorded(challenge)["rules"]
        counts = {**SUMMARY["objectives"], "not_modelled": told}
        passed = {**SUMMARY, "objectives": counts, "attempts": [{**ATTEMPT, "phases_passed": 1}]}
        assert "by its figures; not modelled: forbidden practices" in objective_lines(passed)[2]
        lost = {**passed, "attempts": [ATTEMPT]}
        assert "not modelled" not in str(objective_lines(lost))
        assert about_rules(None) == {}

    def test_without_objectives_there_are_none(self) -> None:
        assert objective_lines({"objectives": None, "attempts": [], "loss_buffer": None}) == []
