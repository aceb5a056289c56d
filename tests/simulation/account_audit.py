"""What must hold of the account over all its sessions: its figures, counts and halts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.trading import HaltCause
from engine.types import Millis
from tests.simulation.account_fold import AccountFold, hold_against
from tests.simulation.link import SimulatedHost
from tests.simulation.model import demand
from tests.simulation.world import World

_HOUR: Millis = 3_600_000
_UNTIL_RESET = (HaltCause.DAILY_LOSS, HaltCause.DAY_LIMIT)
_LATCHED = (HaltCause.MAX_LOSS, HaltCause.LIMIT)
_UNSETTLED = {"HISTORY_UNSETTLED", "HISTORY_CHANGED"}


class AccountAudit:
    """Knows what every session did, and holds the ledger's word against it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.host: SimulatedHost | None = None
        self._approved: dict[int, Millis] = {}  # by order id, of the session that runs
        self._approvals: list[Millis] = []  # of all sessions, those that a crash undid included
        self._entered: list[Millis] = []  # when those entries were approved that reached the server
        self._asked: list[Millis] = []  # all requests that did
        self._signals: set[str] = set()
        self._names: dict[int, str] = {}
        self._owed: set[HaltCause] = set()
        self._causes: tuple[HaltCause, ...] = ()
        self._submitted: dict[int, Millis] = {}  # by order id, or by position less than nothing
        self._now: Millis = 0

    def divided(self, records: Iterable[ev.Record]) -> None:
        """A new session must know what the last one's journal says is halted on the account."""
        since: dict[HaltCause, Millis] = {}
        for record in records:
            if isinstance(record.event, ev.TradingStateChanged):
                causes = record.event.causes
                since = {cause: since.get(cause, record.time) for cause in causes}
        reset = AccountFold((), self._world.clock.now()).reset
        self._owed = {
            cause
            for cause, at in since.items()
            if cause in _LATCHED or (cause in _UNTIL_RESET and at >= reset)
        }
        # What the user released is free, though a crash may have undone the record of it.
        self._owed &= set(self._causes)

    def on_record(self, record: ev.Record) -> None:
        """A record is appended to the journal of the session that runs."""
        event, self._now = record.event, record.time
        if isinstance(event, ev.SessionStarted):
            self._approved.clear()
            self._causes = ()
        elif isinstance(event, ev.TradingStateChanged):
            self._causes = event.causes
        elif isinstance(event, ev.OrderSubmitted):
            self._submitted[event.order_id] = record.time
            self._submitted[-event.terms.position] = record.time
        elif isinstance(event, ev.OrderApproved) and event.order.terms.action is ev.Action.OPEN:
            self._approved[event.order.order_id] = record.time
            self._names[event.order.order_id] = event.order.terms.signal_id
            self._approvals.append(record.time)
        elif isinstance(event, ev.LedgerUpdated):
            self._check(event)

    def on_send(self, request: dict[str, Any]) -> None:
        """A request reaches the server."""
        comment, position = request.get("comment", ""), request.get("position", 0)
        if request["action"] == mt5.TRADE_ACTION_REMOVE:
            self._asked.append(self._now)
            return
        order_id = int(comment.rpartition("-")[2]) if comment else -position
        self._asked.append(self._submitted[order_id])
        if comment and not position:
            self._entered.append(self._approved[order_id])
            self._signals.add(self._names[order_id])

    def _check(self, told: ev.LedgerUpdated) -> None:
        owed, self._owed = self._owed, set()
        demand(owed <= set(told.halts), "a halt of the account outlives its session", owed)
        if self.host is None or _UNSETTLED & set(told.codes):
            return
        now = self._world.clock.now()
        fold = AccountFold(self._world.account.deals[: self.host.deals], now)
        hold_against(told.figures, fold)
        demand(told.baseline == fold.baseline(), "the baseline is the deals'", told.baseline)
        own = told.figures.own
        if own is None:
            demand(False, "own figures are told", told)
            return
        demand(own.day_start == fold.own_day_start(), "the own day start is the deals'", own)
        demand(own.last_loss == fold.last_loss(), "the last loss is the deals'", own)
        self._check_counts(told, own, fold, now)

    def _check_counts(
        self, told: ev.LedgerUpdated, own: Any, fold: AccountFold, now: Millis
    ) -> None:
        """What reached the server is counted, and nothing that was not even approved."""
        for name, since, count in (
            ("day", fold.reset, own.orders_today),
            ("hour", now - _HOUR + 1, own.orders_hour),
        ):
            opened = len(fold.own_orders(since))
            least = max(opened, sum(at >= since for at in self._entered))
            most = max(opened, sum(at >= since for at in self._approvals))
            detail = (name, least, count, most)
            demand(least <= count <= most, "entries of the account are counted", detail)
        asked = sum(at >= fold.reset for at in self._asked)
        counted = told.figures.requests_today or 0
        demand(counted >= asked, "requests of the account are counted", (counted, asked))
        if told.signals:
            missing = self._signals - set(told.signals)
            demand(not missing, "signals that were entered are known", missing)
