"""The wiring of sessions against a terminal host: the replay's actors, another venue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapters.journal import SqliteJournal
from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import SnapshotFailed
from adapters.mt5.execution.conditions import trading_conditions
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.remote import CheckOnlyRouter, LiveRouter, RemoteTerminal
from adapters.mt5.execution.requests import Instrument
from adapters.mt5.execution.snapshot import insist_on
from adapters.mt5.execution.symbol_specs import alike, instrument, no_entry, symbol_mode, too_long
from adapters.mt5.execution.translation import figures
from adapters.mt5.execution.valuation import BrokerValuation, broker_valuation
from adapters.mt5.live.script import ScriptedEntry, ScriptFeed, ScriptQuote
from adapters.mt5.live.server_clock import ServerTime
from adapters.reports.projection import iso
from adapters.services.logs import SessionLog
from adapters.services.supervisor import Supervisor
from engine import events as ev
from engine.bus import Bus, Subscription
from engine.clock import Clock
from engine.portfolio import Portfolio
from engine.ports import Feed, Sink
from engine.session import Session
from engine.trading import Trading
from engine.types import USD, Limits, Points, SymbolSpec
from risk.challenge import Challenge
from scripts.app.account.recording import AccountJournal
from scripts.app.configuration import write_configuration
from scripts.app.errors import AppError, Refused
from scripts.app.results.tables import live_tables
from scripts.app.session_folder import SessionFolder
from scripts.app.sessions.commands import Stop, sleep_until
from scripts.app.sessions.connection import Connection, commissions_converted
from scripts.app.sessions.ledger_news import LedgerObserver
from scripts.app.sessions.live_actors import LiveActors, Wiring, connect_live, days_of
from scripts.app.sessions.loss_buffer import queries_of
from scripts.app.sessions.outcomes import OrderOutcomes
from scripts.app.sessions.replay import FileSinks, concluding, file_sinks
from scripts.app.sessions.services import ServiceOptions, SessionQueries, start_services
from scripts.app.sessions.starting import SessionAccount
from scripts.app.terms.objectives import about_rules, as_recorded


@dataclass(frozen=True, kw_only=True)
class TerminalTerms:
    """The terms of every session on a terminal."""

    mode: str
    preset: str
    parameters: dict[str, Any]
    instruments: dict[str, Instrument]
    limits: Limits
    dry_run: bool

    def started(self, account: mt5.AccountInfo, **own: Any) -> ev.SessionStarted:
        """The first record on `account`; `own` are the fields of this kind of session."""
        return ev.SessionStarted(
            mode=self.mode,
            currency=account.currency,
            account=figures(account),
            preset=self.preset,
            parameters=self.parameters,
            limits=self.limits.terms(),
            symbols=tuple(item.spec for item in self.instruments.values()),
            broker_valued=True,
            **own,
        )


@dataclass(frozen=True, kw_only=True)
class LiveTerms(TerminalTerms):
    """What a scripted session on a terminal is to do."""

    data: tuple[ev.DataRef, ...] = ()
    plans: Sequence[ScriptedEntry]
    hold: float
    pace: float = 0.0
    challenge: Challenge | None = None
    files: dict[str, Any] = field(default_factory=dict)
    """Where the bars of its signals are, for its first record."""
    services: ServiceOptions = field(default_factory=ServiceOptions)


@dataclass
class LiveSession:
    """A session ready to run, and what can be asked of it afterwards."""

    session: Session
    gateway: Gateway
    outcomes: OrderOutcomes
    sinks: FileSinks
    portfolio: Portfolio
    trading: Callable[[], Trading]

    def halted(self) -> str | None:
        """Why nothing was sent, where trading on the account was halted already; else None."""
        reason = self.trading().reason
        if self.outcomes.submitted or self.outcomes.problem or reason is None:
            return None
        return f"denied: trading on this account is halted ({reason})"

    def left(self) -> str | None:
        """What the session leaves behind that the user must look at, or None."""
        if self.gateway.unresolved:
            return (
                "the outcome of an order is unknown: look at positions and history in the terminal"
            )
        if self.gateway.snapshot_query().orders:
            return "an order was accepted but not seen filled: look at it in the terminal"
        if self.portfolio.positions:
            tickets = ", ".join(map(str, self.portfolio.positions))
            return f"still open: position {tickets}; close it in the terminal"
        return None


async def instruments(
    connection: Connection,
    symbols: Sequence[str],
    names: dict[str, str],
    known: dict[str, SymbolSpec],
    *,
    managed: bool = False,
    charged_in: str = USD,
) -> dict[str, Instrument]:
    """The symbols as the terminal has them, selected; raises AppError with candidates.

    A symbol on which nothing may be opened is refused, unless what is open on it is to be `managed`
    by a session that denies its entries. The commissions that are `known` are in the currency
    `charged_in`; the terminal's own prices convert them into the account's.
    """
    if charged_in != connection.account.currency:
        known = known | await commissions_converted(connection, symbols, names, known, charged_in)
    found: dict[str, Instrument] = {}
    for ours in symbols:
        venue_name = names.get(ours, ours)
        if (unaskable := too_long(venue_name)) is not None:
            raise Refused(unaskable)
        selected = await connection.ask("symbol_select", venue_name, True)
        if selected.failed:
            raise await _not_selected(connection, ours, venue_name, selected.last_error)
        info = await connection.call("symbol_info", venue_name)
        why = None if managed else no_entry(info)
        if why is not None:
            raise Refused(f"{venue_name}: {why} on this account")
        found[ours] = instrument(ours, info, connection.account, known.get(ours))
    return found


async def _not_selected(
    connection: Connection, ours: str, name: str, error: tuple[int, str]
) -> Refused:
    """Why a symbol could not be selected: the terminal does not have it, or would not just now."""
    listed = await connection.ask("symbols_get")
    if listed.failed or any(info.name == name for info in listed.value):
        code, text = error
        return Refused(f"the terminal did not select {name}: {code} {text}; try again")
    near = alike(ours, listed.value)
    hint = f"; it has {', '.join(near)}: set symbol_map in the profile" if near else ""
    return Refused(f"the terminal has no symbol {name}{hint}")


async def refuse_open_positions(connection: Connection) -> None:
    """Send nothing on an account that holds something: what it risks would not be counted."""
    positions = await connection.call("positions_get")
    orders = await connection.call("orders_get")
    if positions or orders:
        raise Refused(
            f"account {connection.account.login} has {len(positions)} open positions and "
            f"{len(orders)} pending orders: close them first, or use another demo account"
        )


@dataclass(frozen=True)
class SessionContext:
    """What a session on a terminal runs in; `past` are its records so far when it is resumed.

    `account` is where the account stands by its ledger.
    """

    folder: SessionFolder
    journal: SqliteJournal | AccountJournal
    clock: Clock
    log: SessionLog
    metadata: dict[str, Any]
    past: list[ev.Record] | None = None
    account: SessionAccount | None = None

    @property
    def session_id(self) -> str:
        """The name that the session began with, whatever its folder is called now."""
        first = (self.past[0].metadata or {}) if self.past else {}
        return str(first.get("session_id", self.folder.session_id))


def assemble(
    actors: LiveActors,
    feed: Feed,
    context: SessionContext,
    started: ev.SessionStarted,
    connection: Connection,
    *,
    options: ServiceOptions,
    queries: SessionQueries,
    on_paper: bool = False,
) -> tuple[Session, FileSinks]:
    """Put a session together around its actors and begin it, or go on with it.

    `options` are those of its services, which start too: control, status, heartbeat and the rest.
    `on_paper` says that a paper account fills its orders, so the terminal's own figures are none of
    the session's.
    """
    clock, bus = context.clock, actors.bus
    last_seq = context.journal.last_seq
    tables = live_tables(started, context.past, last_seq, parquet=options.parquet)
    how: dict[str, Any] = {"past": context.past, "live": True, "tables": tables}
    sinks = file_sinks(bus, context.folder, context.log, **how)
    supervisor = Supervisor(context.log.warn)
    io_actors: list[tuple[Sink, Subscription]] = [
        (supervisor.over(sink), subscription) for sink, subscription in sinks.actors
    ]
    services = start_services(
        bus,
        actors.portfolio,
        clock,
        context.folder,
        context.log,
        queries,
        subscriptions=[subscription for _, subscription in sinks.actors],
        options=options,
        supervisor=supervisor,
        past=context.past or (),
    )
    io_actors += services.actors
    if services.metrics is not None:
        connection.terminal.watch(services.metrics.figures.call)
    bus.seal()
    _begin(actors, context, started, None if on_paper else connection.account)
    session = Session(
        bus,
        context.journal,
        feed,
        io_actors,
        conclude=concluding(actors.portfolio, actors.risk, actors.challenge_actor),
        end_metadata=lambda: {"ended_at": iso(clock.now())},
        helpers=[actors.venue.run],
    )
    return session, sinks


def _begin(
    actors: LiveActors,
    context: SessionContext,
    started: ev.SessionStarted,
    account: mt5.AccountInfo | None,
) -> None:
    """The first record of a session, or what one that goes on has to make good.

    `account` is the terminal's; None where it is not the session's own.
    """
    now = iso(context.clock.now())
    if isinstance(context.journal, AccountJournal):
        actors.venue.on_cancel = context.journal.note_cancel
    if context.past is None:
        followed = actors.challenge_actor
        told = about_rules(None if followed is None else followed.challenge)
        actors.begin(started, {**context.metadata, **told, "started_at": now})
    else:
        actors.resume(context.past, account, {"resumed_at": now}, context.journal.last_seq)
    account_part = context.account
    if account_part is not None and (context.past is None or account_part.sends):
        # A dry session that goes on has an account of its own, which its journal tells of.
        actors.bus.feed(account_part.first)
    if account_part is not None and account_part.adopted is not None:
        actors.bus.feed(account_part.adopted)


def build_live(terms: LiveTerms, connection: Connection, context: SessionContext) -> LiveSession:
    """A scripted session; must be called inside the event loop, once its folder exists."""
    stop = Stop()
    server = ServerTime(context.clock)
    actors = connect_live(
        Wiring(
            journal=context.journal,
            link=connection.terminal,
            clock=context.clock,
            account=connection.account,
            session_id=context.session_id,
            strategy_id=terms.mode,
            factory=None,
            instruments=terms.instruments,
            limits=terms.limits,
            challenge=followed(terms.challenge, context),
            router=CheckOnlyRouter if terms.dry_run else LiveRouter,
            to_server=server.at,
        )
    )
    feed = _script_feed(terms, actors, connection, context, server, stop)
    warn_of_orphan(connection, context.log)
    outcomes = OrderOutcomes()
    actors.bus.attach(outcomes.routes())
    started = terms.started(
        connection.account,
        data=terms.data,
        script=tuple(msgspec.to_builtins(plan) for plan in terms.plans),
        objectives=as_recorded(followed(terms.challenge, context)),
        strategy=ev.NO_STRATEGY,
    )
    if context.past is None:
        write_configuration(context.folder, started, context.metadata, **_circumstances(terms))
    session, sinks = assemble(
        actors,
        feed,
        context,
        started,
        connection,
        options=terms.services,
        queries=queries_of(actors, lambda: session.request_stop()),
    )
    stop.requested = lambda: session.stop_requested
    return LiveSession(
        session,
        actors.gateway,
        outcomes,
        sinks,
        actors.portfolio,
        lambda: actors.risk.trading,
    )


def _script_feed(
    terms: LiveTerms,
    actors: LiveActors,
    connection: Connection,
    context: SessionContext,
    server: ServerTime,
    stop: Stop,
) -> ScriptFeed:
    return ScriptFeed(
        actors.bus,
        actors.portfolio,
        actors.gateway,
        actors.venue,
        context.clock,
        terms.plans,
        quote=_quotes(connection, terms.instruments, server),
        sleep=lambda seconds: sleep_until(seconds, stop, actors.bus.flush),
        hold=terms.hold,
        pace=terms.pace,
        trading=lambda: actors.risk.trading,
        days=days_of(
            actors.bus,
            terms.limits,
            followed(terms.challenge, context),
            context.clock,
            context.past or [],
        ),
        raised=_raised(context.past or []),
        ledger=watch_of(context, actors.bus),
    )


def followed(challenge: Challenge | None, context: SessionContext) -> Challenge | None:
    """The objectives that the session follows: where the account stands by its ledger.

    One that goes on keeps what it began with.
    """
    if context.account is None or context.past is not None:
        return challenge
    return context.account.challenge


def watch_of(context: SessionContext, bus: Bus) -> LedgerObserver | None:
    """What looks at the account's ledger while the session runs, attached to its bus."""
    watch = None if context.account is None else context.account.watch()
    if watch is not None:
        bus.attach(watch.routes())
    return watch


def warn_of_orphan(connection: Connection, log: SessionLog) -> None:
    """Say that an earlier session's host was still at work: its last call was cut short."""
    if connection.ended_orphan:
        log.warn(
            "ended an earlier session's terminal host",
            why="an abandoned call was in progress; its effect is being reconciled",
        )


def _raised(past: Sequence[ev.Record]) -> frozenset[str]:
    """The strategies' names of entries that were made already: each plan has its own."""
    return frozenset(
        record.event.terms.strategy_id
        for record in past
        if isinstance(record.event, ev.SignalRaised)
    )


def _quotes(connection: Connection, instruments_: dict[str, Instrument], server: ServerTime) -> Any:
    async def ask(function: str, *args: Any) -> Any:
        try:
            return await connection.call(function, *args)
        except AppError as error:
            raise SnapshotFailed(str(error)) from error

    async def quote(symbol: str) -> ScriptQuote:
        item = instruments_[symbol]
        tick = await ask("symbol_info_tick", item.name)
        server.seen(tick.time)
        info = await ask("account_info")
        insist_on(info, connection.account)
        seen = ev.Tick(symbol, item.spec.points(tick.bid), item.spec.points(tick.ask))
        valuation = await valuation_at(connection, item, seen.bid, seen.ask)
        conditions = await connection.terminal.work(
            lambda client: trading_conditions(RemoteTerminal(client), [item.name], info)
        )
        mode = symbol_mode(symbol, conditions.trade_modes[0])
        figures_ = ev.AccountSeen.of(figures(info))
        return ScriptQuote(seen, figures_, valuation, mode, conditions.objection)

    return quote


async def valuation_at(
    connection: Connection, item: Instrument, bid: Points, ask: Points
) -> BrokerValuation | None:
    """The terminal's valuation of a symbol at these prices; None where it has none."""
    return await connection.terminal.work(
        lambda client: broker_valuation(RemoteTerminal(client), item.name, item.spec, bid, ask)
    )


def _circumstances(terms: LiveTerms) -> dict[str, Any]:
    """What a session's configuration says of it beyond its terms."""
    return {
        "names_at_the_venue": {ours: item.name for ours, item in terms.instruments.items()},
        "hold_seconds": terms.hold,
        "pace_seconds": terms.pace,
    }
