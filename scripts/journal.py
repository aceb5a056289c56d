"""`butler journal`: what a session's journal holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import CommandFailed, Exit, home, make_app

app = make_app("Look into a session's journal.")


@app.callback()
def journal() -> None:
    """Look into a session's journal."""


@app.command("export")
def export(
    session: Annotated[str, typer.Argument(help="Id of a session, or path of its folder.")],
    results_dir: Annotated[
        Path | None, typer.Option(help="Folder of the results; by default results/.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; by default export/ in the session's.")
    ] = None,
) -> int:
    """Rebuild the event log (CSV) and the summary (JSON) from the journal alone."""
    from adapters.journal_sqlite import StoredJournal
    from adapters.outputs import replace_file
    from adapters.projection import LogProjection, SummaryProjection
    from adapters.sinks import csv_bytes, json_bytes
    from engine.journal import JournalDamaged
    from scripts.folders import find_session, kind_of

    folder = find_session(results_dir if results_dir is not None else home() / "results", session)
    target = out if out is not None else folder / "export"
    log, summary, rows = LogProjection(), SummaryProjection(), []
    try:
        with StoredJournal(folder / "journal.sqlite") as stored:
            for record in stored.records():
                summary.take(record)
                if row := log.row(record):
                    rows.append(row)
        kind = kind_of(folder)
        target.mkdir(parents=True, exist_ok=True)
        for name, content in (
            (f"{kind}_log.csv", csv_bytes(rows, header=True)),
            (f"{kind}_summary.json", json_bytes(summary)),
        ):
            replace_file(target / name, content)
            print(target / name)
    except (JournalDamaged, ValueError) as error:
        raise CommandFailed(str(error), Exit.DATA) from error
    except OSError as error:
        raise CommandFailed(
            f"{target}: cannot write here ({error.strerror}); choose a folder with --out",
            Exit.USAGE,
        ) from error
    return Exit.DONE
