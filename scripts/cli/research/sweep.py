"""`butler sweep`: many parameter sets of one preset, judged out of sample first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.app.errors import BadData, WrongUsage
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.screen import Screen

if TYPE_CHECKING:
    from scripts.app.frontend import Interrupt
    from scripts.app.sweep.cluster import TlsFiles
    from scripts.app.sweep.engine import Workers
    from scripts.app.sweep.folder import SweepFolder
    from scripts.app.sweep.request import SweepRequest
    from scripts.app.sweep.run import SweepOutcome
    from scripts.app.sweep.trial import TrialRow

Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUES",
        help="Vary this parameter, or limits.NAME: 10:40:5, or 0.1,0.2; repeat for more.",
    ),
]
Listed = Annotated[
    Path | None,
    typer.Option(
        "--list", metavar="FILE", help="Try the rows of this CSV, whose header has names."
    ),
]
Random = Annotated[
    int | None, typer.Option(metavar="N", help="Draw so many parameter sets of the grid.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION", help="Leave out what does not meet it, such as 'sma_fast < sma_slow'."
    ),
]
Objective = Annotated[str, typer.Option(help="Choose by sharpe, net, or odds.")]
Walk = Annotated[
    str | None,
    typer.Option(
        "--walk-forward",
        metavar="TRAIN/TEST",
        help="Choose on each window of TRAIN, judge on the TEST after it, such as 6m/2m.",
    ),
]
Anchored = Annotated[
    bool, typer.Option("--anchored", help="Begin every training window on the first day.")
]
Axes = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME", help="Draw the heat map over these two parameters."),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Draw only the trials with this value in the heat map, not the best ones; repeat.",
    ),
]
Rules = Annotated[
    str,
    typer.Option(
        metavar="RULES[:PHASE]",
        help="The firm's rules for restrictions and odds, such as ftmo_2step; none for none.",
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed draws the same parameter sets.")]
Jobs = Annotated[
    int | None, typer.Option(help="Use so many processes; by default one a processor.")
]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Put the result folder here.")]
Action = Annotated[
    str | None,
    typer.Argument(help="worker: work for the --scheduler instead of running a sweep."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Use the workers of this Dask scheduler."),
]
TlsCa = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The authority of a scheduler's certificates.")
]
TlsCert = Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate of this side.")]
TlsKey = Annotated[Path | None, typer.Option(metavar="FILE", help="The key of this side.")]
Resume = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Go on with the sweep in this folder.")
]


@dataclass(frozen=True)
class _SweepScreen:
    """A `scripts.app.sweep.run.SweepFrontend` over the command's screen."""

    screen: Screen
    objective: str

    def tell(self, notes: list[str]) -> None:
        self.screen.tell(notes)

    def interruptible(self, request_stop: Callable[[], None]) -> AbstractContextManager[Interrupt]:
        return self.screen.interruptible(request_stop)

    @contextmanager
    def trials(self, total: int) -> Iterator[Callable[[TrialRow, bool], None]]:
        from scripts.view.research.sweep_progress import trial_progress

        shown = self.screen.shows_progress
        with trial_progress(total, self.objective, shown=shown) as show:
            yield show


def sweep(
    action: Action = None,
    sets: Sets = None,
    listed: Listed = None,
    random: Random = None,
    where: Where = None,
    objective: Objective = "sharpe",
    walk: Walk = None,
    anchored: Anchored = False,
    bars: opt.Bars = None,
    clock: opt.Clock = None,
    digits: opt.Digits = None,
    symbol_spec: opt.SymbolSpecFiles = None,
    preset: opt.PresetName = "ftmo_m15",
    max_positions: opt.MaxPositions = None,
    per_trade_risk_fraction: opt.PerTradeRisk = None,
    daily_loss_fraction: opt.DailyLoss = None,
    max_loss_fraction: opt.MaxLoss = None,
    starting_equity: opt.StartingEquity = None,
    account_currency: opt.AccountCurrency = None,
    start: opt.Start = None,
    end: opt.End = None,
    cold: opt.Cold = False,
    slippage_points: opt.SlippagePoints = 0,
    spread_floor: opt.SpreadFloor = None,
    commission: opt.Commission = None,
    swap: opt.Swap = None,
    objectives: Rules = "ftmo_2step",
    calendar: opt.Calendar = None,
    repair: opt.Repair = False,
    axes: Axes = None,
    fix: Fix = None,
    seed: Seed = 1,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    out: Out = None,
    resume: Resume = None,
    results_dir: ResultsOption = None,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> int:
    """Try many parameter sets of a preset, and show how much of the best one is luck.

    What a choice made on some days is worth on the days after them is shown first. The result
    folder has every trial; Ctrl+C ends in order, and --resume goes on.
    """
    return _run(dict(locals()), Screen(as_json=as_json, quiet=quiet))


def _run(given: dict[str, Any], screen: Screen) -> int:
    if given["action"] is not None:
        return _work(given)
    if given["resume"] is not None:
        _refuse_with_resume(given)
    from scripts.app.sweep.engine import PoolWorkers
    from scripts.app.trials.pool import processors

    jobs = given["jobs"]
    if jobs is not None and not 1 <= jobs <= 256:
        raise WrongUsage(f"--jobs {jobs}: must be from 1 to 256")
    if given["scheduler"] is None:
        return _with(PoolWorkers(jobs or processors()), given, screen)
    if jobs is not None:
        raise WrongUsage("--jobs: the scheduler's workers are used; leave it out")
    from scripts.app.sweep.cluster import ClusterWorkers

    workers = ClusterWorkers(given["scheduler"], _tls(given))
    try:
        return _with(workers, given, screen)
    finally:
        workers.close()


def _tls(given: dict[str, Any]) -> TlsFiles:
    from scripts.app.sweep.cluster import TlsFiles

    return TlsFiles(authority=given["tls_ca"], certificate=given["tls_cert"], key=given["tls_key"])


def _work(given: dict[str, Any]) -> int:
    """`butler sweep worker`: until the scheduler is gone, or Ctrl+C."""
    from scripts.app.sweep.cluster import serve
    from scripts.app.trials.pool import processors

    if given["action"] != "worker" or given["scheduler"] is None:
        raise WrongUsage(
            f"sweep {given['action']}: only 'worker' stands here, with --scheduler ADDRESS; "
            "without it a sweep is run"
        )
    serve(given["scheduler"], _tls(given), given["jobs"] or processors())
    return ExitCode.DONE


def _with(workers: Workers, given: dict[str, Any], screen: Screen) -> int:
    from scripts.app.sweep.folder import SweepFolder
    from scripts.app.sweep.request import asked_again
    from scripts.app.sweep.run import sweep as run_sweep

    folder = None if given["resume"] is None else SweepFolder(given["resume"])
    request = (
        _request(given) if folder is None else asked_again(folder, given["axes"], given["fix"])
    )
    frontend = _SweepScreen(screen, request.objective)
    found = run_sweep(request, workers, frontend, out=given["out"], resume=folder)
    return _shown(found, screen)


def _shown(found: SweepOutcome, screen: Screen) -> int:
    import json

    import msgspec

    from scripts.view.printable import printable
    from scripts.view.research.sweep_text import sweep_lines

    verdict, folder = found.verdict, found.folder.path
    found.folder.write_page(_page(found))
    if screen.as_json:
        document = {**msgspec.to_builtins(verdict), "folder": str(folder)}
        print(json.dumps(document, indent=2, allow_nan=False))
    elif not screen.quiet:
        for line in sweep_lines(verdict, folder):
            print(printable(line))
    if verdict.interrupted:
        return ExitCode.INTERRUPTED
    _insist_on_a_figure(found)
    return ExitCode.DONE


def _insist_on_a_figure(found: SweepOutcome) -> None:
    """A sweep of nothing but failures is none; its folder says of each trial why."""
    errors = [row.error for row in found.rows if row.error]
    if errors and len(errors) == len(found.rows):
        why = " ".join(errors[0].split())
        raise BadData(f"{found.folder.path}: each of the {len(errors)} trials failed; first: {why}")


def sweep_of(results: Path, name: str) -> SweepFolder | None:
    """The sweep that `butler report NAME` means, by its folder or its name in the results."""
    from scripts.app.sweep.folder import sweep_folder

    return sweep_folder(results, name)


def write_page_again(
    folder: SweepFolder, axes: str | None, fix: list[str] | None, out: Path | None
) -> Path:
    """Write the page of a sweep that was made before, with its heat map as asked for now."""
    from scripts.app.sweep.stored import stored_sweep

    return folder.write_page(_page(stored_sweep(folder, axes, fix)), out)


def _page(found: SweepOutcome) -> str:
    from adapters.reports.sweep_page import sweep_page
    from scripts.view.research.sweep_page import page_of_sweep

    return sweep_page(page_of_sweep(found.verdict, found.rows, found.figures, found.view))


def _request(given: dict[str, Any]) -> SweepRequest:
    from scripts.app.session_folder import results_folder
    from scripts.app.sweep.request import SweepRequest

    rules = given["objectives"]
    if rules == "none" and given["calendar"] is not None:
        raise WrongUsage("--calendar needs --objectives RULES: without rules nothing heeds it")
    unused = {"limit_trades": None, "signals": None, "attempts": None, "initial_balance": None}
    return SweepRequest(
        replay=ReplayRequest.of({**given, **unused, "objectives": None, "calendar": None})
        if rules == "none"
        else ReplayRequest.of({**given, **unused, "objectives": rules}),
        results=results_folder(given["results_dir"]),
        sets=given["sets"] or [],
        listed=given["listed"],
        random=given["random"],
        seed=given["seed"],
        where=given["where"] or [],
        objective=given["objective"],
        rules=rules,
        walk=given["walk"],
        anchored=given["anchored"],
        axes=given["axes"],
        fix=given["fix"] or [],
    )


_WITH_RESUME = frozenset(
    {
        "resume",
        "axes",
        "fix",
        "jobs",
        "as_json",
        "quiet",
        "scheduler",
        "tls_ca",
        "tls_cert",
        "tls_key",
    }
)
_USUAL = {
    "objective": "sharpe", "preset": "ftmo_m15", "slippage_points": 0, "objectives": "ftmo_2step",
    "seed": 1,
}  # fmt: skip


def _refuse_with_resume(given: dict[str, Any]) -> None:
    """A sweep goes on with what it was begun with."""
    for name, value in given.items():
        if name not in _WITH_RESUME and value not in (None, False, [], _USUAL.get(name)):
            option = {
                "sets": "set", "listed": "list", "walk": "walk-forward", "start": "from",
                "end": "to",
            }.get(name, name)  # fmt: skip
            raise WrongUsage(
                f"--{option.replace('_', '-')}: --resume goes on with the options that the sweep "
                "was begun with; leave it out"
            )
