"""Taking over a position that changes while the session that takes it over begins."""

from __future__ import annotations

from pathlib import Path

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from engine.account.history import DealEntry, HistoryDeal
from engine.events import AdoptedPosition
from scripts.app.sessions.adopting import Adopter, adopted, holdings
from scripts.app.sessions.replay import MAGIC
from tests.builders import EURUSD

TICKET = 7
ADOPTER = Adopter(
    results=Path("nowhere"),
    instruments={"EURUSD": Instrument(EURUSD, "EURUSD", mt5.ORDER_FILLING_FOK)},
    preset="",
    parameters={},
)
ENTRY = HistoryDeal(
    ticket=14, time_msc=1, type=1, entry=DealEntry.IN, position_id=TICKET, magic=MAGIC,
    volume=2.81, price=1.09855, commission=-7.03,
)  # fmt: skip
A_PART = HistoryDeal(
    ticket=15, time_msc=2, type=0, entry=DealEntry.OUT, position_id=TICKET, volume=0.23,
    price=1.0988, profit=-5.75, commission=-0.58,
)  # fmt: skip


def taken(volume: float, *deals: HistoryDeal) -> AdoptedPosition:
    """What is taken over of a position that stands with `volume` now; `deals` were read before."""
    position = mt5.TradePosition.of(
        ticket=TICKET, identifier=TICKET, type=mt5.POSITION_TYPE_SELL, magic=MAGIC, volume=volume,
        price_open=1.09855, sl=1.09957, symbol="EURUSD", comment="8ab148-8",
    )  # fmt: skip
    standing = (position,)
    orphans = holdings(standing, (), lambda at: at)
    (found,) = adopted(ADOPTER, orphans, standing, deals, ()).positions
    return found


def test_what_was_closed_before_is_realized() -> None:
    """With what was paid for the part that is gone."""
    found = taken(2.58, ENTRY, A_PART)
    assert (found.volume, found.commission, found.realized) == (25_800, -645, -691)


def test_a_part_that_is_closed_between_two_looks_is_left_to_the_session() -> None:
    """The position is taken over as the deals leave it: what closed the rest is told as a closing
    by the first look, so that it is counted once and the position's result is whole."""
    assert taken(1.74, ENTRY, A_PART) == taken(2.58, ENTRY, A_PART)


def test_without_deals_the_position_is_taken_over_as_it_stands() -> None:
    found = taken(1.74)
    assert (found.volume, found.commission, found.realized) == (17_400, 0, 0)
