"""`butler runs`: the past runs of a folder of results, and making room among them."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.pruning import DaysOption, KeepOption, UnsealedOption, YesOption, pruned
from scripts.view.printable import printable


def runs(
    last: Annotated[int, typer.Option(min=0, help="Show so many; 0 shows all.")] = 20,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete the journals of old runs instead.")
    ] = False,
    days: DaysOption = None,
    keep: KeepOption = None,
    unsealed: UnsealedOption = False,
    yes: YesOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
    results_dir: ResultsOption = None,
) -> int:
    """List the past runs, the latest first: what each was, what it came to, and what is open.

    With --prune the journals of old runs are deleted; event logs, tables and summaries stay.
    """
    import json

    from scripts.app.journals.listing import past_runs
    from scripts.view.run_list import run_lines

    results = results_folder(results_dir)
    if prune:
        return pruned(results, days=days, keep=keep, unsealed=unsealed, yes=yes)
    for option, given in (("--days", days), ("--keep", keep), ("--yes", yes or None)):
        if given is not None:
            raise WrongUsage(f"{option} goes with --prune")
    found = past_runs(results)
    shown = found[:last] if last else found
    if as_json:
        print(json.dumps([run.document for run in shown], indent=2, allow_nan=False))
        return ExitCode.DONE
    for line in run_lines(shown, len(found) - len(shown), results):
        print(printable(line))
    return ExitCode.DONE
