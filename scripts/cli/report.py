"""`butler report`: the page of a run, or of two beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.browser import open_page
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines

RunArgument = Annotated[
    str,
    typer.Argument(
        help="Session id or folder, event log or summary, a sweep's folder; last is the session "
        "written to last."
    ),
]
OtherArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN_B]", help="A run to lay beside it.")
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
OutOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write to this file; by default into the session's folder."),
]
SharedOption = Annotated[
    bool,
    typer.Option(
        "--shared-js",
        help="Write the chart library once for all reports: pages are small, and need that file.",
    ),
]
RulesOption = Annotated[
    str | None,
    typer.Option(
        metavar="RULES",
        help="Hold a run that followed no rules against these; by default ftmo_2step, or none.",
    ),
]

Axes = Annotated[
    str | None,
    typer.Option(metavar="NAME,NAME", help="Of a sweep: the heat map over these two parameters."),
]
Fix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Of a sweep: only the trials with this value in the heat map; repeat.",
    ),
]


def report(
    run: RunArgument = "last",
    run_b: OtherArgument = None,
    open_it: OpenOption = False,
    out: OutOption = None,
    shared_js: SharedOption = False,
    objectives: RulesOption = None,
    bars: opt.Bars = None,
    axes: Axes = None,
    fix: Fix = None,
    results_dir: ResultsOption = None,
) -> int:
    """Write a run as one page that needs no network; at any moment also of a session that runs.

    With RUN_B the page has both curves and what of their trades differs. A sweep's page has its
    heat map over --axes; nothing is run again.
    """
    from scripts.cli.research.sweep import sweep_of, write_page_again

    results = results_folder(results_dir)
    if (sweep := sweep_of(results, run)) is not None:
        run_only = {"RUN_B": run_b, "--shared-js": shared_js, "--objectives": objectives}
        _refuse({**run_only, "--bars": bars}, f"{run} is a sweep, whose page has no use for it")
        return _written(write_page_again(sweep, axes, fix, out), (), open_it=open_it)
    _refuse({"--axes": axes, "--fix": fix}, f"{run} is no sweep's folder, and only those have it")
    from scripts.app.journals.report import ReportRequest, write_report

    written = write_report(
        ReportRequest(
            results=results,
            run=run,
            other=run_b,
            out=out,
            shared=shared_js,
            objectives=objectives,
            bars=bars,
        )
    )
    return _written(written.path, written.warnings, open_it=open_it)


def _written(path: Path, warnings: Iterable[str], *, open_it: bool) -> int:
    for warning in warnings:
        complain(f"warning: {warning}")
    print_lines([f"{path}  ({path.stat().st_size / 1_000_000:.1f} MB)"])
    if open_it:
        open_page(path)
    return ExitCode.DONE


def _refuse(options: dict[str, object], why: str) -> None:
    for name, given in options.items():
        if given:
            raise WrongUsage(f"{name}: {why}; leave it out")
