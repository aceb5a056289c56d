"""What must hold in every simulated session, at every moment and at its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from adapters.mt5 import contract as mt5
from adapters.mt5.departures import LEAVING
from adapters.projection import LogProjection, SummaryProjection
from adapters.sinks import csv_bytes
from engine import events as ev
from engine.trading import TradingState
from engine.types import Limits
from risk.limits import RISK_TOLERANCE
from scripts.live_actors import LiveActors
from scripts.simulation.world import BALANCE, World
from scripts.wiring import MAGIC


class Broken(Exception):
    """Raised when an invariant does not hold; says which and where."""


def demand(holds: bool, invariant: str, detail: object = "") -> None:
    """Raise Broken unless `holds`."""
    if not holds:
        raise Broken(f"{invariant}: {detail}")


class Audit:
    """Watches one seed's session through all its crashes."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._world = world
        self._limits = limits
        self._state = TradingState.ACTIVE
        self._sent: Counter[str] = Counter()
        self.actors: LiveActors | None = None

    # --- while it runs ---

    def on_record(self, event: ev.Event | ev.Input) -> None:
        """Every event of the engine, in order, also while it is brought back."""
        match event:
            case ev.TradingStateChanged():
                self._state = event.state
            case ev.OrderApproved() if event.order.action is ev.Action.OPEN:
                self._check_approved(event)

    def begin(self, actors: LiveActors, records: list[ev.Record]) -> None:
        """A new life of the engine, which knows what its journal still has."""
        self.actors = actors
        states = [r.event for r in records if isinstance(r.event, ev.TradingStateChanged)]
        self._state = states[-1].state if states else TradingState.ACTIVE

    def on_send(self, request: dict[str, Any]) -> None:
        """An order is about to reach the terminal."""
        if request["action"] == mt5.TRADE_ACTION_REMOVE:
            return
        comment = request.get("comment", "")
        opens = comment and not request.get("position")
        if opens:
            self._sent[comment] += 1
            demand(self._sent[comment] == 1, "an order is sent once", comment)
            demand(self._state is TradingState.ACTIVE, "nothing is sent while halted", request)
        demand(self._on_disk(request), "the record is on disk before the effect", request)

    def _on_disk(self, request: dict[str, Any]) -> bool:
        known = self._world.disk.submitted()
        if request.get("comment"):
            order_id = int(request["comment"].rpartition("-")[2])
            return any(event.order_id == order_id for event in known)
        return any(
            event.position == request["position"] and event.action is ev.Action.MODIFY
            for event in known
        )

    def _check_approved(self, approved: ev.OrderApproved) -> None:
        actors = self.actors
        if actors is None:
            return
        allowed = self._limits.per_trade_risk_fraction * actors.risk.anchor + RISK_TOLERANCE
        demand(approved.risk <= allowed, "risk per trade is held", approved)
        count = len(self._ours())
        demand(count < self._limits.max_positions, "room for a position is held", count)

    def check_limits(self) -> None:
        """After every move of the world: what stands at the venue keeps the limits."""
        ours = self._ours()
        demand(len(ours) <= self._limits.max_positions, "positions are held", ours)

    def _ours(self) -> list[int]:
        positions = self._world.account.positions.values()
        return [position.ticket for position in positions if position.magic == MAGIC]

    # --- at the end ---

    def check_end(self, actors: LiveActors, rows: bytes, summary: dict[str, Any]) -> None:
        """Everything is quiet: engine, terminal, journal and files must tell one story."""
        records = self._world.disk.records()
        self._check_numbers(records)
        self._check_books(actors, records)
        self._check_ledger(records)
        self._check_orders(actors, records)
        self._check_files(records, rows, summary)

    def _check_numbers(self, records: list[ev.Record]) -> None:
        numbers = [record.seq for record in records]
        demand(numbers == list(range(1, len(numbers) + 1)), "the journal has no gap", numbers[-3:])
        times = [record.time for record in records]
        demand(times == sorted(times), "time never steps back in the journal")

    def _check_books(self, actors: LiveActors, records: list[ev.Record]) -> None:
        """Each of our positions is known, or told as what the user must look at."""
        told = [r.event for r in records if isinstance(r.event, ev.VenueDiffers)]
        strangers = {item.ticket for item in told[-1].foreign} if told else set()
        unresolved = {f"-{order.order_id}" for order in actors.gateway.unresolved}
        for position in self._world.account.positions.values():
            known = actors.market.positions.get(position.ticket)
            if known is None:
                mine = position.magic == MAGIC
                lost = any(position.comment.endswith(tail) for tail in unresolved)
                demand(position.ticket in strangers or (mine and lost), "no orphan", position)
                continue
            same = (known.volume, known.side) == (position.volume, position.side)
            demand(same, "engine and terminal agree", (known, position))
            levels = (known.stop_loss, known.take_profit) == (position.stop, position.target)
            demand(levels or bool(unresolved), "levels agree", (known, position))
        gone = set(actors.market.positions) - set(self._world.account.positions)
        demand(not gone, "no ghost position", gone)

    def _check_ledger(self, records: list[ev.Record]) -> None:
        """Deals sum up to the balance, and what the engine was told to our part of it."""
        account = self._world.account
        booked = sum(deal.profit + deal.commission + deal.swap for deal in account.deals)
        demand(booked == account.balance, "the ledger sums to the balance", account.balance)
        ours = {deal.position for deal in account.deals if deal.magic == MAGIC}
        known = {r.event.position for r in records if isinstance(r.event, ev.PositionOpened)}
        theirs = sum(
            deal.profit + deal.commission + deal.swap
            for deal in account.deals
            if deal.position in ours & known
        )
        told = 0
        for record in records:
            match record.event:
                case ev.PositionOpened(commission=commission):
                    told += commission
                case ev.PositionClosed(profit=profit, commission=commission, swap=swap):
                    told += profit + commission + swap
        demand(told == theirs, "the engine's ledger is the terminal's", (told, theirs, BALANCE))

    def _check_orders(self, actors: LiveActors, records: list[ev.Record]) -> None:
        """Every signal became an order, every order has one end or is told as open."""
        fates: defaultdict[int, list[str]] = defaultdict(list)
        signals = intents = 0
        for record in records:
            match record.event:
                case ev.SignalRaised():
                    signals += 1
                case ev.SignalDropped():
                    signals -= 1
                case ev.OrderIntent(order_id=order_id):
                    intents += 1
                    fates[order_id] = []
                case ev.OrderDenied(order=order):
                    fates[order.order_id].append("denied")
                case ev.OrderRejected(order_id=order_id) | ev.OrderCancelled(order_id=order_id):
                    fates[order_id].append("ended")
                case ev.OrderFilled(order_id=order_id, complete=True):
                    fates[order_id].append("filled")
                case ev.StopModified(order_id=order_id) if order_id:
                    fates[order_id].append("modified")
        lost = signals - intents
        demand(not lost, "every signal is accounted for", lost)
        alive = actors.book.alive
        for order_id, ends in fates.items():
            once = len(ends) == 1 and order_id not in alive
            demand(once or (not ends and order_id in alive), "an order ends once", (order_id, ends))

    def _check_files(self, records: list[ev.Record], rows: bytes, summary: dict[str, Any]) -> None:
        log, total = LogProjection(), SummaryProjection()
        made = [row for record in records if (row := log.row(record))]
        for record in records:
            total.take(record)
        demand(csv_bytes(made, header=False) == rows, "the CSV is the journal's projection")
        demand(total.summary() == summary, "the JSON is the journal's projection")

    def check_duplicates(self) -> None:
        """No order of ours ever dealt twice at the venue."""
        entries: defaultdict[str, set[int]] = defaultdict(set)
        for deal in self._world.account.deals:
            if deal.magic == MAGIC and deal.entry not in LEAVING and deal.comment:
                entries[deal.comment].add(deal.order)
        twice = {comment: orders for comment, orders in entries.items() if len(orders) > 1}
        demand(not twice, "no duplicate order", twice)
