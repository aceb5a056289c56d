"""A session's trades by its journal, as deals to hold against a statement."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from adapters.statements.shape import StatementDeal
from engine import events as ev
from engine.types import UNITS_PER_LOT, Cents, Points, Side, SymbolSpec, Units

_LOTS = 10**8


def deals_of(
    records: Iterable[ev.Record], symbols: Sequence[SymbolSpec], to_server: Callable[[int], int]
) -> tuple[StatementDeal, ...]:
    """The deals in order; `to_server` gives the server's time of a moment, both in seconds.

    What a stop or a target closed has no ticket in a journal: such a deal has one below 0, which no
    statement has, and is matched by what it was.
    """
    return tuple(_Deals({spec.name: spec for spec in symbols}, to_server).of(records))


class _Deals:
    def __init__(self, specs: dict[str, SymbolSpec], to_server: Callable[[int], int]) -> None:
        self._specs, self._to_server = specs, to_server
        self._fills: defaultdict[int, deque[ev.OrderFilled]] = defaultdict(deque)
        self._unnamed = 0

    def of(self, records: Iterable[ev.Record]) -> Iterator[StatementDeal]:
        for record in records:
            event, at = record.event, self._at(record.time)
            if isinstance(event, ev.OrderFilled):
                self._fills[event.order_id].append(event)
            elif isinstance(event, ev.PositionOpened) and event.order_id:
                yield from self._entries(event, at)
            elif isinstance(event, ev.PositionClosed):
                yield self._exit(event, at)

    def _at(self, moment: int) -> int:
        return self._to_server(moment // 1000) * 1000 + moment % 1000

    def _entries(self, opened: ev.PositionOpened, at: int) -> Iterator[StatementDeal]:
        """One deal a fill; the commission is that of each one's part of the volume."""
        fills = list(self._fills.pop(opened.order_id, ()))
        left: Cents = opened.commission
        for number, fill in enumerate(fills, start=1):
            share = left if number == len(fills) else opened.commission * fill.volume
            if number < len(fills):
                share = int(share / opened.volume)
            left -= share
            yield StatementDeal(
                ticket=fill.deal,
                time=at,
                symbol=opened.symbol,
                side=1 if opened.side is Side.LONG else -1,
                entry="in",
                volume=_volume(fill.volume),
                price=self._price(opened.symbol, fill.price),
                order=fill.ticket,
                position=opened.position,
                commission=share,
            )

    def _exit(self, closed: ev.PositionClosed, at: int) -> StatementDeal:
        fills = self._fills.get(closed.order_id) if closed.order_id else None
        fill = fills.popleft() if fills else None
        self._unnamed -= fill is None
        return StatementDeal(
            ticket=self._unnamed if fill is None else fill.deal,
            time=at,
            symbol=closed.symbol,
            side=-1 if closed.side is Side.LONG else 1,
            entry="out",
            volume=_volume(closed.volume),
            price=self._price(closed.symbol, closed.price),
            order=0 if fill is None else fill.ticket,
            position=closed.position,
            commission=closed.commission,
            swap=closed.swap,
            profit=closed.profit,
        )

    def _price(self, symbol: str, price: Points) -> Decimal:
        return Decimal(price).scaleb(-self._specs[symbol].digits)


def _volume(volume: Units) -> int:
    return volume * (_LOTS // UNITS_PER_LOT)
