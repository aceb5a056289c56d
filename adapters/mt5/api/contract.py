"""The MetaTrader5 package 5.0.6231 as data: everything its users must know, without the package.

One import gives the whole surface: constants (`adapters.mt5.api.constants`), result structs
(`adapters.mt5.api.structs`), and here the functions with their calling style and failure value, the
return codes and error codes with what each one lets us conclude, array layouts and limits.

A function that fails raises nothing: it returns its failure value and `last_error` tells why.
"None found" is an empty tuple or array and is no failure.
"""

from __future__ import annotations

import enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from adapters.mt5.api.constants import *  # noqa: F403 - the package's flat namespace
from adapters.mt5.api.return_codes import HEDGE_PROHIBITED as HEDGE_PROHIBITED
from adapters.mt5.api.return_codes import ORDER_CHECK_PASSED as ORDER_CHECK_PASSED
from adapters.mt5.api.return_codes import RETURN_CODES as RETURN_CODES
from adapters.mt5.api.return_codes import RequestOutcome as RequestOutcome
from adapters.mt5.api.return_codes import ReturnCode as ReturnCode
from adapters.mt5.api.return_codes import explained as explained
from adapters.mt5.api.return_codes import outcome_of as outcome_of
from adapters.mt5.api.return_codes import suspends as suspends
from adapters.mt5.api.structs import *  # noqa: F403
from adapters.mt5.api.structs import TradeRequest
from adapters.mt5.api.structseq import STRUCTS as STRUCTS
from adapters.mt5.api.structseq import Struct as Struct
from adapters.mt5.api.structseq import field_types as field_types

if TYPE_CHECKING:
    import numpy as np


# --- functions -----------------------------------------------------------------------------------


class Call(enum.Enum):
    """How a function takes its arguments; anything else fails with `RES_E_INVALID_PARAMS`."""

    NOTHING = "no arguments"
    POSITIONAL = "positional only"
    KEYWORD = "keyword only; unknown names are silently ignored"
    REQUEST = "one dict and no keyword object at all, or keywords only"
    DATES = "(date_from, date_to) positional, or keywords; group= may follow the dates"
    MIXED = "positional or keyword"


class Access(enum.Enum):
    """What a function can change."""

    READ = "nothing that matters"
    SESSION = "the terminal's connection or login"
    TRADE = "orders and positions"


class _Never(enum.Enum):
    """The failure value of a function that has none."""

    FAILS = enum.auto()


NEVER_FAILS: Final = _Never.FAILS


class Function(NamedTuple):
    """A function of the package. ``failure`` is what it returns when it fails."""

    name: str
    call: Call
    failure: object
    access: Access = Access.READ

    def failed(self, result: object) -> bool:
        """Whether `result` is the failure value; an empty tuple or array or 0.0 is not."""
        if self.failure is None or isinstance(self.failure, bool):
            return result is self.failure
        return isinstance(result, tuple) and result == self.failure


FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function
    for function in (
        Function("initialize", Call.MIXED, False, Access.SESSION),
        Function("login", Call.MIXED, False, Access.SESSION),
        Function("shutdown", Call.NOTHING, NEVER_FAILS, Access.SESSION),
        Function("version", Call.NOTHING, (0, 0, "")),
        Function("last_error", Call.NOTHING, NEVER_FAILS),
        Function("terminal_info", Call.NOTHING, None),
        Function("account_info", Call.NOTHING, None),
        Function("symbols_total", Call.NOTHING, None),
        Function("symbols_get", Call.KEYWORD, None),  # and False when group is no text
        Function("symbol_info", Call.POSITIONAL, None),
        Function("symbol_info_tick", Call.POSITIONAL, None),
        Function("symbol_select", Call.POSITIONAL, False),
        Function("market_book_add", Call.POSITIONAL, False),
        Function("market_book_get", Call.POSITIONAL, None),
        Function("market_book_release", Call.POSITIONAL, False),
        Function("copy_rates_from", Call.POSITIONAL, None),
        Function("copy_rates_from_pos", Call.POSITIONAL, None),
        Function("copy_rates_range", Call.POSITIONAL, None),
        Function("copy_ticks_from", Call.POSITIONAL, None),
        Function("copy_ticks_range", Call.POSITIONAL, None),
        Function("orders_total", Call.NOTHING, None),
        Function("orders_get", Call.KEYWORD, None),
        Function("positions_total", Call.NOTHING, None),
        Function("positions_get", Call.KEYWORD, None),
        Function("history_orders_total", Call.POSITIONAL, None),
        Function("history_orders_get", Call.DATES, None),
        Function("history_deals_total", Call.POSITIONAL, None),
        Function("history_deals_get", Call.DATES, None),
        Function("order_calc_margin", Call.POSITIONAL, None),
        Function("order_calc_profit", Call.POSITIONAL, None),
        Function("order_check", Call.REQUEST, None),
        Function("order_send", Call.REQUEST, None, Access.TRADE),
    )
}
"""Every function by its name."""

REQUEST_TYPES: Final = {
    name: {"int": int, "float": float, "str": str}[kind]
    for name, kind in field_types(TradeRequest).items()
}
"""The exact type of every key of a request: an int is refused where a float belongs and the other
way round (a bool passes as int, numpy.float64 as float). Missing keys mean zero, unknown keys are
ignored; a negative ``magic`` or ``position`` raises SystemError."""


# --- what an answer means ------------------------------------------------------------------------


class Delivery(enum.Enum):
    """What an error code says about a trade request that got no result."""

    NEVER_SENT = "never sent"
    UNKNOWN = "unknown"


class ErrorCode(NamedTuple):
    """A code of `last_error` with the package's text (as far as it is always the same)."""

    code: int
    text: str
    delivery: Delivery


ERROR_CODES: Final[dict[int, ErrorCode]] = {
    code: ErrorCode(code, text, delivery)
    for code, text, delivery in (
        (1, "Success", Delivery.UNKNOWN),
        (0, "", Delivery.UNKNOWN),  # before the first call
        (-1, "Terminal: Call failed", Delivery.UNKNOWN),
        (-2, "Invalid arguments", Delivery.NEVER_SENT),
        (-3, "Terminal: Out of memory", Delivery.UNKNOWN),
        (-4, "Terminal: Not found", Delivery.UNKNOWN),
        (
            -5,
            "Terminal: Incompatible versions, please install the latest version of Terminal"
            " and Python module",
            Delivery.UNKNOWN,
        ),
        (-6, "Terminal: Authorization failed", Delivery.UNKNOWN),
        (-7, "Terminal: Unsupported function", Delivery.UNKNOWN),
        (-8, "Auto-Trading using Python API disabled in Terminal", Delivery.NEVER_SENT),
        (-10000, "IPC call failed", Delivery.UNKNOWN),
        (-10001, "IPC send failed", Delivery.UNKNOWN),
        (-10002, "IPC recv failed", Delivery.UNKNOWN),
        (-10003, "IPC initialize failed", Delivery.UNKNOWN),
        (-10004, "No IPC connection", Delivery.NEVER_SENT),
        (-10005, "IPC timeout", Delivery.UNKNOWN),
    )
}
"""Every code of `last_error`. Only three of them prove that a request was never sent."""


def delivery_of(error_code: int) -> Delivery:
    """What became of a request that got no result but this error; UNKNOWN unless proven."""
    known = ERROR_CODES.get(error_code)
    return known.delivery if known else Delivery.UNKNOWN


# --- arrays, limits, and what the wheel lacks ----------------------------------------------------

RATES_FIELDS: Final = (
    ("time", "<i8"),
    ("open", "<f8"),
    ("high", "<f8"),
    ("low", "<f8"),
    ("close", "<f8"),
    ("tick_volume", "<u8"),
    ("spread", "<i4"),
    ("real_volume", "<u8"),
)
TICKS_FIELDS: Final = (
    ("time", "<i8"),
    ("bid", "<f8"),
    ("ask", "<f8"),
    ("last", "<f8"),
    ("volume", "<u8"),
    ("time_msc", "<i8"),
    ("flags", "<u4"),
    ("volume_real", "<f8"),
)


@cache
def rates_dtype() -> np.dtype[Any]:
    """The record of a `copy_rates_*` array: 60 bytes, packed; the array is read-only."""
    import numpy as np

    return np.dtype(list(RATES_FIELDS))


@cache
def ticks_dtype() -> np.dtype[Any]:
    """The record of a `copy_ticks_*` array: 60 bytes, packed; the array is read-only."""
    import numpy as np

    return np.dtype(list(TICKS_FIELDS))


EARLIEST_DATE: Final = -(2**31)
LATEST_DATE: Final = 2**31 - 1
"""The dates that the package takes as ints, in seconds: a 32-bit C long, to 2038-01-19. Any other
int raises SystemError; a datetime outside is read as the earliest one, without a word."""

SYMBOL_MAX_CHARS: Final = 29
COMMENT_MAX_CHARS: Final = 29
PASSWORD_MAX_CHARS: Final = 253
SERVER_MAX_CHARS: Final = 253
PATH_MAX_CHARS: Final = 260
DEFAULT_TIMEOUT_MS: Final = 60_000


class SymbolFilling(enum.IntFlag):
    """Bits of a symbol's ``filling_mode``: a mask, not the ``type_filling`` of a request."""

    FOK = 1
    IOC = 2
    BOC = 4
