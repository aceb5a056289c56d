"""Takes a terminal's ticks to a paper account: real ones, or those that recorded bars stand for.

Between two real ticks nothing happened. The ticks of a recorded bar (see `charts`) only stand for
it: a stop between two of them would be filled at the bar's extreme. So they are taken for what they
stand for, in the same way as `market.RecordedMarket` moves through a bar at this pace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar
from adapters.paper.terminal.market import MarketPace
from engine.types import Cents, Millis, Points


class PaperTick(NamedTuple):
    """A tick in points, with its time in milliseconds of the server's clock."""

    bid: Points
    ask: Points
    moment: Millis


class TickPlayer:
    """Lets one symbol's ticks meet what an account holds of it."""

    def __init__(
        self,
        account: PaperAccount,
        symbol: str,
        *,
        pace: MarketPace | None = None,
        seconds: int = 0,
    ) -> None:
        """With a `pace` the ticks stand for recorded bars of so many `seconds`."""
        self._account = account
        self._symbol = symbol
        self._pace = pace
        self._length = seconds * 1000

    def play(self, ticks: Sequence[PaperTick]) -> int:
        """Take ticks that follow the last one, in order; returns how much happened to orders and
        positions."""
        if self._pace is MarketPace.BARS:
            return sum(
                self._range(list(same)) for _, same in groupby(ticks, lambda tick: self._slot(tick))
            )
        return sum(self._tick(tick) for tick in ticks)

    def grouped(self, ticks: Iterable[PaperTick]) -> Iterator[list[PaperTick]]:
        """The ticks in the parts that are played one after another: the opening of a recorded bar,
        the rest of it; one by one without bars."""
        if self._pace is not MarketPace.BARS:
            yield from ([tick] for tick in ticks)
            return
        for _, same in groupby(ticks, self._slot):
            part = list(same)
            if self._opens(part[0]):
                yield [part.pop(0)]
            if part:
                yield part

    def ends_after(self, ticks: Sequence[PaperTick], moment: Millis) -> bool:
        """Whether these are the range of a recorded bar that is over only after `moment`."""
        if self._pace is not MarketPace.BARS:
            return False
        return (self._slot(ticks[-1]) + 1) * self._length > moment

    def worst(self, ticks: Sequence[PaperTick]) -> tuple[Cents, Cents, Cents] | None:
        """Balance, equity and margin at the worst of the bar whose range these ticks are.

        None for an opening, and where nothing of the symbol is held: then there is nothing to be
        shown before they are played.
        """
        account, symbol = self._account, self._symbol
        if self._opens(ticks[0]):
            return None
        bar = self._way(ticks)
        before, account.now = account.now, (self._slot(ticks[-1]) + 1) * self._length
        if account.orders:
            account.fill_orders(symbol, bar)
        worst = account.worst_equity(symbol, bar) if account.held[symbol] else None
        account.now = before
        return None if worst is None else (account.balance, worst, account.margin)

    def _slot(self, tick: PaperTick) -> int:
        return tick.moment // self._length

    def _opens(self, tick: PaperTick) -> bool:
        """Whether a tick is the first of its bar; what lies before it is a gap."""
        return tick.moment % self._length == 0 or self._symbol not in self._account.bids

    def _tick(self, tick: PaperTick) -> int:
        account, symbol = self._account, self._symbol
        happened = 0
        if self._pace is MarketPace.TICKS and not self._opens(tick):
            account.now = tick.moment
            happened = account.play(symbol, self._way([tick]))
        account.quote(symbol, *tick)
        return happened + account.match_tick(symbol)

    def _range(self, ticks: list[PaperTick]) -> int:
        """The ticks of one bar: its opening, the rest of it, or both."""
        account, symbol = self._account, self._symbol
        if self._opens(ticks[0]):
            account.quote(symbol, *ticks.pop(0))
        if not ticks:
            return 0
        account.now = (self._slot(ticks[-1]) + 1) * self._length
        happened = account.play(symbol, self._way(ticks))
        account.quote(symbol, *ticks[-1])
        return happened

    def _way(self, ticks: Sequence[PaperTick]) -> Bar:
        """From the account's last tick through these, as a bar."""
        first, last = self._account.bids[self._symbol], ticks[-1]
        path = [first, *(tick.bid for tick in ticks)]
        return Bar(first, max(path), min(path), last.bid, last.ask - last.bid)
