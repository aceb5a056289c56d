"""The composition: which parts a session is made of and how they are connected.

Nothing else in the project knows more than its own neighbours; here is the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.journal import SqliteJournal
from adapters.mt5.execution.gateway import Gateway, InProcess
from adapters.mt5.execution.requests import Instrument, Requests, filling_of
from adapters.mt5.execution.valuation import ValuationSchedule, broker_valuation
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.balance_reset import BalanceReset
from adapters.paper.replay.chunks import ChunkReader, ChunksAtHand
from adapters.paper.replay.cursor import NEVER, SymbolCursor
from adapters.paper.replay.feed import ReplayFeed
from adapters.paper.replay.signal_schedule import HeldExits, SignalSchedule
from adapters.paper.replay.uneventful import EquityBand
from adapters.paper.terminal.direct import PaperExecution
from adapters.paper.terminal.functions import PaperTerminal
from adapters.reports.projection import iso
from adapters.reports.sinks import CsvSink, DailySink, JsonSink
from adapters.reports.table_sink import TableSink
from adapters.services.logs import LogSink, SessionLog
from engine import events as ev
from engine.bars import PreparedBars
from engine.bus import Bus, Subscription
from engine.calendar import resets
from engine.clock import Clock
from engine.events import Record
from engine.exits import Exits
from engine.journal import Journal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.ports import Sink
from engine.session import Session
from engine.types import Conversion, Millis, SymbolSpec
from risk.actor import RiskActor
from risk.challenge import ChallengeActor
from risk.news import NewsRestriction
from risk.restrictions import flat_due
from scripts.app.results.tables import TableTerms, bar_prices, limits_of, table_sink
from scripts.app.session_folder import SessionFolder
from scripts.app.terms.bars import BarInput
from scripts.app.terms.objectives import about_rules, as_recorded
from scripts.app.terms.replay_terms import Terms
from signals.market_data.clocks import server_of
from signals.market_data.rollovers import rollovers
from signals.strategy_actor import StrategyActor
from signals.user_signals import UserSignals

if TYPE_CHECKING:
    from adapters.mt5.execution.terminal_port import TerminalPort

MAGIC = 26_111_500
"""Marks our orders at the venue; other programs' orders carry other numbers."""

REPLAY_TAG = "eb"
"""Begins the comments of a replay's orders; live sessions have a tag of their own."""

DEVIATION = 10
"""Points that a price may have moved, where the venue heeds it (instant execution)."""


@dataclass(frozen=True)
class Parts:
    """The actors of a session, connected to one bus in the order in which they see events."""

    bus: Bus
    portfolio: Portfolio
    order_manager: OrderManager
    risk: RiskActor
    challenge_actor: ChallengeActor | None
    news: NewsRestriction
    strategy: StrategyActor
    account: PaperAccount
    reconciling_link: InProcess


def connect(journal: Journal, terms: Terms, *, by_requests: bool = False) -> Parts:
    """Build a replay's actors on a bus: market first, then orders, risk, strategy, gateway.

    With `by_requests` every order and look goes through the package's functions, as at a terminal
    elsewhere; the journal is the same.
    """
    specs = {item.spec.name: item.spec for item in terms.inputs}
    bus = Bus(journal)
    portfolio = Portfolio(specs)
    order_manager = OrderManager(bus, limit_trades=terms.limit_trades)
    account = PaperAccount(
        specs, terms.starting_balance, slippage=terms.slippage, currency=terms.currency
    )
    challenge_actor = None
    if terms.objectives is not None:
        challenge_actor = ChallengeActor(
            bus, portfolio, order_manager, terms.objectives, BalanceReset(account)
        )
    risk = RiskActor(bus, portfolio, order_manager, terms.limits, challenge_actor)
    news = NewsRestriction(bus, portfolio, order_manager, challenge_actor)
    strategy = StrategyActor(bus, portfolio, terms.preset, terms.factory)
    exits = Exits(bus, portfolio, order_manager)
    user_signals = UserSignals(bus, portfolio, exits)
    terminal = PaperTerminal(account)
    requests = Requests(
        {name: _instrument(terminal, spec) for name, spec in specs.items()},
        magic=MAGIC,
        tag=REPLAY_TAG,
        deviation=DEVIATION,
        to_server=lambda moment: server_of(terms.clock, moment // 1000),
    )
    port = _port(terminal, requests, by_requests=by_requests)
    gateway = Gateway(bus, portfolio, order_manager, requests, port)
    link = InProcess(gateway, port)
    followed = () if challenge_actor is None else (challenge_actor,)
    for actor in (
        order_manager,
        portfolio,
        risk,
        *followed,
        news,
        strategy,
        user_signals,
        exits,
    ):
        bus.attach(actor.routes())
    gateway.attach()
    return Parts(
        bus, portfolio, order_manager, risk, challenge_actor, news, strategy, account, link
    )


def _port(
    terminal: PaperTerminal, requests: Requests, *, by_requests: bool
) -> PaperExecution | TerminalPort:
    if not by_requests:
        return PaperExecution(terminal, requests)
    from adapters.mt5.execution.terminal_port import TerminalPort

    return TerminalPort(terminal, requests)


def _instrument(terminal: PaperTerminal, spec: SymbolSpec) -> Instrument:
    info = terminal.symbol_info(spec.name)
    return Instrument(spec, spec.name, filling_of(info.filling_mode if info else 0))


def replay_feed(parts: Parts, terms: Terms) -> ReplayFeed:
    """The feed that plays the terms' bars over the parts' paper account."""
    first = min(item.ref.first for item in terms.inputs)
    cursors = [
        SymbolCursor(item.spec.name, item.ref.period * 1000, _reader(item, parts, terms))
        for item in terms.inputs
    ]
    return ReplayFeed(
        parts.bus,
        parts.account,
        cursors,
        resets(terms.limits.reset_zone, first, terms.limits.reset_hour),
        reconcile=parts.reconciling_link.reconcile,
        equity_band=lambda: EquityBand(*parts.risk.equity_band()),
        schedule=schedule_of(terms, parts.news if parts.news.in_force else None),
        rollovers=_rollovers(terms, first),
        weekends=_weekends(terms, first),
        rewards=_rewards(terms, first),
        finished=_finished(parts, terms),
        every_bar=terms.plays_every_bar,
        valuations=valuations(parts, terms) if terms.converts else None,
    )


def _reader(item: BarInput, parts: Parts, terms: Terms) -> ChunkReader:
    chunks = _chunks(item, parts, terms)
    return ChunksAtHand(chunks) if item.in_memory else ChunkReader(chunks)


def _chunks(item: BarInput, parts: Parts, terms: Terms) -> Iterator[PreparedBars]:
    """The symbol's bars, with the scan of its strategy unless every bar is to be played."""
    chunks = item.prepared(terms.timeframes)
    name, strategy = item.spec.name, parts.strategy
    return (
        strategy.warmed(name, chunks) if terms.plays_every_bar else strategy.scanned(name, chunks)
    )


def valuations(parts: Parts, terms: Terms) -> Callable[[], list[ev.SymbolValuation]]:
    """What is new about the worth of symbols that a pair converts, as a terminal tells it."""
    terminal, schedule, account = PaperTerminal(parts.account), ValuationSchedule(), parts.account
    specs = [item.spec for item in terms.inputs if item.spec.conversion is Conversion.FROM_BROKER]

    def news() -> list[ev.SymbolValuation]:
        found = []
        for spec in specs:
            bid, ask = account.bids.get(spec.name, 0), account.asks.get(spec.name, 0)
            told = broker_valuation(terminal, spec.name, spec, bid, ask)
            found.append(schedule.news(spec, told, parts.bus.time))
        return [item for item in found if item is not None]

    return news


def _rollovers(terms: Terms, first: Millis) -> Iterator[tuple[Millis, int]]:
    """The server's midnights where a symbol has a swap; none are looked at elsewhere."""
    if any(item.spec.swap_long or item.spec.swap_short for item in terms.inputs):
        return rollovers(terms.clock, first)
    return repeat((NEVER, 0))


def schedule_of(terms: Terms, held: HeldExits | None = None) -> SignalSchedule:
    """When the user's signals are due, and what is known against some of them from the start.

    `held` are exits that wait for the end of a window.
    """
    refs = {item.ref.symbol: item.ref for item in terms.inputs}
    first: list[ev.SignalDue] = []
    due: list[tuple[str, Millis, ev.SignalDue | ev.ExitDue]] = []
    for signal in terms.signals:
        ref = refs.get(signal.symbol)
        if ref is None:
            # Denied when it is due, at an opening of the first symbol: it has none of its own.
            unknown = ev.SignalDue(signal, ev.DenyReason.UNKNOWN_SYMBOL)
            due.append((terms.inputs[0].ref.symbol, signal.time, unknown))
        elif signal.time < ref.first:
            first.append(ev.SignalDue(signal, ev.DenyReason.OUTSIDE_DATA))
        else:
            if signal.exit_time is not None:
                exit_due = ev.ExitDue(signal.signal_id, signal.exit_time)
                due.append((signal.symbol, signal.exit_time, exit_due))
            due.append((signal.symbol, signal.time, ev.SignalDue(signal)))
    return SignalSchedule(first, due, held)


def _weekends(terms: Terms, first: Millis) -> Iterator[tuple[Millis, Millis]]:
    """When open positions are looked at before a weekend; never without rules that ask for it."""
    challenge = terms.objectives
    return iter(()) if challenge is None else flat_due(challenge.rules, challenge.phases, first)


def _rewards(terms: Terms, first: Millis) -> list[Millis]:
    """When the firm pays; what was due before the first bar was paid before."""
    challenge = terms.objectives
    return [] if challenge is None else [it for it in challenge.calendar.rewards if it >= first]


def _finished(parts: Parts, terms: Terms) -> Callable[[], bool] | None:
    """Whether the allowed trades are opened and closed, or the only attempt is over."""
    challenge_actor = parts.challenge_actor

    def finished() -> bool:
        traded = parts.order_manager.entries_exhausted and not parts.portfolio.positions
        return traded or (challenge_actor is not None and challenge_actor.over)

    return finished if terms.limit_trades or challenge_actor is not None else None


def started(terms: Terms) -> ev.SessionStarted:
    """The first record: the terms that every decision depends on."""
    balance = terms.starting_balance
    return ev.SessionStarted(
        mode="replay",
        currency=terms.currency,
        account=ev.Account(balance=balance, equity=balance),
        preset=terms.preset,
        parameters=terms.parameters,
        costs=terms.costs,
        limits=terms.limits.terms(),
        symbols=tuple(item.spec for item in terms.inputs),
        data=tuple(item.ref for item in terms.inputs),
        signals_sha256=terms.signals_sha256,
        strategy=terms.strategy,
        limit_trades=terms.limit_trades,
        objectives=as_recorded(terms.objectives),
    )


def begin(parts: Parts, terms: Terms, metadata: dict[str, Any] | None = None) -> None:
    """Publish a replay's first record, at the opening of the first bar."""
    parts.bus.time = min(item.ref.first for item in terms.inputs)
    parts.bus.publish(started(terms), metadata)


def concluding(
    portfolio: Portfolio, risk: RiskActor, challenge_actor: ChallengeActor | None = None
) -> Callable[[ev.SessionOutcome, str], ev.SessionEnded]:
    """What the last record will say, whenever the session ends."""

    def conclude(outcome: ev.SessionOutcome, detail: str) -> ev.SessionEnded:
        return ev.SessionEnded(
            outcome=outcome,
            account=portfolio.account.figures,
            figures=risk.figures(),
            open_positions=tuple(portfolio.positions),
            detail=detail,
            loss_buffer=_loss_buffer(portfolio, risk, challenge_actor),
        )

    return conclude


def _loss_buffer(
    portfolio: Portfolio, risk: RiskActor, challenge_actor: ChallengeActor | None
) -> ev.LossBuffer | None:
    if challenge_actor is None:
        return None
    return challenge_actor.loss_buffer(portfolio.account.figures, risk.risk_of_one_order)


@dataclass(frozen=True)
class FileSinks:
    """The I/O actors that write a session's files, each with its edge."""

    actors: list[tuple[Sink, Subscription]]
    summary: JsonSink
    tables: TableSink


def file_sinks(
    bus: Bus,
    folder: SessionFolder,
    log: SessionLog,
    *,
    past: list[Record] | None = None,
    live: bool = False,
    tables: TableTerms | None = None,
) -> FileSinks:
    """CSV, JSON and log actors at the edges of `bus`; `past` is the session's journal so far."""
    how: dict[str, Any] = {"tag": folder.session_id, "warn": log.warn, "live": live}
    summary = JsonSink(folder.summary, folder.latest_summary, past=past or (), **how)
    trades = table_sink(folder, tables or TableTerms(), **how)
    sinks = (
        CsvSink(folder.event_log, folder.latest_event_log, past=past, **how),
        summary,
        LogSink(log, live=live, past=past or ()),
        trades,
    )
    daily = (DailySink(folder.path, past or ()),) if live else ()
    actors = [(sink, bus.subscribe(sink.name, sink.kinds)) for sink in (*sinks, *daily)]
    return FileSinks(actors, summary, trades)


@dataclass
class Replay:
    """A replay ready to run: its session, its feed and the actors that keep what it came to."""

    session: Session
    feed: ReplayFeed
    summary: JsonSink
    tables: TableSink


def build_replay(
    terms: Terms,
    folder: SessionFolder,
    clock: Clock,
    metadata: dict[str, Any],
    log: SessionLog,
    *,
    parquet: bool = False,
) -> Replay:
    """Put a replay together; must be called inside the event loop, once its folder exists."""
    journal = SqliteJournal(folder.journal, power_safe=False)
    parts = connect(journal, terms)
    feed = replay_feed(parts, terms)
    tables = TableTerms(limits_of(terms.objectives), bar_prices(terms, log.warn), parquet)
    sinks = file_sinks(parts.bus, folder, log, tables=tables)
    parts.bus.seal()
    begin(parts, terms, {**metadata, "started_at": iso(clock.now())})
    session = Session(
        parts.bus,
        journal,
        feed,
        sinks.actors,
        conclude=concluding(parts.portfolio, parts.risk, parts.challenge_actor),
        end_metadata=lambda: {"ended_at": iso(clock.now())},
    )
    return Replay(session, feed, sinks.summary, sinks.tables)


def files_of(terms: Terms) -> dict[str, Any]:
    """The files that a replay reads, for its first record (never part of the journal hash)."""
    started = [item.window for item in terms.inputs if item.window.first is not None]
    warm = {"warm_up": started[0].warm} if started else {}
    own = {"signals_file": terms.signals_file, "strategy_file": terms.strategy_file}
    return {
        **warm,
        **about_rules(terms.objectives),
        **bar_files_of(terms.inputs),
        **{name: str(path.absolute()) for name, path in own.items() if path is not None},
    }


def bar_files_of(inputs: list[BarInput]) -> dict[str, Any]:
    """`files` are the bars' names for the summary, `paths` where a re-run looks for them."""
    bars = {item.spec.name: Path(item.file.path) for item in inputs}
    return {
        "files": {symbol: path.name for symbol, path in bars.items()},
        "holes": {
            item.spec.name: {
                "bars": item.holes.bars,
                "count": item.holes.count,
                "first": iso(item.holes.first * 1000),
                "longest": iso(item.holes.longest * 1000),
            }
            for item in inputs
            if item.holes is not None
        },
        "paths": {symbol: str(path.absolute()) for symbol, path in bars.items()},
    }
