"""The execution adapter: approved orders out, the terminal's answers back as events.

The gateway takes nothing but `OrderApproved`. It records `OrderSubmitted` first and sends when that
record is dispatched. It is pure: how a request travels (`Send`) is given to it, and what the
terminal says comes to it as `TradeReply` and `Snapshot`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import fitting, in_units
from adapters.mt5.execution.direct import ClosedPositions, DirectExecution, ExecutionResult
from adapters.mt5.execution.reconciler import Reconciler
from adapters.mt5.execution.rejections import effect_of
from adapters.mt5.execution.reports import ExecutionReports
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import (
    Snapshot,
    SnapshotQuery,
    TradeReply,
    carry_out,
    fetch_snapshot,
    reply_of,
)
from adapters.mt5.execution.unsent import Unsent
from adapters.mt5.execution.working_orders import WorkingOrders
from engine import events as ev
from engine.bus import Bus
from engine.portfolio import Portfolio
from engine.ports import Terminal
from engine.trading import TradingState


class VenueRequest(NamedTuple):
    """A request to be carried out for an order; `cancellation` cancels a pending order."""

    order_id: int
    request: dict[str, Any]
    cancellation: bool = False


Send = Callable[[VenueRequest], TradeReply | None]
"""Sends a request; the reply is returned, or comes later as the input `VenueReplied`."""


def send_in_process(terminal: Terminal) -> Send:
    """Send to a terminal that lives in this process and answers at once (the replay's)."""

    def send(venue_request: VenueRequest) -> TradeReply:
        return carry_out(terminal, venue_request.request)

    return send


class Gateway:
    """The execution adapter of one account."""

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        requests: Requests,
        send: Send,
        direct: DirectExecution | None = None,
        *,
        may_suspend: bool = False,
    ) -> None:
        """A `direct` in this process carries out what it takes, without requests.

        With `may_suspend` a rejection of the moment suspends trading, which its feed releases.
        """
        self._may_suspend = may_suspend
        self._bus = bus
        self._portfolio = portfolio
        self._direct = direct
        self._requests = requests
        self._send = send
        self._halted = False
        self._cancelling: set[int] = set()
        self._reports = ExecutionReports(bus, portfolio)
        self.working_orders = WorkingOrders(bus)
        self.reconciler = Reconciler(bus, portfolio, self.working_orders, self._reports, requests)
        self.unsent = Unsent(bus, portfolio)

    def attach(self) -> None:
        """Put the gateway and its parts on the bus, in the order in which they must see events."""
        parts = (
            self.working_orders.routes(),
            self._routes(),
            self.reconciler.routes(),
            self.unsent.routes(),
        )
        for routes in parts:
            self._bus.attach(routes)

    def _routes(self) -> ev.Routes:
        return {
            ev.OrderApproved: self.on_approved,
            ev.OrderSubmitted: self.on_submitted,
            ev.TradingStateChanged: self.on_trading_state,
            ev.VenueReplied: self.on_replied,
            ev.UserCommanded: self.on_user,
            ev.OrderAccepted: lambda _: self._cancel_pending(),
            ev.AccountReconciled: lambda _: self._cancel_pending(),
        }

    def replay_routes(self) -> list[ev.Routes]:
        """The recorded events from which the gateway rebuilds its state."""
        state: ev.Routes = {ev.TradingStateChanged: self._apply_state}
        return [
            self.working_orders.routes(),
            self.reconciler.replay_routes(),
            self.unsent.replay_routes(),
            state,
        ]

    @property
    def unresolved(self) -> list[ev.OrderIntent]:
        """Orders of unknown outcome: never sent again, charged as risk until the venue resolves
        them."""
        return [unknown.order for unknown in self.working_orders.unknown.values()]

    def snapshot_query(self) -> SnapshotQuery:
        """What the next snapshot is to contain."""
        return self.reconciler.snapshot_query()

    def has_changes(self, snapshot: Snapshot) -> bool:
        """Whether a snapshot must be reconciled: it has changes, or there is something to repeat.

        A pending entry that the venue did not give back during a halt is asked for again, and so is
        a close that was never sent.
        """
        refused = self._halted and any(
            order.terms.entry_price for order in self.working_orders.working.values()
        )
        return refused or bool(self.unsent.wanted) or self.reconciler.has_changes(snapshot)

    def reconcile(self, snapshot: Snapshot | ClosedPositions) -> None:
        """Compare what the terminal holds with what the engine believes, and publish the rest."""
        self._bus.feed(ev.AccountSnapshot(snapshot))

    def on_trading_state(self, changed: ev.TradingStateChanged) -> None:
        self._apply_state(changed)
        self._cancel_pending()

    def _apply_state(self, changed: ev.TradingStateChanged) -> None:
        self._halted = changed.state is not TradingState.ACTIVE

    def _cancel_pending(self) -> None:
        """Pending entries must not open a position during a halt: cancel them at the venue.

        Where the venue refuses (it may just have filled one) or the request is lost, the next
        snapshot shows what happened, and what still waits then is cancelled again.
        """
        if not self._halted:
            return
        for ticket, order in list(self.working_orders.working.items()):
            if order.terms.entry_price and order.order_id not in self._cancelling:
                self._cancel(ticket, order)

    def _cancel(self, ticket: int, order: ev.OrderIntent) -> None:
        self._cancelling.add(order.order_id)
        request = {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket}
        reply = self._send(VenueRequest(order.order_id, request, cancellation=True))
        if reply is not None:
            self._cancelling.discard(order.order_id)
            self._cancelled(order, reply)

    def _cancelled(self, order: ev.OrderIntent, reply: TradeReply) -> None:
        done = reply.result is not None and reply.result.retcode == mt5.TRADE_RETCODE_DONE
        if done:
            self._reports.cancelled(order, "trading was halted")

    # --- out ---

    def on_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if self._halted and self._may_not_open(order):
            return
        self._bus.publish(
            ev.OrderSubmitted(order_id=order.order_id, terms=order.terms, volume=approved.volume)
        )

    def on_submitted(self, submitted: ev.OrderSubmitted) -> None:
        order = self.working_orders.sent[submitted.order_id]
        if self._halted and self._may_not_open(order):
            return
        if self._direct is not None and not order.terms.entry_price:
            self._on_answer(order, self._direct.carry_out(order, submitted.volume))
            return
        request = self._requests.of(order, submitted.volume)
        reply = self._send(VenueRequest(order.order_id, request))
        if reply is not None:
            self.on_reply(order, reply)

    def _may_not_open(self, order: ev.OrderIntent) -> bool:
        """Nothing that opens a position leaves once a halt is on record."""
        if order.terms.action is not ev.OPEN or not self._halted:
            return False
        self._reports.cancelled(order, "trading was halted before it was sent")
        return True

    def must_not_leave(self, venue_request: VenueRequest) -> bool:
        """Whether a request that waited to be sent must not leave any more."""
        order = self.working_orders.order(venue_request.order_id)
        opens = order is None or order.terms.action is ev.OPEN
        return opens and not venue_request.cancellation and self._halted

    def on_user(self, command: ev.UserCommanded) -> None:
        """Who resumes has looked at the terminal: what is not there was never executed.

        Should such an order appear after all, it cannot be explained and trading stops again.
        """
        if command.action is ev.UserAction.RESUME:
            for order in self.unresolved:
                self._reports.cancelled(order, "never executed, as the user saw at the terminal")

    def abandoned(self) -> None:
        """Tell what became of orders whose session ended under way; called before anything else.

        One that was approved only was never sent. One that was submitted may have been, and one
        that was accepted without a ticket can only be found by its traces.
        """
        account = self._reports.account(None)
        for approved in list(self.working_orders.approved.values()):
            self._reports.cancelled(approved.order, "the session ended before it was sent")
        for order in list(self.working_orders.sent.values()):
            self._reports.unknown(order, "the session ended before its reply was recorded", account)
        ticketless = self.working_orders.working.get(0)
        if ticketless is not None:
            self._reports.unknown(ticketless, "accepted without the ticket of an order", account)

    # --- back ---

    def on_replied(self, replied: ev.VenueReplied) -> None:
        order = self.working_orders.order(replied.order_id)
        if replied.cancellation:
            self._cancelling.discard(replied.order_id)
        if order is None:
            return  # a snapshot resolved it before its reply came
        if replied.what is None:
            self._reports.cancelled(order, "trading was halted before it was sent")
            return
        reply = reply_of(replied.what)
        if replied.cancellation:
            self._cancelled(order, reply)
        else:
            self.on_reply(order, reply)

    def on_reply(self, order: ev.OrderIntent, reply: TradeReply) -> None:
        """Turn the venue's answer to a request into events."""
        result = reply.result
        account = self._reports.account(reply.account)
        if reply.checked is not None:
            self._on_checked(order, reply.checked, account)
            return
        if result is None:
            self._without_result(order, reply, account)
            return
        known = () if reply.account is None else fitting(reply.deals, order.terms.action)
        deals = in_units(known, self._portfolio.specs[order.terms.symbol])
        if reply.connected is False:
            self._never_left(order, result)
            return
        self._on_answer(
            order, ExecutionResult(result.retcode, result.comment, result.order, deals, account)
        )

    def _never_left(self, order: ev.OrderIntent, result: mt5.OrderSendResult) -> None:
        """The terminal had no connection with its server: nothing can have reached it."""
        reason = f"never sent: {result.retcode} {mt5.explained(result.retcode, result.comment)}"
        self._reports.cancelled(order, reason, unsent=order.terms.action is ev.CLOSE)

    def _on_answer(self, order: ev.OrderIntent, answer: ExecutionResult) -> None:
        outcome, account = mt5.outcome_of(answer.retcode), answer.account
        if outcome is mt5.RequestOutcome.REJECTED:
            self._on_rejected(order, answer)
        elif outcome is mt5.RequestOutcome.UNKNOWN:
            why = f"{answer.retcode} {mt5.explained(answer.retcode, answer.message)}"
            self._reports.unknown(order, why, account)
        elif order.terms.action is ev.MODIFY:
            self._reports.modified(order, account)
        elif not answer.ticket:
            why = f"{answer.retcode} {answer.message}, but without the ticket of an order"
            self._reports.unknown(order, why, account)
        elif not answer.deals:
            self._reports.accepted(order, answer.ticket)
        elif order.terms.action is ev.OPEN:
            self._reports.opened(order, answer.deals, account)
        else:
            self._reports.closed_by_order(order, answer.deals, account)

    def _on_rejected(self, order: ev.OrderIntent, answer: ExecutionResult) -> None:
        """The venue refused: what that means, in words, and what it does to trading."""
        action, retcode = order.terms.action, answer.retcode
        if action is ev.MODIFY and retcode == mt5.TRADE_RETCODE_NO_CHANGES:
            self._on_no_changes(order, answer)
            return
        effect = effect_of(action, retcode, may_suspend=self._may_suspend)
        message = mt5.explained(retcode, answer.message)
        if effect is ev.RejectionEffect.LEVELS:
            message = f"{message}; the position keeps its levels"
        self._reports.rejected(order, retcode, message, answer.account, effect)

    def _on_no_changes(self, order: ev.OrderIntent, answer: ExecutionResult) -> None:
        """The venue has these levels already; they are news only where the books have others."""
        position = self._portfolio.positions.get(order.terms.position)
        levels = (order.terms.stop_loss, order.terms.take_profit)
        if position is not None and levels != (position.stop_loss, position.take_profit):
            self._reports.modified(order, answer.account)
        else:
            self._reports.cancelled(order, mt5.explained(answer.retcode, answer.message))

    def _on_checked(
        self, order: ev.OrderIntent, checked: mt5.OrderCheckResult, account: ev.Account
    ) -> None:
        """In a dry run an order ends here: nothing was sent."""
        if checked.retcode == mt5.ORDER_CHECK_PASSED:
            self._reports.cancelled(order, f"dry run, order_check says: {checked.comment}")
        else:
            message = f"order_check: {mt5.explained(checked.retcode, checked.comment)}"
            self._reports.rejected(order, checked.retcode, message, account)

    def _without_result(
        self, order: ev.OrderIntent, reply: TradeReply, account: ev.Account
    ) -> None:
        code, text = reply.error
        if order.terms.action is ev.CLOSE and code == mt5.RES_E_INTERNAL_FAIL_CONNECT:
            self._reports.cancelled(order, f"never sent: {code} {text}", unsent=True)
        elif mt5.delivery_of(code) is mt5.Delivery.NEVER_SENT:
            self._reports.rejected(order, code, text, account)
        else:
            self._reports.unknown(order, f"no result, error {code} {text}", account)


class InProcess:
    """A gateway's link to a terminal in this process: look whenever the market moved.

    With a `direct` the whole terminal is only looked at while orders wait there: nothing else can
    have happened but that positions were closed.
    """

    def __init__(
        self, gateway: Gateway, terminal: Terminal, direct: DirectExecution | None = None
    ) -> None:
        self._gateway = gateway
        self._terminal = terminal
        self._direct = direct

    def reconcile(self) -> None:
        gateway, direct = self._gateway, self._direct
        query = gateway.snapshot_query()
        if direct is None or query.orders or gateway.unresolved:
            gateway.reconcile(fetch_snapshot(self._terminal, query))
        else:
            gateway.reconcile(direct.closed_positions(query.positions))
