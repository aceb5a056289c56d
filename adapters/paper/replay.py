"""Plays recorded bars: moves the paper market and tells the bus what it did.

For every feed bar that opens at T, with period P: at T the tick becomes the opening price; if that
shows a higher bar to be closed, the strategy decides and its orders meet this tick; at T + P the
range is played (equity at the bar's worst, then stops and targets, then the closing tick). At equal
time ranges come first in rank order, then the day reset, then openings in rank order.

Equity is tested only when it can have moved since the last test: while a symbol has no position its
ticks leave equity as it was.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from adapters.feeds import ChunkReader
from adapters.paper.account import PaperAccount
from adapters.paper.matching import Bar
from engine import events as ev
from engine.bars import PreparedBars
from engine.bus import Bus
from engine.types import Millis

NEVER: Millis = 1 << 62
_SLICE_STEPS = 1_000
_SLICE_RECORDS = 512


class Track:
    """One symbol's place in the replay.

    `open_at` is when its next bar opens and `range_at` when the open bar's range is played, both in
    ms UTC; NEVER when there is none. `starved` asks for the next chunk.
    """

    __slots__ = (
        "bar", "bars", "open_at", "opening", "period", "range_at", "reader", "row", "server",
        "starved", "symbol",
    )  # fmt: skip

    def __init__(self, symbol: str, period: Millis, reader: ChunkReader) -> None:
        self.symbol = symbol
        self.period = period
        self.reader = reader
        self.bars = PreparedBars([], [], [], [], [], [], [])
        self.row = 0
        self.open_at = NEVER
        self.range_at = NEVER
        self.starved = True
        # The open bar, kept apart because its range may be due after the next chunk was loaded.
        self.bar = Bar(0, 0, 0, 0, 0)
        self.opening: Millis = 0
        self.server: Millis = 0

    async def load(self) -> None:
        """Take the next chunk; at the end of the data the last bar's range is still to come."""
        self.starved = False
        bars = await self.reader.next()
        if bars is not None:
            self.bars, self.row = bars, 0
            self.open_at = bars.time[0]

    def open(self) -> int:
        """Open the bar at `row` and move on; returns the row that has opened."""
        bars, row = self.bars, self.row
        self.bar = Bar(
            bars.open[row], bars.high[row], bars.low[row], bars.close[row], bars.spread[row]
        )
        self.opening = bars.time[row]
        self.server = bars.server[row] * 1000
        self.range_at = self.opening + self.period
        self.row = row + 1
        if self.row < len(bars):
            self.open_at = bars.time[self.row]
        else:
            self.open_at = NEVER
            self.starved = True
        return row


class ReplayFeed:
    """The feed of a replay: recorded bars of some symbols, in rank order, over a paper account.

    `resets` gives the beginnings of trading days after the first bar, with their dates, without
    end; `notice_closed` lets the execution adapter look at what the market closed; `finished` ends
    the replay early, asked after every range and every opening.
    """

    def __init__(
        self,
        bus: Bus,
        account: PaperAccount,
        tracks: list[Track],
        resets: Iterator[tuple[Millis, str]],
        *,
        notice_closed: Callable[[], None],
        finished: Callable[[], bool],
    ) -> None:
        self._bus = bus
        self._account = account
        self._tracks = tracks
        self._resets = resets
        self._next_reset = next(resets)
        self._notice_closed = notice_closed
        self._finished = finished
        self._over = False
        self.bars_played = 0

    async def slices(self) -> AsyncIterator[None]:
        while not self._over:
            for track in self._tracks:
                if track.starved:
                    await track.load()
            self._work()
            yield

    async def aclose(self) -> None:
        """Play no more bars."""
        self._over = True

    def _work(self) -> None:
        """Step until a chunk runs out, enough records wait for the edges, or the data ends."""
        for _ in range(_SLICE_STEPS):
            due = min(min(track.range_at, track.open_at) for track in self._tracks)
            if due == NEVER:
                self._over = True
            else:
                self._step(due)
            if (
                self._over
                or self._bus.backlog >= _SLICE_RECORDS
                or any(track.starved for track in self._tracks)
            ):
                return

    def _step(self, due: Millis) -> None:
        while self._next_reset[0] < due:
            self._reset()
        for track in self._tracks:
            if track.range_at == due:
                self._range(track)
                if self._stopped_early():
                    return
        if self._next_reset[0] == due:
            self._reset()
        for track in self._tracks:
            if track.open_at == due:
                self._open(track)
                if self._stopped_early():
                    return

    def _stopped_early(self) -> bool:
        self._over = self._over or self._finished()
        return self._over

    def _open(self, track: Track) -> None:
        symbol, closed = track.symbol, track.bars.closed
        row = track.open()
        bid = track.bar.open
        ask = bid + track.bar.spread
        self._at(track.opening, symbol, track.opening)
        self._account.quote(symbol, bid, ask, track.server)
        self._bus.feed(ev.Tick(symbol, bid, ask))
        if self._account.held[symbol]:
            self._test_equity()
        for bar in closed.get(row, ()):
            self._bus.feed(bar)
        self.bars_played += 1

    def _range(self, track: Track) -> None:
        symbol, bar, account = track.symbol, track.bar, self._account
        self._at(track.range_at, symbol, track.opening)
        track.range_at = NEVER
        account.now = track.server + track.period
        held = account.held[symbol]
        hits = 0
        if held:
            worst = account.worst_equity(symbol, bar)
            self._bus.feed(ev.AccountSeen(account.balance, worst, account.margin()))
            hits = account.play(symbol, bar)
        ask = bar.close + bar.spread
        account.quote(symbol, bar.close, ask, account.now)
        self._bus.feed(ev.Tick(symbol, bar.close, ask))
        if hits:
            self._notice_closed()
        if held:
            self._test_equity()

    def _reset(self) -> None:
        moment, date = self._next_reset
        account = self._account
        self._bus.time, self._bus.bar = moment, None
        self._bus.feed(ev.ResetDue(date, account.balance, account.equity(), account.margin()))
        self._next_reset = next(self._resets)

    def _test_equity(self) -> None:
        account = self._account
        self._bus.feed(ev.AccountSeen(account.balance, account.equity(), account.margin()))

    def _at(self, moment: Millis, symbol: str, opening: Millis) -> None:
        self._bus.time = moment
        self._bus.bar = (symbol, opening)
