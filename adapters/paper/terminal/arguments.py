"""How the package reads its arguments, before anything reaches the terminal.

A wrong count or type ends in the function's failure value and `last_error`. Where the package's own
conversion fails it raises SystemError instead: a number that is none, or does not fit. An int date
that is no C long is noticed late: the call goes on, and raises whatever it leads to.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.contract import Call

_ARGUMENTS: Final = "Invalid arguments"
_UNNAMED: Final = "Unnamed arguments not allowed"
_FIRST: Final = "Invalid 1st unnamed argument"
_COUNT: Final = "Invalid number of arguments"
_BOUNDS: Final = 2

GROUP_MAX_CHARS: Final = 2047
"""A longer group is refused; the exact limit lies between 64 and 5,000."""


class Failure(Exception):
    """Ends a function of the terminal: it returns `value`, the function's failure value if None."""

    def __init__(self, code: int, text: str, value: Any = None) -> None:
        super().__init__(code, text)
        self.error = (code, text)
        self.value = value


class Unconvertible(Exception):
    """An argument on whose conversion the package raises SystemError; `error` is what
    `last_error` says then."""

    def __init__(self, text: str = _ARGUMENTS) -> None:
        super().__init__(text)
        self.error = (mt5.RES_E_INVALID_PARAMS, text)


def invalid(name: str) -> Failure:
    """An argument that the package does not take."""
    return Failure(mt5.RES_E_INVALID_PARAMS, _named(name))


def _named(name: str) -> str:
    return f'Invalid "{name}" argument'


def _refused() -> Failure:
    return Failure(mt5.RES_E_INVALID_PARAMS, _ARGUMENTS)


Reader = Callable[[tuple[Any, ...], dict[str, Any]], bool]
"""Checks the arguments of a call; True where it goes on and raises SystemError in the end. Raises
Failure, Unconvertible, or TypeError, which leaves `last_error` as it was."""


# --- by position ----------------------------------------------------------------------------------

_FORMS: Final[dict[str, tuple[str, ...]]] = {
    "symbol_info": ("symbol",),
    "symbol_info_tick": ("symbol",),
    "symbol_select": ("symbol", "truth"),
    "market_book_add": ("symbol",),
    "market_book_get": ("symbol",),
    "market_book_release": ("symbol",),
    "copy_rates_from": ("symbol", "int", "date", "int"),
    "copy_rates_from_pos": ("symbol", "int", "int", "int"),
    "copy_rates_range": ("symbol", "int", "date", "date"),
    "copy_ticks_from": ("symbol", "date", "int", "int"),
    "copy_ticks_range": ("symbol", "date", "date", "int"),
    "history_orders_total": ("date", "date"),
    "history_deals_total": ("date", "date"),
    "order_calc_margin": ("bits", "symbol", "real", "real"),
    "order_calc_profit": ("bits", "symbol", "real", "real", "real"),
}
"""What each argument is read as; "bits" is an int of which only the low bits count."""

_OPTIONAL: Final = {"symbol_select": 1}
"""How many of the last arguments may be left out."""


def _nothing(name: str) -> Reader:
    def read(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if args or kwargs:
            raise TypeError(f"{name}() takes no arguments")
        return False

    return read


def _positional(name: str) -> Reader:
    kinds = _FORMS[name]
    least = len(kinds) - _OPTIONAL.get(name, 0)

    def read(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if kwargs:
            raise TypeError(f"{name}() takes no keyword arguments")
        if not least <= len(args) <= len(kinds):
            raise _refused()
        named = tuple(zip(kinds, args, strict=False))
        for kind, value in named:
            _convert(kind, value)
        for kind, value in named:
            if kind == "symbol" and not _short(value, mt5.SYMBOL_MAX_CHARS):
                raise _refused()
        return _dates(value for kind, value in named if kind == "date")

    return read


def _convert(kind: str, value: Any) -> None:
    """What is converted before anything else is looked at."""
    try:
        if kind == "int" and not -(1 << 31) <= operator.index(value) < 1 << 31:
            raise Unconvertible
        if kind == "bits" and not isinstance(value, int):
            raise Unconvertible
        if kind == "real":
            if isinstance(value, str | bytes):
                raise Unconvertible
            float(value)
    except (TypeError, OverflowError):
        raise Unconvertible from None


def _dates(values: Iterable[Any]) -> bool:
    """Whether one of the dates is an int that is no C long."""
    beyond = False
    for value in values:
        if isinstance(value, datetime) and not beyond:
            continue
        if not isinstance(value, int | float) or isinstance(value, datetime):
            raise Unconvertible if beyond else _refused()
        beyond |= isinstance(value, int) and not is_long(value)
    return beyond


def is_long(date: int) -> bool:
    """Whether an int date fits the package's C long."""
    return mt5.EARLIEST_DATE <= date <= mt5.LATEST_DATE


def _short(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


# --- by keyword -----------------------------------------------------------------------------------


def _text(where: Mapping[str, Any], name: str, longest: int) -> None:
    if not _short(where[name], longest):
        raise invalid(name)


def _ticket(where: Mapping[str, Any], name: str) -> None:
    _whole(where[name], name, 0, 1 << 64)


def _whole(value: Any, name: str, least: int, beyond: int) -> None:
    if not isinstance(value, int):
        raise invalid(name)
    if not least <= value < beyond:
        raise Unconvertible(_named(name))


def _filters(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """`positions_get` and `orders_get`: the ticket counts first, then symbol, then group."""
    if args:
        raise Failure(mt5.RES_E_INVALID_PARAMS, _UNNAMED)
    if "ticket" in kwargs:
        _ticket(kwargs, "ticket")
    elif "symbol" in kwargs:
        _text(kwargs, "symbol", mt5.SYMBOL_MAX_CHARS)
    elif "group" in kwargs:
        _text(kwargs, "group", GROUP_MAX_CHARS)
    return False


def _symbols(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """`symbols_get` takes its group by position as well."""
    given = [(_FIRST, group) for group in args[:1]]
    given += [(_named("group"), kwargs["group"]) for name in ("group",) if name in kwargs]
    for text, group in given:
        if not _short(group, GROUP_MAX_CHARS):
            raise Failure(mt5.RES_E_INVALID_PARAMS, text, value=False)
    return False


def _history(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Two dates, or a ticket, or a position; a group counts with dates alone."""
    if args:
        if len(args) != _BOUNDS:
            if kwargs.keys() & {"ticket", "position"}:
                raise Failure(mt5.RES_E_INVALID_PARAMS, _UNNAMED)
            raise _refused()
        beyond = _dates(args)
        if "group" in kwargs and not _short(kwargs["group"], GROUP_MAX_CHARS):
            raise Unconvertible(_named("group")) if beyond else invalid("group")
        return beyond
    if "ticket" in kwargs:
        _ticket(kwargs, "ticket")
    elif "position" in kwargs:
        _ticket(kwargs, "position")
    else:
        raise _refused()
    return False


# --- a request ------------------------------------------------------------------------------------

_UNSIGNED: Final = ("action", "type", "type_filling", "type_time")


def _bounds(name: str) -> tuple[int, int]:
    """What an int of a request may be, from and below."""
    if name == "expiration":
        return -(1 << 63), 1 << 63
    return 0, 1 << (32 if name in _UNSIGNED else 64)


_KEYS: Final = tuple(
    (name, kind, _bounds(name) if kind is int else (0, 0))
    for name, kind in mt5.REQUEST_TYPES.items()
)


def check_request(request: Mapping[str, Any]) -> None:
    """Refuse the first key whose value the package does not take.

    Floats must be floats and integers Python integers; keys that are missing mean zero, unknown
    ones are ignored.
    """
    for name, kind, bounds in _KEYS:
        if name not in request:
            continue
        value = request[name]
        if kind is int:
            _whole(value, name, *bounds)
        elif not (_short(value, mt5.COMMENT_MAX_CHARS) if kind is str else isinstance(value, kind)):
            raise invalid(name)


def _request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    if args and kwargs:
        raise Failure(mt5.RES_E_INVALID_PARAMS, _UNNAMED)
    if not kwargs and len(args) != 1:
        raise Failure(mt5.RES_E_INVALID_PARAMS, _COUNT)
    request = kwargs or args[0]
    if not isinstance(request, dict):
        raise _refused()
    check_request(request)
    return False


def _free(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> bool:
    """Its arguments are looked at by the function itself."""
    return False


_BY_NAME: Final[dict[str, Reader]] = {
    "symbols_get": _symbols,
    "positions_get": _filters,
    "orders_get": _filters,
    "history_orders_get": _history,
    "history_deals_get": _history,
    "order_check": _request,
    "order_send": _request,
}


def reader_of(name: str) -> Reader:
    """How the package's function of this name reads its arguments."""
    call = mt5.FUNCTIONS[name].call
    if call is Call.NOTHING:
        return _nothing(name)
    if call is Call.POSITIONAL:
        return _positional(name)
    return _BY_NAME.get(name, _free)
