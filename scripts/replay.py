"""`butler replay`: recorded bars through the whole engine, on a paper account."""

from __future__ import annotations

import datetime as dt
import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts import replay_options as opt
from scripts.account_options import (
    AccountsOption,
    DryRunOption,
    LoginOption,
    PasswordOption,
    ResultsOption,
    ServerOption,
    SessionOption,
    choose_account,
)
from scripts.cli import CommandFailed, Exit, complain, home

if TYPE_CHECKING:
    from scripts.folders import SessionFolder
    from scripts.wiring import Terms

DEFAULT_STARTING_EQUITY = 100_000.0
LIMIT_OPTIONS = (
    "max_positions",
    "per_trade_risk_fraction",
    "daily_loss_fraction",
    "max_loss_fraction",
)


def replay(
    bars: opt.Bars = None,
    clock: opt.Clock = None,
    digits: opt.Digits = None,
    preset: opt.PresetName = "ftmo_m15",
    max_positions: opt.MaxPositions = None,
    per_trade_risk_fraction: opt.PerTradeRisk = None,
    daily_loss_fraction: opt.DailyLoss = None,
    max_loss_fraction: opt.MaxLoss = None,
    limit_trades: opt.LimitTrades = None,
    starting_equity: opt.StartingEquity = None,
    start: opt.Start = None,
    end: opt.End = None,
    results_dir: ResultsOption = None,
    session_id: SessionOption = None,
    slippage_points: opt.SlippagePoints = 0,
    spread_floor: opt.SpreadFloor = None,
    commission: opt.Commission = None,
    swap: opt.Swap = None,
    signals: opt.Signals = None,
    objectives: opt.Objectives = None,
    attempts: opt.Attempts = None,
    calendar: opt.Calendar = None,
    initial_balance: opt.InitialBalance = None,
    repair: opt.Repair = False,
    account_profile: opt.Profile = None,
    dry_run: DryRunOption = True,
    symbol: opt.Symbols = None,
    hold_seconds: opt.HoldSeconds = 2.0,
    pace: opt.Pace = 1.0,
    resume: opt.Resume = None,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> int:
    """Replay a preset, or your own signals, over bars: the shipped sample, yours, or a terminal's.

    Bars outside --from and --to are not read at all, so indicators start cold at --from.
    """
    given = dict(locals())
    request = Request.of(given)
    screen = Screen(as_json=as_json, quiet=quiet)
    if account_profile is not None:
        return _on_profile(account_profile, request, given, screen)
    _refuse_account_options(given)
    from scripts.folders import SIMULATED

    terms, notes = resolve_terms(request)
    screen.tell(notes)
    folder = session_folder(results_dir, session_id, SIMULATED)
    folder.create()
    return run_replay(terms, folder, screen)


def _refuse_account_options(given: dict[str, Any]) -> None:
    """Options that mean nothing without an account are refused, not ignored."""
    needless = [
        name
        for name in (
            "symbol",
            "login",
            "server",
            "password",
            "accounts",
            "resume",
            "initial_balance",
        )
        if given[name]
    ]
    if not given["dry_run"]:
        needless.append("no_dry_run")
    if needless:
        option = needless[0].replace("_", "-")
        raise CommandFailed(f"--{option} needs an --account-profile to go with", Exit.USAGE)


def _on_profile(profile: str, request: Request, given: dict[str, Any], screen: Screen) -> int:
    from scripts.profile_replay import OnProfile, replay_on_profile

    account = choose_account(
        profile, given["login"], given["server"], given["password"], given["accounts"]
    )
    how = OnProfile(
        account=account,
        symbols=given["symbol"],
        dry_run=given["dry_run"],
        hold=given["hold_seconds"],
        pace=given["pace"],
        resume=given["resume"],
    )
    return replay_on_profile(request, how, given["results_dir"], given["session_id"], screen)


@dataclass(frozen=True)
class Screen:
    """How much the user wants to see."""

    as_json: bool = False
    quiet: bool = False

    @property
    def progress(self) -> bool:
        return sys.stderr.isatty() and not self.quiet and not self.as_json

    @property
    def say(self) -> Callable[[str], None] | None:
        """Where warnings go; None when nothing is to be shown."""
        return None if self.quiet or self.as_json else complain

    def tell(self, notes: list[str]) -> None:
        for note in () if self.quiet else notes:
            complain(note)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for, as typed."""

    bars: list[str] | None = None
    clock: str | None = None
    digits: list[str] | None = None
    preset: str = "ftmo_m15"
    limits: dict[str, Any] = field(default_factory=dict)
    limit_trades: int | None = None
    starting_equity: float | None = None
    start: str | None = None
    end: str | None = None
    slippage_points: int = 0
    spread_floor: list[str] | None = None
    commission: list[str] | None = None
    swap: list[str] | None = None
    signals: Path | None = None
    objectives: str | None = None
    attempts: str | None = None
    calendar: Path | None = None
    initial_balance: float | None = None
    repair: bool = False

    def check(self) -> None:
        """Raise CommandFailed for what is wrong whatever the bars are."""
        limit = self.limit_trades
        if limit is not None and limit < 1:
            raise CommandFailed(
                f"--limit-trades {limit}: must be 1 or more; leave it out for no limit", Exit.USAGE
            )

    @classmethod
    def of(cls, given: dict[str, Any]) -> Request:
        """The request in a command's arguments; options that are not its own are left out."""
        own = {item.name for item in fields(cls)} - {"limits"}
        limits = {name: given[name] for name in LIMIT_OPTIONS}
        return cls(limits=limits, **{name: given[name] for name in own})


def resolve_terms(request: Request) -> tuple[Terms, list[str]]:
    """Everything that the user said, checked, and what they should know of it.

    Raises CommandFailed with one line.
    """
    from config.loader import ConfigError, load_symbols, with_overrides
    from engine.events import NO_STRATEGY
    from scripts import objectives, options
    from scripts.crosses import refuse_told
    from scripts.given import open_signals
    from scripts.inputs import open_inputs
    from scripts.strategies import load
    from scripts.wiring import Terms

    request.check()
    equity = request.starting_equity
    balance = options.cents(
        "--starting-equity", DEFAULT_STARTING_EQUITY if equity is None else equity
    )
    loaded = load(request.preset)
    try:
        limits = with_overrides(loaded.preset.limits, **request.limits)
        specs = options.with_digits(load_symbols(), request.digits)
    except ConfigError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    course = objectives.resolve(request.objectives, request.attempts, request.calendar)
    specs = options.with_costs(specs, request.spread_floor, request.commission, request.swap)
    given = None if request.signals is None else open_signals(request.signals)
    timeframes = () if given else loaded.timeframes
    inputs, notes = open_inputs(request, specs, timeframes)
    refuse_told(
        (item.spec for item in inputs),
        "butler shadow --account-profile PAPER --speed max plays it beside the pair that converts",
    )
    terms = Terms(
        inputs=inputs,
        preset="signals" if given else loaded.preset.name,
        parameters={} if given else loaded.preset.parameters,
        factory=None if given else loaded.factory,
        timeframes=timeframes,
        limits=objectives.with_firms_day(limits, course),
        starting_balance=balance,
        limit_trades=request.limit_trades,
        slippage=request.slippage_points,
        signals=given.signals if given else (),
        signals_sha256=given.sha256 if given else "",
        signals_file=request.signals,
        strategy=NO_STRATEGY if given else loaded.strategy,
        strategy_file=None if given else loaded.file,
        objectives=course,
    )
    return terms, notes


def session_folder(results: Path | None, session_id: str | None, kind: str) -> SessionFolder:
    """The folder of a new session, not yet made; its id is made from the time if none is given."""
    from scripts.folders import SessionFolder, checked_session_id

    if session_id is None:
        now = dt.datetime.now(dt.UTC)
        session_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    where = results if results is not None else home() / "results"
    return SessionFolder(where, checked_session_id(session_id), kind)


def run_replay(
    terms: Terms, folder: SessionFolder, screen: Screen, profile: str | None = None
) -> int:
    """Run the session to its end; prints what the user asked for, returns the exit code."""
    import asyncio

    return asyncio.run(_run(terms, folder, screen, profile))


async def _run(terms: Terms, folder: SessionFolder, screen: Screen, profile: str | None) -> int:
    import json

    from adapters.logs import SessionLog
    from engine import events as ev
    from engine.clock import SystemClock
    from scripts.configuration import write_configuration
    from scripts.failures import explained
    from scripts.interrupts import orderly_stop
    from scripts.screen import Progress, show_summary
    from scripts.version import about_session
    from scripts.wiring import build_replay, files_of, started

    clock = SystemClock()
    log = SessionLog(folder.log, folder.session_id, clock.now, say=screen.say)
    about = about_session(folder.session_id, profile, dry_run=True)
    about |= files_of(terms)
    try:
        write_configuration(folder, started(terms), about)
        with explained(folder):
            replay = build_replay(terms, folder, clock, about, log)
        total = sum(item.ref.rows for item in terms.inputs)
        request_stop = replay.session.request_stop
        with Progress(total, shown=screen.progress) as progress, orderly_stop(request_stop):
            replay.session.on_slice = lambda: progress.update(replay.feed.bars_played)
            with explained(folder):
                outcome = await replay.session.run()
    finally:
        log.close()
    summary = replay.summary.projection.summary()
    if screen.as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not screen.quiet:
        show_summary(summary, folder.latest_event_log, folder.path)
    return Exit.INTERRUPTED if outcome is ev.Outcome.INTERRUPTED else Exit.DONE
