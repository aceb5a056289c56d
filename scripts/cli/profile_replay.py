"""Replaying on an account's own terminal: its history and symbol facts, or its order desk.

Dry (the default): the terminal gives bars and symbols, the paper account fills by the replay's
execution model. With `--no-dry-run` each signal is sent now, one after another, its stop and target
distances laid on the current price, and closed after a while.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

from adapters.bars.columns import RateColumns
from adapters.bars.writer import write_bars
from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from adapters.mt5.live.script import Plan
from adapters.services.logs import SessionLog
from config.loader import ConfigError, ResolvedAccount, load_symbols, with_overrides
from engine import events as ev
from engine.clock import SystemClock
from engine.types import Limits, Side, SymbolSpec
from risk.challenge import Course
from scripts.app.errors import CommandFailed, Exit
from scripts.app.session_folder import THROUGH_MT5, SessionFolder, home, session_folder
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.failures import explained
from scripts.app.sessions.initial_balance import refuse_unknown_initial
from scripts.app.sessions.live import (
    Frame,
    LiveTerms,
    build_live,
    instruments,
    refuse_open_positions,
)
from scripts.app.sessions.permission import refuse_without_permission
from scripts.app.sessions.resume import Earlier, account_mark, earlier_session, open_journal
from scripts.app.terms import options
from scripts.app.terms.bars import BarInput
from scripts.app.terms.conversion_pairs import refuse_told
from scripts.app.terms.entries import Entry, entries
from scripts.app.terms.inputs import open_inputs
from scripts.app.terms.objectives import resolve, with_firms_day
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.request import Request
from scripts.app.terms.strategies import Loaded, load
from scripts.app.version import about_session
from scripts.cli.replay import Screen, run_replay
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.interrupts import orderly_stop

SIGNALS = "signals"
"""The mode of a session that sends signals one after another."""

_YEAR = 365 * 86_400
_PIECE = 180 * 86_400
_AHEAD = 86_400  # a server's clock may be ahead of UTC


@dataclass(frozen=True, kw_only=True)
class OnProfile:
    """How to replay on an account."""

    account: ResolvedAccount
    symbols: list[str] | None
    dry_run: bool
    hold: float
    pace: float
    resume: str | None = None


@dataclass(frozen=True)
class History:
    """What the terminal gave: instruments, and a bar file for each symbol in the session."""

    instruments: dict[str, Instrument]
    files: dict[str, Path]
    balance: float


def replay_on_profile(
    request: Request,
    how: OnProfile,
    results_dir: Path | None,
    session_id: str | None,
    screen: Screen,
) -> int:
    """Run the replay; raises CommandFailed (exit code 4 when the terminal is the reason)."""
    _refuse_contradictions(request, how)
    if how.resume is not None:
        return asyncio.run(_resume(how, how.resume, results_dir, screen))
    request.check()
    loaded = load(request.preset)
    course = resolve(
        request.objectives, request.attempts, request.calendar, request.initial_balance
    )
    limits = _limits(request, loaded, course)
    _span(request, 0)
    folder = session_folder(results_dir, session_id, THROUGH_MT5)
    folder.create()
    if not how.dry_run:
        rules = _Rules(limits, course)
        return asyncio.run(_send_signals(request, how, loaded, rules, folder, screen))
    history = asyncio.run(_fetch(request, how, folder))
    refuse_told(
        (item.spec for item in history.instruments.values()),
        "butler shadow trades it on the terminal's live prices, dry by default",
    )
    inputs = _inputs(request, history, loaded, screen)
    balance = history.balance if request.starting_equity is None else request.starting_equity
    terms = Terms(
        inputs=inputs,
        preset=loaded.preset.name,
        parameters=loaded.preset.parameters,
        factory=loaded.factory,
        timeframes=loaded.timeframes,
        limits=limits,
        starting_balance=options.cents("--starting-equity", balance),
        limit_trades=request.limit_trades,
        slippage=request.slippage_points,
        strategy=loaded.strategy,
        strategy_file=loaded.file,
        objectives=course,
    )
    return run_replay(terms, folder, screen, how.account.profile)


def _refuse_contradictions(request: Request, how: OnProfile) -> None:
    """Raise CommandFailed for options that do not go together."""
    resuming, sending = how.resume is not None, not how.dry_run
    simulated = request.slippage_points or request.starting_equity is not None
    refused = {
        "--resume goes on sending: add --no-dry-run": resuming and not sending,
        "--objectives: a session that goes on follows those that it began with; "
        "leave the option out": resuming and request.objectives is not None,
        "--initial-balance: a session that goes on keeps the one that it began with; "
        "leave the option out": resuming and request.initial_balance is not None,
        "--initial-balance belongs to a session that sends: over the terminal's history a replay "
        "begins with --starting-equity": (
            not resuming and not sending and request.initial_balance is not None
        ),
        "--bars and --account-profile exclude each other: the terminal gives the bars": (
            not resuming and bool(request.bars)
        ),
        "--signals, --digits and --repair do not go with --account-profile: "
        "the terminal gives symbols and bars, the preset the signals": (
            not resuming and bool(request.signals or request.digits or request.repair)
        ),
        "--slippage-points and --starting-equity belong to simulations: leave them out "
        "with --no-dry-run": not resuming and sending and bool(simulated),
        "--attempts repeat: an account cannot begin anew; leave it out with --no-dry-run": (
            not resuming and sending and request.attempts == "repeat"
        ),
    }
    for message, holds in refused.items():
        if holds:
            raise CommandFailed(message, Exit.USAGE)


def _limits(request: Request, loaded: Loaded, course: Course | None) -> Limits:
    try:
        limits = with_overrides(loaded.preset.limits, **request.limits)
    except ConfigError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    return with_firms_day(limits, course)


# --- history -----------------------------------------------------------------------------------


async def _fetch(request: Request, how: OnProfile, folder: SessionFolder) -> History:
    async with _connection(how, folder, trading=False) as connection:
        return await _history(connection, request, how, folder)


def _connection(
    how: OnProfile, folder: SessionFolder, *, trading: bool, symbols: list[str] | None = None
) -> Any:
    return connected(
        how.account,
        folder.results / "hosts",
        trading=trading,
        symbols=symbols or _symbols(how),
        books=folder.paper_account if trading else None,
        session=folder.session_id,
    )


def _symbols(how: OnProfile) -> list[str]:
    return how.symbols or [how.account.default_symbol]


async def _history(
    connection: Connection, request: Request, how: OnProfile, folder: SessionFolder
) -> History:
    known = load_symbols()
    found = await instruments(connection, _symbols(how), how.account.symbol_map, known)
    files = {}
    for ours, item in found.items():
        tick = await connection.call("symbol_info_tick", item.name)
        first, end = _span(request, tick.time)
        pieces = [
            await connection.call(
                "copy_rates_range",
                item.name,
                mt5.TIMEFRAME_M15,
                dt.datetime.fromtimestamp(start, dt.UTC),
                dt.datetime.fromtimestamp(min(start + _PIECE - 1, end), dt.UTC),
            )
            for start in range(first, end, _PIECE)
        ]
        files[ours] = folder.path / f"bars_{ours}.parquet"
        if not write_bars(files[ours], _columns(pieces)):
            raise CommandFailed(
                f"the terminal has no M15 bars of {item.name} between the dates: open its chart "
                "once, or choose others with --from and --to",
                Exit.DATA,
            )
    return History(found, files, connection.account.balance)


def _span(request: Request, now: int) -> tuple[int, int]:
    """First and last second to ask for; by default the year up to `now`, the server's last tick."""
    end = options.moment("--to", request.end)
    first = options.moment("--from", request.start)
    end = now if end is None else end
    first = end - _YEAR if first is None else first - _AHEAD
    return first, end + _AHEAD


def _columns(pieces: list[Any]) -> Iterator[RateColumns]:
    for rates in pieces:
        if len(rates):
            yield RateColumns(
                rates["time"],
                rates["open"],
                rates["high"],
                rates["low"],
                rates["close"],
                rates["tick_volume"].astype("i8"),
                rates["spread"].astype("i8"),
            )


def _inputs(request: Request, history: History, loaded: Loaded, screen: Screen) -> list[BarInput]:
    """The fetched bars, checked like any file; the clock is told from them or taken as usual."""
    specs: dict[str, SymbolSpec] = {name: item.spec for name, item in history.instruments.items()}
    specs = options.with_costs(specs, request.spread_floor, request.commission, request.swap)
    fetched = Request(
        bars=[f"{name}={path}" for name, path in history.files.items()],
        clock=request.clock,
        start=request.start,
        end=request.end,
    )
    inputs, notes = open_inputs(fetched, specs, loaded.timeframes)
    screen.tell(notes)
    return inputs


# --- sending -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rules:
    """By which limits a session sends, and whose objectives it follows."""

    limits: Limits
    course: Course | None


async def _send_signals(
    request: Request,
    how: OnProfile,
    loaded: Loaded,
    rules: _Rules,
    folder: SessionFolder,
    screen: Screen,
) -> int:
    async with _connection(how, folder, trading=True) as connection:
        await refuse_open_positions(connection)
        await refuse_without_permission(connection)
        await refuse_unknown_initial(connection, rules.course)
        history = await _history(connection, request, how, folder)
        inputs, found = await anyio.to_thread.run_sync(_found, request, history, loaded, screen)
        limit = len(found) if request.limit_trades is None else request.limit_trades
        terms = LiveTerms(
            mode=SIGNALS,
            preset=loaded.preset.name,
            parameters=loaded.preset.parameters,
            data=tuple(item.ref for item in inputs),
            instruments=history.instruments,
            limits=rules.limits,
            course=rules.course,
            plans=[_plan(number, entry, loaded) for number, entry in enumerate(found[:limit], 1)],
            dry_run=False,
            hold=how.hold,
            pace=how.pace,
        )
        return await _run_live(terms, connection, how, Earlier(folder, []), screen)


async def _resume(how: OnProfile, session: str, results: Path | None, screen: Screen) -> int:
    """Go on with a session that was interrupted or killed: compare, tidy up, enter the rest."""
    earlier = earlier_session(results if results is not None else home() / "results", session)
    names = [spec.name for spec in earlier.started.symbols]
    async with _connection(how, earlier.folder, trading=True, symbols=names) as connection:
        earlier.insist_on(connection.account, SIGNALS)
        found = await instruments(connection, names, how.account.symbol_map, load_symbols())
        terms = LiveTerms(
            mode=SIGNALS,
            preset=earlier.started.preset,
            parameters=earlier.started.parameters,
            data=earlier.started.data,
            instruments=found,
            limits=earlier.limits,
            course=earlier.course,
            plans=earlier.plans,
            dry_run=False,
            hold=how.hold,
            pace=how.pace,
        )
        return await _run_live(terms, connection, how, earlier, screen)


def _found(
    request: Request, history: History, loaded: Loaded, screen: Screen
) -> tuple[list[BarInput], list[Entry]]:
    """The fetched bars and the preset's entries on them, in order of time."""
    inputs = _inputs(request, history, loaded, screen)
    found = [entry for item in inputs for entry in entries(item, loaded)]
    return inputs, sorted(found, key=lambda entry: entry.moment)


def _plan(number: int, entry: Entry, loaded: Loaded) -> Plan:
    decision = entry.decision
    price = entry.tick.ask if decision.side is Side.LONG else entry.tick.bid
    return Plan(
        name=str(number),
        symbol=entry.spec.name,
        side=decision.side,
        stop=abs(price - decision.stop_loss),
        target=abs(decision.take_profit - price) if decision.take_profit else 0,
        scale=decision.scale,
        volume=decision.volume,
        reason=decision.reason,
        strategy_id=loaded.preset.name,
    )


async def _run_live(
    terms: LiveTerms,
    connection: Connection,
    how: OnProfile,
    earlier: Earlier,
    screen: Screen,
) -> int:
    clock, folder = SystemClock(), earlier.folder
    log = SessionLog(folder.log, folder.session_id, clock.now, say=screen.say)
    mark = account_mark(connection.account)
    about = about_session(folder.session_id, how.account.profile, dry_run=False, account=mark)
    try:
        with explained(folder):
            journal = await open_journal(folder, resume=bool(earlier.records))
            frame = Frame(folder, journal, clock, log, about, earlier.records or None)
            live = build_live(terms, connection, frame)
            with orderly_stop(live.session.request_stop):
                outcome = await live.session.run()
    finally:
        log.close()
    told = live.told
    if screen.as_json:
        print(json.dumps(live.summary.projection.summary(), indent=2, allow_nan=False))
    elif not screen.quiet:
        print(f"{told.filled} positions opened, {told.closed} closed; {folder.latest_event_log}")
    if told.problem:
        complain(told.problem)
    left = live.left()
    if left is not None:
        raise CommandFailed(left, Exit.TERMINAL)
    if told.rejected:
        return Exit.TERMINAL
    return Exit.INTERRUPTED if outcome is ev.Outcome.INTERRUPTED else Exit.DONE
