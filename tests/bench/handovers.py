"""`python -m tests.bench handovers`: through how many files an order goes on its way.

Counted from the dispatch of an entry signal until its `PositionOpened` was handled by everybody,
for each such order of a run: calls of product functions, files they lie in, and *hand-overs*, the
calls that enter another file than the call before. The median order is printed. The reports, which
take records on the same loop while an order waits, are beside its way. On the terminal road a
paper terminal stands for MetaTrader 5; what of the hand-overs lies within it is told as well.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from engine import events as ev
from engine.bus import Bus
from scripts.app.operations.replay import run_replay
from scripts.app.session_folder import SIMULATED, SessionFolder
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = tuple(
    f"{ROOT / name}/" for name in ("engine", "risk", "signals", "adapters", "config", "scripts")
)
BESIDE = f"{ROOT / 'adapters/reports'}/"
VENUE = f"{ROOT / 'adapters/paper'}/"

_DISPATCH = Bus._dispatch.__code__
SEEDS = range(3, 9)
"""Simulated sessions on a terminal; faults in some of them make some orders longer."""


class Way(NamedTuple):
    """What one order took from its signal to its position."""

    calls: int
    files: int
    handovers: int
    within_venue: int


class Counter:
    """A profile function that follows entry orders one at a time."""

    def __init__(self) -> None:
        self.ways: list[Way] = []
        self._visits: list[tuple[str, bool]] | None = None
        self._opened = False

    def __call__(self, frame: FrameType, event: str, _arg: Any) -> None:
        if event != "call":
            return
        name = frame.f_code.co_filename
        if not name.startswith(PRODUCT) or name.startswith(BESIDE):
            return
        back = frame.f_back
        if back is not None and back.f_code is _DISPATCH:
            self._dispatched(back.f_locals["item"])
        if self._visits is not None:
            self._visits.append((name, _is_venue(frame)))

    def _dispatched(self, item: object) -> None:
        kind = type(item)
        if self._visits is None:
            if isinstance(item, ev.SignalRaised) and item.terms.action is ev.OPEN:
                self._visits = []
        elif kind is ev.PositionOpened:
            self._opened = True
        elif self._opened:
            self._end()
        elif kind in (ev.OrderDenied, ev.OrderRejected, ev.OrderUnknown, ev.OrderCancelled):
            self._visits = None

    def _end(self) -> None:
        visits, self._visits, self._opened = self._visits or [], None, False
        files = [name for name, _ in visits]
        ours = _changes([name for name, venue in visits if not venue])
        self.ways.append(Way(len(files), len(set(files)), _changes(files), _changes(files) - ours))


def _changes(files: list[str]) -> int:
    return sum(a != b for a, b in pairwise(files))


def _is_venue(frame: FrameType | None) -> bool:
    """Whether the paper broker or terminal makes this call, or whoever it called."""
    while frame is not None and frame.f_code is not _DISPATCH:
        if frame.f_code.co_filename.startswith(VENUE):
            return True
        frame = frame.f_back
    return False


def counted(run: Callable[[], object]) -> list[Way]:
    """The ways of all entry orders that were filled while `run` ran."""
    direct = Counter()
    sys.setprofile(direct)
    try:
        run()
    finally:
        sys.setprofile(None)
    return direct.ways


def replay() -> None:
    """The first orders of the built-in sample, as `butler replay` runs it."""
    terms, _ = resolve_terms(ReplayRequest(limit_trades=60))
    with tempfile.TemporaryDirectory() as results:
        folder = SessionFolder(Path(results), "handovers", SIMULATED)
        folder.create()
        run_replay(terms, folder, Screen(as_json=False, quiet=True))


def terminal() -> None:
    """Simulated sessions on a paper terminal that is reached as a real one is."""
    from tests.simulation.run import run_seed

    for seed in SEEDS:
        run_seed(seed)


def main() -> None:
    """Print the median way of an order on both roads."""
    for name, run in (("replay", replay), ("terminal", terminal)):
        ways = counted(run)
        middle = Way(*(round(statistics.median(column)) for column in zip(*ways, strict=True)))
        print(
            f"{name:<9} {middle.handovers:4d} hand-overs  {middle.calls:4d} calls  "
            f"{middle.files:3d} files  (median of {len(ways)} orders); "
            f"{middle.within_venue} hand-overs within the paper venue"
        )
