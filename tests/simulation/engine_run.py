"""One life of the engine in a simulated session: its parts, from the start to the end or crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.mt5.api.account_guard import objection
from adapters.mt5.api.errors import TerminalError
from adapters.mt5.execution.remote import LiveRouter
from adapters.mt5.execution.requests import Instrument, filling_of
from adapters.mt5.execution.translation import figures
from adapters.mt5.live.bar_watch import BarWatch
from adapters.mt5.live.days import Days
from adapters.mt5.live.feed import LiveFeed
from adapters.reports.projection import LogProjection
from adapters.reports.sinks import csv_bytes
from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.bus import Subscription
from engine.journal import Journal, MemoryJournal
from engine.session import Session
from engine.types import Cents, Limits, Millis
from scripts.app.sessions.adopting import Adopter
from scripts.app.sessions.ledger_news import LedgerObserver
from scripts.app.sessions.live_actors import Wiring, connect_live, days_to_come
from scripts.app.sessions.replay import concluding
from scripts.app.sessions.starting import SessionAccount
from signals.market_data.bars import BarPreparer
from signals.market_data.clocks import server_of, to_utc
from tests.simulation.account import taken_over
from tests.simulation.audit import Audit
from tests.simulation.disk import SimulatedJournal
from tests.simulation.link import SimulatedHost, SimulatedLink
from tests.simulation.signals import SimulatedSignals
from tests.simulation.strategy import RandomStrategy
from tests.simulation.world import CLOCK, LOGIN, SERVER, World

QUIET_LOOKS = 6
"""Looks at the quiet account: as many as orders in flight and moved levels need to be seen."""

_TWINS = 0.04
"""How often the engine is compared with one that is brought back from its journal."""


@dataclass(frozen=True)
class Setting:
    """What all lives of one seed's engine share."""

    seed: int
    world: World
    limits: Limits
    audit: Audit


class SimulatedLedger:
    """The real observer; its look at the account is none of the feed's, whose figures are older."""

    def __init__(self, observer: LedgerObserver, host: SimulatedHost) -> None:
        self._observer, self._host = observer, host

    async def news(self, balance: Cents, *, turns: bool) -> ev.LedgerUpdated | None:
        """As `LedgerObserver.news`."""
        told = self._host.balance
        try:
            return await self._observer.news(balance, turns=turns)
        finally:
            self._host.balance = told


class SimulatedPacing:
    """One move of the market at a time; after its end some looks at the quiet account."""

    def __init__(self, engine_run: EngineRun, *, moves: bool) -> None:
        self._engine_run = engine_run
        self._world = engine_run.setting.world
        self._moves = moves
        self._looks = 1 if moves else QUIET_LOOKS

    async def next(self) -> bool:
        self._world.step()
        self._engine_run.check()
        if self._world.user.act(self._engine_run.actors):
            self._engine_run.setting.audit.check_rest()
        if self._moves and self._world.advance():
            return True
        self._looks -= 1
        return self._looks >= 0

    async def wait(self, _seconds: float) -> None:
        """Time stands still while the link is down."""

    def stopped(self) -> bool:
        """Nobody waits for a lost link here: the session ends, and is begun again."""
        return True

    def over(self) -> bool:
        """It has no time of its own."""
        return False

    def day_limit(self) -> Millis:
        now = self._world.clock.now()
        return now - 1 if self._world.last_move == "end" else now

    def signal_limit(self) -> Millis:
        return self.day_limit()

    def worst(self) -> ev.AccountSeen | None:
        """Its market shows no bar's worst."""


class MemorySink:
    """The CSV and JSON actors' projections, kept in memory; they begin with the past."""

    name = "files"
    kinds = LogProjection.KINDS | SummaryProjection.KINDS

    def __init__(self, past: Sequence[ev.Record]) -> None:
        self._log, self._summary = LogProjection(), SummaryProjection()
        self.rows = b""
        for record in past:
            self._take(record)

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            for record in batch:
                self._take(record)

    def _take(self, record: ev.Record) -> None:
        row = self._log.row(record)
        if row is not None:
            self.rows += csv_bytes([row], header=False)
        self._summary.take(record)

    def summary(self) -> dict[str, Any]:
        return self._summary.summary()


class EngineRun:
    """The engine from its start on; `session.run` plays it."""

    def __init__(
        self,
        setting: Setting,
        host: SimulatedHost,
        link: SimulatedLink,
        account: Any,
        part: SessionAccount,
    ) -> None:
        """Brings the engine back where its journal has anything; must be called inside the loop.

        Raises what publishing raises: the journal may fail, the engine may crash.
        """
        self.setting = setting
        world = setting.world
        self._account, self._line, self._part = account, link, part
        self._past = world.disk.records()
        self._journal = SimulatedJournal(
            world.disk, world.step, setting.audit.on_record, world.insist_running
        )
        self._kept = part.journal(self._journal, world.session_id, self._past, self._seconds)
        self.actors = connect_live(self._wiring(self._kept))
        self.actors.venue.on_cancel = self._kept.note_cancel
        observer = part.watch(self._seconds)
        self._watch = None if observer is None else SimulatedLedger(observer, host)
        if observer is not None:
            self.actors.bus.attach(observer.routes())
        self.sink = MemorySink(self._past)
        self._subscription = self.actors.bus.subscribe(self.sink.name, self.sink.kinds)
        setting.audit.begin(self.actors, host, self._past)

    def _seconds(self) -> float:
        return self.setting.world.clock.now() / 1000

    async def enter(self) -> None:
        """Begin the session, or go on with it; one that begins takes over what is open."""
        setting = self.setting
        if self._past:
            self.actors.resume(self._past, self._account, {})
            self.actors.bus.feed(self._part.first)
            return
        adopter = Adopter(
            results=Path("nowhere"), instruments=self._instruments(), preset="restless",
            parameters={},
        )  # fmt: skip
        taken = await taken_over(self._line, self._part, adopter)
        started = ev.SessionStarted(
            mode="simulation",
            currency="USD",
            account=figures(self._account),
            preset="restless",
            parameters={},
            limits=setting.limits.terms(),
            symbols=tuple(setting.world.specs.values()),
            broker_valued=True,
        )
        self.actors.begin(started, {"session_id": setting.world.session_id, "dry_run": False})
        self.actors.bus.feed(self._part.first)
        if taken is not None:
            self.actors.bus.feed(taken)

    async def play(self, *, moves: bool) -> None:
        """Run the session to its end, then check; raises what ends it out of order."""
        await self._session(moves=moves).run()
        self.setting.audit.check_rest()

    def check(self) -> None:
        """What must hold whenever all that was observed is handled."""
        setting = self.setting
        setting.audit.check_rest()
        if setting.world.rng.random() < _TWINS:
            self.check_restored_copy()

    def check_restored_copy(self) -> None:
        """Compare the actors with new ones that the journal brings back."""
        restored_copy = connect_live(self._wiring(MemoryJournal()))
        records = [*self.setting.world.disk.records(), *self._journal.pending()]
        try:
            self.setting.audit.check_restored_copy(restored_copy, records)
        finally:
            restored_copy.venue.abandon()

    def abandon(self) -> None:
        """A process that ends takes its streams along."""
        self.actors.bus.close_subscriptions()
        self._subscription.stream.close()
        self.actors.venue.abandon()

    def _wiring(self, journal: Journal) -> Wiring:
        world = self.setting.world
        return Wiring(
            journal=journal,
            link=self._line,
            clock=world.clock,
            account=self._account,
            session_id=world.session_id,
            strategy_id="restless",
            factory=RandomStrategy,
            instruments=self._instruments(),
            limits=self.setting.limits,
            router=LiveRouter,
            to_server=lambda moment: server_of(CLOCK, moment // 1000),
        )

    def _instruments(self) -> dict[str, Instrument]:
        world = self.setting.world
        return {
            name: Instrument(spec, name, filling_of(world.filling_mask(name)))
            for name, spec in world.specs.items()
        }

    def _session(self, *, moves: bool) -> Session:
        actors = self.actors
        return Session(
            actors.bus,
            self._kept,
            self._feed(moves=moves),
            [(self.sink, self._subscription)],
            conclude=concluding(actors.portfolio, actors.risk),
            end_metadata=dict,
            helpers=[actors.venue.run],
        )

    def _feed(self, *, moves: bool) -> LiveFeed:
        actors, world = self.actors, self.setting.world
        given = [signal for signal in world.signals if signal.time >= world.session_began]
        watches = [
            BarWatch(
                name,
                name,
                BarPreparer(spec, lambda server: to_utc(CLOCK, server), timeframes=("M15",)),
            )
            for name, spec in world.specs.items()
        ]
        return LiveFeed(
            actors.bus,
            actors.portfolio,
            actors.gateway,
            actors.venue,
            world.clock,
            watches,
            SimulatedPacing(self, moves=moves),
            Days(actors.bus, days_to_come(self.setting.limits, world.clock.now(), self._past)),
            due=SimulatedSignals(given, world.clock, self._past).due,
            ledger=self._watch,
        )


async def attached(link: SimulatedLink) -> Any:
    """The account, or None when it cannot be reached or another is there: the user tries again.

    Proven as `app.sessions.connection` proves it, so that no session begins with another's
    figures.
    """
    try:
        await link.restart()
        answer = await link.call("initialize", deadline=10.0)
        if answer.failed:
            return None
        info = await link.call("account_info", deadline=10.0)
    except TerminalError:
        return None
    return info.value if objection(info.value, LOGIN, SERVER) is None else None
