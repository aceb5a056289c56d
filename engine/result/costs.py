"""What trading cost beyond what the price moves brought. Pure."""

from __future__ import annotations

from engine import money
from engine.result.parts import TradeRecord
from engine.types import FROM_BROKER, LONG, Cents, Points, SymbolSpec


def points_worth(spec: SymbolSpec, volume: int, price: Points, points: Points) -> Cents | None:
    """What `points` against a position of `volume` near `price` cost; None where nobody can tell.

    Negative where they are in its favour.
    """
    if not points and spec.conversion is not FROM_BROKER:
        return 0
    try:
        return -money.profit_at(spec, LONG, volume, price, price - points, 0)
    except money.RateMissing:
        return None


def slippage_cost(trade: TradeRecord, spec: SymbolSpec) -> Cents | None:
    """What fills worse than asked for cost, opening and closing; None where nothing is known.

    It is a part of `gross` already, not another cost.
    """
    return slippage_cost_of(trade, spec, trade.open_slippage, trade.close_slippage)


def slippage_cost_of(
    trade: TradeRecord, spec: SymbolSpec, opening: Points | None, closing: Points | None
) -> Cents | None:
    """What slippage of so many points cost the trade, as `slippage_cost` has it."""
    if opening is None and closing is None:
        return None
    return points_worth(spec, trade.volume, trade.open_price, (opening or 0) + (closing or 0))


def spread_cost(trade: TradeRecord, spec: SymbolSpec) -> Cents | None:
    """What the spread at the opening cost; it is a part of `gross` already."""
    if trade.spread is None:
        return None
    return points_worth(spec, trade.volume, trade.open_price, trade.spread)


def planned_cost(trade: TradeRecord, spec: SymbolSpec) -> Cents:
    """The commission of both sides that risk counted when it sized the order."""
    return 2 * money.commission(spec, trade.volume)
