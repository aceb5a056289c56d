"""From an approved order to a MetaTrader5 request, and from the terminal's answers back to events.

The gateway takes nothing but `OrderApproved`. It records `OrderSubmitted` first and sends when that
record is dispatched. How the request travels is not its business: `Send` is given to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.mt5 import contract as mt5
from engine import events as ev
from engine import money
from engine.bus import Bus
from engine.market import Market, Position
from engine.ports import Terminal
from engine.trading import TradingState
from engine.types import Cents, Millis, Side, SymbolSpec, lots, units

Reply = tuple[Any, tuple[int, str]]
"""The result of `order_send` together with `last_error` of the same moment."""

Send = Callable[[dict[str, Any], Callable[[Reply], None]], None]
"""Sends a request and calls back with the reply, at once or later, on the loop's thread."""

_CLOSE_REASONS = {
    mt5.DEAL_REASON_SL: "SL",
    mt5.DEAL_REASON_TP: "TP",
    mt5.DEAL_REASON_SO: "STOP_OUT",
}
_BY_HAND = "MANUAL"
_ENDS = {mt5.ORDER_STATE_EXPIRED: "expired", mt5.ORDER_STATE_REJECTED: "refused when triggered"}


def send_in_process(terminal: Terminal) -> Send:
    """Send to a terminal that lives in this process and answers at once (the replay's)."""

    def send(request: dict[str, Any], reply: Callable[[Reply], None]) -> None:
        result = terminal.order_send(request)
        reply((result, terminal.last_error()))

    return send


class Gateway:
    """The execution adapter of one account."""

    def __init__(
        self,
        bus: Bus,
        market: Market,
        terminal: Terminal,
        send: Send,
        *,
        magic: int,
        to_server: Callable[[Millis], int],
        deviation: int = 10,
    ) -> None:
        """`to_server` turns ms UTC into seconds of the server's clock, for expiries."""
        self._bus = bus
        self._market = market
        self._terminal = terminal
        self._send = send
        self._magic = magic
        self._deviation = deviation
        self._to_server = to_server
        self._working: dict[int, ev.OrderIntent] = {}
        self._approved: dict[int, ev.OrderApproved] = {}
        self._filling: dict[str, int] = {}
        self._trading = TradingState.ACTIVE

    def routes(self) -> ev.Routes:
        return {
            ev.OrderApproved: self.on_approved,
            ev.OrderSubmitted: self.on_submitted,
            ev.TradingStateChanged: self.on_trading_state,
            ev.LookDue: self.on_look,
        }

    def on_trading_state(self, changed: ev.TradingStateChanged) -> None:
        self._trading = changed.state

    # --- out ---

    def on_approved(self, approved: ev.OrderApproved) -> None:
        order = approved.order
        if order.action is ev.Action.OPEN and self._trading is not TradingState.ACTIVE:
            self._bus.publish(
                ev.OrderCancelled(
                    order_id=order.order_id, reason="trading was halted before it was sent"
                )
            )
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
        approved = self._approved[submitted.order_id]
        self._send(self.request(approved), lambda reply: self.on_reply(approved, reply))

    def request(self, approved: ev.OrderApproved) -> dict[str, Any]:
        """The request that carries out an approved order."""
        order = approved.order
        spec = self._market.specs[order.symbol]
        stops = {
            "symbol": order.symbol,
            "sl": spec.price(order.stop_loss) if order.stop_loss else 0.0,
            "tp": spec.price(order.take_profit) if order.take_profit else 0.0,
            "magic": self._magic,
        }
        if order.action is ev.Action.MODIFY:
            return {"action": mt5.TRADE_ACTION_SLTP, "position": order.position, **stops}
        opening = order.action is ev.Action.OPEN
        buys = (order.side is Side.LONG) == opening
        deal = {
            "action": mt5.TRADE_ACTION_DEAL,
            "symbol": order.symbol,
            "volume": lots(approved.volume),
            "type": mt5.ORDER_TYPE_BUY if buys else mt5.ORDER_TYPE_SELL,
            "price": spec.price(order.price),
            "deviation": self._deviation,
            "type_filling": self._filling_of(order.symbol),
            "magic": self._magic,
            "comment": f"eb{order.order_id}",
        }
        if not opening:
            return {**deal, "position": order.position}
        return {**deal, **stops, **(self._pending(order) if order.entry_price else {})}

    def _pending(self, order: ev.OrderIntent) -> dict[str, Any]:
        """What makes a request a pending one: a limit when it waits for a better price."""
        better = (order.entry_price - order.price) * order.side < 0
        long = order.side is Side.LONG
        if better:
            kind = mt5.ORDER_TYPE_BUY_LIMIT if long else mt5.ORDER_TYPE_SELL_LIMIT
        else:
            kind = mt5.ORDER_TYPE_BUY_STOP if long else mt5.ORDER_TYPE_SELL_STOP
        return {
            "action": mt5.TRADE_ACTION_PENDING,
            "type": kind,
            "price": self._market.specs[order.symbol].price(order.entry_price),
            "type_filling": mt5.ORDER_FILLING_RETURN,
            "type_time": mt5.ORDER_TIME_SPECIFIED,
            "expiration": self._to_server(order.expires),
        }

    def _filling_of(self, symbol: str) -> int:
        """The request's filling mode from the symbol's mask of allowed ones."""
        if symbol not in self._filling:
            mask = self._terminal.symbol_info(symbol).filling_mode
            if mask & mt5.SymbolFilling.FOK:
                self._filling[symbol] = mt5.ORDER_FILLING_FOK
            elif mask & mt5.SymbolFilling.IOC:
                self._filling[symbol] = mt5.ORDER_FILLING_IOC
            else:
                self._filling[symbol] = mt5.ORDER_FILLING_RETURN
        return self._filling[symbol]

    # --- back ---

    def on_reply(self, approved: ev.OrderApproved, reply: Reply) -> None:
        """Turn the venue's answer into events."""
        order = approved.order
        del self._approved[order.order_id]
        result, error = reply
        if result is None:
            self._without_result(order, error)
            return
        outcome = mt5.outcome_of(result.retcode)
        if outcome is mt5.Outcome.REJECTED:
            self._reject(order, result.retcode, result.comment)
        elif outcome is mt5.Outcome.UNKNOWN:
            self._lose(order, f"{result.retcode} {result.comment}")
        elif order.action is ev.Action.MODIFY:
            self._modified(order)
        elif not result.deal or not result.price:
            self._working[result.order] = order
            self._bus.publish(ev.OrderAccepted(order_id=order.order_id, ticket=result.order))
        elif order.action is ev.Action.OPEN:
            self._opened(order, result.order)
        else:
            self._closed(order)

    def _without_result(self, order: ev.OrderIntent, error: tuple[int, str]) -> None:
        code, text = error
        if mt5.fate_of(code) is mt5.Fate.NEVER_SENT:
            self._reject(order, code, text)
        else:
            self._lose(order, f"no result, error {code} {text}")

    def _reject(self, order: ev.OrderIntent, code: int, message: str) -> None:
        self._bus.publish(
            ev.OrderRejected(
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                retcode=code,
                message=message,
                account=self._account(),
            )
        )

    def _lose(self, order: ev.OrderIntent, message: str) -> None:
        self._bus.publish(
            ev.OrderUnknown(
                order_id=order.order_id,
                symbol=order.symbol,
                side=order.side,
                message=message,
                account=self._account(),
            )
        )

    def _filled(self, order: ev.OrderIntent, deal: mt5.TradeDeal) -> None:
        self._bus.publish(
            ev.OrderFilled(
                order_id=order.order_id,
                ticket=deal.order,
                deal=deal.ticket,
                volume=units(deal.volume),
                price=self._market.specs[order.symbol].points(deal.price),
            )
        )

    def _opened(self, order: ev.OrderIntent, ticket: int) -> None:
        """A position came from the order with this ticket; its first deal tells how."""
        deal = self._terminal.history_deals_get(position=ticket)[0]
        self._filled(order, deal)
        account = self._account()
        self._bus.publish(
            ev.PositionOpened(
                position=deal.position_id,
                order_id=order.order_id,
                signal_id=order.signal_id,
                strategy_id=order.strategy_id,
                symbol=order.symbol,
                side=order.side,
                volume=units(deal.volume),
                price=self._market.specs[order.symbol].points(deal.price),
                reason=order.reason,
                account=account,
                stop_loss=order.stop_loss,
                take_profit=order.take_profit,
                commission=_cents(deal.commission),
            )
        )
        self._seen(account)

    def _closed(self, order: ev.OrderIntent) -> None:
        deal = self._terminal.history_deals_get(position=order.position)[-1]
        self._filled(order, deal)
        account = self._account()
        position = self._market.positions[order.position]
        self._publish_closed(position, deal, account, order.reason, order.order_id)
        self._seen(account)

    def _modified(self, order: ev.OrderIntent) -> None:
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
                account=self._account(),
            )
        )

    # --- what the venue did by itself ---

    def notice(self) -> None:
        """Find what the venue did since the last look: pending orders gone, positions closed."""
        if self._working:
            self._notice_orders()
        self._bus.feed(ev.LookDue())

    def on_look(self, _look: ev.LookDue) -> None:
        """Compare the known positions with the terminal's and publish those that are gone.

        An input of its own, so that positions opened by the same look are known by then.
        """
        open_now = {position.ticket for position in self._terminal.positions_get()}
        gone = [item for item in self._market.positions.values() if item.ticket not in open_now]
        if not gone:
            return
        account = self._account()
        for position in gone:
            deal = self._terminal.history_deals_get(position=position.ticket)[-1]
            reason = _CLOSE_REASONS.get(deal.reason, _BY_HAND)
            self._publish_closed(position, deal, account, reason, 0)

    def _notice_orders(self) -> None:
        placed = {order.ticket for order in self._terminal.orders_get()}
        for ticket in [ticket for ticket in self._working if ticket not in placed]:
            order = self._working.pop(ticket)
            if self._terminal.history_deals_get(position=ticket):
                self._opened(order, ticket)
            else:
                self._bus.publish(
                    ev.OrderCancelled(order_id=order.order_id, reason=self._end_of(ticket))
                )

    def _end_of(self, ticket: int) -> str:
        found = self._terminal.history_orders_get(ticket=ticket)
        return _ENDS.get(found[0].state, "cancelled") if found else "cancelled"

    def _publish_closed(
        self,
        position: Position,
        deal: mt5.TradeDeal,
        account: ev.Account,
        reason: str,
        order_id: int,
    ) -> None:
        profit, commission, swap = map(_cents, (deal.profit, deal.commission, deal.swap))
        volume = units(deal.volume)
        paid = money.ratio(position.commission * volume, position.volume)
        self._bus.publish(
            ev.PositionClosed(
                position=position.ticket,
                symbol=position.symbol,
                side=position.side,
                volume=volume,
                price=self._spec(position).points(deal.price),
                reason=reason,
                profit=profit,
                net=profit + commission + swap + paid,
                account=account,
                strategy_id=position.strategy_id,
                signal_id=position.signal_id,
                order_id=order_id,
                commission=commission,
                swap=swap,
                remaining=position.volume - volume,
            )
        )

    def _spec(self, position: Position) -> SymbolSpec:
        return self._market.specs[position.symbol]

    def _account(self) -> ev.Account:
        info = self._terminal.account_info()
        return ev.Account(
            balance=_cents(info.balance), equity=_cents(info.equity), margin=_cents(info.margin)
        )

    def _seen(self, account: ev.Account) -> None:
        """Every deal is followed by an equity test."""
        self._bus.feed(ev.AccountSeen(account.balance, account.equity, account.margin))


def _cents(amount: float) -> Cents:
    return round(amount * 100)
