"""Whether a strategy only knows what it may: bars that are closed, and nothing it kept aside."""

from __future__ import annotations

import contextlib
import datetime as dt
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
from numpy.typing import NDArray

from adapters.bars.errors import BarFileError
from engine.bars import PreparedBars
from engine.types import SymbolSpec, Units
from scripts.app.authoring.elsewhere import SHIFTS, elsewhere
from scripts.app.authoring.files_read import WATCH
from scripts.app.authoring.harness import (
    HELD,
    Made,
    StrategyRaised,
    by_bars,
    decisions,
    from_row,
    mirrored,
    moved,
    scans,
    until_row,
)
from scripts.app.authoring.held_prices import Column, LaterCloses, in_file, in_memory
from scripts.app.errors import BadData, InternalFault
from scripts.app.terms.bars import BarInput
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.base import TrialSource, loaded_from, source_of_preset
from signals.strategy import Strategy, StrategyFactory

CUTS = 50
LEAST_ROWS = 500
_YEARS_28 = 10_227 * 86_400_000
"""Milliseconds after which the calendar repeats itself: weekdays, dates and leap years."""
_WARM_UPS = (100, 200, 500, 1_000, 2_000, 4_000)
_SAME = 0.95
_FEW = 10
_HELD_AFTER = 100
"""Bars after which a strategy's memory is searched for later ones."""

_READERS = frozenset({"pyarrow", "pandas", "sqlite3", "polars", "duckdb"})


class CheckFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: `fault` says what is wrong and at which bar it showed; empty where nothing is."""

    check: str
    told: str
    fault: str = ""


class StrategyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one preset over one symbol's bars.

    `warm_up` bars before a start made its decisions those of the full run (None: more than were
    tried); `microseconds` is what a bar takes.
    """

    preset: str
    symbol: str
    bars: int
    decisions: int
    findings: tuple[CheckFinding, ...]
    warm_up: int | None
    microseconds: float
    opened: tuple[str, ...] = ()

    @property
    def honest(self) -> bool:
        """Whether no check found a fault."""
        return not any(one.fault for one in self.findings)


def check_strategy(request: ReplayRequest, cuts: int = CUTS) -> list[StrategyCheck]:
    """Every symbol's check; raises AppError for a preset or bars that cannot be used, and for a
    strategy that fails over the bars as they are."""
    source = source_of_preset(request, None)
    terms, _ = resolve_terms(request)
    packed = [_packed(item, terms.timeframes) for item in terms.inputs]
    return [
        _Checked(source, item.spec, bars, cuts).all()
        for item, bars in zip(terms.inputs, packed, strict=True)
    ]


def _packed(item: BarInput, timeframes: tuple[str, ...]) -> bytes:
    """A symbol's first bars where code that looks round in memory does not find them."""
    try:
        bars = next(iter(item.prepared(timeframes)), None)
    except BarFileError as error:
        raise BadData(str(error)) from error
    if bars is None or len(bars.time) < LEAST_ROWS:
        raise BadData(f"{item.file.path}: at least {LEAST_ROWS} bars are needed for a check")
    return pickle.dumps(bars)


class _Checked:
    """One symbol's checks; each loads the strategy's module anew unless it is about that.

    All bars are kept packed: a run over some of them leaves no others in any frame or object.
    """

    def __init__(self, source: TrialSource, spec: SymbolSpec, bars: bytes, cuts: int) -> None:
        self._source, self._spec, self._packed, self._cuts = source, spec, bars, cuts
        self._count = len(self._unpacked().time)
        self._full: list[Made] = []

    def _unpacked(self) -> PreparedBars:
        """All bars, made anew: for a run over all of them, or to take a part of."""
        found: PreparedBars = pickle.loads(self._packed)  # noqa: S301 - packed in this process
        return found

    def all(self) -> StrategyCheck:
        with WATCH.watch() as opened:
            factory = self._fresh()
            try:
                self._full = decisions(factory, self._spec, self._unpacked())
            except StrategyRaised as error:
                raise InternalFault(f"the strategy fails{_at(error.time)}: {error}") from error
        findings = [self._leak(factory), self._repeat(), self._elsewhere(), self._future()]
        if scans(factory, self._spec):
            findings.append(self._scan())
        findings += [self._dates(), self._files(tuple(opened)), self._sizes()]
        return StrategyCheck(
            preset=self._source.request.preset,
            symbol=self._spec.name,
            bars=self._count,
            decisions=len(self._full),
            findings=tuple(findings),
            warm_up=self._warm_up(),
            microseconds=self._speed(),
            opened=tuple(opened),
        )

    def _fresh(self) -> StrategyFactory:
        return loaded_from(self._source).factory

    def _compared(
        self, check: str, told: str, fault: str, other: Callable[[], Sequence[Made]]
    ) -> CheckFinding:
        """The full run's decisions against others that should be the same."""
        at = _difference(self._full, other)
        return CheckFinding(check=check, told=told, fault="" if at is None else f"{fault} {at}")

    def _leak(self, factory: StrategyFactory) -> CheckFinding:
        return self._compared(
            "state", "a second run in the same process decides the same",
            "state of the module leaks from run to run: a second run decides otherwise",
            lambda: decisions(factory, self._spec, self._unpacked()),
        )  # fmt: skip

    def _repeat(self) -> CheckFinding:
        return self._compared(
            "repeatable", "two runs decide the same",
            "two runs over the same bars decide otherwise (chance, a clock?)",
            lambda: decisions(self._fresh(), self._spec, self._unpacked()),
        )  # fmt: skip

    def _elsewhere(self) -> CheckFinding:
        def on(shift: dt.timedelta) -> list[Made]:
            with elsewhere(shift):
                return decisions(self._fresh(), self._spec, self._unpacked())

        for shift in SHIFTS:
            found = self._compared(
                "clock", "on another day it decides the same over these bars",
                "it asks the machine's clock, or which process it is: on another day it decides "
                "otherwise over the same bars",
                partial(on, shift),
            )  # fmt: skip
            if found.fault:
                break
        return found

    def _sizes(self) -> CheckFinding:
        """A position that risk sized has a volume that follows the balance."""
        spec = self._spec
        for other in (spec.volume_min * 7, spec.volume_max):
            at = _difference(self._full, partial(self._sized, other))
            if at is not None:
                break
        told = "it decides the same whatever volume its positions have"
        if at is not None:
            told = (
                "it decides by the volume of its position, which follows the balance (no odds of "
                f"it): with another volume it decides otherwise {at}"
            )
        return CheckFinding(check="volume", told=told)

    def _sized(self, volume: Units) -> list[Made]:
        return decisions(self._fresh(), self._spec, self._unpacked(), volume)

    def _scan(self) -> CheckFinding:
        return self._compared(
            "columns", "scan_columns decides what on_bar does",
            "scan_columns and on_bar decide otherwise",
            lambda: by_bars(self._fresh(), self._spec, self._unpacked()),
        )  # fmt: skip

    def _future(self) -> CheckFinding:
        """Over the bars until a moment, it decides what it decided with all of them at hand."""
        rows = self._cut_rows()
        for row in rows:
            until = [made for made in self._full if made.row <= row]
            at = _difference(until, partial(self._until, row))
            if at is not None:
                fault = (
                    f"it reads the future: without the bars from then on it decides otherwise {at}"
                )
                return CheckFinding(check="future", told="", fault=fault)
        told = f"at {len(rows)} cuts it decides what it did with all bars at hand"
        return CheckFinding(check="future", told=told)

    def _until(self, row: int) -> list[Made]:
        return decisions(self._fresh(), self._spec, until_row(self._unpacked(), row))

    def _cut_rows(self) -> list[int]:
        """Half of them right where it decided, half evenly spread."""
        made = sorted({one.row for one in self._full})
        half = self._cuts // 2
        chosen = (
            {made[i] for i in np.linspace(0, len(made) - 1, half).astype(int)} if made else set()
        )
        even = np.linspace(100, self._count - 1, self._cuts - len(chosen)).astype(int)
        return sorted(chosen | set(even.tolist()))

    def _dates(self) -> CheckFinding:
        """The calendar repeats after 28 years: who knows no particular date decides the same."""

        def later() -> list[Made]:
            try:
                found = decisions(self._fresh(), self._spec, moved(self._unpacked(), _YEARS_28))
            except StrategyRaised as error:
                then = None if error.time is None else error.time - _YEARS_28
                raise StrategyRaised(then, error.reason) from error
            return [msgspec.structs.replace(one, time=one.time - _YEARS_28) for one in found]

        return self._compared(
            "dates", "it knows no particular dates: 28 years later it decides the same",
            "it knows particular dates, so it may know what came after them (a file, a table?): "
            "over the same bars 28 years later it decides otherwise",
            later,
        )  # fmt: skip

    def _files(self, opened: tuple[str, ...]) -> CheckFinding:
        """Closes that are still to come stand in no file it opens, and nowhere in its memory."""
        bars = self._unpacked()
        later = [
            (one.time[_HELD_AFTER:], LaterCloses(one.close[_HELD_AFTER:], self._spec.digits))
            for one in bars.closings
        ]
        del bars
        for name in opened:
            at = _held(later, in_file(Path(name)))
            if at is not None:
                fault = f"it reads {name}, which holds what comes later: the closes from {at} on"
                return CheckFinding(check="files", told="", fault=fault)
        at = _held(later, in_memory(self._after_some_bars()))
        if at is not None:
            fault = (
                f"after {_HELD_AFTER} bars it already holds what comes later: the closes from "
                f"{at} on"
            )
            return CheckFinding(check="files", told="", fault=fault)
        return self._follows(opened)

    def _after_some_bars(self) -> Strategy:
        """A strategy that has seen the first few bars and no others."""
        strategy = self._fresh()(self._spec)
        with contextlib.suppress(StrategyRaised):  # then it has seen fewer
            decisions(lambda _: strategy, self._spec, until_row(self._unpacked(), _HELD_AFTER))
        return strategy

    def _follows(self, opened: tuple[str, ...]) -> CheckFinding:
        """With files at hand, decisions must still follow the bars and not the files."""
        readers = sorted(_READERS & _modules_of(self._fresh()(self._spec)))
        if not opened and not readers:
            return CheckFinding(check="files", told="it opens no file")
        what = ", ".join(opened or readers)
        try:
            other = decisions(self._fresh(), self._spec, mirrored(self._unpacked()))
        except StrategyRaised:
            other = []
        same = {(one.time, one.what[:2]) for one in self._full} & {
            (one.time, one.what[:2]) for one in other
        }
        if len(self._full) >= _FEW and len(same) >= _SAME * len(self._full):
            first = _iso(self._full[0].time)
            fault = (
                "its decisions do not follow the bars: with every move turned round it decides "
                f"the same, first at the bar of {first}; it reads {what}"
            )
            return CheckFinding(check="files", told="", fault=fault)
        told = f"it reads {what}, but its decisions follow the bars"
        return CheckFinding(check="files", told=told)

    def _warm_up(self) -> int | None:
        """Bars before the second half that give that half the full run's decisions."""
        middle = self._count // 2
        # What is held over the start is not known to a later one: its first bars may differ.
        expected = [(one.time, one.what) for one in self._full if one.row > middle + 2 * HELD]
        for count in _WARM_UPS:
            if count > middle:
                break
            part = from_row(self._unpacked(), middle - count)
            try:
                found = decisions(self._fresh(), self._spec, part)
            except StrategyRaised:
                continue
            if [(one.time, one.what) for one in found if one.row > count + 2 * HELD] == expected:
                return count
        return None

    def _speed(self) -> float:
        bars = self._unpacked()
        count = sum(len(one) for one in bars.closings) or 1
        began = time.perf_counter()
        by_bars(self._fresh(), self._spec, bars)
        return round((time.perf_counter() - began) / count * 1e6, 1)


def _difference(expected: Sequence[Made], other: Callable[[], Sequence[Made]]) -> str | None:
    """Where two runs first decide otherwise, in words; None where they do not."""
    try:
        found = other()
    except StrategyRaised as error:
        return f"(it fails{_at(error.time)}: {error})"
    for one, two in zip(expected, found, strict=False):
        if (one.time, one.what) != (two.time, two.what):
            first = min(one, two, key=lambda made: made.time)
            return f"at the bar of {_iso(first.time)}: {_words(one)} and {_words(two)}"
    if len(expected) != len(found):
        longer, common = max(expected, found, key=len), min(len(expected), len(found))
        rest = longer[common]
        return f"at the bar of {_iso(rest.time)}: {_words(rest)} in one of them only"
    return None


def _held(
    later: Sequence[tuple[NDArray[np.int64], LaterCloses]], columns: Iterable[Column]
) -> str | None:
    """The first bar whose close stands in the columns, in words; None for none."""
    columns = list(columns)
    for times, closes in later:
        place = closes.found_in(columns)
        if place is not None:
            return f"the bar of {_iso(int(times[place]))}"
    return None


def _words(made: Made) -> str:
    kind, *rest = made.what
    return f"{kind}({', '.join(str(part) for part in rest[:4])}) at {_iso(made.time)}"


def _at(bar: int | None) -> str:
    return "" if bar is None else f" at the bar of {_iso(bar)}"


def _iso(moment: int) -> str:
    return dt.datetime.fromtimestamp(moment / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _modules_of(strategy: object) -> set[str]:
    """The packages that the strategy's own module has imported."""
    module = sys.modules.get(type(strategy).__module__)
    found = vars(module).values() if module is not None else ()
    named = {one.__name__ for one in found if isinstance(one, ModuleType)}
    named |= {str(getattr(one, "__module__", "")) for one in found}
    return {name.partition(".")[0] for name in named}
