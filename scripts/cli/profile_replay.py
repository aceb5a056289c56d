"""Replaying on an account's own terminal: its history and symbol facts, or its order entry.

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
from adapters.mt5.live.script import ScriptedEntry
from adapters.services.logs import SessionLog
from config.loader import ConfigError, ResolvedAccount, load_symbols, with_overrides
from engine import events as ev
from engine.clock import SystemClock
from engine.types import Limits, Side, SymbolSpec
from risk.challenge import Challenge
from scripts.app.account.place import paper_books
from scripts.app.account.terms import ledger_terms
from scripts.app.errors import BadData, NeedsAttention, WrongUsage
from scripts.app.session_folder import THROUGH_MT5, SessionFolder, home, session_folder
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.failures import explained
from scripts.app.sessions.live import (
    LiveTerms,
    SessionContext,
    build_live,
    instruments,
    refuse_open_positions,
)
from scripts.app.sessions.permission import refuse_unsuitable, refuse_without_permission
from scripts.app.sessions.resume import PreviousRun, account_mark, open_journal, previous_run
from scripts.app.sessions.starting import on_ledger
from scripts.app.terms import options
from scripts.app.terms.bars import BarInput
from scripts.app.terms.conversion_pairs import refuse_unconvertible
from scripts.app.terms.entries import Entry, entries
from scripts.app.terms.inputs import open_inputs
from scripts.app.terms.objectives import named_phase, resolve, with_firms_day
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import Loaded, load
from scripts.app.version import session_metadata
from scripts.cli.replay import Screen, run_replay
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.interrupts import orderly_stop

SIGNALS = "signals"
"""The mode of a session that sends signals one after another."""

_YEAR = 365 * 86_400
_PIECE = 180 * 86_400
_WARM_UP = 60 * 86_400
"""How much history before --from is fetched to warm indicators up, in seconds."""
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
    request: ReplayRequest,
    how: OnProfile,
    results_dir: Path | None,
    session_id: str | None,
    screen: Screen,
) -> int:
    """Run the replay; raises AppError (exit code 4 when the terminal is the reason)."""
    _refuse_contradictions(request, how)
    if how.resume is not None:
        return asyncio.run(_resume(how, how.resume, results_dir, screen))
    request.check()
    loaded = load(request.preset)
    challenge = resolve(
        request.objectives, request.attempts, request.calendar, request.initial_balance
    )
    limits = _limits(request, loaded, challenge)
    _span(request, 0)
    folder = session_folder(results_dir, session_id, THROUGH_MT5)
    folder.create()
    try:
        if not how.dry_run:
            rules = _Rules(limits, challenge, named_phase(request.objectives))
            return asyncio.run(_send_signals(request, how, loaded, rules, folder, screen))
        history = asyncio.run(_fetch(request, how, folder))
        refuse_unconvertible(
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
            objectives=challenge,
        )
        return run_replay(terms, folder, screen, how.account.profile)
    finally:
        folder.discard_if_empty()


def _refuse_contradictions(request: ReplayRequest, how: OnProfile) -> None:
    """Raise AppError for options that do not go together."""
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
            raise WrongUsage(message)


def _limits(request: ReplayRequest, loaded: Loaded, challenge: Challenge | None) -> Limits:
    try:
        limits = with_overrides(loaded.preset.limits, **request.limits)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return with_firms_day(limits, challenge)


# --- history -----------------------------------------------------------------------------------


async def _fetch(request: ReplayRequest, how: OnProfile, folder: SessionFolder) -> History:
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
        books=paper_books(how.account, folder.results) if trading else None,
        session=folder.session_id,
    )


def _symbols(how: OnProfile) -> list[str]:
    return how.symbols or [how.account.default_symbol]


async def _history(
    connection: Connection, request: ReplayRequest, how: OnProfile, folder: SessionFolder
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
            raise BadData(
                f"the terminal has no M15 bars of {item.name} between the dates: open its chart "
                "once, or choose others with --from and --to"
            )
    return History(found, files, connection.account.balance)


def _span(request: ReplayRequest, now: int) -> tuple[int, int]:
    """First and last second to ask for; by default the year up to `now`, the server's last tick."""
    end = options.moment("--to", request.end)
    first = options.moment("--from", request.start)
    end = now if end is None else end
    before = _AHEAD if request.cold else _WARM_UP
    first = end - _YEAR if first is None else first - before
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


def _inputs(
    request: ReplayRequest, history: History, loaded: Loaded, screen: Screen
) -> list[BarInput]:
    """The fetched bars, checked like any file; the clock is detected from them or taken as
    usual."""
    specs: dict[str, SymbolSpec] = {name: item.spec for name, item in history.instruments.items()}
    specs = options.with_costs(specs, request.spread_floor, request.commission, request.swap)
    fetched = ReplayRequest(
        bars=[f"{name}={path}" for name, path in history.files.items()],
        clock=request.clock,
        start=request.start,
        cold=request.cold,
        end=request.end,
    )
    inputs, notes = open_inputs(fetched, specs, loaded.timeframes)
    screen.tell(notes)
    return inputs


# --- sending -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Rules:
    """By which limits a session sends, and whose objectives it follows.

    `phase` is the one that the command line names.
    """

    limits: Limits
    challenge: Challenge | None
    phase: str | None = None


async def _send_signals(
    request: ReplayRequest,
    how: OnProfile,
    loaded: Loaded,
    rules: _Rules,
    folder: SessionFolder,
    screen: Screen,
) -> int:
    async with _connection(how, folder, trading=True) as connection:
        refuse_unsuitable(connection)
        await refuse_open_positions(connection)
        await refuse_without_permission(connection)
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
            challenge=rules.challenge,
            plans=[_plan(number, entry, loaded) for number, entry in enumerate(found[:limit], 1)],
            dry_run=False,
            hold=how.hold,
            pace=how.pace,
        )
        return await _run_live(terms, connection, how, PreviousRun(folder, []), screen, rules.phase)


async def _resume(how: OnProfile, session: str, results: Path | None, screen: Screen) -> int:
    """Go on with a session that was interrupted or killed: compare, tidy up, enter the rest."""
    previous = previous_run(results if results is not None else home() / "results", session)
    names = [spec.name for spec in previous.started.symbols]
    async with _connection(how, previous.folder, trading=True, symbols=names) as connection:
        previous.insist_on(connection.account, SIGNALS)
        found = await instruments(
            connection, names, how.account.symbol_map, load_symbols(), managed=True
        )
        terms = LiveTerms(
            mode=SIGNALS,
            preset=previous.started.preset,
            parameters=previous.started.parameters,
            data=previous.started.data,
            instruments=found,
            limits=previous.limits,
            challenge=previous.challenge,
            plans=previous.plans,
            dry_run=False,
            hold=how.hold,
            pace=how.pace,
        )
        return await _run_live(terms, connection, how, previous, screen)


def _found(
    request: ReplayRequest, history: History, loaded: Loaded, screen: Screen
) -> tuple[list[BarInput], list[Entry]]:
    """The fetched bars and the preset's entries on them, in order of time."""
    inputs = _inputs(request, history, loaded, screen)
    found = [entry for item in inputs for entry in entries(item, loaded)]
    return inputs, sorted(found, key=lambda entry: entry.moment)


def _plan(number: int, entry: Entry, loaded: Loaded) -> ScriptedEntry:
    decision = entry.decision
    price = entry.tick.ask if decision.side is Side.LONG else entry.tick.bid
    return ScriptedEntry(
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


def _initial(challenge: Challenge | None) -> int | None:
    """What the command line says that the phase began with."""
    return None if challenge is None else challenge.initial_balance


async def _run_live(
    terms: LiveTerms,
    connection: Connection,
    how: OnProfile,
    previous: PreviousRun,
    screen: Screen,
    phase: str | None = None,
) -> int:
    clock, folder = SystemClock(), previous.folder
    log = SessionLog(folder.log, folder.session_id, clock.now, say=screen.say)
    mark = account_mark(connection.account)
    metadata = session_metadata(folder.session_id, how.account.profile, dry_run=False, account=mark)
    try:
        with explained(folder, log):
            async with on_ledger(
                connection,
                folder,
                how.account,
                clock,
                ledger_terms(
                    how.account, terms.limits, terms.challenge, phase, _initial(terms.challenge)
                ),
                mode=terms.mode,
                limits=terms.limits,
                sends=True,
                symbols=[item.name for item in terms.instruments.values()],
                say=lambda line: screen.tell([line]),
                challenge=terms.challenge,
                resumed=bool(previous.records),
            ) as account:
                opened = await open_journal(folder, resume=bool(previous.records))
                context = SessionContext(
                    folder,
                    account.journal(opened, folder.session_id),
                    clock,
                    log,
                    metadata,
                    previous.records or None,
                    account,
                )
                live = build_live(terms, connection, context)
                with orderly_stop(live.session.request_stop):
                    outcome = await live.session.run()
    finally:
        log.close()
    outcomes = live.outcomes
    if screen.as_json:
        print(json.dumps(live.summary.projection.summary(), indent=2, allow_nan=False))
    elif not screen.quiet:
        print(
            f"{outcomes.filled} positions opened, {outcomes.closed} closed; "
            f"{folder.latest_event_log}"
        )
    if problem := outcomes.problem or live.halted():
        complain(problem)
    left = live.left()
    if left is not None:
        raise NeedsAttention(left)
    if outcomes.rejected:
        return ExitCode.TERMINAL
    return ExitCode.INTERRUPTED if outcome is ev.SessionOutcome.INTERRUPTED else ExitCode.DONE
