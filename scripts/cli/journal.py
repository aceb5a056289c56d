"""`butler journal`: what a session's journal holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import BadData, WrongUsage
from scripts.app.session_folder import home
from scripts.cli.journal_replay import replay
from scripts.cli.shared.command_line import complain, make_app
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable

if TYPE_CHECKING:
    from adapters.journal import StoredJournal

app = make_app("Look into a session's journal.")
app.command("replay")(replay)

Session = Annotated[
    str, typer.Argument(help="Id of a session, or path of its folder or of a journal.")
]
ResultsDir = Annotated[
    Path | None, typer.Option(help="Folder of the results; by default results/.")
]


@app.callback()
def journal() -> None:
    """Look into a session's journal."""


@app.command("show")
def show(
    session: Session,
    results_dir: ResultsDir = None,
    from_seq: Annotated[int, typer.Option(min=1, help="First record.")] = 1,
    to_seq: Annotated[int | None, typer.Option(min=1, help="Last record; by default all.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only this kind of record; repeat for more.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> int:
    """Print records, one a line: UTC, prices in points, money in cents, volumes in 1/10,000 lot."""
    from scripts.view.records import json_line, line

    wanted = None if kind is None else _known_kinds(kind)
    if to_seq is not None and to_seq < from_seq:
        raise WrongUsage(f"--to-seq {to_seq} comes before --from-seq {from_seq}")
    shown = json_line if as_json else line
    with _opened(session, results_dir) as stored:
        for record in stored.records(from_seq, to_seq, kinds=wanted):
            print(shown(record))
    return ExitCode.DONE


@app.command("export")
def export(
    session: Session,
    results_dir: ResultsDir = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; by default export/ in the session's.")
    ] = None,
    share: Annotated[
        bool,
        typer.Option("--share", help="Mask accounts and paths, and add the records: to be shown."),
    ] = False,
) -> int:
    """Rebuild the event log (CSV) and the summary (JSON) from the journal alone."""
    from adapters.system.atomic_files import replace_file

    path = _path(session, results_dir)
    target = out if out is not None else path.parent / "export"
    with _opened(session, results_dir) as stored:
        if not stored.check(decoding=False).sealed:
            complain(f"{path}: its session did not end in order, so it has no seal")
        files = _exported(stored, share=share)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_file(target / name, content)
            print(target / name)
    except OSError as error:
        raise WrongUsage(
            f"{target}: cannot write here ({error.strerror}); choose a folder with --out"
        ) from error
    return ExitCode.DONE


def _exported(stored: StoredJournal, *, share: bool) -> dict[str, bytes]:
    """The content of each file of an export, by its name."""
    from adapters.reports.projection import LogProjection, SummaryProjection
    from adapters.reports.sinks import csv_bytes, json_bytes
    from engine.events import SessionStarted
    from scripts.app.journals.share import Mask
    from scripts.app.session_folder import SIMULATED, kind_of
    from scripts.view.records import json_line

    log, summary, mask = LogProjection(), SummaryProjection(), Mask()
    kind, rows, lines = SIMULATED, [], []
    for record in stored.records():
        if isinstance(record.event, SessionStarted):
            kind = kind_of(record.metadata)
        if share:
            record = mask.record(record)
            lines.append(json_line(record) + "\n")
        summary.take(record)
        if row := log.row(record):
            rows.append(row)
    files = {f"{kind}_log.csv": csv_bytes(rows, header=True)}
    files[f"{kind}_summary.json"] = json_bytes(summary)
    if share:
        files["journal.jsonl"] = "".join(lines).encode()
    return files


@app.command("verify")
def verify(session: Session, results_dir: ResultsDir = None) -> int:
    """Check every record against the chain of hashes and the seal; exit code 3 for damage."""
    with _opened(session, results_dir) as stored:
        whole = stored.check()
        beside = stored.beside()
    print(
        f"whole: {whole.records} records in {whole.blocks} blocks, "
        f"journal hash {whole.chain.hexdigest}"
    )
    if whole.sealed:
        print("sealed: nothing is missing at the end")
    else:
        print(
            "not sealed: the session still runs or did not end in order, so nobody can tell "
            f"whether there was anything after record {whole.records}"
        )
    if beside is not None:
        print(beside)
    return ExitCode.DONE


@app.command("diff")
def diff(first: Session, second: Session, results_dir: ResultsDir = None) -> int:
    """Name the first record in which two journals differ; exit code 5 when one does."""
    from scripts.view.journal_diff import divergence

    with _opened(first, results_dir) as one, _opened(second, results_dir) as other:
        lines = divergence(one, other)
        print("\n".join(map(printable, lines)) or f"the same: {one.last_seq} records")
    return ExitCode.DIFFERENT if lines else ExitCode.DONE


@app.command("prune")
def prune(
    results_dir: ResultsDir = None,
    days: Annotated[
        int | None, typer.Option(min=0, help="Sessions last written to so many days ago.")
    ] = None,
    keep: Annotated[int | None, typer.Option(min=0, help="Keep the last so many.")] = None,
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Those of sessions that did not end in order, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what.")] = False,
) -> int:
    """Delete the journals of old sessions; their event logs and summaries stay."""
    import datetime as dt
    import time

    from engine.journal import JournalFailed
    from scripts.app.journals.prune import Kept, candidates

    if days is None and keep is None:
        raise WrongUsage("say which: --days N, --keep N or both")
    results, count, size = _results(results_dir), 0, 0
    for found in candidates(results, time.time(), days=days, keep=keep or 0, unsealed=unsealed):
        if isinstance(found, Kept):
            complain(f"{found.session} stays: {found.reason}")
            continue
        if yes:
            try:
                found.delete()
            except JournalFailed as error:
                complain(f"{found.session} stays: {error}")
                continue
        day = dt.datetime.fromtimestamp(found.last_written, dt.UTC).date()
        print(f"{found.session}  {found.size / 2**20:.1f} MiB, last written {day}")
        count, size = count + 1, size + found.size
    done = "deleted" if yes else "to delete (nothing was; --yes does it)"
    print(f"{size / 2**20:.1f} MiB in {count} journals {done}")
    return ExitCode.DONE


def _results(results_dir: Path | None) -> Path:
    return results_dir if results_dir is not None else home() / "results"


def _path(session: str, results_dir: Path | None) -> Path:
    from scripts.app.session_folder import find_journal

    return find_journal(_results(results_dir), session)


@contextmanager
def _opened(session: str, results_dir: Path | None) -> Iterator[StoredJournal]:
    """The session's journal to read; what is wrong with it becomes the one line of the command."""
    from adapters.journal import StoredJournal
    from engine.journal import JournalDamaged

    try:
        with StoredJournal(_path(session, results_dir)) as stored:
            yield stored
    except (JournalDamaged, ValueError) as error:
        raise BadData(str(error)) from error


def _known_kinds(given: list[str]) -> list[str]:
    from engine.journal import KINDS

    if unknown := [kind for kind in given if kind not in KINDS]:
        raise WrongUsage(
            f"--kind {unknown[0]}: there is no such kind; one of {', '.join(sorted(KINDS))}"
        )
    return given
