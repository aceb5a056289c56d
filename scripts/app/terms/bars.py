"""Opening the user's bar files for a command: recognised, checked, described."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from adapters.bars.reader import CHUNK_ROWS, BarFileError, RateColumns, concat, open_bars
from adapters.bars.symbol_names import matching
from engine.bars import PreparedBars
from engine.events import DataRef
from engine.types import ClockName, SymbolSpec
from scripts.app.errors import BadData
from signals.market_data.bars import BarPreparer, Ints, within
from signals.market_data.clocks import ClockDetector, is_clock, to_server, to_utc, utc_of
from signals.market_data.closures import flat_about_weekends, flat_while_closed
from signals.market_data.spacing import Spacing
from signals.market_data.validate import BarChecker, Severity, repair


@dataclass(frozen=True)
class Window:
    """Which bars a run plays, by their opening in seconds UTC: `first` included, `end` not.

    Unless it is `cold`, the bars before `first` are read too.
    """

    first: int | None = None
    end: int | None = None
    cold: bool = True

    @property
    def warm(self) -> bool:
        """Whether the bars before the first warm up what decides."""
        return self.first is not None and not self.cold


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
class OpenMarketBars:
    """A file's bars without the flat ones of a closed market; `base` is the symbol's."""

    bars: Bars
    clock: ClockName
    base: str

    @property
    def path(self) -> Path:
        return self.bars.path

    @property
    def sha256(self) -> str:
        return self.bars.sha256

    @property
    def fixed_clock(self) -> ClockName | None:
        return self.bars.fixed_clock

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]:
        for chunk in self.bars.chunks(rows):
            kept = np.flatnonzero(~flat_while_closed(chunk, self.clock, self.base))
            if len(kept) == len(chunk):
                yield chunk
            elif len(kept):
                yield chunk.take(kept)

    def place(self, row: int) -> str:
        return self.bars.place(row)


@dataclass(frozen=True)
class Holes:
    """Bars that are missing outside the market's usual pauses: how often, and where (seconds UTC).

    `bars` are missing at the longest hole, which begins after the bar of `longest`.
    """

    count: int
    first: int
    longest: int
    bars: int


@dataclass(frozen=True)
class BarInput:
    """A checked bar file of one symbol and what the session's first record says of it."""

    spec: SymbolSpec
    file: Bars
    ref: DataRef
    clock: ClockName
    window: Window
    holes: Holes | None = None

    in_memory: ClassVar[bool] = False
    """Whether its chunks are at hand, so that nothing waits on a disk for them."""

    def prepared(self, timeframes: tuple[str, ...]) -> Iterator[PreparedBars]:
        """The bars in chunks, ready to be played; raises BarFileError while reading.

        `timeframes` are the higher bars that are wanted with them. Bars of the past come first.
        """
        window = self.window
        preparer = BarPreparer(
            self.spec,
            self._to_utc,
            timeframes=timeframes,
            first=None if window.warm else window.first,
            end=window.end,
        )
        for past, chunk in self._parts():
            bars = preparer.prepare(
                chunk.time, chunk.open, chunk.high, chunk.low, chunk.close, chunk.spread
            )
            bars.past = past
            yield bars

    def _parts(self) -> Iterator[tuple[bool, RateColumns]]:
        """The file's chunks, each of the past or to be played."""
        begun = not self.window.warm
        for chunk in self.file.chunks():
            if begun:
                yield False, chunk
                continue
            played = within(self._to_utc(chunk.time), self.window.first, None)
            start = int(played.argmax()) if played.any() else len(chunk)
            begun = start < len(chunk)
            if start:
                yield True, chunk.part(0, start)
            if begun:
                yield False, chunk.part(start, len(chunk))

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
    known: Collection[str] = (),
) -> tuple[BarInput, list[str]]:
    """Recognise and check a file; with `mend`, repair what can be repaired and say what was done.

    A clock that the file's format states goes before `clock`, unless the caller has `settled` it:
    then the notes say what is skipped and what speaks against it. Raises AppError with
    one line for whatever is wrong, a stated clock that the bars contradict included, and a file
    whose bars say that they are of another of the symbols that are `known`.
    """
    if not is_clock(clock):
        raise BadData(f"{path}: its clock {clock} is not known here")
    try:
        opened = open_bars(path, wall=settled and clock != "utc")
        refuse_other_symbol(path, opened.symbol, spec.name, known)
        file: Bars = opened
        if not settled:
            clock = file.fixed_clock or clock
        done: list[str] = []
        if mend:
            file, done = repaired(file)
        look = _FirstReading(spec, clock, window, now)
        ref = look.at(file)
        detector = look.detector
        if settled:
            done += _questioned(file, clock, detector)
        elif (fault := label_fault(file, detector)) is not None:
            raise BarFileError(path, fault)
    except BarFileError as error:
        raise BadData(str(error)) from error
    if look.closed:
        done.append(f"{path}: {look.closed_flats} are left out")
        file = OpenMarketBars(file, clock, spec.base)
    return BarInput(spec, file, ref, clock, window, look.holes()), done


def refuse_other_symbol(path: Path, said: str | None, symbol: str, known: Collection[str]) -> None:
    """Raise BadData where the file itself names another known symbol than the user does."""
    meant = matching(said, known) if said else None
    if meant not in (None, symbol):
        raise BadData(
            f"{path}: its bars say that they are of {said}, not of {symbol}: give it as {meant}, "
            "or a file without that column"
        )


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


class _FirstReading:
    """One reading of a file before it is played: what is wrong with it and what it holds."""

    def __init__(self, spec: SymbolSpec, clock: ClockName, window: Window, now: int) -> None:
        self._spec, self._clock, self._window = spec, clock, window
        self._checker = BarChecker(spec.name, spec.digits, now)
        self._spacing = Spacing()
        self._rows, self._first, self._last = 0, 0, 0
        self._first_closed = 0
        self.detector = ClockDetector(clock)
        self.closed = 0

    def at(self, file: Bars) -> DataRef:
        """Read the file: nothing may be wrong with it, and the window must hold some of it."""
        for chunk in file.chunks():
            self._checker.push(chunk)
            self.detector.push(chunk.time[~flat_about_weekends(chunk)])
            self._push(chunk)
        refuse(file, self._checker)
        if not self._rows:
            raise BarFileError(file.path, "holds no bar between --from and --to: widen them")
        return DataRef(
            symbol=self._spec.name,
            sha256=file.sha256,
            rows=self._rows,
            period=self._checker.period or 0,
            first=self._first * 1000,
            last=self._last * 1000,
            clock=self._clock,
            repaired=isinstance(file, RepairedBars),
        )

    @property
    def closed_flats(self) -> str:
        """The bars of a closed market in words; only where there are some."""
        return told_flats(self.closed, self._first_closed)

    def holes(self) -> Holes | None:
        """What is missing in the window; None when nothing is."""
        gaps = self._spacing.gaps()
        if gaps.longest is None:
            return None
        usual = "new-york+7"
        first, longest = utc_of(usual, gaps.first[0].time), utc_of(usual, gaps.longest.time)
        return Holes(gaps.count, first, longest, gaps.longest.amount)

    def _push(self, chunk: RateColumns) -> None:
        closed = flat_while_closed(chunk, self._clock, self._spec.base)
        if closed.any():
            self._first_closed = self._first_closed or int(chunk.time[closed.argmax()])
            self.closed += int(np.count_nonzero(closed))
        moments = to_utc(self._clock, chunk.time[~closed])
        moments = moments[within(moments, self._window.first, self._window.end)]
        if not len(moments):
            return
        self._first = self._first if self._rows else int(moments[0])
        self._last = int(moments[-1])
        # Pauses are looked for by the clock whose midnights are those of the trading day.
        self._spacing.push(to_server("new-york+7", moments), self._rows)
        self._rows += len(moments)


def told_flats(count: int, first: int) -> str:
    """How many flat bars of a closed market a file has, the first at that time of its clock."""
    at = datetime.fromtimestamp(first, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{count:,} flat bars of volume 0 while the market is closed (the first at {at})"


def refuse(file: Bars, checker: BarChecker) -> None:
    """Raise BarFileError for the first error found, saying how many there are."""
    findings = checker.finish()
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        first = errors[0]
        count = sum(checker.counts[kind] for kind in {finding.kind for finding in errors})
        more = f" (and {count - 1:,} more: see butler data check)" if count > 1 else ""
        raise BarFileError(file.path, f"{file.place(first.row)}: {first.detail}{more}")
