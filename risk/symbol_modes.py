"""Which sides of a symbol the venue lets be opened: all, one, or none. Pure."""

from __future__ import annotations

from engine import events as ev
from engine.types import LONG


class SymbolModes:
    """The symbols that may not be opened in both sides, as far as is known."""

    def __init__(self) -> None:
        self.restricted: dict[str, ev.SymbolModeSeen] = {}

    def on_seen(self, seen: ev.SymbolModeSeen) -> None:
        if seen.long and seen.short:
            self.restricted.pop(seen.symbol, None)
        else:
            self.restricted[seen.symbol] = seen

    def objection(self, order: ev.OrderIntent) -> tuple[ev.DenyReason, str] | None:
        """Why an entry must not be sent, or None: the venue would refuse it."""
        mode = self.restricted.get(order.terms.symbol)
        if mode is None or (mode.long if order.terms.side is LONG else mode.short):
            return None
        return ev.DenyReason.SYMBOL_MODE, f"{order.terms.symbol}: {mode.detail}"
