"""Signals that a user gave in a file, put on the bus when their time comes."""

from __future__ import annotations

from engine import events as ev
from engine.bus import Bus
from engine.events import DenyReason, UserSignal
from engine.exits import Exits
from engine.portfolio import Portfolio
from engine.types import Millis, Points, Side, SymbolSpec, units

EXIT_REASON = "END"
"""Why a position was closed at the time that its signal named."""

PENDING_LIFE: Millis = 24 * 3600 * 1000
"""How long a pending entry waits when its signal does not say."""


class UserSignals:
    """Turns due signals into events; what is wrong with one is left to risk, which denies it."""

    def __init__(self, bus: Bus, portfolio: Portfolio, exits: Exits) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._closing = exits
        self._exits: dict[str, Millis | None] = {}

    def routes(self) -> ev.Routes:
        return {
            ev.SignalDue: self.on_signal,
            ev.ExitDue: self.on_exit,
            ev.OrphansAdopted: self.on_adopted,
        }

    def replay_routes(self) -> ev.Routes:
        """What brings it back from recorded inputs."""
        return {ev.SignalDue: self._apply, ev.OrphansAdopted: self.on_adopted}

    def on_adopted(self, adopted: ev.OrphansAdopted) -> None:
        """What was taken over is left when its own signal said."""
        for item in adopted.positions:
            if item.exit_time is not None:
                self._exits[item.signal_id] = item.exit_time

    def _apply(self, due: ev.SignalDue) -> None:
        self._problem(due)

    def _problem(self, due: ev.SignalDue) -> DenyReason | None:
        """What is known against a signal; when nothing is, its time of leaving holds."""
        problem = due.problem or self._too_late(due.signal)
        if problem is None:
            self._exits.setdefault(due.signal.signal_id, due.signal.exit_time)
        return problem

    def on_signal(self, due: ev.SignalDue) -> None:
        signal = due.signal
        spec = self._portfolio.specs.get(signal.symbol)
        tick = self._portfolio.ticks.get(signal.symbol)
        price = 0
        if tick is not None:
            price = tick.ask if signal.side is Side.LONG else tick.bid
        entry = _points(spec, signal.entry_price)
        if entry == price:
            entry = 0  # what is to be waited for is here: the market fills it at that price
        problem = self._problem(due)
        self._bus.publish(
            ev.SignalRaised(
                terms=ev.OrderTerms(
                    signal_id=signal.signal_id,
                    strategy_id=signal.strategy_id,
                    symbol=signal.symbol,
                    action=ev.Action.OPEN,
                    side=signal.side,
                    reason=signal.reason,
                    price=price,
                    stop_loss=_points(spec, signal.stop_loss),
                    take_profit=_points(spec, signal.take_profit),
                    scale=signal.risk_scale,
                    volume=0 if signal.volume is None else max(units(signal.volume), 1),
                    entry_price=entry,
                    expires=_expiry(signal) if entry else 0,
                ),
                problem=problem,
            )
        )

    def _too_late(self, signal: UserSignal) -> DenyReason | None:
        """Whether the first price came only when the order or its position was to be over.

        A venue counts an order's time in whole seconds and refuses one that is over already.
        """
        ends = [_expiry(signal), signal.exit_time or 0]
        over = any(end and end // 1000 * 1000 <= self._bus.time for end in ends)
        return DenyReason.EXPIRED if over else None

    def on_exit(self, due: ev.ExitDue) -> None:
        """Close the signal's position, unless the time is that of a second signal like it.

        Of two signals with one id only the first can have opened a position.
        """
        if due.exit_time is not None and due.exit_time != self._exits.get(due.signal_id):
            return
        for position in self._portfolio.positions.values():
            if position.signal_id == due.signal_id:
                self._closing.close(position, EXIT_REASON)


def _points(spec: SymbolSpec | None, price: float | None) -> Points:
    """A price in points, 0 for none. A given one, however small, never turns into none.

    The same holds for a given volume: 0 would ask risk to size the order.
    """
    return 0 if spec is None or price is None else max(spec.points(price), 1)


def _expiry(signal: UserSignal) -> Millis:
    """When a pending entry ends unfilled; 0 for a market order."""
    if signal.entry_price is None:
        return 0
    expires = signal.expires or signal.time + PENDING_LIFE
    return expires if signal.exit_time is None else min(expires, signal.exit_time)
