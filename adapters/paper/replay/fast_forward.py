"""Skips bars that are uneventful for all open positions, of whichever symbols.

The only position whose points are worth whole cents is skipped without this: its uneventful prices
are known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.paper.broker.account import PaperAccount
from adapters.paper.replay.cursor import SymbolCursor
from adapters.paper.replay.uneventful import EquityBand
from adapters.paper.replay.uneventful_span import Held, UneventfulSpan, uneventful_span
from engine import events as ev
from engine.bus import Bus
from engine.types import Millis

_FEW = 4
"""Bars that are played as soon as looked at."""

_FIRST_REACH = 64
_LONGEST_REACH = 1 << 14


class FastForward:
    """Moves the tracks of all symbols with open positions on at once.

    `awaited` says when the first bar of a track opens that must be played; at the latest the last
    one that is loaded.
    """

    def __init__(
        self,
        bus: Bus,
        account: PaperAccount,
        cursors: list[SymbolCursor],
        equity_band: Callable[[], EquityBand],
        awaited: Callable[[SymbolCursor], Millis],
    ) -> None:
        self._bus = bus
        self._account = account
        self._cursors = cursors
        self._equity_band = equity_band
        self._awaited = awaited
        self._shortest = min(cursor.period for cursor in cursors)
        # How many bars are looked at: few where something happened lately, as it costs to look.
        self._reach = _FIRST_REACH

    def skip(self, due: Millis, until: Millis) -> bool:
        """Skip what is uneventful from `due` on and before `until`; whether anything was.

        Everything before `due` was played, and nothing but bars happens before `until`.
        """
        account = self._account
        positions, held = account.positions, account.held
        if account.orders or not positions:
            return False  # a waiting order must meet every bar
        if len(positions) == 1 and next(iter(positions.values())).cents_per_point:
            return False  # the only one of whole cents has a quicker way
        until = min(until, due + self._reach * self._shortest)
        for cursor in self._cursors:
            if not held[cursor.symbol]:
                until = min(until, cursor.due)
        enough = due + _FEW * self._shortest
        for cursor in self._cursors:
            if held[cursor.symbol] and until >= enough:
                until = min(until, self._awaited(cursor))
        return until >= enough and self._skip(until)

    def _skip(self, until: Millis) -> bool:
        account = self._account
        cursors = [cursor for cursor in self._cursors if account.held[cursor.symbol]]
        base = account.balance + sum(position.swap for position in account.positions.values())
        held = [self._held(cursor, until) for cursor in cursors]
        span = uneventful_span(held, base, self._equity_band(), until)
        if span is None:
            self._reach = _FIRST_REACH
            return False
        self._reach = min(self._reach * 4, _LONGEST_REACH)
        self._go(cursors, span)
        return True

    def _held(self, cursor: SymbolCursor, until: Millis) -> Held:
        account, symbol, bars = self._account, cursor.symbol, cursor.bars
        mine = [item for item in account.positions.values() if item.spec.name == symbol]
        standing = sum(item.profit(account.bids[symbol], account.asks[symbol]) for item in mine)
        end = bars.first_from(until)
        return Held(mine, standing, bars, cursor.row, end, cursor.in_bar, cursor.period)

    def _go(self, cursors: list[SymbolCursor], span: UneventfulSpan) -> None:
        """Leave each symbol as the last of its events that is skipped would, and publish it."""
        bus, account = self._bus, self._account
        bus.feed(ev.AccountSeen(account.balance, span.worst, account.margin))
        last = [
            (*_left(cursor, events), rank)
            for rank, (cursor, events) in enumerate(zip(cursors, span.events, strict=True))
            if events
        ]
        for moment, opens, row, rank in sorted(last):
            cursor = cursors[rank]
            symbol, bars = cursor.symbol, cursor.bars
            bid = (bars.open if opens else bars.close).item(row)
            ask = bid + bars.spread.item(row)
            opening = bars.time.item(row)
            bus.time, bus.bar = moment, (symbol, opening)
            account.quote(symbol, bid, ask, bars.server.item(row) * 1000 + moment - opening)
            bus.feed(ev.Tick(symbol, bid, ask))
            cursor.move_to(row if opens else row + 1)
            if opens:
                cursor.open()
        bus.feed(ev.AccountSeen(account.balance, account.equity(), account.margin))


def _left(cursor: SymbolCursor, events: int) -> tuple[Millis, bool, int]:
    """The last of so many events of a track: when, whether a bar opens or ends, and its row."""
    bars, opened = divmod(events + cursor.in_bar, 2)
    row = cursor.row + bars - (not opened)
    moment = cursor.bars.time.item(row)
    return (moment, True, row) if opened else (moment + cursor.period, False, row)
