"""The table of limits: each limit is bound to a check, asks for what it needs, and acts."""

from __future__ import annotations

from typing import Any

import pytest

import risk.limits
from config.limits import ALLOWED_ACTIONS, CheckedLimits, limit_complaint
from engine import events as ev
from engine.bus import HandlerFailed
from engine.events import DenyReason
from engine.limit_table import (
    LIMIT_HITS,
    LIMIT_TABLE,
    OFF_VALUES,
    LimitAction,
    Limits,
    ValueKind,
    action_of,
    is_set,
    needed_parts,
)
from engine.rules import TradingRestrictions
from engine.types import Side
from risk.challenge import Challenge
from risk.limits import ContextMissing, LimitCheck, checks_in_force
from tests.builders import LOT, TICKS, Wired, closed, levels, of_kind, opened, signal, wired
from tests.challenges import rules

HOUR = 3_600_000

LAX: dict[str, Any] = {
    "max_positions": 99, "max_positions_per_symbol": 99, "per_trade_risk_fraction": 0.01,
    "daily_loss_fraction": 0.9, "reset_zone": "Europe/Prague",
}  # fmt: skip
"""Limits that nothing in `a_day` reaches."""

STRICTEST: dict[ValueKind, Any] = {
    ValueKind.COUNT: 1,
    ValueKind.WHOLE: 1_000_000,  # of a pause or an allowance: the more, the stricter
    ValueKind.FRACTION: 1e-9,
    ValueKind.PART: 0.9,
    ValueKind.AMOUNT: 1e-9,
    ValueKind.FLAG: True,
}
"""The strictest value by the kind of a limit; zone, hour and actions limit nothing themselves."""

LIMITING = [name for name, row in LIMIT_TABLE.items() if row.kind in STRICTEST]

GROUPS = ("ON_POSITIONS", "ON_RISK", "ON_HISTORY_AND_EXPOSURE", "ON_A_STOP")
"""Where `risk.limits` binds checks."""


def checks(group: str) -> tuple[LimitCheck[Any, Any], ...]:
    found: tuple[LimitCheck[Any, Any], ...] = getattr(risk.limits, group)
    return found


def bound() -> list[LimitCheck[Any, Any]]:
    return [check for group in GROUPS for check in checks(group)]


def unbound() -> set[str]:
    """Limits whose row has a reason to deny that no check gives."""
    wanted = {
        (name, hit.reason) for name, row in LIMIT_TABLE.items() for hit in row.hits if hit.reason
    }
    return {name for name, _ in wanted ^ {(check.limit, check.reason) for check in bound()}}


def a_day(terms: Limits) -> Wired:
    """Entries on two symbols, one beside an open position, after a loss, and a stop moved away."""
    parts = wired(terms, challenge=Challenge(rules=rules(restrictions=TradingRestrictions())))
    parts.bus.time = HOUR
    enter(parts, "s:1", "EURUSD")
    parts.bus.publish(opened(7, symbol="GBPUSD", price=TICKS["GBPUSD"].ask, stop_loss=120_000))
    parts.bus.publish(opened(8))
    parts.bus.publish(closed(8, net=-1))
    enter(parts, "s:2", "EURUSD")
    enter(parts, "s:3", "GBPUSD", volume=LOT // 10)
    away = {"action": ev.Action.MODIFY, "position": 7, "volume": LOT, "stop_loss": 119_000}
    parts.bus.publish(signal("m:1", symbol="GBPUSD", **away))
    return parts


def enter(parts: Wired, signal_id: str, symbol: str, volume: int = 0) -> None:
    away = levels(Side.LONG, TICKS[symbol], 500, 1_000)
    parts.bus.publish(signal(signal_id, symbol=symbol, scale=0.5, volume=volume, **away))


def denials(terms: Limits) -> set[DenyReason]:
    return {item.reason for item in of_kind(a_day(terms).journal, ev.OrderDenied)}


def strictest(name: str) -> Limits:
    return Limits(**{**LAX, name: STRICTEST[LIMIT_TABLE[name].kind]})


def reasons_in_force(terms: Limits) -> list[DenyReason]:
    return [reason for checks in checks_in_force(terms) for reason, _ in checks]


@pytest.mark.parametrize("name", LIMITING)
def test_the_checks_in_force_are_those_of_the_limits_that_are_set(name: str) -> None:
    """In the order of the reasons; a limit of what is open already is no check of an entry."""
    own = {check.reason for check in bound() if check.limit == name and name != "keep_stops"}
    found = reasons_in_force(strictest(name))
    assert set(found) == {*reasons_in_force(Limits(**LAX)), *own}
    assert found == [reason for reason in DenyReason if reason in found]


def test_without_limits_nothing_of_the_day_is_denied() -> None:
    """So whatever is denied below is denied by the limit that was set."""
    assert denials(Limits(**LAX)) == set()


@pytest.mark.parametrize("name", LIMITING)
def test_each_limit_at_its_strictest_denies_something(name: str) -> None:
    """With the reason of its row, where it has one; an allowance and a cut volume by another's."""
    reasons = {hit.reason for hit in LIMIT_TABLE[name].hits if hit.reason}
    found = denials(strictest(name))
    assert found
    assert reasons <= found


def test_a_limit_and_its_check_stand_for_each_other() -> None:
    assert unbound() == set()


@pytest.mark.parametrize("name", [check.limit for check in bound()])
def test_a_limit_whose_check_is_missing_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is broken on purpose: the comparison names it, and nothing is denied any more."""
    for group in GROUPS:
        rest = tuple(check for check in checks(group) if check.limit != name)
        monkeypatch.setattr(risk.limits, group, rest)
    assert unbound() == {name}
    reasons = {hit.reason for hit in LIMIT_TABLE[name].hits if hit.reason}
    assert not reasons & denials(strictest(name))


@pytest.mark.parametrize("name", [name for name, row in LIMIT_TABLE.items() if row.needs])
def test_a_limit_that_is_set_asks_for_its_part_of_the_context(name: str) -> None:
    row = LIMIT_TABLE[name]
    assert needed_parts(Limits(**LAX)) == frozenset()
    assert needed_parts(strictest(name)) == {row.needs}


@pytest.mark.parametrize(
    "name", ["cool_down_minutes", "max_orders_per_day", "max_symbol_risk_fraction"]
)
def test_a_row_that_does_not_name_what_its_check_needs_is_an_error(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never a limit that is accepted and not enforced."""
    monkeypatch.setattr("risk.actor.needed_parts", lambda _: frozenset())
    with pytest.raises(HandlerFailed) as caught:
        a_day(strictest(name))
    assert isinstance(caught.value.__cause__, ContextMissing)


def test_the_checks_run_in_the_order_of_the_reasons() -> None:
    order = list(DenyReason)
    places = [order.index(check.reason) for check in bound()]
    assert places == sorted(places)


def test_every_limit_says_what_it_means_and_its_off_value_is_allowed() -> None:
    for name, row in LIMIT_TABLE.items():
        assert row.meaning
        assert all(hit.meaning for hit in row.hits)
        if name in OFF_VALUES:
            assert limit_complaint(name, OFF_VALUES[name]) is None
            assert not is_set(Limits(**LAX), name)
        else:
            assert limit_complaint(name, None) is not None
            assert is_set(Limits(**LAX), name)


def test_every_kind_of_value_is_used_and_refuses_what_is_none() -> None:
    assert {row.kind for row in LIMIT_TABLE.values()} == set(ValueKind)
    for name in LIMIT_TABLE:
        assert limit_complaint(name, object()) is not None


def test_the_configuration_has_the_limits_of_the_table() -> None:
    assert CheckedLimits.__struct_fields__ == tuple(LIMIT_TABLE)
    assert {name for name, hit in LIMIT_HITS.items() if hit.allowed} == set(ALLOWED_ACTIONS)


@pytest.mark.parametrize("name", list(LIMIT_HITS))
def test_what_happens_when_a_limit_is_hit_is_its_default_unless_declared(name: str) -> None:
    hit = LIMIT_HITS[name]
    assert action_of(Limits(**LAX), name) is hit.default
    assert hit.default in hit.allowed or hit.default is LimitAction.DENY
    for action in hit.allowed:
        assert action_of(Limits(**LAX, actions={name: action}), name) is action


def test_what_is_no_limit_is_denied_and_nothing_else() -> None:
    assert action_of(Limits(**LAX), "margin") is LimitAction.DENY
