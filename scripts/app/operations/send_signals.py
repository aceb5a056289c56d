"""Sending a preset's signals to an account's terminal now, one after another.

Each signal's stop and target distances are laid on the current price, and its position is closed
after a while.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from adapters.mt5.live.script import ScriptedEntry
from adapters.services.logs import SessionLog
from config.loader import load_symbols
from engine.clock import SystemClock
from engine.types import Side
from scripts.app.account.terms import ledger_terms
from scripts.app.frontend import Frontend
from scripts.app.operations.beginning import Beginning
from scripts.app.operations.finished import FinishedSession
from scripts.app.operations.profile_replay import (
    History,
    PreparedReplay,
    ProfileReplay,
    connection_of,
    fetch_history,
    open_history,
    prepare,
)
from scripts.app.session_folder import results_folder
from scripts.app.sessions.connection import Connection
from scripts.app.sessions.failures import explained
from scripts.app.sessions.live import (
    LiveSession,
    LiveTerms,
    SessionContext,
    build_live,
    instruments,
    refuse_open_positions,
)
from scripts.app.sessions.outcomes import OrderOutcomes
from scripts.app.sessions.permission import refuse_unsuitable, refuse_without_permission
from scripts.app.sessions.replay import bar_files_of
from scripts.app.sessions.resume import PreviousRun, account_mark, open_journal, previous_run
from scripts.app.sessions.starting import on_ledger
from scripts.app.terms.bars import BarInput
from scripts.app.terms.entries import Entry, entries
from scripts.app.terms.objectives import named_phase
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import Loaded
from scripts.app.version import session_metadata

SIGNALS = "signals"
"""The mode of a session that sends signals one after another."""


@dataclass(frozen=True)
class SentSignals:
    """The session, what became of its orders, and what it leaves behind at the terminal.

    `halted` says why nothing was sent, where trading on the account was halted already.
    """

    session: FinishedSession
    outcomes: OrderOutcomes
    halted: str | None
    left: str | None


def send_signals(how: ProfileReplay, frontend: Frontend) -> SentSignals:
    """Send the signals of a new session; raises AppError when it cannot go on."""
    return asyncio.run(_send(how, frontend))


async def _send(how: ProfileReplay, frontend: Frontend) -> SentSignals:
    prepared = prepare(how)
    try:
        return await _send_new(how, prepared, frontend)
    finally:
        if not prepared.folder.journal.exists():  # refused: the bars were fetched for nothing
            prepared.folder.discard()


async def _send_new(
    how: ProfileReplay, prepared: PreparedReplay, frontend: Frontend
) -> SentSignals:
    folder = prepared.folder
    beginning = Beginning(folder, how.account.profile, dry_run=False)
    with beginning:
        async with connection_of(how, folder, trading=True) as connection:
            refuse_unsuitable(connection)
            beginning.over()
            return await _send_on(connection, how, prepared, frontend)


async def _send_on(
    connection: Connection, how: ProfileReplay, prepared: PreparedReplay, frontend: Frontend
) -> SentSignals:
    request, loaded, folder = how.request, prepared.loaded, prepared.folder
    await refuse_open_positions(connection)
    await refuse_without_permission(connection)
    history = await fetch_history(connection, how, folder)
    inputs, found = await anyio.to_thread.run_sync(_found, request, history, loaded, frontend)
    limit = len(found) if request.limit_trades is None else request.limit_trades
    terms = LiveTerms(
        mode=SIGNALS,
        preset=loaded.preset.name,
        parameters=loaded.preset.parameters,
        data=tuple(item.ref for item in inputs),
        instruments=history.instruments,
        limits=prepared.limits,
        challenge=prepared.challenge,
        plans=[_plan(number, entry, loaded) for number, entry in enumerate(found[:limit], 1)],
        dry_run=False,
        hold=how.hold,
        pace=how.pace,
        files=_about(inputs, loaded, request),
        services=how.services,
    )
    phase = named_phase(request.objectives)
    return await run_script(terms, connection, how, PreviousRun(folder, []), frontend, phase)


def resume_sending(how: ProfileReplay, frontend: Frontend) -> SentSignals:
    """Go on with a session that was interrupted or killed: compare, tidy up, send the rest."""
    return asyncio.run(_resume(how, how.resume or "", frontend))


async def _resume(how: ProfileReplay, session: str, frontend: Frontend) -> SentSignals:
    previous = previous_run(results_folder(how.results), session)
    names = [spec.name for spec in previous.started.symbols]
    async with connection_of(how, previous.folder, trading=True, symbols=names) as connection:
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
            services=how.services,
        )
        return await run_script(terms, connection, how, previous, frontend)


def _found(
    request: ReplayRequest, history: History, loaded: Loaded, frontend: Frontend
) -> tuple[list[BarInput], list[Entry]]:
    """The fetched bars and the preset's entries on them, in order of time."""
    inputs = open_history(request, history, loaded, frontend)
    found = [entry for item in inputs for entry in entries(item, loaded)]
    return inputs, sorted(found, key=lambda entry: entry.moment)


def _about(inputs: list[BarInput], loaded: Loaded, request: ReplayRequest) -> dict[str, Any]:
    """Where the signals came from: bars, and the strategy that decided before the session began."""
    file = {} if loaded.file is None else {"strategy_file": str(loaded.file)}
    return {
        **bar_files_of(inputs),
        "warm_up": not request.cold,
        "strategy": loaded.strategy,
        **file,
    }


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


async def run_script(
    terms: LiveTerms,
    connection: Connection,
    how: ProfileReplay,
    previous: PreviousRun,
    frontend: Frontend,
    phase: str | None = None,
) -> SentSignals:
    """Run the planned orders of `terms` to their end, after what `previous` has of them.

    `phase` is the one of the objectives that the command line names.
    """
    clock, folder = SystemClock(), previous.folder
    log = SessionLog(folder.log, folder.session_id, clock.now, say=frontend.warn, apart=True)
    mark = account_mark(connection.account)
    metadata = session_metadata(folder.session_id, how.account.profile, dry_run=False, account=mark)
    metadata |= terms.files
    initial = None if terms.challenge is None else terms.challenge.initial_balance
    live: LiveSession | None = None
    try:
        with explained(folder, log):
            async with on_ledger(
                connection,
                folder,
                how.account,
                clock,
                ledger_terms(how.account, terms.limits, terms.challenge, phase, initial),
                mode=terms.mode,
                limits=terms.limits,
                sends=True,
                names={item.name: ours for ours, item in terms.instruments.items()},
                say=lambda line: frontend.tell([line]),
                challenge=terms.challenge,
                resumed=bool(previous.records),
            ) as account:
                opened = await open_journal(folder, resume=bool(previous.records))
                past = previous.records or None
                journal = account.journal(opened, folder.session_id, past or ())
                context = SessionContext(folder, journal, clock, log, metadata, past, account)
                live = build_live(terms, connection, context)
                with frontend.interruptible(live.session.request_stop) as interrupt:
                    outcome = await live.session.run()
    finally:
        log.close()
        if live is not None:
            _tell_left_open(live, how, folder.session_id, frontend)
    summary, tables = live.sinks.summary.projection.summary(), live.sinks.tables
    session = FinishedSession(
        folder, outcome, summary, as_ordered=not interrupt.asked, result=tables.result
    )
    return SentSignals(session, live.outcomes, live.halted(), live.left())


def _tell_left_open(
    live: LiveSession, how: ProfileReplay, session: str, frontend: Frontend
) -> None:
    profile = how.account.profile or "NAME"
    frontend.tell_left_open(
        live.portfolio,
        profile=profile,
        goes_on=f"butler replay --account-profile {profile} --no-dry-run --resume {session} closes "
        "them and goes on",
        dry_run=False,
    )
