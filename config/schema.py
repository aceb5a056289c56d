"""What the configuration files hold, once checked."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from config.alerts import AlertSettings
from config.challenge import ChallengeSettings
from config.limits import CheckedLimits, with_overrides
from config.secrets import Secret

__all__ = [
    "DEFAULT_SYMBOL",
    "AccountProfile",
    "AlertSettings",
    "CheckedLimits",
    "CliOverrides",
    "Preset",
    "Purpose",
    "ReportRow",
    "ResolvedAccount",
    "Secret",
    "with_overrides",
]

Purpose = Literal["demo", "trial"]
"""A profile is for a demo account or a firm's free trial; no other kind of account is served."""

DEFAULT_SYMBOL: Final = "EURUSD"


class AccountProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the accounts file. `server`, `login` and `password` may come from elsewhere.

    `file` and `name` say where it stands and `given` which keys it has; they are no keys of it.
    """

    name: str
    file: str
    given: frozenset[str] = frozenset()
    server: str | None = None
    login: int | None = None
    password: Secret | None = None
    default_symbol: str = DEFAULT_SYMBOL
    purpose: Purpose = "demo"
    terminal_path: str | None = None
    """The terminal to start, where several are installed; None leaves the choice to MetaTrader."""
    symbol_map: dict[str, str] = {}
    """Our name of a symbol -> the broker's (``XAUUSD: GOLD``)."""
    host: str | None = None
    """``host:port`` on which a terminal host already listens; loopback only."""
    alerts: AlertSettings | None = None
    challenge: ChallengeSettings | None = None


PROFILE_FIELDS: Final = tuple(
    name for name in AccountProfile.__struct_fields__ if name not in ("name", "file", "given")
)
"""The keys of a profile."""


class CliOverrides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the command line says of the account; None where it says nothing.

    `login` may be the text as typed: a bad one is refused when the account is resolved.
    """

    login: int | str | None = None
    server: str | None = None
    password: Secret | None = None


class ResolvedAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A complete account. `origins` tells for each field where its value comes from.

    An origin reads ``command line``, ``environment OMEGA_MT5_LOGIN``, ``profile X in FILE`` or
    ``default``. `warnings` are sentences for the user; they never hold the password.
    """

    profile: str | None
    server: str
    login: int
    password: Secret
    default_symbol: str
    purpose: Purpose
    terminal_path: str | None
    symbol_map: dict[str, str]
    host: str | None
    origins: dict[str, str]
    warnings: list[str]
    alerts: AlertSettings | None = None
    challenge: ChallengeSettings | None = None


class Preset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A strategy with its numbers and limits, as a file in ``config/presets`` gives them.

    `parameters` are plain values (numbers, text, lists, mappings; no null) for the strategy that
    `strategy` names, which checks their names and types. `file` is where the preset stands.
    """

    name: str
    title: str
    strategy: str
    timeframe: str
    symbols: list[str]
    parameters: dict[str, object]
    limits: CheckedLimits
    file: str


class ReportRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of ``butler config check``: a field, its value or a mask, and its origin."""

    field: str
    value: str
    origin: str
