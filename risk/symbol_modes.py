"""Which sides of a symbol the venue lets be opened: all, one, or none. Pure."""

from __future__ import annotations

from engine import events as ev
from engine.types import LONG


class SymbolModes:
    """The last known mode of each symbol; one that was never told may be opened in both sides."""

    def __init__(self) -> None:
        self._modes: dict[str, ev.SymbolModeSeen] = {}

    def on_seen(self, seen: ev.SymbolModeSeen) -> None:
        self._modes[seen.symbol] = seen

    def objection(self, order: ev.OrderIntent) -> tuple[ev.DenyReason, str] | None:
        """Why an entry must not be sent, or None: the venue would refuse it."""
        mode = self._modes.get(order.terms.symbol)
        if mode is None or (mode.long if order.terms.side is LONG else mode.short):
            return None
        return ev.DenyReason.SYMBOL_MODE, f"{order.terms.symbol}: {mode.detail}"
