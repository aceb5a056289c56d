"""The `alerts` section of a profile: who is notified of what, and a dead man's switch to ping.

Addresses are secrets. They stand in the file, or in environment variables that the file names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from config.errors import ConfigError
from config.secrets import Secret
from config.section import Section

ALERT_KINDS: Final = ("halt", "breach", "disconnect", "mute_feed", "daily_summary", "service")
ALERT_FIELDS: Final = (
    "urls",
    "urls_from",
    "ping_url",
    "ping_url_from",
    "ping_seconds",
    "disconnect_seconds",
    *ALERT_KINDS,
)
_LONGEST: Final = 2048
_VARIABLE: Final = "the name of an environment variable"


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a profile says of alerts. `kinds` are switched on; seconds as their names say.

    `urls_from` and `ping_url_from` name environment variables that hold an address each.
    """

    urls: list[Secret] = []
    urls_from: list[str] = []
    ping_url: Secret | None = None
    ping_url_from: str | None = None
    ping_seconds: int = 60
    disconnect_seconds: int = 60
    kinds: tuple[str, ...] = ALERT_KINDS

    def __str__(self) -> str:
        services = len(self.urls) + len(self.urls_from)
        ping = ", a dead man's switch" if self.ping_url or self.ping_url_from else ""
        return f"{services} addresses (hidden) for {', '.join(self.kinds) or 'nothing'}{ping}"

    def addresses(self, environ: Mapping[str, str]) -> list[Secret]:
        """Every address; raises ConfigError for a variable that is not set."""
        return [*self.urls, *(_from(environ, name) for name in self.urls_from)]

    def ping_address(self, environ: Mapping[str, str]) -> Secret | None:
        """The address to ping, None without one; raises ConfigError for an unset variable."""
        if self.ping_url_from is not None:
            return _from(environ, self.ping_url_from)
        return self.ping_url


def alert_settings(section: Section) -> AlertSettings:
    """The section's settings; raises ConfigError, which never shows an address."""
    has = section.has
    settings = AlertSettings(
        urls=[Secret(text) for text in _texts(section, "urls", "an address")],
        urls_from=_texts(section, "urls_from", _VARIABLE),
        ping_url=Secret(section.text("ping_url", longest=_LONGEST)) if has("ping_url") else None,
        ping_url_from=section.text("ping_url_from") if has("ping_url_from") else None,
        ping_seconds=section.whole("ping_seconds", least=10, most=86_400)
        if has("ping_seconds")
        else 60,
        disconnect_seconds=section.whole("disconnect_seconds", least=0, most=86_400)
        if has("disconnect_seconds")
        else 60,
        kinds=tuple(kind for kind in ALERT_KINDS if not has(kind) or section.switch(kind)),
    )
    if has("ping_url") and has("ping_url_from"):
        raise section.error("ping_url_from", "ping_url is given too; keep one of them")
    return settings


def _texts(section: Section, key: str, what: str) -> list[str]:
    """A list of texts, none of which an error shows; empty when it is left out."""
    if not section.has(key):
        return []
    value = section.value(key)
    if not isinstance(value, list) or not value:
        raise section.error(key, f"must be a list with at least {what}; write it as [ '...' ]")
    for item in value:
        if not isinstance(item, str) or not item or not item.isprintable() or len(item) > _LONGEST:
            raise section.error(key, f"each entry must be {what} on one line, in single quotes")
    return list(value)


def _from(environ: Mapping[str, str], name: str) -> Secret:
    if not (text := environ.get(name)):
        raise ConfigError(
            "is not set, and the profile's alerts take an address from it; set it, or remove its "
            "name from the profile",
            path=name,
        )
    return Secret(text)
