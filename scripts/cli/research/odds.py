"""`butler odds`: how probable it is that signals like these pass a firm's challenge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.app.errors import WrongUsage
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode

if TYPE_CHECKING:
    from scripts.app.odds.request import OddsRequest
    from scripts.app.odds.result import OddsReport

Run = Annotated[
    str | None,
    typer.Argument(help="A session's id or folder; without it the replay's options hold."),
]
Rules = Annotated[
    str,
    typer.Option(
        metavar="RULES[:PHASE]",
        help="The firm's rules, such as ftmo_2step, or a YAML of your own; from a phase on.",
    ),
]
Risk = Annotated[
    str | None,
    typer.Option(
        metavar="PERCENTS", help="Show these levels of risk per trade, such as 0.25,0.5,1,2."
    ),
]
NoTable = Annotated[bool, typer.Option("--no-table", help="Show no table over risk per trade.")]
Fee = Annotated[
    float | None, typer.Option(metavar="AMOUNT", help="What an attempt costs, for the costs.")
]
Refund = Annotated[
    bool, typer.Option("--refund", help="The fee of the attempt that passes is returned.")
]
Paths = Annotated[int, typer.Option(help="Draw so many paths of days for the estimate.")]
BlockDays = Annotated[
    float | None,
    typer.Option(
        metavar="DAYS", help="Draw days in blocks of this mean length, not a measured one."
    ),
]
MaxDays = Annotated[
    int | None, typer.Option(help="Fail a phase that has not passed after so many firm days.")
]
StatementFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Take closed deals from an MT5 or MetriX statement."),
]
StatementClock = Annotated[
    str | None,
    typer.Option(metavar="CLOCK", help="Read the statement's times on this clock, as --clock."),
]
Scale = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Scale a statement's volumes down to this share."),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same figures.")]
Jobs = Annotated[
    int | None, typer.Option(help="Use so many processes; by default one a processor.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the firm days to this Parquet file.")
]
Exact = Annotated[
    bool,
    typer.Option(
        "--exact", help="Replay an attempt from every possible day instead of drawing days; slow."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


def odds(
    run: Run = None,
    rules: Rules = "ftmo_2step",
    risk: Risk = None,
    no_table: NoTable = False,
    fee: Fee = None,
    refund: Refund = False,
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
    slippage_points: opt.SlippagePoints = 0,
    spread_floor: opt.SpreadFloor = None,
    commission: opt.Commission = None,
    swap: opt.Swap = None,
    signals: opt.Signals = None,
    calendar: opt.Calendar = None,
    repair: opt.Repair = False,
    statement: StatementFile = None,
    statement_clock: StatementClock = None,
    scale: Scale = None,
    paths: Paths = 10_000,
    block_days: BlockDays = None,
    max_days: MaxDays = None,
    seed: Seed = 1,
    jobs: Jobs = None,
    exact: Exact = False,
    out: Out = None,
    results_dir: ResultsOption = None,
    as_json: AsJson = False,
) -> int:
    """Estimate the probability that signals like these pass a firm's challenge.

    Days come from a replay (the options of butler replay), from a session that was recorded, or
    from a statement of closed deals. Exit code 3 where they bear no odds.
    """
    return _shown(dict(locals()))


def _shown(given: dict[str, Any]) -> int:
    import json

    from scripts.app.odds.day_file import write_days
    from scripts.app.odds.estimate import odds_of
    from scripts.view.printable import printable
    from scripts.view.research.odds_text import odds_lines

    request = _request(given)
    if given["exact"]:
        return _shown_exact(request, as_json=given["as_json"])
    found = odds_of(request)
    if request.out is not None:
        write_days(request.out, found.days, found.report.document()["basis"])
    _leave_page(request, found.report)
    if given["as_json"]:
        print(json.dumps(found.report.document(), indent=2, allow_nan=False))
        return ExitCode.DONE
    for line in odds_lines(found.report):
        print(printable(line))
    if request.out is not None:
        complain(f"the firm days are in {request.out}")
    return ExitCode.DONE


def _leave_page(request: OddsRequest, report: OddsReport) -> None:
    """The answer stands without its page: where that cannot be written, it is said."""
    from adapters.reports.odds_page import odds_page
    from scripts.app.odds.page_file import write_odds
    from scripts.view.research.odds_page import page_of_odds

    try:
        page = write_odds(request.results, odds_page(page_of_odds(report)), report.document())
    except OSError as error:
        folder = request.results / "odds"
        complain(f"{folder}: the page cannot be written ({error.strerror or error})")
    else:
        complain(f"the page is {page}")


def _shown_exact(request: OddsRequest, *, as_json: bool) -> int:
    import json

    import msgspec

    from scripts.app.odds.exact import exact_odds
    from scripts.view.printable import printable
    from scripts.view.research.odds_text import exact_lines

    found = exact_odds(request)
    if as_json:
        print(json.dumps(msgspec.to_builtins(found), indent=2, allow_nan=False))
        return ExitCode.DONE
    for line in exact_lines(found):
        print(printable(line))
    return ExitCode.DONE


def _request(given: dict[str, Any]) -> Any:
    from scripts.app.odds.request import OddsRequest, risk_levels
    from scripts.app.session_folder import results_folder

    _refuse_needless(given)
    replay = ReplayRequest.of(
        {**given, "objectives": None, "attempts": None, "initial_balance": None}
    )
    return OddsRequest(
        rules=given["rules"],
        replay=replay,
        run=given["run"],
        statement=given["statement"],
        statement_clock=given["statement_clock"],
        results=results_folder(given["results_dir"]),
        risks=risk_levels(given["risk"]),
        table=not given["no_table"],
        fee=given["fee"],
        refund=given["refund"],
        paths=given["paths"],
        block_days=given["block_days"],
        max_days=given["max_days"],
        scale=given["scale"],
        seed=given["seed"],
        jobs=given["jobs"],
        exact=given["exact"],
        out=given["out"],
    )


_FOR_A_RUN = frozenset({"bars", "calendar"})
_FOR_A_STATEMENT = frozenset({"starting_equity"})


def _refuse_needless(given: dict[str, Any]) -> None:
    """Options of a replay mean nothing where days come from elsewhere; they are not ignored."""
    if given["run"] is None and given["statement"] is None:
        return
    where, kept = ("a session", _FOR_A_RUN)
    if given["statement"] is not None:
        where, kept = ("a --statement", _FOR_A_STATEMENT)
    usual = {"preset": "ftmo_m15", "slippage_points": 0}
    for name in _REPLAY_OPTIONS:
        if name not in kept and given[name] not in (None, False, usual.get(name)):
            option = {"start": "from", "end": "to"}.get(name, name).replace("_", "-")
            raise WrongUsage(f"--{option}: the days come from {where}; leave the option out")


_REPLAY_OPTIONS = (
    "bars", "clock", "digits", "symbol_spec", "preset", "max_positions",
    "per_trade_risk_fraction", "daily_loss_fraction", "max_loss_fraction", "limit_trades",
    "starting_equity", "account_currency", "start", "end", "cold", "slippage_points",
    "spread_floor", "commission", "swap", "signals", "calendar", "repair",
)  # fmt: skip
