"""The bars of a replay: which files, by which clock, read how far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adapters.bars import sample
from adapters.bars.reader import BarFileError, open_bars
from engine.clock import SystemClock
from engine.types import ClockName, SymbolSpec
from scripts.app.errors import BadData, WrongUsage
from scripts.app.terms import options
from scripts.app.terms.bars import BarInput, Bars, Window, open_input
from signals.market_data.bars import TIMEFRAME_SECONDS
from signals.market_data.clocks import CLOCKS, ClockDetector, ClockVerdict, is_clock
from signals.market_data.closures import flat_about_weekends
from signals.market_data.validate import period_name

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
        paths, notes = options.bar_paths(request.bars, specs)
        clock, noted = _clock(request.clock, list(paths.values()))
        notes += noted
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
            known=specs,
        )
        _check_period(item, timeframes)
        inputs.append(item)
        notes += done
    return inputs, notes


def _window(request: ReplayRequest) -> Window:
    window = Window(
        options.moment("--from", request.start), options.moment("--to", request.end), request.cold
    )
    if window.first is not None and window.end is not None and window.first >= window.end:
        raise WrongUsage(f"--from {request.start} is not before --to {request.end}")
    return window


def _check_period(item: BarInput, timeframes: tuple[str, ...]) -> None:
    for name in timeframes:
        if item.ref.period <= 0 or TIMEFRAME_SECONDS[name] % item.ref.period:
            raise BadData(
                f"{item.file.path}: {period_name(item.ref.period)} bars cannot be made into {name} "
                "bars, which the preset needs: give M15 bars or finer ones, such as M1"
            )


def _named_clock(name: str | None) -> ClockName | None:
    """A clock that the user named; None for none or `auto`."""
    if name is None or name == "auto":
        return None
    if is_clock(name):
        return name
    raise WrongUsage(
        f"--clock {name}: must be auto, one of {', '.join(CLOCKS)}, or an IANA time zone such as "
        "Europe/Kyiv"
    )


def _clock(name: str | None, paths: list[Path]) -> tuple[ClockName, list[str]]:
    """The named clock, which is that of all files, or the one of those that do not state theirs.

    `auto` refuses when unsure; without `--clock` an unsure verdict means the usual clock, said so,
    unless the bars contradict that one.
    """
    named = _named_clock(name)
    if named is not None:
        return named, []
    try:
        files = [file for file in map(open_bars, paths) if file.fixed_clock is None]
        detectors = [shown_clock(file) for file in files]
    except BarFileError as error:
        raise BadData(str(error)) from error
    verdict = _verdict(detectors)
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
    for file, detector in zip(files, detectors, strict=True):
        if (fault := unknown_clock_fault(detector)) is not None:
            raise BadData(f"{file.path}: {fault}")
    return ASSUMED, [f"the bars' clock is taken to be {ASSUMED} ({verdict.evidence})"]


def unknown_clock_fault(detector: ClockDetector) -> str | None:
    """Why bars that state no clock cannot be played by the usual one; None where they can.

    Bars that show too little are played by it, those that contradict it are not.
    """
    if detector.verdict().clock is not None:
        return None
    why = detector.contradiction(ASSUMED)
    if why is None:
        return None
    return (
        f"its clock is not known, and it is not {ASSUMED}, the usual one: {why}; name it with "
        "--clock, any IANA time zone such as Europe/Kyiv included"
    )


def _verdict(detectors: list[ClockDetector]) -> ClockVerdict:
    """What the times of files of one feed say about its clock."""
    verdicts = [detector.verdict() for detector in detectors]
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
        detector.push(chunk.time[~flat_about_weekends(chunk)])
    return detector
