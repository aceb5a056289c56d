"""Two runs side by side: which trades belong together, where they differ, and what came first.

Pure. Both runs must count prices in the same points (`runs.digits_of` over both logs).
Texts call the runs A and B.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import NamedTuple

from adapters.reports.pairing import matched
from adapters.reports.projection import iso
from adapters.reports.runs import HALTED, Fill, Halt, Refusal, Run, Trade
from engine.types import Cents, Millis, Points, Units, amount, lots


class Aspect(enum.StrEnum):
    """In what two runs differ; of several at the same moment, the first one names the cause."""

    PERIOD = "period"
    HALT = "halt"
    MISSING = "missing"
    DENIAL = "denial"
    VOLUME = "volume"
    STOP = "stop"
    OPEN_TIME = "open_time"
    OPEN_PRICE = "open_price"
    CLOSE_REASON = "close_reason"
    CLOSE_TIME = "close_time"
    CLOSE_PRICE = "close_price"
    MONEY = "money"
    DAY = "day"
    DRAWDOWN = "drawdown"


_ORDER = {aspect: rank for rank, aspect in enumerate(Aspect)}


@dataclass(frozen=True)
class Tolerances:
    """The largest differences that count as none.

    `window` is how far apart two trades without a common signal id may lie and still be taken for
    the same one.
    """

    points: Points = 0
    time: Millis = 0
    money: Cents = 1
    volume: Units = 0
    window: Millis = 4 * 3600 * 1000


class RunDifference(NamedTuple):
    """One difference beyond the tolerances, in words."""

    time: Millis
    aspect: Aspect
    subject: str
    text: str


@dataclass(frozen=True)
class Pair:
    """A trade as each run has it; None where a run has none.

    `laid` is B's trade as it is compared: where the runs' times do not overlap, its opening is laid
    on A's, so that distances and durations are compared. The slippages are points, positive where
    B is worse; None where one of the fills is missing.
    """

    a: Trade | None
    b: Trade | None
    laid: Trade | None = None
    differences: tuple[RunDifference, ...] = ()

    @property
    def known(self) -> Trade:
        found = self.a or self.b
        assert found is not None  # noqa: S101 - a pair has at least one side
        return found

    @property
    def open_slippage(self) -> Points | None:
        return self._worse(lambda trade: trade.opening, 1)

    @property
    def close_slippage(self) -> Points | None:
        return self._worse(lambda trade: trade.closing, -1)

    def in_r(self, slippage: Points | None) -> float | None:
        """Points as a part of the trade's initial risk, |open - stop|."""
        risk = self.known.risk
        return None if slippage is None or not risk else slippage / risk

    def _worse(self, fill: Callable[[Trade], Fill | None], sign: int) -> Points | None:
        first = fill(self.a) if self.a else None
        second = fill(self.laid) if self.laid else None
        if first is None or second is None:
            return None
        return (second.price - first.price) * self.known.side * sign


class Sums(NamedTuple):
    """What a run's closed trades add up to."""

    trades: int
    still_open: int
    net: Cents
    commission: Cents
    swap: Cents
    win_rate: float

    @classmethod
    def of(cls, trades: Iterable[Trade]) -> Sums:
        every = list(trades)
        closed = [trade for trade in every if trade.closing]
        wins = sum(trade.net > 0 for trade in closed)
        return cls(
            len(closed),
            len(every) - len(closed),
            sum(trade.net for trade in every),
            sum(trade.commission for trade in every),
            sum(trade.swap for trade in every),
            wins / len(closed) if closed else 0.0,
        )


@dataclass
class RunComparison:
    """The result; `in_order` when signals were sent at another time, so that order pairs trades.

    `apart` when two runs over different times were compared: then nothing is paired.
    """

    pairs: list[Pair]
    a: Sums
    b: Sums
    denied: dict[str, tuple[int, int]]
    differences: list[RunDifference] = field(default_factory=list)
    in_order: bool = False
    apart: bool = False

    @property
    def equal(self) -> bool:
        return not self.differences

    @property
    def first(self) -> RunDifference | None:
        """The earliest difference."""
        return min(self.differences, key=lambda it: (it.time, _ORDER[it.aspect]), default=None)

    @property
    def aspects(self) -> frozenset[Aspect]:
        return frozenset(difference.aspect for difference in self.differences)


def compare(a: Run, b: Run, tolerances: Tolerances) -> RunComparison:
    """Everything in which two runs differ."""
    apart = not a.empty and not b.empty and (a.last < b.first or b.last < a.first)
    if apart and {a.mode, b.mode} <= _AT_THEIR_TIME:
        return _unpaired(a, b)
    in_order = apart
    window = None if in_order else tolerances.window
    both, only_a, only_b = matched(a.trades, b.trades, window)
    units = a.currency, b.currency
    pairs = [_pair(x, y, _laid_on(x, y) if in_order else y, tolerances, units) for x, y in both]
    pairs += [Pair(x, None, None, (_missing(x, "B", b, tolerances),)) for x in only_a]
    pairs += [Pair(None, y, None, (_missing(y, "A", a, tolerances),)) for y in only_b]
    pairs.sort(key=lambda pair: pair.known.time)
    differences = [item for pair in pairs for item in pair.differences]
    differences += _halts(a.halts, b.halts)
    differences += _refusals(a, b, only_a, only_b, window)
    denied = _denied(a, b)
    differences += _unlogged(denied, max(a.last, b.last))
    return RunComparison(pairs, Sums.of(a.trades), Sums.of(b.trades), denied, differences, in_order)


_AT_THEIR_TIME = frozenset({"replay", "shadow"})
"""Modes whose trades are of the time at which the market had their prices; others send later."""


def _unpaired(a: Run, b: Run) -> RunComparison:
    """Two runs over different times: there is nothing to lay side by side but their sums."""
    spans = [f"{iso(run.first)[:16]} to {iso(run.last)[:16]}" for run in (a, b)]
    text = f"A is of {spans[0]}, B of {spans[1]} UTC: no time in common, nothing is paired"
    told = RunDifference(min(a.first, b.first), Aspect.PERIOD, "the runs", text)
    sums = Sums.of(a.trades), Sums.of(b.trades)
    return RunComparison([], *sums, _denied(a, b), [told], apart=True)


# --- in what they differ -----------------------------------------------------------------------


def _pair(a: Trade, b: Trade, laid: Trade, most: Tolerances, units: tuple[str, str]) -> Pair:
    return Pair(a, b, laid, tuple(_differences(a, laid, most, units)))


def _laid_on(a: Trade, b: Trade) -> Trade:
    """B as if it had been opened when and where A was."""
    if a.opening is None or b.opening is None:
        return b
    points, time = a.opening.price - b.opening.price, a.opening.time - b.opening.time

    def moved(fill: Fill | None) -> Fill | None:
        return fill and fill._replace(price=fill.price + points, time=fill.time + time)

    levels = {name: getattr(b, name) for name in ("stop", "target", "last_stop")}
    levels = {name: level + points if level else 0 for name, level in levels.items()}
    return replace(b, opening=moved(b.opening), closing=moved(b.closing), **levels)


def _differences(
    a: Trade, b: Trade, most: Tolerances, units: tuple[str, str]
) -> Iterator[RunDifference]:
    metadata = described(a)

    def told(moment: Millis, aspect: Aspect, text: str) -> RunDifference:
        return RunDifference(moment, aspect, metadata, text)

    if abs(a.volume - b.volume) > most.volume:
        volumes = f"volume {lots(a.volume):.2f} in A, {lots(b.volume):.2f} in B"
        yield told(a.time, Aspect.VOLUME, volumes)
    for name, first, second, moment in (
        ("stop", a.stop, b.stop, a.time),
        ("target", a.target, b.target, a.time),
        ("last stop", a.last_stop, b.last_stop, _end(a)),
    ):
        if abs(first - second) > most.points:
            text = f"{name} differs by {_points(first - second)}"
            yield told(moment, Aspect.STOP, text)
    for word, opening, late, dear in (
        ("open", True, Aspect.OPEN_TIME, Aspect.OPEN_PRICE),
        ("close", False, Aspect.CLOSE_TIME, Aspect.CLOSE_PRICE),
    ):
        fills = (a.opening, b.opening) if opening else (a.closing, b.closing)
        for aspect, text in _fills(word, *fills, late, dear, most):
            yield told(a.time if opening else _end(a), aspect, text)
    if abs(a.net - b.net) > most.money:
        one, other = (
            amount(trade.net, unit).rstrip() for trade, unit in zip((a, b), units, strict=True)
        )
        yield told(_end(a), Aspect.MONEY, f"result {one} in A, {other} in B")


def _fills(
    word: str, a: Fill | None, b: Fill | None, late: Aspect, dear: Aspect, most: Tolerances
) -> Iterator[tuple[Aspect, str]]:
    """How two openings or two closings differ."""
    if a is None and b is None:
        return
    if a is None or b is None:
        yield late, _one_sided(word, a, b)
        return
    if word == "close" and a.reason != b.reason:
        yield Aspect.CLOSE_REASON, f"closed by {a.reason} in A, {b.reason} in B"
    apart = b.time - a.time
    if abs(apart) > most.time:
        when = "later" if apart > 0 else "earlier"
        yield late, f"{word} is {_seconds(apart)} s {when} in B"
    if abs(b.price - a.price) > most.points:
        yield dear, f"{word} price differs by {_points(b.price - a.price)}"


def _one_sided(word: str, a: Fill | None, b: Fill | None) -> str:
    known, here, there = (a, "A", "B") if a else (b, "B", "A")
    if word == "close":
        return f"closed by {known.reason if known else ''} in {here}, still open in {there}"
    return f"opened in {here}, found open in {there}"


def _end(trade: Trade) -> Millis:
    return trade.closing.time if trade.closing else trade.time


def described(item: Trade | Refusal) -> str:
    """A trade or refusal in a few words."""
    ticket = f" {item.ticket}" if isinstance(item, Trade) and item.ticket else ""
    return f"{item.symbol} {item.side.word}{ticket}"


def _missing(trade: Trade, where: str, other: Run, most: Tolerances) -> RunDifference:
    """Why the other run has no such trade, as far as its log tells."""
    text = f"missing in {where}"
    refusal = _refusal_of(trade, other.refusals, most.window)
    halt = _halt_at(trade.time, other.halts)
    if refusal is not None:
        text = f"{refusal.words} in {where}"
    elif halt is not None:
        text = f"missing in {where}: trading was halted there ({halt})"
    elif other.empty:
        text = f"missing in {where}, whose log is empty"
    elif trade.time > other.last:
        text = f"missing in {where}, whose log ends before it"
    elif trade.time < other.first:
        text = f"missing in {where}, whose log begins after it"
    return RunDifference(trade.time, Aspect.MISSING, described(trade), text)


def _refusal_of(trade: Trade, refusals: list[Refusal], window: Millis) -> Refusal | None:
    if trade.signal_id:
        for refusal in refusals:
            if refusal.signal_id == trade.signal_id:
                return refusal
    near = [
        refusal
        for refusal in refusals
        if (refusal.symbol, refusal.side) == (trade.symbol, trade.side)
        and abs(refusal.time - trade.time) <= window
    ]
    return min(near, key=lambda refusal: abs(refusal.time - trade.time), default=None)


def _halt_at(moment: Millis, halts: Iterable[Halt]) -> str | None:
    """The cause of the halt in force at `moment`."""
    reason = None
    for halt in halts:
        if halt.time > moment:
            break
        reason = None if halt.resumed else halt.reason
    return reason


def _halts(a: Sequence[Halt], b: Sequence[Halt]) -> Iterator[RunDifference]:
    """Halts are compared in their order; what follows the first other one is its consequence."""
    for first, second in zip_longest(a, b):
        if first and second and first[1:] == second[1:]:
            continue
        known, where = (first, "A") if first else (second, "B")
        if first and second and second.time < first.time:
            known, where = second, "B"
        word = "resumed" if known.resumed else "halted"
        text = f"trading {word} ({known.reason}) in {where} only"
        yield RunDifference(known.time, Aspect.HALT, "trading", text)
        return


def _refusals(
    a: Run, b: Run, only_a: list[Trade], only_b: list[Trade], window: Millis | None
) -> Iterator[RunDifference]:
    """Orders that were refused otherwise, or in one run only; not those that explain a trade."""
    both, left_a, left_b = matched(a.refusals, b.refusals, window)
    for x, y in both:
        if (x.kind, x.reason) != (y.kind, y.reason):
            text = f"{x.words} in A, {y.words} in B"
            yield RunDifference(x.time, Aspect.DENIAL, described(x), text)
    for left, opened, here in ((left_a, only_b, "A"), (left_b, only_a, "B")):
        explained = _explaining(left, opened, window)
        for refusal in left:
            if id(refusal) not in explained:
                text = f"{refusal.words} in {here} only"
                yield RunDifference(refusal.time, Aspect.DENIAL, described(refusal), text)


def _denied(a: Run, b: Run) -> dict[str, tuple[int, int]]:
    """Denials by reason, those of A and B side by side."""
    first, second = a.denied, b.denied
    return {
        reason: (first[reason], second[reason])
        for reason in sorted({*first, *second})
        if first[reason] or second[reason]
    }


def _unlogged(denied: dict[str, tuple[int, int]], end: Millis) -> Iterator[RunDifference]:
    """Entries denied as halted are counted in summaries and have no row in a log."""
    first, second = denied.get(HALTED, (0, 0))
    if first != second:
        text = f"{first} denied as {HALTED} in A, {second} in B"
        yield RunDifference(end, Aspect.DENIAL, "entries", text)


def _explaining(refusals: list[Refusal], opened: list[Trade], window: Millis | None) -> set[int]:
    """Those that say why a trade of the other run is missing."""
    items: list[Refusal] = [
        Refusal(trade.time, "OPEN", trade.signal_id, trade.symbol, trade.side, "")
        for trade in opened
    ]
    return {id(refusal) for refusal, _ in matched(refusals, items, window)[0]}


def _points(difference: Points) -> str:
    return f"{abs(difference)} point{'' if abs(difference) == 1 else 's'}"


def _seconds(span: Millis) -> str:
    whole, rest = divmod(abs(span), 1000)
    return f"{whole}.{rest:03}".rstrip("0") if rest else str(whole)
