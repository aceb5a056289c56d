"""One symbol's place in a replay of recorded bars."""

from __future__ import annotations

from adapters.paper.broker.matching import Bar
from adapters.paper.replay.chunks import ChunkReader
from engine.bars import PreparedBars
from engine.types import Millis, Points

NEVER: Millis = 1 << 62


class SymbolCursor:
    """One symbol's place in the replay.

    `due` is when it has something to do next, in ms UTC: play the open bar's range (`in_bar`), else
    open the next bar; NEVER at the end of the data. `starved` asks for the next chunk.
    """

    __slots__ = (
        "ask", "bars", "bid", "columns", "count", "due", "in_bar", "opened", "opening", "period",
        "reader", "row", "server", "starved", "symbol",
    )  # fmt: skip

    def __init__(self, symbol: str, period: Millis, reader: ChunkReader) -> None:
        self.symbol = symbol
        self.period = period
        self.reader = reader
        self.bars = PreparedBars.empty()
        self.columns = self.bars.columns()
        self.count = 0
        self.row = 0
        self.due = NEVER
        self.in_bar = False
        self.starved = True
        # The open bar's columns and row: its range may be due after the next chunk was loaded.
        self.opened = self.columns, 0
        self.bid: Points = 0
        self.ask: Points = 0
        self.opening: Millis = 0
        self.server: Millis = 0

    async def load(self) -> None:
        """Take the next chunk; the open bar's range is still to be played before its first bar."""
        self.starved = False
        self.bars = await self.reader.next() or PreparedBars.empty()
        self.columns = self.bars.columns()
        self.count = len(self.bars)
        self.row = -1
        if self.bars.scan is not None:
            self.bars.scan.enter()
        if not self.in_bar:
            self.move_to(0)

    def open(self) -> int:
        """Open the bar at `row` at its `bid` and `ask`; returns that row."""
        row, columns = self.row, self.columns
        time, server, opens, _, _, _, spreads = columns
        self.opened = columns, row
        self.bid = bid = opens[row]
        self.ask = bid + spreads[row]
        self.opening = opening = time[row]
        self.server = server[row] * 1000
        self.due = opening + self.period
        self.in_bar = True
        # The next bar may open at the very moment at which this one ends: it must be known by then.
        self.starved = row + 1 == self.count
        return row

    def bar(self) -> Bar:
        """The open bar."""
        (_, _, opens, highs, lows, closes, spreads), row = self.opened
        return Bar(opens[row], highs[row], lows[row], closes[row], spreads[row])

    def move_to(self, row: int) -> None:
        """Leave the open bar for the one at `row`, or for the end of the data."""
        self.in_bar = False
        self.row = row
        self.due = self.columns[0][row] if row < self.count else NEVER
