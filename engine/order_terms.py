"""What an order is to do: the terms that a signal sets and that stay with its order to the end."""

from __future__ import annotations

import msgspec

from engine.fields import Action
from engine.types import Millis, Points, Side, Units


class OrderTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The terms of one order, made once and handed on from signal to intent and submission.

    `price` is the market's price at the moment of the signal; `scale` multiplies the risk per
    trade; `volume` 0 means that risk sizes the order. `position` is the ticket of the one that is
    closed or protected. An `entry_price` asks for a pending order that `expires` (ms UTC).
    """

    signal_id: str
    strategy_id: str
    symbol: str
    action: Action
    side: Side
    reason: str
    price: Points
    stop_loss: Points = 0
    take_profit: Points = 0
    scale: float = 1.0
    volume: Units = 0
    position: int = 0
    entry_price: Points = 0
    expires: Millis = 0
