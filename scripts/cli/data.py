"""`butler data`: look at bar files without running anything, and make clean ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.app.errors import AppError
from scripts.cli.shared.command_line import complain, make_app
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from scripts.view.printable import print_lines

app = make_app("Check and convert bar files.")

SymbolOption = Annotated[
    str | None,
    typer.Option(help="Symbol of the bars; by default the known one in the file's name."),
]
DigitsOption = Annotated[
    list[str] | None,
    typer.Option("--digits", metavar="SYMBOL=N", help="Digits that differ from the table's."),
]
SymbolSpecOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Facts of further symbols, as config/symbols.yaml has them."),
]


@app.callback()
def data() -> None:
    """Check and convert bar files."""


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(help="Bar files to check.")],
    symbol: SymbolOption = None,
    digits: DigitsOption = None,
    symbol_spec: SymbolSpecOption = None,
) -> int:
    """Report format, period, clock and everything odd in bar files; exit code 3 for errors."""
    from scripts.app.operations.bar_files import examine_bars, known_symbols
    from scripts.view.bar_files import report_lines

    worst = ExitCode.DONE
    for path in files:
        try:
            report = examine_bars(path, symbol, known_symbols(digits, symbol_spec))
        except AppError as error:
            complain(str(error))
            worst = max(worst, exit_code(error))
        else:
            print_lines(report_lines(report))
            worst = max(worst, ExitCode.DONE if report.usable else ExitCode.DATA)
    return worst


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Bar file of any known format.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    symbol: SymbolOption = None,
    digits: DigitsOption = None,
    symbol_spec: SymbolSpecOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Sort bars and drop exact duplicates; says so.")
    ] = False,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="OURS=NAME", help="What the file calls a column of bars."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A column to leave out.")
    ] = None,
    ticks: Annotated[
        str | None,
        typer.Option(metavar="PERIOD", help="The file holds ticks: make bars such as M1 of them."),
    ] = None,
) -> int:
    """Write a clean parquet file with the columns of copy_rates; times stay on the file's clock."""
    from scripts.app.operations.bar_files import ImportSource, import_bars, known_symbols
    from scripts.app.terms.bar_options import column_choice, tick_period
    from scripts.view.bar_files import written_lines

    source = ImportSource(file, symbol, column_choice(map_, drop), tick_period(ticks))
    written = import_bars(source, out, known_symbols(digits, symbol_spec), repair=repair)
    print_lines(written_lines(written, out))
    return ExitCode.DONE
