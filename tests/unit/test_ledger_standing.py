"""A session stands where its account stands: the ledger counts for risk and objectives."""

from __future__ import annotations

from typing import Any

import msgspec

from engine import events as ev
from engine.fields import LedgerFigures, OwnFigures
from engine.trading import HaltCause
from risk.challenge import Challenge
from risk.counters import TradeCounters
from tests.builders import START, intent, limits, of_kind, wired
from tests.challenges import rules
from tests.risk_steps import reset, see

LOST = START - 40_000
"""The balance of an account that began its challenge with START and has lost since."""

WIDE = limits(daily_loss_fraction=0.9, max_positions=9)


def own(**given: int | None) -> OwnFigures:
    fields: dict[str, Any] = {
        "day_start": START,
        "orders_today": 0,
        "orders_hour": 0,
        "last_loss": None,
        **given,
    }
    return OwnFigures(**fields)


def told(balance: int = LOST, **given: object) -> ev.LedgerUpdated:
    """The ledger of a challenge that began with START, two days ago."""
    figures = {
        "opening": 0, "complete": True, "initial": START, "phase": rules().phases[0].name,
        "started": "2024-03-01", "date": "2024-03-03", "transfers": 0, "closed_today": -10_000,
        "positions_today": 1, "requests_today": 2, "high_water": START, "day_start": LOST + 10_000,
        "floor_today": LOST + 10_000 - 50_000, "floor_overall": START - 100_000,
        "trading_days": 2, "best_before": 700, "good_before": 900, "own": own(), **given,
    }  # fmt: skip
    return ev.LedgerUpdated(balance=balance, figures=LedgerFigures(**figures))  # type: ignore[arg-type]


FOLLOWED = Challenge(rules=rules(), by_ledger=True)


def test_floors_target_and_days_are_the_accounts_and_not_those_of_todays_balance() -> None:
    parts = wired(WIDE, challenge=FOLLOWED, balance=LOST)
    assert of_kind(parts.journal, ev.AttemptStarted) == [], "until the ledger has spoken"
    parts.bus.feed(told())
    (began,) = of_kind(parts.journal, ev.AttemptStarted)
    assert (began.day_limit, began.max_limit) == (LOST - 40_000, START - 100_000)
    assert (began.target, began.account.balance) == (START + 60_000, LOST)
    assert parts.challenge_actor is not None
    state = parts.challenge_actor.state
    assert (state.days, state.trading_days, state.positions, state.requests) == (3, 2, 1, 2)
    assert (state.best_day, state.good_days, state.day_balance) == (700, 900, LOST + 10_000)
    assert parts.risk.losses.day_start == START, "our own day hangs on the ledger, too"


def test_what_was_paid_in_raises_floors_and_target_on_later_days_too() -> None:
    paid = {"transfers": 30_000, "floor_overall": START - 100_000 + 30_000}
    parts = wired(WIDE, challenge=FOLLOWED, balance=LOST)
    parts.bus.feed(told(**paid))
    (began,) = of_kind(parts.journal, ev.AttemptStarted)
    assert began.target == START + 60_000 + 30_000
    reset(parts, LOST)
    assert parts.challenge_actor is not None
    assert parts.challenge_actor.state.max_limit == START - 100_000 + 30_000


def test_a_later_reading_takes_back_nothing_that_the_session_has_counted() -> None:
    """It may have been made before the last deal; of another day it counts alone."""
    parts = wired(WIDE, challenge=FOLLOWED, balance=LOST)
    parts.bus.feed(told(positions_today=3, trading_days=3))
    parts.bus.feed(told(positions_today=2, trading_days=2))
    assert parts.challenge_actor is not None
    assert parts.challenge_actor.state.positions == 3
    parts.bus.feed(told(positions_today=0, trading_days=3, date="2024-03-04"))
    assert parts.challenge_actor.state.positions == 0
    assert len(of_kind(parts.journal, ev.AttemptStarted)) == 1


def test_an_entry_is_denied_by_the_day_that_earlier_sessions_have_lost() -> None:
    """The day began with 100,000.00 and may lose 2 %: 400.00 more are too much after 1,700.00."""
    parts = wired(balance=START - 170_000)
    parts.bus.feed(
        ev.LedgerUpdated(
            balance=START - 170_000,
            figures=LedgerFigures(opening=0, complete=True, own=own()),
        )
    )
    parts.bus.publish(intent())
    (denied,) = of_kind(parts.journal, ev.OrderDenied)
    assert denied.reason is ev.DenyReason.DAILY_LOSS


def test_halts_of_earlier_sessions_hold_and_a_suspension_ends_when_the_ledger_is_clear() -> None:
    parts = wired()
    halted = msgspec.structs.replace(
        told(START), halts=(HaltCause.DAILY_LOSS,), suspended="equity at the reset is unknown"
    )
    parts.bus.feed(halted)
    assert set(parts.risk.trading.causes) == {HaltCause.DAILY_LOSS, HaltCause.LEDGER}
    parts.bus.feed(told(START))
    assert set(parts.risk.trading.causes) == {HaltCause.DAILY_LOSS}
    reset(parts, START)
    assert parts.risk.trading.active


def test_a_signal_that_was_entered_by_an_earlier_session_is_not_entered_again() -> None:
    parts = wired()
    parts.bus.feed(msgspec.structs.replace(told(START), signals=(intent().terms.signal_id,)))
    parts.bus.publish(intent())
    (denied,) = of_kind(parts.journal, ev.OrderDenied)
    assert denied.reason is ev.DenyReason.DUPLICATE_INTENT


def test_counts_of_earlier_sessions_and_of_this_one_are_joined() -> None:
    counters = TradeCounters()
    counters.ordered("EURUSD", 3_000)
    counters.adopt(4, {"EURUSD": 1, "GBPUSD": 2}, [1_000, 3_000], 2_000)
    counts = counters.counts(4_000)
    assert counts.day == {"EURUSD": 1, "GBPUSD": 2, "": 1}
    assert (counts.orders_hour, counts.last_loss) == (2, 2_000)
    counters.adopt(1, {}, [], 1_000)
    assert sum(counters.counts(4_000).day.values()) == 4
    assert counters.counts(4_000).last_loss == 2_000


def test_a_breach_after_the_ledger_is_that_of_the_accounts_floor() -> None:
    parts = wired(WIDE, challenge=FOLLOWED, balance=LOST)
    parts.bus.feed(told())
    see(parts, LOST, LOST - 40_001)
    (ended,) = of_kind(parts.journal, ev.AttemptEnded)
    assert (ended.outcome, ended.cause) == (ev.AttemptOutcome.BREACHED, "daily_loss")


def test_entries_on_a_symbol_by_earlier_sessions_count_for_the_symbols_day() -> None:
    """By name of the symbol: another one is free until the reset, and then both are."""
    parts = wired(limits(max_trades_per_symbol_per_day=2, max_positions=9))
    parts.bus.feed(msgspec.structs.replace(told(START), symbols={"EURUSD": 2}))
    parts.bus.publish(intent())
    (denied,) = of_kind(parts.journal, ev.OrderDenied)
    assert denied.reason is ev.DenyReason.TRADES_PER_SYMBOL_PER_DAY
    reset(parts, START)
    parts.bus.publish(intent(order_id=2, signal_id="later"))
    assert len(of_kind(parts.journal, ev.OrderDenied)) == 1


def test_orders_of_the_day_by_earlier_sessions_count_whatever_their_symbol() -> None:
    parts = wired(limits(max_orders_per_day=3, max_positions=9))
    more = told(START, own=own(orders_today=3))
    parts.bus.feed(msgspec.structs.replace(more, symbols={"GBPUSD": 1}))
    parts.bus.publish(intent())
    (denied,) = of_kind(parts.journal, ev.OrderDenied)
    assert denied.reason is ev.DenyReason.ORDERS_PER_DAY
