"""The `challenge` section of a profile: which firm's challenge runs on the account.

It states what the account's history may not show: the initial balance, when the challenge began,
its phase, and figures from before the visible history.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import msgspec

from config.section import Section

_LARGEST_LOGIN: Final = 2**63 - 1
_LARGEST_CENTS: Final = 10**14
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_MOST_DAYS: Final = 100_000


class Began(msgspec.Struct, frozen=True, kw_only=True):
    """When something began: a firm's date (its reset), or a moment in ms UTC."""

    date: str | None = None
    at: int | None = None

    def __str__(self) -> str:
        if self.at is None:
            return str(self.date)
        return dt.datetime.fromtimestamp(self.at / 1000, dt.UTC).isoformat()


class CarriedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Figures as of a reset, in cents and days; what is left out is unknown (`high`) or none."""

    as_of: Began
    high: int | None = None
    trading_days: int = 0
    profitable_days: int = 0
    best_day: int = 0
    good_days: int = 0

    def __str__(self) -> str:
        return _written(self)


CARRIED_FIELDS: Final = CarriedSettings.__struct_fields__


class ChallengeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a profile states. `rules` is the name or file that `--objectives` takes.

    `login` guards against the profile being used for another account. With `accept_transfers`
    money paid in or out is no reason to stop: floors rise with what was paid in.
    """

    rules: str
    initial: int | None = None
    started: Began | None = None
    phase: str | None = None
    accept_transfers: bool = False
    login: int | None = None
    carried: CarriedSettings | None = None

    def __str__(self) -> str:
        return _written(self)


_TRANSFERS: Final = "accept_transfers"
CHALLENGE_FIELDS: Final = tuple(
    "transfers" if name == _TRANSFERS else name for name in ChallengeSettings.__struct_fields__
)
_IN_CENTS: Final = frozenset({"initial", "high", "best_day", "good_days"})


def _written(settings: msgspec.Struct) -> str:
    """What is set, as a profile writes it."""
    parts = []
    for name, value in msgspec.structs.asdict(settings).items():
        if name == _TRANSFERS:
            parts += ["transfers: accept"] * value
        elif isinstance(value, CarriedSettings):
            parts.append(f"{name}: {{{value}}}")
        elif value is not None:
            parts.append(f"{name}: {f'{value / 100:.2f}' if name in _IN_CENTS else value}")
    return ", ".join(parts)


def challenge_settings(section: Section) -> ChallengeSettings:
    """What the section says. Raises ConfigError, which names file, line and key."""
    has = section.has
    return ChallengeSettings(
        rules=section.text("rules"),
        initial=_money(section, "initial", least=1) if has("initial") else None,
        started=_began(section, "started") if has("started") else None,
        phase=section.text("phase") if has("phase") else None,
        accept_transfers=has("transfers") and bool(section.choice("transfers", ("accept",))),
        login=section.whole("login", least=1, most=_LARGEST_LOGIN) if has("login") else None,
        carried=_carried(section.section("carried", CARRIED_FIELDS)) if has("carried") else None,
    )


def _carried(section: Section) -> CarriedSettings:
    has = section.has

    def days(key: str) -> int:
        return section.whole(key, least=0, most=_MOST_DAYS) if has(key) else 0

    def money(key: str) -> int:
        return _money(section, key, least=0) if has(key) else 0

    if has("best_day") and has("good_days") and money("best_day") > money("good_days"):
        raise section.error(
            "best_day", "is more than good_days, the sum of all profitable days; check both"
        )
    return CarriedSettings(
        as_of=_began(section, "as_of"),
        high=_money(section, "high", least=1) if has("high") else None,
        trading_days=days("trading_days"),
        profitable_days=days("profitable_days"),
        best_day=money("best_day"),
        good_days=money("good_days"),
    )


def _money(section: Section, key: str, *, least: int) -> int:
    """An amount in cents, from a number such as 100000 or 99037.10."""
    value = section.number(key)
    cents = round(value * 100)
    if abs(value * 100 - cents) > 1e-4:
        raise section.error(key, "has parts of a cent; write two decimals at most")
    if not least <= cents <= _LARGEST_CENTS:
        raise section.error(key, f"must be from {least / 100:.2f} to a trillion")
    return cents


def _began(section: Section, key: str) -> Began:
    """A quoted date such as "2026-06-15", or a moment with its offset from UTC."""
    text = section.text(key)
    remedy = (
        'write a date of the firm\'s, "2026-06-15", or a moment with its offset, '
        '"2026-06-15T11:00:00+02:00"'
    )
    try:
        if _DATE.fullmatch(text):
            return Began(date=dt.date.fromisoformat(text).isoformat())
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise section.error(key, f"is no date; {remedy}") from None
    if moment.tzinfo is None:
        raise section.error(key, f"has no offset from UTC; {remedy}")
    return Began(at=round(moment.timestamp() * 1000))
