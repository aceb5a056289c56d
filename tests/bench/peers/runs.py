"""One run of one program in a process of its own, and the runs of all programs in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec

from tests.bench.peers.environments import PROGRAMS, ROOT, Peer, last_line

PATIENCE = 1_800
"""Seconds that one run may take."""

SLOW = 20.0
"""Seconds of a first run after which a program is not run again when the user is in a hurry."""


class Answer(msgspec.Struct, frozen=True):
    """What a program tells; seconds, bytes, USD, and the day of the last close."""

    version: str
    startup: float
    seconds: float
    processor: float
    bars: int
    trades: int
    last: str
    balance: float
    peak: int


Told = TypeVar("Told")


class RunFailed(Exception):
    """Raised when a program does not answer; says why in a line."""


@dataclass
class Runs:
    """The answers of one program, or why there are none."""

    peer: Peer
    python: str
    answers: list[Answer] = field(default_factory=list)
    wholes: list[float] = field(default_factory=list)
    """Seconds of each run from the start of its process to its exit."""
    failure: str = ""

    def middle(self, name: str) -> float:
        """The median of one figure."""
        return float(median(getattr(answer, name) for answer in self.answers))

    def wants_more(self, *, quick: bool) -> bool:
        """Whether another round is of use."""
        slow = bool(self.answers) and self.answers[0].seconds > SLOW
        return not self.failure and not (quick and slow)


def in_turns(programs: Iterable[Runs], bars: Path, rules: str, rounds: int, *, quick: bool) -> None:
    """Run every program once a round, so that what disturbs the machine disturbs all alike."""
    for number in range(rounds):
        for runs in programs:
            if not runs.wants_more(quick=quick):
                continue
            begun = time.perf_counter()
            try:
                answer = once(runs.peer, runs.python, bars, rules)
            except RunFailed as error:
                runs.failure = str(error)
                continue
            runs.wholes.append(time.perf_counter() - begun)
            runs.answers.append(answer)
            told = f"{runs.peer.name}, {rules}, {number + 1}: {answer.seconds:.2f} s"
            print(told, file=sys.stderr, flush=True)


def once(peer: Peer, python: str, bars: Path, rules: str) -> Answer:
    """One run; raises RunFailed."""
    return answered(peer, python, bars, rules, Answer)


def answered(peer: Peer, python: str, bars: Path, rules: str, kind: type[Told]) -> Told:
    """What one run tells; raises RunFailed."""
    path = str(ROOT) if not peer.packages else ""
    command = [python, "-W", "ignore", str(PROGRAMS / peer.program), str(bars), rules]
    try:
        done = subprocess.run(
            [*command, repr(time.time())],
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": path},
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RunFailed(f"not done after {PATIENCE} s") from None
    if done.returncode:
        raise RunFailed(last_line(done.stderr))
    try:
        return msgspec.json.decode(last_line(done.stdout), type=kind)
    except msgspec.MsgspecError as error:
        raise RunFailed(f"its answer cannot be read: {error}") from error
