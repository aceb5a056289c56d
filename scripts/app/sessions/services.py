"""What runs beside a long session: control, status, heartbeat, alerts, metrics, view.

Each part is an I/O actor: it takes records from the bus, or merely lasts as long as the session.
None of them decides anything, and none can hold the feed back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from adapters.mt5.live.feed_watch import FeedState
from adapters.reports.status import Moment, Status, StatusKeeper
from adapters.services.background import Beside
from adapters.services.control import ControlServer
from adapters.services.heartbeat import Beat, Heartbeat, Ping
from adapters.services.logs import SessionLog
from engine import events as ev
from engine.bus import Bus, Edge
from engine.clock import Clock
from engine.portfolio import Market
from engine.ports import Sink
from engine.trading import Trading
from engine.types import Millis
from scripts.app.errors import CommandFailed, Exit
from scripts.app.session_folder import SessionFolder
from scripts.app.sessions.commands import SessionCommands

if TYPE_CHECKING:
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


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which parts a session is to have; control, status and heartbeat it always has."""

    alerts: AlertSettings | None = None
    metrics_port: int | None = None
    view: Callable[[Callable[[], Status | None]], Work] | None = None
    """Makes what shows the status for as long as the session lasts."""
    beat_seconds: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the parts ask of the session's own actors, whenever they need it."""

    trading: Callable[[], Trading]
    request_stop: Callable[[], None]
    feeds: Callable[[], Mapping[str, FeedState]] = dict
    headroom: Callable[[], Mapping[str, float] | None] = lambda: None
    final: Callable[[], str | None] = lambda: None
    """Why the user may not resume any more, or None."""
    unseen: Callable[[], str | None] = lambda: None
    """Why the user may not resume yet, or None."""


@dataclass
class Company:
    """The parts, each with its edge, and those of them that others talk to."""

    actors: list[tuple[Sink, Edge]]
    keeper: StatusKeeper
    control: ControlServer
    metrics: Metrics | None = None


@dataclass
class _Build:
    """Collects the parts; every edge it knows of is watched for what waits in it."""

    bus: Bus
    market: Market
    clock: Clock
    folder: SessionFolder
    log: SessionLog
    figures: Figures
    watched: list[Edge]
    actors: list[tuple[Sink, Edge]] = field(default_factory=list)

    def add(self, actor: Sink, kinds: frozenset[type]) -> None:
        edge = self.bus.edge(actor.name, kinds)
        self.actors.append((actor, edge))
        self.watched.append(edge)

    def moment(self, ticks: TickTimes) -> Moment:
        return Moment(
            now=self.clock.now(),
            trading=self.figures.trading(),
            account=self.market.account,
            ticks=self.market.ticks,
            values=self.market.values,
            ticked_at=ticks.last,
            feeds=self.figures.feeds(),
            queues={edge.name: edge.waiting for edge in self.watched},
            headroom=self.figures.headroom(),
        )

    def beat(self) -> Beat:
        return Beat(
            session=self.folder.session_id,
            pid=os.getpid(),
            time=self.clock.now(),
            seq=self.bus.seq,
            state=str(self.figures.trading().state),
        )


def keep_company(
    bus: Bus,
    market: Market,
    clock: Clock,
    folder: SessionFolder,
    log: SessionLog,
    figures: Figures,
    *,
    edges: list[Edge],
    wanted: Wanted,
    past: Sequence[ev.Record] = (),
) -> Company:
    """Build the parts; call it before the bus is sealed and the first record published.

    `edges` are those of the session's other I/O actors, `past` its journal so far. Raises
    CommandFailed for what `wanted` asks and this machine cannot give.
    """
    build = _Build(bus, market, clock, folder, log, figures, list(edges))
    ticks = TickTimes(bus)
    bus.attach(ticks.routes())
    keeper = StatusKeeper(lambda: build.moment(ticks), past)
    build.add(keeper, keeper.kinds)
    commands = SessionCommands(
        bus,
        clock,
        keeper.status,
        figures.request_stop,
        final=figures.final,
        unseen=figures.unseen,
    )
    control = ControlServer(folder.path, commands, log.warn)
    _add_work(build, "control", control)
    heart = Heartbeat(
        folder.path / "heartbeat.json", build.beat, log.warn, every=wanted.beat_seconds
    )
    _add_work(build, "heartbeat", heart)
    if wanted.alerts is not None:
        _add_alerts(build, wanted.alerts, past)
    metrics = None
    if wanted.metrics_port is not None:
        metrics = _metrics(build, keeper, wanted.metrics_port)
    if wanted.view is not None:
        _add_work(build, "screen", wanted.view(keeper.status))
    return Company(build.actors, keeper, control, metrics)


def _add_work(build: _Build, name: str, part: Work) -> None:
    build.add(Beside(name, part.run), Beside.kinds)


def _add_alerts(build: _Build, settings: AlertSettings, past: Sequence[ev.Record]) -> None:
    from adapters.services.alerts import AlertRules, Alerts
    from config.loader import ConfigError
    from scripts.app.sessions.alerts import policy, sender

    if (send := sender(settings)) is not None:
        rules = AlertRules(policy(settings), build.folder.session_id)
        for record in past:
            rules.take(record)  # told when it happened
        alerts = Alerts(rules, send, build.clock.now, build.log.warn)
        build.add(alerts, alerts.kinds)
    try:
        address = settings.ping_address(os.environ)
        if address is not None:
            ping = Ping(address.reveal(), build.log.warn, every=settings.ping_seconds)
            _add_work(build, "ping", ping)
    except (ConfigError, ValueError) as error:
        raise CommandFailed(str(error), Exit.USAGE) from error


def _metrics(build: _Build, keeper: StatusKeeper, port: int) -> Metrics:
    from adapters.services.metrics import Metrics, MetricsUnavailable

    try:
        metrics = Metrics(port, keeper.status, lambda: build.clock.now() / 1000)
    except MetricsUnavailable as error:
        raise CommandFailed(f"--metrics-port: {error}", Exit.USAGE) from error
    build.add(metrics, metrics.kinds)
    return metrics
