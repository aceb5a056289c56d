"""A statement against our deals: equal, or each difference named once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.statements.reader import read_statement
from adapters.statements.reconcile import Ours, Tolerance, positions_of, reconcile
from adapters.statements.shape import (
    DealKind,
    Statement,
    StatementDeal,
    StatementKind,
    StatementPosition,
)
from scripts.view.reconciliation import reconciliation_lines
from tests.ledger_cases import shared_folder
from tests.statement_files import METRIX, html_history, write_html

REPORTS = shared_folder() / "data" / "reports"
NOON = 1_781_524_800_000


def traded(
    number: int, at: int = NOON, profit: int = 1_000, **given: object
) -> list[StatementDeal]:
    """A position of one lot: its entry and, an hour later, its exit."""
    fields = {"symbol": "EURUSD", "volume": 10**8, "position": 5_000 + number, **given}
    return [
        StatementDeal(ticket=2 * number, time=at, side=1, entry="in", price=Decimal("1.1"),
                      order=5_000 + number, commission=-350, **fields),  # type: ignore[arg-type]
        StatementDeal(ticket=2 * number + 1, time=at + 3_600_000, side=-1, entry="out",
                      price=Decimal("1.101"), order=9_000 + number, commission=-350,
                      profit=profit, **fields),  # type: ignore[arg-type]
    ]  # fmt: skip


def statement(deals: list[StatementDeal], **given: object) -> Statement:
    fields = {"kind": StatementKind.REPORT_HISTORY, "opening": 0, **given}
    return Statement(path=Path("s.xlsx"), deals=tuple(deals), **fields)  # type: ignore[arg-type]


def test_equal_deals_are_equal_and_everything_is_matched() -> None:
    deals = traded(1) + traded(2, NOON + 60_000)
    found = reconcile(Ours(deals=tuple(deals), opening=0), statement(deals))
    assert found.equal
    assert found.matched == 4
    assert found.sums["net"] == (600, 600)
    assert found.opening == (0, 0)
    assert found.closing == (600, 600)


def test_a_field_that_differs_is_named_with_both_values_and_the_cents() -> None:
    deals = traded(1)
    other = [deals[0], msgspec.structs.replace(deals[1], swap=-125, price=Decimal("1.1012"))]
    found = reconcile(Ours(deals=tuple(deals)), statement(other))
    assert {(one.field, one.ours, one.theirs, one.cents) for one in found.differs} == {
        ("swap", "0.00", "-1.25", -125),
        ("price", "1.101", "1.1012", None),
    }
    loose = reconcile(
        Ours(deals=tuple(deals)), statement(other), Tolerance(money=125, price_points=2)
    )
    assert loose.equal


def test_a_deal_that_one_side_lacks_is_a_difference_within_the_common_period() -> None:
    deals = traded(1) + traded(2, NOON + 60_000) + traded(3, NOON + 120_000)
    lacking = traded(1) + traded(3, NOON + 120_000)
    theirs = reconcile(Ours(deals=tuple(deals)), statement(lacking))
    assert [one.ticket for one in theirs.only_ours] == [4, 5]
    ours = reconcile(Ours(deals=tuple(lacking)), statement(deals))
    assert [one.ticket for one in ours.only_statement] == [4, 5]


def test_what_lies_outside_the_common_period_is_counted_only() -> None:
    early, common = traded(1, NOON - 86_400_000), traded(2)
    found = reconcile(Ours(deals=tuple(early + common)), statement(common))
    assert found.equal
    assert found.outside_ours == 2
    made = NOON + 86_400_000
    late = traded(3, NOON + 7_200_000)
    missed = reconcile(Ours(deals=tuple(common + late)), statement(common, made=made))
    assert [one.ticket for one in missed.only_ours] == [6, 7]


def test_sides_that_cover_no_common_time_say_so_and_are_not_equal() -> None:
    found = reconcile(Ours(deals=tuple(traded(1))), statement(traded(2, NOON + 86_400_000)))
    assert not found.equal
    assert next(reconciliation_lines(found)) == "period         none that both cover"


def test_a_statement_without_a_row_is_told_as_that() -> None:
    found = reconcile(Ours(deals=tuple(traded(1))), statement([]))
    assert not found.equal
    assert found.explained[0] == "the statement holds no deal and no closed position"
    assert reconcile(Ours(deals=()), statement([])).equal


def test_a_clock_that_is_ahead_by_whole_half_hours_is_told_and_taken() -> None:
    deals = traded(1) + traded(2, NOON + 60_000)
    ahead = [msgspec.structs.replace(deal, time=deal.time + 7_200_000) for deal in deals]
    found = reconcile(Ours(deals=tuple(deals)), statement(ahead))
    assert found.equal
    assert found.shift == 7_200_000
    assert "+2 h" in found.explained[0]


def test_a_testers_own_tickets_are_no_key() -> None:
    """Matched by symbol, side, volume, time and price; a suffix of the broker's is ignored."""
    deals = traded(1)
    tester = [
        msgspec.structs.replace(deal, ticket=number + 2, symbol="EURUSD.Z", time=deal.time + 1_000)
        for number, deal in enumerate(deals)
    ]
    found = reconcile(
        Ours(deals=tuple(deals)), statement(tester, kind=StatementKind.STRATEGY_TESTER)
    )
    assert found.matched == 2
    assert found.equal


def test_two_equally_good_partners_are_never_guessed() -> None:
    """Two buys of one volume in the same second; another volume tells them apart."""
    twins = traded(1)[:1] + traded(2)[:1]
    tester = [msgspec.structs.replace(twins[0], ticket=77)]
    found = reconcile(
        Ours(deals=tuple(twins)), statement(tester, kind=StatementKind.STRATEGY_TESTER)
    )
    assert [one.ticket for one in found.ambiguous] == [77]
    assert not found.equal
    apart = [twins[0], msgspec.structs.replace(twins[1], volume=2 * 10**8)]
    clear = reconcile(
        Ours(deals=tuple(apart)), statement(tester, kind=StatementKind.STRATEGY_TESTER)
    )
    assert clear.ambiguous == ()
    assert clear.matched == 1


def test_capital_is_matched_by_amount_and_time() -> None:
    paid = StatementDeal(ticket=1, time=NOON, kind=DealKind.CAPITAL, profit=100_00)
    theirs = msgspec.structs.replace(paid, ticket=900, time=NOON + 59_000)
    found = reconcile(Ours(deals=(paid,)), statement([theirs]), Tolerance(time=60_000))
    assert found.equal
    other = msgspec.structs.replace(theirs, profit=200_00)
    assert not reconcile(Ours(deals=(paid,)), statement([other])).equal


def test_metrix_rows_are_positions_with_one_commission(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text(METRIX, encoding="utf-8")
    history = read_statement(write_html(tmp_path / "r.html", html_history()))
    ours = [msgspec.structs.replace(deal, position=5001) if deal.symbol else deal
            for deal in history.deals]  # fmt: skip
    found = reconcile(Ours(deals=tuple(ours)), read_statement(file))
    assert found.equal
    assert found.matched == 1
    cheaper = [msgspec.structs.replace(deal, commission=0) if deal.entry == "out" else deal
               for deal in ours]  # fmt: skip
    (difference,) = reconcile(Ours(deals=tuple(cheaper)), read_statement(file)).differs
    assert (difference.field, difference.cents) == ("commission", -350)


def test_positions_are_made_of_their_deals_and_open_ones_are_left_out() -> None:
    first, last = traded(1)
    part = msgspec.structs.replace(last, volume=4 * 10**7, price=Decimal("1.102"))
    rest = msgspec.structs.replace(last, ticket=9, volume=6 * 10**7, time=last.time + 1_000)
    (made,) = positions_of([first, part, rest, *traded(2)[:1]])
    assert made == StatementPosition(
        ticket=5001, symbol="EURUSD", side=1, volume=10**8, opened=NOON,
        open_price=Decimal("1.1"), closed=rest.time, close_price=Decimal("1.1014"),
        commission=-1_050, profit=2_000,
    )  # fmt: skip


@pytest.mark.skipif(not REPORTS.is_dir(), reason=f"{REPORTS} is not there")
def test_the_genuine_history_against_itself_says_that_two_entries_lie_before_it() -> None:
    history = read_statement(REPORTS / "ReportHistory_demo_hedge_anonymised.xlsx")
    found = reconcile(Ours(deals=history.deals, opening=history.opening), history)
    assert found.equal
    assert found.matched == 18
    assert found.explained == ("2 exits without entry: the statement begins later",)
    metrix = read_statement(REPORTS / "ftmo_metrix_export_GENUINE.csv")
    nothing = reconcile(Ours(deals=()), metrix)
    assert not nothing.equal
    assert len(nothing.only_statement) + nothing.outside_theirs == 27


@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_order_of_rows_does_not_matter_and_one_change_is_one_difference(
    order: list[int], changed: int
) -> None:
    deals = [deal for number in range(3) for deal in traded(number + 1, NOON + number * 5_000)]
    mixed = [deals[place] for place in order]
    assert reconcile(Ours(deals=tuple(deals)), statement(mixed)).equal
    mixed[changed] = msgspec.structs.replace(mixed[changed], profit=mixed[changed].profit + 1)
    (difference,) = reconcile(Ours(deals=tuple(deals)), statement(mixed)).differs
    assert (difference.ticket, difference.cents) == (mixed[changed].ticket, 1)
