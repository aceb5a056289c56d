"""`butler journal replay`: would today's program decide what a session decided?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import BadData, InternalFault
from scripts.app.journals.rerun import rerun
from scripts.app.session_folder import home
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.rerun import json_of, lines_of


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
    from adapters.bars.errors import BarFileError
    from adapters.journal import StoredJournal
    from engine.journal import JournalDamaged
    from scripts.app.journals.rerun_inputs import InputsNotRecorded
    from scripts.app.session_folder import find_journal
    from signals.failure import StrategyFailed

    path = find_journal(results_dir if results_dir is not None else home() / "results", session)
    try:
        with StoredJournal(path) as stored:
            totals = rerun(stored, path, bars, signals)
    except InputsNotRecorded as error:
        raise BadData(f"{path}: {error}: only journals with their inputs can run again") from error
    except (JournalDamaged, BarFileError) as error:
        raise BadData(str(error)) from error
    except StrategyFailed as error:
        raise InternalFault(str(error)) from error
    print(json_of(totals) if as_json else "\n".join(lines_of(totals)))
    return ExitCode.DONE if totals.difference is None else ExitCode.DIFFERENT


# --- telling ---
