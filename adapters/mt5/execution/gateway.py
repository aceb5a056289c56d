"""The execution adapter: approved orders out, the terminal's answers back as events.

The gateway takes nothing but `OrderApproved`. It records `OrderSubmitted` first and sends when that
record is dispatched. It is pure: how a request travels (`Send`) is given to it, and what the
terminal says comes to it as `Reply` and `Look`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import fitting, in_units
from adapters.mt5.execution.direct import Answer, Counter, Gone
from adapters.mt5.execution.reconciler import Watch
from adapters.mt5.execution.reports import Telling
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import Look, Reply, Wanted, carry_out, look, reply_of
from adapters.mt5.execution.unsent import Unsent
from adapters.mt5.execution.working_orders import VenueBook
from engine import events as ev
from engine.bus import Bus
from engine.portfolio import Market
from engine.ports import Terminal
from engine.trading import TradingState


class Errand(NamedTuple):
    """A request to be carried out for an order; `withdrawal` takes a waiting order back."""

    order_id: int
    request: dict[str, Any]
    withdrawal: bool = False


Send = Callable[[Errand], Reply | None]
"""Sends a request; the reply is returned, or comes later as the input `VenueReplied`."""


def send_in_process(terminal: Terminal) -> Send:
    """Send to a terminal that lives in this process and answers at once (the replay's)."""

    def send(errand: Errand) -> Reply:
        return carry_out(terminal, errand.request)

    return send


class Gateway:
    """The execution adapter of one account."""

    def __init__(
        self,
        bus: Bus,
        market: Market,
        requests: Requests,
        send: Send,
        counter: Counter | None = None,
    ) -> None:
        """A `counter` in this process carries out what it takes, without requests."""
        self._bus = bus
        self._market = market
        self._counter = counter
        self._requests = requests
        self._send = send
        self._halted = False
        self._withdrawing: set[int] = set()
        self._tell = Telling(bus, market)
        self.book = VenueBook(bus)
        self.watch = Watch(bus, market, self.book, self._tell, requests)
        self.unsent = Unsent(bus, market)

    def attach(self) -> None:
        """Put the gateway and its parts on the bus, in the order in which they must see events."""
        parts = (self.book.routes(), self._routes(), self.watch.routes(), self.unsent.routes())
        for routes in parts:
            self._bus.attach(routes)

    def _routes(self) -> ev.Routes:
        return {
            ev.OrderApproved: self.on_approved,
            ev.OrderSubmitted: self.on_submitted,
            ev.TradingStateChanged: self.on_trading_state,
            ev.VenueReplied: self.on_replied,
            ev.UserCommanded: self.on_user,
            ev.OrderAccepted: lambda _: self._take_back(),
            ev.VenueCompared: lambda _: self._take_back(),
        }

    def restoring(self) -> list[ev.Routes]:
        """What brings the gateway back from recorded events."""
        state: ev.Routes = {ev.TradingStateChanged: self._remember_state}
        return [self.book.routes(), self.watch.restoring(), self.unsent.restoring(), state]

    @property
    def unresolved(self) -> list[ev.OrderIntent]:
        """Orders of unknown outcome: never sent again, charged as risk until the venue tells."""
        return [lost.order for lost in self.book.lost.values()]

    def wanted(self) -> Wanted:
        """What the next look is to tell about."""
        return self.watch.wanted()

    def tells(self, seen: Look) -> bool:
        """Whether a look must be noticed: it says something new, or there is something to repeat.

        A pending entry that the venue did not give back during a halt is asked for again, and so is
        a close that was never sent.
        """
        refused = self._halted and any(order.entry_price for order in self.book.working.values())
        return refused or bool(self.unsent.wanted) or self.watch.tells(seen)

    def notice(self, seen: Look | Gone) -> None:
        """Compare what the terminal holds with what the engine believes, and publish the rest."""
        self._bus.feed(ev.VenueSeen(seen))

    def on_trading_state(self, changed: ev.TradingStateChanged) -> None:
        self._remember_state(changed)
        self._take_back()

    def _remember_state(self, changed: ev.TradingStateChanged) -> None:
        self._halted = changed.state is not TradingState.ACTIVE

    def _take_back(self) -> None:
        """Pending entries must not open a position during a halt: take them back from the venue.

        Where the venue refuses (it may just have filled one) or the request is lost, the next look
        tells what happened, and what still waits then is taken back again.
        """
        if not self._halted:
            return
        for ticket, order in list(self.book.working.items()):
            if order.entry_price and order.order_id not in self._withdrawing:
                self._withdraw(ticket, order)

    def _withdraw(self, ticket: int, order: ev.OrderIntent) -> None:
        self._withdrawing.add(order.order_id)
        request = {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket}
        reply = self._send(Errand(order.order_id, request, withdrawal=True))
        if reply is not None:
            self._withdrawing.discard(order.order_id)
            self._withdrawn(order, reply)

    def _withdrawn(self, order: ev.OrderIntent, reply: Reply) -> None:
        done = reply.result is not None and reply.result.retcode == mt5.TRADE_RETCODE_DONE
        if done:
            self._tell.cancelled(order, "trading was halted")

    # --- out ---

    def on_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if self._halted and self._may_not_open(order):
            return
        self._bus.publish(
            ev.OrderSubmitted(
                order_id=order.order_id,
                symbol=order.symbol,
                action=order.action,
                side=order.side,
                volume=approved.volume,
                price=order.price,
                stop_loss=order.stop_loss,
                take_profit=order.take_profit,
                position=order.position,
                entry_price=order.entry_price,
                expires=order.expires,
            )
        )

    def on_submitted(self, submitted: ev.OrderSubmitted) -> None:
        order = self.book.sent[submitted.order_id]
        if self._halted and self._may_not_open(order):
            return
        if self._counter is not None and not order.entry_price:
            self._on_answer(order, self._counter.carry_out(order, submitted.volume))
            return
        request = self._requests.of(order, submitted.volume)
        reply = self._send(Errand(order.order_id, request))
        if reply is not None:
            self.on_reply(order, reply)

    def _may_not_open(self, order: ev.OrderIntent) -> bool:
        """Nothing that opens a position leaves once a halt is on record."""
        if order.action is not ev.OPEN or not self._halted:
            return False
        self._tell.cancelled(order, "trading was halted before it was sent")
        return True

    def holds_back(self, errand: Errand) -> bool:
        """Whether a request that waited to be sent must not leave any more."""
        order = self.book.order(errand.order_id)
        opens = order is None or order.action is ev.OPEN
        return opens and not errand.withdrawal and self._halted

    def on_user(self, command: ev.UserCommanded) -> None:
        """Who resumes has looked at the terminal: what is not there was never executed.

        Should such an order appear after all, it cannot be explained and trading stops again.
        """
        if command.action is ev.UserAction.RESUME:
            for order in self.unresolved:
                self._tell.cancelled(order, "never executed, as the user saw at the terminal")

    def abandoned(self) -> None:
        """Tell what became of orders whose session ended under way; called before anything else.

        One that was approved only was never sent. One that was submitted may have been, and one
        that was accepted without a ticket can only be found by its traces.
        """
        account = self._tell.account(None)
        for approved in list(self.book.approved.values()):
            self._tell.cancelled(approved.order, "the session ended before it was sent")
        for order in list(self.book.sent.values()):
            self._tell.unknown(order, "the session ended before its reply was recorded", account)
        ticketless = self.book.working.get(0)
        if ticketless is not None:
            self._tell.unknown(ticketless, "accepted without the ticket of an order", account)

    # --- back ---

    def on_replied(self, replied: ev.VenueReplied) -> None:
        order = self.book.order(replied.order_id)
        if replied.withdrawal:
            self._withdrawing.discard(replied.order_id)
        if order is None:
            return  # a look told what became of it before its reply came
        if replied.what is None:
            self._tell.cancelled(order, "trading was halted before it was sent")
            return
        reply = reply_of(replied.what)
        if replied.withdrawal:
            self._withdrawn(order, reply)
        else:
            self.on_reply(order, reply)

    def on_reply(self, order: ev.OrderIntent, reply: Reply) -> None:
        """Turn the venue's answer to a request into events."""
        result = reply.result
        account = self._tell.account(reply.account)
        if reply.checked is not None:
            self._on_checked(order, reply.checked, account)
            return
        if result is None:
            self._without_result(order, reply, account)
            return
        known = () if reply.account is None else fitting(reply.deals, order.action)
        deals = in_units(known, self._market.specs[order.symbol])
        self._on_answer(order, Answer(result.retcode, result.comment, result.order, deals, account))

    def _on_answer(self, order: ev.OrderIntent, answer: Answer) -> None:
        outcome, account = mt5.outcome_of(answer.retcode), answer.account
        if outcome is mt5.Outcome.REJECTED:
            self._tell.rejected(order, answer.retcode, answer.message, account)
        elif outcome is mt5.Outcome.UNKNOWN:
            self._tell.unknown(order, f"{answer.retcode} {answer.message}", account)
        elif order.action is ev.MODIFY:
            self._tell.modified(order, account)
        elif not answer.ticket:
            why = f"{answer.retcode} {answer.message}, but without the ticket of an order"
            self._tell.unknown(order, why, account)
        elif not answer.deals:
            self._tell.accepted(order, answer.ticket)
        elif order.action is ev.OPEN:
            self._tell.opened(order, answer.deals, account)
        else:
            self._tell.left(order, answer.deals, account)

    def _on_checked(
        self, order: ev.OrderIntent, checked: mt5.OrderCheckResult, account: ev.Account
    ) -> None:
        """In a dry run an order ends here: nothing was sent."""
        if checked.retcode == mt5.ORDER_CHECK_PASSED:
            self._tell.cancelled(order, f"dry run, order_check says: {checked.comment}")
        else:
            self._tell.rejected(order, checked.retcode, f"order_check: {checked.comment}", account)

    def _without_result(self, order: ev.OrderIntent, reply: Reply, account: ev.Account) -> None:
        code, text = reply.error
        if order.action is ev.CLOSE and code == mt5.RES_E_INTERNAL_FAIL_CONNECT:
            self._tell.cancelled(order, f"never sent: {code} {text}", unsent=True)
        elif mt5.fate_of(code) is mt5.Fate.NEVER_SENT:
            self._tell.rejected(order, code, text, account)
        else:
            self._tell.unknown(order, f"no result, error {code} {text}", account)


class InProcess:
    """A gateway's link to a terminal in this process: look whenever the market moved.

    With a `counter` the whole terminal is only looked at while orders wait there: nothing else can
    have happened but that positions were closed.
    """

    def __init__(
        self, gateway: Gateway, terminal: Terminal, counter: Counter | None = None
    ) -> None:
        self._gateway = gateway
        self._terminal = terminal
        self._counter = counter

    def notice(self) -> None:
        gateway, counter = self._gateway, self._counter
        wanted = gateway.wanted()
        if counter is None or wanted.orders or gateway.unresolved:
            gateway.notice(look(self._terminal, wanted))
        else:
            gateway.notice(counter.gone(wanted.positions))
