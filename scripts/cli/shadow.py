"""`butler shadow`: a preset on a live demo feed, for hours or weeks; dry unless `--no-dry-run` is
given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scripts.app.session_folder import results_folder
from scripts.app.terms.request import LIMIT_OPTIONS, ReplayRequest, followed
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared import shadow_options as own
from scripts.cli.shared.account_options import (
    AccountsOption,
    DryRunOption,
    LoginOption,
    PasswordOption,
    ProfileOption,
    ResultsOption,
    ServerOption,
    SessionOption,
    choose_account,
)
from scripts.cli.shared.interrupts import leave_hung
from scripts.cli.shared.screen import Screen

if TYPE_CHECKING:
    from scripts.app.operations.shadow_request import DrawnView, ShadowRequest


def shadow(
    account_profile: ProfileOption,
    dry_run: DryRunOption = True,
    duration: own.Duration = None,
    resume: own.Resume = "auto",
    adopt: own.Adopt = False,
    symbol: own.SymbolsOption = None,
    preset: opt.PresetName = "ftmo_m15",
    max_positions: opt.MaxPositions = None,
    per_trade_risk_fraction: opt.PerTradeRisk = None,
    daily_loss_fraction: opt.DailyLoss = None,
    max_loss_fraction: opt.MaxLoss = None,
    bars: opt.Bars = None,
    clock: opt.Clock = None,
    symbol_spec: opt.SymbolSpecFiles = None,
    account_currency: opt.AccountCurrency = None,
    commission: opt.Commission = None,
    start: opt.Start = None,
    end: opt.End = None,
    speed: own.Speed = None,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    session_id: SessionOption = None,
    objectives: opt.Objectives = None,
    calendar: opt.Calendar = None,
    initial_balance: opt.InitialBalance = None,
    signals: opt.Signals = None,
    follow: own.Follow = False,
    metrics_port: own.MetricsPort = None,
    hang_limit: own.HangLimit = 30.0,
    view: own.View = True,
    parquet: opt.Parquet = False,
    report: opt.Report = False,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> int:
    """Run a preset on a live feed: dry by default, the real terminal's prices and nothing sent."""
    given = dict(locals())
    from scripts.app.operations.shadow import run_shadow

    screen = Screen(as_json=as_json, quiet=quiet, objectives=objectives, report=report)
    return screen.finish(run_shadow(_chosen(given), screen))


def _chosen(given: dict[str, Any]) -> ShadowRequest:
    """What the command line asks for; raises WrongUsage."""
    from scripts.app.operations.shadow_request import ShadowRequest
    from scripts.app.sessions.hangs import watchdog

    speed = given["speed"]
    return ShadowRequest(
        request=_request(given),
        account=choose_account(
            given["account_profile"],
            given["login"],
            given["server"],
            given["password"],
            given["accounts"],
        ),
        symbols=given["symbol"] or [],
        dry_run=given["dry_run"],
        seconds=own.seconds_of(given["duration"]),
        speed=own.speed_of(speed),
        lockstep=speed == "max",
        resume=given["resume"],
        adopt=given["adopt"],
        results=results_folder(given["results_dir"]),
        session_id=given["session_id"],
        follow=given["follow"],
        metrics_port=given["metrics_port"],
        watchdog=watchdog(leave_hung, given["hang_limit"]),
        view=_live_view() if _is_viewed(given) else None,
        parquet=given["parquet"],
    )


def _is_viewed(given: dict[str, Any]) -> bool:
    return bool(given["view"] and not given["quiet"] and not given["as_json"])


def _request(given: dict[str, Any]) -> ReplayRequest:
    """What a replay could be asked for, too."""
    alike = (
        "bars", "clock", "symbol_spec", "preset", "start", "end", "signals", "objectives",
        "calendar", "initial_balance", "account_currency", "commission",
    )  # fmt: skip
    limits = {name: given[name] for name in LIMIT_OPTIONS}
    chosen = {name: given[name] for name in alike}
    return ReplayRequest(limits=limits, **chosen | {"objectives": followed(given["objectives"])})


def _live_view() -> DrawnView | None:
    """What shows the session's status on a terminal; None where stderr is none."""
    from rich.console import Console

    from scripts.view.live_view import LiveView

    console = Console(stderr=True)
    if not console.is_terminal:
        return None
    return lambda status, drawn: LiveView(status, console, drawn=drawn)
