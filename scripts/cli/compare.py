"""`butler compare`: two runs trade by trade, where they part first, and why they may."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.app.session_folder import results_folder
from scripts.cli.shared import tolerance_options as may
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable


def compare_runs(
    run_a: Annotated[str, typer.Argument(help="Session id or folder, event log or summary.")],
    run_b: Annotated[str, typer.Argument(help="What to compare it with.")],
    price_points: may.PricePoints = 0,
    time_seconds: may.TimeSeconds = 0.0,
    money: may.Money = 0.01,
    volume: Annotated[float, typer.Option(min=0, help="Lots by which volumes may differ.")] = 0.0,
    match_seconds: Annotated[
        float,
        typer.Option(min=0, help="How far apart trades without a common signal id may lie."),
    ] = 14_400.0,
    rows: may.Rows = 20,
    as_json: may.AsJson = False,
    results_dir: ResultsOption = None,
) -> int:
    """Compare two runs trade by trade; exit code 5 when they differ beyond the tolerances.

    Each run is a session's id or folder, an event log (CSV) or a summary (JSON).
    """
    import json

    from scripts.app.journals.compare import compare_files
    from scripts.view.comparison_json import document_of
    from scripts.view.comparison_text import lines_of

    compared = compare_files(
        results_folder(results_dir),
        run_a,
        run_b,
        price_points=price_points,
        time_seconds=time_seconds,
        money=money,
        volume=volume,
        match_seconds=match_seconds,
    )
    if as_json:
        print(json.dumps(document_of(compared), indent=2, allow_nan=False))
    else:
        for line in lines_of(compared, rows):
            print(printable(line))
    return ExitCode.DONE if compared.result.equal else ExitCode.DIFFERENT
