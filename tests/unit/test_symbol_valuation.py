"""What is asked of a terminal about a symbol's money, and what becomes of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.valuation import BrokerValuation, ValuationSchedule, broker_valuation
from adapters.paper.terminal.functions import PaperTerminal
from engine.types import SymbolSpec
from tests.builders import EURGBP, EURUSD, LOT, USDJPY, XAUUSD, broker_valued
from tests.paper_terminals import terminal_at_ticks
from tests.unit.test_paper_conversion import account

MINUTE = 60_000


def crosses() -> PaperTerminal:
    return PaperTerminal(account(GBPUSD=(125_000, 125_010)))


@pytest.mark.parametrize(
    ("spec", "bid", "ask", "amounts"),
    [
        (EURUSD, 110_000, 110_010, (110, 550_000, 550_000, 110_010)),
        (USDJPY, 150_000, 150_010, (150, 499_434, 500_467, 100_000)),
        (XAUUSD, 265_000, 265_020, (265, 530_000, 530_000, 883_400)),
        (EURGBP, 86_000, 86_010, (86, 537_500, 537_543, 107_521)),
    ],
    ids=lambda item: getattr(item, "name", ""),
)
def test_the_largest_order_moves_by_a_thousandth_and_a_lot_is_bound(
    spec: SymbolSpec, bid: int, ask: int, amounts: tuple[int, ...]
) -> None:
    """The smaller gain and the larger loss of both sides, so that neither is taken too lightly."""
    terminal = crosses() if spec is EURGBP else terminal_at_ticks()
    found = broker_valuation(terminal, spec.name, spec, bid, ask)
    move, gain, loss, margin = amounts
    assert found == BrokerValuation(ask, move, spec.volume_max, gain, loss, margin)


class Says(PaperTerminal):
    """A terminal whose profits are put into its mouth."""

    def __init__(self, *profits: float | None, margin: float | None = 1_100.1) -> None:
        super().__init__(terminal_at_ticks().account)
        self.profits = list(profits)
        self.margin = margin

    def order_calc_profit(self, *_asked: Any) -> float | None:
        return self.profits.pop(0)

    def order_calc_margin(self, *_asked: Any) -> float | None:
        return self.margin


def test_of_two_sides_the_worse_counts() -> None:
    found = broker_valuation(
        Says(5_500, 5_400, -5_500, -5_600.004), "EURUSD", EURUSD, 110_000, 110_010
    )
    assert found == BrokerValuation(110_010, 110, 50 * LOT, 540_000, 560_000, 110_010)


@pytest.mark.parametrize(
    "terminal",
    [
        Says(5_500, None, -5_500, -5_500),
        Says(5_500, 5_500, -5_500, -5_500, margin=None),
        Says(0, 0, 0, 0),
        Says(-5_500, -5_500, 5_500, 5_500),
        Says(5_500, 5_500, -5_500, -5_500, margin=-1.0),
    ],
    ids=["no profit", "no margin", "nothing", "signs turned round", "margin below zero"],
)
def test_an_answer_that_nothing_can_be_sized_by_is_none(terminal: Says) -> None:
    assert broker_valuation(terminal, "EURUSD", EURUSD, 110_000, 110_010) is None


def test_a_symbol_without_a_price_is_not_asked_about() -> None:
    assert broker_valuation(Says(), "EURUSD", EURUSD, 0, 0) is None


def test_what_the_package_is_given_are_its_own_constants_and_decimals() -> None:
    asked: list[Any] = []

    class Listens(Says):
        def order_calc_profit(self, *terms: Any) -> float:
            asked.append(terms)
            return 5_500.0 if len(asked) < 3 else -5_500.0

    assert broker_valuation(Listens(), "EURUSD.r", EURUSD, 110_000, 110_010) is not None
    assert asked == [
        (mt5.ORDER_TYPE_BUY, "EURUSD.r", 50.0, 1.1001, 1.1012),
        (mt5.ORDER_TYPE_SELL, "EURUSD.r", 50.0, 1.1001, 1.099),
        (mt5.ORDER_TYPE_BUY, "EURUSD.r", 50.0, 1.1001, 1.099),
        (mt5.ORDER_TYPE_SELL, "EURUSD.r", 50.0, 1.1001, 1.1012),
    ]


class TestValues:
    ANSWER = BrokerValuation(110_010, 110, 50 * LOT, 550_000, 550_000, 110_010)

    def test_the_first_answer_is_told_the_next_ones_only_when_they_are_due(self) -> None:
        values = ValuationSchedule()
        assert values.is_due(EURUSD, 0)
        assert values.news(EURUSD, self.ANSWER, 7) == broker_valued(time=7)
        assert not values.is_due(EURUSD, 8)
        assert values.news(EURUSD, self.ANSWER, 8) is None
        assert values.is_due(EURUSD, 60 * MINUTE + 7)
        assert values.news(EURUSD, self.ANSWER, 60 * MINUTE + 7) is not None

    def test_while_the_terminal_cannot_tell_it_is_asked_again_and_again(self) -> None:
        values = ValuationSchedule()
        assert values.news(EURUSD, None, 0) is None
        assert values.is_due(EURUSD, 1)
