"""`butler journal replay`: would today's program decide what a session decided?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.session_folder import results_folder
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines, printable_json


def replay(
    session: Annotated[
        str, typer.Argument(help="Id of a session, or path of its folder or of a journal.")
    ],
    results_dir: Annotated[
        Path | None, typer.Option(help="Folder of the results; by default results/.")
    ] = None,
    bars: Annotated[
        list[str] | None,
        typer.Option(help="SYMBOL=FILE: where the bars of a replay are now; repeat for more."),
    ] = None,
    signals: Annotated[
        Path | None, typer.Option(help="Where the signals of a replay are now.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> int:
    """Run a session's inputs through today's program and compare every decision.

    Nothing is sent and nothing written. Exit code 5 when a decision differs; the first is named.
    """
    from scripts.app.journals.rerun import rerun
    from scripts.view.rerun import json_of, lines_of

    totals = rerun(session, results_folder(results_dir), bars, signals)
    if as_json:
        print(printable_json(json_of(totals)))
    else:
        print_lines(lines_of(totals))
    return ExitCode.DONE if totals.difference is None else ExitCode.DIFFERENT
