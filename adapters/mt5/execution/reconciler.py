"""Reconciliation: what the venue did by itself, found by comparing a snapshot with the engine's
state.

Orders are compared first; positions in a second step, when those that the snapshot opened are
known.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.mt5.execution.closing_deals import fitting, fully_closed, reducing_deals
from adapters.mt5.execution.external import external_items
from adapters.mt5.execution.reports import ExecutionReports
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import SnapshotQuery, a_day_past
from engine import events as ev
from engine.bus import Bus
from engine.fields import Deal
from engine.orders import OrderManager, OrderState
from engine.portfolio import Portfolio, Position
from engine.types import Points, Units

_BEFORE = 86_400
"""Seconds before an order was lost from which its traces are looked for: more than any two clocks
differ. They are identified by magic and comment, not by their time."""

_SURE_AFTER = 3
"""Looks in a row that must agree before other levels of a position are believed: a venue's answer
may lag behind an order of ours."""


_ABOUT = 50
"""A risk that differs by less than this part of it is about the same."""


class Reconciler:
    """Compares snapshots with the portfolio and the orders under way."""

    def __init__(
        self,
        bus: Bus,
        portfolio: Portfolio,
        orders: OrderManager,
        reports: ExecutionReports,
        requests: Requests,
    ) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._orders = orders
        self._reports = reports
        self._requests = requests
        self._reduced: set[int] = set()
        self._moved: dict[int, tuple[Points, Points, int]] = {}
        self._reported = ev.ReconciliationMismatch()
        self._last: tuple[object, ...] = ()
        self._looked_for: set[int] = set()

    def routes(self) -> ev.Routes:
        return {
            ev.AccountSnapshot: self.on_snapshot,
            ev.AccountReconciled: self.on_reconciled,
            ev.VenueClosed: self.on_venue_closed,
        }

    def replay_routes(self) -> ev.Routes:
        """The recorded events from which it rebuilds its state."""
        return {ev.ReconciliationMismatch: self._apply}

    def _apply(self, mismatch: ev.ReconciliationMismatch) -> None:
        self._reported = mismatch

    def snapshot_query(self) -> SnapshotQuery:
        """What the next snapshot is to contain."""
        return SnapshotQuery(
            tuple(self._portfolio.positions),
            tuple(self._orders.working),
            self._traces_between(),
            tuple(self._reduced),
            self._requests.magic,
        )

    def _traces_between(self) -> tuple[int, int] | None:
        """Where the traces of lost orders are looked for, in seconds of the server's clock.

        That clock may be any, and stand still while the market is closed.
        """
        if not self._orders.unknown:
            return None
        sent = min(unknown.submitted for unknown in self._orders.unknown.values())
        now = self._bus.time
        earliest = min(sent // 1000, self._requests.server_time(sent))
        latest = max(now // 1000, self._requests.server_time(now))
        return max(0, earliest - _BEFORE), a_day_past(latest)

    def has_changes(self, snapshot: ev.AccountSnapshot) -> bool:
        """Whether a snapshot has changes that the engine does not know.

        Orders may wait for hours or be lost for days: the same snapshot is not reconciled twice.
        """
        if self._reduced or self._moved:
            return True
        if self._orders.working or self._orders.unknown:
            return self._essence(snapshot) != self._last
        standing = {item.ticket: item for item in snapshot.positions}
        known = self._portfolio.positions
        return (
            standing.keys() != known.keys()
            or any(self._other(known[ticket], item) for ticket, item in standing.items())
            or not _alike(self._external_exposures(snapshot), self._reported)
        )

    def _essence(self, snapshot: ev.AccountSnapshot) -> tuple[object, ...]:
        """What conclusions are drawn from: the snapshot without its prices, and what is known."""
        orders, portfolio = self._orders, self._portfolio
        return (
            [(p.ticket, p.volume, p.stop_loss, p.take_profit) for p in snapshot.positions],
            [(o.ticket, o.volume, o.state, o.position) for o in snapshot.orders],
            (snapshot.deals, snapshot.ended, snapshot.recent),
            (orders.in_state(OrderState.SUBMITTED), list(orders.working), list(orders.unknown)),
            list(portfolio.positions.values()),
        )

    @staticmethod
    def _other(known: Position, standing: ev.VenuePosition) -> bool:
        return (known.volume, known.stop_loss, known.take_profit) != (
            standing.volume,
            standing.stop_loss,
            standing.take_profit,
        )

    @property
    def not_looked_for(self) -> list[int]:
        """Orders of unknown outcome, by id, that no look has been taken for since they are so."""
        return [order_id for order_id in self._orders.unknown if order_id not in self._looked_for]

    # --- orders ---

    def on_snapshot(self, snapshot: ev.AccountSnapshot) -> None:
        self._last = self._essence(snapshot)
        placed = {order.ticket for order in snapshot.orders}
        for ticket, live in list(self._orders.working.items()):
            if ticket not in placed:
                self._resolve(ticket, live.order, snapshot)
        self._looked_for = set(self._orders.unknown)
        for unknown in list(self._orders.unknown.values()):
            self._release(unknown.order, snapshot)
        self._bus.feed(ev.AccountReconciled(snapshot))

    def _resolve(self, ticket: int, order: ev.OrderIntent, snapshot: ev.AccountSnapshot) -> None:
        deals = fitting(snapshot.deals_of(ticket), ev.OPEN)
        if order.terms.action is ev.Action.OPEN and deals:
            self._reports.opened(order, deals, snapshot.account)
            return
        for ended in snapshot.ended:
            if ended.ticket == ticket:
                self._reports.cancelled(order, ended.how)
        # Else its history lags behind: the next snapshot will show.

    def _release(self, order: ev.OrderIntent, snapshot: ev.AccountSnapshot) -> None:
        """Resolve an order of unknown outcome if the venue's own records show its outcome.

        The absence of traces proves nothing: then it stays.
        """
        account = snapshot.account
        if order.terms.action is ev.Action.OPEN:
            self._release_entry(order, snapshot, account)
        elif order.terms.position in self._orders.closed_positions:
            self._reports.cancelled(order, "another order closed the position")
        elif order.terms.position not in {position.ticket for position in snapshot.positions}:
            deals = snapshot.deals_of(order.terms.position)
            if not fully_closed(deals):
                return
            ours = deals[-1].comment == self._requests.comment(order.order_id)
            if order.terms.action is ev.Action.CLOSE and ours:
                self._reports.closed_by_order(order, deals, account)
            else:
                self._reports.cancelled(order, "the venue closed the position before it")
        elif order.terms.action is ev.Action.MODIFY and self._has_levels(order, snapshot):
            self._reports.modified(order, account)

    def _release_entry(
        self, order: ev.OrderIntent, snapshot: ev.AccountSnapshot, account: ev.Account
    ) -> None:
        comment = self._requests.comment(order.order_id)
        deals = self._traces(comment, snapshot)
        if deals:
            self._reports.opened(order, deals, account)
            return
        for placed in snapshot.orders:
            if placed.ours and placed.comment == comment:
                self._reports.accepted(order, placed.ticket)
                return

    def _traces(self, comment: str, snapshot: ev.AccountSnapshot) -> Sequence[Deal]:
        """The deals that opened a position for an order: they carry its mark."""
        found = {deal.ticket: deal for deal in (*snapshot.recent, *snapshot.deals)}
        return tuple(
            deal
            for deal in found.values()
            if deal.ours and deal.comment == comment and fitting((deal,), ev.OPEN)
        )

    def _has_levels(self, order: ev.OrderIntent, snapshot: ev.AccountSnapshot) -> bool:
        return any(
            (position.stop_loss, position.take_profit)
            == (order.terms.stop_loss, order.terms.take_profit)
            for position in snapshot.positions
            if position.ticket == order.terms.position
        )

    # --- positions ---

    def on_reconciled(self, venue: ev.AccountReconciled) -> None:
        """Publish what is gone from the terminal's positions, and what is there beside ours."""
        snapshot = venue.snapshot
        standing = {position.ticket: position for position in snapshot.positions}
        account = snapshot.account
        self._reduced.clear()
        for position in list(self._portfolio.positions.values()):
            now = standing.get(position.ticket)
            deals = snapshot.deals_of(position.ticket)
            if now is None:
                if fully_closed(deals):
                    self._closed(position, deals, account)
            elif now.volume < position.volume:
                self._partially_closed(position, now.volume, deals, account)
            else:
                self._compare_levels(position, now, account)
        self._compare_external(snapshot)

    def on_venue_closed(self, gone: ev.VenueClosed) -> None:
        """Positions closed in this process: no order of ours waits, so it was a stop or a
        target."""
        for position in list(self._portfolio.positions.values()):
            deals = [deal for deal in gone.deals if deal.position == position.ticket]
            if deals:
                self._reports.closed_externally(position, deals, gone.account)

    def _closed(self, position: Position, deals: Sequence[Deal], account: ev.Account) -> None:
        """A position is gone: by an accepted order of ours, or by the venue or by hand."""
        ticket, order = self._closing_order(position.ticket)
        if order is not None and deals[-1].order == ticket:
            self._reports.closed_by_order(order, deals, account)
            return
        if order is not None:
            self._reports.cancelled(order, "the venue closed the position before it")
        self._reports.closed_externally(position, deals, account)

    def _closing_order(self, position: int) -> tuple[int, ev.OrderIntent | None]:
        """Our own accepted order to close `position`."""
        for ticket, live in self._orders.working.items():
            if live.order.terms.position == position:
                return ticket, live.order
        return 0, None

    def _partially_closed(
        self, position: Position, volume: Units, deals: Sequence[Deal], account: ev.Account
    ) -> None:
        """A part was closed, by hand or by an accepted order of ours that was filled in part; its
        deals may only come with the next snapshot.
        """
        leaving = reducing_deals(deals, position.volume, position.volume - volume)
        ticket, order = self._closing_order(position.ticket)
        if not leaving:
            self._reduced.add(position.ticket)
        elif order is not None and ticket in {deal.order for deal in leaving}:
            self._reports.closed_by_order(order, deals, account)
        else:
            self._reports.partially_closed(position, leaving, account)

    def _compare_levels(
        self, position: Position, now: ev.VenuePosition, account: ev.Account
    ) -> None:
        """Take over a stop or target that somebody else moved, once several looks agree on it."""
        levels = now.stop_loss, now.take_profit
        ours = any(order.terms.position == position.ticket for order in self._orders.at_venue())
        if levels == (position.stop_loss, position.take_profit) or ours:
            self._moved.pop(position.ticket, None)
            return
        stop, target, times = self._moved.get(position.ticket, (*levels, 0))
        times = times + 1 if (stop, target) == levels else 1
        self._moved[position.ticket] = (*levels, times)
        if times >= _SURE_AFTER:
            del self._moved[position.ticket]
            self._reports.moved_by_hand(position, *levels, account)

    def _compare_external(self, snapshot: ev.AccountSnapshot) -> None:
        mismatch = self._external_exposures(snapshot)
        if not _alike(mismatch, self._reported):
            self._reported = mismatch
            self._bus.publish(mismatch)

    def _external_exposures(self, snapshot: ev.AccountSnapshot) -> ev.ReconciliationMismatch:
        found = external_items(snapshot, self._portfolio, self._orders, self._requests)
        return ev.ReconciliationMismatch(
            external=tuple(item.exposure for item in found),
            mismatches=tuple(item.why for item in found if item.why),
            marked=tuple(item.marked for item in found if item.marked is not None),
        )


def _alike(mismatch: ev.ReconciliationMismatch, told: ev.ReconciliationMismatch) -> bool:
    """Whether both name the same, at about the same risk: where a foreign currency is converted,
    it changes a little with every tick."""
    if (mismatch.mismatches, mismatch.marked) != (told.mismatches, told.marked):
        return False
    if len(mismatch.external) != len(told.external):
        return False
    return all(
        now == msgspec.structs.replace(before, risk=now.risk)
        and abs(now.risk - before.risk) * _ABOUT <= before.risk
        for now, before in zip(mismatch.external, told.external, strict=True)
    )
