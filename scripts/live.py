"""The wiring of sessions against a terminal host: the replay's actors, another venue."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import msgspec

from adapters.journal_sqlite import SqliteJournal
from adapters.logs import SessionLog
from adapters.mt5.departures import figures
from adapters.mt5.errors import LookFailed
from adapters.mt5.execution import insist_on
from adapters.mt5.facts import UnusableSymbol, alike, instrument, tradable
from adapters.mt5.gateway import Gateway
from adapters.mt5.requests import Instrument, Requests
from adapters.mt5.script import Plan, Quote, ScriptFeed
from adapters.mt5.venue import Venue
from adapters.projection import iso
from adapters.sinks import JsonSink
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.market import Market
from engine.orders import OrderBook
from engine.session import Session
from engine.types import Limits, Millis, SymbolSpec
from risk.state import RiskActor
from scripts.cli import CommandFailed, Exit
from scripts.connection import Connection
from scripts.folders import SessionFolder
from scripts.wiring import DEVIATION, MAGIC, concluding, file_sinks
from signals.given import GivenSignals
from signals.strategy import StrategyActor

_STOP_CHECK = 0.1  # seconds between two looks at a request to stop


@dataclass(frozen=True, kw_only=True)
class LiveTerms:
    """What a scripted session on a terminal is to do."""

    mode: str
    preset: str
    parameters: dict[str, Any]
    data: tuple[ev.DataRef, ...] = ()
    instruments: dict[str, Instrument]
    limits: Limits
    plans: Sequence[Plan]
    dry_run: bool
    hold: float
    pace: float = 0.0


@dataclass
class Told:
    """What happened to the orders of a scripted session, for whoever started it."""

    submitted: int = 0
    filled: int = 0
    closed: int = 0
    problem: str = ""
    rejected: bool = False
    lines: list[str] = field(default_factory=list)

    def routes(self) -> ev.Routes:
        return {
            ev.PositionOpened: self.on_opened,
            ev.PositionClosed: self.on_closed,
            ev.OrderDenied: lambda e: self._bad(f"denied by risk ({e.reason}): {e.detail}"),
            ev.OrderSubmitted: self.on_submitted,
            ev.OrderRejected: lambda e: self._refused(f"rejected: {e.retcode} {e.message}"),
            ev.OrderUnknown: lambda e: self._refused(f"outcome unknown: {e.message}"),
            ev.OrderCancelled: lambda e: self.lines.append(e.reason),
        }

    def on_submitted(self, _submitted: ev.OrderSubmitted) -> None:
        self.submitted += 1

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self.filled += 1
        self.lines.append(f"position {opened.position} opened")

    def on_closed(self, closed: ev.PositionClosed) -> None:
        self.closed += 1
        self.lines.append(f"position {closed.position} closed ({closed.reason})")

    def _refused(self, line: str) -> None:
        self.rejected = True
        self._bad(line)

    def _bad(self, line: str) -> None:
        self.problem = self.problem or line
        self.lines.append(line)


@dataclass
class LiveSession:
    """A session ready to run, and what can be asked of it afterwards."""

    session: Session
    gateway: Gateway
    told: Told
    summary: JsonSink
    market: Market

    def left(self) -> str | None:
        """What the session leaves behind that the user must look at, or None."""
        if self.gateway.unresolved:
            return (
                "the outcome of an order is unknown: look at positions and history in the terminal"
            )
        if self.gateway.wanted().orders:
            return "an order was accepted but not seen filled: look at it in the terminal"
        if self.market.positions:
            tickets = ", ".join(map(str, self.market.positions))
            return f"still open: position {tickets}; close it in the terminal"
        return None


async def instruments(
    connection: Connection,
    symbols: Sequence[str],
    names: dict[str, str],
    known: dict[str, SymbolSpec],
) -> dict[str, Instrument]:
    """The symbols as the terminal has them, selected; raises CommandFailed with candidates."""
    found: dict[str, Instrument] = {}
    for ours in symbols:
        venue_name = names.get(ours, ours)
        answer = await connection.terminal.call("symbol_select", venue_name, True, deadline=10.0)
        if answer.failed:
            every = await connection.terminal.call("symbols_get", deadline=30.0)
            near = alike(ours, every.value)
            hint = f"; it has {', '.join(near)}: set symbol_map in the profile" if near else ""
            raise CommandFailed(f"the terminal has no symbol {venue_name}{hint}", Exit.TERMINAL)
        info = await connection.call("symbol_info", venue_name)
        why = tradable(info, to_open=True)
        if why is not None:
            raise CommandFailed(f"{venue_name}: {why} on this account", Exit.TERMINAL)
        try:
            found[ours] = instrument(ours, info, connection.account, known.get(ours))
        except UnusableSymbol as error:
            raise CommandFailed(str(error), Exit.TERMINAL) from error
    return found


async def refuse_open_positions(connection: Connection) -> None:
    """Send nothing on an account that holds something: what it risks would not be counted."""
    positions = await connection.call("positions_get")
    orders = await connection.call("orders_get")
    if positions or orders:
        raise CommandFailed(
            f"account {connection.account.login} has {len(positions)} open positions and "
            f"{len(orders)} pending orders: close them first, or use another demo account",
            Exit.TERMINAL,
        )


def build_live(
    terms: LiveTerms,
    connection: Connection,
    folder: SessionFolder,
    clock: Clock,
    about: dict[str, Any],
    log: SessionLog,
) -> LiveSession:
    """Put a session together; must be called inside the event loop, once its folder exists."""
    stop = Stop()
    journal = SqliteJournal(folder.journal, power_safe=True)
    bus = Bus(journal)
    market = Market({name: item.spec for name, item in terms.instruments.items()})
    venue = Venue(
        bus, journal, connection.terminal, clock, connection.account, dry_run=terms.dry_run
    )
    server = ServerTime()
    gateway = Gateway(bus, market, _requests(terms, folder, server), venue.send)
    feed = ScriptFeed(
        bus,
        market,
        gateway,
        venue,
        clock,
        terms.plans,
        quote=_quotes(connection, terms.instruments, server),
        sleep=lambda seconds: _sleep(seconds, stop),
        hold=terms.hold,
        pace=terms.pace,
    )
    risk = RiskActor(bus, market, terms.limits)
    told = Told()
    strategy = StrategyActor(bus, market, terms.mode, None)
    given = GivenSignals(bus, market)
    for actor in (market, OrderBook(bus), risk, strategy, given):
        bus.attach(actor.routes())
    gateway.attach()
    for watcher in (feed, told):
        bus.attach(watcher.routes())
    sinks = file_sinks(bus, folder, log)
    bus.seal()
    bus.time = clock.now()
    bus.publish(_started(terms, connection), {**about, "started_at": iso(clock.now())})
    session = Session(
        bus,
        journal,
        feed,
        sinks.actors,
        conclude=concluding(market, risk),
        about_end=lambda: {"ended_at": iso(clock.now())},
        helpers=[venue.run],
    )
    stop.requested = lambda: session.stop_requested
    return LiveSession(session, gateway, told, sinks.summary, market)


class Stop:
    """Whether the session was asked to stop; connected once it exists."""

    requested: Callable[[], bool] = staticmethod(lambda: False)


async def _sleep(seconds: float, stop: Stop) -> None:
    """Wait, but not beyond a request to stop."""
    until = anyio.current_time() + seconds
    # The request comes from a signal handler, which can set a flag but no event of the loop.
    while (left := until - anyio.current_time()) > 0 and not stop.requested():  # noqa: ASYNC110
        await anyio.sleep(min(left, _STOP_CHECK))


class ServerTime:
    """The server's clock as its last tick showed it: never ahead of it, whatever its zone."""

    def __init__(self) -> None:
        self._last = 0

    def seen(self, tick_time: int) -> None:
        self._last = max(self._last, tick_time)

    def at(self, _moment: Millis) -> int:
        return self._last


def _requests(terms: LiveTerms, folder: SessionFolder, server: ServerTime) -> Requests:
    return Requests(
        terms.instruments,
        magic=MAGIC,
        tag=_tag(folder.session_id),
        deviation=DEVIATION,
        to_server=server.at,
    )


def _tag(session_id: str) -> str:
    """Four characters that tell this session's orders from another's."""
    return f"{zlib.crc32(session_id.encode()) & 0xFFFF:04x}"


def _quotes(connection: Connection, instruments_: dict[str, Instrument], server: ServerTime) -> Any:
    async def ask(function: str, *args: Any) -> Any:
        try:
            return await connection.call(function, *args)
        except CommandFailed as error:
            raise LookFailed(str(error)) from error

    async def quote(symbol: str) -> Quote:
        item = instruments_[symbol]
        tick = await ask("symbol_info_tick", item.name)
        server.seen(tick.time)
        info = await ask("account_info")
        insist_on(info, connection.account)
        points = item.spec.points
        return Quote(
            ev.Tick(symbol, points(tick.bid), points(tick.ask)),
            ev.AccountSeen.of(figures(info)),
        )

    return quote


def _started(terms: LiveTerms, connection: Connection) -> ev.SessionStarted:
    info = connection.account
    return ev.SessionStarted(
        mode=terms.mode,
        currency=info.currency,
        account=figures(info),
        preset=terms.preset,
        parameters=terms.parameters,
        limits=msgspec.to_builtins(terms.limits),
        symbols=tuple(item.spec for item in terms.instruments.values()),
        data=terms.data,
    )
