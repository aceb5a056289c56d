"""`butler strategy`: begin a strategy of one's own, and check that it only knows what it may."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.command_line import make_app
from scripts.cli.shared.exit_codes import ExitCode

app = make_app("Write a strategy of your own, and check it.")


@app.callback()
def strategy() -> None:
    """Write a strategy of your own, and check it."""


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and underscores.")],
    folder: Annotated[Path, typer.Option("--dir", help="Write into this folder.")] = Path(),
) -> int:
    """Write a strategy, its preset and a test: three small files that run as they are."""
    from scripts.app.authoring.template import write_new
    from scripts.view.printable import printable

    files = write_new(name, folder)
    for file in files:
        print(printable(f"wrote {file}"))
    print(printable(f"next: butler strategy check {files[1]}; butler replay --preset {files[1]}"))
    return ExitCode.DONE


@app.command("check")
def check(
    preset: Annotated[str, typer.Argument(help="A preset: its name, or the path of your own.")],
    bars: opt.Bars = None,
    clock: opt.Clock = None,
    digits: opt.Digits = None,
    symbol_spec: opt.SymbolSpecFiles = None,
    start: opt.Start = None,
    end: opt.End = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Check that a preset's strategy reads no future, leaks no state and repeats itself.

    Its decisions over the first 16,384 bars are compared with those over parts and changes of
    them. Exit code 5 for a fault, which is named with the bar at which it showed.
    """
    import json

    import msgspec

    from scripts.app.authoring.check import check_strategy
    from scripts.view.printable import printable
    from scripts.view.research.strategy_text import check_lines

    request = ReplayRequest(
        preset=preset, bars=bars, clock=clock, digits=digits, symbol_spec=symbol_spec,
        start=start, end=end, cold=True,
    )  # fmt: skip
    found = check_strategy(request)
    if as_json:
        print(json.dumps(msgspec.to_builtins(found), indent=2, allow_nan=False))
    else:
        for one in found:
            for line in check_lines(one):
                print(printable(line))
    return ExitCode.DONE if all(one.honest for one in found) else ExitCode.DIFFERENT
