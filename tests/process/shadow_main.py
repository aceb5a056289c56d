"""A long session on a paper account in this process, with everything that runs beside one.

``python -m tests.process.shadow_main RESULTS SESSION_ID`` enters one position and then runs until
it is told to stop. ``build`` is for tests that run such a session in their own process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel

from adapters.journal import SqliteJournal
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.terminal_port import TerminalPort
from adapters.reports.projection import iso
from adapters.reports.status import Status
from adapters.services.logs import SessionLog
from adapters.services.supervisor import Supervisor
from engine.bus import Bus
from engine.clock import SystemClock
from engine.exits import Exits
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.session import Session
from risk.actor import RiskActor
from risk.news import NewsRestriction
from scripts.app.session_folder import SessionFolder
from scripts.app.sessions.replay import concluding, file_sinks
from scripts.app.sessions.services import ServiceOptions, Services, SessionQueries, start_services
from scripts.app.version import session_metadata
from signals.strategy_actor import StrategyActor
from signals.user_signals import UserSignals
from tests.builders import LIMITS, SPECS, TICKS, signal, started
from tests.paper_terminals import terminal_at_ticks
from tests.process.cli import SECONDS
from tests.sessions import PacedFeed
from tests.venue_steps import REQUESTS

KIND = "shadow"


@dataclass
class Shadow:
    """A session ready to run, and its parts."""

    session: Session
    journal: SqliteJournal
    bus: Bus
    portfolio: Portfolio
    risk: RiskActor
    services: Services
    supervisor: Supervisor
    log: SessionLog

    async def enter(self) -> None:
        """Buy EURUSD at the usual tick; wait until the status and the disk have the position."""
        self.bus.publish(signal(scale=0.5, stop_loss=109_510, take_profit=111_010))
        await self._told(lambda status: len(status.positions) == 1)

    async def begun(self) -> None:
        """Wait until the session takes orders and can tell how it stands."""
        await self.services.control.ready()
        await self._told(lambda _: True)

    async def _told(self, enough: Callable[[Status], bool]) -> None:
        with anyio.fail_after(SECONDS):
            while (status := self.services.keeper.status()) is None or not enough(status):
                await anyio.lowlevel.checkpoint()
            await self.journal.durable(self.bus.seq)


def build(
    results: Path,
    session_id: str,
    options: ServiceOptions,
    supervised: Callable[[SessionLog], Supervisor] = lambda log: Supervisor(log.warn),
    *,
    recording: bool = False,
) -> Shadow:
    """Put the session together, as live wiring does; inside the event loop.

    `recording`: inputs are records, too, and every commit is synchronised with the disk.
    """
    folder = SessionFolder(results, session_id, KIND)
    folder.create()
    clock, log = SystemClock(), SessionLog(folder.log, session_id, lambda: 0, say=None, apart=True)
    supervisor = supervised(log)
    journal = SqliteJournal(folder.journal, power_safe=recording)
    bus, portfolio = Bus(journal, record_inputs=recording), Portfolio(SPECS)
    orders = OrderManager(bus)
    exits = Exits(bus, portfolio, orders)
    risk = RiskActor(bus, portfolio, orders, LIMITS)
    gateway = Gateway(bus, portfolio, orders, REQUESTS, TerminalPort(terminal_at_ticks(), REQUESTS))
    strategy = StrategyActor(bus, portfolio, KIND, None)
    user_signals = UserSignals(bus, portfolio, exits)
    for actor in (
        portfolio,
        orders,
        risk,
        NewsRestriction(bus, portfolio, orders, None),
        strategy,
        user_signals,
        exits,
        NewsRestriction(bus, portfolio, orders, None),
    ):
        bus.attach(actor.routes())
    gateway.attach()
    sinks = [
        (supervisor.over(sink), edge)
        for sink, edge in file_sinks(bus, folder, log, live=True).actors
    ]
    services = start_services(
        bus, portfolio, clock, folder, log,
        SessionQueries(trading=lambda: risk.trading, request_stop=lambda: session.request_stop()),
        subscriptions=[subscription for _, subscription in sinks], options=options,
        supervisor=supervisor,
    )  # fmt: skip
    bus.seal()
    bus.time = clock.now()
    metadata = session_metadata(session_id, None, dry_run=False)
    bus.publish(started(mode=KIND), {**metadata, "started_at": iso(clock.now())})
    for tick in TICKS.values():
        bus.feed(tick)
    session = Session(
        bus, journal, PacedFeed(), [*sinks, *services.actors],
        conclude=concluding(portfolio, risk),
        end_metadata=lambda: {"ended_at": iso(clock.now())},
    )  # fmt: skip
    return Shadow(session, journal, bus, portfolio, risk, services, supervisor, log)


async def main() -> None:
    shadow = build(Path(sys.argv[1]), sys.argv[2], ServiceOptions(beat_seconds=0.05))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        await shadow.begun()
        await shadow.enter()
        print("ready", flush=True)
    shadow.log.close()


if __name__ == "__main__":
    anyio.run(main)
