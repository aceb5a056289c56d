"""Messages to a person: which records are worth one, and an actor that hands them to a sender.

What is sent is decided by a pure fold over records; sending happens in a thread of its own and can
neither hold up nor end a session.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol, get_args

import anyio
import msgspec

from adapters.reports.projection import iso
from adapters.system.outbox import Outbox
from adapters.system.threads import in_daemon
from engine import events as ev
from engine.bus import Subscription
from engine.trading import HaltCause
from engine.types import USD, Cents, Millis, amount, figure

_WAITING: Final = 32
_LOOK_SECONDS: Final = 1.0
_LAST_SECONDS: Final = 10.0


class AlertKind(enum.StrEnum):
    """What a user may switch on and off."""

    HALT = "halt"  # trading stopped or is free again, a session ended otherwise than planned
    BREACH = "breach"  # a loss limit was reached
    DISCONNECT = "disconnect"  # the link was down for longer than a limit
    MUTE_FEED = "mute_feed"  # prices stay away that should come
    DAILY_SUMMARY = "daily_summary"
    SERVICE = "service"  # a service is degraded, or works again; the session hangs


_KIND_OF: Final = {
    HaltCause.DAILY_LOSS: AlertKind.BREACH,
    HaltCause.MAX_LOSS: AlertKind.BREACH,
    HaltCause.FEED: AlertKind.MUTE_FEED,
}


class Alert(NamedTuple):
    kind: AlertKind
    title: str
    text: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The kinds that are sent, and how long (ms) a link may be down before it is worth an alert."""

    kinds: frozenset[AlertKind] = frozenset(AlertKind)
    disconnect_after: Millis = 60_000


class Sender(Protocol):
    """Sends one alert to every service; raises when any of them did not take it."""

    def __call__(self, alert: Alert) -> None: ...


class AlertRules:
    """Tells which alerts a session's records lead to; a pure fold, apart from `due`."""

    def __init__(self, policy: Policy, session: str) -> None:
        self._policy = policy
        self._session = session
        self._causes: tuple[HaltCause, ...] = ()
        self._down_since: Millis | None = None
        self._down_told = False
        self._trades = 0
        self._net: Cents = 0
        self._currency = USD
        self._degraded: dict[str, str] = {}

    def take(self, record: ev.Record) -> list[Alert]:
        """The alerts that the next record leads to."""
        event = record.event
        match event:
            case ev.TradingStateChanged():
                found = self._changed(record.time, event)
            case ev.PositionClosed():
                self._trades += not event.remaining
                self._net += event.net
                return []
            case ev.SessionStarted():
                self._currency = event.currency
                return []
            case ev.DayRolled():
                found = [self._day(event)]
            case ev.RuleViolated():
                found = [self._alert(AlertKind.BREACH, f"{event.rule} rule", event.detail)]
            case ev.SessionEnded() if event.outcome is not ev.SessionOutcome.DONE:
                text = f"{event.outcome} {event.detail}".strip()
                found = [self._alert(AlertKind.HALT, "session ended", text)]
            case _:
                return []
        return [alert for alert in found if alert.kind in self._policy.kinds]

    def due(self, now: Millis) -> list[Alert]:
        """The alert that the time alone leads to: a link that is down for too long."""
        if self._down_since is None or self._down_told:
            return []
        if now - self._down_since < self._policy.disconnect_after:
            return []
        self._down_told = True
        if AlertKind.DISCONNECT not in self._policy.kinds:
            return []
        text = f"the link to the terminal is down since {iso(self._down_since)}"
        return [self._alert(AlertKind.DISCONNECT, "disconnected", text)]

    def services(self, degraded: Mapping[str, str]) -> list[Alert]:
        """The alerts for services that are degraded since the last look, or work again."""
        before, self._degraded = self._degraded, dict(degraded)
        if AlertKind.SERVICE not in self._policy.kinds:
            return []
        worse = [
            self._alert(AlertKind.SERVICE, f"{name} is degraded", f"{why}; trading goes on")
            for name, why in degraded.items()
            if name not in before
        ]
        better = [
            self._alert(AlertKind.SERVICE, f"{name} works again", "nothing is to be done")
            for name in before
            if name not in degraded
        ]
        return worse + better

    def hangs(self, why: str) -> list[Alert]:
        """The alert for a session whose loop does not turn any more."""
        if AlertKind.SERVICE not in self._policy.kinds:
            return []
        return [self._alert(AlertKind.SERVICE, "the session hangs", why)]

    def _changed(self, time: Millis, changed: ev.TradingStateChanged) -> list[Alert]:
        found = self._link(time, changed)
        causes, before = set(changed.causes), set(self._causes)
        self._causes = changed.causes
        new = [cause for cause in changed.causes if cause in causes - before - {HaltCause.LINK}]
        unit, account = self._currency, changed.account
        figures = f"equity {figure(account.equity, unit)}, balance {amount(account.balance, unit)}"
        for cause in new:
            kind = _KIND_OF.get(cause, AlertKind.HALT)
            text = f"{changed.detail}; {figures}"
            found.append(self._alert(kind, f"no new orders: {cause}", text))
        if not causes and before - {HaltCause.LINK}:
            text = f"{changed.detail}; {figures}"
            found.append(self._alert(AlertKind.HALT, "trading is active again", text))
        return found

    def _link(self, time: Millis, changed: ev.TradingStateChanged) -> list[Alert]:
        """Remember when the link went; only a return from a reported absence is reported."""
        if HaltCause.LINK in changed.causes:
            if self._down_since is None:
                self._down_since, self._down_told = time, False
            return []
        told, self._down_since, self._down_told = self._down_told, None, False
        return [self._alert(AlertKind.DISCONNECT, "connected again", changed.detail)] * told

    def _day(self, day: ev.DayRolled) -> Alert:
        trades, self._trades = self._trades, 0
        net, self._net = self._net, 0
        account, unit = day.account, self._currency
        text = (
            f"until {day.date}: {trades} trades closed, net {amount(net, unit)}; "
            f"balance {figure(account.balance, unit)}, equity {amount(account.equity, unit)}; "
            f"today's floor {amount(day.floor, unit)}"
        )
        return self._alert(AlertKind.DAILY_SUMMARY, "daily summary", text)

    def _alert(self, kind: AlertKind, title: str, text: str) -> Alert:
        return Alert(kind, f"{self._session}: {title}", text)


class Alerts:
    """The I/O actor: queues what is worth an alert and never waits for a service."""

    name = "alerts"
    kinds: frozenset[type] = frozenset(get_args(ev.Event))

    def __init__(
        self,
        rules: AlertRules,
        send: Sender,
        now: Callable[[], Millis],
        warn: Callable[[str], None],
        *,
        room: int = _WAITING,
        last_seconds: float = _LAST_SECONDS,
        degraded: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`room` alerts wait at most; `last_seconds` may pass at the end until all are sent.

        `degraded` tells which services are, by name, and why.
        """
        self._degraded = degraded
        self._rules = rules
        self._now = now
        self._warn = warn
        self._last_seconds = last_seconds
        self._outbox: Outbox[Alert] = Outbox("alerts", send, room=room)

    async def run(self, subscription: Subscription) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look_regularly)
            async for batch in subscription.stream:
                for record in batch:
                    self._put(self._rules.take(record))
            tasks.cancel_scope.cancel()
        left = await in_daemon(lambda: self._outbox.finish(self._last_seconds))
        self._tell()
        if left:
            self._warn(f"alerts: the service hangs, {left} were not sent")

    async def _look_regularly(self) -> None:
        while True:
            await anyio.sleep(_LOOK_SECONDS)
            self._put(self._rules.due(self._now()))
            self._put(self._rules.services(self._degraded()))
            self._tell()

    def hangs(self, why: str, seconds: float) -> None:
        """Send, from any thread, that the session's loop does not turn; waits at most `seconds`
        until the service has it, as the process may be ended next.
        """
        self._put(self._rules.hangs(why))
        self._outbox.delivered(seconds)

    def _put(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            self._outbox.put(alert)

    def _tell(self) -> None:
        """Say in the log what the services did not take."""
        news = self._outbox.news()
        if news.dropped:
            self._warn(f"alerts: the service is too slow, {news.dropped} were dropped")
        if news.failed:
            self._warn(f"alerts: {news.failed} could not be sent; try butler alerts test")
