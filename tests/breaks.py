"""Deliberate breaks of the product, each of which the audit of simulated sessions must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

import adapters.mt5.execution.reconciler
import adapters.mt5.execution.reports
import adapters.mt5.execution.venue
import risk.ledger.booking
import risk.ledger.fold
import risk.limits
import risk.sizing
import tests.simulation.engine_run
from adapters.mt5.execution.closing_deals import closings
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.reconciler import Reconciler
from adapters.mt5.execution.remote import LiveRouter, carry_out_remotely
from adapters.mt5.execution.reports import ExecutionReports
from adapters.state.store import AccountStore
from engine import events as ev
from engine.bus import Subscription
from engine.calendar import resets
from engine.exits import Exits
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.standing import StandingCloses
from engine.trading import Trading
from engine.types import Limits, Millis
from risk.actor import RiskActor
from risk.ledger.booking import DealClass
from risk.ledger.counts import own_figures
from risk.trading_control import TradingControl
from tests.simulation.disk import SimulatedJournal
from tests.simulation.run import run_seed

Break = Callable[[pytest.MonkeyPatch], None]

MOST_SEEDS = 300


def first_seed_that_notices(broken: Break, most: int = MOST_SEEDS) -> tuple[int, str]:
    """The first seed whose audit tells of the break, and what it says; (0, "") when none does."""
    with pytest.MonkeyPatch.context() as patch:
        broken(patch)
        for seed in range(1, most + 1):
            result = run_seed(seed)
            if result.broken:
                return seed, result.broken
    return 0, ""


def nothing(*_args: Any, **_kwargs: Any) -> None:
    """In place of what a break leaves out."""


def _without(owner: type, name: str) -> Break:
    return lambda patch: patch.setattr(owner, name, nothing)


def _flatten_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Exits, "on_user", nothing)
    patch.setattr(StandingCloses, "due", lambda *_args: False)


def _sent_twice(patch: pytest.MonkeyPatch) -> None:
    def twice(client: Any, request: dict[str, Any]) -> Any:
        carry_out_remotely(client, request)
        return carry_out_remotely(client, request)

    patch.setattr(adapters.mt5.execution.remote, "carry_out_remotely", twice)


def _record_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    async def at_once(_journal: SimulatedJournal, _seq: int) -> None:
        """The request leaves while its record may still be lost."""

    patch.setattr(SimulatedJournal, "durable", at_once)


def _halt_heeded_late(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Gateway, "_may_not_open", lambda _self, _order: False)
    patch.setattr(Gateway, "must_not_leave", lambda _self, _order: False)


def _unknown_taken_for_cancelled(patch: pytest.MonkeyPatch) -> None:
    def cancelled(
        reports: ExecutionReports, order: ev.OrderIntent, message: str, _account: Any
    ) -> None:
        reports.cancelled(order, message)

    patch.setattr(ExecutionReports, "unknown", cancelled)


def _reservation_forgotten(patch: pytest.MonkeyPatch) -> None:
    on_approved = OrderManager.on_approved

    def forgets(order_manager: OrderManager, approved: ev.OrderApproved) -> None:
        on_approved(order_manager, approved)
        order_manager.in_flight.pop(approved.order.order_id, None)

    patch.setattr(OrderManager, "on_approved", forgets)


def _quarantine_not_charged(patch: pytest.MonkeyPatch) -> None:
    on_unknown = OrderManager.on_unknown

    def forgets(order_manager: OrderManager, unknown: ev.OrderUnknown) -> None:
        on_unknown(order_manager, unknown)
        order_manager.in_flight.pop(unknown.order_id, None)

    patch.setattr(OrderManager, "on_unknown", forgets)
    patch.setattr(TradingControl, "on_unknown", nothing)


def _close_dropped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(adapters.mt5.execution.reports, "closings", lambda *_args: ())


def _commission_of_wrong_sign(patch: pytest.MonkeyPatch) -> None:
    def wrong(*args: Any) -> Iterator[ev.PositionClosed]:
        for closed in closings(*args):
            yield msgspec.structs.replace(closed, commission=-closed.commission)

    patch.setattr(adapters.mt5.execution.reports, "closings", wrong)


def _share_of_commission_lost(patch: pytest.MonkeyPatch) -> None:
    def wrong(*args: Any) -> Iterator[ev.PositionClosed]:
        for closed in closings(*args):
            yield msgspec.structs.replace(closed, net=closed.profit)

    patch.setattr(adapters.mt5.execution.reports, "closings", wrong)


def _row_lost(patch: pytest.MonkeyPatch) -> None:
    flush = Subscription.flush

    async def loses_one(subscription: Subscription) -> None:
        subscription.outbox[:] = [
            r for r in subscription.outbox if not isinstance(r.event, ev.PositionClosed)
        ]
        await flush(subscription)

    patch.setattr(Subscription, "flush", loses_one)


def _positions_not_counted(patch: pytest.MonkeyPatch) -> None:
    desk_of = RiskActor._context

    def empty(actor: RiskActor, order: ev.OrderIntent) -> Any:
        return msgspec.structs.replace(desk_of(actor, order), positions=0, positions_on_symbol=0)

    patch.setattr(RiskActor, "_context", empty)


def _open_risk_not_counted(patch: pytest.MonkeyPatch) -> None:
    desk_of = RiskActor._context

    def free(actor: RiskActor, order: ev.OrderIntent) -> Any:
        return msgspec.structs.replace(desk_of(actor, order), stops_worst=0, risk_in_flight=0)

    patch.setattr(RiskActor, "_context", free)


def _sized_too_large(patch: pytest.MonkeyPatch) -> None:
    budget = risk.sizing.budget
    patch.setattr(risk.sizing, "budget", lambda *args: 3 * budget(*args))
    patch.setattr(risk.limits, "_at_volume", lambda *_args: None)


def _signals_to_close_ignored(patch: pytest.MonkeyPatch) -> None:
    on_signal = OrderManager.on_signal

    def deaf(order_manager: OrderManager, signal: ev.SignalRaised) -> None:
        if signal.terms.action is not ev.Action.CLOSE:
            on_signal(order_manager, signal)

    patch.setattr(OrderManager, "on_signal", deaf)


def _order_ids_begin_anew(patch: pytest.MonkeyPatch) -> None:
    remember = OrderManager._apply_intent

    def forgets(order_manager: OrderManager, intent: ev.OrderIntent) -> None:
        remember(order_manager, intent)
        order_manager._next_id = 1

    patch.setattr(OrderManager, "_apply_intent", forgets)


def _floor_not_tested(patch: pytest.MonkeyPatch) -> None:
    def only_extremes(actor: RiskActor, seen: ev.AccountSeen) -> None:
        actor.losses.test(seen.equity)

    patch.setattr(RiskActor, "on_account", only_extremes)


def _missed_days_forgotten(patch: pytest.MonkeyPatch) -> None:
    def from_now(limits: Limits, now: Millis, _past: Any) -> Any:
        return resets(limits.reset_zone, now)

    patch.setattr(tests.simulation.engine_run, "days_to_come", from_now)


def _anchor_at_equity(patch: pytest.MonkeyPatch) -> None:
    on_reset = RiskActor.on_reset

    def at_equity(actor: RiskActor, reset: ev.ResetDue) -> None:
        on_reset(actor, msgspec.structs.replace(reset, balance=reset.equity))

    patch.setattr(RiskActor, "on_reset", at_equity)


def _not_shown_taken_for_gone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(adapters.mt5.execution.reconciler, "fully_closed", lambda _deals: True)


def _other_account_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(LiveRouter, "_ours", lambda _self, reply: reply)
    patch.setattr(adapters.mt5.execution.remote, "insist_on", nothing)


def _latch_cleared_at_midnight(patch: pytest.MonkeyPatch) -> None:
    reset = Trading.reset
    patch.setattr(Trading, "reset", lambda trading: reset(trading).resume())


def _looks_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Reconciler, "on_snapshot", nothing)


def _halts_of_the_account_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(AccountStore, "halts", lambda _store, _now: ())


def _entries_of_other_sessions_not_counted(patch: pytest.MonkeyPatch) -> None:
    def nothing_opened(*args: Any, **kwargs: Any) -> Any:
        return msgspec.structs.replace(own_figures(*args, **kwargs), orders_today=0, orders_hour=0)

    patch.setattr(risk.ledger.fold, "own_figures", nothing_opened)


def _day_starts_with_the_balance_of_now(patch: pytest.MonkeyPatch) -> None:
    def at_once(inputs: Any, *args: Any) -> Any:
        balance = inputs.account.balance
        return msgspec.structs.replace(own_figures(inputs, *args), day_start=balance)

    patch.setattr(risk.ledger.fold, "own_figures", at_once)


def _payments_taken_for_results(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(risk.ledger.booking, "_kind", lambda _type: DealClass.RESULT)


QUICK: dict[str, Break] = {
    "a reservation is forgotten": _reservation_forgotten,
    "a close is dropped": _close_dropped,
    "a commission has the wrong sign": _commission_of_wrong_sign,
    "a row of the files is lost": _row_lost,
    "an order is sent twice": _sent_twice,
}
"""Breaks that nearly every seed notices."""

BREAKS: dict[str, Break] = {
    **QUICK,
    "a record is not waited for": _record_not_waited_for,
    "a halt is heeded late": _halt_heeded_late,
    "a halt is forgotten at a restart": _without(TradingControl, "apply"),
    "an unknown outcome is taken for none": _unknown_taken_for_cancelled,
    "a quarantined order is not charged": _quarantine_not_charged,
    "the opening commission is left out of results": _share_of_commission_lost,
    "open positions are not counted": _positions_not_counted,
    "open risk is not counted": _open_risk_not_counted,
    "orders are sized too large": _sized_too_large,
    "signals to close are ignored": _signals_to_close_ignored,
    "order ids begin anew at a restart": _order_ids_begin_anew,
    "the floor is not tested": _floor_not_tested,
    "days that began meanwhile are forgotten": _missed_days_forgotten,
    "the day's anchor is not restored": _without(RiskActor, "_apply_day"),
    "the day's anchor is the equity": _anchor_at_equity,
    "extremes after deals are not restored": _without(RiskActor, "_apply_closed"),
    "strangers are not restored": _without(RiskActor, "_apply_external"),
    "levels moved by hand are not seen": _without(Reconciler, "_compare_levels"),
    "moved levels are not kept": _without(Portfolio, "on_modified"),
    "entries wait through a halt": _without(Gateway, "_cancel_pending"),
    "a position that is not shown counts as gone": _not_shown_taken_for_gone,
    "another account is believed": _other_account_believed,
    "strangers are not told": _without(Reconciler, "_compare_external"),
    "a latch is cleared at midnight": _latch_cleared_at_midnight,
    "a pause is not heeded": _without(RiskActor, "on_user"),
    "positions are left open that the user wants closed": _flatten_forgotten,
    "looks are not compared": _looks_not_compared,
    "halts of the account are forgotten by its next session": _halts_of_the_account_forgotten,
    "entries of the account are not counted": _entries_of_other_sessions_not_counted,
    "requests of earlier sessions are forgotten": _without(AccountStore, "add_request"),
    "the day starts with the balance of now": _day_starts_with_the_balance_of_now,
    "payments are taken for results": _payments_taken_for_results,
}
