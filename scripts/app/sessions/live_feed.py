"""The wiring of a shadow session: live feed, server's clock, dry or sending, beside the actors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from adapters.bars.follow import FollowedSignals
from adapters.bars.symbol_names import known_signals
from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.observation import base_seconds
from adapters.mt5.execution.remote import LiveRouter, OrderRouter
from adapters.mt5.execution.requests import Requests
from adapters.mt5.live.bar_watch import BarWatch
from adapters.mt5.live.days import Days
from adapters.mt5.live.dry_run import DryRun
from adapters.mt5.live.feed import LiveFeed, Pacing
from adapters.mt5.live.pacing import STAND_STILL, ByTheClock, Lockstep, Prepared, moment_of
from adapters.mt5.live.schedule import LiveSignalSchedule
from adapters.mt5.live.server_clock import ServerClock
from adapters.services.polled import Polled
from engine import events as ev
from engine.clock import Clock, SystemClock, VirtualClock
from engine.session import Session
from engine.trading import TradingState
from engine.types import ClockName, Millis
from risk.challenge import Challenge
from scripts.app.errors import BadData
from scripts.app.sessions.commands import Stop, sleep_until
from scripts.app.sessions.connection import Connection
from scripts.app.sessions.hangs import told_first
from scripts.app.sessions.live import (
    SessionContext,
    TerminalTerms,
    assemble,
    followed,
    warn_of_orphan,
    watch_of,
)
from scripts.app.sessions.live_actors import LiveActors, Wiring, connect_live, days_of
from scripts.app.sessions.loss_buffer import queries_of
from scripts.app.sessions.paper_market import RecordedMarket, ScaledClock
from scripts.app.sessions.replay import FileSinks
from scripts.app.sessions.services import ServiceOptions
from scripts.app.terms.objectives import as_recorded
from signals.market_data.bars import TIMEFRAME_SECONDS, BarPreparer
from signals.market_data.clocks import SERVER_CLOCKS, server_of, to_utc
from signals.strategy import StrategyFactory


@dataclass(frozen=True, kw_only=True)
class ShadowTerms(TerminalTerms):
    """What a shadow session is to do, resolved and checked."""

    strategy: str
    factory: StrategyFactory | None
    timeframes: tuple[str, ...]
    challenge: Challenge | None
    seconds: float | None
    poll: float
    company: ServiceOptions
    signals: tuple[ev.UserSignal, ...]
    followed: Path | None
    market: RecordedMarket | None
    strategy_out: str | None = None
    """Why the strategy is not asked any more, or None."""


@dataclass
class Shadow:
    """A session ready to run, and what can be asked of it."""

    session: Session
    feed: LiveFeed
    actors: LiveActors
    sinks: FileSinks


def clock_of(market: RecordedMarket | None) -> Clock:
    """The session's clock: this machine's, or that of the recorded market."""
    if market is None:
        return SystemClock()
    return VirtualClock(market.start) if market.speed is None else ScaledClock(market)


async def catch_up(clock: Clock, market: RecordedMarket | None, connection: Connection) -> None:
    """Set a session's own clock to where its market stands.

    A session that was killed may not have seen the market's last move; what it finds then must not
    be published as of the time before.
    """
    if isinstance(clock, VirtualClock) and market is not None:
        progress = await connection.call("paper_advance", STAND_STILL, 1)
        clock.advance_to(max(moment_of(progress[0], market.to_utc), clock.now()))


def build_shadow(terms: ShadowTerms, connection: Connection, context: SessionContext) -> Shadow:
    """Put the session together; must be called inside the event loop, once its folder exists."""
    stop = Stop()
    server: ServerClock[ClockName] = ServerClock({name: _rule(name) for name in SERVER_CLOCKS})
    market = terms.market
    actors = connect_live(_wiring(terms, connection, context, server))
    schedule = LiveSignalSchedule(terms.instruments, _had(context.past or []))
    past, challenge = context.past or [], followed(terms.challenge, context)
    days = days_of(actors.bus, terms.limits, challenge, context.clock, past)
    pacing = _pacing(terms, actors, context, stop, schedule, days)
    news = told_first(actors.bus, context.clock, terms.strategy_out, context.past or [])
    if news is not None:
        pacing = Prepared(pacing, news)
    feed = LiveFeed(
        actors.bus,
        actors.portfolio,
        actors.gateway,
        actors.venue,
        context.clock,
        _watches(terms, server),
        pacing,
        days,
        due=lambda: _due(actors, schedule, pacing.signal_limit()),
        told=_told_bars(context.past or []),
        server=None if market else server,
        release=actors.release,
        ledger=watch_of(context, actors.bus),
        warn=context.log.warn,
    )
    warn_of_orphan(connection, context.log)
    started = terms.started(
        connection.account,
        objectives=as_recorded(followed(terms.challenge, context)),
        data=tuple(item.ref for item in market.inputs) if market else (),
        strategy=terms.strategy,
    )
    session, sinks = assemble(
        actors,
        feed,
        context,
        started,
        connection,
        options=terms.company,
        queries=queries_of(actors, lambda: session.request_stop(), lambda: feed.state),
        on_paper=terms.dry_run,
    )
    stop.requested = lambda: session.stop_requested
    return Shadow(session, feed, actors, sinks)


def _due(
    actors: LiveActors, schedule: LiveSignalSchedule, until: Millis
) -> Iterator[ev.SignalDue | ev.ExitDue | ev.HeldExitDue]:
    """The user's signals that are due, and the exits that are held no longer."""
    suspended = actors.risk.trading.state is TradingState.SUSPENDED
    return chain(schedule.due(until, hold=suspended), actors.news.all_due(until))


def _wiring(
    terms: ShadowTerms,
    connection: Connection,
    context: SessionContext,
    server: ServerClock[ClockName],
) -> Wiring:
    return Wiring(
        journal=context.journal,
        link=connection.terminal,
        clock=context.clock,
        account=connection.account,
        session_id=context.session_id,
        strategy_id=terms.preset,
        factory=None if terms.strategy_out else terms.factory,
        instruments=terms.instruments,
        limits=terms.limits,
        challenge=followed(terms.challenge, context),
        router=partial(_router, terms, context),
        to_server=terms.market.to_server if terms.market else server.at,
        releases=True,
    )


def _rule(name: ClockName) -> Callable[[int], int]:
    return lambda utc: server_of(name, utc)


def _router(
    terms: ShadowTerms, context: SessionContext, requests: Requests, account: mt5.AccountInfo
) -> OrderRouter:
    if not terms.dry_run:
        return LiveRouter(requests, account)
    market = terms.market
    try:
        return DryRun(
            list(terms.instruments.values()),
            requests,
            account,
            context.folder.paper_account,
            pace=market.pace if market else None,
            bars={item.spec.name: item.ref.period for item in market.inputs} if market else None,
            since=market.to_server(market.start) * 1000 if market else 0,
        )
    except ValueError as error:
        raise BadData(str(error)) from error


def _watches(terms: ShadowTerms, server: ServerClock[ClockName]) -> list[BarWatch]:
    market = terms.market

    def utc(seconds: Any) -> Any:
        return to_utc(market.clock_name if market else server.rule, seconds)

    base = base_seconds(TIMEFRAME_SECONDS[name] for name in terms.timeframes)
    return [
        BarWatch(ours, item.name, BarPreparer(item.spec, utc, timeframes=terms.timeframes), base)
        for ours, item in terms.instruments.items()
    ]


def _had(past: list[ev.Record]) -> set[str]:
    """The user's signals that an earlier part of the session has had."""
    return {r.event.signal.signal_id for r in past if isinstance(r.event, ev.SignalDue)}


def _pacing(
    terms: ShadowTerms,
    actors: LiveActors,
    context: SessionContext,
    stop: Stop,
    schedule: LiveSignalSchedule,
    days: Days,
) -> Pacing:
    pacing = _plain_pacing(terms, actors, context, stop, days)
    named: set[str] = set()

    def add(signals: Iterable[ev.UserSignal]) -> None:
        meant, notes = known_signals(signals, terms.instruments)
        for note in notes:
            if note not in named:
                context.log.warn(note)
        named.update(notes)
        schedule.add(meant)

    for item in _taken_over(context):
        if item.exit_time is not None:
            schedule.leave(item.signal_id, item.exit_time)
    add(terms.signals)
    if terms.followed is None:
        return pacing
    file = FollowedSignals(terms.followed, context.log.warn)
    return Prepared(pacing, Polled(str(terms.followed), file.poll, add, context.log.warn))


def _taken_over(context: SessionContext) -> list[ev.AdoptedPosition]:
    """What the session has taken over, now or in an earlier part of it."""
    told = [r.event for r in context.past or () if isinstance(r.event, ev.OrphansAdopted)]
    now = None if context.account is None else context.account.adopted
    return [item for adopted in (*told, *filter(None, [now])) for item in adopted.positions]


def _told_bars(past: Sequence[ev.Record]) -> dict[tuple[str, str], Millis]:
    """When the last bar opened that each symbol's strategy received, by timeframe."""
    told: dict[tuple[str, str], Millis] = {}
    for record in past:
        event = record.event
        if isinstance(event, ev.WarmedUp):
            told |= {(event.symbol, timeframe): time for timeframe, time, *_ in event.bars}
        elif isinstance(event, ev.BarClosed):
            told[event.symbol, event.timeframe] = event.time
    return told


def _plain_pacing(
    terms: ShadowTerms, actors: LiveActors, context: SessionContext, stop: Stop, days: Days
) -> Pacing:
    clock, market = context.clock, terms.market
    if isinstance(clock, VirtualClock) and market is not None:
        return Lockstep(
            actors.venue,
            clock,
            market.to_utc,
            lambda: market.to_server(days.next_due) * 1000,
            stop.requested_now,
            resumed=context.past is not None,
            until=_after(clock, terms.seconds),
        )
    return ByTheClock(
        clock,
        terms.poll,
        None if market is None else _end_of(market),
        lambda seconds: sleep_until(seconds, stop),
        stop.requested_now,
        terms.seconds,
    )


def _after(clock: Clock, seconds: float | None) -> Millis | None:
    """The market's time in lockstep after which the session is over."""
    return None if seconds is None else clock.now() + round(seconds * 1000)


def _end_of(market: RecordedMarket) -> Millis:
    """When the recorded bars are over."""
    return max(item.ref.last + item.ref.period * 1000 for item in market.inputs)
