"""The risk limits of a preset, and the options of the command line that replace them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from config.errors import ConfigError
from config.section import nearest
from engine.limit_table import LIMIT_HITS, LIMIT_TABLE, OFF_VALUES, Limits, ValueKind


class CheckedLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The engine's limits, checked: building one with a wrong value raises ConfigError.

    Which values a limit may have, and what it means, says its row in `engine.limit_table`.
    """

    def __post_init__(self) -> None:
        for name in LIMIT_NAMES:
            if complaint := limit_complaint(name, getattr(self, name)):
                raise ConfigError(complaint, path=f"limits.{name}")


def limit_complaint(name: str, value: object) -> str | None:
    """What is wrong with `value` for the limit `name`; None if nothing is."""
    if value is None and OFF_VALUES.get(name, _NEVER_OFF) is None:
        return None
    return _COMPLAINTS[LIMIT_TABLE[name].kind](value)


def with_overrides(limits: CheckedLimits, **options: object) -> CheckedLimits:
    """`limits` with those `options` that are not None, each named like its limit.

    Raises ConfigError, which names the option (``--max-positions``), for a bad value or name.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in LIMIT_TABLE:
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


def _zero_or_more(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return None
    return f"must be a whole number of at least 0, not {value!r}"


def _hour(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 23:
        return None
    return f"must be a whole number from 0 to 23, not {value!r}"


def _amount(value: object) -> str | None:
    if isinstance(value, int | float) and value is not True and value > 0:
        return None
    return f"must be a number above 0, not {value!r}"


def _part(value: object) -> str | None:
    if isinstance(value, float) and 0 <= value < 1:
        return None
    return f"must be a fraction from 0 to below 1 (2 % is 0.02), written 0.0 when 0, not {value!r}"


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
        allowed = ALLOWED_ACTIONS.get(limit)
        if allowed is None:
            near = nearest(str(limit), ALLOWED_ACTIONS)
            hint = f"did you mean {near}?" if near else f"use one of {', '.join(ALLOWED_ACTIONS)}"
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


_NEVER_OFF: Final = object()

_COMPLAINTS: Final[dict[ValueKind, Callable[[object], str | None]]] = {
    ValueKind.COUNT: _count,
    ValueKind.WHOLE: _zero_or_more,
    ValueKind.FRACTION: _fraction,
    ValueKind.PART: _part,
    ValueKind.AMOUNT: _amount,
    ValueKind.HOUR: _hour,
    ValueKind.ZONE: zone_complaint,
    ValueKind.FLAG: _flag,
    ValueKind.REACTION: _transient,
    ValueKind.ACTIONS: _actions,
}

ALLOWED_ACTIONS: Final[dict[str, list[str]]] = {
    name: [str(action) for action in hit.allowed] for name, hit in LIMIT_HITS.items() if hit.allowed
}
"""The actions that each limit may have: a loss limit does more than to deny."""

LIMIT_NAMES: Final = tuple(LIMIT_TABLE)
OPTIONAL_LIMITS: Final = tuple(OFF_VALUES)
"""Those that a preset may leave out; they are off then."""
