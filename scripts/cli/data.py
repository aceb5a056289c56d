"""`butler data`: look at bar files without running anything, and make clean ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import AppError
from scripts.cli.shared.command_line import complain, make_app
from scripts.cli.shared.exit_codes import ExitCode, exit_code

app = make_app("Check and convert bar files.")

SymbolOption = Annotated[
    str | None,
    typer.Option(help="Symbol of the bars; by default the known one in the file's name."),
]
DigitsOption = Annotated[
    list[str] | None,
    typer.Option("--digits", metavar="SYMBOL=N", help="Digits that differ from the table's."),
]


@app.callback()
def data() -> None:
    """Check and convert bar files."""


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Bar files to check.")],
    symbol: SymbolOption = None,
    digits: DigitsOption = None,
) -> int:
    """Report format, period, clock and everything odd in bar files; exit code 3 for errors."""
    from scripts.app.operations.bar_files import examine_bars
    from scripts.view.bar_files import report_lines

    worst = ExitCode.DONE
    for path in files:
        try:
            report = examine_bars(path, symbol, digits)
        except AppError as error:
            complain(str(error))
            worst = max(worst, exit_code(error))
        else:
            print("\n".join(report_lines(report)))
            worst = max(worst, ExitCode.DONE if report.usable else ExitCode.DATA)
    return worst


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Bar file of any known format.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    symbol: SymbolOption = None,
    digits: DigitsOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Sort bars and drop exact duplicates; says so.")
    ] = False,
) -> int:
    """Write a clean parquet file with the columns of copy_rates; times stay on the file's clock."""
    from scripts.app.operations.bar_files import import_bars
    from scripts.view.bar_files import written_lines

    written = import_bars(file, out, symbol, digits, repair=repair)
    print("\n".join(written_lines(written, out)))
    return ExitCode.DONE
