"""Plays recorded bars over a paper account by the server's clock, for a terminal of its own.

Two ways of moving through a bar. *Whole* bars follow the replay's timeline: at the opening the tick
becomes the open; at the end the range meets orders and stops, then the tick becomes the close. *By
ticks*, the bar's four ticks come one after another (see `charts`), and what lies between two of
them is a small bar of its own, so that stops are filled at their price and gaps only lie between
bars. At one instant ends of bars come first, then the server's midnight (swap), then openings, each
in the order of the symbols.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar
from adapters.paper.broker.swap import nights_after
from adapters.paper.terminal.charts import (
    TICKS_PER_BAR,
    Rates,
    Recorded,
    bar_length,
    prices,
    spreads_in_force,
    tick_offsets,
)
from adapters.paper.terminal.rules import weekday_of
from engine.types import Cents, Millis, Points, SymbolSpec

_DAY_MS: Final = 86_400_000
_NEVER: Final = 1 << 62
_WHATEVER_COMES: Final = 1 << 60
_END, _MIDNIGHT, _OPENING = range(3)
"""The kinds of moves, in their order at one instant."""


class MarketPace(enum.StrEnum):
    """How the market moves through a bar."""

    BARS = "bars"
    TICKS = "ticks"


class MarketProgress(NamedTuple):
    """How far the market has come.

    `now` is the server's clock in ms; `steps` how many moves were made and `happened` what they
    did to orders and positions; `symbol` and `move` ("open", "tick", "end", "midnight") are of the
    last one, "" when there was none.
    """

    now: Millis
    steps: int
    happened: int
    symbol: str
    move: str


class MarketStep(NamedTuple):
    """One move of a market in lockstep, at `now` (the server's clock in ms).

    Beside the moves of `MarketProgress` there are "worst", at which the account stood where its
    positions were at their worst of the bar that ends now (`figures`: balance, equity and margin in
    cents), "pause", at which nothing moved, and "over" behind the last bar.
    """

    now: Millis
    symbol: str
    move: str
    figures: tuple[Cents, Cents, Cents] | None = None


class _SymbolPath:
    """One symbol's way through its bars: `due` is the time of its next tick, `tick` its number."""

    def __init__(self, spec: SymbolSpec, rates: Rates) -> None:
        self.spec = spec
        self.rates = rates
        self.spreads = spreads_in_force(rates, spec)
        self.seconds = bar_length(rates)
        self.offsets = tick_offsets(self.seconds)
        scaled = prices(rates) * 10**spec.digits + 0.5
        self._bids = np.floor(scaled).astype(np.int64)
        self.row = 0
        self.tick = 0

    def moment(self, pace: MarketPace) -> Millis:
        """When the next move is due."""
        if self.row >= len(self.rates):
            return _NEVER
        opening = int(self.rates["time"][self.row]) * 1000
        if pace is MarketPace.BARS and self.tick:
            return opening + self.seconds * 1000
        return opening + self.offsets[self.tick]

    @property
    def end(self) -> Millis:
        """When the last bar is over; 0 without any."""
        return (int(self.rates["time"][-1]) + self.seconds) * 1000 if len(self.rates) else 0

    @property
    def bid(self) -> Points:
        """The bid of the next tick."""
        return int(self._bids[self.row, self.tick])

    @property
    def spread(self) -> Points:
        return int(self.spreads[self.row])

    def whole(self) -> Bar:
        """The bar at `row`."""
        path = [int(price) for price in self._bids[self.row]]
        return Bar(path[0], max(path), min(path), path[-1], self.spread)

    def leg(self) -> Bar:
        """The way from the last tick to the next one, as a bar."""
        before, after = int(self._bids[self.row, self.tick - 1]), self.bid
        return Bar(before, max(before, after), min(before, after), after, self.spread)

    def step(self, ticks: int) -> None:
        """Leave `ticks` ticks behind."""
        self.tick += ticks
        if self.tick >= TICKS_PER_BAR:
            self.row, self.tick = self.row + 1, 0

    def jump(self, until: Millis, pace: MarketPace) -> None:
        """Go to the first tick that is due after `until`."""
        before = int(np.searchsorted(self.rates["time"], until // 1000, side="right")) - 1
        self.row, self.tick = max(before, 0), 0
        while self.moment(pace) <= until:
            self.step(TICKS_PER_BAR - 1 if pace is MarketPace.BARS and self.tick else 1)

    def last_tick(self) -> tuple[Points, Points, Millis] | None:
        """Bid, ask and time of the last tick, None before the first."""
        row, tick = (self.row, self.tick - 1) if self.tick else (self.row - 1, TICKS_PER_BAR - 1)
        if row < 0:
            return None
        bid = int(self._bids[row, tick])
        opening = int(self.rates["time"][row]) * 1000
        return bid, bid + int(self.spreads[row]), opening + self.offsets[tick]

    def recorded(self) -> Recorded:
        rows = self.row + (1 if self.tick else 0)
        return Recorded(
            self.rates[:rows], self.spreads[:rows], self.tick or TICKS_PER_BAR, self.seconds
        )


class PaperMarket:
    """The market of an account: recorded bars of its symbols, by their names, in rank order."""

    def __init__(
        self,
        account: PaperAccount,
        bars: Mapping[str, Rates],
        *,
        pace: MarketPace = MarketPace.BARS,
    ) -> None:
        self._account = account
        self._pace = pace
        self._courses = {
            name: _SymbolPath(account.specs[name], rates) for name, rates in bars.items()
        }
        self._judged = ""
        self._end = max((path.end for path in self._courses.values()), default=0)
        openings = [int(rates["time"][0]) * 1000 for rates in bars.values() if len(rates)]
        self._midnight = _next_midnight(min(openings, default=0))

    def recorded(self, symbol: str) -> Recorded | None:
        """The bars of `symbol` that have opened so far."""
        challenge = self._courses.get(symbol)
        return challenge.recorded() if challenge else None

    def advance(self, until: Millis, most: int = 0) -> MarketProgress:
        """Play what is due by `until`, in server ms; at most `most` moves if that is above 0.

        Afterwards the clock shows `until`, or the time of the last move when more are due.
        """
        steps = happened = 0
        symbol = move = ""
        while not most or steps < most:
            moment, name = self._next()
            if moment > until:
                # Asked for whatever comes, it stays where its bars have ended.
                if until < _WHATEVER_COMES:
                    self._account.now = max(self._account.now, until)
                break
            challenge = self._courses.get(name)
            count, move = self._move(challenge, moment) if challenge else self._roll_over()
            steps, happened, symbol = steps + 1, happened + count, name
        return MarketProgress(self._account.now, steps, happened, symbol, move)

    def step(self, until: Millis) -> MarketStep:
        """Make the next move that is due before `until`, or at `until` before the openings there.

        Without one the clock goes to `until`, unless the bars have ended before. Moves whole bars:
        what an account holds is shown at its worst of a bar before its range is played.
        """
        account = self._account
        (moment, kind, _, name) = self._upcoming()
        if moment == _NEVER and until > self._end:
            return MarketStep(account.now, "", "over")
        if (moment, kind) > (until, _MIDNIGHT):
            account.now = max(account.now, until)
            return MarketStep(account.now, "", "pause")
        challenge = self._courses.get(name)
        if challenge is None:
            _, move = self._roll_over()
            return MarketStep(account.now, name, move)
        if challenge.tick and self._judged != name:
            figures = self._at_worst(name, challenge, moment)
            if figures is not None:
                self._judged = name
                return MarketStep(moment, name, "worst", figures)
        self._judged = ""
        _, move = self._move(challenge, moment)
        return MarketStep(account.now, name, move)

    def _at_worst(
        self, name: str, challenge: _SymbolPath, moment: Millis
    ) -> tuple[Cents, Cents, Cents] | None:
        """The account's figures where its positions of the symbol are at their worst of the bar.

        The clock goes back afterwards: whoever is interrupted here plays the bar once more.
        """
        account, bar = self._account, challenge.whole()
        before, account.now = account.now, moment
        if account.orders:
            account.fill_orders(name, bar)
        worst = account.worst_equity(name, bar) if account.held[name] else None
        account.now = before
        return None if worst is None else (account.balance, worst, account.margin)

    def skip(self, until: Millis) -> None:
        """Skip what was due by `until` without playing it; only the last ticks are left."""
        for symbol, challenge in self._courses.items():
            challenge.jump(until, self._pace)
            tick = challenge.last_tick()
            if tick is not None:
                self._account.quote(symbol, *tick)
        self._account.now = max(self._account.now, until)
        self._midnight = _next_midnight(until)

    def _next(self) -> tuple[Millis, str]:
        """The next move's time and symbol; "" for midnight."""
        moment, _, _, name = self._upcoming()
        return moment, name

    def _upcoming(self) -> tuple[Millis, int, int, str]:
        """The next move: time, kind, rank of the symbol, symbol ("" for midnight).

        A midnight at the end of the last bar still comes, as the day that it ends was played.
        """
        best = (self._midnight, _MIDNIGHT, 0, "")
        for rank, (name, challenge) in enumerate(self._courses.items()):
            kind = _END if challenge.tick else _OPENING
            best = min(best, (challenge.moment(self._pace), kind, rank, name))
        over = all(challenge.row >= len(challenge.rates) for challenge in self._courses.values())
        if over and self._midnight > self._end:
            return _NEVER, _MIDNIGHT, 0, ""
        return best

    def _move(self, challenge: _SymbolPath, moment: Millis) -> tuple[int, str]:
        account, symbol = self._account, challenge.spec.name
        account.now = moment
        if self._pace is MarketPace.TICKS:
            return self._tick(challenge, moment)
        if not challenge.tick:
            account.quote(symbol, challenge.bid, challenge.bid + challenge.spread, moment)
            challenge.step(1)
            return 0, "open"
        bar = challenge.whole()
        happened = account.play(symbol, bar)
        account.quote(symbol, bar.close, bar.close + bar.spread, moment)
        challenge.step(TICKS_PER_BAR - 1)
        return happened, "end"

    def _tick(self, challenge: _SymbolPath, moment: Millis) -> tuple[int, str]:
        account, symbol, number = self._account, challenge.spec.name, challenge.tick
        happened = account.play(symbol, challenge.leg()) if number else 0
        account.quote(symbol, challenge.bid, challenge.bid + challenge.spread, moment)
        happened += account.match_tick(symbol)
        challenge.step(1)
        return happened, "tick" if number else "open"

    def _roll_over(self) -> tuple[int, str]:
        account = self._account
        weekday = weekday_of(self._midnight - 1)
        account.now = self._midnight
        self._midnight += _DAY_MS
        for symbol, count in account.held.items():
            nights = nights_after(weekday, account.specs[symbol]) if count else 0
            if nights:
                account.post_swap(symbol, nights)
        return 0, "midnight"


def _next_midnight(moment: Millis) -> Millis:
    return (moment // _DAY_MS + 1) * _DAY_MS
