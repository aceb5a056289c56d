"""`butler journal`: what a session's journal holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.cli import CommandFailed, Exit, complain, home, make_app

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
    from engine.events import SessionStarted
    from engine.journal import JournalDamaged, JournalHash, encode
    from scripts.folders import SIMULATED, find_session, kind_of

    folder = find_session(results_dir if results_dir is not None else home() / "results", session)
    target = out if out is not None else folder / "export"
    log, summary, rows = LogProjection(), SummaryProjection(), []
    digest, kind = JournalHash(), SIMULATED
    try:
        with StoredJournal(folder / "journal.sqlite") as stored:
            for record in stored.records():
                digest.update([encode(record)])
                summary.take(record)
                if isinstance(record.event, SessionStarted):
                    kind = kind_of(record.about)
                if row := log.row(record):
                    rows.append(row)
            _check_seal(stored.sealed_hash(), digest.hexdigest(), folder)
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


def _check_seal(sealed: str | None, computed: str, folder: Path) -> None:
    """Records that were changed after the session sealed them are not exported."""
    if sealed is None:
        complain(f"{folder}: the session did not end in order, so its journal has no seal")
    elif sealed != computed:
        raise CommandFailed(
            f"{folder / 'journal.sqlite'}: its records do not fit the hash that it was sealed "
            "with: someone changed it",
            Exit.DATA,
        )
