"""Opening the user's bar files for a command: recognised, checked, described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.bars.reader import CHUNK_ROWS, BarFileError, RateColumns, concat, open_bars
from engine.bars import PreparedBars
from engine.events import DataRef
from engine.types import ClockName, SymbolSpec
from scripts.app.errors import BadData
from signals.market_data.bars import BarPreparer, Ints, within
from signals.market_data.clocks import ClockDetector, to_utc
from signals.market_data.validate import BarChecker, Severity, repair


@dataclass(frozen=True)
class Window:
    """Which bars a run reads, by their opening in seconds UTC: `first` included, `end` not."""

    first: int | None = None
    end: int | None = None


class Bars(Protocol):
    """A bar file, as it is or repaired."""

    @property
    def path(self) -> Path: ...

    @property
    def sha256(self) -> str: ...

    @property
    def fixed_clock(self) -> ClockName | None: ...

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]: ...

    def place(self, row: int) -> str: ...


@dataclass(frozen=True)
class RepairedBars:
    """A file's bars after repair; the hash is that of the file they came from."""

    path: Path
    sha256: str
    fixed_clock: ClockName | None
    columns: RateColumns

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]:
        for start in range(0, len(self.columns), rows):
            yield self.columns.part(start, min(start + rows, len(self.columns)))

    def place(self, row: int) -> str:
        return f"row {row + 1} after repair"


@dataclass(frozen=True)
class BarInput:
    """A checked bar file of one symbol and what the session's first record says of it."""

    spec: SymbolSpec
    file: Bars
    ref: DataRef
    clock: ClockName
    window: Window

    def prepared(self, timeframes: tuple[str, ...]) -> Iterator[PreparedBars]:
        """The bars in chunks, ready to be played; raises BarFileError while reading.

        `timeframes` are the higher bars that are wanted with them.
        """
        preparer = BarPreparer(
            self.spec,
            self._to_utc,
            timeframes=timeframes,
            first=self.window.first,
            end=self.window.end,
        )
        for chunk in self.file.chunks():
            yield preparer.prepare(
                chunk.time, chunk.open, chunk.high, chunk.low, chunk.close, chunk.spread
            )

    def _to_utc(self, server: Ints) -> Ints:
        return to_utc(self.clock, server)


def open_input(
    spec: SymbolSpec,
    path: Path,
    clock: ClockName,
    window: Window,
    now: int,
    *,
    mend: bool = False,
    settled: bool = False,
) -> tuple[BarInput, list[str]]:
    """Recognise and check a file; with `mend`, repair what can be repaired and say what was done.

    A clock that the file's format states goes before `clock`, unless the caller has `settled` it:
    then the notes say what is skipped and what speaks against it. Raises AppError with
    one line for whatever is wrong, a stated clock that the bars contradict included.
    """
    try:
        file: Bars = open_bars(path)
        if not settled:
            clock = file.fixed_clock or clock
        done: list[str] = []
        if mend:
            file, done = repaired(file)
        detector = ClockDetector()
        ref = _checked(spec, file, clock, window, now, detector)
        if settled:
            done += _questioned(file, clock, detector)
        elif (fault := label_fault(file, detector)) is not None:
            raise BarFileError(path, fault)
    except BarFileError as error:
        raise BadData(str(error)) from error
    return BarInput(spec, file, ref, clock, window), done


def _questioned(file: Bars, clock: ClockName, detector: ClockDetector) -> list[str]:
    """What the user should know of a clock that they named: it holds, whatever is said here."""
    notes = []
    if file.fixed_clock not in (None, clock):
        notes.append(
            f"{file.path}: --clock {clock} is used, not {file.fixed_clock}, which its format states"
        )
    why = detector.contradiction(clock)
    if why is not None:
        notes.append(
            f"warning: {file.path}: --clock {clock} is used, but the bars contradict it: {why}"
        )
    return notes


def label_fault(file: Bars, detector: ClockDetector) -> str | None:
    """What is wrong with the clock that a file's format states, if the bars contradict it.

    `detector` has seen the file's bars. Which of the two is right only the user can say.
    """
    label = file.fixed_clock
    why = None if label is None else detector.contradiction(label)
    if why is None:
        return None
    shown = detector.verdict().clock or "NAME"
    return (
        f"its format states the clock {label}, which the bars contradict: {why}; settle it with "
        f"--clock {shown}, or with --clock {label} if what is stated is right"
    )


def repaired(file: Bars) -> tuple[Bars, list[str]]:
    """The file sorted by time and without exact duplicates, held in memory, and what that took.

    A file that needs no repair stays as it is. Raises BarFileError while reading.
    """
    columns = concat(file.chunks())
    mending = repair(columns)
    if not mending.done:
        return file, []
    bars = RepairedBars(file.path, file.sha256, file.fixed_clock, columns.take(mending.rows))
    return bars, [f"{file.path}: {deed}" for deed in mending.done]


def _checked(
    spec: SymbolSpec,
    file: Bars,
    clock: ClockName,
    window: Window,
    now: int,
    detector: ClockDetector,
) -> DataRef:
    """Read the file once: nothing may be wrong with it, and the window must hold some of it.

    `detector` is shown every bar.
    """
    checker = BarChecker(spec.name, spec.digits, now)
    rows, first, last = 0, 0, 0
    for chunk in file.chunks():
        checker.push(chunk)
        detector.push(chunk.time)
        moments = to_utc(clock, chunk.time)
        moments = moments[within(moments, window.first, window.end)]
        if len(moments):
            first = first if rows else int(moments[0])
            last = int(moments[-1])
            rows += len(moments)
    refuse(file, checker)
    if not rows:
        raise BarFileError(file.path, "holds no bar between --from and --to: widen them")
    return DataRef(
        symbol=spec.name,
        sha256=file.sha256,
        rows=rows,
        period=checker.period or 0,
        first=first * 1000,
        last=last * 1000,
        clock=clock,
        repaired=isinstance(file, RepairedBars),
    )


def refuse(file: Bars, checker: BarChecker) -> None:
    """Raise BarFileError for the first error found, saying how many there are."""
    findings = checker.finish()
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        first = errors[0]
        count = sum(checker.counts[kind] for kind in {finding.kind for finding in errors})
        more = f" (and {count - 1:,} more: see butler data check)" if count > 1 else ""
        raise BarFileError(file.path, f"{file.place(first.row)}: {first.detail}{more}")
