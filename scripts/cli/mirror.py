"""`butler mirror`: a session laid beside the replay of its own bars."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.session_folder import results_folder
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared import tolerance_options as may
from scripts.cli.shared.account_options import ResultsOption
from scripts.cli.shared.browser import open_page
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable

if TYPE_CHECKING:
    from scripts.app.journals.mirror import Mirrored

SessionArgument = Annotated[
    str,
    typer.Argument(help="Session id or folder, event log or summary; last is the latest session."),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Open the page in the browser.")]
OutOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the page to this file, not beside the session."),
]


def mirror(
    session: SessionArgument = "last",
    open_it: OpenOption = False,
    out: OutOption = None,
    price_points: may.PricePoints = 0,
    time_seconds: may.TimeSeconds = 0.0,
    money: may.Money = 0.0,
    rows: may.Rows = 20,
    bars: opt.Bars = None,
    as_json: may.AsJson = False,
    results_dir: ResultsOption = None,
) -> int:
    """Replay a session's own bars under its own terms, and compare: what slipped, what was missed.

    A is the replay, B the session, which may still run. Exit code 5 when they differ.
    """
    from scripts.app.journals.mirror import mirror as mirrored_of
    from scripts.app.journals.mirror_page import write_mirror

    mirrored = mirrored_of(
        results_folder(results_dir),
        session,
        bars,
        price_points=price_points,
        time_seconds=time_seconds,
        money=money,
    )
    page = write_mirror(mirrored, out)
    _show(mirrored, page, rows, as_json=as_json)
    if open_it:
        open_page(page)
    return ExitCode.DONE if mirrored.compared.result.equal else ExitCode.DIFFERENT


def _show(mirrored: Mirrored, page: Path, rows: int, *, as_json: bool) -> None:
    import json

    from scripts.view.comparison_json import document_of
    from scripts.view.comparison_text import lines_of

    outages = [outage.text for outage in mirrored.outages]
    if as_json:
        document = document_of(mirrored.compared) | {"outages": outages, "page": str(page)}
        print(json.dumps(document, indent=2, allow_nan=False))
        return
    for line in lines_of(mirrored.compared, rows, mirrored.why()):
        print(printable(line))
    for text in outages:
        print(printable(f"outage     {text}"))
    print(printable(f"page       {page}"))
