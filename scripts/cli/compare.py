"""`butler compare`: two runs trade by trade, where they part first, and why they may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import home
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable

if TYPE_CHECKING:
    from scripts.app.journals.run_files import Source

_NAMES = ("session_id", "files", "holes")


def compare_runs(
    run_a: Annotated[str, typer.Argument(help="Session id or folder, event log or summary.")],
    run_b: Annotated[str, typer.Argument(help="What to compare it with.")],
    price_points: Annotated[
        int, typer.Option(min=0, help="Points by which prices and stops may differ.")
    ] = 0,
    time_seconds: Annotated[
        float, typer.Option(min=0, help="Seconds by which openings and closings may differ.")
    ] = 0.0,
    money: Annotated[
        float, typer.Option(min=0, help="Amount by which a trade's result may differ.")
    ] = 0.01,
    volume: Annotated[float, typer.Option(min=0, help="Lots by which volumes may differ.")] = 0.0,
    match_seconds: Annotated[
        float,
        typer.Option(min=0, help="How far apart trades without a common signal id may lie."),
    ] = 14_400.0,
    rows: Annotated[
        int, typer.Option(min=0, help="Differing trades to show; 0 shows them all.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
    results_dir: ResultsOption = None,
) -> int:
    """Compare two runs trade by trade; exit code 5 when they differ beyond the tolerances.

    Each run is a session's id or folder, an event log (CSV) or a summary (JSON).
    """
    import json

    from adapters.reports.compare import Tolerances, compare
    from adapters.reports.divergence import differing_terms, known_reasons
    from engine.types import UNITS_PER_LOT
    from scripts.app.journals.run_files import load_both
    from scripts.view.comparison_json import document_of
    from scripts.view.comparison_text import lines_of

    results = results_dir if results_dir is not None else home() / "results"
    tolerances = Tolerances(
        points=price_points,
        time=_scaled("--time-seconds", time_seconds, 1000),
        money=_scaled("--money", money, 100),
        volume=_scaled("--volume", volume, UNITS_PER_LOT),
        window=_scaled("--match-seconds", match_seconds, 1000),
    )
    a, b = load_both(results, run_a, run_b)
    result = compare(a.run, b.run, tolerances)
    terms = differing_terms(*_terms(a, b))
    reasons = known_reasons(a.run, b.run, result, terms)
    if as_json:
        document = document_of(a, b, result, terms, reasons, tolerances)
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        for line in lines_of(a, b, result, terms, reasons, rows):
            print(printable(line))
    return ExitCode.DONE if result.equal else ExitCode.DIFFERENT


def _scaled(option: str, value: float, factor: int) -> int:
    if not value < 10**9:
        raise WrongUsage(f"{option} {value}: must be below a billion")
    return round(value * factor)


def _terms(a: Source, b: Source) -> tuple[Any, Any]:
    """The inputs of both runs, from the same kind of file of each."""
    if a.configuration and b.configuration:
        return _told(a.configuration), _told(b.configuration)
    return a.stated, b.stated


def _told(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what names the run itself."""
    return {name: value for name, value in configuration.items() if name not in _NAMES}
