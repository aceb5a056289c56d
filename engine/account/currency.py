"""The currency of an account: which there are, and how an amount of it is shown.

Money is integer cents whatever the currency: hundredths of its unit. Of a currency without decimals
an account books whole units alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.types import Cents, Points, Rate, SymbolSpec

USD: Final = "USD"
"""The currency of an account of which nothing else is said."""

ACCOUNT_CURRENCIES: Final = (USD, "EUR", "GBP", "CHF", "CZK", "CAD", "AUD", "JPY")
"""The currencies that a paper account can have."""

_WITHOUT_DECIMALS: Final = frozenset({"JPY"})


def decimals(currency: str) -> int:
    """The decimals of an amount as the account books it."""
    return 0 if currency in _WITHOUT_DECIMALS else 2


def booked(amount: Cents, currency: str) -> Cents:
    """The amount as a deal books it: whole units of a currency without decimals, half away from
    zero."""
    if currency not in _WITHOUT_DECIMALS:
        return amount
    whole, rest = divmod(abs(amount), 100)
    return (whole + (rest >= 50)) * 100 * (1 if amount >= 0 else -1)


def figure(cents: float, currency: str) -> str:
    """An amount without its currency's name, such as 1250.00."""
    return f"{cents / 100:.{decimals(currency)}f}"


def amount(cents: float, currency: str) -> str:
    """An amount with its currency, such as 1250.00 USD."""
    return f"{figure(cents, currency)} {currency}"


def plain(units: float, currency: str) -> str:
    """An amount in units for a person, beside one that names the currency."""
    return f"{units:,.{decimals(currency)}f}"


def grouped(units: float, currency: str, sign: str = "") -> str:
    """An amount in units for a person, such as 1,250.00 USD; `sign` is + to show that of a gain."""
    return f"{units:{sign},.{decimals(currency)}f} {currency}"


def pair_of(
    spec: SymbolSpec, known: Iterable[SymbolSpec], currency: str = USD
) -> SymbolSpec | None:
    """The first symbol that converts the profits of `spec` into `currency`; None without one."""
    for pair in known:
        if {pair.base, pair.quote} == {spec.quote, currency}:
            return pair
    return None


def pair_rate(pair: SymbolSpec, bid: Points, ask: Points, currency: str) -> Rate:
    """What a profit is multiplied with that the prices of `pair` convert into `currency`.

    A gain is sold at the pair's bid, a loss bought at its ask, or the other way round.
    """
    whole = 10**pair.digits
    if pair.quote == currency:
        return Rate(gain=(bid, whole), loss=(ask, whole))
    return Rate(gain=(whole, ask), loss=(whole, bid))
