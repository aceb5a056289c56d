"""Calls drawn from a seed, the same in every process, and what a terminal made of each.

A call is a function with arguments good, odd and at their edges. Some arguments name a thing of the
terminal's own (a position's ticket, a price, its time), which `resolved` looks up where it is used.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import numpy as np

GOOD_SHARE: Final = 0.55
"""How often an argument is one of the good ones."""


@dataclass(frozen=True)
class Own:
    """A value that each terminal has of its own."""

    kind: str
    key: Any = None
    plus: float = 0.0

    def __repr__(self) -> str:
        return f"<{self.kind} {self.key} {self.plus:+g}>"


@dataclass(frozen=True)
class Called:
    """One call."""

    function: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        shown = [_shown(value) for value in self.args]
        shown += [f"{name}={_shown(value)}" for name, value in self.kwargs.items()]
        return f"{self.function}({', '.join(shown)})"


def _shown(value: Any) -> str:
    """The same text whatever the version of numpy."""
    if isinstance(value, np.generic):
        return f"{type(value).__name__}({value.item()!r})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    return repr(value) if len(repr(value)) < 60 else repr(value)[:50] + "..."


_UTC = dt.UTC
_AWARE = dt.datetime(2026, 3, 2, 10, tzinfo=_UTC)

POOLS: Final[dict[str, tuple[Sequence[Any], Sequence[Any]]]] = {
    "symbol": (
        ("EURUSD", "GBPUSD"),
        ("NONE", "", "eurusd", "X" * 29, "X" * 30, "X" * 31, "X" * 32, "X" * 300, 5, 1.5, None,
         True, b"EURUSD", ["EURUSD"], "EUR\0USD", "ÉURUSD", np.str_("EURUSD")),
    ),
    "int": (
        (0, 1, 5),
        (-1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**31),
         -(2**63), True, 1.0, 1.5, "1", None, np.int64(1), np.int32(5), np.uint8(1), b"1", [1]),
    ),
    "side": ((0, 1), (2, 3, 4, 5, 6, 7, 8, 9, -1, 2**31, 2**32, 0.0, None, "0", True, np.int64(0))),
    "float": (
        (0.1, 1.1, 1.2),
        (0.0, -1.0, 1e308, math.inf, math.nan, 5e-324, 1, 0, True, "0.1", None, np.float64(0.1),
         np.float32(0.1), np.int64(1), 10**30, [0.1]),
    ),
    "timeframe": (
        (1, 5, 15, 30, 16385, 16388, 16408),
        (0, -1, 7, 2, 3, 10, 12, 20, 32769, 49153, 60, 2**31, 2**32, "M15", None, 15.0, True),
    ),
    "count": ((1, 10, 100), (0, -1, 2**31, 2**32 - 1, 2**32, 1.0, None, "1", True)),
    "start": ((0, 5), (-1, 10**6, 2**31, 1.0, None, "1", True)),
    "date": (
        (Own("now", None, -86_400), Own("now", None, -3_600), Own("now", None, 3_600), _AWARE),
        (0, -1, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 4_102_444_800, 253_402_300_799, 2**63, 1.5e9,
         2.0**31, 4.1e9, math.nan, math.inf, None, "2026-01-01", True, dt.date(2026, 1, 1),
         dt.datetime(2026, 1, 1), dt.datetime(1970, 1, 2, tzinfo=_UTC),
         dt.datetime(1960, 1, 1, tzinfo=_UTC), dt.datetime(2038, 1, 20, tzinfo=_UTC),
         dt.datetime(2106, 3, 1, tzinfo=_UTC), dt.datetime(3000, 12, 31, tzinfo=_UTC),
         dt.datetime(9999, 12, 31, tzinfo=_UTC), np.int64(1_700_000_000), b"1"),
    ),
    "flags": ((-1, 1, 2), (0, 7, 2**31, 2**32, None, "1", 1.0, True)),
    "bool": ((True, False), (0, 1, 2, -1, None, "yes", 1.0)),
    "group": (
        ("*", "*USD*", "EUR*"),
        ("", "EUR*,!EURUSD", "!EUR*", "EURUSD", "?URUSD", "*,!*JPY*", "X" * 64, "X" * 5000, 5, None,
         b"*", True, ["*"]),
    ),
    "ticket": (
        (Own("position", 0), Own("order", 0), Own("deal", 0), Own("position", 1)),
        (0, 1, -1, 2**31, 2**32, 2**63, 2**64 - 1, 2**64, 1.0, None, "1", True, np.int64(5)),
    ),
}  # fmt: skip
"""Good and odd values of each kind of argument."""

POSITIONAL: Final[dict[str, tuple[str, ...]]] = {
    "version": (), "terminal_info": (), "account_info": (), "symbols_total": (),
    "orders_total": (), "positions_total": (), "last_error": (),
    "symbol_info": ("symbol",), "symbol_info_tick": ("symbol",),
    "symbol_select": ("symbol", "bool"),
    "copy_rates_from": ("symbol", "timeframe", "date", "count"),
    "copy_rates_from_pos": ("symbol", "timeframe", "start", "count"),
    "copy_rates_range": ("symbol", "timeframe", "date", "date"),
    "copy_ticks_from": ("symbol", "date", "count", "flags"),
    "copy_ticks_range": ("symbol", "date", "date", "flags"),
    "history_orders_total": ("date", "date"), "history_deals_total": ("date", "date"),
    "order_calc_margin": ("side", "symbol", "float", "float"),
    "order_calc_profit": ("side", "symbol", "float", "float", "float"),
}  # fmt: skip
"""Functions with their arguments in order."""

KEYWORDS: Final[dict[str, tuple[str, ...]]] = {
    "symbols_get": ("group",),
    "positions_get": ("symbol", "ticket", "group"),
    "orders_get": ("symbol", "ticket", "group"),
    "history_orders_get": ("ticket", "position", "group"),
    "history_deals_get": ("ticket", "position", "group"),
}
"""Functions with keywords; the history's take two dates in front."""

_KIND_OF_KEYWORD: Final = {"position": "ticket"}

REQUEST: Final[dict[str, tuple[str, Any]]] = {
    "action": ("int", 1), "symbol": ("symbol", "EURUSD"), "volume": ("float", 0.1),
    "type": ("side", 0), "price": ("float", Own("ask", "EURUSD")), "sl": ("float", 0.0),
    "tp": ("float", 0.0), "deviation": ("int", 10), "magic": ("int", 77),
    "comment": ("symbol", "abc-1"), "type_time": ("int", 0), "type_filling": ("int", 1),
    "expiration": ("int", 0), "position": ("ticket", 0), "position_by": ("ticket", 0),
    "order": ("ticket", 0), "stoplimit": ("float", 0.0),
}  # fmt: skip
"""A request's keys: the kind of values to try, and a value that is good."""

_SEND_SHARE: Final = 0.12
_WEIGHTS: Final = {"last_error": 0.2, "version": 0.3}


def round_of(seed: int, number: int, count: int) -> list[Called]:
    """The calls of one round, after which both terminals begin anew."""
    rng = Random(f"{seed}/{number}")  # noqa: S311 - a seed, not a secret
    names = [*POSITIONAL, *KEYWORDS]
    weights = [_WEIGHTS.get(name, 1.0) for name in names]
    drawn = []
    for _ in range(count):
        if rng.random() < 2 * _SEND_SHARE:
            drawn.append(_requesting(rng))
        else:
            (name,) = rng.choices(names, weights)
            drawn.append(_positional(rng, name) if name in POSITIONAL else _keyword(rng, name))
    return drawn


SETUP: Final = (
    {"comment": "first", "magic": 1},
    {"symbol": "GBPUSD", "type": 1, "price": Own("bid", "GBPUSD"), "volume": 0.2},
    {"action": 5, "type": 2, "price": Own("ask", "EURUSD", -0.01), "type_filling": 2},
)
"""Changes of the good request that make two positions and a waiting order."""


def setup() -> list[Called]:
    """What each round begins with."""
    return [Called("order_send", ({**_good_request(), **change},)) for change in SETUP]


def _good_request() -> dict[str, Any]:
    return {key: good for key, (_, good) in REQUEST.items()}


def _value(rng: Random, kind: str) -> Any:
    good, odd = POOLS[kind]
    return rng.choice(good if rng.random() < GOOD_SHARE else odd)


def _positional(rng: Random, name: str) -> Called:
    kinds = list(POSITIONAL[name])
    values = [_value(rng, kind) for kind in kinds]
    form = rng.random()
    if form < 0.06:
        values = values[:-1]
    elif form < 0.12:
        values.append(_value(rng, "int"))
    elif form < 0.16:
        return Called(name, (), {f"argument_{i}": value for i, value in enumerate(values)})
    elif form < 0.20:
        return Called(name, tuple(values), {"symbol": "EURUSD"})
    return Called(name, tuple(values))


def _keyword(rng: Random, name: str) -> Called:
    chosen = [word for word in KEYWORDS[name] if rng.random() < 0.4]
    kwargs = {word: _value(rng, _KIND_OF_KEYWORD.get(word, word)) for word in chosen}
    if rng.random() < 0.1:
        kwargs["unknown"] = _value(rng, "int")
    args: tuple[Any, ...] = ()
    if name.startswith("history") and rng.random() < 0.6:
        args = (_value(rng, "date"), _value(rng, "date"))
    if rng.random() < 0.06:
        args = (*args, _value(rng, "symbol"))
    return Called(name, args, kwargs)


def _requesting(rng: Random) -> Called:
    name = rng.choice(("order_send", "order_check"))
    request = _good_request()
    for key in rng.sample(sorted(REQUEST), rng.choice((0, 1, 1, 1, 2, 3))):
        if rng.random() < 0.2:
            del request[key]
        else:
            request[key] = _value(rng, REQUEST[key][0])
    if rng.random() < 0.1:
        request["unknown"] = 1
    form = rng.random()
    if form < 0.8:
        return Called(name, (request,))
    odd: tuple[tuple[Any, ...], ...] = (
        (),
        (None,),
        ([],),
        (5,),
        ("x",),
        (request, request),
        ({},),
        (tuple(request),),
    )
    if form < 0.9:
        return Called(name, rng.choice(odd))
    return Called(name, (request,) if form < 0.95 else (), request if form < 0.98 else {})


# --- carrying calls out ---------------------------------------------------------------------------


def resolved(value: Any, terminal: Any) -> Any:
    """`value` with everything that is the terminal's own put in."""
    if isinstance(value, Own):
        return _own(value, terminal)
    if isinstance(value, dict):
        return {key: resolved(item, terminal) for key, item in value.items()}
    return value


def _own(value: Own, terminal: Any) -> Any:
    if value.kind == "now":
        return int(terminal.symbol_info_tick("EURUSD").time + value.plus)
    if value.kind in ("bid", "ask"):
        tick = terminal.symbol_info_tick(value.key)
        return round(getattr(tick, value.kind) + value.plus, 5)
    now = terminal.symbol_info_tick("EURUSD").time
    rows = {
        "position": terminal.positions_get,
        "order": terminal.orders_get,
        "deal": lambda: terminal.history_deals_get(now - 86_400, now + 86_400),
    }[value.kind]()
    return rows[value.key].ticket if rows and len(rows) > value.key else 123


def outcome(
    terminal: Any, call: Called, reached: Callable[[], bool] = lambda: True
) -> dict[str, Any]:
    """What the terminal made of a call; `reached` tells whether it left the package."""
    args = tuple(resolved(value, terminal) for value in call.args)
    kwargs = {name: resolved(value, terminal) for name, value in call.kwargs.items()}
    reached()  # forget the look-ups just made
    told: dict[str, Any] = {"call": repr(call), "function": call.function}
    try:
        function = getattr(terminal, call.function)
        # Some functions fail when a keyword object is passed at all, even an empty one.
        value = function(*args, **kwargs) if kwargs else function(*args)
    except Exception as error:
        told["raised"] = type(error).__name__
    else:
        told |= {"shape": _head(value), "element": element(value), "size": size(value)}
    told["reached"] = reached()
    told["error"] = list(terminal.last_error())
    return told


def _head(value: Any) -> Any:
    return "tuple" if element(value) is not None else shape(value)


def shape(value: Any) -> Any:
    """The types that make a value, without what it says; None and failures tell themselves."""
    if isinstance(value, np.ndarray):
        return ["ndarray", str(value.dtype), value.ndim, bool(value.flags.writeable)]
    if hasattr(value, "_asdict"):
        fields = {name: type(item).__name__ for name, item in value._asdict().items()}
        return [type(value).__name__, fields]
    if isinstance(value, tuple | list) and value and not hasattr(value[0], "_asdict"):
        return [type(value).__name__, *(type(item).__name__ for item in value)]
    return type(value).__name__


def element(value: Any) -> Any:
    """The shape of a list's first row, where it has rows."""
    rows = isinstance(value, tuple | list) and not hasattr(value, "_asdict")
    return shape(value[0]) if rows and value and hasattr(value[0], "_asdict") else None


def size(value: Any) -> Any:
    """What a value says in a few words: whether there are rows, the return code, yes or no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, np.ndarray | tuple | list) and not hasattr(value, "_asdict"):
        return min(len(value), 1)
    return getattr(value, "retcode", None)
