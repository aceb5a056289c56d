"""What could be lost at worst: every stop hit, with slippage, a gap and costs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

import msgspec

from engine import money
from engine.portfolio import Position
from engine.types import FROM_BROKER, Cents, Limits, Points, Rate, Side, SymbolSpec, Units


class Exposure(msgspec.Struct, frozen=True):
    """What one position or order in flight may lose at worst, in cents, never negative."""

    spec: SymbolSpec
    side: Side
    worst: Cents


class Concentration(msgspec.Struct, frozen=True):
    """What may be lost on the order's symbol already, and net on each currency, in cents."""

    on_symbol: Cents = 0
    on_currency: Mapping[str, Cents] = {}


def slipped(limits: Limits, price: Points, *, gaps: bool) -> Points:
    """Points by which a fill near `price` may be worse: the allowed slippage and, maybe, a gap."""
    gap = ceil(limits.allow_gap_fraction * price) if gaps else 0
    return limits.allow_slippage_points + gap


def worst_of_order(
    limits: Limits,
    spec: SymbolSpec,
    side: Side,
    volume: Units,
    entry: Points,
    stop: Points,
    spread: Points,
    *,
    pending: bool,
    rate: Rate | None = None,
) -> Cents:
    """What an order may lose: filled worse than `entry` (a pending one after a gap), then stopped
    worse than at `stop`; both commissions included.
    """
    entered = entry + side * slipped(limits, entry, gaps=pending)
    left = max(1, stop - side * slipped(limits, stop, gaps=True))
    return money.loss_at_stop(spec, side, volume, entered, left, spread, rate)


def worst_of_position(
    limits: Limits,
    spec: SymbolSpec,
    position: Position,
    spread: Points,
    balance: Cents,
    rate: Rate | None = None,
) -> Cents:
    """What an open position may still lose of the balance; 0 when its stop secures a gain.

    What it has accrued in swap is not in the balance yet: a cost is still to be lost, an income
    makes up for a part. One without a stop may lose everything, and so may one of which nobody
    told what it is worth.
    """
    unknown = spec.conversion is FROM_BROKER and rate is None
    if unknown or not position.stop_loss:
        return max(0, balance)
    side, stop = position.side, position.stop_loss
    left = max(1, stop - side * slipped(limits, stop, gaps=True))
    profit = money.profit_at(spec, side, position.volume, position.entry, left, spread, rate)
    return max(0, money.commission(spec, position.volume) - profit - position.swap)


def concentration(exposures: Iterable[Exposure], symbol: str) -> Concentration:
    """How what may be lost gathers on `symbol` and on each currency."""
    every = list(exposures)
    on_symbol = sum(item.worst for item in every if item.spec.name == symbol)
    return Concentration(on_symbol, on_currencies(every))


def on_currencies(stakes: Iterable[Exposure]) -> dict[str, Cents]:
    """Money at risk by currency, net: a long exposure counts for its base and against its quote.

    So a long EURUSD and a long GBPUSD add up against USD, and a short USDCHF with them.
    """
    net: dict[str, Cents] = {}
    for exposure in stakes:
        for currency, sign in ((exposure.spec.base, 1), (exposure.spec.quote, -1)):
            if currency:
                net[currency] = net.get(currency, 0) + sign * exposure.side * exposure.worst
    return net
