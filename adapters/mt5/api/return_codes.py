"""The trade server's return codes: one table of what each means and what follows from it.

`suspends`: another moment may answer differently. The order is over and never sent again; new
orders are suspended until a fresh price has come and a check of the same kind passes. Every other
rejection would repeat itself and stops new orders until the user releases them.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class RequestOutcome(enum.Enum):
    """What the answer to a trade request lets us conclude."""

    DONE = "done"
    ACCEPTED = "accepted"  # taken, yet to be resolved through orders, positions and deals
    REJECTED = "rejected"  # definitely not executed
    UNKNOWN = "unknown"  # may have been executed: never send it again


class ReturnCode(NamedTuple):
    """A trade server return code; ``meaning`` is for people."""

    code: int
    constant: str
    outcome: RequestOutcome
    meaning: str
    suspends: bool = False


ORDER_CHECK_PASSED: Final = 0
"""The return code of an `order_check` that found nothing wrong."""

HEDGE_PROHIBITED: Final = 10046
"""The platform's TRADE_RETCODE_HEDGE_PROHIBITED, for which the wheel has no constant."""

_DONE, _ACCEPTED, _REJECTED, _UNKNOWN = RequestOutcome
_SUSPENDS: Final = frozenset({10004, 10018, 10020, 10021, 10024})

RETURN_CODES: Final[dict[int, ReturnCode]] = {
    code: ReturnCode(code, f"TRADE_RETCODE_{name}", outcome, meaning, code in _SUSPENDS)
    for code, name, outcome, meaning in (
        (10004, "REQUOTE", _REJECTED, "the price moved; the answer carries the new bid and ask"),
        (10006, "REJECT", _REJECTED, "the server turned the request down"),
        (10007, "CANCEL", _REJECTED, "the trader canceled the request"),
        (10008, "PLACED", _ACCEPTED, "the order is placed"),
        (10009, "DONE", _DONE, "the request is completed"),
        (10010, "DONE_PARTIAL", _ACCEPTED, "only a part of the request is completed"),
        (10011, "ERROR", _UNKNOWN, "an error arose while the request was processed"),
        (10012, "TIMEOUT", _UNKNOWN, "the request timed out"),
        (10013, "INVALID", _REJECTED, "the request is not valid"),
        (10014, "INVALID_VOLUME", _REJECTED, "the volume is not valid"),
        (10015, "INVALID_PRICE", _REJECTED, "the price is not valid"),
        (10016, "INVALID_STOPS", _REJECTED, "stop loss or take profit is not valid"),
        (10017, "TRADE_DISABLED", _REJECTED, "trading is disabled"),
        (10018, "MARKET_CLOSED", _REJECTED, "the market is closed"),
        (10019, "NO_MONEY", _REJECTED, "not enough free margin"),
        (10020, "PRICE_CHANGED", _REJECTED, "prices changed"),
        (10021, "PRICE_OFF", _REJECTED, "there are no quotes"),
        (10022, "INVALID_EXPIRATION", _REJECTED, "the order's expiration is not valid"),
        (10023, "ORDER_CHANGED", _REJECTED, "the order's state has changed"),
        (10024, "TOO_MANY_REQUESTS", _REJECTED, "requests come too fast"),
        (10025, "NO_CHANGES", _REJECTED, "the request changes nothing"),
        (10026, "SERVER_DISABLES_AT", _REJECTED, "the server has switched AutoTrading off"),
        (10027, "CLIENT_DISABLES_AT", _REJECTED, "AutoTrading is off in the terminal"),
        (10028, "LOCKED", _REJECTED, "the request is locked for processing"),
        (10029, "FROZEN", _REJECTED, "order or position is frozen near its trigger price"),
        (10030, "INVALID_FILL", _REJECTED, "the symbol does not allow this filling mode"),
        (10031, "CONNECTION", _UNKNOWN, "the terminal has no connection with the trade server"),
        (10032, "ONLY_REAL", _REJECTED, "allowed on live accounts only"),
        (10033, "LIMIT_ORDERS", _REJECTED, "too many pending orders"),
        (10034, "LIMIT_VOLUME", _REJECTED, "the symbol's total volume limit is reached"),
        (10035, "INVALID_ORDER", _REJECTED, "the order type is wrong or prohibited"),
        (10036, "POSITION_CLOSED", _REJECTED, "the position is closed already"),
        (10038, "INVALID_CLOSE_VOLUME", _REJECTED, "the position is smaller than the close volume"),
        (10039, "CLOSE_ORDER_EXIST", _REJECTED, "the position has a close order already"),
        (10040, "LIMIT_POSITIONS", _REJECTED, "too many open positions"),
        (10041, "REJECT_CANCEL", _REJECTED, "the pending order was refused when triggered"),
        (10042, "LONG_ONLY", _REJECTED, "the symbol allows long positions only"),
        (10043, "SHORT_ONLY", _REJECTED, "the symbol allows short positions only"),
        (10044, "CLOSE_ONLY", _REJECTED, "the symbol allows closing only"),
        (10045, "FIFO_CLOSE", _REJECTED, "positions must be closed first in, first out"),
        (10046, "HEDGE_PROHIBITED", _REJECTED, "opposite positions on a symbol are prohibited"),
    )
}
"""Every return code. A 10009 without deal or price is DONE here and ACCEPTED to its reader."""


def outcome_of(retcode: int) -> RequestOutcome:
    """What `retcode` lets us conclude; a code that nobody documented is UNKNOWN."""
    known = RETURN_CODES.get(retcode)
    return known.outcome if known else RequestOutcome.UNKNOWN


def suspends(retcode: int) -> bool:
    """Whether a rejection with `retcode` is one of the moment, which another may not repeat."""
    known = RETURN_CODES.get(retcode)
    return known is not None and known.suspends


def explained(retcode: int, comment: str) -> str:
    """What `retcode` means, in words, with the venue's own `comment`, if it says more."""
    known = RETURN_CODES.get(retcode)
    meaning = known.meaning if known else "a return code that is not documented"
    return f"{meaning} ({comment})" if comment and comment != meaning else meaning
