"""`butler presets`: the presets that come with the program, or one with all its parameters."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.cli.shared.exit_codes import ExitCode
from scripts.view.printable import print_lines


def presets(
    name: Annotated[
        str | None, typer.Argument(help="A preset to show in full; a name or a path.")
    ] = None,
) -> int:
    """List the presets with their parameters and limits."""
    from config.loader import config_report, list_presets
    from scripts.app.terms.strategies import load

    for each in [name] if name is not None else list_presets():
        loaded = load(each)
        print_lines([f"{loaded.preset.name}: {loaded.preset.title} ({loaded.preset.file})"])
        for row in config_report(preset=loaded.preset):
            if row.field.startswith(("parameters.", "limits.")):
                print_lines([f"  {row.field:<34} {row.value}"])
    return ExitCode.DONE
