"""Figures of the page in words: money, times of a zone, durations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from engine.types import Cents, Millis, decimals

if TYPE_CHECKING:
    from engine.result import RunResult

P = ParamSpec("P")
T = TypeVar("T")

MINUS = "\u2212"
_CURRENCY: ContextVar[str] = ContextVar("currency", default="")
"""That of the amounts that are being written: all of a page are in one account's."""


def in_its_currency(
    write: Callable[Concatenate[RunResult, P], T],
) -> Callable[Concatenate[RunResult, P], T]:
    """A function that writes of a run, its amounts in the run's currency and its decimals."""

    @wraps(write)
    def inside(result: RunResult, /, *args: P.args, **named: P.kwargs) -> T:
        with amounts_in(result.terms.currency):
            return write(result, *args, **named)

    return inside


@contextmanager
def amounts_in(currency: str) -> Iterator[None]:
    """What is written inside is in this currency, with its decimals."""
    before = _CURRENCY.set(currency)
    try:
        yield
    finally:
        _CURRENCY.reset(before)


def money(amount: Cents | float | None, *, sign: bool = False) -> str:
    """Cents with thousands apart, below a head that names the currency; a dash for none."""
    if amount is None:
        return "\u2013"
    text = f"{abs(amount) / 100:,.{decimals(_CURRENCY.get())}f}"
    if amount < 0 and text.strip("0.,"):
        return MINUS + text
    return f"+{text}" if sign and amount > 0 else text


def amount(cents: Cents | float | None, *, sign: bool = False) -> str:
    """The same with its currency."""
    text = money(cents, sign=sign)
    return text if cents is None else f"{text} {_CURRENCY.get()}".rstrip()


def tone_of(cents: Cents | float | None) -> str:
    """The class of an amount's looks: `plus` for a gain, `minus` for a loss, else empty."""
    return "" if not cents else "plus" if cents > 0 else "minus"


def of_money(name: str) -> str:
    """The name of a figure or column that holds amounts, with their currency."""
    return f"{name}, {unit()}" if unit() else name


def unit() -> str:
    """The currency of what is being written; empty where it is not known."""
    return _CURRENCY.get()


def number(value: float | None, digits: int = 2) -> str:
    """A plain number; a dash where there is none."""
    if value is None:
        return "\u2013"
    return f"{value:,.{digits}f}".replace("-", MINUS)


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction in percent; a dash where there is none."""
    return "\u2013" if value is None else f"{number(100 * value, digits)} %"


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local(moment: Millis, zone: str) -> dt.datetime:
    """The moment on the clocks of a zone."""
    return dt.datetime.fromtimestamp(moment / 1000, _zone(zone))


def place(zone: str) -> str:
    """How people call a zone: its city."""
    return zone.rpartition("/")[2].replace("_", " ")


def when(moment: Millis, zone: str) -> str:
    """Date, time and place."""
    return f"{local(moment, zone):%Y-%m-%d %H:%M} {place(zone)}"


def date(moment: Millis, zone: str = "UTC") -> str:
    """The date alone."""
    return f"{local(moment, zone):%Y-%m-%d}"


def span(seconds: float | None) -> str:
    """A duration in its largest fitting unit."""
    if seconds is None:
        return "\u2013"
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            value = seconds / size
            return (
                f"{value:.0f} {unit}"
                if value >= 10 or value == int(value)
                else f"{value:.1f} {unit}"
            )
    return f"{seconds:.0f} s"
