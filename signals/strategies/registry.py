"""Strategies by name: what a preset's `strategy` may be, and how its parameters are checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from engine.decoding import converted
from signals.failure import FROM_OUTSIDE, message_of
from signals.market_data.bars import TIMEFRAME_SECONDS
from signals.strategies.ftmo_m15 import FtmoM15
from signals.strategies.sma_cross import SmaCross
from signals.strategy import StrategyFactory

_NUMBER = "a number"

STRATEGIES: dict[str, type] = {"ftmo_m15": FtmoM15, "sma_cross": SmaCross}


class UnknownStrategy(Exception):
    """Raised when a preset names a strategy that is not registered, or a class that is none."""


class BadParameters(Exception):
    """Raised when a preset's parameters are not those of its strategy."""


def registered(name: str) -> type:
    """The class of a strategy that comes with the program; raises UnknownStrategy."""
    if name not in STRATEGIES:
        raise UnknownStrategy(
            f"there is no strategy {name!r}; known: {', '.join(STRATEGIES)}, "
            "or a class of your own as my_file.py:MyClass"
        )
    return STRATEGIES[name]


def check_protocol(strategy: Any) -> None:
    """Whether a class is a strategy; raises UnknownStrategy that says what it lacks."""
    lacking = [
        need for need in ("parameters_type", "timeframes", "on_bar") if not hasattr(strategy, need)
    ]
    if lacking:
        raise UnknownStrategy(
            f"{strategy.__name__} is no strategy: it has no {' and no '.join(lacking)} "
            "(see signals/strategy.py)"
        )
    kind = strategy.parameters_type
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        raise UnknownStrategy(f"{strategy.__name__}.parameters_type is no msgspec Struct")
    wanted = strategy.timeframes
    if not isinstance(wanted, tuple) or any(name not in TIMEFRAME_SECONDS for name in wanted):
        raise UnknownStrategy(
            f"{strategy.__name__}.timeframes is {wanted!r}: a tuple of "
            f"{', '.join(TIMEFRAME_SECONDS)} is needed"
        )


def strategy_factory(strategy: Any, parameters: Mapping[str, Any]) -> StrategyFactory:
    """What makes one strategy per symbol; raises BadParameters naming the parameter."""
    check_protocol(strategy)
    try:
        checked = converted(parameters, strategy.parameters_type)
    except msgspec.ValidationError as error:
        raise BadParameters(_explained(str(error), parameters, strategy.parameters_type)) from error
    except FROM_OUTSIDE as error:  # what its own code makes of them
        raise BadParameters(f"parameters: {message_of(error)}") from error
    return lambda spec: strategy(spec, checked)


def _explained(text: str, parameters: Mapping[str, Any], kind: type[msgspec.Struct]) -> str:
    """msgspec's complaint with the value that it is about, or the names that are known."""
    if "unknown field" in text:
        return f"{text}; known: {', '.join(kind.__struct_fields__)}"
    path = re.search(r"`\$\.(\w+)([^`]*)`", text)
    value = parameters.get(path[1]) if path else None
    given = f", given {value!r}" if value is not None else ""
    known = _known(kind, path[1], path[2], key="`key` in" in text) if path else []
    words = f"; known: {', '.join(known)}" if known else ""
    return f"{text.replace('`$.', '`parameters.')}{given}{words}"


def _known(kind: type[msgspec.Struct], field: str, below: str, *, key: bool) -> list[str]:
    """The words that may stand at a place of a parameter; none where any value may.

    `below` is msgspec's path under the field, such as "[0]" or "[...][...]".
    """
    fields = getattr(inspect.type_info(kind), "fields", ())
    found = next((item.type for item in fields if item.encode_name == field), None)
    for _ in range(below.count("[")):
        found = getattr(found, "value_type", None) or getattr(found, "item_type", None)
    words = _words(getattr(found, "key_type", None) if key else found)
    return [] if words == [_NUMBER] else words


def _words(found: object) -> list[str]:
    if isinstance(found, inspect.UnionType):
        return [word for part in found.types for word in _words(part)]
    if isinstance(found, inspect.EnumType):
        return [str(member.value) for member in found.cls]
    if isinstance(found, inspect.LiteralType):
        return [str(value) for value in found.values]
    return [_NUMBER] if isinstance(found, inspect.FloatType) else []
