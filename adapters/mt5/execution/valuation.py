"""A terminal's own valuation: the money of a move, and the margin of a lot."""

from __future__ import annotations

from typing import NamedTuple

from adapters.mt5.api import contract as mt5
from engine.inputs import SymbolValuation
from engine.ports import Terminal
from engine.types import Cents, Millis, Points, SymbolSpec, Units, lots
from engine.valuation import due, is_news, margin_volume, move_at


class BrokerValuation(NamedTuple):
    """The fields of `SymbolValuation` that the terminal supplies."""

    price: Points
    move: Points
    volume: Units
    gain: Cents
    loss: Cents
    margin: Cents

    def at(self, symbol: str, moment: Millis) -> SymbolValuation:
        """The same as an input, published at `moment`."""
        return SymbolValuation(symbol, moment, *self)


def broker_valuation(
    terminal: Terminal, name: str, spec: SymbolSpec, bid: Points, ask: Points
) -> BrokerValuation | None:
    """What the symbol `name` is worth at these prices; None where the terminal gives no answer.

    The largest volume makes the amounts large against the cent to which they are rounded.
    """
    if bid <= 0 or ask <= 0:
        return None
    volume, move = spec.volume_max, move_at(ask)
    here, higher, lower = spec.price(ask), spec.price(ask + move), spec.price(ask - move)
    profits = [
        terminal.order_calc_profit(kind, name, lots(volume), here, there)
        for kind, there in (
            (mt5.ORDER_TYPE_BUY, higher),
            (mt5.ORDER_TYPE_SELL, lower),
            (mt5.ORDER_TYPE_BUY, lower),
            (mt5.ORDER_TYPE_SELL, higher),
        )
    ]
    margin = terminal.order_calc_margin(mt5.ORDER_TYPE_BUY, name, lots(margin_volume(volume)), here)
    if margin is None or None in profits:
        return None
    buy_up, sell_down, buy_down, sell_up = (round(profit * 100) for profit in profits)
    gain, loss = min(buy_up, sell_down), -min(buy_down, sell_up)
    if gain <= 0 or loss <= 0 or margin < 0:
        return None  # no figure that anything could be sized by
    return BrokerValuation(ask, move, volume, gain, loss, round(margin * 100))


class ValuationSchedule:
    """When to ask about each symbol, and which answers say something new."""

    def __init__(self) -> None:
        self._last: dict[str, SymbolValuation] = {}

    def is_due(self, spec: SymbolSpec, now: Millis) -> bool:
        """Whether the terminal is to be asked at this look."""
        return due(spec, self._last.get(spec.name), now)

    def news(
        self, spec: SymbolSpec, valuation: BrokerValuation | None, now: Millis
    ) -> SymbolValuation | None:
        """An answer as an input, when there is one that says something new."""
        if valuation is None:
            return None
        seen = valuation.at(spec.name, now)
        if not is_news(spec, self._last.get(spec.name), seen):
            return None
        self._last[spec.name] = seen
        return seen
