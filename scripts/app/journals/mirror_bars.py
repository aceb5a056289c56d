"""The bars that a session on a terminal received, from its journal, as a replay plays them.

A replay plays bar i with the spread recorded in bar i - 1. So the spread of the first tick in each
bar stands with the bar before it, and a decision is filled at the spread that the session saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from adapters.bars.reader import CHUNK_ROWS, RateColumns
from engine import events as ev
from engine.events import Record
from engine.types import ClockName, Millis, SymbolSpec
from scripts.app.errors import BadData
from scripts.app.terms.bars import BarInput, Window
from signals.market_data.bars import TIMEFRAME_SECONDS, Ints
from signals.market_data.clocks import to_server

_MINUTE: Final[Millis] = 60_000

_Row = tuple[Millis, int, int, int, int]


@dataclass(frozen=True)
class JournalBars:
    """A symbol's bars out of a journal, as a bar file gives them."""

    path: Path
    columns: RateColumns
    sha256: str = ""
    fixed_clock: ClockName | None = None

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]:
        for start in range(0, len(self.columns), rows):
            yield self.columns.part(start, min(start + rows, len(self.columns)))

    def place(self, row: int) -> str:
        return f"bar {row + 1} of the journal"


class ReceivedBars:
    """Takes a session's records and keeps the bars that closed, and the spreads of ticks."""

    def __init__(self) -> None:
        self._bars: dict[str, dict[str, dict[Millis, _Row]]] = {}
        self._spreads: dict[str, list[tuple[Millis, int]]] = {}
        self._since: dict[str, list[tuple[Millis, int]]] = {}

    def take(self, record: Record) -> None:
        """Take the next record into account."""
        event = record.event
        match event:
            case ev.BarClosed():
                row = (event.time, event.open, event.high, event.low, event.close)
                self._of(event.symbol, event.timeframe)[event.time] = row
                end = event.time + TIMEFRAME_SECONDS[event.timeframe] * 1000
                since = self._since.get(event.symbol, [])
                self._since[event.symbol] = [seen for seen in since if seen[0] >= end]
            case ev.WarmedUp():
                for timeframe, time, *prices in event.bars:
                    opening, high, low, close = prices
                    self._of(event.symbol, timeframe)[time] = (time, opening, high, low, close)
            case ev.Tick():
                self._spread(event, record.time)
            case _:
                pass

    def _of(self, symbol: str, timeframe: str) -> dict[Millis, _Row]:
        return self._bars.setdefault(symbol, {}).setdefault(timeframe, {})

    def _spread(self, tick: ev.Tick, time: Millis) -> None:
        since = self._since.setdefault(tick.symbol, [])
        if since and since[-1][0] == time:
            since.pop()
        since.append((time, tick.bid))
        known = self._spreads.setdefault(tick.symbol, [])
        if known and known[-1][0] == time:  # the close of one bar, and the opening of the next
            known.pop()
        if not known or known[-1][0] // _MINUTE != time // _MINUTE:
            known.append((time, tick.ask - tick.bid))

    def until(self) -> Millis | None:
        """When the last bar closed that is known whole: of all symbols the earliest such moment."""
        ends = [
            max(rows) + TIMEFRAME_SECONDS[name] * 1000
            for frames in self._bars.values()
            for name, rows in [min(frames.items(), key=lambda item: TIMEFRAME_SECONDS[item[0]])]
        ]
        return min(ends, default=None)

    def input(self, spec: SymbolSpec, window: Window, journal: Path) -> BarInput:
        """The symbol's bars of its shortest timeframe; raises BadData when there are none."""
        frames = self._bars.get(spec.name, {})
        if not frames:
            raise BadData(
                f"{journal}: no bar of {spec.name} has closed in this session yet: there is "
                "nothing to replay"
            )
        name = min(frames, key=TIMEFRAME_SECONDS.__getitem__)
        period = TIMEFRAME_SECONDS[name]
        rows = dict(frames[name])
        rows |= self._unfinished(spec.name, max(rows), period * 1000)
        table = np.array([rows[time] for time in sorted(rows)], dtype=np.int64)
        clock = _clock_of(frames)
        times, scale = table[:, 0] // 1000, 10**spec.digits
        opens, highs, lows, closes = (table[:, place] / scale for place in range(1, 5))
        traded = np.ones(len(table), dtype=np.int64)
        spreads = self._in_force(spec.name, times, period)
        server = to_server(clock, times)
        columns = RateColumns(server, opens, highs, lows, closes, traded, spreads)
        ref = ev.DataRef(
            symbol=spec.name,
            sha256="",
            rows=len(table),
            period=period,
            first=max(int(table[0, 0]), (window.first or 0) * 1000),
            last=int(table[-1, 0]),
            clock=clock,
        )
        seen = msgspec.structs.replace(spec, spread_floor=0, spread_floor_rollover=0)
        return BarInput(seen, JournalBars(journal, columns), ref, clock, window)

    def _unfinished(self, symbol: str, last: Millis, period: Millis) -> dict[Millis, _Row]:
        """The bars after the last closed one, as far as ticks show them."""
        found: dict[Millis, _Row] = {}
        for time, bid in self._since.get(symbol, []):
            slot = time // period * period
            if slot > last:
                _, opening, high, low, _ = found.get(slot, (slot, bid, bid, bid, bid))
                found[slot] = slot, opening, max(high, bid), min(low, bid), bid
        return found

    def _in_force(self, symbol: str, times: Ints, period: int) -> Ints:
        """With each bar the spread of the first tick in the next one, as far as one was seen."""
        known = self._spreads.get(symbol, [])
        if not known:
            return np.zeros(len(times), dtype=np.int64)
        minutes = np.array([time // _MINUTE for time, _ in known], dtype=np.int64)
        spreads = np.array([spread for _, spread in known], dtype=np.int64)
        after = np.searchsorted(minutes, (times + period) // 60, side="left")
        found: Ints = spreads[np.minimum(after, len(spreads) - 1)]
        return found


def _clock_of(frames: dict[str, dict[Millis, _Row]]) -> ClockName:
    """A server's clock on which all bars open where bars of their timeframe do."""
    for clock in ("new-york+7", "eu-dst", "utc"):
        if all(
            not np.any(to_server(clock, np.array(sorted(rows), dtype=np.int64) // 1000) % seconds)
            for name, rows in frames.items()
            if (seconds := TIMEFRAME_SECONDS[name])
        ):
            return clock
    return "utc"
