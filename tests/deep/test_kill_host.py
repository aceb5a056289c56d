"""The terminal's host ends in every call that a session makes, and the engine with it or not."""

from __future__ import annotations

import pytest

from tests.deep.kill_points import host_points, judge_both, judge_host, undisturbed
from tests.deep.kill_sessions import each

pytestmark = pytest.mark.deep

FUNCTIONS = (
    "account_info",
    "history_deals_get",
    "history_orders_get",
    "initialize",
    "order_calc_margin",
    "order_calc_profit",
    "order_send",
    "orders_get",
    "positions_get",
    "symbol_info",
    "symbol_info_tick",
    "symbol_select",
)


def test_these_are_the_functions_that_a_session_calls() -> None:
    assert set(FUNCTIONS) == set(undisturbed().venue.calls)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_host_that_ends_in_any_call_loses_and_doubles_nothing(function: str) -> None:
    points = [point for point in host_points() if point.function == function]
    failed = each(points, judge_host)
    print(f"{function}: {len(points)} points, {len(failed)} failed")
    assert failed == {}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_host_and_engine_that_end_together_lose_and_double_nothing(function: str) -> None:
    points = [point for point in host_points() if point.function == function]
    failed = each(points, judge_both)
    print(f"{function}: {len(points)} points, {len(failed)} failed")
    assert failed == {}
