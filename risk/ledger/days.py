"""The firm's days of a challenge: what each began with, made and counts for."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice, pairwise

import msgspec

from engine.account.history import DealEntry, Observation
from engine.calendar import resets, trading_date
from engine.fields import Proof
from engine.rules import WHOLE, DayStartBasis, RuleSet
from engine.types import Cents, Millis
from risk.ledger.booking import Balances, BookedDeal, DealClass
from risk.ledger.challenges import FollowedChallenge
from risk.ledger.inputs import Compare, LedgerInputs, ProfitableDays, ProfitBasis, TradingDay
from risk.ledger.lives import Flatness, PositionLives
from risk.ledger.valuing import BarIndex, Bounds, OpenLegs, at_reset
from risk.objectives import day_start_of

SOON: Millis = 60_000
"""How long after a reset a journaled figure still tells the equity there."""

_DAY: Millis = 86_400_000
_EXITS = (DealEntry.OUT, DealEntry.INOUT, DealEntry.OUT_BY)


def reset_of(zone: str, hour: int, date: str) -> Millis:
    """The reset (ms UTC) at which the firm's day of that ISO date begins.

    Raises ValueError for a text that is no date.
    """
    near = resets(zone, _midnight(date) - 3 * _DAY, hour)
    return next(at for at, name in islice(near, 7) if name == date)


def _midnight(date: str) -> Millis:
    day = dt.date.fromisoformat(date)
    return round(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp()) * 1000


def last_reset(zone: str, hour: int, now: Millis) -> Millis:
    """The latest reset not after `now`."""
    at = now
    for moment, _ in resets(zone, now - 3 * _DAY, hour):
        if moment > now:
            break
        at = moment
    return at


class ChallengeDay(msgspec.Struct, kw_only=True):
    """One day of the challenge, from its reset to the next one.

    `equity` bounds the equity at its reset (None: unknown); `day_start` what the day's limit hangs
    on. `first` is the place of the first deal that counts, `end` that of the next day's.
    """

    at: Millis
    ends: Millis
    date: str
    first: int
    end: int
    balance: Cents
    equity: Bounds | None
    proof: Proof
    day_start: Bounds | None
    closed: Cents = 0
    transfers: Cents = 0
    before: Cents = 0
    opened: int = 0
    exits: int = 0
    trades: int = 0
    held: bool = False


class ChallengeDays:
    """The days of a challenge, worked out once; the last one is today."""

    def __init__(
        self,
        inputs: LedgerInputs,
        rules: RuleSet,
        history: Sequence[BookedDeal],
        balances: Balances,
        lives: PositionLives,
        flatness: Flatness,
        run: FollowedChallenge,
        kinds: Sequence[DealClass],
        index: BarIndex | None,
    ) -> None:
        self._inputs, self._rules = inputs, rules
        self._history, self._balances, self._flatness = history, balances, flatness
        self._run, self._index = run, index
        self._observed = sorted(inputs.observed, key=lambda seen: seen.at)
        self._observed_at = [seen.at for seen in self._observed]
        self._book = OpenLegs(history, lives, inputs.positions)
        zone, hour = rules.reset_zone, rules.reset_hour
        self.today = trading_date(zone, hour, inputs.now)
        begin = inputs.now
        if run.older:
            begin = run.visible
        elif run.trade < len(history):
            begin = history[run.trade].at
        self.days = [*self._made(last_reset(zone, hour, begin))]
        self._count(kinds, lives)

    def _made(self, at: Millis) -> list[ChallengeDay]:
        zone, hour = self._rules.reset_zone, self._rules.reset_hour
        days: list[ChallengeDay] = []
        for ends, _ in resets(zone, at, hour):
            days.append(self._day(at, ends, first_day=not days))
            if ends > self._inputs.now:
                return days
            at = ends
        return days

    def _day(self, at: Millis, ends: Millis, *, first_day: bool) -> ChallengeDay:
        run, balances = self._run, self._balances
        balance = balances.at(at)
        equity, proof = self._equity(at)
        if first_day and not run.older and run.initial is not None:
            balance, equity, proof = run.initial, (run.initial, run.initial), Proof.PROVED
        day_start, proof = self._day_start(balance, equity, proof)
        place = balances.place(at)
        return ChallengeDay(
            at=at,
            ends=ends,
            date=trading_date(self._rules.reset_zone, self._rules.reset_hour, at),
            first=max(place, run.first),
            end=max(balances.place(ends), run.first),
            balance=balance,
            equity=equity,
            proof=proof,
            day_start=day_start,
            held=not self._flatness.before(place) and (run.older or not first_day),
        )

    def _day_start(
        self, balance: Cents, equity: Bounds | None, proof: Proof
    ) -> tuple[Bounds | None, Proof]:
        rule = self._rules.daily.day_start
        if rule is DayStartBasis.BALANCE:
            return (balance, balance), Proof.PROVED
        if equity is None:
            return None, Proof.UNKNOWN
        low, high = (day_start_of(rule, balance, figure) for figure in equity)
        return (low, high), proof

    def _equity(self, at: Millis) -> tuple[Bounds | None, Proof]:
        """The equity at a reset: of the balance, of our journal, of the bars, or unknown."""
        place = self._book.advance(at)
        balance = self._balances.before(place)
        if self._flatness.before(place):
            return (balance, balance), Proof.PROVED
        seen = self._seen_at(at, balance)
        if seen is not None:
            return (seen.equity, seen.equity), Proof.PROVED
        legs = self._book.legs
        if self._index is not None and len(legs) == self._flatness.count_before(place):
            bounds = at_reset(self._index, legs, at)
            if bounds is not None:
                return (balance + bounds[0], balance + bounds[1]), Proof.BOUNDED
        return None, Proof.UNKNOWN

    def _seen_at(self, at: Millis, balance: Cents) -> Observation | None:
        place = bisect_right(self._observed_at, at - 1)
        for seen in self._observed[place:]:
            if seen.at > at + SOON:
                break
            if seen.balance == balance:
                return seen
        return None

    def _count(self, kinds: Sequence[DealClass], lives: PositionLives) -> None:
        """Fill in what happened on each day."""
        transfers = iter(self._run.transfers)
        openings = [
            place for place in (o.place for o in lives.openings) if place >= self._run.first
        ]
        paid, total, number = next(transfers, None), 0, 0
        for day in self.days:
            day.before = total
            while paid is not None and paid < day.end:
                day.transfers += self._history[paid].net
                paid = next(transfers, None)
            total += day.transfers
            while number < len(openings) and openings[number] < day.end:
                day.opened += 1
                number += 1
            for place in range(day.first, day.end):
                item = self._history[place]
                if kinds[place] is DealClass.RESULT:
                    day.closed += item.net
                day.trades += item.deal.trade
                day.exits += item.deal.trade and item.deal.entry in _EXITS

    @property
    def now(self) -> ChallengeDay:
        return self.days[-1]

    def counted(self) -> list[ChallengeDay]:
        """The days that are not among the carried figures already."""
        statement = self._inputs.statement
        if statement is None or statement.carried is None:
            return self.days
        return [day for day in self.days if day.at >= statement.carried.as_of]

    def highs(self) -> list[Cents | None]:
        """The best end of a day until each day, less what was paid in until then."""
        initial, rule = self._run.initial, self._rules.maximum.trails
        statement = self._inputs.statement
        carried = statement.carried if statement is not None else None
        high, highs = initial, []
        for number, day in enumerate(self.days):
            figure: Cents | None = day.balance
            if rule is not DayStartBasis.BALANCE:
                figure = (
                    None if day.equity is None else day_start_of(rule, day.balance, day.equity[1])
                )
            if number and high is not None and figure is not None:
                high = max(high, figure - max(0, day.before))
            if carried is not None and carried.high is not None and day.at >= carried.as_of:
                high = max(high or 0, carried.high)
            highs.append(high)
        return highs

    def unknown_resets(self, profitable: ProfitableDays | None) -> list[Millis]:
        """The resets whose equity counts by the rules, and is unknown."""
        by_equity = profitable is not None and profitable.basis is ProfitBasis.EQUITY
        every = by_equity or self._rules.maximum.trails is not DayStartBasis.BALANCE
        days = self.days if every else self.days[-1:] if self.now.day_start is None else []
        return [day.at for day in days if day.equity is None]

    def trading_days(self, axis: TradingDay) -> int:
        """How many of the days count as traded."""
        tests = {
            TradingDay.OPENED: lambda day: day.opened > 0,
            TradingDay.CLOSED: lambda day: day.exits > 0,
            TradingDay.HELD: lambda day: day.trades > 0 or day.held,
        }
        return sum(tests[axis](day) for day in self.counted())

    def profitable(self, rule: ProfitableDays, initial: Cents, lives: PositionLives) -> int:
        """How many of the days made what the rule asks for."""
        days = self.counted()
        if rule.basis is ProfitBasis.CLOSED:
            profits: list[Cents | None] = [day.closed for day in days]
        elif rule.basis is ProfitBasis.OPENED:
            profits = self._opened_profits(days, lives)
        else:
            profits = [self._equity_change(day, after) for day, after in pairwise(days)]
        return sum(_makes(rule, initial, profit) for profit in profits if profit is not None)

    def _opened_profits(self, days: list[ChallengeDay], lives: PositionLives) -> list[Cents | None]:
        starts = [day.at for day in days]
        profits: list[Cents | None] = [0] * len(days)
        for life in lives.by_position.values():
            first = life.places[0]
            number = bisect_right(starts, self._history[first].at) - 1
            if life.cut or first < self._run.first or number < 0:
                continue
            profits[number] = (profits[number] or 0) + sum(
                self._history[place].net for place in life.places
            )
        return profits

    @staticmethod
    def _equity_change(day: ChallengeDay, after: ChallengeDay) -> Cents | None:
        """What a day that is over made at worst."""
        if day.equity is None or after.equity is None:
            return None
        return after.equity[0] - day.equity[1] - day.transfers


def _makes(rule: ProfitableDays, initial: Cents, profit: Cents) -> bool:
    made, asked = profit * WHOLE, initial * rule.percent
    return made > asked if rule.compare is Compare.ABOVE else made >= asked
