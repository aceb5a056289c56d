"""`butler signals`: the entries that a preset would raise, as a file that can be replayed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines


def signals(
    bars: Annotated[
        list[str] | None, typer.Option("--bars", metavar="SYMBOL=FILE", help="As for replay.")
    ] = None,
    clock: Annotated[str | None, typer.Option(help="As for replay.")] = None,
    digits: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL=N", help="As for replay.")
    ] = None,
    symbol_spec: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="As for replay.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Name of a preset, or path.")] = "ftmo_m15",
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="As for replay.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="As for replay.")] = None,
    cold: Annotated[bool, typer.Option("--cold", help="As for replay.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="File to write; standard output by default.")
    ] = None,
) -> int:
    """Write the preset's entry signals as CSV, each as if no position were open.

    What depends on an open position (leaving on the opposite signal, trailing) is not in the file.
    """
    from scripts.app.operations.entry_signals import entry_signals, write_signals

    request = ReplayRequest(
        bars=bars,
        clock=clock,
        digits=digits,
        symbol_spec=symbol_spec,
        preset=preset,
        start=start,
        end=end,
        cold=cold,
    )
    found = entry_signals(request)
    for note in found.notes:
        complain(note)
    if out is None:
        sys.stdout.write(found.content.decode())
        return ExitCode.DONE
    write_signals(found, out)
    print_lines([f"{found.count:,} signals written to {out}"])
    return ExitCode.DONE
