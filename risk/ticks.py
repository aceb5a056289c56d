"""Levels on the ticks of their symbol, rounded in the safe direction. Pure.

A venue refuses a stop, a target or a pending entry that lies between two ticks (futures, indices:
0.25 at two digits). Each is rounded to where it risks less: the stop and the target nearer to the
entry, a pending entry to the better price.
"""

from __future__ import annotations

import msgspec

from engine import events as ev
from engine.types import LONG, Points


def on_ticks(order: ev.OrderIntent, tick: Points) -> ev.OrderIntent:
    """The order with its levels on ticks of so many points; itself where they are."""
    terms, long = order.terms, order.terms.side is LONG
    levels = {
        "stop_loss": _rounded(terms.stop_loss, tick, up=long),
        "take_profit": _rounded(terms.take_profit, tick, up=not long),
        "entry_price": _rounded(terms.entry_price, tick, up=not long),
    }
    if all(getattr(terms, name) == level for name, level in levels.items()):
        return order
    return msgspec.structs.replace(order, terms=msgspec.structs.replace(terms, **levels))


def _rounded(level: Points, tick: Points, *, up: bool) -> Points:
    return -(-level // tick) * tick if up else level // tick * tick
