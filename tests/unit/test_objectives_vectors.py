"""Worked cases of firms' rules, read from a file beside the checkout where there is one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config.rules import load_rules
from engine.calendar import resets, trading_date
from engine.types import Cents
from risk import objectives as obj

FILE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ftmo_vectors.json"
TWO_STEP = load_rules("ftmo_2step")
ONE_STEP = load_rules("ftmo_1step")

Case = dict[str, Any]


def cents(amount: float) -> Cents:
    return round(amount * 100)


def millis(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def new_phase(case: Case) -> obj.ChallengeState:
    return obj.new_phase(TWO_STEP, 0, cents(case["initial"]), "2026-06-01")


def on_day(balance: float, initial: float, equity: float | None = None) -> obj.ChallengeState:
    """The standing on a day that began with `balance`."""
    first = obj.new_phase(TWO_STEP, 0, cents(initial), "2026-06-01")
    figure = balance if equity is None else equity
    return obj.next_day(TWO_STEP, first, "2026-06-02", cents(balance), cents(figure))


def breaks(state: obj.ChallengeState, balance: float, equity: float) -> bool:
    return obj.breach_of(TWO_STEP, state, cents(balance), cents(equity)) is not None


def v01(case: Case) -> Case:
    days = [on_day(balance, case["initial"]) for balance in case["midnight_balances"]]
    return {"daily_limits": [day.day_limit / 100 for day in days]}


def v02(case: Case) -> Case:
    limits = []
    for balances in case["midnight_balances_before_day"]:
        state = obj.new_phase(ONE_STEP, 0, cents(case["initial"]), "2026-06-01")
        for balance in balances:
            state = obj.next_day(ONE_STEP, state, "x", cents(balance), cents(balance))
        limits.append(state.max_limit / 100)
    return {"max_loss_limits": limits}


def v03(case: Case) -> Case:
    ((midnight, date),) = islice(resets(TWO_STEP.reset_zone, millis(case["t_before"])), 1)
    assert midnight == millis(case["t_after"])
    first = new_phase(case)
    balance = case["day1_midnight_balance"] + case["closed_profit_day1"]
    equity = balance + case["floating"]
    second = obj.next_day(TWO_STEP, first, date, cents(balance), cents(equity))
    return {
        "limit_before": first.day_limit / 100,
        "equity": equity,
        "room_before": equity - first.day_limit / 100,
        "breach_before": breaks(first, balance, equity),
        "limit_after": second.day_limit / 100,
        "breach_after": breaks(second, balance, equity),
        "breach_time": case["t_after"],
    }


def v05(case: Case) -> Case:
    day = on_day(case["midnight_balance"], case["initial"])
    return {"daily_breach": [breaks(day, equity, equity) for equity in case["equity_series"]]}


def v06(case: Case) -> Case:
    day = on_day(case["midnight_balance"], case["initial"])
    balances = [case["balance_before_commission"] + paid for paid in case["commission_cases"]]
    equities = [balance + case["floating"] for balance in balances]
    pairs = list(zip(balances, equities, strict=True))
    return {"equity": equities, "daily_breach": [breaks(day, *pair) for pair in pairs]}


def v08(case: Case) -> Case:
    day = on_day(case["midnight_balance"], case["initial"])
    balance = case["midnight_balance"] + case["closed_today"]
    equities = [balance + floating for floating in case["floating_series"]]
    return {
        "daily_limit": day.day_limit / 100,
        "room": [(cents(equity) - day.day_limit) / 100 for equity in equities],
        "breach": [breaks(day, balance, equity) for equity in equities],
    }


def v09(case: Case) -> Case:
    limits = {}
    for name in (
        "ftmo_2step", "fundednext_stellar_2step", "the5ers_high_stakes", "fundingpips_2step",
    ):  # fmt: skip
        rules = load_rules(name)
        first = obj.new_phase(rules, 0, cents(case["initial"]), "2026-06-01")
        figures = cents(case["midnight_balance"]), cents(case["midnight_equity"])
        limits[name] = obj.next_day(rules, first, "2026-06-02", *figures).day_limit / 100
    return {"daily_limit": limits}


def v10(case: Case) -> Case:
    day = on_day(case["midnight_balance"], case["initial"], case["midnight_equity"])
    room = case["midnight_equity"] - day.day_limit / 100
    return {"daily_limit": day.day_limit / 100, "room_at_reset": room}


def v12(case: Case) -> Case:
    day = on_day(case["midnight_balance"], case["initial"])
    return {
        "daily_limit": day.day_limit / 100,
        "max_loss_limit": day.max_limit / 100,
        "effective_floor": day.floor / 100,
    }


def v15(case: Case) -> Case:
    midnight = round(case["equity"] - case["todays_profit"], 2)
    day = on_day(midnight, case["initial"])
    equity = cents(case["equity"])
    return {
        "midnight_balance": midnight,
        "daily_limit": day.day_limit / 100,
        "todays_permitted_loss": (equity - day.day_limit) / 100,
        "max_permitted_loss": (equity - day.max_limit) / 100,
    }


def v16(case: Case) -> Case:
    state = obj.new_phase(ONE_STEP, 0, 10_000_000, "x")
    balance = 10_000_000
    for profit in case["daily_closed_pnl"]:
        balance += cents(profit)
        state = obj.next_day(ONE_STEP, state, "x", balance, balance)
    gates = obj.missing(ONE_STEP, state, balance, flat=True)
    needed = state.best_day * 2
    grown = msgspec.structs.replace(state, good_days=needed)
    assert "best_day" not in obj.missing(ONE_STEP, grown, balance, flat=True)
    fewer = msgspec.structs.replace(state, good_days=needed - 1)
    assert "best_day" in obj.missing(ONE_STEP, fewer, balance, flat=True)
    return {
        "positive_days_profit": state.good_days / 100,
        "best_day": state.best_day / 100,
        "share": obj.best_day_share(state, balance),
        "satisfied": "best_day" not in gates,
        "required_positive_days_profit": needed / 100,
    }


def v18(case: Case) -> Case:
    day = case["prague_day"]
    moments = resets(TWO_STEP.reset_zone, millis(f"{day}T00:00:00Z") - 86_400_000)
    (start, name), (end, _) = islice(moments, 2)
    assert name == day
    return {
        "start_utc": f"{dt.datetime.fromtimestamp(start / 1000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "end_utc": f"{dt.datetime.fromtimestamp(end / 1000, dt.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "hours": (end - start) // 3_600_000,
    }


def v22(case: Case) -> Case:
    opens = [millis(text) for text in case["opens_utc"]]
    closes = [millis(text) for text in case["closes_only_utc"]]
    state = obj.new_phase(TWO_STEP, 0, 10_000_000, "")
    days: list[str] = []
    for moment in sorted(opens + closes):
        date = trading_date(TWO_STEP.reset_zone, TWO_STEP.reset_hour, moment)
        if date != state.date:
            state = obj.next_day(TWO_STEP, state, date, 10_000_000, 10_000_000)
        if moment in opens:
            before, state = state, obj.opened(state)
            days += [date] * (state.trading_days - before.trading_days)
    return {"trading_days": days, "count": state.trading_days}


def v24(case: Case) -> Case:
    """What was broken at 10:00 is not mended by what would have been enough at 15:00."""
    state = msgspec.structs.replace(new_phase(case), trading_days=case["days"])
    assert breaks(state, 100_000, 94_999)
    assert obj.missing(TWO_STEP, state, cents(110_500), flat=True) == ()
    return {"status": "failed", "time": "10:00"}


FROM_BROKER: dict[str, Callable[[Case], Case]] = {
    "V01": v01, "V02": v02, "V03": v03, "V05": v05, "V06": v06, "V08": v08, "V09": v09, "V10": v10,
    "V12": v12, "V15": v15, "V16": v16, "V18": v18, "V22": v22, "V24": v24,
}  # fmt: skip


def test_every_published_case_comes_out_as_published() -> None:
    if not FILE.exists():
        pytest.skip(f"{FILE} is not there")
    for vector in json.loads(FILE.read_text(encoding="utf-8"))["vectors"]:
        found = FROM_BROKER[vector["id"]](vector["input"])
        assert found == vector["expected"], vector["id"]
