"""`butler data`: look at bar files without running anything, and make clean ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scripts.app.errors import AppError, BadData, WrongUsage
from scripts.cli.shared.command_line import complain, make_app
from scripts.cli.shared.exit_codes import ExitCode, exit_code

if TYPE_CHECKING:
    from adapters.bars.reader import ColumnChoice
    from engine.types import ClockName, SymbolSpec
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
    worst = ExitCode.DONE
    for path in files:
        try:
            usable = _report(path, symbol, _table(digits, symbol_spec))
            found = ExitCode.DONE if usable else ExitCode.DATA
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
    from adapters.bars.reader import BarFileError, open_bars
    from adapters.bars.writer import write_bars
    from scripts.app.terms.bars import label_fault, refuse, repaired
    from scripts.app.terms.inputs import shown_clock
    from scripts.app.terms.tick_bars import TickBars

    if out.exists():
        raise WrongUsage(f"{out}: exists already; nothing was overwritten")
    specs, said = _table(digits, symbol_spec), None
    try:
        if ticks is None:
            opened = open_bars(file, choice=_choice(map_, drop))
            bars: Bars = opened
            said = opened.symbol
        else:
            bars = TickBars.opened(file, _period(ticks), _spec(file, symbol, specs).digits)
        if repair:
            bars, done = repaired(bars)
            for deed in done:
                print(deed)
        refuse(bars, _checked(bars, _spec(file, symbol or said, specs)))
        fault = label_fault(bars, shown_clock(bars))
        rows = write_bars(out, bars.chunks())
    except BarFileError as error:
        raise BadData(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{out}: cannot be written ({error.strerror})") from error
    clock = f"replay them with --clock {bars.fixed_clock}" if bars.fixed_clock else ""
    print("; ".join(filter(None, (f"{out}: {rows:,} bars", fault or clock))))
    return ExitCode.DONE


def _choice(mapped: list[str] | None, dropped: list[str] | None) -> ColumnChoice:
    """What the user says of the file's columns."""
    from adapters.bars.column_names import KNOWN_COLUMNS
    from adapters.bars.reader import ColumnChoice

    renamed = {}
    known = (*KNOWN_COLUMNS, "date", "clock")
    for text in mapped or ():
        ours, equals, name = text.partition("=")
        if not equals or not name or ours not in known:
            raise WrongUsage(
                f"--map {text}: write OURS=NAME, such as time=Zeit, with one of {', '.join(known)}"
            )
        renamed[name.strip().lower()] = ours
    return ColumnChoice(renamed, frozenset(name.strip().lower() for name in dropped or ()))


def _period(name: str) -> int:
    from signals.market_data.bars import TIMEFRAME_SECONDS

    if name not in TIMEFRAME_SECONDS:
        raise WrongUsage(f"--ticks {name}: must be one of {', '.join(TIMEFRAME_SECONDS)}")
    return TIMEFRAME_SECONDS[name]


def _table(digits: list[str] | None, files: list[Path] | None) -> dict[str, SymbolSpec]:
    from scripts.app.terms.options import known_specs, with_digits

    return with_digits(known_specs(files), digits)


def _spec(path: Path, symbol: str | None, specs: dict[str, SymbolSpec]) -> SymbolSpec:
    from adapters.bars.symbol_names import in_file_name, matching

    if symbol is not None and matching(symbol, specs) is None:
        raise WrongUsage(f"--symbol {symbol}: unknown; known: {', '.join(specs)}")
    meant = matching(symbol, specs) if symbol else in_file_name(path.name, specs)
    if meant is None:
        raise WrongUsage(
            f"{path}: its symbol cannot be determined from its name; give --symbol, "
            f"one of {', '.join(specs)}"
        )
    return specs[meant]


def _checked(bars: Bars, spec: SymbolSpec) -> BarChecker:
    from engine.clock import SystemClock
    from signals.market_data.validate import BarChecker

    checker = BarChecker(spec.name, spec.digits, SystemClock().now() // 1000)
    for chunk in bars.chunks():
        checker.push(chunk)
    checker.finish()
    return checker


def _report(path: Path, symbol: str | None, specs: dict[str, SymbolSpec]) -> bool:
    """Print what a file holds; whether it can be used."""
    from adapters.bars.reader import BarFileError, open_bars
    from scripts.app.terms.bars import label_fault
    from scripts.app.terms.inputs import ASSUMED, shown_clock, unknown_clock_fault
    from signals.market_data.validate import Severity, period_name

    try:
        file = open_bars(path)
        spec = _spec(path, symbol or file.symbol, specs)
        checker = _checked(file, spec)
        detector = shown_clock(file)
    except BarFileError as error:
        raise BadData(str(error)) from error
    period = period_name(checker.period) if checker.period else "no timeframe"
    verdict = detector.verdict()
    fault = label_fault(file, detector) if file.fixed_clock else unknown_clock_fault(detector)
    clock = file.fixed_clock or verdict.clock or "cannot be determined"
    why = "stated by the format" if file.fixed_clock else verdict.evidence
    print(f"{path}: {file.format}, {spec.name} {period}, {checker.rows:,} bars")
    print(f"  clock: {clock} ({why})")
    if file.ignored:
        print(f"  ignored: {', '.join(file.ignored)}")
    if fault is not None:
        print(f"  error: {fault}")
    if (flats := _closed_flats(file, file.fixed_clock or verdict.clock or ASSUMED, spec)) != "":
        print(f"  note: {flats}: replay leaves them out")
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


def _closed_flats(bars: Bars, clock: ClockName, spec: SymbolSpec) -> str:
    """What a file holds of a closed market; nothing for most files."""
    from scripts.app.terms.bars import told_flats
    from signals.market_data.closures import flat_while_closed

    masks = ((c, flat_while_closed(c, clock, spec.base)) for c in bars.chunks())
    times = [int(time) for chunk, mask in masks for time in chunk.time[mask]]
    return told_flats(len(times), times[0]) if times else ""


def _mendable(errors: list[Finding]) -> str:
    mended = errors and all(finding.repairable for finding in errors)
    return "; --repair mends it" if mended else ""
