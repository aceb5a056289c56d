"""`butler replay`: recorded bars through the whole engine, on a paper account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.app.errors import NeedsAttention, WrongUsage
from scripts.app.session_folder import SIMULATED, session_folder
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
from scripts.cli.shared.exit_codes import ExitCode, ended
from scripts.cli.shared.screen import Screen
from scripts.view.printable import print_lines

if TYPE_CHECKING:
    from scripts.app.operations.send_signals import SentSignals

_NEED_AN_ACCOUNT = (
    "symbol", "login", "server", "password", "accounts", "resume", "initial_balance",
)  # fmt: skip


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
    account_currency: opt.AccountCurrency = None,
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
    parquet: opt.Parquet = False,
    report: opt.Report = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> int:
    """Replay a preset, or your own signals, over bars: the shipped sample, yours, or a terminal's.

    Bars before --from only warm up indicators; with --cold they are not read at all.
    """
    given = dict(locals())
    request = ReplayRequest.of(given)
    screen = Screen(as_json=as_json, quiet=quiet, objectives=objectives, report=report)
    if account_profile is not None:
        return _on_profile(account_profile, request, given, screen)
    _refuse_account_options(given)
    return _on_paper(request, given, screen)


def _on_paper(request: ReplayRequest, given: dict[str, Any], screen: Screen) -> int:
    from scripts.app.operations.replay import run_replay
    from scripts.app.terms.replay_terms import resolve_terms

    terms, notes = resolve_terms(request)
    screen.tell(notes)
    folder = session_folder(given["results_dir"], given["session_id"], SIMULATED)
    folder.create()
    return screen.finish(run_replay(terms, folder, screen, parquet=given["parquet"]))


def _refuse_account_options(given: dict[str, Any]) -> None:
    """Options that mean nothing without an account are refused, not ignored."""
    needless = [name for name in _NEED_AN_ACCOUNT if given[name]]
    if not given["dry_run"]:
        needless.append("no_dry_run")
    if needless:
        option = needless[0].replace("_", "-")
        raise WrongUsage(f"--{option} needs an --account-profile to go with")


def _on_profile(profile: str, request: ReplayRequest, given: dict[str, Any], screen: Screen) -> int:
    from scripts.app.operations.profile_replay import (
        ProfileReplay,
        refuse_contradictions,
        replay_history,
    )
    from scripts.app.operations.send_signals import resume_sending, send_signals
    from scripts.app.sessions.hangs import watchdog
    from scripts.app.sessions.services import ServiceOptions
    from scripts.cli.shared.interrupts import leave_hung

    account = choose_account(
        profile, given["login"], given["server"], given["password"], given["accounts"]
    )
    how = ProfileReplay(
        request=request,
        account=account,
        symbols=given["symbol"] or [account.default_symbol],
        dry_run=given["dry_run"],
        hold=given["hold_seconds"],
        pace=given["pace"],
        results=given["results_dir"],
        session_id=given["session_id"],
        resume=given["resume"],
        parquet=given["parquet"],
        services=ServiceOptions(
            alerts=account.alerts, watchdog=watchdog(leave_hung), parquet=given["parquet"]
        ),
    )
    refuse_contradictions(how)
    if how.dry_run:
        return screen.finish(replay_history(how, screen))
    sent = send_signals(how, screen) if how.resume is None else resume_sending(how, screen)
    return _finish_sent(sent, screen)


def _finish_sent(sent: SentSignals, screen: Screen) -> int:
    """Show what was sent; raises NeedsAttention for what stays behind at the terminal."""
    import json

    from scripts.view.sent_signals import sent_lines

    if screen.as_json:
        print(json.dumps(sent.session.summary, indent=2, allow_nan=False))
    elif not screen.quiet:
        print_lines(sent_lines(sent))
    if problem := sent.outcomes.problem or sent.halted:
        complain(problem)
    if sent.left is not None:
        raise NeedsAttention(sent.left)
    if sent.outcomes.rejected:
        return ExitCode.TERMINAL
    return ExitCode.DONE if sent.session.as_ordered else ended(sent.session.outcome)
