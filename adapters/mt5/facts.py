"""Symbol facts as a terminal tells them, in the engine's units."""

from __future__ import annotations

from typing import Any

from adapters.mt5 import contract as mt5
from adapters.mt5.requests import Instrument, filling_of
from engine.types import Conversion, SymbolSpec, units


class UnusableSymbol(Exception):
    """Raised when a symbol cannot be traded as asked; says what to do."""


def instrument(
    ours: str, info: mt5.SymbolInfo, account: mt5.AccountInfo, known: SymbolSpec | None
) -> Instrument:
    """A symbol by its venue's facts; what no terminal tells (commission, spread floors) is `known`.

    Raises UnusableSymbol for one whose profit would need a third currency.
    """
    spec = SymbolSpec(
        name=ours,
        digits=info.digits,
        contract=round(info.trade_contract_size),
        volume_min=units(info.volume_min),
        volume_step=units(info.volume_step),
        volume_max=units(info.volume_max),
        commission=known.commission if known else 0.0,
        spread_floor_rollover=known.spread_floor_rollover if known else 0,
        spread_floor=known.spread_floor if known else 0,
        stops_level=info.trade_stops_level,
        leverage=_leverage(account, known),
        conversion=_conversion(ours, info, account),
        base=info.currency_base,
        quote=info.currency_profit,
    )
    return Instrument(spec, info.name, filling_of(info.filling_mode))


def _leverage(account: mt5.AccountInfo, known: SymbolSpec | None) -> int:
    """The symbol's own where it is known to differ from the account's (metals, indices)."""
    if known is None:
        return max(account.leverage, 1)
    return min(known.leverage, max(account.leverage, 1))


def _conversion(ours: str, info: mt5.SymbolInfo, account: mt5.AccountInfo) -> Conversion:
    if info.currency_profit == account.currency:
        return Conversion.NONE
    if info.currency_base == account.currency:
        return Conversion.DIVIDE
    raise UnusableSymbol(
        f"{ours}: its profit is in {info.currency_profit}, the account in {account.currency}; "
        "only symbols with the account's currency on one side can be sized"
    )


def tradable(info: mt5.SymbolInfo, *, to_open: bool) -> str | None:
    """Why the symbol's trade mode forbids what is wanted, or None."""
    forbidden: dict[int, str] = {mt5.SYMBOL_TRADE_MODE_DISABLED: "trading is disabled"}
    if to_open:
        forbidden[mt5.SYMBOL_TRADE_MODE_CLOSEONLY] = "only closing is allowed"
    return forbidden.get(info.trade_mode)


def alike(ours: str, every: Any) -> list[str]:
    """Names of the venue's symbols that look like `ours` with a prefix or suffix."""
    return [info.name for info in every or () if ours.casefold() in info.name.casefold()][:5]
