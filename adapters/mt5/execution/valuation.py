"""What a terminal itself reckons: the money of a move, and the margin of a lot."""

from __future__ import annotations

from typing import NamedTuple

from adapters.mt5.api import contract as mt5
from engine.inputs import SymbolValued
from engine.ports import Terminal
from engine.types import Cents, Millis, Points, SymbolSpec, Units, lots
from engine.valuation import due, is_news, margin_volume, move_at


class Reckoned(NamedTuple):
    """The fields of `SymbolValued` that the terminal tells."""

    price: Points
    move: Points
    volume: Units
    gain: Cents
    loss: Cents
    margin: Cents

    def at(self, symbol: str, moment: Millis) -> SymbolValued:
        """The same as an input, told at `moment`."""
        return SymbolValued(symbol, moment, *self)


def reckoned(
    terminal: Terminal, name: str, spec: SymbolSpec, bid: Points, ask: Points
) -> Reckoned | None:
    """What the symbol `name` is worth at these prices; None where the terminal cannot tell.

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
    return Reckoned(ask, move, volume, gain, loss, round(margin * 100))


class Values:
    """When to ask about each symbol, and which answers say something new."""

    def __init__(self) -> None:
        self._last: dict[str, SymbolValued] = {}

    def wanted(self, spec: SymbolSpec, now: Millis) -> bool:
        """Whether the terminal is to be asked at this look."""
        return due(spec, self._last.get(spec.name), now)

    def news(self, spec: SymbolSpec, told: Reckoned | None, now: Millis) -> SymbolValued | None:
        """An answer as an input, when there is one that says something new."""
        if told is None:
            return None
        seen = told.at(spec.name, now)
        if not is_news(spec, self._last.get(spec.name), seen):
            return None
        self._last[spec.name] = seen
        return seen
