"""`butler journal`: what a session's journal holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import results_folder
from scripts.cli.journal_replay import replay
from scripts.cli.shared.command_line import complain, make_app
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.pruning import DaysOption, KeepOption, UnsealedOption, YesOption, pruned
from scripts.view.printable import print_lines, printable, printable_json

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
    from scripts.app.journals.export import json_line
    from scripts.app.journals.stored import known_kinds, opened
    from scripts.view.records import line

    wanted = None if kind is None else known_kinds(kind)
    if to_seq is not None and to_seq < from_seq:
        raise WrongUsage(f"--to-seq {to_seq} comes before --from-seq {from_seq}")
    with opened(session, results_folder(results_dir)) as stored:
        for record in stored.records(from_seq, to_seq, kinds=wanted):
            print(printable_json(json_line(record)) if as_json else printable(line(record)))
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
    from scripts.app.journals.export import write_export
    from scripts.app.journals.stored import opened

    with opened(session, results_folder(results_dir)) as stored:
        if not stored.check(decoding=False).sealed:
            complain(f"{stored.path}: its session did not end in order, so it has no seal")
        target = out if out is not None else stored.path.parent / "export"
        for file in write_export(stored, target, share=share):
            print(printable(str(file)))
    return ExitCode.DONE


@app.command("verify")
def verify(session: Session, results_dir: ResultsDir = None) -> int:
    """Check every record against the chain of hashes and the seal; exit code 3 for damage."""
    from scripts.app.journals.stored import opened
    from scripts.view.journals import check_lines

    with opened(session, results_folder(results_dir)) as stored:
        print_lines(check_lines(stored.check(), stored.beside()))
    return ExitCode.DONE


@app.command("diff")
def diff(first: Session, second: Session, results_dir: ResultsDir = None) -> int:
    """Name the first record in which two journals differ; exit code 5 when one does."""
    from scripts.app.journals.stored import opened
    from scripts.view.journal_diff import divergence

    results = results_folder(results_dir)
    with opened(first, results) as one, opened(second, results) as other:
        lines = divergence(one, other)
        print_lines(lines or [f"the same: {one.last_seq} records"])
    return ExitCode.DIFFERENT if lines else ExitCode.DONE


@app.command("prune")
def prune(
    results_dir: ResultsDir = None,
    days: DaysOption = None,
    keep: KeepOption = None,
    unsealed: UnsealedOption = False,
    yes: YesOption = False,
) -> int:
    """Delete the journals of old sessions; their event logs and summaries stay."""
    return pruned(results_folder(results_dir), days=days, keep=keep, unsealed=unsealed, yes=yes)
