"""The terminal's own figures against ours: they agree, or nothing is sized by either."""

from __future__ import annotations

import msgspec
import pytest

from engine.types import Side
from risk.sizing import FiguresDisagree, agreed, formula_applies, loss_of_one_lot, margin_of
from tests.builders import EURUSD, LOT, USDJPY, XAUUSD

EURGBP = msgspec.structs.replace(EURUSD, name="EURGBP", base="EUR", quote="GBP")
DE40 = msgspec.structs.replace(EURUSD, name="DE40", digits=1, contract=1, base="EUR", quote="EUR")


@pytest.mark.parametrize(
    ("spec", "currency", "known"),
    [(EURUSD, "USD", True), (USDJPY, "USD", True), (XAUUSD, "USD", True),
     (EURGBP, "USD", False), (DE40, "USD", False), (EURUSD, "EUR", False)],
    ids=lambda item: getattr(item, "name", str(item)),
)  # fmt: skip
def test_the_formula_needs_the_accounts_currency_in_the_symbol(
    spec: object, currency: str, known: bool
) -> None:
    assert formula_applies(spec, currency) is known  # type: ignore[arg-type]


class TestLoss:
    def test_where_both_agree_the_larger_loss_counts_with_both_commissions(self) -> None:
        at = {"entry": 110_010, "stop": 109_910, "spread": 10, "currency": "USD"}
        for told, loss in ((None, 10_500), (-10_000, 10_500), (-10_050, 10_550), (-9_950, 10_500)):
            found = loss_of_one_lot(EURUSD, Side.LONG, **at, told=told)  # type: ignore[arg-type]
            assert found == loss

    def test_a_loss_in_yen_is_divided_by_the_stops_own_price(self) -> None:
        at = {"entry": 150_010, "stop": 149_010, "spread": 10, "currency": "USD"}
        found = loss_of_one_lot(USDJPY, Side.LONG, **at, told=-67_111)  # type: ignore[arg-type]
        assert found == 67_111 + 500

    def test_a_cross_is_sized_by_the_terminals_figure_alone(self) -> None:
        at = {"entry": 86_010, "stop": 85_910, "spread": 10, "currency": "USD"}
        found = loss_of_one_lot(EURGBP, Side.LONG, **at, told=-12_734)  # type: ignore[arg-type]
        assert found == 12_734 + 500

    @pytest.mark.parametrize(
        ("symbol", "told", "said"),
        [
            (EURUSD, -12_000, "the terminal says 120.00, the formula 100.00"),
            (EURUSD, 10_000, "is not above zero"),
            (EURGBP, None, "no formula applies and the terminal does not tell it"),
            (EURGBP, 0, "is not above zero"),
        ],
    )
    def test_figures_that_cannot_be_right_are_refused(
        self, symbol: object, told: int | None, said: str
    ) -> None:
        with pytest.raises(FiguresDisagree, match=said):
            loss_of_one_lot(
                symbol, Side.LONG, 110_010, 109_910, 10, currency="USD", told=told  # type: ignore[arg-type]
            )  # fmt: skip


def test_margin_is_checked_the_same_way() -> None:
    assert margin_of(EURUSD, LOT, 110_010, currency="USD", told=110_010) == 110_010
    assert margin_of(EURGBP, LOT, 86_010, currency="USD", told=113_000) == 113_000
    with pytest.raises(FiguresDisagree, match="margin of EURUSD"):
        margin_of(EURUSD, LOT, 110_010, currency="USD", told=333_000)


@pytest.mark.parametrize(("told", "fits"), [(101, True), (102, True), (103, False)])
def test_small_amounts_may_differ_by_a_cent_beyond_the_tolerance(told: int, fits: bool) -> None:
    if fits:
        assert agreed("x", 100, told, 0.01) == told
    else:
        with pytest.raises(FiguresDisagree):
            agreed("x", 100, told, 0.01)
