"""Where every exit is asked for: whoever wants a position closed raises its signal here."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events as ev
from engine.bus import Bus
from engine.orders import OrderManager
from engine.portfolio import Portfolio, Position
from engine.standing import MANUAL_REASON
from engine.types import LONG, Cents, Millis, Points

ADOPTED_REASON = "ADOPTED"
"""Why a position is in the books that none of the session's orders explains: it carries its mark,
or was taken over from an earlier session."""


def exit_terms(
    position: Position,
    tick: ev.Tick | None,
    reason: str,
    *,
    signal_id: str = "",
    strategy_id: str = "",
) -> ev.OrderTerms:
    """The terms that close a position as a whole, at the market.

    Where no tick is known yet its entry stands for the price: the venue fills at its own. Without a
    signal or strategy of its own the exit has the position's.
    """
    price = position.entry
    if tick is not None:
        price = tick.bid if position.side is LONG else tick.ask
    return ev.OrderTerms(
        signal_id=signal_id or position.signal_id,
        strategy_id=strategy_id or position.strategy_id,
        symbol=position.symbol,
        action=ev.CLOSE,
        side=position.side,
        reason=reason,
        price=price,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        volume=position.volume,
        position=position.ticket,
    )


class Exits:
    """Raises signals to leave positions, and does what the user orders of all of them.

    It keeps nothing: what is being closed, and what is still wanted, the order manager knows.
    """

    def __init__(self, bus: Bus, portfolio: Portfolio, orders: OrderManager) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._orders = orders

    def routes(self) -> ev.Routes:
        return {
            ev.UserCommanded: self.on_user,
            ev.PositionOpened: self.on_opened,
            ev.ReconciliationMismatch: self.on_marked,
            ev.OrphansAdopted: self.on_adopted,
        }

    def close(self, position: Position, reason: str, signal_id: str = "") -> None:
        """Close `position` at its symbol's last tick; one being closed already is refused later."""
        tick = self._portfolio.ticks.get(position.symbol)
        self._orders.standing.priced(position.ticket, tick)
        terms = exit_terms(position, tick, reason, signal_id=signal_id)
        self._bus.publish(ev.SignalRaised(terms=terms))

    def close_all(self, reason: str) -> None:
        """Close every open position, in the order in which they were opened, because of a rule.

        The reason marks the signals: each rule has a signal of its own for a position.
        """
        for position in list(self._portfolio.positions.values()):
            self.close(position, reason, f"{position.signal_id}:{reason}")

    def on_user(self, command: ev.UserCommanded) -> None:
        """Close everything that the session may have opened, but nothing twice.

        What stands at the venue under the session's mark is taken into the books first, whatever
        these say of its order. An order whose outcome is unknown counts as under way.
        """
        if command.action is not ev.UserAction.FLATTEN:
            return
        self._adopt()  # which closes them
        for position in self._portfolio.positions.values():
            if position.ticket not in self._orders.closing:
                self.close(position, MANUAL_REASON)

    def on_adopted(self, adopted: ev.OrphansAdopted) -> None:
        """Take into the books what earlier sessions left open, as it stands at the venue now."""
        account = self._portfolio.account.figures
        for item in adopted.positions:
            self._bus.publish(_taken(item, account, item.first_stop, item.commission))
            if item.stop_loss != item.first_stop:
                self._bus.publish(_moved(item, account))

    def on_opened(self, opened: ev.PositionOpened) -> None:
        """What opens after the user's flatten, from an order that had left, is closed as well."""
        if self._orders.standing.everything and opened.position not in self._orders.closing:
            self.close(self._portfolio.positions[opened.position], MANUAL_REASON)

    def on_marked(self, _mismatch: ev.ReconciliationMismatch) -> None:
        """What turns up under the session's mark after the user's flatten belongs to it, too."""
        if self._orders.standing.everything:
            self._adopt()

    def due(self, standing: set[int], now: Millis) -> bool:
        """Whether a close must be asked for again, of what stands at the venue."""
        return bool(self._orders.unsent) or any(self._due(standing, now))

    def _due(self, standing: set[int], now: Millis) -> Iterator[Position]:
        orders, portfolio = self._orders, self._portfolio
        for ticket, position in portfolio.positions.items():
            if ticket not in standing or ticket in orders.closing or ticket in orders.unsent:
                continue
            if orders.standing.due(ticket, now, portfolio.ticks.get(position.symbol)):
                yield position

    def repeat(self, standing: set[int], now: Millis) -> None:
        """Ask again for every close that stands and is due; `standing` are the positions there.

        Where the venue refused one, or filled a part, another order asks after a pause.
        """
        again = list(self._due(standing, now))
        self._repeat_unsent(standing)
        for position in again:
            terms = self._orders.standing.terms(position.ticket)
            reason, signal = (terms.reason, terms.signal_id) if terms else (MANUAL_REASON, "")
            self.close(position, reason, signal)

    def _repeat_unsent(self, standing: set[int]) -> None:
        """Link and account are proved: close what was to be closed, never left and still stands.

        The link was down, or the host refused: that is no answer of the venue, so whoever wanted
        the position closed still does. Each close is asked for as an order of its own: no order is
        ever submitted twice.
        """
        for ticket, order in list(self._orders.unsent.items()):
            position = self._portfolio.positions.get(ticket)
            if position is not None and ticket in standing:
                self.close(position, order.terms.reason, order.terms.signal_id)

    def _adopt(self) -> None:
        for position in self._portfolio.marked.values():
            account = self._portfolio.account.figures
            self._bus.publish(_taken(position, account, position.stop_loss))


def _taken(
    item: Position | ev.AdoptedPosition,
    account: ev.Account,
    stop_loss: Points,
    commission: Cents = 0,
) -> ev.PositionOpened:
    """What stands at the venue enters the books; `stop_loss` is the one it was opened with."""
    return ev.PositionOpened(
        position=item.ticket,
        order_id=0,
        signal_id=item.signal_id,
        strategy_id=item.strategy_id,
        symbol=item.symbol,
        side=item.side,
        volume=item.volume,
        price=item.entry,
        reason=ADOPTED_REASON,
        account=account,
        stop_loss=stop_loss,
        take_profit=item.take_profit,
        commission=commission,
    )


def _moved(item: ev.AdoptedPosition, account: ev.Account) -> ev.StopModified:
    """The stop has been moved since the position was opened."""
    return ev.StopModified(
        order_id=0,
        position=item.ticket,
        symbol=item.symbol,
        side=item.side,
        volume=item.volume,
        stop_loss=item.stop_loss,
        take_profit=item.take_profit,
        reason=ADOPTED_REASON,
        account=account,
    )
