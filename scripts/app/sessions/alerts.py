"""The alerts of a profile: which records are worth one, and what sends them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from adapters.services.alerts import Policy
    from adapters.services.apprise_sender import AppriseSender
    from config.loader import AlertSettings


def sender(settings: AlertSettings) -> AppriseSender | None:
    """What sends to the profile's services, None without any; raises AppError."""
    from adapters.services.apprise_sender import AlertsUnavailable, AppriseSender
    from config.loader import ConfigError

    try:
        urls = settings.addresses(os.environ)
        return AppriseSender([url.reveal() for url in urls]) if urls else None
    except (ConfigError, AlertsUnavailable) as error:
        raise WrongUsage(str(error)) from error


def policy(settings: AlertSettings) -> Policy:
    """The kinds that the profile wants, in the alert actor's terms."""
    from adapters.services.alerts import AlertKind, Policy

    return Policy(
        kinds=frozenset(map(AlertKind, settings.kinds)),
        disconnect_after=settings.disconnect_seconds * 1000,
    )
