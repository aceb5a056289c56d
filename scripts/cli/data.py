"""`butler data`: look at bar files without running anything, and make clean ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import AppError, BadData, WrongUsage
from scripts.cli.shared.command_line import complain, make_app
from scripts.cli.shared.exit_codes import ExitCode, exit_code

if TYPE_CHECKING:
    from engine.types import SymbolSpec
    from scripts.app.terms.bars import Bars
    from signals.market_data.validate import BarChecker, Finding

app = make_app("Check and convert bar files.")

SHOWN = 5
"""Findings of one kind that are shown; the others are counted."""

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
    worst = ExitCode.DONE
    for path in files:
        try:
            found = ExitCode.DONE if _report(path, symbol, digits) else ExitCode.DATA
        except AppError as error:
            complain(str(error))
            found = exit_code(error)
        worst = max(worst, found)
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
    from adapters.bars.reader import BarFileError, open_bars
    from adapters.bars.writer import write_bars
    from scripts.app.terms.bars import label_fault, refuse, repaired
    from scripts.app.terms.inputs import shown_clock

    if out.exists():
        raise WrongUsage(f"{out}: exists already; nothing was overwritten")
    try:
        bars: Bars = open_bars(file)
        if repair:
            bars, done = repaired(bars)
            for deed in done:
                print(deed)
        refuse(bars, _checked(bars, _spec(file, symbol, digits)))
        fault = label_fault(bars, shown_clock(bars))
        rows = write_bars(out, bars.chunks())
    except BarFileError as error:
        raise BadData(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{out}: cannot be written ({error.strerror})") from error
    clock = f"replay them with --clock {bars.fixed_clock}" if bars.fixed_clock else ""
    print("; ".join(filter(None, (f"{out}: {rows:,} bars", fault or clock))))
    return ExitCode.DONE


def _spec(path: Path, symbol: str | None, digits: list[str] | None) -> SymbolSpec:
    from config.loader import load_symbols
    from scripts.app.terms.options import with_digits

    specs = with_digits(load_symbols(), digits)
    if symbol is not None and symbol not in specs:
        raise WrongUsage(f"--symbol {symbol}: unknown; known: {', '.join(specs)}")
    found = [symbol] if symbol else [name for name in specs if name in path.name.upper()]
    if not found:
        raise WrongUsage(
            f"{path}: its symbol cannot be determined from its name; give --symbol, "
            f"one of {', '.join(specs)}"
        )
    return specs[found[0]]


def _checked(bars: Bars, spec: SymbolSpec) -> BarChecker:
    from engine.clock import SystemClock
    from signals.market_data.validate import BarChecker

    checker = BarChecker(spec.name, spec.digits, SystemClock().now() // 1000)
    for chunk in bars.chunks():
        checker.push(chunk)
    checker.finish()
    return checker


def _report(path: Path, symbol: str | None, digits: list[str] | None) -> bool:
    """Print what a file holds; whether it can be used."""
    from adapters.bars.reader import BarFileError, open_bars
    from scripts.app.terms.bars import label_fault
    from scripts.app.terms.inputs import shown_clock
    from signals.market_data.validate import Severity, period_name

    try:
        file = open_bars(path)
        spec = _spec(path, symbol, digits)
        checker = _checked(file, spec)
        detector = shown_clock(file)
    except BarFileError as error:
        raise BadData(str(error)) from error
    period = period_name(checker.period) if checker.period else "no timeframe"
    verdict, fault = detector.verdict(), label_fault(file, detector)
    clock = file.fixed_clock or verdict.clock or "cannot be determined"
    why = "stated by the format" if file.fixed_clock else verdict.evidence
    print(f"{path}: {file.format}, {spec.name} {period}, {checker.rows:,} bars")
    print(f"  clock: {clock} ({why})")
    if fault is not None:
        print(f"  error: {fault}")
    findings = checker.finish()
    for kind, count in checker.counts.items():
        shown = [finding for finding in findings if finding.kind is kind][:SHOWN]
        for finding in shown:
            print(f"  {finding.severity}: {file.place(finding.row)}: {finding.detail}")
        if count > len(shown):
            print(f"  and {count - len(shown):,} more: {kind}")
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    usable = not errors and fault is None
    print("  usable" if usable else "  refused by replay" + _mendable(errors))
    return usable


def _mendable(errors: list[Finding]) -> str:
    mended = errors and all(finding.repairable for finding in errors)
    return "; --repair mends it" if mended else ""
