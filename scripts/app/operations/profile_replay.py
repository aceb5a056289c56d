"""A replay on an account's own terminal: its history and symbol facts, filled on paper.

The terminal gives bars and symbols, the paper account fills by the replay's execution model. What
sends each signal to the terminal instead is `send_signals.py`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.bars.columns import RateColumns
from adapters.bars.writer import write_bars
from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from config.loader import ConfigError, ResolvedAccount, load_symbols, with_overrides
from engine.types import USD, Limits, SymbolSpec
from risk.challenge import Challenge
from scripts.app.account.place import paper_books
from scripts.app.errors import BadData, WrongUsage
from scripts.app.frontend import Frontend
from scripts.app.operations.beginning import Beginning
from scripts.app.operations.finished import FinishedSession
from scripts.app.operations.replay import run_replay
from scripts.app.session_folder import THROUGH_MT5, SessionFolder, session_folder
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.live import instruments
from scripts.app.sessions.services import ServiceOptions
from scripts.app.terms import options
from scripts.app.terms.bars import BarInput
from scripts.app.terms.conversion_pairs import insist_on_pairs
from scripts.app.terms.inputs import open_inputs
from scripts.app.terms.objectives import refuse_rewards, resolve, with_firms_day
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import Loaded, load

_YEAR = 365 * 86_400
_PIECE = 180 * 86_400
_WARM_UP = 60 * 86_400
"""How much history before --from is fetched to warm indicators up, in seconds."""
_AHEAD = 86_400  # a server's clock may be ahead of UTC


@dataclass(frozen=True, kw_only=True)
class ProfileReplay:
    """What the user asked for: a replay, and how it is to use an account's terminal."""

    request: ReplayRequest
    account: ResolvedAccount
    symbols: list[str]
    dry_run: bool
    hold: float
    pace: float
    results: Path | None = None
    session_id: str | None = None
    resume: str | None = None
    parquet: bool = False
    services: ServiceOptions = field(default_factory=ServiceOptions)
    """Of a session that sends; a replay over history has none."""


@dataclass(frozen=True)
class PreparedReplay:
    """What is known before the terminal is asked for anything: code, rules, the new folder."""

    loaded: Loaded
    limits: Limits
    challenge: Challenge | None
    folder: SessionFolder


@dataclass(frozen=True)
class History:
    """What the terminal gave: instruments, and a bar file for each symbol in the session."""

    instruments: dict[str, Instrument]
    files: dict[str, Path]
    balance: float
    currency: str = USD


def replay_history(how: ProfileReplay, frontend: Frontend) -> FinishedSession:
    """Replay the terminal's history to its end; raises AppError when it cannot go on."""
    prepared = prepare(how)
    try:
        return _replay_prepared(how, prepared, frontend)
    finally:
        prepared.folder.discard_if_empty()


def _replay_prepared(
    how: ProfileReplay, prepared: PreparedReplay, frontend: Frontend
) -> FinishedSession:
    request, loaded, folder = how.request, prepared.loaded, prepared.folder
    history = asyncio.run(_fetch(how, folder))
    traded = [item.spec for item in history.instruments.values()]
    insist_on_pairs(
        traded,
        options.known_specs(None, history.currency).values(),
        history.currency,
        how="--symbol {pair}",
    )
    balance = history.balance if request.starting_equity is None else request.starting_equity
    terms = Terms(
        inputs=open_history(request, history, loaded, frontend),
        preset=loaded.preset.name,
        parameters=loaded.preset.parameters,
        factory=loaded.factory,
        timeframes=loaded.timeframes,
        limits=prepared.limits,
        starting_balance=options.cents("--starting-equity", balance),
        limit_trades=request.limit_trades,
        slippage=request.slippage_points,
        strategy=loaded.strategy,
        strategy_file=loaded.file,
        objectives=prepared.challenge,
        currency=history.currency,
    )
    return run_replay(terms, folder, frontend, how.account.profile, parquet=how.parquet)


def refuse_contradictions(how: ProfileReplay) -> None:
    """Raise WrongUsage for options that do not go together."""
    request = how.request
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
        "--account-currency belongs to a replay of bars: an account has its own": (
            request.account_currency is not None
        ),
        "--parquet belongs to simulations: leave it out with --no-dry-run; butler.load(SESSION) "
        "gives its tables": sending and how.parquet,
        "--attempts repeat: an account cannot begin anew; leave it out with --no-dry-run": (
            not resuming and sending and request.attempts == "repeat"
        ),
    }
    for message, holds in refused.items():
        if holds:
            raise WrongUsage(message)


def prepare(how: ProfileReplay) -> PreparedReplay:
    """Resolve what needs no terminal and make the session's folder; raises AppError."""
    request = how.request
    request.check()
    loaded = load(request.preset)
    challenge = resolve(
        request.objectives, request.attempts, request.calendar, request.initial_balance
    )
    refuse_rewards(challenge, request.calendar)
    try:
        limits = with_overrides(loaded.preset.limits, **request.limits)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    _span(request, 0)
    folder = session_folder(how.results, how.session_id, THROUGH_MT5)
    folder.create()
    return PreparedReplay(loaded, with_firms_day(limits, challenge), challenge, folder)


def connection_of(
    how: ProfileReplay, folder: SessionFolder, *, trading: bool, symbols: list[str] | None = None
) -> AbstractAsyncContextManager[Connection]:
    """The account's terminal, for `symbols` or those that the user asked for."""
    return connected(
        how.account,
        folder.results / "hosts",
        trading=trading,
        symbols=symbols or how.symbols,
        books=paper_books(how.account, folder.results) if trading else None,
        session=folder.session_id,
    )


async def _fetch(how: ProfileReplay, folder: SessionFolder) -> History:
    with Beginning(folder, how.account.profile, dry_run=True) as beginning:
        async with connection_of(how, folder, trading=False) as connection:
            beginning.over()
            return await fetch_history(connection, how, folder)


async def fetch_history(
    connection: Connection, how: ProfileReplay, folder: SessionFolder
) -> History:
    """The M15 bars of every symbol, written to files in `folder`; raises BadData without any."""
    found = await instruments(connection, how.symbols, how.account.symbol_map, load_symbols())
    files = {}
    for ours, item in found.items():
        tick = await connection.call("symbol_info_tick", item.name)
        first, end = _span(how.request, tick.time)
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
    return History(found, files, connection.account.balance, connection.account.currency)


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


def open_history(
    request: ReplayRequest, history: History, loaded: Loaded, frontend: Frontend
) -> list[BarInput]:
    """The fetched bars, checked like any file; their clock is detected, or taken as usual."""
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
    frontend.tell(notes)
    return inputs
