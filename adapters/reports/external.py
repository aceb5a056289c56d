"""What stands at the venue beside the session's own positions, for people and programs."""

from __future__ import annotations

import msgspec

from engine import events as ev
from engine.types import lots


class ExternalStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A position or pending order that is not in the session's books.

    `volume` is in lots, `risk` the money that it may still lose. One that is `marked` carries the
    session's own mark though no order explains it: only such a one is closed by a flatten.
    """

    ticket: int
    symbol: str
    side: str
    volume: float
    risk: float
    marked: bool = False


def external_of(seen: ev.ReconciliationMismatch) -> tuple[ExternalStatus, ...]:
    """All that such a comparison with the venue found, by ticket."""
    marked = {item.ticket for item in seen.marked}
    return tuple(
        ExternalStatus(
            ticket=item.ticket,
            symbol=item.symbol,
            side=item.side.word,
            volume=lots(item.volume),
            risk=item.risk / 100,
            marked=item.ticket in marked,
        )
        for item in seen.external
    )
