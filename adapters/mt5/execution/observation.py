"""What a live feed asks a terminal in one go: new bars, ticks, account and what stands open.

These functions block; they run in the worker thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import SnapshotFailed
from adapters.mt5.execution.conditions import TradingConditions
from adapters.mt5.execution.valuation import BrokerValuation, broker_valuation
from engine.events import AccountSnapshot
from engine.inputs import AccountSeen
from engine.ports import Terminal
from engine.types import SymbolSpec

BAR_SECONDS = 900
"""The feed's bars are M15 unless a strategy wants shorter ones."""

BASES: Final = {
    60: mt5.TIMEFRAME_M1,
    300: mt5.TIMEFRAME_M5,
    BAR_SECONDS: mt5.TIMEFRAME_M15,
}
"""The bars that are fetched, by their seconds: every other one is aggregated from them."""

_MOST_BARS = 5_000
"""How many missed bars are fetched: about ten weeks of M15, three days of M1."""


class Prices(Terminal, Protocol):
    """A terminal that gives prices too."""

    def terminal_info(self) -> Any: ...

    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start: int, count: int, /
    ) -> Any: ...

    def copy_ticks_range(self, symbol: str, start: int, end: int, flags: int, /) -> Any: ...


class BarRequest(NamedTuple):
    """What is known of a symbol: its name at the venue and the last bar seen opening (seconds of
    the server's clock; 0: none). With a `spec` it is asked what the symbol is worth. `seconds` is
    the length of the bars, one of `BASES`."""

    name: str
    opened: int = 0
    spec: SymbolSpec | None = None
    seconds: int = BAR_SECONDS


def base_seconds(lengths: Iterable[int]) -> int:
    """The longest bars from which all of these lengths (in seconds) can be aggregated.

    Raises ValueError where there are none.
    """
    wanted = list(lengths)
    for seconds in sorted(BASES, reverse=True):
        if all(length % seconds == 0 for length in wanted):
            return seconds
    raise ValueError(f"bars of {wanted} seconds cannot be aggregated from any that is fetched")


class Quote(NamedTuple):
    """A symbol's last tick, and the bars from the last known one on, the open one included.

    `valuation` is the terminal's own valuation, where it was asked and can give one.
    """

    tick: mt5.MqlTick
    bars: np.ndarray[Any, Any] | None = None
    valuation: BrokerValuation | None = None


class MarketSnapshot(NamedTuple):
    """One observation; `quotes` and trade modes are in the order of the gaps that were asked
    about.

    `worst` are the account's figures at the worst of a recorded bar whose range is still to be
    played: nothing else of the observation is news then, and the next one plays it.
    """

    quotes: tuple[Quote, ...]
    snapshot: AccountSnapshot
    conditions: TradingConditions
    worst: AccountSeen | None = None


def quotes_of(terminal: Prices, gaps: Sequence[BarRequest]) -> tuple[Quote, ...]:
    """Ticks and new bars; raises SnapshotFailed where the terminal gives no answer."""
    return tuple(_quote(terminal, request) for request in gaps)


def _quote(terminal: Prices, request: BarRequest) -> Quote:
    tick = terminal.symbol_info_tick(request.name)
    if tick is None:
        raise SnapshotFailed(f"symbol_info_tick {request.name}: {terminal.last_error()}")
    valuation, spec = None, request.spec
    if spec is not None:
        bid, ask = spec.points(tick.bid), spec.points(tick.ask)
        valuation = broker_valuation(terminal, request.name, spec, bid, ask)
    seconds = request.seconds
    opened = tick.time // seconds * seconds
    if opened <= request.opened:
        return Quote(tick, valuation=valuation)
    count = (
        min((opened - request.opened) // seconds + 1, _MOST_BARS) if request.opened else _MOST_BARS
    )
    bars = terminal.copy_rates_from_pos(request.name, BASES[seconds], 0, count)
    if bars is None:
        raise SnapshotFailed(f"copy_rates_from_pos {request.name}: {terminal.last_error()}")
    return Quote(tick, bars[bars["time"] >= request.opened], valuation)
