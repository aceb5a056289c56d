"""The risk limits of a preset, and the options of the command line that replace them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

import engine.types
from config.errors import ConfigError
from config.section import nearest
from engine.types import LimitAction


class CheckedLimits(engine.types.Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The engine's limits, checked: building one with a wrong value raises ConfigError.

    Fractions lie strictly between 0 and 1 (0.02 is 2 %). `per_trade_risk_fraction` is of the
    equity and of the day-start balance, `daily_loss_fraction` of the day-start balance,
    `max_loss_fraction` of the starting balance (None: off). The day turns at `reset_hour` in
    `reset_zone`, an IANA zone. The first six have no default: a preset's file gives them. The
    others are off unless given.
    """

    def __post_init__(self) -> None:
        for name in LIMIT_NAMES:
            if complaint := limit_complaint(name, getattr(self, name)):
                raise ConfigError(complaint, path=f"limits.{name}")


def limit_complaint(name: str, value: object) -> str | None:
    """What is wrong with `value` for the limit `name`; None if nothing is."""
    return _CHECKS[name](value)


def with_overrides(limits: CheckedLimits, **options: object) -> CheckedLimits:
    """`limits` with those `options` that are not None, each named like its limit.

    Raises ConfigError, which names the option (``--max-positions``), for a bad value or name.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in _CHECKS:
            near = nearest(name, LIMIT_NAMES)
            hint = f"did you mean {_option(near)}?" if near else "see the keys of a preset's limits"
            raise ConfigError(f"no such limit; {hint}", path=_option(name))
        if complaint := limit_complaint(name, value):
            raise ConfigError(complaint, path=_option(name))
    return msgspec.structs.replace(limits, **given)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _count(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return None
    return f"must be a whole number of at least 1, not {value!r}"


def _fraction(value: object) -> str | None:
    if isinstance(value, float) and 0 < value < 1:  # false for not-a-number too
        return None
    return f"must be a fraction above 0 and below 1 (2 % is 0.02), not {value!r}"


def _fraction_or_off(value: object) -> str | None:
    return None if value is None else _fraction(value)


def _count_or_off(value: object) -> str | None:
    return None if value is None else _count(value)


def _zero_or_more(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return None
    return f"must be a whole number of at least 0, not {value!r}"


def _hour(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 23:
        return None
    return f"must be a whole number from 0 to 23, not {value!r}"


def _amount_or_off(value: object) -> str | None:
    if value is None or (isinstance(value, int | float) and value is not True and value > 0):
        return None
    return f"must be a number above 0, not {value!r}"


def _part(value: object) -> str | None:
    if isinstance(value, float) and 0 <= value < 1:
        return None
    return f"must be a fraction from 0 to below 1 (2 % is 0.02), written 0.0 when 0, not {value!r}"


def _part_or_off(value: object) -> str | None:
    return None if value is None else _part(value)


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else f"must be true or false, not {value!r}"


def _transient(value: object) -> str | None:
    if value in ("suspend", "latch"):
        return None
    return f"must be suspend or latch, not {value!r}"


def _actions(value: object) -> str | None:
    if not isinstance(value, dict):
        return f"must be a mapping such as {{daily_loss: latch}}, not {value!r}"
    for limit, action in value.items():
        allowed = _ACTIONS.get(limit)
        if allowed is None:
            near = nearest(str(limit), _ACTIONS)
            hint = f"did you mean {near}?" if near else f"use one of {', '.join(_ACTIONS)}"
            return f"no limit {limit!r} has an action; {hint}"
        if action not in allowed:
            return f"{limit} must be one of {', '.join(allowed)}, not {action!r}"
    return None


def zone_complaint(value: object) -> str | None:
    """What is wrong with `value` as the name of a time zone; None if nothing is."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    remedy = "use an IANA name such as Europe/Prague"
    if not isinstance(value, str) or not value:
        return f"must be the name of a time zone, not {value!r}; {remedy}"
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"there is no time zone {value!r}; {remedy}"
    return None


_STRENGTHS: Final = [str(action) for action in LimitAction]
_ACTIONS: Final[dict[str, list[str]]] = {
    **dict.fromkeys(
        (
            "max_positions", "max_positions_per_symbol", "per_trade_risk", "cool_down",
            "orders_per_hour", "orders_per_day", "symbol_risk", "currency_exposure",
            "firm_loss_buffer",
        ),
        _STRENGTHS,
    ),
    "daily_loss": _STRENGTHS[1:],
    "max_loss": _STRENGTHS[2:],
    "firm_floor": _STRENGTHS[1:],
}  # fmt: skip
"""The actions that each limit may have: a loss limit does more than to deny."""

_CHECKS: Final[dict[str, Callable[[object], str | None]]] = {
    "max_positions": _count,
    "max_positions_per_symbol": _count,
    "per_trade_risk_fraction": _fraction,
    "daily_loss_fraction": _fraction,
    "max_loss_fraction": _fraction_or_off,
    "reset_zone": zone_complaint,
    "reset_hour": _hour,
    "max_order_lots": _amount_or_off,
    "max_symbol_risk_fraction": _fraction_or_off,
    "max_currency_risk_fraction": _fraction_or_off,
    "max_orders_per_hour": _count_or_off,
    "max_orders_per_day": _count_or_off,
    "cool_down_minutes": _zero_or_more,
    "allow_slippage_points": _zero_or_more,
    "allow_gap_fraction": _part,
    "firm_reserve_fraction": _part_or_off,
    "keep_stops": _flag,
    "transient_rejections": _transient,
    "actions": _actions,
}
LIMIT_NAMES: Final = tuple(_CHECKS)
OPTIONAL_LIMITS: Final = LIMIT_NAMES[LIMIT_NAMES.index("reset_zone") + 1 :]
"""Those that a preset may leave out; they are off then."""
