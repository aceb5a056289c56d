"""Alerts through the services that the apprise library knows: webhooks, Telegram, e-mail and more.

The addresses hold tokens and passwords: they are in no message, and the library's own log, which
names them, is silenced.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

from adapters.services.alerts import Alert


class AlertsUnavailable(Exception):
    """Raised when alerts cannot be sent at all: the library is missing, or an address is none."""


class NotTaken(Exception):
    """Raised when a service did not take an alert; `places` are its positions, from 1."""

    def __init__(self, places: Sequence[int]) -> None:
        super().__init__(places)
        self.places = tuple(places)

    def __str__(self) -> str:
        return f"service {', '.join(map(str, self.places))} did not take it"


class AppriseSender:
    """Sends each alert to every service, one after another. Used from one thread."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Raises AlertsUnavailable without the library and for an unknown address."""
        with warnings.catch_warnings():
            # Its plugins, loaded when the first address is read, name modules that Python drops.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._services = _services(urls)

    @property
    def count(self) -> int:
        """How many services there are."""
        return len(self._services)

    def __repr__(self) -> str:
        return f"AppriseSender({self.count} services)"

    def __call__(self, alert: Alert) -> None:
        """Send; raises NotTaken when any service failed, after all were tried."""
        failed = [
            place
            for place, service in enumerate(self._services, start=1)
            if not self._taken(service, alert)
        ]
        if failed:
            raise NotTaken(failed)

    def _taken(self, service: Any, alert: Alert) -> bool:
        try:
            return bool(service.notify(title=alert.title, body=alert.text))
        except Exception:
            # Whatever a service's plugin raises may quote its address.
            return False


def _services(urls: Sequence[str]) -> list[Any]:
    try:
        import apprise
    except ModuleNotFoundError as error:
        raise AlertsUnavailable(
            "alerts need the apprise package: install the extra (uv sync --extra alerts)"
        ) from error
    logging.getLogger("apprise").disabled = True
    asset = apprise.AppriseAsset(async_mode=False, app_id="Execution Butler")
    services = []
    for place, url in enumerate(urls, start=1):
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            raise AlertsUnavailable(
                f"address {place} is none that apprise knows: write one as its list of services "
                "shows, such as json://host/path, tgram://... or mailto://..."
            )
        services.append(service)
    return services
