"""The terms on which a paper server trades, apart from a symbol's facts and the account's money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from adapters.mt5.api import contract as mt5
from engine.types import Millis, Points, Units

ALLOWED_FILLING: Final = mt5.SymbolFilling.FOK | mt5.SymbolFilling.IOC

# Bits of `order_mode` and `expiration_mode` of a symbol (the platform's SYMBOL_ORDER_* and
# SYMBOL_EXPIRATION_*, for which the package has no constants).
ORDER_MODE: Final = 1 | 2 | 4 | 16 | 32
"""Market, limit and stop orders, stop loss and take profit: no stop-limit orders, no close-by."""
EXPIRATION_MODE: Final = 1 | 4
"""Good till cancelled, or till a time; not for the day."""

_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_EPOCH_WEEKDAY: Final = 4  # 1970-01-01 was a Thursday


class TradingHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One span of a weekday (0 = Sunday) in minutes of the server's day; `until` is excluded."""

    weekday: int
    since: int
    until: int


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a symbol may be traded; modes are the package's constants.

    `freeze_level` is in points. `volume_limit` bounds positions and orders of one side together,
    in volume units; 0: no bound. Without `hours` the market never closes.
    """

    trade_mode: int = mt5.SYMBOL_TRADE_MODE_FULL
    execution: int = mt5.SYMBOL_TRADE_EXECUTION_MARKET
    filling: int = int(ALLOWED_FILLING)
    calc_mode: int = mt5.SYMBOL_CALC_MODE_FOREX
    freeze_level: Points = 0
    volume_limit: Units = 0
    hours: tuple[TradingHours, ...] = ()
    selected: bool = True

    @property
    def instant(self) -> bool:
        """Whether the price and deviation of a request count."""
        return self.execution in (
            mt5.SYMBOL_TRADE_EXECUTION_INSTANT,
            mt5.SYMBOL_TRADE_EXECUTION_REQUEST,
        )

    def open_at(self, now: Millis) -> bool:
        """Whether the market is open at `now` of the server's clock."""
        if not self.hours:
            return True
        weekday, minute = weekday_of(now), now % _DAY_MS // _MINUTE_MS
        return any(
            span.weekday == weekday and span.since <= minute < span.until for span in self.hours
        )


def weekday_of(moment: Millis) -> int:
    """The weekday of a server time, 0 = Sunday, as the package counts."""
    return (moment // _DAY_MS + _EPOCH_WEEKDAY) % 7


USUAL: Final = SymbolRules()


@dataclass(frozen=True, kw_only=True)
class AccountTerms:
    """Whose account it is and what bounds it.

    `max_orders` bounds waiting orders, `max_positions` (0: no bound) open positions.
    """

    login: int = 1
    server: str = "Paper-Demo"
    trade_mode: int = mt5.ACCOUNT_TRADE_MODE_DEMO
    leverage: int = 100
    max_orders: int = 200
    max_positions: int = 0
    rules: Mapping[str, SymbolRules] = field(default_factory=dict)


@dataclass(slots=True)
class Conditions:
    """What may change around an account while it trades.

    `connected`: the terminal reaches its server; `autotrading`: the terminal's button;
    `experts_allowed`: the server lets programs trade; `trade_allowed`: the account may trade at
    all (an investor password may not); `api_allowed`: the terminal lets Python programs send;
    `hidden`: symbols that are not selected in the terminal, which then has no quotes for them.
    """

    connected: bool = True
    autotrading: bool = True
    experts_allowed: bool = True
    trade_allowed: bool = True
    api_allowed: bool = True
    hidden: set[str] = field(default_factory=set)
