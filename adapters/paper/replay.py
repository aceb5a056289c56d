"""Plays recorded bars: moves the paper market and tells the bus what it did.

For every feed bar that opens at T, with period P: at T the tick becomes the opening price; if that
shows a higher bar to be closed, the strategy decides and its orders meet this tick; at T + P the
range is played (equity at the bar's worst, then stops and targets, then the closing tick). At equal
time ranges come first in rank order, then the day reset, then openings in rank order.

Bars that cannot lead to anything are passed over: those of a symbol without a position until one
closes a bar for the strategy, and those that are quiet for the account's only position. With
`every_bar` all are played, which leads to the same journal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

from adapters.feeds import ChunkReader
from adapters.paper.account import PaperAccount
from adapters.paper.matching import Bar
from adapters.paper.quiet import Band, bounds, next_loud
from engine import events as ev
from engine.bars import PreparedBars
from engine.bus import Bus
from engine.types import Millis

NEVER: Millis = 1 << 62
_SLICE_STEPS = 1_000
_SLICE_RECORDS = 512


class Track:
    """One symbol's place in the replay.

    `due` is when it has something to do next, in ms UTC: play the open bar's range (`in_bar`), else
    open the next bar; NEVER at the end of the data. `starved` asks for the next chunk.
    """

    __slots__ = (
        "bar", "bars", "due", "in_bar", "opening", "period", "reader", "row", "server", "starved",
        "symbol",
    )  # fmt: skip

    def __init__(self, symbol: str, period: Millis, reader: ChunkReader) -> None:
        self.symbol = symbol
        self.period = period
        self.reader = reader
        self.bars = PreparedBars.empty()
        self.row = 0
        self.due = NEVER
        self.in_bar = False
        self.starved = True
        # The open bar is kept apart: its range may be due after the next chunk was loaded.
        self.bar = Bar(0, 0, 0, 0, 0)
        self.opening: Millis = 0
        self.server: Millis = 0

    async def load(self) -> None:
        """Take the next chunk; at the end of the data nothing is due any more."""
        self.starved = False
        bars = await self.reader.next()
        self.bars, self.row = bars or PreparedBars.empty(), 0
        self.due = self.bars.time[0] if bars else NEVER

    def open(self) -> int:
        """Open the bar at `row`; returns that row."""
        bars, row = self.bars, self.row
        self.bar = Bar(
            bars.open[row], bars.high[row], bars.low[row], bars.close[row], bars.spread[row]
        )
        self.opening = bars.time[row]
        self.server = bars.server[row] * 1000
        self.due = self.opening + self.period
        self.in_bar = True
        return row

    def move_to(self, row: int) -> None:
        """Leave the open bar for the one at `row`."""
        self.in_bar = False
        if row < len(self.bars):
            self.row = row
            self.due = self.bars.time[row]
        else:
            self.starved = True
            self.due = NEVER


class ReplayFeed:
    """The feed of a replay: recorded bars of some symbols, in rank order, over a paper account.

    `resets` gives the beginnings of trading days after the first bar, with their dates, without
    end; `notice_closed` lets the execution adapter look at what the market closed; `quiet_band` is
    the equity that changes nothing when tested; `finished` ends the replay early, asked after every
    range and every opening.
    """

    def __init__(
        self,
        bus: Bus,
        account: PaperAccount,
        tracks: list[Track],
        resets: Iterator[tuple[Millis, str]],
        *,
        notice_closed: Callable[[], None],
        quiet_band: Callable[[], Band],
        finished: Callable[[], bool] | None = None,
        every_bar: bool = False,
    ) -> None:
        self._bus = bus
        self._account = account
        self._tracks = tracks
        self._resets = resets
        self._next_reset = next(resets)
        self._notice_closed = notice_closed
        self._quiet_band = quiet_band
        self._finished = finished
        self._every_bar = every_bar
        self._over = False
        self._chunks_played = 0

    @property
    def bars_played(self) -> int:
        """How many bars lie behind, those passed over included."""
        return self._chunks_played + sum(track.row for track in self._tracks)

    async def slices(self) -> AsyncIterator[None]:
        while not self._over:
            for track in self._tracks:
                if track.starved:
                    self._chunks_played += len(track.bars)
                    await track.load()
            self._work()
            yield

    async def aclose(self) -> None:
        """Play no more bars."""
        self._over = True

    def _work(self) -> None:
        """Step until a chunk runs out, enough records wait for the edges, or the data ends."""
        tracks, bus = self._tracks, self._bus
        for _ in range(_SLICE_STEPS):
            due = NEVER
            for track in tracks:
                if track.starved:
                    return
                if track.due < due:
                    due = track.due
            if due == NEVER:
                self._over = True
            else:
                self._step(due)
            if self._over or bus.unflushed >= _SLICE_RECORDS:
                return

    def _step(self, due: Millis) -> None:
        while self._next_reset[0] < due:
            self._reset()
        for track in self._tracks:
            if track.due == due and track.in_bar:
                self._range(track)
                if self._stopped_early():
                    return
        if self._next_reset[0] == due:
            self._reset()
        for track in self._tracks:
            if track.due == due and not track.in_bar:
                self._open(track)
                if self._stopped_early():
                    return

    def _stopped_early(self) -> bool:
        if self._finished is not None and self._finished():
            self._over = True
        return self._over

    def _open(self, track: Track) -> None:
        bus, symbol = self._bus, track.symbol
        row = track.open()
        bid = track.bar.open
        ask = bid + track.bar.spread
        bus.time, bus.bar = track.opening, (symbol, track.opening)
        self._account.quote(symbol, bid, ask, track.server)
        bus.feed(ev.Tick(symbol, bid, ask))
        if self._account.held[symbol]:
            self._test_equity()
        for bar in track.bars.closed.get(row, ()):
            bus.feed(bar)

    def _range(self, track: Track) -> None:
        bus, symbol, bar, account = self._bus, track.symbol, track.bar, self._account
        bus.time, bus.bar = track.due, (symbol, track.opening)
        account.now = track.server + track.period
        held, hits = account.held[symbol], 0
        if held:
            worst = account.worst_equity(symbol, bar)
            bus.feed(ev.AccountSeen(account.balance, worst, account.margin))
            hits = account.play(symbol, bar)
        ask = bar.close + bar.spread
        account.quote(symbol, bar.close, ask, account.now)
        bus.feed(ev.Tick(symbol, bar.close, ask))
        if hits:
            self._notice_closed()
        if held:
            self._test_equity()
        track.move_to(self._next_row(track))

    def _next_row(self, track: Track) -> int:
        """The next row that must be played."""
        bars, row, account = track.bars, track.row + 1, self._account
        if self._every_bar or row >= len(bars):
            return row
        if not account.held[track.symbol]:
            return bars.next_closing(row)
        if len(account.positions) > 1:
            return row
        (position,) = account.positions.values()
        limits = bounds(position, account.balance, self._quiet_band())
        if limits is None:
            return row
        # Whoever acts next (another symbol, a reset) must find this symbol's last tick in place.
        moments = [self._next_reset[0]]
        moments += [other.due for other in self._tracks if other is not track]
        return next_loud(bars, row, position.side, limits, min(moments) - track.period)

    def _reset(self) -> None:
        moment, date = self._next_reset
        account = self._account
        self._bus.time, self._bus.bar = moment, None
        self._bus.feed(ev.ResetDue(date, account.balance, account.equity(), account.margin))
        self._next_reset = next(self._resets)

    def _test_equity(self) -> None:
        account = self._account
        self._bus.feed(ev.AccountSeen(account.balance, account.equity(), account.margin))
