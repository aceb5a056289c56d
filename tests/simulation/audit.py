"""What must hold in every simulated session at every moment; `ending` has what holds at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.records import PENDING_KINDS
from engine import events as ev
from engine.trading import TradingState
from engine.types import UNITS_PER_LOT, Cents, Conversion, Limits, Points, SymbolSpec, Units
from scripts.app.session_folder import session_tag
from scripts.app.sessions.live_actors import LiveActors
from scripts.app.sessions.replay import MAGIC
from tests.simulation.account_audit import AccountAudit
from tests.simulation.link import SimulatedHost
from tests.simulation.model import Broken, SessionModel, demand
from tests.simulation.restored_copy import differences
from tests.simulation.world import World

_A_CENT = 1.0
_ROUNDING = 12.0
"""Cents by which this file's decimal arithmetic and the engine's integers may differ."""


class Audit:
    """Watches one seed's session through all its crashes; keeps the first thing that broke."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._world = world
        self._limits = limits
        self._sent: Counter[str] = Counter()
        self._actors: LiveActors | None = None
        self._host: SimulatedHost | None = None
        self._tested = False  # whether this life has seen the account's figures yet
        self.model = SessionModel()
        self.account = AccountAudit(world)
        self.broken = ""

    def reads(self, host: SimulatedHost) -> None:
        """A new life asks where the account stands."""
        self.account.host = host

    def divided(self, records: Iterable[ev.Record]) -> None:
        """Another session is begun; `records` are what the last one's journal has."""
        self.account.divided(records)

    def watched(self, check: Callable[[], None]) -> None:
        """Make a check; what it finds is kept even if nobody hears of the exception."""
        try:
            check()
        except Broken as error:
            self.broken = self.broken or str(error)
            raise

    def begin(self, actors: LiveActors, host: SimulatedHost, past: Iterable[ev.Record]) -> None:
        """A new life of the engine, which knows what its journal still has."""
        self._actors, self._host = actors, host
        self.model = SessionModel()
        self._tested = False
        for record in past:
            self.model.take(record)

    # --- every record, before it is acted on ---

    def on_record(self, record: ev.Record) -> None:
        """A record is appended to the journal."""
        self.watched(lambda: self._on_record(record))

    def _on_record(self, record: ev.Record) -> None:
        self.account.on_record(record)
        match record.event:
            case ev.OrderApproved() if record.event.order.terms.action is ev.Action.OPEN:
                self._check_approved(record.event)
            case ev.OrderCancelled(order_id=order_id) if order_id not in self.model.known:
                tried = self._traces() if record.event.never_sent else self._sent
                mark = f"{session_tag(self._world.session_id)}-{order_id}"
                reached = mark in tried
                demand(not reached, "what reached the terminal is not called off unseen", record)
            case ev.DayRolled(day_start=day_start):
                self._check_balance("a day begins with the balance", day_start)
            case ev.SessionStarted(account=account) | ev.SessionResumed(account=account):
                told = None if self._host is None else self._host.attached
                demand(account.balance == told, "figures are those of our account", account)
            case ev.AccountSeen(balance=balance):
                self._tested = True
                self._check_balance("figures are those of our account", balance)
            case _:
                pass
        self.model.take(record)

    def _traces(self) -> list[str]:
        """The comments of all that was ever executed: a terminal without a link executes nothing
        of what it was asked.
        """
        return [deal.comment for deal in self._world.account.deals]

    def _check_balance(self, promise: str, balance: Cents) -> None:
        """What is on record is what our account was last reported to have."""
        if self._host is not None:
            told = self._host.balance
            demand(balance == told, promise, (balance, told))

    def _check_approved(self, approved: ev.OrderApproved) -> None:
        """The limits, figured once more from what the market shows."""
        model, limits = self.model, self._limits
        demand(model.state is TradingState.ACTIVE, "nothing is approved while halted", approved)
        used = len(model.positions) + len(model.entries) + model.external
        demand(used < limits.max_positions, "room for a position is held", approved)
        if self._actors is None:
            return
        portfolio, order = self._actors.portfolio, approved.order
        spec, tick = portfolio.specs[order.terms.symbol], portfolio.ticks[order.terms.symbol]
        entry = order.terms.entry_price or (tick.ask if order.terms.side > 0 else tick.bid)
        risk = loss(
            spec,
            approved.volume,
            (entry - order.terms.stop_loss) * order.terms.side,
            order.terms.stop_loss,
        )
        allowed = limits.per_trade_risk_fraction * model.day_start
        demand(risk <= allowed + _ROUNDING, "risk per trade is held", (risk, allowed, approved))
        close = abs(risk - approved.risk) <= _ROUNDING
        demand(close, "the risk on record is the loss at the stop", (risk, approved))
        worst = portfolio.account.balance - risk - self._at_risk()
        demand(worst >= self._floor() - _ROUNDING, "the worst case stays above the floors", worst)

    def _at_risk(self) -> float:
        """What is open or approved may still lose."""
        if self._actors is None:
            return 0.0
        portfolio = self._actors.portfolio
        total = float(sum(approved.risk for approved in self.model.entries.values()))
        for position in portfolio.positions.values():
            spec = portfolio.specs[position.symbol]
            if not position.stop_loss:
                continue  # by hand, and then nothing bounds it
            distance = (position.entry - position.stop_loss) * position.side
            lost = loss(spec, position.volume, distance, position.stop_loss)
            lost -= spec.commission * position.volume / UNITS_PER_LOT  # paid at its opening
            lost -= position.swap  # accrued, and in the equity that the floors are held against
            total += max(0.0, lost - _A_CENT)
        return total

    def _floor(self) -> float:
        """Equity below which trading must be halted."""
        floors = [self.model.day_start * (1 - self._limits.daily_loss_fraction)]
        if self._limits.max_loss_fraction is not None:
            floors.append(self.model.starting_balance * (1 - self._limits.max_loss_fraction))
        return max(floors)

    # --- every order that reaches the terminal ---

    def on_send(self, request: dict[str, Any]) -> None:
        """An order is about to reach the terminal."""
        self.watched(lambda: self._on_send(request))

    def _on_send(self, request: dict[str, Any]) -> None:
        if request["action"] == mt5.TRADE_ACTION_REMOVE:
            return
        comment = request.get("comment", "")
        if comment:
            self._sent[comment] += 1
            demand(self._sent[comment] == 1, "an order is sent once", comment)
        if comment and not request.get("position"):
            active = self.model.state is TradingState.ACTIVE
            demand(active, "nothing is sent while halted", (self.model.state, request))
        demand(self._on_disk(request), "the record is on disk before the effect", request)
        self.account.on_send(request)

    def _on_disk(self, request: dict[str, Any]) -> bool:
        known = self._world.disk.submitted()
        if request.get("comment"):
            order_id = int(request["comment"].rpartition("-")[2])
            return any(event.order_id == order_id for event in known)
        return any(
            event.terms.position == request["position"] and event.terms.action is ev.Action.MODIFY
            for event in known
        )

    # --- between two looks ---

    def check_rest(self) -> None:
        """All that was observed is handled: actors, records and venue agree so far."""
        self.watched(self._check_rest)

    def _check_rest(self) -> None:
        self._check_buffer()
        actors, model = self._actors, self.model
        if actors is None or not model.seq:
            return
        reserved = actors.order_manager.in_flight
        same = reserved.keys() == model.entries.keys()
        demand(same, "each approved entry is reserved until it ends", (reserved, model.entries))
        for order_id, kept in reserved.items():
            approved = model.entries[order_id]
            charged = (kept.risk, kept.worst, kept.margin)
            held = charged == (approved.risk, approved.worst, approved.margin)
            demand(held and min(charged) >= 0, "a reservation is the order's risk", kept)
        demand(
            actors.risk.losses.day_start == model.day_start,
            "the day-start balance is the day's",
            actors.risk.losses.day_start,
        )
        demand(
            actors.risk.losses.starting_balance == model.starting_balance,
            "the largest loss counts from the account's baseline",
            (actors.risk.losses.starting_balance, model.starting_balance),
        )
        demand(actors.risk.trading.state is model.state, "one trading state", model.state)
        demand(
            actors.order_manager.alive.keys() == model.alive,
            "the book has what is alive",
            model.alive,
        )
        volumes = {ticket: item.volume for ticket, item in actors.portfolio.positions.items()}
        demand(volumes == model.positions, "the market has what is open", volumes)
        heeded = model.state is TradingState.LATCHED or not model.paused
        demand(heeded, "a pause holds until the user resumes", model.state)
        if model.flattening:
            left = model.positions.keys() - model.closing.values()
            demand(not left, "every position is closed when the user wants it", left)
        if self._tested and actors.portfolio.account.equity <= self._floor():
            halted = model.state is not TradingState.ACTIVE
            demand(halted, "trading halts at the floor", actors.portfolio.account)

    def _check_buffer(self) -> None:
        """What stands at the venue keeps the limits."""
        symbols = Counter(
            position.spec.name
            for position in self._world.account.positions.values()
            if position.magic == MAGIC
        )
        symbols.update(
            order.spec.name
            for order in self._world.account.orders.values()
            if order.magic == MAGIC and (order.kind in PENDING_KINDS or not order.position)
        )
        demand(symbols.total() <= self._limits.max_positions, "positions are held", symbols)
        most = max(symbols.values(), default=0)
        demand(most <= self._limits.max_positions_per_symbol, "positions on a symbol", symbols)

    def check_restored_copy(self, restored_copy: LiveActors, records: list[ev.Record]) -> None:
        """New actors brought back from `records` remember what those that ran on do."""
        actors = self._actors
        if actors is not None:
            other = differences(actors, restored_copy, records)
            self.watched(lambda: demand(not other, "a journal brings back what was known", other))


def loss(spec: SymbolSpec, volume: Units, distance: Points, stop: Points) -> float:
    """Cents lost when a position is stopped `distance` points away, both commissions included."""
    amount = distance * volume * spec.contract * 100 / UNITS_PER_LOT
    amount /= stop if spec.conversion is Conversion.DIVIDE else 10**spec.digits
    return amount + 2 * spec.commission * volume / UNITS_PER_LOT
