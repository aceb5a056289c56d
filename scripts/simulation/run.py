"""One simulated session from its seed: begun, crashed, resumed, ended, and then looked over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.mt5.departures import figures
from adapters.mt5.errors import LinkDown, LookFailed, TerminalError
from adapters.mt5.feed import BarWatch, LiveFeed
from adapters.mt5.requests import Instrument, filling_of
from adapters.mt5.venue import SendingDesk
from adapters.projection import LogProjection, SummaryProjection
from adapters.sinks import csv_bytes
from engine import events as ev
from engine.bus import Edge
from engine.journal import JournalFailed
from engine.session import Session
from engine.types import Limits, Millis
from risk.days import resets
from scripts.live_actors import LiveActors, Wiring, connect_live
from scripts.simulation.audit import Audit, Broken
from scripts.simulation.disk import SimulatedJournal
from scripts.simulation.line import SimulatedHost, SimulatedLine
from scripts.simulation.strategy import Restless
from scripts.simulation.world import CLOCK, EngineCrashed, World
from scripts.wiring import concluding
from signals.bars import BarPreparer
from signals.clocks import server_of, to_utc

BARS = 24
_MOST_STARTS = 25
_QUIET_LOOKS = 12
_ZONE = "Europe/Prague"


@dataclass(frozen=True)
class Result:
    """What a seed's run did; `broken` names the invariant that did not hold, or is empty."""

    seed: int
    broken: str
    records: int
    trades: int
    starts: int
    hash_: str


class Pace:
    """One move of the market at a time; after its end some looks at the quiet account."""

    def __init__(self, world: World, audit: Audit, *, moves: bool) -> None:
        self._world = world
        self._audit = audit
        self._moves = moves
        self._looks = _QUIET_LOOKS if not moves else 1

    async def next(self) -> bool:
        self._world.step()
        self._audit.check_limits()
        if self._moves and self._world.advance():
            return True
        self._looks -= 1
        return self._looks >= 0

    async def wait(self, _seconds: float) -> None:
        """Time stands still while the link is down."""

    def stopped(self) -> bool:
        """Nobody waits for a lost link here: the session ends, and is begun again."""
        return True

    def day_limit(self) -> Millis:
        now = self._world.clock.now()
        return now - 1 if self._world.last_move == "end" else now


class MemorySink:
    """The CSV and JSON actors' projections, kept in memory; they begin with the past."""

    name = "files"
    kinds = LogProjection.KINDS | SummaryProjection.KINDS

    def __init__(self, past: Sequence[ev.Record]) -> None:
        self._log, self._summary = LogProjection(), SummaryProjection()
        self.rows = b""
        for record in past:
            self._take(record)

    async def run(self, edge: Edge) -> None:
        async for batch in edge.stream:
            for record in batch:
                self._take(record)

    def _take(self, record: ev.Record) -> None:
        row = self._log.row(record)
        if row is not None:
            self.rows += csv_bytes([row], header=False)
        self._summary.take(record)

    def summary(self) -> dict[str, Any]:
        return self._summary.summary()


def run_seed(seed: int, *, bars: int = BARS) -> Result:
    """Run one seed to its end; never raises for a broken invariant, but tells it."""
    world = World(seed, bars=bars)
    limits = Limits(
        max_positions=world.rng.randint(1, 3),
        max_positions_per_symbol=world.rng.randint(1, 2),
        per_trade_risk_fraction=0.004,
        daily_loss_fraction=world.rng.choice((0.02, 0.004)),
        max_loss_fraction=world.rng.choice((None, 0.01)),
        reset_zone=_ZONE,
    )
    audit = Audit(world, limits)
    simulation = _Simulation(seed, world, limits, audit)
    try:
        broken = ""
        asyncio.run(simulation.play())
    except Broken as error:
        broken = str(error)
    records = world.disk.records()
    return Result(
        seed,
        broken,
        len(records),
        sum(isinstance(r.event, ev.PositionClosed) for r in records),
        simulation.starts,
        world.disk.hexdigest(),
    )


class _Simulation:
    def __init__(self, seed: int, world: World, limits: Limits, audit: Audit) -> None:
        self._seed = seed
        self._world = world
        self._limits = limits
        self._audit = audit
        self.starts = 0

    async def play(self) -> None:
        """Start the engine again and again until the market has ended, then look at it in peace."""
        while self.starts < _MOST_STARTS and not await self._start(moves=True):
            if self.starts == _MOST_STARTS - 1:
                self._world.calm()
        self._world.calm()
        await self._start(moves=False)

    async def _start(self, *, moves: bool) -> bool:
        """One life of the engine; whether it ended in order."""
        self.starts += 1
        world = self._world
        host = SimulatedHost(world, self._audit.on_send)
        line = SimulatedLine(world, host)
        try:
            account = await _attached(line)
        except EngineCrashed:
            return False
        if account is None:
            return False
        past = world.disk.records()
        journal = SimulatedJournal(world.disk, world.step)
        actors = connect_live(self._wiring(journal, line, account))
        for kind in (ev.TradingStateChanged, ev.OrderApproved):
            actors.bus.attach({kind: self._audit.on_record})
        self._audit.begin(actors, past)
        sink = MemorySink(past)
        edge = actors.bus.edge(sink.name, sink.kinds)
        session = self._session(actors, journal, sink, edge, moves=moves)
        try:
            self._enter(actors, past, account)
            await session.run()
        except (EngineCrashed, BaseExceptionGroup) as error:
            _only_crashes(error)
            world.disk.crash()
            return False
        except (JournalFailed, TerminalError, LookFailed, LinkDown) as error:
            del error  # told in order; the user starts it again
            world.disk.crash()
            return False
        finally:
            _abandon(actors, edge)
        if not moves:
            self._audit.check_end(actors, sink.rows, sink.summary())
        return True

    def _enter(self, actors: LiveActors, past: list[ev.Record], account: Any) -> None:
        about = {"session_id": f"seed-{self._seed}", "dry_run": False}
        if past:
            actors.resume(past, account, {})
            return
        started = ev.SessionStarted(
            mode="simulation",
            currency="USD",
            account=figures(account),
            preset="restless",
            parameters={},
            limits=msgspec.to_builtins(self._limits),
            symbols=tuple(self._world.specs.values()),
        )
        actors.begin(started, about)

    def _wiring(self, journal: SimulatedJournal, line: SimulatedLine, account: Any) -> Wiring:
        filling = {
            name: filling_of(self._world.terminal.symbol_info(name).filling_mode)  # type: ignore[union-attr]
            for name in self._world.specs
        }
        return Wiring(
            journal=journal,
            line=line,
            clock=self._world.clock,
            account=account,
            session_id=f"seed-{self._seed}",
            strategy_id="restless",
            factory=Restless,
            instruments={
                name: Instrument(spec, name, filling[name])
                for name, spec in self._world.specs.items()
            },
            limits=self._limits,
            desk=SendingDesk(),
            to_server=lambda moment: server_of(CLOCK, moment // 1000),
        )

    def _session(
        self,
        actors: LiveActors,
        journal: SimulatedJournal,
        sink: MemorySink,
        edge: Edge,
        *,
        moves: bool,
    ) -> Session:
        watches = [
            BarWatch(
                name,
                name,
                BarPreparer(spec, lambda server: to_utc(CLOCK, server), timeframes=("M15",)),
            )
            for name, spec in self._world.specs.items()
        ]
        feed = LiveFeed(
            actors.bus,
            actors.market,
            actors.gateway,
            actors.venue,
            self._world.clock,
            watches,
            Pace(self._world, self._audit, moves=moves),
            resets(_ZONE, self._world.clock.now()),
        )
        return Session(
            actors.bus,
            journal,
            feed,
            [(sink, edge)],
            conclude=concluding(actors.market, actors.risk),
            about_end=dict,
            helpers=[actors.venue.run],
        )


async def _attached(line: SimulatedLine) -> Any:
    """The account, or None when the terminal cannot be reached: the user tries again."""
    try:
        await line.restart()
        answer = await line.call("initialize", deadline=10.0)
        if answer.failed:
            return None
        info = await line.call("account_info", deadline=10.0)
    except TerminalError:
        return None
    return info.value


def _only_crashes(error: BaseException) -> None:
    """Raise again what is no crash."""
    if isinstance(error, BaseExceptionGroup):
        _, rest = error.split(EngineCrashed)
        if rest is not None:
            raise rest
    elif not isinstance(error, EngineCrashed):
        raise error


def _abandon(actors: LiveActors, edge: Edge) -> None:
    """A process that ends takes its streams along."""
    actors.bus.close_edges()
    edge.stream.close()
    actors.venue.abandon()
