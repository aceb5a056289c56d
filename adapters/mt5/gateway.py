"""The execution adapter: approved orders out, the terminal's answers back as events.

The gateway takes nothing but `OrderApproved`. It records `OrderSubmitted` first and sends when that
record is dispatched. It is pure: how a request travels (`Send`) is given to it, and what the
terminal says comes to it as `Reply` and `Look`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.mt5 import contract as mt5
from adapters.mt5.departures import LEAVING, cents, closings, figures, last_leaving
from adapters.mt5.execution import Deals, Look, Reply, Wanted, carry_out, look
from adapters.mt5.requests import Requests
from engine import events as ev
from engine import money
from engine.bus import Bus
from engine.market import Market, Position
from engine.ports import Terminal
from engine.trading import TradingState
from engine.types import Units, units

Send = Callable[[dict[str, Any], Callable[[Reply], None]], None]
"""Sends a request and calls back with the reply, at once or later, on the loop's thread."""

_ENDS = {mt5.ORDER_STATE_EXPIRED: "expired", mt5.ORDER_STATE_REJECTED: "refused when triggered"}
_TRACES_SECONDS = 120  # how long before the loss was noticed the request may have been executed


def send_in_process(terminal: Terminal) -> Send:
    """Send to a terminal that lives in this process and answers at once (the replay's)."""

    def send(request: dict[str, Any], reply: Callable[[Reply], None]) -> None:
        reply(carry_out(terminal, request))

    return send


class Gateway:
    """The execution adapter of one account."""

    def __init__(self, bus: Bus, market: Market, requests: Requests, send: Send) -> None:
        self._bus = bus
        self._market = market
        self._requests = requests
        self._send = send
        self._approved: dict[int, ev.OrderApproved] = {}
        self._working: dict[int, ev.OrderIntent] = {}
        self._quarantine: dict[int, tuple[ev.OrderIntent, int]] = {}
        self._shrunk: set[int] = set()
        self._trading = TradingState.ACTIVE

    def routes(self) -> ev.Routes:
        return {
            ev.OrderApproved: self.on_approved,
            ev.OrderSubmitted: self.on_submitted,
            ev.TradingStateChanged: self.on_trading_state,
            ev.VenueSeen: self.on_seen,
        }

    @property
    def unresolved(self) -> list[ev.OrderIntent]:
        """Orders of unknown outcome: never sent again, charged as risk until the venue tells."""
        return [order for order, _ in self._quarantine.values()]

    def on_trading_state(self, changed: ev.TradingStateChanged) -> None:
        self._trading = changed.state
        if changed.state is not TradingState.ACTIVE:
            for ticket, order in list(self._working.items()):
                self._withdraw(ticket, order)

    def _withdraw(self, ticket: int, order: ev.OrderIntent) -> None:
        """A pending entry must not open a position during a halt: take it back from the venue.

        Where the venue refuses (it may just have filled it) the next look tells what happened.
        """
        if order.entry_price:
            request = {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket}
            self._send(request, lambda reply: self._withdrawn(ticket, reply))

    def _withdrawn(self, ticket: int, reply: Reply) -> None:
        done = reply.result is not None and reply.result.retcode == mt5.TRADE_RETCODE_DONE
        if done and ticket in self._working:
            self._cancelled(self._working.pop(ticket), "trading was halted")

    # --- out ---

    def on_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if self._may_not_open(order):
            return
        self._approved[order.order_id] = approved
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
        approved = self._approved.pop(submitted.order_id)
        order = approved.order
        if self._may_not_open(order):
            return
        self._send(self._requests.of(approved), lambda reply: self.on_reply(order, reply))

    def _may_not_open(self, order: ev.OrderIntent) -> bool:
        """Nothing that opens a position leaves once a halt is on record."""
        if order.action is not ev.Action.OPEN or self._trading is TradingState.ACTIVE:
            return False
        self._cancelled(order, "trading was halted before it was sent")
        return True

    # --- back ---

    def on_reply(self, order: ev.OrderIntent, reply: Reply) -> None:
        """Turn the venue's answer to a request into events."""
        result = reply.result
        if reply.checked is not None:
            self._on_checked(order, reply.checked, reply)
            return
        if result is None:
            self._without_result(order, reply)
            return
        outcome = mt5.outcome_of(result.retcode)
        if outcome is mt5.Outcome.REJECTED:
            self._reject(order, result.retcode, result.comment, reply)
        elif outcome is mt5.Outcome.UNKNOWN:
            self._lose(order, f"{result.retcode} {result.comment}", reply)
        elif order.action is ev.Action.MODIFY:
            self._modified(order, reply)
        elif not reply.deals or reply.account is None:
            self._accepted(order, result.order)
        elif order.action is ev.Action.OPEN:
            self._opened(order, reply.deals, self._account(reply.account))
        else:
            self._left(order, reply.deals, self._account(reply.account))

    def _on_checked(
        self, order: ev.OrderIntent, checked: mt5.OrderCheckResult, reply: Reply
    ) -> None:
        """In a dry run an order ends here: nothing was sent."""
        if checked.retcode == mt5.ORDER_CHECK_PASSED:
            self._cancelled(order, f"dry run, order_check says: {checked.comment}")
        else:
            self._reject(order, checked.retcode, f"order_check: {checked.comment}", reply)

    def _without_result(self, order: ev.OrderIntent, reply: Reply) -> None:
        code, text = reply.error
        if mt5.fate_of(code) is mt5.Fate.NEVER_SENT:
            self._reject(order, code, text, reply)
        else:
            self._lose(order, f"no result, error {code} {text}", reply)

    def _accepted(self, order: ev.OrderIntent, ticket: int) -> None:
        """The venue has it: a pending order, or a deal that its history does not show yet."""
        self._working[ticket] = order
        self._bus.publish(ev.OrderAccepted(order_id=order.order_id, ticket=ticket))

    def _reject(self, order: ev.OrderIntent, code: int, message: str, reply: Reply) -> None:
        self._bus.publish(
            ev.OrderRejected(
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                retcode=code,
                message=message,
                account=self._account(reply.account),
            )
        )

    def _lose(self, order: ev.OrderIntent, message: str, reply: Reply) -> None:
        since = self._requests.server_time(self._bus.time) - _TRACES_SECONDS
        self._quarantine[order.order_id] = (order, since)
        self._bus.publish(
            ev.OrderUnknown(
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                message=message,
                account=self._account(reply.account),
            )
        )

    def _cancelled(self, order: ev.OrderIntent, reason: str) -> None:
        self._bus.publish(ev.OrderCancelled(order_id=order.order_id, reason=reason))

    def _filled(self, order: ev.OrderIntent, deals: Deals) -> None:
        """One fill a deal; the last one completes the order."""
        for deal in deals:
            self._bus.publish(
                ev.OrderFilled(
                    order_id=order.order_id,
                    ticket=deal.order,
                    deal=deal.ticket,
                    volume=units(deal.volume),
                    price=self._market.specs[order.symbol].points(deal.price),
                    complete=deal is deals[-1],
                )
            )

    def _opened(self, order: ev.OrderIntent, deals: Deals, account: ev.Account) -> None:
        """A position came from the order, by one deal or by several at their average price."""
        entering = tuple(deal for deal in deals if deal.entry == mt5.DEAL_ENTRY_IN)
        self._filled(order, entering)
        points = self._market.specs[order.symbol].points
        volume = sum(units(deal.volume) for deal in entering)
        paid = sum(units(deal.volume) * points(deal.price) for deal in entering)
        self._bus.publish(
            ev.PositionOpened(
                position=entering[0].position_id,
                order_id=order.order_id,
                signal_id=order.signal_id,
                strategy_id=order.strategy_id,
                symbol=order.symbol,
                side=order.side,
                volume=volume,
                price=money.ratio(paid, volume),
                reason=order.reason,
                account=account,
                stop_loss=order.stop_loss,
                take_profit=order.take_profit,
                commission=sum(cents(deal.commission) for deal in entering),
            )
        )
        self._test_equity(account)

    def _left(self, order: ev.OrderIntent, deals: Deals, account: ev.Account) -> None:
        """A position was closed by an order of ours."""
        position = self._market.positions[order.position]
        self._filled(order, last_leaving(deals, position.volume) or deals[-1:])
        self._closed(position, deals, account, order)
        self._test_equity(account)

    def _modified(self, order: ev.OrderIntent, reply: Reply) -> None:
        self._bus.publish(
            ev.StopModified(
                order_id=order.order_id,
                position=order.position,
                symbol=order.symbol,
                side=order.side,
                volume=order.volume,
                stop_loss=order.stop_loss,
                take_profit=order.take_profit,
                reason=order.reason,
                account=self._account(reply.account),
            )
        )

    # --- what the venue did by itself ---

    def wanted(self) -> Wanted:
        """What the next look is to tell about."""
        since = [since for _, since in self._quarantine.values()]
        return Wanted(
            tuple(self._market.positions),
            tuple(self._working),
            min(since) if since else None,
            tuple(self._shrunk),
        )

    def notice(self, seen: Look) -> None:
        """Compare what the terminal holds with what the engine believes, and publish the rest.

        Positions are compared in a second step, when those that this look opened are known.
        """
        placed = {order.ticket for order in seen.orders}
        for ticket in [ticket for ticket in self._working if ticket not in placed]:
            self._resolve(ticket, seen)
        for order in self.unresolved:
            self._release(order, seen)
        self._bus.feed(ev.VenueSeen(seen))

    def _resolve(self, ticket: int, seen: Look) -> None:
        order = self._working[ticket]
        deals = seen.deals.get(ticket, ())
        if order.action is ev.Action.OPEN and deals:
            del self._working[ticket]
            self._opened(order, deals, self._account(seen.account))
        elif ticket in seen.ended and seen.ended[ticket].state in _ENDS:
            del self._working[ticket]
            self._cancelled(order, _ENDS[seen.ended[ticket].state])
        elif ticket in seen.ended and seen.ended[ticket].state == mt5.ORDER_STATE_CANCELED:
            del self._working[ticket]
            self._cancelled(order, "cancelled at the venue")
        # Else its history lags behind: the next look will tell.

    def _release(self, order: ev.OrderIntent, seen: Look) -> None:
        """End an order's quarantine if the venue's own records show what became of it.

        The absence of traces proves nothing: then it stays.
        """
        if order.action is ev.Action.OPEN:
            deals = self._traces(order, seen)
            if deals:
                del self._quarantine[order.order_id]
                self._opened(order, deals, self._account(seen.account))
        elif order.position not in {position.ticket for position in seen.positions}:
            deals = seen.deals.get(order.position, ())
            if not deals or deals[-1].entry not in LEAVING:
                return
            del self._quarantine[order.order_id]
            ours = deals[-1].comment == self._requests.comment(order.order_id)
            if order.action is ev.Action.CLOSE and ours:
                self._left(order, deals, self._account(seen.account))
            else:
                self._cancelled(order, "the venue closed the position before it")
        elif order.action is ev.Action.MODIFY and self._has_levels(order, seen):
            del self._quarantine[order.order_id]
            self._modified(order, Reply(None, (0, ""), (), seen.account))

    def _traces(self, order: ev.OrderIntent, seen: Look) -> Deals:
        """The deals that opened a position for `order`: same magic, and its own comment."""
        comment = self._requests.comment(order.order_id)
        return tuple(
            deal
            for deal in seen.recent
            if deal.magic == self._requests.magic
            and deal.entry == mt5.DEAL_ENTRY_IN
            and deal.comment == comment
        )

    def _has_levels(self, order: ev.OrderIntent, seen: Look) -> bool:
        points = self._market.specs[order.symbol].points
        return any(
            (points(position.sl), points(position.tp)) == (order.stop_loss, order.take_profit)
            for position in seen.positions
            if position.ticket == order.position
        )

    def on_seen(self, venue: ev.VenueSeen) -> None:
        """Publish what is gone from the terminal's positions."""
        seen: Look = venue.what
        standing = {position.ticket: position for position in seen.positions}
        account = self._account(seen.account)
        self._shrunk.clear()
        for position in list(self._market.positions.values()):
            deals = seen.deals.get(position.ticket, ())
            now = standing.get(position.ticket)
            if now is None and deals and deals[-1].entry in LEAVING:
                self._gone(position, deals, account)
            elif now is not None and units(now.volume) < position.volume:
                self._shrank(position, units(now.volume), deals, account)

    def _gone(self, position: Position, deals: Deals, account: ev.Account) -> None:
        """A position is gone: by an accepted order of ours, or by the venue or by hand."""
        ticket, order = self._closing_order(position.ticket)
        if order is not None and deals[-1].order == ticket:
            self._left(order, deals, account)
            return
        if order is not None:
            self._cancelled(order, "the venue closed the position before it")
        self._closed(position, deals, account, None)

    def _shrank(self, position: Position, volume: Units, deals: Deals, account: ev.Account) -> None:
        """A part was closed by hand; its deals may only come with the next look."""
        leaving = last_leaving(deals, position.volume - volume)
        if leaving:
            self._publish_closed(position, leaving, account, None)
        else:
            self._shrunk.add(position.ticket)

    def _closing_order(self, position: int) -> tuple[int, ev.OrderIntent | None]:
        """Our own accepted order to close `position`, taken off the list of those at work."""
        for ticket, order in self._working.items():
            if order.position == position:
                return ticket, self._working.pop(ticket)
        return 0, None

    def _closed(
        self,
        position: Position,
        deals: Deals,
        account: ev.Account,
        order: ev.OrderIntent | None,
    ) -> None:
        """All that was left of the position was closed, by one deal or by several."""
        leaving = last_leaving(deals, position.volume) or deals[-1:]
        self._publish_closed(position, leaving, account, order)

    def _publish_closed(
        self,
        position: Position,
        leaving: Deals,
        account: ev.Account,
        order: ev.OrderIntent | None,
    ) -> None:
        spec = self._market.specs[position.symbol]
        for closed in closings(position, spec, leaving, account, order):
            self._bus.publish(closed)

    def _account(self, info: mt5.AccountInfo | None) -> ev.Account:
        """The terminal's figures, or the last known ones where it could not tell."""
        if info is None:
            return self._market.account.figures
        return figures(info)

    def _test_equity(self, account: ev.Account) -> None:
        """Every deal is followed by an equity test."""
        self._bus.feed(ev.AccountSeen.of(account))


class InProcess:
    """A gateway's link to a terminal in this process: look whenever the market moved."""

    def __init__(self, gateway: Gateway, terminal: Terminal) -> None:
        self._gateway = gateway
        self._terminal = terminal

    def notice(self) -> None:
        self._gateway.notice(look(self._terminal, self._gateway.wanted()))
