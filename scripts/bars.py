"""Opening the user's bar files for a command: recognised, checked, described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.files.bars import CHUNK_ROWS, BarFileError, RateColumns, concat, open_bars
from engine.bars import PreparedBars
from engine.events import DataRef
from engine.types import ClockName, SymbolSpec
from scripts.cli import CommandFailed, Exit
from signals.bars import BarPreparer, Ints, within
from signals.clocks import to_utc
from signals.validate import BarChecker, Severity, repair


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
) -> tuple[BarInput, list[str]]:
    """Recognise and check a file; with `mend`, repair what can be repaired and say what was done.

    Raises CommandFailed with one line for whatever is wrong.
    """
    try:
        file: Bars = open_bars(path)
        clock = file.fixed_clock or clock
        done: list[str] = []
        if mend:
            file, done = repaired(file)
        ref = _checked(spec, file, clock, window, now)
    except BarFileError as error:
        raise CommandFailed(str(error), Exit.DATA) from error
    return BarInput(spec, file, ref, clock, window), done


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


def _checked(spec: SymbolSpec, file: Bars, clock: ClockName, window: Window, now: int) -> DataRef:
    """Read the file once: nothing may be wrong with it, and the window must hold some of it."""
    checker = BarChecker(spec.name, spec.digits, now)
    rows, first, last = 0, 0, 0
    for chunk in file.chunks():
        checker.push(chunk)
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
