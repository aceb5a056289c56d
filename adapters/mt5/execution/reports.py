"""What became of orders and positions, published as events in the engine's units."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import closing_deals, closings
from engine import events as ev
from engine import money
from engine.bus import Bus
from engine.fields import Deal
from engine.portfolio import Portfolio, Position
from engine.types import Cents, Points, Units


class ExecutionReports:
    """Turns deals and answers of one account into events."""

    def __init__(self, bus: Bus, portfolio: Portfolio) -> None:
        self._bus = bus
        self._portfolio = portfolio

    def accepted(self, order: ev.OrderIntent, ticket: int) -> None:
        """The venue has it: a pending order, or a deal that its history does not show yet."""
        self._bus.publish(ev.OrderAccepted(order_id=order.order_id, ticket=ticket))

    def rejected(
        self,
        order: ev.OrderIntent,
        code: int,
        message: str,
        account: ev.Account,
        effect: ev.RejectionEffect = ev.RejectionEffect.LATCH,
    ) -> None:
        """The venue refused for certain."""
        self._bus.publish(
            ev.OrderRejected(
                order_id=order.order_id,
                symbol=order.terms.symbol,
                side=order.terms.side,
                retcode=code,
                message=message,
                account=account,
                effect=effect,
                position=order.terms.position,
            )
        )

    def unknown(self, order: ev.OrderIntent, message: str, account: ev.Account) -> None:
        """Nobody can say whether the venue executed it."""
        self._bus.publish(
            ev.OrderUnknown(
                order_id=order.order_id,
                symbol=order.terms.symbol,
                side=order.terms.side,
                message=message,
                account=account,
            )
        )

    def cancelled(self, order: ev.OrderIntent, reason: str) -> None:
        """It ended without a fill."""
        self._bus.publish(ev.OrderCancelled(order_id=order.order_id, reason=reason))

    def never_sent(self, order: ev.OrderIntent, reason: str) -> None:
        """It certainly never reached the venue; a close stays wanted."""
        self._bus.publish(
            ev.OrderCancelled(
                order_id=order.order_id,
                reason=reason,
                never_sent=True,
                unsent=order.terms.action is ev.CLOSE,
            )
        )

    def opened(self, order: ev.OrderIntent, deals: Sequence[Deal], account: ev.Account) -> None:
        """A position came from the order, by one deal or by several at their average price."""
        terms = order.terms
        entering = [deal for deal in deals if deal.entry == mt5.DEAL_ENTRY_IN]
        volume, price, commission = _together(entering)
        opened = ev.PositionOpened(
            position=entering[0].position,
            order_id=order.order_id,
            signal_id=terms.signal_id,
            strategy_id=terms.strategy_id,
            symbol=terms.symbol,
            side=terms.side,
            volume=volume,
            price=price,
            reason=terms.reason,
            account=account,
            stop_loss=terms.stop_loss,
            take_profit=terms.take_profit,
            commission=commission,
            asked=terms.volume if terms.volume not in (0, volume) else msgspec.UNSET,
        )
        self._dealt([*_fills(order, entering), opened], account)

    def closed_by_order(
        self, order: ev.OrderIntent, deals: Sequence[Deal], account: ev.Account
    ) -> None:
        """A position was closed by an order of ours."""
        position = self._portfolio.positions[order.terms.position]
        leaving = closing_deals(deals, position.volume)
        closed = closings(position, leaving, account, order)
        self._dealt([*_fills(order, leaving), *closed], account)

    def _dealt(
        self,
        events: Sequence[ev.OrderFilled | ev.PositionOpened | ev.PositionClosed],
        account: ev.Account,
    ) -> None:
        """What deals led to; every deal is followed by an equity test."""
        seen = ev.AccountSeen(account.balance, account.equity, account.margin)
        self._bus.publish_all(events, seen)

    def closed_externally(
        self, position: Position, deals: Sequence[Deal], account: ev.Account
    ) -> None:
        """All that was left of the position was closed by others, in one deal or in several."""
        self.partially_closed(position, closing_deals(deals, position.volume), account)

    def partially_closed(
        self, position: Position, leaving: Sequence[Deal], account: ev.Account
    ) -> None:
        """What the deals `leaving`, none of an order of ours, took of the position is closed."""
        for closed in closings(position, leaving, account, None):
            self._bus.publish(closed)

    def modified(self, order: ev.OrderIntent, account: ev.Account) -> None:
        """The venue has the order's new stop and target."""
        self._bus.publish(
            ev.StopModified(
                order_id=order.order_id,
                position=order.terms.position,
                symbol=order.terms.symbol,
                side=order.terms.side,
                volume=order.terms.volume,
                stop_loss=order.terms.stop_loss,
                take_profit=order.terms.take_profit,
                reason=order.terms.reason,
                account=account,
            )
        )

    def moved_by_hand(
        self, position: Position, stop_loss: Points, take_profit: Points, account: ev.Account
    ) -> None:
        """Somebody else changed a position's levels at the venue."""
        self._bus.publish(
            ev.StopModified(
                order_id=0,
                position=position.ticket,
                symbol=position.symbol,
                side=position.side,
                volume=position.volume,
                stop_loss=stop_loss,
                take_profit=take_profit,
                reason=ev.BY_HAND,
                account=account,
            )
        )


def _fills(order: ev.OrderIntent, deals: Sequence[Deal]) -> list[ev.OrderFilled]:
    """One fill a deal; the last one completes the order."""
    return [
        ev.OrderFilled(
            order_id=order.order_id,
            ticket=deal.order,
            deal=deal.ticket,
            volume=deal.volume,
            price=deal.price,
            complete=deal is deals[-1],
        )
        for deal in deals
    ]


def _together(deals: Sequence[Deal]) -> tuple[Units, Points, Cents]:
    """Volume, average price and commission of deals that opened one position."""
    if len(deals) == 1:
        return deals[0].volume, deals[0].price, deals[0].commission
    volume = sum(deal.volume for deal in deals)
    paid = sum(deal.volume * deal.price for deal in deals)
    return volume, money.ratio(paid, volume), sum(deal.commission for deal in deals)
