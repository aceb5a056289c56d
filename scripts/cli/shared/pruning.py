"""Deleting the journals of old runs, for every command that offers it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import printable

DaysOption = Annotated[
    int | None, typer.Option(min=0, help="Sessions last written to so many days ago.")
]
KeepOption = Annotated[int | None, typer.Option(min=0, help="Keep the last so many.")]
UnsealedOption = Annotated[
    bool, typer.Option("--unsealed", help="Those of sessions that did not end in order, too.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Delete; without it, only say what.")]


def pruned(
    results: Path, *, days: int | None, keep: int | None, unsealed: bool, yes: bool
) -> ExitCode:
    """Say which journals go, and delete them with `yes`; raises WrongUsage."""
    from scripts.app.journals.prune import Kept, prune
    from scripts.view.journals import old_line, pruned_line

    if days is None and keep is None:
        raise WrongUsage("say which: --days N, --keep N or both")
    count, size = 0, 0
    for found in prune(results, days=days, keep=keep or 0, unsealed=unsealed, delete=yes):
        if isinstance(found, Kept):
            complain(f"{found.session} stays: {found.reason}")
            continue
        print(printable(old_line(found)))
        count, size = count + 1, size + found.size
    print(printable(pruned_line(count, size, deleted=yes)))
    return ExitCode.DONE
