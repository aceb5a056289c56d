"""`peers --rules sweep`: two hundred parameter sets of one strategy, on every core of the machine.

Each process reads the bars, runs the sets and ends with the balance of each; time counts from the
reading to the last result, with the start of the worker processes. Processor time is that of all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import msgspec

from tests.bench.peers.environments import OTHERS, NotInstalled, Peer, interpreter
from tests.bench.peers.runs import RunFailed, answered

BACKTESTING = next(peer for peer in OTHERS if peer.name == "backtesting")
SWEEPERS = (
    Peer("this sweep", "sweep.py"),
    Peer("backtesting optimize", "backtesting_sweep.py", BACKTESTING.packages),
)
HEAD = (
    "engine", "runs", "sets", "sets/s", "clock s", "processor s", "sets/processor s", "x last",
    "start-up s", "worst balance", "middle", "best",
)  # fmt: skip


class SweepAnswer(msgspec.Struct, frozen=True):
    """What a program tells: seconds, and the balances in USD at the end of its parameter sets."""

    version: str
    startup: float
    seconds: float
    processor: float
    sets: int
    best: float
    worst: float
    middle: float


class Sweeps(msgspec.Struct):
    """The answers of one program, or why there are none."""

    peer: Peer
    answers: list[SweepAnswer] = []
    failure: str = ""

    def median_of(self, name: str) -> float:
        """The median of one figure."""
        return float(median(getattr(answer, name) for answer in self.answers))


def swept(bars: Path, rounds: int, environments: Path) -> list[Sweeps]:
    """Every program once a round, in turns."""
    found = [Sweeps(peer) for peer in SWEEPERS]
    for _ in range(rounds):
        for one in found:
            if one.failure:
                continue
            try:
                python = interpreter(one.peer, environments)
                one.answers.append(answered(one.peer, python, bars, "sweep", SweepAnswer))
            except (NotInstalled, RunFailed) as error:
                one.failure = str(error)
                continue
            told = f"{one.peer.name}: {one.answers[-1].seconds:.2f} s"
            print(told, file=sys.stderr, flush=True)
    return found


def sweep_table(found: Sequence[Sweeps]) -> str:
    """Medians of each program; the ratio to the last program is of processor time, which others at
    work disturb less than the clock's."""
    last = found[-1]
    other = last.median_of("processor") if last.answers else None
    rows = [HEAD, ("---", *("---:" for _ in HEAD[1:])), *(_row(one, other) for one in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _row(one: Sweeps, other: float | None) -> tuple[str, ...]:
    if not one.answers:
        return (one.peer.name, f"none: {one.failure}", *("" for _ in HEAD[2:]))
    answer, seconds, work = one.answers[0], one.median_of("seconds"), one.median_of("processor")
    return (
        f"{one.peer.name} {answer.version}",
        str(len(one.answers)),
        str(answer.sets),
        f"{answer.sets / seconds:.1f}",
        f"{seconds:.2f}",
        f"{work:.2f}",
        f"{answer.sets / work:.1f}",
        "-" if other is None else f"{other / work:.2f}",
        f"{one.median_of('startup'):.2f}",
        *(f"{figure:,.2f}" for figure in (answer.worst, answer.middle, answer.best)),
    )
