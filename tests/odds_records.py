"""Records of firm days for tests, and an attempt over them played one figure at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.rules import RuleAction, RuleSet
from engine.types import Cents
from risk import objectives as obj
from risk.odds.days import FirmDay, Segment
from risk.odds.table import Sizing

INITIAL: Cents = 10_000_000

Ended = tuple[str, str, int, list[int]]
"""Outcome, cause, phase (from 1) and the days in each phase."""


def date_of(number: int) -> str:
    """The date of the weekday with this number, from a Monday on."""
    weeks, day = divmod(number, 5)
    return (dt.date(2024, 1, 1) + dt.timedelta(days=7 * weeks + day)).isoformat()


def flat_day(
    segments: Sequence[Sequence[Cents]], number: int = 0, start: Cents = INITIAL
) -> FirmDay:
    """A day that begins and ends flat; segments are (lowest, balance) less its start balance."""
    end = start + (segments[-1][1] if segments else 0)
    return FirmDay(
        date=date_of(number),
        start=start,
        flat=True,
        segments=tuple(Segment(start + low, start + balance, True) for low, balance in segments),
        balance=end,
        equity=end,
        opened=bool(segments),
    )


def flat_days(days: Sequence[Sequence[Sequence[Cents]]], start: Cents = INITIAL) -> list[FirmDay]:
    """Such days, each with the same start balance."""
    return [flat_day(segments, i, start) for i, segments in enumerate(days)]


def row_day(row: Sequence[Any], number: int) -> FirmDay:
    """A day of a row [start, flat, segments, balance, equity, opened]."""
    start, flat, segments, balance, equity, opened = row
    return FirmDay(
        date=date_of(number),
        start=start,
        flat=bool(flat),
        segments=tuple(Segment(*segment) for segment in segments),
        balance=balance,
        equity=equity,
        opened=bool(opened),
    )


def stream(seed: int = 1) -> np.random.Generator:
    """Numbers of one seed."""
    return np.random.Generator(np.random.PCG64(seed))


class Attempt:
    """One attempt by the pure functions of `risk.objectives`, in whole numbers of Python."""

    def __init__(self, rules: RuleSet, sizing: Sizing, initial: Cents = INITIAL) -> None:
        self.rules, self.sizing, self.initial = rules, sizing, initial
        self.days: list[int] = []
        self.ended: tuple[str, str] | None = None
        self._begin(0)

    def _begin(self, phase: int) -> None:
        self.state = obj.new_phase(self.rules, phase, self.initial, "")
        self.balance = self.equity = self.initial
        self.waiting = True
        self.first = True
        self.days.append(0)

    def _at(self, figure: Cents, day: FirmDay) -> Cents:
        difference = figure - day.start
        if self.sizing is Sizing.RELATIVE:
            difference = difference * self.base // day.start
        return self.base + difference

    def play(self, day: FirmDay) -> None:
        """One day; nothing happens on one that is not flat at first while a phase waits."""
        if self.waiting and not day.flat:
            return
        self.waiting = False
        if not self.first:
            self.state = obj.next_day(self.rules, self.state, "", self.balance, self.equity)
            if obj.expired(self.rules, self.state):
                self.days[-1] += 1
                self.ended = "breached", obj.INACTIVITY
                return
        self.first = False
        self.days[-1] += 1
        self.base = self.balance
        opened = False
        for segment in day.segments:
            if segment.opened and not opened:
                self.state, opened = obj.opened(self.state), True
            if self._segment(segment, day):
                return
        self.balance, self.equity = self._at(day.balance, day), self._at(day.equity, day)

    def _segment(self, segment: Segment, day: FirmDay) -> bool:
        """Whether the phase ended in it."""
        low = self._at(segment.lowest, day)
        end = day.balance if segment.balance is None else segment.balance
        least = end if segment.lowest_balance is None else segment.lowest_balance
        breach = obj.breach_of(self.rules, self.state, self._at(least, day), low)
        assert breach is None or breach.action is RuleAction.FAIL, "pauses are not played here"
        if breach is not None:
            self.ended = "breached", breach.rule
            return True
        if segment.balance is None:
            return False
        if obj.missing(self.rules, self.state, self._at(segment.balance, day), flat=True):
            return False
        following = self.state.phase + 1
        phases = self.rules.phases
        if following < len(phases) and phases[following].target is not None:
            self._begin(following)
        else:
            self.ended = "passed", ""
        return True

    def over(self, days: Sequence[FirmDay]) -> Ended:
        """What comes of it over these days."""
        for day in days:
            self.play(day)
            if self.ended is not None:
                break
        outcome, cause = self.ended or ("unfinished", "")
        return outcome, cause, len(self.days), self.days
