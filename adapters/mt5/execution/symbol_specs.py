"""Symbol specifications as a terminal reports them, in the engine's units."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument, filling_of
from engine.inputs import SymbolModeSeen
from engine.types import Conversion, Points, SymbolSpec, units


def instrument(
    ours: str, info: mt5.SymbolInfo, account: mt5.AccountInfo, known: SymbolSpec | None
) -> Instrument:
    """A symbol by its venue's facts; what none tells (commission, spread floors) is `known`."""
    spec = SymbolSpec(
        name=ours,
        digits=info.digits,
        contract=max(1, round(info.trade_contract_size)),
        volume_min=units(info.volume_min),
        volume_step=units(info.volume_step),
        volume_max=units(info.volume_max),
        commission=known.commission if known else 0.0,
        spread_floor_rollover=known.spread_floor_rollover if known else 0,
        spread_floor=known.spread_floor if known else 0,
        stops_level=info.trade_stops_level,
        leverage=_leverage(account, known),
        conversion=_conversion(info, account),
        base=info.currency_base,
        quote=info.currency_profit,
        tick_size=_tick_size(info),
    )
    return Instrument(spec, info.name, filling_of(info.filling_mode))


def _tick_size(info: mt5.SymbolInfo) -> Points | UnsetType:
    """The ticks of the symbol in points; unset where each point is one or none is named."""
    tick = round(info.trade_tick_size * 10**info.digits)
    return tick if tick > 1 else UNSET


def _leverage(account: mt5.AccountInfo, known: SymbolSpec | None) -> int:
    """The symbol's own where it is known to differ from the account's (metals, indices)."""
    if known is None:
        return max(account.leverage, 1)
    return min(known.leverage, max(account.leverage, 1))


def _conversion(info: mt5.SymbolInfo, account: mt5.AccountInfo) -> Conversion:
    """The formula of the symbol's money where it is a known one; else only the terminal can tell.

    Futures and the like are valued by the value of a tick, and a base currency divides only in
    a currency pair: some brokers give an index one.
    """
    whole = info.trade_contract_size == round(info.trade_contract_size) > 0
    if info.trade_calc_mode not in _BY_CONTRACT or not whole:
        return Conversion.FROM_BROKER
    if info.currency_profit == account.currency:
        return Conversion.NONE
    paired = info.trade_calc_mode in _PAIRS and info.currency_base == account.currency
    return Conversion.DIVIDE if paired else Conversion.FROM_BROKER


_PAIRS = (mt5.SYMBOL_CALC_MODE_FOREX, mt5.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE)
_BY_CONTRACT = (
    *_PAIRS,
    mt5.SYMBOL_CALC_MODE_CFD,
    mt5.SYMBOL_CALC_MODE_CFDINDEX,
    mt5.SYMBOL_CALC_MODE_CFDLEVERAGE,
    mt5.SYMBOL_CALC_MODE_EXCH_STOCKS,
)
"""Calculation modes in which a profit is the price's change times contract times lots."""


_RESTRICTED: dict[int, tuple[bool, bool, str]] = {
    mt5.SYMBOL_TRADE_MODE_DISABLED: (False, False, "trading is disabled"),
    mt5.SYMBOL_TRADE_MODE_LONGONLY: (True, False, "only long positions may be opened"),
    mt5.SYMBOL_TRADE_MODE_SHORTONLY: (False, True, "only short positions may be opened"),
    mt5.SYMBOL_TRADE_MODE_CLOSEONLY: (False, False, "only closing is allowed"),
}
"""Whether long and short may be opened in each trade mode but the full one, and in words."""


def symbol_mode(symbol: str, trade_mode: int) -> SymbolModeSeen:
    """What a symbol's trade mode lets be opened; a mode that nobody documented lets nothing be."""
    if trade_mode == mt5.SYMBOL_TRADE_MODE_FULL:
        return SymbolModeSeen(symbol, long=True, short=True)
    unknown = (False, False, f"its trade mode {trade_mode} is not known")
    return SymbolModeSeen(symbol, *_RESTRICTED.get(trade_mode, unknown))


def too_long(name: str) -> str | None:
    """Why nothing can be asked about a symbol with this name, or None."""
    most = mt5.SYMBOL_MAX_CHARS
    if len(name) <= most:
        return None
    return f"the symbol {name} cannot be traded: the MetaTrader5 package takes {most} characters"


def no_entry(info: mt5.SymbolInfo) -> str | None:
    """Why nothing at all may be opened on the symbol, or None."""
    mode = symbol_mode(info.name, info.trade_mode)
    return None if mode.long or mode.short else mode.detail


def alike(ours: str, every: Any) -> list[str]:
    """Names of the venue's symbols that look like `ours` with a prefix or suffix."""
    return [info.name for info in every or () if ours.casefold() in info.name.casefold()][:5]
