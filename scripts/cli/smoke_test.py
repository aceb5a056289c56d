"""`butler smoke-test`: does the whole path to this account work?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import AppError, WrongUsage
from scripts.app.session_folder import results_folder
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
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from scripts.cli.shared.interrupts import leave_hung
from scripts.cli.shared.screen import Screen
from scripts.view.printable import print_lines, printable_json

if TYPE_CHECKING:
    from scripts.app.operations.smoke_test import SmokeTest
    from scripts.app.sessions.services import ServiceOptions


def smoke_test(
    account_profile: ProfileOption,
    dry_run: DryRunOption = True,
    symbol: Annotated[
        str | None, typer.Option(help="Test this symbol; by default the profile's.")
    ] = None,
    risk_amount: Annotated[
        float, typer.Option(help="Let the order lose at most so much, in the account's currency.")
    ] = 5.0,
    stop_pips: Annotated[float, typer.Option(help="Set its stop so many pips away.")] = 10.0,
    hold_seconds: Annotated[float, typer.Option(help="Hold it for so many seconds.")] = 2.0,
    max_positions: Annotated[int, typer.Option(help="Hold at most so many positions at once.")] = 1,
    per_trade_risk_fraction: Annotated[
        float, typer.Option(help="Let the order lose at most this fraction.")
    ] = 0.0005,
    daily_loss_fraction: Annotated[
        float, typer.Option(help="Let the day lose at most this fraction.")
    ] = 0.005,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    session_id: SessionOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> int:
    """Test the path to an account: a buy with a stop, risking little, checked or sent and closed.

    Writes mt5_demo_smoketest_summary.json whether it succeeds or not.
    """
    from scripts.app.operations.smoke_test import SmokeTest, smoke_limits

    _positive(("--risk-amount", risk_amount), ("--stop-pips", stop_pips))
    if not 0 <= hold_seconds < 1e6:
        raise WrongUsage(f"--hold-seconds {hold_seconds}: must be 0 or more")
    results = results_folder(results_dir)
    with _failure_written(results, account_profile, dry_run):
        account = choose_account(account_profile, login, server, password, accounts)
    test = SmokeTest(
        account=account,
        symbol=symbol or account.default_symbol,
        limits=smoke_limits(
            max_positions=max_positions,
            per_trade_risk_fraction=per_trade_risk_fraction,
            daily_loss_fraction=daily_loss_fraction,
        ),
        dry_run=dry_run,
        risk_cents=round(risk_amount * 100),
        stop_pips=stop_pips,
        hold=hold_seconds,
        frontend=Screen(),
        services=_services(),
    )
    return _finish(test, results, session_id, as_json)


def _services() -> ServiceOptions:
    """It is over soon, and somebody looks at it: no alerts."""
    from scripts.app.sessions.hangs import watchdog
    from scripts.app.sessions.services import ServiceOptions

    return ServiceOptions(watchdog=watchdog(leave_hung))


@contextmanager
def _failure_written(results: Path, profile: str, dry_run: bool) -> Iterator[None]:
    """Write the summary of a test that ends before it has an account."""
    from scripts.app.operations.smoke_report import write_unstarted

    try:
        yield
    except AppError as error:
        write_unstarted(results, profile, dry_run, str(error))
        raise


def _finish(test: SmokeTest, results: Path, session_id: str | None, as_json: bool) -> ExitCode:
    """Run the test and show its report."""
    from scripts.app.operations.smoke_report import SUMMARY
    from scripts.view.smoke_test import report_json, report_lines

    report, problem = test.run(results, session_id)
    if problem is not None:
        complain(str(problem))
    if as_json:
        print(printable_json(report_json(report)))
    else:
        print_lines(report_lines(report, results / SUMMARY, test.symbol))
    return ExitCode.DONE if problem is None else exit_code(problem)


def _positive(*options: tuple[str, float]) -> None:
    for name, value in options:
        if not 0 < value < 1e9:
            raise WrongUsage(f"{name} {value}: must be above 0")
