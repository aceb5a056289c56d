"""Whether the account broke a limit before now: proved, bounded by bars, or unknown.

Deals prove a breach where the balance is the figure measured: when nothing is open, or by a rule on
the balance. Our journal's figures prove one as well. Between them only watching or bars can tell.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from heapq import merge
from itertools import pairwise

import msgspec

from engine.fields import PastBreach, PastVerdict
from engine.rules import BreachAt, Measured, RuleAction, RuleSet
from engine.types import Cents, Millis
from risk.ledger.booking import Balances, BookedDeal, DealClass
from risk.ledger.challenges import FollowedChallenge
from risk.ledger.days import ChallengeDay, ChallengeDays
from risk.ledger.inputs import LedgerInputs
from risk.ledger.lives import Flatness, PositionLives
from risk.ledger.valuing import BarIndex, OpenLegs, steps, within_bar
from risk.objectives import DAILY_LOSS, MAX_LOSS, day_limit, max_limit


class DayFloors(msgspec.Struct, frozen=True):
    """A day's limits without what was paid in: None where the figure behind one is unknown."""

    day: Cents | None
    overall: Cents | None


class _Figures(msgspec.Struct, frozen=True):
    at: Millis
    balance: Cents
    equity: Cents | None  # None: nobody knows


class _Verdict(enum.Enum):
    CLEAN = enum.auto()
    BROKEN = enum.auto()
    UNKNOWN = enum.auto()


def is_broken(at: BreachAt, figure: Cents, limit: Cents) -> bool:
    """Whether a figure breaks a limit: by reaching it, or only by falling below."""
    return figure <= limit if at is BreachAt.TOUCH else figure < limit


def limits_of(
    rules: RuleSet, days: ChallengeDays, initial: Cents | None, bound: int
) -> list[DayFloors]:
    """Every day's limits: by the low bound of its starting figure (0), or the high one (1)."""
    limits = []
    for day, high in zip(days.days, days.highs(), strict=True):
        daily = overall = None
        if initial is not None:
            overall = max_limit(rules.maximum, initial, initial if high is None else high)
            if day.day_start is not None:
                daily = day_limit(rules.daily, initial, day.day_start[bound])
        limits.append(DayFloors(daily, overall))
    return limits


class PastJudge:
    """Looks through one challenge's past."""

    def __init__(
        self,
        inputs: LedgerInputs,
        rules: RuleSet,
        history: Sequence[BookedDeal],
        lives: PositionLives,
        flatness: Flatness,
        run: FollowedChallenge,
        kinds: Sequence[DealClass],
        days: ChallengeDays,
        balances: Balances,
    ) -> None:
        self._inputs, self._rules, self._history = inputs, rules, history
        self._lives, self._flatness, self._run = lives, flatness, run
        self._kinds, self._days, self._balances = kinds, days, balances
        self._limits = limits_of(rules, days, run.initial, 0)
        self._starts = [day.at for day in days.days]
        self._paid = self._payments()

    def _payments(self) -> tuple[list[Millis], list[Cents]]:
        moments, sums, total = [], [], 0
        for place in self._run.transfers:
            total += self._history[place].net
            moments.append(self._history[place].at)
            sums.append(total)
        return moments, sums

    def _paid_until(self, at: Millis) -> Cents:
        """What was paid in since the first trade, up to and at a moment."""
        moments, sums = self._paid
        place = bisect_right(moments, at)
        return sums[place - 1] if place else 0

    # --- proofs ---

    def breaches(self) -> tuple[PastBreach, ...]:
        """The proved ones in order: those that paused a day, and the first that ended it all."""
        found: list[PastBreach] = []
        paused: set[int] = set()
        for figures in merge(self._told(), self._journaled(), key=lambda item: item.at):
            number = self._day_number(figures.at)
            breach = self._breach(figures, number)
            if breach is None or (breach.rule == DAILY_LOSS and number in paused):
                continue
            found.append(breach)
            if breach.rule == MAX_LOSS or self._rules.daily.action is RuleAction.FAIL:
                break
            paused.add(number)
        return tuple(found)

    def _day_number(self, at: Millis) -> int:
        return max(0, bisect_right(self._starts, at) - 1)

    def _told(self) -> list[_Figures]:
        """Balances after results; the equity where nothing was open."""
        return [
            _Figures(item.at, balance, balance if self._flatness.after(place) else None)
            for place in range(self._run.first, len(self._history))
            if self._kinds[place] is DealClass.RESULT
            for item, balance in ((self._history[place], self._balances.after(place)),)
        ]

    def _journaled(self) -> list[_Figures]:
        begin = self._starts[0]
        if not self._run.older and self._run.trade < len(self._history):
            begin = self._history[self._run.trade].at
        return [
            _Figures(seen.at, seen.balance, seen.equity)
            for seen in sorted(self._inputs.observed, key=lambda seen: seen.at)
            if seen.at >= begin
        ]

    def _breach(self, figures: _Figures, number: int) -> PastBreach | None:
        maximum, daily = self._rules.maximum, self._rules.daily
        limits = self._limits[number]
        paid = self._paid_until(figures.at)
        figure = _measured(maximum.measured_on, figures)
        if figure is not None and limits.overall is not None:
            figure -= paid
            if is_broken(maximum.breach_at, figure, limits.overall):
                return PastBreach(rule=MAX_LOSS, at=figures.at, figure=figure, limit=limits.overall)
        figure = _measured(daily.measured_on, figures)
        if figure is not None and limits.day is not None:
            figure -= paid - self._days.days[number].before
            if is_broken(daily.breach_at, figure, limits.day):
                return PastBreach(rule=DAILY_LOSS, at=figures.at, figure=figure, limit=limits.day)
        return None

    # --- what nobody saw ---

    def unwatched(self) -> list[tuple[Millis, Millis]]:
        """The times in which something was, or may have been, open and no session watched."""
        start = max(self._run.start, 0)
        if self._run.older:
            first = self._run.visible
            spans = [(start, first)] if start < first else []
            spans += self._flatness.spans(first, self._inputs.now)
        else:
            spans = self._flatness.spans(start, self._inputs.now)
        return _without(spans, _joined(self._inputs.watched))

    def past(self, index: BarIndex | None, positions_book: OpenLegs) -> PastVerdict:
        """What is known where no breach is proved."""
        spans = self.unwatched()
        if not spans:
            return PastVerdict.CLEAN
        if index is None or self._run.initial is None:
            return PastVerdict.UNKNOWN
        if self._run.older:
            return PastVerdict.UNKNOWN
        verdicts = {_Verdict.CLEAN}
        for low, high in spans:
            for start, end in self._pieces(low, high):
                verdicts.add(self._bounded(index, positions_book, start, end))
        if _Verdict.BROKEN in verdicts:
            return PastVerdict.BREACHED_BOUNDED
        return PastVerdict.UNKNOWN if _Verdict.UNKNOWN in verdicts else PastVerdict.CLEAN_BOUNDED

    def _pieces(self, low: Millis, high: Millis) -> list[tuple[Millis, Millis]]:
        """A span cut at every deal and reset: within a piece, balance and volumes stand still."""
        cuts = {low, high}
        moments = self._balances.moments
        cuts.update(moments[bisect_right(moments, low) : bisect_left(moments, high)])
        cuts.update(at for at in self._starts if low < at < high)
        ordered = sorted(cuts)
        return list(pairwise(ordered))

    def _bounded(self, index: BarIndex, book: OpenLegs, low: Millis, high: Millis) -> _Verdict:
        """What the bars tell of one piece."""
        place = book.advance(low + 1)
        if len(book.legs) != self._flatness.count_before(place):
            return _Verdict.UNKNOWN
        day = self._day_number(low)
        balance = self._balances.before(place)
        worst_of_all = _Verdict.CLEAN
        for at in steps(index, book, low, high):
            bounds = within_bar(index, book.legs, at)
            if bounds is None:
                worst_of_all = _Verdict.UNKNOWN
                continue
            verdict = self._compared(day, at, balance + bounds[0], balance + bounds[1])
            if verdict is _Verdict.BROKEN:
                return verdict
            if verdict is _Verdict.UNKNOWN:
                worst_of_all = verdict
        return worst_of_all

    def _compared(self, number: int, at: Millis, least: Cents, most: Cents) -> _Verdict:
        """Bounds of the equity against the limits on it."""
        day: ChallengeDay = self._days.days[number]
        limits = self._limits[number]
        paid = self._paid_until(at)
        maximum, daily = self._rules.maximum, self._rules.daily
        verdict = _Verdict.CLEAN
        for rule, limit, added in (
            (maximum, limits.overall, paid),
            (daily, limits.day, paid - day.before),
        ):
            if rule.measured_on is not Measured.EQUITY:
                continue
            if limit is None:
                verdict = _Verdict.UNKNOWN
            elif is_broken(rule.breach_at, most - added, limit):
                return _Verdict.BROKEN
            elif is_broken(rule.breach_at, least - added, limit):
                verdict = _Verdict.UNKNOWN
        return verdict


def _measured(rule: Measured, figures: _Figures) -> Cents | None:
    return figures.balance if rule is Measured.BALANCE else figures.equity


def _joined(spans: Sequence[tuple[Millis, Millis]]) -> list[tuple[Millis, Millis]]:
    joined: list[tuple[Millis, Millis]] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def _without(
    spans: Sequence[tuple[Millis, Millis]], watched: Sequence[tuple[Millis, Millis]]
) -> list[tuple[Millis, Millis]]:
    """The parts of spans outside what was watched."""
    left: list[tuple[Millis, Millis]] = []
    for low, high in spans:
        at = low
        for start, end in watched:
            if end <= at or start >= high:
                continue
            if start > at:
                left.append((at, start))
            at = max(at, end)
        if at < high:
            left.append((at, high))
    return left
