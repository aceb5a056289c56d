"""Statements: every known form is read into the same deals and positions, or refused in a line."""

from __future__ import annotations

import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.statements.cells import cents_of, number_of, price_of, time_of, uses_comma, volume_of
from adapters.statements.reader import read_statement
from adapters.statements.shape import DealKind, Statement, StatementError, StatementKind
from tests.ledger_cases import shared_folder
from tests.statement_files import (
    DEALS,
    METRIX,
    POSITIONS,
    TRADED,
    WITH_COST,
    WITHOUT_FEE,
    html_history,
    write_html,
    write_xlsx,
    xlsx_history,
)

REPORTS = shared_folder() / "data" / "reports"
genuine = pytest.mark.skipif(not REPORTS.is_dir(), reason=f"{REPORTS} is not there")


# --- genuine files ---


@genuine
def test_a_genuine_history_workbook() -> None:
    """Its parts are UTF-16; two exits have no entry; the last rows are totals and results."""
    statement = read_statement(REPORTS / "ReportHistory_demo_hedge_anonymised.xlsx")
    assert statement.kind is StatementKind.REPORT_HISTORY
    assert (len(statement.positions), len(statement.deals)) == (9, 18)
    assert (statement.orders, len(statement.open_positions)) == (24, 1)
    assert sum(deal.kind is DealKind.TRADE for deal in statement.deals) == 17
    assert sum(deal.kind is DealKind.CAPITAL for deal in statement.deals) == 1
    assert statement.breaks == ()
    assert (statement.opening, statement.closing) == (5_061, 5_094)
    entered = {deal.position for deal in statement.deals}
    assert {one.ticket for one in statement.positions} - entered == {35324172, 35324758}
    assert sum(one.net for one in statement.positions) == -4_967
    assert sum(deal.net for deal in statement.deals) == 33
    account = statement.account
    assert (account.login, account.currency, account.server) == (
        10000001,
        "USD",
        "HFMarketsKE-Demo2",
    )
    assert (account.balance, account.equity, account.credit) == (5_094, 4_857, 0)
    assert statement.made == time_of("2025.05.15 18:14")


@genuine
def test_a_genuine_metrix_export() -> None:
    statement = read_statement(REPORTS / "ftmo_metrix_export_GENUINE.csv")
    assert statement.kind is StatementKind.METRIX
    assert len(statement.positions) == 27
    assert sum(one.profit for one in statement.positions) == 534_860
    assert sum(one.commission for one in statement.positions) == -19_058
    assert sum(one.swap for one in statement.positions) == 0
    assert sum(one.net for one in statement.positions) == 515_802
    newest = statement.positions[0]
    assert (newest.ticket, newest.side, newest.volume) == (114279812, -1, 1_000_000)


@genuine
def test_a_genuine_tester_report() -> None:
    statement = read_statement(REPORTS / "mt5_strategy_tester_report_utf16_GENUINE.html")
    assert statement.kind is StatementKind.STRATEGY_TESTER
    assert (statement.orders, len(statement.deals)) == (6, 7)
    assert statement.deals[0].kind is DealKind.CAPITAL
    assert (statement.opening, statement.closing) == (0, 589)
    assert sum(deal.net for deal in statement.deals[1:]) == -611
    assert statement.account.currency == "USD"


# --- built files ---


def is_the_example(statement: Statement) -> None:
    """One deposit and one trade of 91.75, whatever the file's form."""
    assert statement.breaks == ()
    assert (statement.opening, statement.closing) == (0, 10_009_175)
    assert [deal.kind for deal in statement.deals] == [
        DealKind.CAPITAL,
        DealKind.TRADE,
        DealKind.TRADE,
    ]
    entry, leaving = statement.deals[1:]
    assert (entry.commission, entry.volume, entry.position) == (-350, 10**8, 5001)
    assert (leaving.swap, leaving.profit, leaving.price) == (-125, 10_000, Decimal("1.101"))


def test_a_history_page_with_hidden_cells(tmp_path: Path) -> None:
    statement = read_statement(write_html(tmp_path / "r.html", html_history()))
    is_the_example(statement)
    (position,) = statement.positions
    assert (position.ticket, position.volume, position.net) == (5001, 10**8, 9_175)
    assert statement.account.login == 10000001
    assert statement.account.balance == 10_009_175


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8", "utf-8-sig", "cp1252"])
def test_a_page_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    is_the_example(read_statement(write_html(tmp_path / "r.html", html_history(), encoding)))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_a_workbook_in_both_encodings(tmp_path: Path, encoding: str) -> None:
    is_the_example(read_statement(xlsx_history(tmp_path / "r.xlsx", encoding=encoding)))


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (WITH_COST, lambda row: (*row[:8], "-0.40", *row[8:])),
        (WITHOUT_FEE, lambda row: (*row[:9], *row[10:])),
    ],
    ids=["cost", "no fee"],
)
def test_deals_with_a_cost_column_or_without_fees(tmp_path: Path, header, row) -> None:  # type: ignore[no-untyped-def]
    """The cost is told beside the amounts and is no part of the balance."""
    deals = [row(one) for one in TRADED]
    is_the_example(read_statement(write_html(tmp_path / "r.html", html_history(deals, header))))


def test_another_language_is_read_by_the_order_of_columns(tmp_path: Path) -> None:
    """The balance column is the running sum; a row without a symbol is capital."""
    header = ("Zeit", "Abschluss", "Symbol", "Typ", "Richtung", "Volumen", "Preis", "Auftrag",
              "Kommission", "Gebühr", "Swap", "Gewinn", "Saldo", "Kommentar")  # fmt: skip
    words = {"buy": "kauf", "sell": "verkauf", "balance": "saldo", "in": "ein", "out": "aus"}
    deals = [tuple(words.get(cell, cell) for cell in row) for row in TRADED]
    statement = read_statement(
        write_html(tmp_path / "r.html", html_history(deals, header, (), ("",)))
    )
    assert (statement.opening, statement.closing) == (0, 10_009_175)
    assert [deal.kind for deal in statement.deals] == [
        DealKind.CAPITAL,
        DealKind.TRADE,
        DealKind.TRADE,
    ]
    assert statement.deals[1].side is None


RUSSIAN = (
    "Время", "Сделка", "Символ", "Тип", "Направление", "Объем", "Цена", "Ордер", "Комиссия",
    "Плата", "Своп", "Прибыль", "Баланс", "Комментарий",
)  # fmt: skip


def test_credit_is_told_from_capital_by_the_balance_in_another_language(tmp_path: Path) -> None:
    """It changes no balance; decimals may be commas there and thousands points."""
    credit = ("2026.06.15 11:00:00", "9", "", "кредит", "", "", "", "", "0.00", "0.00", "0.00",
              "500.00", "99 996.50", "")  # fmt: skip
    words = {"buy": "покупка", "sell": "продажа", "balance": "баланс", "in": "вход", "out": "выход"}
    deals = [
        tuple(words.get(cell, cell) for cell in row) for row in (*TRADED[:2], credit, TRADED[2])
    ]
    decimal = [
        tuple(cell.replace(".", ",").replace(" ", ".") if at > 4 else cell
              for at, cell in enumerate(row))
        for row in deals
    ]  # fmt: skip
    for rows in (deals, decimal):
        file = write_xlsx(tmp_path / "r.xlsx", [("Отчет",), RUSSIAN, *rows])
        statement = read_statement(file)
        kinds = [deal.kind for deal in statement.deals]
        trade = DealKind.TRADE
        assert kinds == [DealKind.CAPITAL, trade, DealKind.CREDIT, trade]
        assert (statement.opening, statement.closing, statement.breaks) == (0, 10_009_175, ())


def test_open_positions_of_another_language_are_found_by_their_numbers(tmp_path: Path) -> None:
    header = ("Ora", "Posizione", "Simbolo", "Tipo", "Volume", "Prezzo", "S / L", "T / P",
              "Prezzo di mercato", "Swap", "Profitto", "Commento")  # fmt: skip
    held = ("2026.06.15 10:00:00", "5001", "EURUSD", "acquisto", "0.10", "1.10000", "", "1.11000",
            "1.10200", "-0.35", "20.00", "")  # fmt: skip
    file = write_xlsx(
        tmp_path / "r.xlsx",
        [("Rapporto",), ("Posizioni aperte",), header, held, ("Affari",), RUSSIAN, *TRADED],
    )
    statement = read_statement(file)
    (position,) = statement.open_positions
    assert (position.ticket, position.volume, position.closed) == (5001, 10_000_000, None)
    assert (position.swap, position.profit) == (-35, 2_000)
    assert len(statement.deals) == 3


def test_a_report_of_a_time_without_deals_is_empty_and_no_error(tmp_path: Path) -> None:
    page = html_history((), DEALS, (), POSITIONS)
    statement = read_statement(write_html(tmp_path / "r.html", page))
    assert (statement.deals, statement.positions, statement.opening) == ((), (), None)
    assert statement.account.login == 10_000_001


def test_columns_that_do_not_add_up_are_not_guessed(tmp_path: Path) -> None:
    header = tuple(f"Spalte {number}" for number in range(len(DEALS)))
    deals = [*TRADED[:2], (*TRADED[2][:12], "5.00", "")]
    page = write_html(tmp_path / "r.html", html_history(deals, header, (), ("",)))
    with pytest.raises(StatementError, match=r"columns not understood \(header: Spalte 0"):
        read_statement(page)


def test_a_balance_that_is_not_the_running_sum_is_named_and_read(tmp_path: Path) -> None:
    deals = [*TRADED[:2], (*TRADED[2][:12], "5.00", "")]
    statement = read_statement(write_html(tmp_path / "r.html", html_history(deals)))
    assert statement.breaks == (statement.deals[2].row,)


def test_metrix_with_a_comma_for_the_point(tmp_path: Path) -> None:
    file = tmp_path / "m.csv"
    file.write_text(METRIX.replace(".", ","), encoding="utf-8")
    (position,) = read_statement(file).positions
    assert (position.swap, position.commission, position.profit) == (-125, -700, 10_000)
    assert position.open_price == Decimal("1.1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        (";;;\n;;\n", "holds no row"),
        ("a;b;c\n1;2;3\n", r"columns not understood \(header: a \| b \| c\)"),
        (METRIX.replace("5001;", "x;"), "row 2: ticket: 'x' is no ticket"),
        (METRIX.replace("-1.25", "abc"), "row 2: swap: 'abc' is no amount in cents"),
        (METRIX.replace("-1.25", "-1.255"), "row 2: swap: '-1.255' is no amount in cents"),
        (METRIX.replace("2026-06-15 12:00:00", "2026-13-15 12:00:00"), "row 2: .* is no time"),
        (METRIX + "1;2;3\n", "row 3: has 3 columns instead of 15"),
        ("<html><body>nothing</body></html>", "columns not understood"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_in_one_line(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "m.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StatementError, match=told) as caught:
        read_statement(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_damaged_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StatementError, match="cannot be read"):
        read_statement(tmp_path / "none.xlsx")
    whole = xlsx_history(tmp_path / "r.xlsx").read_bytes()
    for length in range(4, len(whole), 97):
        file = tmp_path / "cut.xlsx"
        file.write_bytes(whole[:length])
        with pytest.raises(StatementError):
            read_statement(file)


def test_a_workbook_that_defines_entities_is_refused(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "r.xlsx", [("x",)])
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("xl/workbook.xml", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>")
    with pytest.raises(StatementError, match="defines entities"):
        read_statement(file)


# --- cells ---


@pytest.mark.parametrize(
    ("text", "comma", "expected"),
    [
        ("10 000.00", False, "10000.00"),
        ("10\u00a0000.00", False, "10000.00"),
        ("10\u202f000,50", True, "10000.50"),
        ("1.234,50", True, "1234.50"),
        ("\u22125.25", False, "-5.25"),
        ("1'000.5", False, "1000.5"),
        ("-10,000.50", False, "-10000.50"),
        ("1,00.50", False, None),
        ("market", False, None),
        ("", False, None),
        ("NaN", False, None),
    ],
)
def test_numbers_as_terminals_print_them(text: str, comma: bool, expected: str | None) -> None:
    number = number_of(text, comma=comma)
    assert number == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("cells", "comma"),
    [
        (["1.5", "2,50"], False),
        (["2,50"], True),
        (["1,10000", "2026.06.15 10:00:00"], True),
        (["10"], False),
    ],
)
def test_the_comma_is_the_decimal_mark_only_where_no_point_is(
    cells: list[str], comma: bool
) -> None:
    assert uses_comma(cells) is comma


def test_a_cancelled_orders_volume_is_what_was_filled() -> None:
    assert volume_of("1 / 0") == 0
    assert volume_of("0.1 / 0.1") == 10_000_000


def test_no_price_is_no_price() -> None:
    assert price_of("market") is None
    assert price_of("0.00") is None
    assert price_of("1.1289499999999999") == Decimal("1.12895")


@given(st.integers(-(10**12), 10**12))
def test_an_amount_keeps_its_cents(cents: int) -> None:
    """Printed with spaces between thousands and read back."""
    text = f"{Decimal(cents).scaleb(-2):,.2f}".replace(",", " ")
    number = number_of(text)
    assert number is not None
    assert cents_of(number) == cents
