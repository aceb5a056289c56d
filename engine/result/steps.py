"""When balance, swap, floors and positions change, in the order in which a replay steps. Pure.

A replay plays bars in a fixed order: at one instant ranges come first (by the symbols' rank), then
turns of days, then openings. A *step key* is that order as one integer, so records and the prices
between them can be merged by sorting.
"""

from __future__ import annotations

from typing import Final

import msgspec

from engine import events as ev
from engine.types import Cents, Millis, Points, Side, Units

RANGE: Final = 0
TURN: Final = 1
OPENING: Final = 2

FILLED: Final = 0
TESTED: Final = 1
EXITED: Final = 2
QUOTED: Final = 3
"""Within a step: pending orders fill, equity is tested, what follows is recorded, a tick comes."""

RANKS: Final = 256

_PER_INSTANT: Final = 4096

_TOLERANCE: Final = 1e-6
"""Cents by which a float threshold may miss an integer amount."""


def step_key(time: Millis, phase: int, rank: int, part: int) -> int:
    """The place of something in the order of a replay."""
    return time * _PER_INSTANT + phase * 4 * RANKS + rank * 4 + part


class OpenHolding(msgspec.Struct, gc=False):
    """A position of constant volume from one key to another; `until` is None while it is open.

    `stop` is the stop in force at its end, `price` that of the deal that ended it, `stopped`
    whether it was the stop's.
    """

    position: int
    symbol: str
    side: Side
    volume: Units
    entry: Points
    stop: Points
    since: int
    until: int | None = None
    price: Points = 0
    stopped: bool = False


class AccountSteps:
    """Everything that changes an account between two ticks, each with its step key."""

    def __init__(self) -> None:
        self.balances: list[tuple[int, Cents]] = []
        """What each step adds to the balance."""
        self.equities: list[tuple[int, Millis, Cents]] = []
        """Equity as records say it: key, opening of the bar (or time), figure."""
        self.swaps: list[tuple[int, Cents, Cents]] = []
        """At a roll-over: key, balance and equity, from which what has accrued follows."""
        self.booked: list[tuple[int, Cents]] = []
        """Swap that left the accrued sum for the balance."""
        self.floors: list[tuple[int, Cents, Cents, Cents]] = []
        """From a key on: the day's floor, the overall one, the target."""
        self.holdings: list[OpenHolding] = []
        """Those that ended."""
        self.start: Cents = 0
        self._ranks: dict[str, int] = {}
        self._open: dict[int, OpenHolding] = {}
        self._own: tuple[float, float | None] = (0.0, None)
        self._target: Cents = 0

    def rank(self, symbol: str) -> int:
        """The symbol's place in the order of the session's symbols."""
        return self._ranks.get(symbol, 0)

    @property
    def open(self) -> tuple[OpenHolding, ...]:
        """What is still open."""
        return tuple(self._open.values())

    def begin(self, event: ev.SessionStarted, time: Millis) -> None:
        self._ranks = {spec.name: rank for rank, spec in enumerate(event.symbols)}
        self.start = event.account.balance
        limits = event.limits
        self._own = limits.get("daily_loss_fraction", 1.0), limits.get("max_loss_fraction")
        self._overall = self._overall_floor()
        self.floors.append((step_key(time, RANGE, 0, 0), self._day_floor(), self._overall, 0))

    def _day_floor(self) -> Cents:
        return int(self.start * (1 - self._own[0]) + _TOLERANCE)

    def _overall_floor(self) -> Cents:
        return 0 if self._own[1] is None else int(self.start * (1 - self._own[1]) + _TOLERANCE)

    def key(self, record: ev.Record | None, part: int) -> int:
        """The step key of a record."""
        if record is None:
            raise ValueError("no record is being taken")
        if record.bar is None:
            return step_key(record.time, TURN, 0, part)
        symbol, opening = record.bar
        phase = OPENING if record.time == opening else RANGE
        return step_key(record.time, phase, self.rank(symbol), part)

    def _equity(self, record: ev.Record | None, key: int, equity: Cents) -> None:
        if record is not None:
            opening = record.time if record.bar is None else record.bar[1]
            self.equities.append((key, opening, equity))

    def opened(self, event: ev.PositionOpened, record: ev.Record | None) -> None:
        exited = self.key(record, EXITED)
        in_range = record is not None and record.bar is not None and record.time != record.bar[1]
        key = exited - EXITED + FILLED if in_range else exited
        self.balances.append((key, event.commission))
        self._open[event.position] = OpenHolding(
            event.position, event.symbol, event.side, event.volume, event.price,
            event.stop_loss, key,
        )  # fmt: skip
        self._equity(record, exited, event.account.equity)

    def closed(self, event: ev.PositionClosed, record: ev.Record | None) -> None:
        key = self.key(record, EXITED)
        self.balances.append((key, event.profit + event.commission + event.swap))
        if event.swap:
            self.booked.append((key, event.swap))
        held = self._open.pop(event.position)
        if event.remaining:
            self._open[event.position] = msgspec.structs.replace(
                held, volume=event.remaining, since=key
            )
        held.until, held.price, held.stopped = key, event.price, event.reason == "SL"
        self.holdings.append(held)
        self._equity(record, key, event.account.equity)

    def modified(self, event: ev.StopModified) -> None:
        held = self._open.get(event.position)
        if held is not None:
            held.stop = event.stop_loss

    def updated(self, event: ev.AccountUpdated, record: ev.Record | None) -> None:
        key = self.key(record, EXITED)
        self.swaps.append((key, event.account.balance, event.account.equity))
        self._equity(record, key, event.account.equity)

    def rolled(
        self, event: ev.DayRolled, firm: tuple[Cents, Cents] | None, record: ev.Record | None
    ) -> None:
        """The firm's floors where they are known, else the session's own."""
        key = self.key(record, EXITED)
        day, overall = firm or (int(event.floor + _TOLERANCE), self._overall)
        self.floors.append((key, day, overall, self._target))
        self._equity(record, key, event.account.equity)

    def attempt(self, event: ev.AttemptStarted, record: ev.Record | None) -> None:
        key = self.key(record, EXITED)
        self._target = event.target or 0
        self._overall = event.max_limit
        self.floors.append((key, event.day_limit, event.max_limit, self._target))
        if event.deposit:
            self.balances.append((key, event.deposit))
