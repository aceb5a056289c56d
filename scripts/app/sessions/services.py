"""The services of a long session: control, status, heartbeat, alerts, metrics, view.

Each part is an I/O actor: it takes records from the bus, or merely lasts as long as the session.
None of them decides anything, none can hold the feed back, and none can end the session.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import msgspec

from adapters.mt5.live.feed_watch import FeedState
from adapters.reports.status import Moment, Status, StatusKeeper
from adapters.services.background import BackgroundService
from adapters.services.control import ControlServer
from adapters.services.heartbeat import Beat, Heartbeat, Ping, write_beat
from adapters.services.last_cause import HANGS, TURNS_AGAIN
from adapters.services.logs import SessionLog
from adapters.services.supervisor import Supervisor
from adapters.services.watchdog import Watchdog, WatchdogTerms
from engine import events as ev
from engine.bus import Bus, Subscription
from engine.clock import Clock
from engine.portfolio import Portfolio
from engine.ports import Sink
from engine.trading import Trading
from engine.types import Cents, Millis
from scripts.app.errors import WrongUsage
from scripts.app.session_folder import HEARTBEAT, SessionFolder
from scripts.app.sessions.commands import SessionCommands

if TYPE_CHECKING:
    from adapters.services.alerts import Alerts
    from adapters.services.metrics import Metrics
    from config.loader import AlertSettings


class TickTimes:
    """When each symbol last had a price, in ms UTC."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.last: dict[str, Millis] = {}

    def routes(self) -> ev.Routes:
        return {ev.Tick: self.on_tick}

    def on_tick(self, tick: ev.Tick) -> None:
        self.last[tick.symbol] = self._bus.time


class Work(Protocol):
    """Work that goes on until it is cancelled."""

    async def run(self) -> None: ...


StatusView = Callable[[Callable[[], Status | None]], Work]
"""Makes what shows the status for as long as the session lasts."""


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """Which parts a session is to have; control, status and heartbeat it always has."""

    alerts: AlertSettings | None = None
    metrics_port: int | None = None
    view: StatusView | None = None
    beat_seconds: float = 5.0
    watchdog: WatchdogTerms | None = None
    parquet: bool = False


@dataclass(frozen=True, kw_only=True)
class SessionQueries:
    """What the parts ask of the session's own actors, whenever they need it."""

    trading: Callable[[], Trading]
    request_stop: Callable[[], None]
    feeds: Callable[[], Mapping[str, FeedState]] = dict
    loss_buffer: Callable[[], Mapping[str, float] | None] = lambda: None
    day_start: Callable[[], Cents | None] = lambda: None
    final: Callable[[], str | None] = lambda: None
    """Why the user may not resume any more, or None."""
    unseen: Callable[[], str | None] = lambda: None
    """Why the user may not resume yet, or None."""


@dataclass
class Services:
    """The parts, each with its edge, and those of them that others talk to."""

    actors: list[tuple[Sink, Subscription]]
    keeper: StatusKeeper
    control: ControlServer
    metrics: Metrics | None = None


@dataclass
class _Build:
    """Collects the parts; every edge it knows of is watched for what waits in it."""

    bus: Bus
    portfolio: Portfolio
    clock: Clock
    folder: SessionFolder
    log: SessionLog
    queries: SessionQueries
    watched: list[Subscription]
    supervisor: Supervisor
    beat_seconds: float
    actors: list[tuple[Sink, Subscription]] = field(default_factory=list)

    def add(self, actor: Sink, kinds: frozenset[type]) -> None:
        subscription = self.bus.subscribe(actor.name, kinds)
        self.actors.append((self.supervisor.over(actor), subscription))
        self.watched.append(subscription)

    def moment(self, ticks: TickTimes) -> Moment:
        return Moment(
            now=self.clock.now(),
            trading=self.queries.trading(),
            account=self.portfolio.account,
            ticks=self.portfolio.ticks,
            valuations=self.portfolio.valuations,
            ticked_at=ticks.last,
            feeds=self.queries.feeds(),
            queues={subscription.name: subscription.waiting for subscription in self.watched},
            loss_buffer=self.queries.loss_buffer(),
            degraded=self.degraded(),
            day_start=self.queries.day_start(),
        )

    def degraded(self) -> dict[str, str]:
        """Which services are, and why."""
        log = {} if self.log.trouble is None else {"log": self.log.trouble}
        return self.supervisor.degraded | log

    def beat(self) -> Beat:
        return Beat(
            session=self.folder.session_id,
            pid=os.getpid(),
            time=self.clock.now(),
            seq=self.bus.seq,
            state=str(self.queries.trading().state),
            every=self.beat_seconds,
        )


def start_services(
    bus: Bus,
    portfolio: Portfolio,
    clock: Clock,
    folder: SessionFolder,
    log: SessionLog,
    queries: SessionQueries,
    *,
    subscriptions: list[Subscription],
    options: ServiceOptions,
    supervisor: Supervisor | None = None,
    past: Sequence[ev.Record] = (),
) -> Services:
    """Build the parts; call it before the bus is sealed and the first record published.

    `subscriptions` are those of the session's other I/O actors, which `supervisor` may watch too;
    `past` is its journal so far. Raises
    AppError for what `options` asks and this machine cannot give.
    """
    supervisor = supervisor or Supervisor(log.warn)
    build = _Build(
        bus=bus,
        portfolio=portfolio,
        clock=clock,
        folder=folder,
        log=log,
        queries=queries,
        watched=list(subscriptions),
        supervisor=supervisor,
        beat_seconds=options.beat_seconds,
    )
    ticks = TickTimes(bus)
    bus.attach(ticks.routes())
    keeper = StatusKeeper(lambda: build.moment(ticks), past)
    build.add(keeper, keeper.kinds)
    control = _add_control(build, keeper)
    heart = Heartbeat(folder.path / HEARTBEAT, build.beat, log.warn, every=options.beat_seconds)
    _add_work(build, "heartbeat", heart)
    alerts = None if options.alerts is None else _add_alerts(build, options.alerts, past)
    if options.watchdog is not None:
        _add_watchdog(build, options.watchdog, alerts)
    metrics = None
    if options.metrics_port is not None:
        metrics = _metrics(build, keeper, options.metrics_port)
    if options.view is not None:
        _add_work(build, "screen", options.view(keeper.status))
    return Services(build.actors, keeper, control, metrics)


def _add_control(build: _Build, keeper: StatusKeeper) -> ControlServer:
    """What other processes ask and order the session by."""
    queries = build.queries
    commands = SessionCommands(
        build.bus,
        build.clock,
        keeper.status,
        queries.request_stop,
        final=queries.final,
        unseen=queries.unseen,
    )
    control = ControlServer(
        build.folder.path, commands, build.log.warn, recorded=build.bus.showable
    )
    _add_work(build, "control", control)
    return control


def _add_work(build: _Build, name: str, part: Work) -> None:
    build.add(BackgroundService(name, part.run), BackgroundService.kinds)


def _add_watchdog(build: _Build, terms: WatchdogTerms, alerts: Alerts | None) -> None:
    """Tells log, alerts and heartbeat when the loop hangs, which none of them could notice.

    Log line and alert have left this process when `hangs` returns: it may be ended next.
    """

    def hangs(why: str) -> None:
        build.log.warn(HANGS, why=why)
        beat = msgspec.structs.replace(build.beat(), alive=False)
        write_beat(build.folder.path / HEARTBEAT, beat)
        build.log.written(terms.last_words)
        if alerts is not None:
            alerts.hangs(why, terms.last_words)

    def turns_again() -> None:
        build.log.warn(TURNS_AGAIN, why="its loop turns again")

    _add_work(build, "watchdog", Watchdog(build.folder.path, terms, hangs, turns_again))


def _add_alerts(build: _Build, settings: AlertSettings, past: Sequence[ev.Record]) -> Alerts | None:
    """The actor, None without an address to send to."""
    from adapters.services.alerts import AlertRules, Alerts
    from config.loader import ConfigError
    from scripts.app.sessions.alerts import policy, sender

    alerts = None
    if (send := sender(settings)) is not None:
        rules = AlertRules(policy(settings), build.folder.session_id)
        for record in past:
            rules.take(record)  # reported when it happened
        alerts = Alerts(rules, send, build.clock.now, build.log.warn, degraded=build.degraded)
        build.add(alerts, alerts.kinds)
    try:
        address = settings.ping_address(os.environ)
        if address is not None:
            ping = Ping(address.reveal(), build.log.warn, every=settings.ping_seconds)
            _add_work(build, "ping", ping)
    except (ConfigError, ValueError) as error:
        raise WrongUsage(str(error)) from error
    return alerts


def _metrics(build: _Build, keeper: StatusKeeper, port: int) -> Metrics:
    from adapters.services.metrics import Metrics, MetricsUnavailable

    try:
        metrics = Metrics(port, keeper.status, lambda: build.clock.now() / 1000)
    except MetricsUnavailable as error:
        raise WrongUsage(f"--metrics-port: {error}") from error
    build.add(metrics, metrics.kinds)
    return metrics
