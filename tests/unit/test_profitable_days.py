"""Days that a phase asks for must close a profit of so much: counted as the ledger does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config.errors import ConfigError
from config.loader import load_rules
from engine.rules import BreachAt
from risk import objectives as obj
from risk.ledger.inputs import day_rules
from scripts.app.terms.objectives import as_recorded, challenge_of, resolve
from tests.builders import started

RULES = load_rules("the5ers_high_stakes")
USD = 100
INITIAL = 100_000 * USD


def after(*ends: float) -> obj.ChallengeState:
    """The standing on the day after days that ended with these balances, each with a trade."""
    state = obj.new_phase(RULES, 0, INITIAL, "2026-06-01")
    for number, balance in enumerate(ends, start=2):
        cents = round(balance * USD)
        state = obj.next_day(RULES, obj.opened(state), f"2026-06-{number:02}", cents, cents)
    return state


@pytest.mark.parametrize(
    ("ends", "balance", "missing"),
    [
        # +8.15 % on the first day, then next to nothing: the target alone passes nobody.
        ((108_150, 108_151.19), 108_151.13, {"profitable_days", "trading_days"}),
        ((108_150, 108_151.19, 108_151.13), 108_151.13, {"profitable_days"}),
        # Exactly 0.5 % counts, a cent less does not; today counts as if it ended now.
        ((103_000, 103_500, 108_000), 108_000, set()),
        ((103_000, 103_499.99, 108_000), 108_000, {"profitable_days"}),
        ((103_000, 103_500), 108_000, {"trading_days"}),
        # A losing day takes nothing away.
        ((104_000, 103_000, 104_000, 108_500), 108_500, set()),
    ],
)
def test_the_target_passes_with_enough_days_that_made_enough(
    ends: tuple[float, ...], balance: float, missing: set[str]
) -> None:
    found = obj.missing(RULES, after(*ends), round(balance * USD), flat=True)
    assert set(found) == missing


def test_reaching_a_limit_is_a_breach_there() -> None:
    """The firm's words: the account may not reach the level."""
    assert RULES.daily.breach_at is RULES.maximum.breach_at is BreachAt.TOUCH
    state = after()
    at, above = state.day_limit, state.day_limit + 1
    assert obj.breach_of(RULES, state, INITIAL, above) is None
    found = obj.breach_of(RULES, state, INITIAL, at)
    assert found is not None
    assert found.rule == obj.DAILY_LOSS


def test_the_ledger_counts_by_the_same_rule() -> None:
    rules = day_rules(RULES).profitable
    assert [(rule.days, rule.percent) for rule in rules if rule] == [(3, 50), (3, 50)]
    assert day_rules(load_rules("ftmo_2step")).profitable == (None,) * 4


def test_a_session_s_first_record_has_them_only_where_there_are_some() -> None:
    """Other rules are recorded as they were before there was this one."""
    for name, there in (("the5ers_high_stakes", True), ("ftmo_2step", False)):
        challenge = resolve(name, None, None)
        assert challenge is not None
        recorded = as_recorded(challenge)
        assert ("profitable_days" in recorded["rules"]["phases"][0]) == there
        session = msgspec.structs.replace(started(), objectives=recorded)
        assert as_recorded(challenge_of(session)) == recorded


def test_half_a_rule_is_refused(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "config" / "rules"
    text = (folder / "the5ers_high_stakes.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("    profitable_day_percent: 0.5\n", "", 1))
    with pytest.raises(ConfigError, match="profitable_day_percent"):
        load_rules(file)
