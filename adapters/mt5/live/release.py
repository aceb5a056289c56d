"""When a suspension by an answer of the moment may be released: what is checked, and when. Pure.

The venue refused an order for what another moment may answer differently (a requote, a closed
market). That order is over. New ones leave again once a fresh price of the symbol has come and
`order_check` passes a request of the same kind at that price: after half a minute at the earliest,
and each time later.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.bus import Bus
from engine.fields import RejectionEffect
from engine.orders import LiveOrder, OrderManager
from engine.portfolio import Portfolio
from engine.trading import HaltCause
from engine.types import LONG, Millis, Units

FIRST: Millis = 30_000
LONGEST: Millis = 1_800_000
FORGOTTEN: Millis = 3_600_000
"""The first wait and the longest, each twice the one before; after an hour of quiet, the first."""

_PASSED = (mt5.ORDER_CHECK_PASSED, mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_NO_CHANGES)


class _Probe(NamedTuple):
    """The order that was refused, and from when on one of its kind may be checked."""

    refused: LiveOrder
    due: Millis


class TransientRelease:
    """Knows the last order that was refused for the moment, and what a check of its kind asks."""

    def __init__(self, bus: Bus, portfolio: Portfolio, orders: OrderManager) -> None:
        self._bus = bus
        self._portfolio = portfolio
        self._orders = orders
        self._probe: _Probe | None = None
        self._suspended = self._fresh = False
        self._wait: Millis = FIRST
        self._last: Millis | None = None

    def routes(self) -> ev.Routes:
        return {**self.replay_routes(), ev.Tick: self.on_tick}

    def replay_routes(self) -> ev.Routes:
        """The recorded events from which it is rebuilt; a price after a restart is a fresh one."""
        return {
            ev.OrderRejected: self.on_rejected,
            ev.TradingStateChanged: self.on_state,
        }

    def on_rejected(self, rejected: ev.OrderRejected) -> None:
        refused = self._orders.refused
        if rejected.effect is not RejectionEffect.SUSPEND or refused is None:
            return
        now = self._bus.time
        quiet = self._last is None or now - self._last > FORGOTTEN
        self._wait = FIRST if quiet else min(2 * self._wait, LONGEST)
        self._probe, self._fresh = _Probe(refused, now + self._wait), False
        self._last = now

    def on_state(self, changed: ev.TradingStateChanged) -> None:
        self._suspended = HaltCause.TRANSIENT_REJECTION in changed.causes

    def on_tick(self, tick: ev.Tick) -> None:
        if self._probe is not None and tick.symbol == self._probe.refused.order.terms.symbol:
            self._fresh = True

    def due(self, now: Millis) -> tuple[ev.OrderIntent, Units] | None:
        """The order and volume to be checked now, or None while it is too early or no price has
        come."""
        probe = self._probe
        if probe is None or not self._suspended or not self._fresh or now < probe.due:
            return None
        approved = probe.refused.approved
        return self._again(probe, now), 0 if approved is None else approved.volume

    def checked(self, now: Millis, retcode: int) -> None:
        """Release trading where the check passed; else wait longer, and for another price."""
        probe = self._probe
        if probe is None:
            return
        if retcode in _PASSED:
            self._probe = None
            detail = "a fresh price has come, and a check of the same kind passes"
            self._bus.feed(
                ev.ConditionSeen(HaltCause.TRANSIENT_REJECTION, holds=False, detail=detail)
            )
            return
        self._wait, self._last = min(2 * self._wait, LONGEST), now
        self._probe, self._fresh = probe._replace(due=now + self._wait), False

    def _again(self, probe: _Probe, now: Millis) -> ev.OrderIntent:
        """The same kind of order at the price of this moment, its levels at the same distances."""
        terms, order_id = probe.refused.order.terms, probe.refused.order.order_id
        tick = self._portfolio.ticks[terms.symbol]
        if terms.action is ev.OPEN:
            price = tick.ask if terms.side is LONG else tick.bid
        elif terms.position in self._portfolio.positions:
            price = tick.bid if terms.side is LONG else tick.ask
        else:  # it is gone: an entry on its symbol stands for it
            return self._least_entry(probe, tick)
        moved = 0 if terms.action is ev.MODIFY else price - terms.price
        shifted = {
            name: level + moved
            for name in ("stop_loss", "take_profit", "entry_price")
            if (level := getattr(terms, name))
        }
        later = terms.expires and terms.expires + now - probe.refused.submitted
        terms = msgspec.structs.replace(terms, price=price, expires=later, **shifted)
        return ev.OrderIntent(order_id=order_id, terms=terms)

    def _least_entry(self, probe: _Probe, tick: ev.Tick) -> ev.OrderIntent:
        terms = probe.refused.order.terms
        price = tick.ask if terms.side is LONG else tick.bid
        terms = msgspec.structs.replace(
            terms, action=ev.OPEN, price=price, position=0, stop_loss=0, take_profit=0
        )
        return ev.OrderIntent(order_id=probe.refused.order.order_id, terms=terms)
