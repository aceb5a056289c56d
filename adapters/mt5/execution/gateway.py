"""The execution adapter: approved orders out, the venue's answers back as events.

The gateway takes nothing but `OrderApproved`. It records `OrderSubmitted` first and lets the order
leave when that record is dispatched. It is pure and knows one port, in the engine's own units: how
an order travels, and what a terminal is asked for, is the venue's matter behind it.
"""

from __future__ import annotations

from typing import Protocol

from adapters.mt5.execution.reconciler import Reconciler
from adapters.mt5.execution.rejections import changes_nothing, effect_of, never_reached
from adapters.mt5.execution.reports import ExecutionReports
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import SnapshotQuery
from engine import events as ev
from engine.bus import Bus
from engine.exits import Exits
from engine.fields import ExecutionResult, VenueOutcome
from engine.orders import LiveOrder, OrderManager, OrderState
from engine.portfolio import Portfolio
from engine.ports import ExecutionPort
from engine.trading import TradingState


class Gateway:
    """The execution adapter of one account."""

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        orders: OrderManager,
        requests: Requests,
        port: ExecutionPort,
        *,
        may_suspend: bool = False,
    ) -> None:
        """With `may_suspend` a rejection of the moment suspends trading; the feed releases it."""
        self._may_suspend = may_suspend
        self._bus = bus
        self._portfolio = portfolio
        self._orders = orders
        self._exits = Exits(bus, portfolio, orders)
        self._port = port
        self._halted = False
        self._reports = ExecutionReports(bus, portfolio)
        self.reconciler = Reconciler(bus, portfolio, orders, self._reports, requests)

    def attach(self) -> None:
        """Put the gateway and its parts on the bus, in the order in which they must see events."""
        for routes in (self._routes(), self.reconciler.routes(), self._last_routes()):
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

    def _last_routes(self) -> ev.Routes:
        """What comes behind the reconciler, which says first what a snapshot shows to be closed."""
        return {ev.AccountReconciled: self.on_reconciled}

    def replay_routes(self) -> list[ev.Routes]:
        """The recorded events from which the gateway rebuilds its state."""
        return [self.reconciler.replay_routes(), {ev.TradingStateChanged: self._apply_state}]

    @property
    def unresolved(self) -> list[ev.OrderIntent]:
        """Orders of unknown outcome: never sent again, charged as risk until the venue resolves
        them."""
        return [live.order for live in self._orders.unknown.values()]

    def snapshot_query(self) -> SnapshotQuery:
        """What the next snapshot is to contain."""
        return self.reconciler.snapshot_query()

    def has_changes(self, snapshot: ev.AccountSnapshot) -> bool:
        """Whether a snapshot must be reconciled: it has changes, or there is something to repeat.

        A pending entry that the venue did not give back during a halt is asked for again, and so is
        a close that was never sent, or that stands although the venue refused it.
        """
        refused = self._halted and any(
            live.order.terms.entry_price for live in self._orders.working.values()
        )
        standing = {position.ticket for position in snapshot.positions}
        again = refused or self._exits.due(standing, self._bus.time)
        return again or self.reconciler.has_changes(snapshot)

    def reconcile(self, snapshot: ev.AccountSnapshot | ev.VenueClosed) -> None:
        """Compare what the terminal holds with what the engine believes, and publish the rest."""
        self._bus.feed(snapshot)

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
        for live in list(self._orders.working.values()):
            if live.order.terms.entry_price and not live.cancelling:
                self._cancel(live)

    def _cancel(self, live: LiveOrder) -> None:
        live.cancelling = True
        result = self._port.cancel(live.order, live.ticket)
        if result is not None:
            live.cancelling = False
            self._cancelled(live.order, result)

    def _cancelled(self, order: ev.OrderIntent, result: ExecutionResult) -> None:
        if result.outcome is VenueOutcome.EXECUTED:
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
        order = self._orders.live[submitted.order_id].order
        if self._halted and self._may_not_open(order):
            return
        result = self._port.execute(order, submitted.volume)
        if result is not None:
            self.on_result(order, result)

    def _may_not_open(self, order: ev.OrderIntent) -> bool:
        """Nothing that opens a position leaves once a halt is on record."""
        if order.terms.action is not ev.OPEN or not self._halted:
            return False
        self._reports.cancelled(order, "trading was halted before it was sent")
        return True

    def must_not_leave(self, order: ev.OrderIntent) -> bool:
        """Whether an order that waited to be sent must not leave any more."""
        return self._halted and order.terms.action is ev.OPEN

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
        account = self._portfolio.account.figures
        for order in self._orders.in_state(OrderState.APPROVED):
            self._reports.cancelled(order, "the session ended before it was sent")
        for order in self._orders.in_state(OrderState.SUBMITTED):
            self._reports.unknown(order, "the session ended before its reply was recorded", account)
        ticketless = self._orders.working.get(0)
        if ticketless is not None:
            why = "accepted without the ticket of an order"
            self._reports.unknown(ticketless.order, why, account)

    # --- back ---

    def on_replied(self, replied: ev.VenueReplied) -> None:
        live = self._orders.live.get(replied.order_id)
        if live is None:
            return  # a snapshot resolved it before its reply came
        order = live.order
        if replied.cancellation:
            live.cancelling = False
        if replied.result is None:
            self._reports.cancelled(order, "trading was halted before it was sent")
        elif replied.cancellation:
            self._cancelled(order, replied.result)
        else:
            self.on_result(order, replied.result)

    def on_reconciled(self, venue: ev.AccountReconciled) -> None:
        """What the same snapshot shows to be closed is on its way to the books already."""
        standing = {position.ticket for position in venue.snapshot.positions}
        self._exits.repeat(standing, self._bus.time)

    def on_result(self, order: ev.OrderIntent, result: ExecutionResult) -> None:
        """Turn the venue's answer to an order into events."""
        account = result.account or self._portfolio.account.figures
        if result.outcome is VenueOutcome.EXECUTED:
            self._on_executed(order, result, account)
        elif result.outcome is VenueOutcome.CHECKED:
            self._reports.cancelled(order, result.message)
        elif result.outcome is VenueOutcome.UNKNOWN:
            self._reports.unknown(order, result.message, account)
        elif result.outcome is VenueOutcome.UNSENT and never_reached(
            order.terms.action, result.code
        ):
            why = f"never sent: {result.code} {result.message}"
            self._reports.never_sent(order, why)
        else:
            self._on_rejected(order, result, account)

    def _on_executed(
        self, order: ev.OrderIntent, result: ExecutionResult, account: ev.Account
    ) -> None:
        if order.terms.action is ev.MODIFY:
            self._reports.modified(order, account)
        elif not result.ticket:
            why = f"{result.code} {result.message}, but without the ticket of an order"
            self._reports.unknown(order, why, account)
        elif not result.deals:
            self._reports.accepted(order, result.ticket)
        elif order.terms.action is ev.OPEN:
            self._reports.opened(order, result.deals, account)
        else:
            self._reports.closed_by_order(order, result.deals, account)

    def _on_rejected(
        self, order: ev.OrderIntent, result: ExecutionResult, account: ev.Account
    ) -> None:
        """The venue refused: what that does to trading beyond this order's end."""
        action, code = order.terms.action, result.code
        if action is ev.MODIFY and changes_nothing(code):
            self._on_no_changes(order, result, account)
            return
        effect = effect_of(action, code, may_suspend=self._may_suspend)
        message = result.message
        if effect is ev.RejectionEffect.LEVELS:
            message = f"{message}; the position keeps its levels"
        self._reports.rejected(order, code, message, account, effect)

    def _on_no_changes(
        self, order: ev.OrderIntent, result: ExecutionResult, account: ev.Account
    ) -> None:
        """The venue has these levels already; they are news only where the books have others."""
        position = self._portfolio.positions.get(order.terms.position)
        levels = (order.terms.stop_loss, order.terms.take_profit)
        if position is not None and levels != (position.stop_loss, position.take_profit):
            self._reports.modified(order, account)
        else:
            self._reports.cancelled(order, f"{result.code} {result.message}")


class SnapshotPort(Protocol):
    """A venue in this process that says at once what it holds."""

    def snapshot(self, query: SnapshotQuery, /) -> ev.AccountSnapshot | ev.VenueClosed:
        """What is open now, or only what is not open any more where nothing else can be new."""


class InProcess:
    """A gateway's link to a venue in this process: look whenever the market moved."""

    def __init__(self, gateway: Gateway, port: SnapshotPort) -> None:
        self._gateway = gateway
        self._port = port

    def reconcile(self) -> None:
        gateway = self._gateway
        gateway.reconcile(self._port.snapshot(gateway.snapshot_query()))
