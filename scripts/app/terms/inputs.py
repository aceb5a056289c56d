"""The bars of a replay: which files, by which clock, read how far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from adapters.bars import sample
from adapters.bars.reader import BarFile, BarFileError, open_bars
from engine.clock import SystemClock
from engine.types import ClockName, SymbolSpec
from scripts.app.errors import BadData, WrongUsage
from scripts.app.terms import options
from scripts.app.terms.bars import BarInput, Bars, Window, open_input
from signals.market_data.bars import TIMEFRAME_SECONDS
from signals.market_data.clocks import ClockDetector, ClockVerdict

if TYPE_CHECKING:
    from scripts.app.terms.request import ReplayRequest

ASSUMED: ClockName = "new-york+7"
"""The clock of most MT5 brokers, taken when nothing else is known."""


def open_inputs(
    request: ReplayRequest, specs: dict[str, SymbolSpec], timeframes: tuple[str, ...]
) -> tuple[list[BarInput], list[str]]:
    """Every file opened and checked, in rank order of symbols, and notes for the user.

    Raises AppError with one line.
    """
    window = _window(request)
    settled = _named_clock(request.clock) is not None
    if not request.bars:
        paths = {sample.SYMBOL: sample.SAMPLE}
        clock, notes = _named_clock(request.clock) or sample.CLOCK, list[str]()
    else:
        paths = options.bar_paths(request.bars, specs)
        clock, notes = _clock(request.clock, list(paths.values()))
    now = SystemClock().now() // 1000
    inputs = []
    for symbol in (name for name in specs if name in paths):
        item, done = open_input(
            specs[symbol],
            paths[symbol],
            clock,
            window,
            now,
            mend=request.repair,
            settled=settled,
        )
        _check_period(item, timeframes)
        inputs.append(item)
        notes += done
    return inputs, notes


def _window(request: ReplayRequest) -> Window:
    window = Window(options.moment("--from", request.start), options.moment("--to", request.end))
    if window.first is not None and window.end is not None and window.first >= window.end:
        raise WrongUsage(f"--from {request.start} is not before --to {request.end}")
    return window


def _check_period(item: BarInput, timeframes: tuple[str, ...]) -> None:
    for name in timeframes:
        if item.ref.period <= 0 or TIMEFRAME_SECONDS[name] % item.ref.period:
            raise BadData(
                f"{item.file.path}: bars of {item.ref.period} seconds cannot be made into {name} "
                "bars, which the preset needs: give M15 bars or finer ones, such as M1"
            )


def _named_clock(name: str | None) -> ClockName | None:
    """A clock that the user named; None for none or `auto`."""
    if name is None or name == "auto":
        return None
    for known in get_args(ClockName):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise WrongUsage(f"--clock {name}: must be auto or one of {', '.join(get_args(ClockName))}")


def _clock(name: str | None, paths: list[Path]) -> tuple[ClockName, list[str]]:
    """The named clock, which is that of all files, or the one of those that do not state theirs.

    `auto` refuses when unsure; without `--clock` an unsure verdict means the usual clock, said so.
    """
    named = _named_clock(name)
    if named is not None:
        return named, []
    try:
        files = [file for file in map(open_bars, paths) if file.fixed_clock is None]
        verdict = detect(files)
    except BarFileError as error:
        raise BadData(str(error)) from error
    if verdict.clock is not None:
        return verdict.clock, [] if verdict.clock == ASSUMED else [
            f"the bars' clock is {verdict.clock}: {verdict.evidence}"
        ]
    if not files:
        return ASSUMED, []
    if name == "auto":
        raise BadData(
            f"--clock auto cannot tell the clock: {verdict.evidence}; name it with --clock"
        )
    return ASSUMED, [f"the bars' clock is taken to be {ASSUMED} ({verdict.evidence})"]


def detect(files: list[BarFile]) -> ClockVerdict:
    """What the times of files of one feed say about its clock."""
    verdicts = [shown_clock(file).verdict() for file in files]
    sure = [verdict for verdict in verdicts if verdict.clock is not None]
    clocks = {verdict.clock for verdict in sure}
    if len(clocks) > 1:
        return ClockVerdict(None, f"the files disagree: {', '.join(sorted(map(str, clocks)))}")
    if sure:
        return sure[0]
    return verdicts[0] if verdicts else ClockVerdict(None, "no file leaves its clock open")


def shown_clock(file: Bars) -> ClockDetector:
    """What the times of one file say about its clock."""
    detector = ClockDetector()
    for chunk in file.chunks():
        detector.push(chunk.time)
    return detector
