"""The sections of a statement: deals, positions, orders, told apart by structure, not by words.

A section is a header followed by rows that begin with a time. Its columns go by position, since
`Time` and `Price` occur twice; English headers name their section, those of another language are
known by their number of columns, confirmed by arithmetic: a balance that is the running sum.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters.statements.cells import (
    cents_of,
    number_of,
    price_of,
    time_of,
    uses_comma,
    volume_of,
)
from adapters.statements.shape import (
    DealKind,
    StatementDeal,
    StatementError,
    StatementPosition,
)
from adapters.statements.tables import Rows

_SIDES = {"buy": 1, "sell": -1}
_ENTRIES = frozenset({"in", "out", "in/out", "out by"})

# Where each amount stands, counted from the end of a row with that many columns.
_DEAL_COLUMNS: dict[int, tuple[str, ...]] = {
    13: ("commission", "swap", "profit", "balance", "comment"),
    14: ("commission", "fee", "swap", "profit", "balance", "comment"),
    # One column more: the cost, which stands before them and is no part of a sum.
    15: ("commission", "fee", "swap", "profit", "balance", "comment"),
}
_POSITION_COLUMNS = 13
_OPEN_COLUMNS = {11: (10, 9), 12: (10, 9)}
"""Where profit and swap stand in a row of an open position, without and with a comment."""


class TableSection(NamedTuple):
    """A header, the place of its columns, and its rows with their numbers in the file."""

    header: list[str]
    columns: list[int]
    rows: list[tuple[int, list[str]]]

    @property
    def words(self) -> list[str]:
        return [word.lower() for word in self.header]


class Sheet(msgspec.Struct, kw_only=True):
    """A statement's rows on the way to deals and positions."""

    path: Path
    rows: Rows
    comma: bool

    @classmethod
    def of(cls, path: Path, rows: Rows) -> Sheet:
        return cls(path=path, rows=rows, comma=uses_comma(cell for row in rows for cell in row))

    # --- sections ---

    def sections(self) -> list[TableSection]:
        """Every header with rows that begin with a time."""
        found: list[TableSection] = []
        header: list[str] | None = None
        for number, row in enumerate(self.rows, 1):
            timed = bool(row) and time_of(row[0]) is not None
            if not timed:
                header = row if sum(bool(cell) for cell in row) >= 8 else None
                continue
            if header is not None:
                columns = [place for place, cell in enumerate(header) if cell]
                found.append(TableSection([header[place] for place in columns], columns, []))
                header = None
            if found and (not found[-1].rows or found[-1].rows[-1][0] == number - 1):
                found[-1].rows.append((number, row))
        return found

    def names_sections(self) -> bool:
        """Whether a header of deals or positions stands there, with rows below it or without."""
        for row in self.rows:
            words = [cell.lower() for cell in row if cell]
            deals = "deal" in words and "balance" in words
            if deals or ("position" in words and words.count("price") == 2):
                return True
        return False

    def kind_of(self, section: TableSection) -> str:
        """`deals`, `positions`, `orders`, `open` or, for what is none of them, nothing."""
        words = section.words
        if "deal" in words and "balance" in words:
            return "deals"
        if "state" in words and "order" in words:
            return "orders"
        if "market price" in words:
            return "open"
        if "position" in words and words.count("price") == 2:
            return "positions"
        return self._kind_by_numbers(section)

    def _kind_by_numbers(self, section: TableSection) -> str:
        _, first = section.rows[0]
        cells = [first[place] if place < len(first) else "" for place in section.columns]
        later = [time_of(cell) is not None for cell in cells[1:]]
        if any(later):
            if any("/" in self._at(row, section, 4) for _, row in section.rows):
                return "orders"
            return "positions" if len(cells) >= _POSITION_COLUMNS and later[7] else ""
        if len(section.columns) in _DEAL_COLUMNS and self._sums_up(section):
            return "deals"
        return "open" if self._is_open(section) else ""

    def _is_open(self, section: TableSection) -> bool:
        """Whether each row is of a position that stands: symbol, volume, price, and amounts last.

        The columns after the volume are price, stop, target and the price now.
        """
        if len(section.columns) not in _OPEN_COLUMNS:
            return False
        profit, swap = _OPEN_COLUMNS[len(section.columns)]
        return all(
            self._at(row, section, 2) and all(
                number_of(self._at(row, section, column), comma=self.comma) is not None
                for column in (1, 4, 5, 8, swap, profit)
            )
            for _, row in section.rows
        )  # fmt: skip

    def _sums_up(self, section: TableSection) -> bool:
        """Whether the balance column is the running sum of the amounts before it."""
        before: int | None = None
        for _, row in section.rows:
            amounts = self._amounts(row, section)
            balance = amounts.pop("balance")
            if balance is None or any(amount is None for amount in amounts.values()):
                return False
            net = sum(a or 0 for a in amounts.values())
            credit = not self._at(row, section, 2) and before == balance
            if before is not None and before + net != balance and not credit:
                return False
            before = balance
        return before is not None

    def _amounts(self, row: list[str], section: TableSection) -> dict[str, int | None]:
        names = _DEAL_COLUMNS[len(section.columns)][:-1]
        places = section.columns[-len(names) - 1 : -1]
        amounts: dict[str, int | None] = {}
        for name, place in zip(names, places, strict=True):
            text = row[place] if place < len(row) else ""
            number = number_of(text, comma=self.comma) if text else Decimal(0)
            amounts[name] = None if number is None else cents_of(number)
        return amounts

    def _at(self, row: list[str], section: TableSection, column: int) -> str:
        place = section.columns[column] if column < len(section.columns) else len(row)
        return row[place] if place < len(row) else ""

    # --- rows ---

    def deal(self, number: int, row: list[str], section: TableSection) -> StatementDeal:
        """A row of the deals. Raises StatementError that names row and column."""
        if len(section.columns) not in _DEAL_COLUMNS:
            raise self.not_understood(section)
        cells = [self._at(row, section, column) for column in range(8)]
        word = cells[3].lower()
        money = self._amounts(row, section)
        for name, amount in money.items():
            if amount is None:
                raise StatementError(self.path, f"{name} is no amount in cents", number)
        volume = volume_of(cells[5], comma=self.comma) if cells[5] else 0
        entry = cells[4].lower()
        order = self._whole(number, "order", cells[7]) if cells[7] else 0
        return StatementDeal(
            ticket=self._whole(number, "deal", cells[1]),
            time=time_of(cells[0]) or 0,
            kind=_deal_kind(word, cells[2]),
            symbol=cells[2],
            side=_SIDES.get(word),
            entry=entry if entry in _ENTRIES else "",
            volume=volume or 0,
            price=price_of(cells[6], comma=self.comma),
            order=order,
            position=order if entry == "in" else None,
            row=number,
            **{name: amount or 0 for name, amount in money.items()},
        )

    def type_of(self, row: list[str], section: TableSection) -> str:
        """What a row of the deals calls its type, in small letters."""
        return self._at(row, section, 3).lower()

    def position(self, number: int, row: list[str], section: TableSection) -> StatementPosition:
        """A row of the closed positions."""
        cells = [self._at(row, section, column) for column in range(_POSITION_COLUMNS)]
        return StatementPosition(
            ticket=self._whole(number, "position", cells[1]),
            symbol=cells[2],
            side=_SIDES.get(cells[3].lower()),
            volume=self.volume(number, cells[4]),
            opened=time_of(cells[0]) or 0,
            open_price=price_of(cells[5], comma=self.comma),
            closed=time_of(cells[8]),
            close_price=price_of(cells[9], comma=self.comma),
            commission=self.money(number, "commission", cells[10]),
            swap=self.money(number, "swap", cells[11]),
            profit=self.money(number, "profit", cells[12]),
            row=number,
        )

    def open_position(
        self, number: int, row: list[str], section: TableSection
    ) -> StatementPosition:
        """A row of the open positions."""
        words = section.words
        cells = [self._at(row, section, column) for column in range(len(words))]
        profit, swap = _OPEN_COLUMNS.get(len(words), (-1, -1))
        if "swap" in words and "profit" in words:
            profit, swap = words.index("profit"), words.index("swap")
        return StatementPosition(
            ticket=self._whole(number, "position", cells[1]),
            symbol=cells[2],
            side=_SIDES.get(cells[3].lower()),
            volume=self.volume(number, cells[4]),
            opened=time_of(cells[0]) or 0,
            open_price=price_of(cells[5], comma=self.comma),
            swap=self.money(number, "swap", cells[swap]),
            profit=self.money(number, "profit", cells[profit]),
            row=number,
        )

    def volume(self, number: int, text: str) -> int:
        value = volume_of(text, comma=self.comma)
        if value is None:
            raise StatementError(self.path, f"{text!r} is no volume in lots", number)
        return value

    def money(self, number: int, name: str, text: str) -> int:
        value = number_of(text, comma=self.comma) if text else Decimal(0)
        cents = None if value is None else cents_of(value)
        if cents is None:
            raise StatementError(self.path, f"{name}: {text!r} is no amount in cents", number)
        return cents

    def _whole(self, number: int, name: str, text: str) -> int:
        value = number_of(text, comma=self.comma)
        if value is None or value != value.to_integral_value() or value < 0:
            raise StatementError(self.path, f"{name}: {text!r} is no ticket", number)
        return int(value)

    def not_understood(self, section: TableSection | None) -> StatementError:
        header = " | ".join(section.header) if section is not None else "none found"
        return StatementError(
            self.path,
            f"columns not understood (header: {header[:200]}); export the report in English",
        )


def with_credits(deals: list[StatementDeal], words: list[str]) -> list[StatementDeal]:
    """The deals, those that changed no balance as credit where their type's word tells nothing.

    `words` are the types in small letters; another language's are not known.
    """
    made: list[StatementDeal] = []
    for deal, word in zip(deals, words, strict=True):
        stands = bool(made) and deal.balance is not None and made[-1].balance == deal.balance
        unknown = deal.kind is DealKind.CAPITAL and word not in _CAPITAL
        if stands and unknown and deal.net:
            deal = msgspec.structs.replace(deal, kind=DealKind.CREDIT)
        made.append(deal)
    return made


_CAPITAL = frozenset({"balance", "bonus", "correction"})


def _deal_kind(word: str, symbol: str) -> DealKind:
    """By the type's word; in another language a row without a symbol is capital."""
    if symbol:
        return DealKind.TRADE
    if word == "credit":
        return DealKind.CREDIT
    return DealKind.OTHER if word in _OTHER else DealKind.CAPITAL


_OTHER = frozenset(
    {
        "charge", "commission", "daily commission", "monthly commission", "interest", "dividend",
        "franked dividend", "tax", "agent", "daily agent commission", "monthly agent commission",
        "commission daily", "commission monthly", "commission agent daily",
        "commission agent monthly", "buy canceled", "sell canceled",
    }
)  # fmt: skip
"""Types of deals that are neither trades nor capital."""
