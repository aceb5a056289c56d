"""What must hold when a simulated session has ended and all is quiet."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from typing import Any

from adapters.mt5.execution.closing_deals import CLOSING_ENTRIES
from adapters.reports.projection import LOG_COLUMNS, LogProjection
from adapters.reports.sinks import csv_bytes
from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.calendar import resets
from engine.journal import decode, encode
from engine.trading import TradingState
from engine.types import Limits
from scripts.app.session_folder import session_tag
from scripts.app.sessions.live_actors import LiveActors
from scripts.app.sessions.replay import MAGIC
from tests.simulation.model import SessionModel, demand
from tests.simulation.world import World


class FinalChecks:
    """One session whose engine has looked at a quiet account for a while."""

    def __init__(
        self, world: World, limits: Limits, actors: LiveActors, records: list[ev.Record]
    ) -> None:
        self._world = world
        self._limits = limits
        self._actors = actors
        self._records = records
        self._lost = {f"-{order.order_id}" for order in actors.gateway.unresolved}

    def check(self, rows: bytes, summary: dict[str, Any]) -> None:
        """Engine, terminal, journal and files must agree; raises Broken."""
        self._check_journal()
        self._check_days()
        self._check_positions()
        self._check_waiting()
        self._check_ledger()
        self._check_duplicates()
        self._check_orders()
        self._check_figures(rows, summary)

    def _check_journal(self) -> None:
        model = SessionModel()
        for record in self._records:
            model.take(record)
            again = decode(encode(record)).event == record.event
            demand(again, "a record is read back as it was written", record)

    def _check_days(self) -> None:
        """Every midnight since the session's start has turned the day once."""
        model = SessionModel()
        for record in self._records:
            model.take(record)
        days = resets(self._limits.reset_zone, self._records[0].time)
        for date, turned in model.dates:
            midnight, expected = next(days)
            demand(date == expected, "no day is left out", (date, expected))
            demand(turned >= midnight, "a day turns at its midnight", (turned, midnight))
        midnight, expected = next(days)
        demand(midnight >= model.time, "the last day has turned", (expected, model.time))

    def _check_positions(self) -> None:
        """Each of our positions is known, or reported as what the user must look at."""
        told = [r.event for r in self._records if isinstance(r.event, ev.ReconciliationMismatch)]
        external_items = {item.ticket for item in told[-1].external} if told else set()
        known = self._actors.portfolio.positions
        standing = self._world.account.positions
        for ticket, position in standing.items():
            ours = known.get(ticket)
            if ours is None:
                lost = position.magic == MAGIC and self._is_lost(position.comment)
                demand(ticket in external_items or lost, "no orphan", position)
                continue
            same = (ours.volume, ours.side) == (position.volume, position.side)
            demand(same, "engine and terminal agree", (ours, position))
            levels = (ours.stop_loss, ours.take_profit) == (position.stop, position.target)
            demand(levels or bool(self._lost), "levels agree", (ours, position))
        gone = known.keys() - standing.keys()
        demand(not gone, "no ghost position", gone)

    def _check_waiting(self) -> None:
        """Our pending entries are known, and none waits while trading is halted."""
        working = self._actors.order_manager.working
        waiting = {t: o for t, o in self._world.account.orders.items() if o.magic == MAGIC}
        for ticket, order in waiting.items():
            known = ticket in working or self._is_lost(order.comment)
            demand(known, "no orphan order", order)
        active = self._actors.risk.trading.active
        left = waiting.keys() & working.keys()
        demand(active or not left, "no entry waits during a halt", left)
        gone = working.keys() - waiting.keys()
        demand(not gone, "no ghost order", gone)

    def _is_lost(self, comment: str) -> bool:
        return any(comment.endswith(tail) for tail in self._lost)

    def _check_ledger(self) -> None:
        """Deals sum up to the balance, and what was reported to the engine to our part of it."""
        account = self._world.account
        booked = sum(deal.profit + deal.commission + deal.swap for deal in account.deals)
        demand(booked == account.balance, "the ledger sums to the balance", account.balance)
        known = {r.event.position for r in self._records if isinstance(r.event, ev.PositionOpened)}
        theirs = sum(
            deal.profit + deal.commission + deal.swap
            for deal in account.deals
            if deal.position in known
        )
        theirs -= sum(item.realized for item in self._adopted())  # other sessions were told
        told = net = 0
        for record in self._records:
            match record.event:
                case ev.PositionOpened(commission=commission):
                    told += commission
                case ev.PositionClosed() as closed:
                    told += closed.profit + closed.commission + closed.swap
                    net += closed.net
        open_ = sum(position.commission for position in self._actors.portfolio.positions.values())
        demand(told == theirs, "the engine's ledger is the terminal's", (told, theirs))
        demand(told == net + open_, "each result has its share of the commission", (told, net))
        seen = self._actors.portfolio.account
        demand(seen.balance == account.balance, "the balance is the terminal's", seen)
        demand(seen.equity == account.equity(), "the equity is the terminal's", seen)

    def _adopted(self) -> list[ev.AdoptedPosition]:
        taken = [r.event for r in self._records if isinstance(r.event, ev.OrphansAdopted)]
        return [item for event in taken for item in event.positions]

    def _check_duplicates(self) -> None:
        """No order of ours ever dealt twice at the venue, and none that was not submitted."""
        submitted = {
            r.event.order_id for r in self._records if isinstance(r.event, ev.OrderSubmitted)
        }
        entries: defaultdict[str, set[int]] = defaultdict(set)
        for deal in self._world.account.deals:
            own = deal.comment.startswith(f"{session_tag(self._world.session_id)}-")
            if deal.magic == MAGIC and deal.entry not in CLOSING_ENTRIES and own:
                entries[deal.comment].add(deal.order)
        for comment, orders in entries.items():
            demand(len(orders) == 1, "no duplicate order", (comment, orders))
            order_id = int(comment.rpartition("-")[2])
            demand(order_id in submitted, "each deal has its order", comment)

    def _check_orders(self) -> None:
        """Every signal became an order, every order has one end or is reported as open."""
        fates: defaultdict[int, list[str]] = defaultdict(list)
        unanswered = 0
        for record in self._records:
            match record.event:
                case ev.SignalRaised():
                    unanswered += 1
                case ev.SignalDropped():
                    unanswered -= 1
                case ev.OrderIntent(order_id=order_id):
                    unanswered -= 1
                    fates[order_id] = []
                case ev.OrderDenied(order=order):
                    fates[order.order_id].append("denied")
                case ev.OrderRejected(order_id=order_id) | ev.OrderCancelled(order_id=order_id):
                    fates[order_id].append("ended")
                case ev.OrderFilled(order_id=order_id, complete=True):
                    fates[order_id].append("filled")
                case ev.StopModified(order_id=order_id) if order_id:
                    fates[order_id].append("modified")
        demand(not unanswered, "every signal is accounted for", unanswered)
        alive = self._actors.order_manager.alive
        for order_id, ends in fates.items():
            once = len(ends) == 1 and order_id not in alive
            demand(once or (not ends and order_id in alive), "an order ends once", (order_id, ends))
        quarantined = {order.order_id for order in self._actors.gateway.unresolved}
        working = {live.order.order_id for live in self._actors.order_manager.working.values()}
        known = quarantined | working
        demand(alive.keys() == known, "what is alive waits or is of unknown outcome", alive)

    def _check_figures(self, rows: bytes, summary: dict[str, Any]) -> None:
        """The files against the terminal itself, with no projection between them."""
        account = self._world.account
        lines = list(csv.DictReader(io.StringIO(rows.decode()), LOG_COLUMNS))
        kinds = [line["event"] for line in lines]
        opened = sum(isinstance(r.event, ev.PositionOpened) for r in self._records)
        parts = sum(isinstance(r.event, ev.PositionClosed) for r in self._records)
        shown = (kinds.count("OPEN"), kinds.count("CLOSE"))
        demand(shown == (opened, parts), "the CSV has every opening and closing", shown)
        known = {r.event.position for r in self._records if isinstance(r.event, ev.PositionOpened)}
        known -= {item.ticket for item in self._adopted()}  # others closed parts of these
        profit = sum(deal.profit for deal in account.deals if deal.position in known)
        told = sum(
            round(float(line["profit"] or 0) * 100)
            for line in lines
            if line["ticket"] in map(str, known)
        )
        demand(told == profit, "the CSV sums to the terminal's profit", (told, profit))
        equity = round(summary["final_equity"] * 100)
        demand(equity == account.equity(), "the JSON's equity is the terminal's", equity)
        halted = self._actors.risk.trading.state is not TradingState.ACTIVE
        last = [kind for kind in kinds if kind in ("HALT", "RESUME")][-1:]
        demand(halted == (last == ["HALT"]), "the CSV shows the last halt", last)


def check_files(records: list[ev.Record], rows: bytes, summary: dict[str, Any]) -> None:
    """After every life that ended in order: what the files' actors made is what the journal says.

    The next life makes them anew from its journal.
    """
    log, total = LogProjection(), SummaryProjection()
    made = [row for record in records if (row := log.row(record))]
    for record in records:
        total.take(record)
    demand(csv_bytes(made, header=False) == rows, "the CSV is the journal's projection")
    demand(total.summary() == summary, "the JSON is the journal's projection")
