"""Strategies by name: what a preset's `strategy` may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from signals.preset import FtmoM15, Parameters
from signals.strategy import StrategyFactory


class UnknownStrategy(Exception):
    """Raised when a preset names a strategy that is not registered."""


class BadParameters(Exception):
    """Raised when a preset's parameters are not those of its strategy."""


def _ftmo_m15(parameters: Mapping[str, Any]) -> StrategyFactory:
    checked = msgspec.convert(parameters, Parameters)
    return lambda spec: FtmoM15(spec, checked)


_STRATEGIES: dict[str, Callable[[Mapping[str, Any]], StrategyFactory]] = {"ftmo_m15": _ftmo_m15}


def strategy_factory(name: str, parameters: Mapping[str, Any]) -> StrategyFactory:
    """What makes one strategy per symbol.

    Raises UnknownStrategy, or BadParameters naming the parameter.
    """
    make = _STRATEGIES.get(name)
    if make is None:
        raise UnknownStrategy(f"there is no strategy {name!r}; known: {', '.join(_STRATEGIES)}")
    try:
        return make(parameters)
    except msgspec.ValidationError as error:
        text = str(error).replace("`$.", "`parameters.")
        raise BadParameters(text) from error
