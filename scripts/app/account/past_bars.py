"""The bars that bound what an account was worth while no session watched, kept between readings."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from adapters.state.past_bars import BarsRead
from engine.types import Millis
from risk.ledger.inputs import PastBars
from risk.ledger.verdict import BarsWanted

LENGTHS: Final = (1, 15)
"""Minutes of the bars that are tried: short ones bound better, long ones reach back further."""

LONGEST_OF_SHORT: Final[Millis] = 10 * 86_400_000
FARTHEST: Final[Millis] = 400 * 86_400_000
"""Further back nothing is asked for."""

AROUND: Final[Millis] = 4 * 86_400_000
"""So much more is asked for on both sides: a reset lies between two bars, over a holiday, too."""

_AGAIN: Final[Millis] = 900_000
_TRIES: Final = 3
_MUCH_LATER: Final[Millis] = 86_400_000
"""What a terminal has not loaded after some tries it probably does not have."""
_LOT: Final = 10**8


class KeptBars:
    """What was read of a terminal's bars; a session asks for them anew only for other times."""

    def __init__(self) -> None:
        self.bars: PastBars | None = None
        self._asked: BarsWanted | None = None
        self._at: Millis = 0
        self._tries = 0

    def is_worth_asking(self, wanted: BarsWanted, now: Millis) -> bool:
        """Whether other bars are wanted than those asked for last, or that is a while ago."""
        pause = _AGAIN if self._tries < _TRIES else _MUCH_LATER
        return not self._covers(wanted) or now - self._at >= pause

    def _covers(self, wanted: BarsWanted) -> bool:
        asked = self._asked
        return (
            asked is not None
            and asked.low <= wanted.low
            and wanted.high <= max(asked.high, self._at)
            and set(wanted.symbols) <= set(asked.symbols)
        )

    def keep(self, wanted: BarsWanted, now: Millis, read: BarsRead) -> PastBars:
        """Keep what was read, as the ledger takes it."""
        self._tries = self._tries + 1 if self._covers(wanted) else 1
        self._asked, self._at = wanted, now
        self.bars = past_bars(read)
        return self.bars


def past_bars(read: BarsRead) -> PastBars:
    """Bars as the ledger takes them, with what a move of each symbol's price earns."""

    def profit(symbol: str, volume: int, opened: Decimal, price: Decimal) -> Decimal | None:
        worth = read.worth.get(symbol)
        if worth is None:
            return None
        earned = (price - opened) * Decimal(repr(worth.value)) * volume / _LOT
        return earned / price if worth.by_price and price else earned

    return PastBars(
        minutes=read.minutes,
        by_symbol=read.by_symbol,
        points={name: Decimal(repr(item.point)) for name, item in read.worth.items()},
        profit=profit,
    )
