"""Looking at bar files without running anything, and making clean ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.bars.reader import BarFile, BarFileError, open_bars
from adapters.bars.writer import write_bars
from config.loader import load_symbols
from engine.clock import SystemClock
from engine.types import ClockName, SymbolSpec
from scripts.app.errors import BadData, WrongUsage
from scripts.app.terms.bars import Bars, label_fault, refuse, repaired
from scripts.app.terms.inputs import shown_clock
from scripts.app.terms.options import with_digits
from signals.market_data.clocks import ClockVerdict
from signals.market_data.validate import BarChecker, Finding, Severity


@dataclass(frozen=True)
class BarFileReport:
    """What a bar file holds; `fault` is what is wrong with the clock that its format states."""

    file: BarFile
    symbol: str
    checker: BarChecker
    verdict: ClockVerdict
    fault: str | None

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
class WrittenBars:
    """A clean file: its bars, what was repaired, and the clock that the old format stated."""

    rows: int
    repairs: list[str]
    clock: ClockName | None
    fault: str | None


def examine_bars(path: Path, symbol: str | None, digits: list[str] | None) -> BarFileReport:
    """Read a bar file once and report on it; raises BadData when it cannot be read."""
    try:
        file = open_bars(path)
        spec = _spec(path, symbol, digits)
        checker = _checked(file, spec)
        detector = shown_clock(file)
    except BarFileError as error:
        raise BadData(str(error)) from error
    fault = label_fault(file, detector)
    return BarFileReport(file, spec.name, checker, detector.verdict(), fault)


def import_bars(
    file: Path, out: Path, symbol: str | None, digits: list[str] | None, *, repair: bool
) -> WrittenBars:
    """Write the bars of `file` to a Parquet file; raises AppError and overwrites nothing."""
    if out.exists():
        raise WrongUsage(f"{out}: exists already; nothing was overwritten")
    repairs: list[str] = []
    try:
        bars: Bars = open_bars(file)
        if repair:
            bars, repairs = repaired(bars)
        refuse(bars, _checked(bars, _spec(file, symbol, digits)))
        fault = label_fault(bars, shown_clock(bars))
        rows = write_bars(out, bars.chunks())
    except BarFileError as error:
        raise BadData(str(error)) from error
    except OSError as error:
        raise WrongUsage(f"{out}: cannot be written ({error.strerror})") from error
    return WrittenBars(rows, repairs, bars.fixed_clock, fault)


def _spec(path: Path, symbol: str | None, digits: list[str] | None) -> SymbolSpec:
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
    checker = BarChecker(spec.name, spec.digits, SystemClock().now() // 1000)
    for chunk in bars.chunks():
        checker.push(chunk)
    checker.finish()
    return checker
