"""`butler replay`: recorded bars through the whole engine, on a paper account."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import session_folder
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import (
    AccountsOption,
    DryRunOption,
    LoginOption,
    PasswordOption,
    ResultsOption,
    ServerOption,
    SessionOption,
    choose_account,
)
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode

if TYPE_CHECKING:
    from scripts.app.session_folder import SessionFolder
    from scripts.app.terms.replay_terms import Terms


def replay(
    bars: opt.Bars = None,
    clock: opt.Clock = None,
    digits: opt.Digits = None,
    symbol_spec: opt.SymbolSpecFiles = None,
    preset: opt.PresetName = "ftmo_m15",
    max_positions: opt.MaxPositions = None,
    per_trade_risk_fraction: opt.PerTradeRisk = None,
    daily_loss_fraction: opt.DailyLoss = None,
    max_loss_fraction: opt.MaxLoss = None,
    limit_trades: opt.LimitTrades = None,
    starting_equity: opt.StartingEquity = None,
    start: opt.Start = None,
    end: opt.End = None,
    cold: opt.Cold = False,
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

    Bars before --from only warm up indicators; with --cold they are not read at all.
    """
    given = dict(locals())
    request = ReplayRequest.of(given)
    screen = Screen(as_json=as_json, quiet=quiet)
    if account_profile is not None:
        return _on_profile(account_profile, request, given, screen)
    _refuse_account_options(given)
    from scripts.app.session_folder import SIMULATED
    from scripts.app.terms.replay_terms import resolve_terms

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
        raise WrongUsage(f"--{option} needs an --account-profile to go with")


def _on_profile(profile: str, request: ReplayRequest, given: dict[str, Any], screen: Screen) -> int:
    from scripts.cli.profile_replay import OnProfile, replay_on_profile

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


def run_replay(
    terms: Terms, folder: SessionFolder, screen: Screen, profile: str | None = None
) -> int:
    """Run the session to its end; prints what the user asked for, returns the exit code."""
    import asyncio

    return asyncio.run(_run(terms, folder, screen, profile))


async def _run(terms: Terms, folder: SessionFolder, screen: Screen, profile: str | None) -> int:
    import json

    from adapters.services.logs import SessionLog
    from engine import events as ev
    from engine.clock import SystemClock
    from scripts.app.configuration import write_configuration
    from scripts.app.sessions.failures import explained
    from scripts.app.sessions.replay import build_replay, files_of, started
    from scripts.app.version import session_metadata
    from scripts.cli.shared.interrupts import orderly_stop
    from scripts.view.summary import ProgressBar, show_summary

    clock = SystemClock()
    log = SessionLog(folder.log, folder.session_id, clock.now, say=screen.say)
    metadata = session_metadata(folder.session_id, profile, dry_run=True)
    metadata |= files_of(terms)
    try:
        write_configuration(folder, started(terms), metadata)
        with explained(folder, log):
            replay = build_replay(terms, folder, clock, metadata, log)
        total = sum(item.ref.rows for item in terms.inputs)
        request_stop = replay.session.request_stop
        with ProgressBar(total, shown=screen.progress) as progress, orderly_stop(request_stop):
            replay.session.on_slice = lambda: progress.update(replay.feed.bars_played)
            with explained(folder, log):
                outcome = await replay.session.run()
    finally:
        log.close()
    summary = replay.summary.projection.summary()
    if screen.as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not screen.quiet:
        show_summary(summary, folder.latest_event_log, folder.path)
    return ExitCode.INTERRUPTED if outcome is ev.SessionOutcome.INTERRUPTED else ExitCode.DONE
