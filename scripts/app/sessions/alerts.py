"""The alerts of a profile: which records are worth one, and what sends them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from scripts.app.errors import Unreachable, WrongUsage

if TYPE_CHECKING:
    from adapters.services.alerts import Alert, Policy
    from adapters.services.apprise_sender import AppriseSender
    from config.loader import AlertSettings, ResolvedAccount


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


def send_refusal(profile: str, settings: AlertSettings | None, line: str) -> str | None:
    """Tell the profile's services that no session begins, and why; what went wrong, if anything.

    Nobody looks at the console of a service, and one that only a person can help is not started
    again.
    """
    from adapters.services.alerts import Alert, AlertKind

    return _sent(settings, Alert(AlertKind.HALT, f"{profile}: no session begins", line))


def alert_of_hang(account: ResolvedAccount, line: str, tell: Callable[[list[str]], None]) -> None:
    """Tell the profile's services that a session's start hangs; `tell` hears what went wrong."""
    from adapters.services.alerts import Alert, AlertKind

    title = f"{account.profile or 'the account'}: the start hangs"
    failed = _sent(account.alerts, Alert(AlertKind.SERVICE, title, line))
    tell([failed] if failed else [])


def _sent(settings: AlertSettings | None, alert: Alert) -> str | None:
    """Send an alert outside a session, if its kind is wanted; what went wrong, if anything."""
    from adapters.services.apprise_sender import NotTaken

    if settings is None or alert.kind not in policy(settings).kinds:
        return None
    try:
        send = sender(settings)
        if send is not None:
            send(alert)
    except (NotTaken, WrongUsage) as error:
        return f"alerts: {error}"
    return None


def send_test(profile: str, settings: AlertSettings | None) -> int:
    """Send one message to every service of a profile; returns how many there are.

    Raises Unreachable when one does not take it, WrongUsage when there is none.
    """
    from adapters.services.alerts import Alert, AlertKind
    from adapters.services.apprise_sender import NotTaken

    send = None if settings is None else sender(settings)
    if send is None:
        raise WrongUsage(
            f"profile {profile} names nobody to alert; give it an alerts section with "
            "urls, as config/mt5_accounts.example.yaml shows"
        )
    text = f"Alerts of profile {profile} arrive."
    try:
        send(Alert(AlertKind.HALT, "Execution Butler: test", text))
    except NotTaken as error:
        raise Unreachable(
            f"alerts of profile {profile}: {error}; check its address (the positions count "
            "urls first, then urls_from) and that this machine reaches it"
        ) from error
    return send.count
