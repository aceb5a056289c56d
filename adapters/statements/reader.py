"""Reading a statement, whichever of the known programs wrote it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from adapters.statements.cells import cents_of, number_of, price_of, time_of, whole_of
from adapters.statements.sections import Sheet, TableSection, with_credits
from adapters.statements.shape import (
    AccountFacts,
    Statement,
    StatementDeal,
    StatementError,
    StatementKind,
    StatementPosition,
)
from adapters.statements.tables import Rows, csv_rows, html_rows, raw_bytes, text_of, xlsx_rows

_ACCOUNT = re.compile(r"(\d{1,18}) \(([^,()]{2,12}), ?([^,()]+)(?:,[^()]*)?\)")
_TESTER_SERVER = re.compile(r"(\S+) \(Build \d+\)")
_METRIX = (
    "ticket", "open", "type", "volume", "symbol", "price", "sl", "tp", "close", "price", "swap",
    "commissions", "profit", "pips", "trade duration in seconds",
)  # fmt: skip
_SIDES = {"buy": 1, "sell": -1}


def read_statement(path: Path) -> Statement:
    """The statement in a file. Raises StatementError, which names file, row and remedy."""
    raw = raw_bytes(path)
    if raw.startswith(b"PK"):
        return _report(path, xlsx_rows(path, raw), StatementKind.REPORT_HISTORY)
    text = text_of(path, raw)
    if not text.strip():
        raise StatementError(path, "is empty; export it anew")
    if re.match(r"\s*<", text):
        rows, generator = html_rows(text)
        tester = "tester" in generator.lower()
        kind = StatementKind.STRATEGY_TESTER if tester else StatementKind.REPORT_HISTORY
        return _report(path, rows, kind)
    return _metrix(path, csv_rows(path, text))


def _report(path: Path, rows: Rows, kind: StatementKind) -> Statement:
    """A report of MT5: an account's history or a tester's run."""
    sheet = Sheet.of(path, rows)
    sections: dict[str, TableSection] = {}
    for section in sheet.sections():
        sections.setdefault(sheet.kind_of(section), section)
    if not sections.keys() & {"deals", "positions", "open"} and (
        sections or not sheet.names_sections()
    ):
        raise sheet.not_understood(sections.get(""))
    deals = _deals(sheet, sections)
    opening, breaks = _running(deals)
    return Statement(
        path=path,
        kind=kind,
        account=_facts(sheet),
        deals=tuple(deals),
        positions=tuple(
            sheet.position(*row, sections["positions"]) for row in _rows(sections, "positions")
        ),
        open_positions=tuple(
            sheet.open_position(*row, sections["open"]) for row in _rows(sections, "open")
        ),
        orders=len(_rows(sections, "orders")),
        made=_made(rows),
        opening=opening,
        breaks=breaks,
    )


def _deals(sheet: Sheet, sections: dict[str, TableSection]) -> list[StatementDeal]:
    rows = _rows(sections, "deals")
    deals = [sheet.deal(*row, sections["deals"]) for row in rows]
    return with_credits(deals, [sheet.type_of(row, sections["deals"]) for _, row in rows])


def _rows(sections: dict[str, TableSection], name: str) -> list[tuple[int, list[str]]]:
    return sections[name].rows if name in sections else []


def _made(rows: Rows) -> int | None:
    """When a report was made: the one time beside a label above its sections."""
    for row in rows[:20]:
        cells = [cell for cell in row if cell]
        if len(cells) == 2 and time_of(cells[0]) is None and (made := time_of(cells[1])):
            return made
    return None


def _running(deals: list[StatementDeal]) -> tuple[int | None, tuple[int, ...]]:
    """The balance before the first deal, and the rows whose balance is not the running sum."""
    if not deals or deals[0].balance is None:
        return None, ()
    opening = before = deals[0].balance - deals[0].net
    breaks = []
    for deal in deals:
        if deal.balance is None or before + deal.net != deal.balance:
            breaks.append(deal.row)
        before = before + deal.net if deal.balance is None else deal.balance
    return opening, tuple(breaks)


def _facts(sheet: Sheet) -> AccountFacts:
    """The account that a report names, and its figures where they are in English."""
    facts: dict[str, object] = {}
    for row in sheet.rows:
        cells = [cell for cell in row if cell]
        if "login" not in facts:
            _take_account(facts, cells)
        for label, value in pairwise(cells):
            _take(facts, sheet, label.lower(), value)
    return AccountFacts(**facts)  # type: ignore[arg-type]


def _take_account(facts: dict[str, object], cells: list[str]) -> None:
    for cell in cells:
        if match := _ACCOUNT.fullmatch(cell):
            facts.update(login=int(match[1]), currency=match[2], server=match[3].strip())
        elif match := _TESTER_SERVER.fullmatch(cell):
            facts.setdefault("server", match[1])


_AMOUNTS = {"balance:": "balance", "equity:": "equity", "credit facility:": "credit"}


def _take(facts: dict[str, object], sheet: Sheet, label: str, value: str) -> None:
    if label == "company:":
        facts.setdefault("company", value)
    elif label == "currency:":
        facts.setdefault("currency", value)
    elif label in _AMOUNTS:
        number = number_of(value, comma=sheet.comma)
        if number is not None:
            facts.setdefault(_AMOUNTS[label], cents_of(number))


def _metrix(path: Path, rows: Rows) -> Statement:
    """FTMO's table of closed positions: the newest close first, one commission a position."""
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(row)]
    if not filled:
        raise StatementError(path, "holds no row; export it anew")
    header = [cell.lower() for cell in filled[0][1]]
    if len(header) != len(_METRIX) or (
        tuple(header) != _METRIX and not all(_lasted(row) for _, row in filled[1:])
    ):
        raise StatementError(
            path,
            f"columns not understood (header: {' | '.join(filled[0][1])[:200]}); known are MT5's "
            "ReportHistory (xlsx, html), its strategy tester's html and FTMO's MetriX export",
        )
    sheet = Sheet.of(path, rows)
    positions = [_metrix_position(sheet, number, row) for number, row in filled[1:]]
    return Statement(path=path, kind=StatementKind.METRIX, positions=tuple(positions))


def _lasted(row: list[str]) -> bool:
    """Whether a row's last column is the seconds between its two times."""
    if len(row) != len(_METRIX):
        return False
    opened, closed, seconds = time_of(row[1]), time_of(row[8]), number_of(row[14])
    return opened is not None and closed is not None and closed - opened == (seconds or 0) * 1000


def _metrix_position(sheet: Sheet, number: int, row: list[str]) -> StatementPosition:
    if len(row) != len(_METRIX):
        raise StatementError(sheet.path, f"has {len(row)} columns instead of 15", number)
    opened, closed = time_of(row[1]), time_of(row[8])
    if opened is None or closed is None:
        raise StatementError(sheet.path, f"{row[1]!r} or {row[8]!r} is no time", number)
    if (ticket := whole_of(row[0])) is None:
        raise StatementError(sheet.path, f"ticket: {row[0]!r} is no ticket", number)
    return StatementPosition(
        ticket=ticket,
        symbol=row[4],
        side=_SIDES.get(row[2].lower()),
        volume=sheet.volume(number, row[3]),
        opened=opened,
        open_price=price_of(row[5], comma=sheet.comma),
        closed=closed,
        close_price=price_of(row[9], comma=sheet.comma),
        swap=sheet.money(number, "swap", row[10]),
        commission=sheet.money(number, "commissions", row[11]),
        profit=sheet.money(number, "profit", row[12]),
        row=number,
    )
