"""The risk limits of a preset, and the options of the command line that replace them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

import engine.types
from config.errors import ConfigError
from config.section import nearest


class Limits(engine.types.Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The engine's limits, checked: building one with a wrong value raises ConfigError.

    Fractions lie strictly between 0 and 1 (0.02 is 2 %). `per_trade_risk_fraction` is of the
    equity and of the day anchor, `daily_loss_fraction` of the day anchor, `max_loss_fraction` of
    the starting balance (None: off). The day turns at midnight in `reset_zone`, an IANA zone. No
    number has a default here: a preset's file gives them all.
    """

    def __post_init__(self) -> None:
        for name in LIMIT_NAMES:
            if complaint := limit_complaint(name, getattr(self, name)):
                raise ConfigError(complaint, path=f"limits.{name}")


def limit_complaint(name: str, value: object) -> str | None:
    """What is wrong with `value` for the limit `name`; None if nothing is."""
    return _CHECKS[name](value)


def with_overrides(limits: Limits, **options: object) -> Limits:
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


_CHECKS: Final[dict[str, Callable[[object], str | None]]] = {
    "max_positions": _count,
    "max_positions_per_symbol": _count,
    "per_trade_risk_fraction": _fraction,
    "daily_loss_fraction": _fraction,
    "max_loss_fraction": _fraction_or_off,
    "reset_zone": zone_complaint,
}
LIMIT_NAMES: Final = tuple(_CHECKS)
