"""Passes over bars that are quiet for all open positions, of whichever symbols.

The only position whose points are worth whole cents is passed over without this: its quiet prices
are known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.paper.broker.account import PaperAccount
from adapters.paper.replay.uneventful import Band
from adapters.paper.replay.uneventful_span import Held, Stretch, quiet_stretch
from engine import events as ev
from engine.bus import Bus
from engine.types import Millis

if TYPE_CHECKING:
    from adapters.paper.replay.feed import Track

_FEW = 4
"""Bars that are played as soon as looked at."""

_FIRST_REACH = 64
_LONGEST_REACH = 1 << 14


class Together:
    """Moves the tracks of all symbols with open positions on at once.

    `awaited` says when the first bar of a track opens that must be played; at the latest the last
    one that is loaded.
    """

    def __init__(
        self,
        bus: Bus,
        account: PaperAccount,
        tracks: list[Track],
        quiet_band: Callable[[], Band],
        awaited: Callable[[Track], Millis],
    ) -> None:
        self._bus = bus
        self._account = account
        self._tracks = tracks
        self._quiet_band = quiet_band
        self._awaited = awaited
        self._shortest = min(track.period for track in tracks)
        # How many bars are looked at: few where something happened lately, as it costs to look.
        self._reach = _FIRST_REACH

    def pass_over(self, due: Millis, until: Millis) -> bool:
        """Pass over what is quiet from `due` on and before `until`; whether anything was.

        Everything before `due` was played, and nothing but bars happens before `until`.
        """
        if not self._called_for():
            return False
        held = self._account.held
        until = min(until, due + self._reach * self._shortest)
        for track in self._tracks:
            if not held[track.symbol]:
                until = min(until, track.due)
        enough = due + _FEW * self._shortest
        for track in self._tracks:
            if held[track.symbol] and until >= enough:
                until = min(until, self._awaited(track))
        return until >= enough and self._pass(until)

    def _called_for(self) -> bool:
        """Whether anything is open that has no quicker way; a waiting order must meet every bar."""
        account = self._account
        positions = account.positions
        if account.orders or not positions:
            return False
        return len(positions) > 1 or not next(iter(positions.values())).cents_per_point

    def _pass(self, until: Millis) -> bool:
        account = self._account
        tracks = [track for track in self._tracks if account.held[track.symbol]]
        base = account.balance + sum(position.swap for position in account.positions.values())
        held = [self._held(track, until) for track in tracks]
        stretch = quiet_stretch(held, base, self._quiet_band(), until)
        if stretch is None:
            self._reach = _FIRST_REACH
            return False
        self._reach = min(self._reach * 4, _LONGEST_REACH)
        self._go(tracks, stretch)
        return True

    def _held(self, track: Track, until: Millis) -> Held:
        account, symbol, bars = self._account, track.symbol, track.bars
        mine = [item for item in account.positions.values() if item.spec.name == symbol]
        standing = sum(item.profit(account.bids[symbol], account.asks[symbol]) for item in mine)
        end = bars.first_from(until)
        return Held(mine, standing, bars, track.row, end, track.in_bar, track.period)

    def _go(self, tracks: list[Track], stretch: Stretch) -> None:
        """Leave each symbol as the last of its events that is passed over would, and tell so."""
        bus, account = self._bus, self._account
        bus.feed(ev.AccountSeen(account.balance, stretch.worst, account.margin))
        last = [
            (*_left(track, events), rank)
            for rank, (track, events) in enumerate(zip(tracks, stretch.events, strict=True))
            if events
        ]
        for moment, opens, row, rank in sorted(last):
            track = tracks[rank]
            symbol, bars = track.symbol, track.bars
            bid = (bars.open if opens else bars.close).item(row)
            ask = bid + bars.spread.item(row)
            opening = bars.time.item(row)
            bus.time, bus.bar = moment, (symbol, opening)
            account.quote(symbol, bid, ask, bars.server.item(row) * 1000 + moment - opening)
            bus.feed(ev.Tick(symbol, bid, ask))
            track.move_to(row if opens else row + 1)
            if opens:
                track.open()
        bus.feed(ev.AccountSeen(account.balance, account.equity(), account.margin))


def _left(track: Track, events: int) -> tuple[Millis, bool, int]:
    """The last of so many events of a track: when, whether a bar opens or ends, and its row."""
    bars, opened = divmod(events + track.in_bar, 2)
    row = track.row + bars - (not opened)
    moment = track.bars.time.item(row)
    return (moment, True, row) if opened else (moment + track.period, False, row)
