"""Looking at bar files without running anything, and making clean ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.bars.reader import BarFile, BarFileError, ColumnChoice, open_bars
from adapters.bars.symbol_names import in_file_name, matching
from adapters.bars.ticks import tick_layout
from adapters.bars.writer import write_bars
from engine.clock import SystemClock
from engine.types import ClockName, SymbolSpec
from scripts.app.errors import BadData, WrongUsage
from scripts.app.terms.bars import (
    Bars,
    label_fault,
    refuse,
    refuse_other_symbol,
    repaired,
    told_flats,
)
from scripts.app.terms.inputs import ASSUMED, shown_clock, unknown_clock_fault
from scripts.app.terms.options import Specs, known_specs, with_digits
from scripts.app.terms.tick_bars import TickBars
from signals.market_data.clocks import ClockVerdict
from signals.market_data.closures import flat_while_closed
from signals.market_data.validate import BarChecker, Finding, Severity


@dataclass(frozen=True)
class BarFileReport:
    """What a bar file holds; `fault` is what is wrong with its clock.

    `closed_flats` tells the bars of a closed market that replay leaves out; it is mostly empty.
    `rounded`: its volumes have parts, which are not kept.
    """

    file: BarFile
    symbol: str
    checker: BarChecker
    verdict: ClockVerdict
    fault: str | None
    closed_flats: str
    rounded: bool

    @property
    def findings(self) -> list[Finding]:
        return self.checker.finish()

    @property
    def errors(self) -> list[Finding]:
        return [item for item in self.findings if item.severity is Severity.ERROR]

    @property
    def usable(self) -> bool:
        """Whether a replay takes the file as it is."""
        return not self.errors and self.fault is None


@dataclass(frozen=True)
class ImportSource:
    """A file to import, its symbol if the user names one, and what they say of its columns.

    With a `period` (seconds) the file holds ticks, which bars are made of.
    """

    path: Path
    symbol: str | None
    choice: ColumnChoice
    period: int | None


@dataclass(frozen=True)
class WrittenBars:
    """A clean file: its bars, what was repaired, and the clock that the old format stated."""

    rows: int
    repairs: list[str]
    clock: ClockName | None
    fault: str | None
    rounded: bool


def known_symbols(digits: list[str] | None, files: list[Path] | None) -> Specs:
    """The table of symbols with those of `files` and with other `digits`; raises WrongUsage."""
    return with_digits(known_specs(files), digits)


def examine_bars(path: Path, symbol: str | None, specs: Specs) -> BarFileReport:
    """Read a bar file and report on it; raises BadData when it cannot be read."""
    try:
        file = open_bars(path)
        spec = _spec(path, symbol or file.symbol, specs)
        refuse_other_symbol(path, file.symbol, spec.name, specs)
        checker, rounded = _checked(file, spec)
        detector = shown_clock(file)
        verdict = detector.verdict()
        flats = _closed_flats(file, file.fixed_clock or verdict.clock or ASSUMED, spec)
    except BarFileError as error:
        raise BadData(str(error)) from error
    fault = label_fault(file, detector) if file.fixed_clock else unknown_clock_fault(detector)
    return BarFileReport(file, spec.name, checker, verdict, fault, flats, rounded)


def import_bars(source: ImportSource, out: Path, specs: Specs, *, repair: bool) -> WrittenBars:
    """Write the bars of a file to a Parquet file; raises AppError and overwrites nothing."""
    if out.exists():
        raise WrongUsage(f"{out}: exists already; nothing was overwritten")
    repairs: list[str] = []
    try:
        bars, spec = _opened(source, specs)
        if repair:
            bars, repairs = repaired(bars)
        checker, rounded = _checked(bars, spec)
        refuse(bars, checker)
        fault = label_fault(bars, shown_clock(bars))
        rows = write_bars(out, bars.chunks())
    except BarFileError as error:
        raise BadData(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{out}: cannot be written ({error.strerror})") from error
    return WrittenBars(rows, repairs, bars.fixed_clock, fault, rounded)


def _opened(source: ImportSource, specs: Specs) -> tuple[Bars, SymbolSpec]:
    """The bars of a file, or those made of its ticks, and the facts of their symbol."""
    path, symbol = source.path, source.symbol
    if source.period is not None:
        layout = tick_layout(path)
        spec = _spec(path, symbol or layout.symbol, specs)
        refuse_other_symbol(path, layout.symbol, spec.name, specs)
        return TickBars(path, layout, source.period, spec.digits), spec
    file = open_bars(path, choice=source.choice)
    spec = _spec(path, symbol or file.symbol, specs)
    refuse_other_symbol(path, file.symbol, spec.name, specs)
    return file, spec


def _closed_flats(bars: Bars, clock: ClockName, spec: SymbolSpec) -> str:
    """What a file holds of a closed market; nothing for most files."""
    masks = ((c, flat_while_closed(c, clock, spec.base)) for c in bars.chunks())
    times = [int(time) for chunk, mask in masks for time in chunk.time[mask]]
    return told_flats(len(times), times[0]) if times else ""


def _spec(path: Path, symbol: str | None, specs: Specs) -> SymbolSpec:
    if symbol is not None and matching(symbol, specs) is None:
        raise WrongUsage(f"--symbol {symbol}: unknown; known: {', '.join(specs)}")
    meant = matching(symbol, specs) if symbol else in_file_name(path.name, specs)
    if meant is None:
        raise WrongUsage(
            f"{path}: its symbol cannot be determined from its name; give --symbol, "
            f"one of {', '.join(specs)}"
        )
    return specs[meant]


def _checked(bars: Bars, spec: SymbolSpec) -> tuple[BarChecker, bool]:
    """What is to be said of the bars, and whether their volumes had to be rounded."""
    checker, rounded = BarChecker(spec.name, spec.digits, SystemClock().now() // 1000), False
    for chunk in bars.chunks():
        checker.push(chunk)
        rounded |= chunk.rounded
    checker.finish()
    return checker, rounded
