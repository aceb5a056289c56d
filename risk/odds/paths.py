"""What is remembered of each path while rules are played over it, and what came out at the end."""

from __future__ import annotations

import enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.types import Cents
from risk.objectives import DAILY_LOSS, INACTIVITY, MAX_LOSS
from risk.odds.table import Flags, Ints

Codes = NDArray[np.int8]


class Outcome(enum.IntEnum):
    """How an attempt ended within the days that there were."""

    UNFINISHED = 0
    PASSED = 1
    BREACHED = 2


class Cause(enum.IntEnum):
    """What ended an attempt that failed."""

    NONE = 0
    MAX_LOSS = 1
    DAILY_LOSS = 2
    MAX_DAYS = 3
    INACTIVITY = 4

    @property
    def rule(self) -> str:
        """Its name in events and files; empty for none."""
        return ("", MAX_LOSS, DAILY_LOSS, "max_days", INACTIVITY)[self]


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What came out, by path.

    `phase` (from 1) is the last one reached, `days` the firm days spent in each phase, `elapsed`
    all firm days from the first one on, those between two phases included.
    """

    outcome: Codes
    cause: Codes
    phase: Ints
    days: Ints
    elapsed: Ints

    @property
    def passed(self) -> Flags:
        """Which paths passed every phase."""
        passed: Flags = self.outcome == Outcome.PASSED
        return passed

    @property
    def decided(self) -> Flags:
        """Which paths came to an end."""
        decided: Flags = self.outcome != Outcome.UNFINISHED
        return decided

    def ended_by(self, cause: Cause) -> Flags:
        """Which paths failed for this reason."""
        ended: Flags = self.cause == cause
        return ended


class Paths:
    """The state of the attempts under way, an entry each; those that ended are dropped in batches.

    Ends are written down at once, by the number that a path had at first.
    """

    def __init__(self, count: int, phases: int, initial: Cents) -> None:
        self.initial = initial
        self.step = 0  # days played so far
        self.numbers = np.arange(count)
        self.alive = np.ones(count, np.bool_)
        self.balance = np.full(count, initial, np.int64)
        self.equity = self.balance.copy()
        self.high = self.balance.copy()  # the best end of a day, which a trailing limit follows
        self.day_start = self.balance.copy()
        self.best_day = np.zeros(count, np.int64)
        self.good_days = np.zeros(count, np.int64)
        self.trading_days = np.zeros(count, np.int64)
        self.profitable_days = np.zeros(count, np.int64)
        self.idle = np.zeros(count, np.int64)  # days in a row without an opening
        self.opened = np.zeros(count, np.bool_)  # on the last day
        self.phase = np.zeros(count, np.int64)  # from 0
        self.phase_days = np.zeros(count, np.int64)
        self.waiting = np.zeros(count, np.bool_)  # for a flat day on which the next phase begins
        self.behind = np.zeros(count, np.bool_)  # the record holds a position that the path has not
        self.any_waiting = False
        self._ended = 0
        self._played = Played(
            outcome=np.zeros(count, np.int8),
            cause=np.zeros(count, np.int8),
            phase=np.ones(count, np.int64),
            days=np.zeros((count, phases), np.int64),
            elapsed=np.zeros(count, np.int64),
        )

    def _end(self, who: Ints, outcome: Outcome, cause: Cause) -> None:
        if not who.size:
            return
        numbers, played = self.numbers[who], self._played
        played.outcome[numbers] = outcome
        played.cause[numbers] = cause
        played.phase[numbers] = self.phase[who] + 1
        played.days[numbers, self.phase[who]] = self.phase_days[who]
        played.elapsed[numbers] = self.step
        self.alive[who] = False
        self._ended += len(who)

    def breach(self, who: Ints, cause: Cause) -> None:
        """These attempts failed."""
        self._end(who, Outcome.BREACHED, cause)

    def leave(self, who: Ints) -> None:
        """There are no more days for these."""
        self._end(who, Outcome.UNFINISHED, Cause.NONE)

    def pass_phase(self, who: Ints) -> None:
        """These passed their phase: they wait for the next one, on a fresh balance, or are done."""
        if not who.size:
            return
        last = self.phase[who] == self._played.days.shape[1] - 1
        self._end(who[last], Outcome.PASSED, Cause.NONE)
        on = who[~last]
        if not on.size:
            return
        self._played.days[self.numbers[on], self.phase[on]] = self.phase_days[on]
        self.phase[on] += 1
        self.waiting[on] = True
        self.any_waiting = True
        for figure in (self.balance, self.equity, self.high, self.day_start):
            figure[on] = self.initial
        counts = self.best_day, self.good_days, self.trading_days, self.profitable_days
        for count in (*counts, self.phase_days, self.idle):
            count[on] = 0
        self.behind[on] = False

    def drop_ended(self) -> Flags | None:
        """Forget those that ended, once they are many; answers which entries were kept."""
        if self._ended * _BATCH < len(self.alive):
            return None
        keep = self.alive
        for name in _BY_PATH:
            setattr(self, name, getattr(self, name)[keep])
        self._ended = 0
        return keep

    def played(self) -> Played:
        """What came out; those still under way are unfinished."""
        self.leave(np.flatnonzero(self.alive))
        return self._played


_BATCH = 8
"""Ended paths are dropped when they are one in so many: each time, every array is copied."""

_BY_PATH = (
    "numbers", "alive", "balance", "equity", "high", "day_start", "best_day", "good_days",
    "trading_days", "profitable_days", "idle", "opened", "phase", "phase_days", "waiting", "behind",
)  # fmt: skip
