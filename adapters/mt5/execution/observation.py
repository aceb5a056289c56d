"""What a live feed asks a terminal in one go: new bars, ticks, account and what stands open.

These functions block; they run in the worker thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import LookFailed
from adapters.mt5.execution.snapshot import Look, Wanted, look
from adapters.mt5.execution.valuation import Reckoned, reckoned
from engine.ports import Terminal
from engine.types import SymbolSpec

BAR_SECONDS = 900
"""The feed's bars are M15."""

_MOST_BARS = 5_000
"""How far back missed bars are fetched: about ten weeks."""


class Prices(Terminal, Protocol):
    """A terminal that gives prices too."""

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start: int, count: int, /
    ) -> Any: ...

    def copy_ticks_range(self, symbol: str, start: int, end: int, flags: int, /) -> Any: ...


class Gap(NamedTuple):
    """What is known of a symbol: its name at the venue and the last bar seen opening (seconds of
    the server's clock; 0: none). With a `spec` it is asked what the symbol is worth."""

    name: str
    opened: int = 0
    spec: SymbolSpec | None = None


class Quoted(NamedTuple):
    """A symbol's last tick, and the bars from the last known one on, the open one included.

    `worth` is what the terminal reckons, where it was asked and can tell.
    """

    tick: mt5.Tick
    bars: np.ndarray[Any, Any] | None = None
    worth: Reckoned | None = None


class Seen(NamedTuple):
    """One observation; `quotes` are in the order of the gaps that were asked about."""

    quotes: tuple[Quoted, ...]
    look: Look


def observe(terminal: Prices, gaps: Sequence[Gap], wanted: Wanted) -> Seen:
    """Ask for everything; raises LookFailed where the terminal cannot tell."""
    return Seen(quotes_of(terminal, gaps), look(terminal, wanted))


def quotes_of(terminal: Prices, gaps: Sequence[Gap]) -> tuple[Quoted, ...]:
    """Ticks and new bars; raises LookFailed where the terminal cannot tell."""
    return tuple(_quote(terminal, gap) for gap in gaps)


def _quote(terminal: Prices, gap: Gap) -> Quoted:
    tick = terminal.symbol_info_tick(gap.name)
    if tick is None:
        raise LookFailed(f"symbol_info_tick {gap.name}: {terminal.last_error()}")
    worth, spec = None, gap.spec
    if spec is not None:
        bid, ask = spec.points(tick.bid), spec.points(tick.ask)
        worth = reckoned(terminal, gap.name, spec, bid, ask)
    opened = tick.time // BAR_SECONDS * BAR_SECONDS
    if opened <= gap.opened:
        return Quoted(tick, worth=worth)
    count = min((opened - gap.opened) // BAR_SECONDS + 1, _MOST_BARS) if gap.opened else _MOST_BARS
    bars = terminal.copy_rates_from_pos(gap.name, mt5.TIMEFRAME_M15, 0, count)
    if bars is None:
        raise LookFailed(f"copy_rates_from_pos {gap.name}: {terminal.last_error()}")
    return Quoted(tick, bars[bars["time"] >= gap.opened], worth)
