"""Units and small value types that every package shares.

Prices are integer *points* (price x 10^digits), money is integer *cents* of the account currency,
volumes are integer *units* of 1/10,000 lot (the way MT5 servers count volume), event times are
integer milliseconds since the epoch, UTC. Nothing that decides anything is a float sum.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from engine.limit_table import LimitAction as LimitAction
from engine.limit_table import Limits as Limits

UNITS_PER_LOT = 10_000
"""Volume units in one lot."""

POINTS_PER_PIP = 10

Points = int
Cents = int
Units = int
Millis = int

ClockName = str
"""What a feed's clock shows: "new-york+7", "eu-dst", "utc", "est", "new-york", "london", or the
name of an IANA time zone (`signals.market_data.clocks` knows them)."""


class Side(enum.IntEnum):
    """Direction of a position or of the deal that opens it."""

    LONG = 1
    SHORT = -1

    @property
    def word(self) -> str:
        return "long" if self > 0 else "short"

    @property
    def opposite(self) -> Side:
        return SHORT if self > 0 else LONG


LONG: Final = Side.LONG
SHORT: Final = Side.SHORT
"""The sides by themselves: before Python 3.12 a member costs ten times what its own name does."""


class Conversion(enum.StrEnum):
    """How a profit in the symbol's quote currency becomes account currency."""

    NONE = "none"  # the quote currency is the account's (EURUSD)
    DIVIDE = "divide"  # the base currency is the account's (USDJPY): divide by the symbol's price
    FROM_BROKER = "from_broker"  # by neither (EURGBP): a `Rate` says it, which comes from the venue


UNCONVERTED: Final = Conversion.NONE
FROM_BROKER: Final = Conversion.FROM_BROKER


class Rate(NamedTuple):
    """What gains and losses are multiplied with to be account currency, as exact fractions.

    A dealer gives less for a gain than a loss of the same size costs, so there are two.
    """

    gain: tuple[int, int]
    loss: tuple[int, int]


class SymbolSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the engine must know of a symbol to size, vet and simulate an order.

    ``volume_*`` are units of 1/10,000 lot; ``commission`` is cents per lot and side; the two
    spread floors and ``stops_level`` are points. ``swap_*`` are points per lot and night (negative
    costs), three times as much for the night after ``triple_swap_weekday`` (0 = Sunday). Every
    price is a multiple of ``tick_size`` points, where that is more than one (else it is not
    recorded).
    """

    name: str
    digits: int
    contract: int
    volume_min: Units
    volume_step: Units
    volume_max: Units
    commission: float
    spread_floor_rollover: Points
    spread_floor: Points
    stops_level: Points
    leverage: int
    conversion: Conversion
    base: str = ""
    quote: str = ""
    swap_long: float = 0.0
    swap_short: float = 0.0
    triple_swap_weekday: int = 3
    tick_size: Points | msgspec.UnsetType = msgspec.UNSET

    def price(self, points: Points) -> float:
        """The decimal price of `points`, as a terminal prints it."""
        return points / float(10**self.digits)  # rounded once: the double nearest to it

    def points(self, price: float) -> Points:
        """`price` in points, rounded half up."""
        return int((price * 10**self.digits + 0.5) // 1)


def lots(units: Units) -> float:
    """Volume `units` as decimal lots."""
    return units / UNITS_PER_LOT


def units(volume_lots: float) -> Units:
    """Decimal lots as volume units, rounded to the nearest."""
    return round(volume_lots * UNITS_PER_LOT)


# --- the currency of an account, and how an amount of it is shown ---

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


def plain(units: float, currency: str, sign: str = "") -> str:
    """An amount in units for a person, beside one that names the currency."""
    return f"{units:{sign},.{decimals(currency)}f}"


def grouped(units: float, currency: str, sign: str = "") -> str:
    """An amount in units for a person, such as 1,250.00 USD; `sign` is + to show that of a gain."""
    return f"{plain(units, currency, sign)} {currency}"


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
