"""`butler signals`: the entries that a preset would raise, as a file that can be replayed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage
from scripts.app.terms.entries import entries, signal_of
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode


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
    from adapters.bars.signal_files import signals_csv
    from adapters.system.atomic_files import replace_file
    from scripts.app.terms import options
    from scripts.app.terms.inputs import open_inputs
    from scripts.app.terms.request import ReplayRequest
    from scripts.app.terms.strategies import load

    loaded = load(preset)
    request = ReplayRequest(bars=bars, clock=clock, start=start, end=end, cold=cold)
    specs = options.with_digits(options.known_specs(symbol_spec), digits)
    inputs, notes = open_inputs(request, specs, loaded.timeframes)
    for note in notes:
        complain(note)
    rows = sorted(
        (
            signal_of(entry, loaded.preset.name)
            for item in inputs
            for entry in entries(item, loaded)
        ),
        key=lambda row: row["time"],
    )
    content = signals_csv(rows)
    if out is None:
        sys.stdout.write(content.decode())
        return ExitCode.DONE
    try:
        replace_file(out, content)
    except OSError as error:
        raise WrongUsage(f"{out}: cannot be written ({error.strerror})") from error
    print(f"{len(rows):,} signals written to {out}")
    return ExitCode.DONE
