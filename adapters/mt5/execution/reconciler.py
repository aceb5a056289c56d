"""What the venue did by itself, found by comparing a look with what the engine believes.

Orders are compared first; positions in a second step, when those that the look opened are known.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.closing_deals import emptied, fitting, in_units, taking
from adapters.mt5.execution.direct import Dealt, Gone
from adapters.mt5.execution.external import strangers
from adapters.mt5.execution.reports import Telling
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import Deals, Look, Wanted, a_day_past, look_of
from adapters.mt5.execution.working_orders import VenueBook
from engine import events as ev
from engine.bus import Bus
from engine.portfolio import Market, Position
from engine.types import Points, Units, units

_ENDS = {mt5.ORDER_STATE_EXPIRED: "expired", mt5.ORDER_STATE_REJECTED: "refused when triggered"}

_BEFORE = 86_400
"""Seconds before an order was lost from which its traces are looked for: more than any two clocks
differ. They are told apart by magic and comment, not by their time."""

_SURE_AFTER = 3
"""Looks in a row that must agree before other levels of a position are believed: a venue's answer
may lag behind an order of ours."""


_ABOUT = 50
"""A risk that differs by less than this part of it is about the same."""


class Watch:
    """Compares looks with the market and the orders under way."""

    def __init__(
        self, bus: Bus, market: Market, book: VenueBook, tell: Telling, requests: Requests
    ) -> None:
        self._bus = bus
        self._market = market
        self._book = book
        self._tell = tell
        self._requests = requests
        self._shrunk: set[int] = set()
        self._moved: dict[int, tuple[Points, Points, int]] = {}
        self._told = ev.VenueDiffers()
        self._last: tuple[object, ...] = ()
        self._looked_for: set[int] = set()

    def routes(self) -> ev.Routes:
        return {ev.VenueSeen: self.on_seen, ev.VenueCompared: self.on_compared}

    def restoring(self) -> ev.Routes:
        """What brings it back from recorded events."""
        return {ev.VenueDiffers: self._remember}

    def _remember(self, differs: ev.VenueDiffers) -> None:
        self._told = differs

    def wanted(self) -> Wanted:
        """What the next look is to tell about."""
        return Wanted(
            tuple(self._market.positions),
            tuple(self._book.working),
            self._traces_between(),
            tuple(self._shrunk),
            self._requests.magic,
        )

    def _traces_between(self) -> tuple[int, int] | None:
        """Where the traces of lost orders are looked for, in seconds of the server's clock.

        That clock may be any, and stand still while the market is closed.
        """
        if not self._book.lost:
            return None
        sent = min(lost.since for lost in self._book.lost.values())
        now = self._bus.time
        earliest = min(sent // 1000, self._requests.server_time(sent))
        latest = max(now // 1000, self._requests.server_time(now))
        return max(0, earliest - _BEFORE), a_day_past(latest)

    def tells(self, seen: Look) -> bool:
        """Whether a look says anything that the engine does not know.

        Orders may wait for hours or be lost for days: the same look is not taken twice.
        """
        if self._shrunk or self._moved:
            return True
        if self._book.working or self._book.lost:
            return self._essence(seen) != self._last
        standing = {item.ticket: item for item in seen.positions}
        known = self._market.positions
        return (
            standing.keys() != known.keys()
            or any(self._other(known[ticket], item) for ticket, item in standing.items())
            or not _alike(self._beside_ours(seen), self._told)
        )

    def _essence(self, seen: Look) -> tuple[object, ...]:
        """What conclusions are drawn from: the look without its prices, and what is known."""
        book, market = self._book, self._market
        return (
            [(p.ticket, p.volume, p.sl, p.tp) for p in seen.positions],
            [(o.ticket, o.volume_current, o.state, o.position_id) for o in seen.orders],
            (seen.deals, seen.ended, seen.recent),
            (list(book.sent), list(book.working), list(book.lost)),
            list(market.positions.values()),
        )

    def _other(self, known: Position, standing: mt5.TradePosition) -> bool:
        levels = self._levels(known.symbol, standing)
        return units(standing.volume) != known.volume or levels != (
            known.stop_loss,
            known.take_profit,
        )

    @property
    def not_looked_for(self) -> list[int]:
        """Orders of unknown outcome, by id, that no look has been taken for since they are so."""
        return [order_id for order_id in self._book.lost if order_id not in self._looked_for]

    # --- orders ---

    def on_seen(self, venue: ev.VenueSeen) -> None:
        if isinstance(venue.what, Gone):
            self._on_gone(venue.what)
            return
        seen = look_of(venue.what)
        self._last = self._essence(seen)
        placed = {order.ticket for order in seen.orders}
        for ticket, order in list(self._book.working.items()):
            if ticket not in placed:
                self._resolve(ticket, order, seen)
        self._looked_for = set(self._book.lost)
        for lost in list(self._book.lost.values()):
            self._release(lost.order, seen)
        self._bus.feed(ev.VenueCompared(seen))

    def _resolve(self, ticket: int, order: ev.OrderIntent, seen: Look) -> None:
        deals = fitting(seen.deals.get(ticket, ()), ev.OPEN)
        if order.action is ev.Action.OPEN and deals:
            dealt = self._dealt(order.symbol, deals)
            self._tell.opened(order, dealt, self._tell.account(seen.account))
        elif ticket in seen.ended and seen.ended[ticket].state in _ENDS:
            self._tell.cancelled(order, _ENDS[seen.ended[ticket].state])
        elif ticket in seen.ended and seen.ended[ticket].state == mt5.ORDER_STATE_CANCELED:
            self._tell.cancelled(order, "cancelled at the venue")
        # Else its history lags behind: the next look will tell.

    def _release(self, order: ev.OrderIntent, seen: Look) -> None:
        """End an order's quarantine if the venue's own records show what became of it.

        The absence of traces proves nothing: then it stays.
        """
        account = self._tell.account(seen.account)
        if order.action is ev.Action.OPEN:
            self._release_entry(order, seen, account)
        elif order.position in self._book.closed:
            self._tell.cancelled(order, "another order closed the position")
        elif order.position not in {position.ticket for position in seen.positions}:
            deals = seen.deals.get(order.position, ())
            if not emptied(deals):
                return
            ours = deals[-1].comment == self._requests.comment(order.order_id)
            if order.action is ev.Action.CLOSE and ours:
                self._tell.left(order, self._dealt(order.symbol, deals), account)
            else:
                self._tell.cancelled(order, "the venue closed the position before it")
        elif order.action is ev.Action.MODIFY and self._has_levels(order, seen):
            self._tell.modified(order, account)

    def _release_entry(self, order: ev.OrderIntent, seen: Look, account: ev.Account) -> None:
        comment = self._requests.comment(order.order_id)
        deals = self._traces(comment, seen)
        if deals:
            self._tell.opened(order, self._dealt(order.symbol, deals), account)
            return
        for placed in seen.orders:
            if placed.magic == self._requests.magic and placed.comment == comment:
                self._tell.accepted(order, placed.ticket)
                return

    def _traces(self, comment: str, seen: Look) -> Deals:
        """The deals that opened a position for an order: same magic, and its own comment."""
        standing = (deal for deals in seen.deals.values() for deal in deals)
        found = {deal.ticket: deal for deal in (*seen.recent, *standing)}
        return tuple(
            deal
            for deal in found.values()
            if deal.magic == self._requests.magic
            and deal.entry == mt5.DEAL_ENTRY_IN
            and deal.comment == comment
        )

    def _dealt(self, symbol: str, deals: Deals) -> Sequence[Dealt]:
        return in_units(deals, self._market.specs[symbol])

    def _has_levels(self, order: ev.OrderIntent, seen: Look) -> bool:
        return any(
            self._levels(order.symbol, position) == (order.stop_loss, order.take_profit)
            for position in seen.positions
            if position.ticket == order.position
        )

    def _levels(self, symbol: str, standing: mt5.TradePosition) -> tuple[Points, Points]:
        points = self._market.specs[symbol].points
        return points(standing.sl), points(standing.tp)

    # --- positions ---

    def on_compared(self, venue: ev.VenueCompared) -> None:
        """Publish what is gone from the terminal's positions, and what is there beside ours."""
        seen: Look = venue.what
        standing = {position.ticket: position for position in seen.positions}
        account = self._tell.account(seen.account)
        self._shrunk.clear()
        for position in list(self._market.positions.values()):
            now = standing.get(position.ticket)
            deals = seen.deals.get(position.ticket, ())
            if now is None:
                if emptied(deals):
                    self._gone(position, deals, account)
            elif units(now.volume) < position.volume:
                self._shrank(position, units(now.volume), deals, account)
            else:
                self._compare_levels(position, now, account)
        self._compare_strangers(seen)

    def _on_gone(self, gone: Gone) -> None:
        """What a counter tells: no order of ours waits, so it was a stop or a target."""
        for position in list(self._market.positions.values()):
            if position.ticket in gone.deals:
                self._tell.gone(position, gone.deals[position.ticket], gone.account)

    def _gone(self, position: Position, deals: Deals, account: ev.Account) -> None:
        """A position is gone: by an accepted order of ours, or by the venue or by hand."""
        ticket, order = self._closing_order(position.ticket)
        if order is not None and deals[-1].order == ticket:
            self._tell.left(order, self._dealt(position.symbol, deals), account)
            return
        if order is not None:
            self._tell.cancelled(order, "the venue closed the position before it")
        self._tell.gone(position, self._dealt(position.symbol, deals), account)

    def _closing_order(self, position: int) -> tuple[int, ev.OrderIntent | None]:
        """Our own accepted order to close `position`."""
        for ticket, order in self._book.working.items():
            if order.position == position:
                return ticket, order
        return 0, None

    def _shrank(self, position: Position, volume: Units, deals: Deals, account: ev.Account) -> None:
        """A part was closed, by hand or by an accepted order of ours that was filled in part; its
        deals may only come with the next look.
        """
        dealt = self._dealt(position.symbol, deals)
        leaving = taking(dealt, position.volume, position.volume - volume)
        ticket, order = self._closing_order(position.ticket)
        if not leaving:
            self._shrunk.add(position.ticket)
        elif order is not None and ticket in {deal.order for deal in leaving}:
            self._tell.left(order, dealt, account)
        else:
            self._tell.shrank(position, leaving, account)

    def _compare_levels(
        self, position: Position, now: mt5.TradePosition, account: ev.Account
    ) -> None:
        """Take over a stop or target that somebody else moved, once several looks agree on it."""
        levels = self._levels(position.symbol, now)
        ours = any(order.position == position.ticket for order in self._book.under_way())
        if levels == (position.stop_loss, position.take_profit) or ours:
            self._moved.pop(position.ticket, None)
            return
        stop, target, times = self._moved.get(position.ticket, (*levels, 0))
        times = times + 1 if (stop, target) == levels else 1
        self._moved[position.ticket] = (*levels, times)
        if times >= _SURE_AFTER:
            del self._moved[position.ticket]
            self._tell.moved_by_hand(position, *levels, account)

    def _compare_strangers(self, seen: Look) -> None:
        differs = self._beside_ours(seen)
        if not _alike(differs, self._told):
            self._told = differs
            self._bus.publish(differs)

    def _beside_ours(self, seen: Look) -> ev.VenueDiffers:
        found = strangers(seen, self._market, self._book, self._requests)
        return ev.VenueDiffers(
            foreign=tuple(item.exposure for item in found),
            unexplained=tuple(item.why for item in found if item.why),
            marked=tuple(item.marked for item in found if item.marked is not None),
        )


def _alike(differs: ev.VenueDiffers, told: ev.VenueDiffers) -> bool:
    """Whether both name the same, at about the same risk: where a foreign currency is converted,
    it changes a little with every tick."""
    if (differs.unexplained, differs.marked) != (told.unexplained, told.marked):
        return False
    if len(differs.foreign) != len(told.foreign):
        return False
    return all(
        now == msgspec.structs.replace(before, risk=now.risk)
        and abs(now.risk - before.risk) * _ABOUT <= before.risk
        for now, before in zip(differs.foreign, told.foreign, strict=True)
    )
