"""What is remembered of each path while rules are played over it, and what came out at the end."""

from __future__ import annotations

import enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.types import Cents
from risk.objectives import DAILY_LOSS, MAX_LOSS
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

    @property
    def rule(self) -> str:
        """Its name in events and files; empty for none."""
        return ("", MAX_LOSS, DAILY_LOSS, "max_days")[self]


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
        return self.outcome == Outcome.PASSED

    @property
    def decided(self) -> Flags:
        """Which paths came to an end."""
        return self.outcome != Outcome.UNFINISHED

    def ended_by(self, cause: Cause) -> Flags:
        """Which paths failed for this reason."""
        return self.cause == cause


class Paths:
    """The state of n attempts; every array has one entry a path."""

    def __init__(self, count: int, phases: int, initial: Cents) -> None:
        self.initial = initial
        self.balance = np.full(count, initial, np.int64)
        self.equity = self.balance.copy()
        self.high = self.balance.copy()  # the best end of a day, which a trailing limit follows
        self.day_start = self.balance.copy()
        self.best_day = np.zeros(count, np.int64)
        self.good_days = np.zeros(count, np.int64)
        self.trading_days = np.zeros(count, np.int64)
        self.phase = np.zeros(count, np.int64)  # from 0
        self.days = np.zeros((count, phases), np.int64)
        self.elapsed = np.zeros(count, np.int64)
        self.waiting = np.zeros(count, np.bool_)  # for a flat day on which the next phase begins
        self.behind = np.zeros(count, np.bool_)  # the record holds a position that the path has not
        self.outcome = np.zeros(count, np.int8)
        self.cause = np.zeros(count, np.int8)

    def breach(self, who: Ints, cause: Cause) -> None:
        """These attempts failed."""
        self.outcome[who] = Outcome.BREACHED
        self.cause[who] = cause

    def pass_phase(self, who: Ints) -> None:
        """These passed their phase: they wait for the next one, on a fresh balance, or are done."""
        last = self.phase[who] == self.days.shape[1] - 1
        self.outcome[who[last]] = Outcome.PASSED
        on = who[~last]
        self.phase[on] += 1
        self.waiting[on] = True
        for figure in (self.balance, self.equity, self.high, self.day_start):
            figure[on] = self.initial
        for count in (self.best_day, self.good_days, self.trading_days):
            count[on] = 0
        self.behind[on] = False

    def played(self) -> Played:
        """What came out."""
        return Played(
            outcome=self.outcome,
            cause=self.cause,
            phase=self.phase + 1,
            days=self.days,
            elapsed=self.elapsed,
        )
