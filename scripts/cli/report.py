"""`butler report`: the page of a run, or of two beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
        help="Session id or folder, event log or summary; last is the session written to last."
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


def report(
    run: RunArgument = "last",
    run_b: OtherArgument = None,
    open_it: OpenOption = False,
    out: OutOption = None,
    shared_js: SharedOption = False,
    objectives: RulesOption = None,
    bars: opt.Bars = None,
    results_dir: ResultsOption = None,
) -> int:
    """Write a run as one page that needs no network; at any moment also of a session that runs.

    With RUN_B the page has both curves and what of their trades differs.
    """
    from scripts.app.journals.report import ReportRequest, write_report

    written = write_report(
        ReportRequest(
            results=results_folder(results_dir),
            run=run,
            other=run_b,
            out=out,
            shared=shared_js,
            objectives=objectives,
            bars=bars,
        )
    )
    for warning in written.warnings:
        complain(f"warning: {warning}")
    print_lines([f"{written.path}  ({written.size / 1_000_000:.1f} MB)"])
    if open_it:
        open_page(written.path)
    return ExitCode.DONE
