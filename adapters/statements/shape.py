"""The one shape that every statement is read into.

Money is integer cents, volumes are 1e-8 lots, times ms of the server's wall clock as if it were
UTC: no statement names its zone.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from pathlib import Path

import msgspec

VOLUME_SCALE = 10**8


class StatementError(Exception):
    """Raised when a statement cannot be read. One line: file, row, what was found, the remedy."""

    def __init__(self, path: Path, message: str, row: int | None = None) -> None:
        super().__init__(path, message, row)
        self.path, self.message, self.row = path, message, row

    def __str__(self) -> str:
        where = "" if self.row is None else f" row {self.row}:"
        return f"{self.path}:{where} {self.message}"


class StatementKind(enum.StrEnum):
    """Which program wrote the statement."""

    REPORT_HISTORY = "report_history"  # MT5's history of an account
    STRATEGY_TESTER = "strategy_tester"  # its deals have tickets of their own
    METRIX = "metrix"  # FTMO's table of closed positions


class DealKind(enum.StrEnum):
    """What a row of a statement is."""

    TRADE = "trade"
    CAPITAL = "capital"  # a deposit, withdrawal, bonus or correction
    CREDIT = "credit"  # no part of the balance
    OTHER = "other"  # a charge, commission, dividend or interest


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement tells of its account; None where it does not."""

    login: int | None = None
    currency: str | None = None
    server: str | None = None
    company: str | None = None
    balance: int | None = None
    equity: int | None = None
    credit: int | None = None


class StatementDeal(msgspec.Struct, frozen=True, kw_only=True):
    """A deal. `side` is 1 (buy), -1 (sell) or None where the file's language hides it.

    `position` is the position id where it is known: a statement tells it of entries only, by their
    order. `row` counts the file's rows from 1 (0: not from a file).
    """

    ticket: int
    time: int
    kind: DealKind = DealKind.TRADE
    symbol: str = ""
    side: int | None = None
    entry: str = ""
    volume: int = 0
    price: Decimal | None = None
    order: int = 0
    position: int | None = None
    commission: int = 0
    fee: int = 0
    swap: int = 0
    profit: int = 0
    balance: int | None = None
    row: int = 0

    @property
    def net(self) -> int:
        """What it adds to the balance."""
        if self.kind is DealKind.CREDIT:
            return 0
        return self.commission + self.fee + self.swap + self.profit


class StatementPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position; one that is still open has no `closed` and no `close_price`.

    `commission` holds both sides' and every fee in one figure.
    """

    ticket: int
    symbol: str
    side: int | None
    volume: int
    opened: int
    open_price: Decimal | None
    closed: int | None = None
    close_price: Decimal | None = None
    commission: int = 0
    swap: int = 0
    profit: int = 0
    row: int = 0

    @property
    def net(self) -> int:
        """What it added to the balance."""
        return self.commission + self.swap + self.profit


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that was read.

    `opening` is the balance before its first deal; `breaks` are rows whose balance is not the
    running sum; `orders` counts the rows of orders, filled or not; `made` is when the
    report was made, where it tells.
    """

    path: Path
    kind: StatementKind
    account: AccountFacts = AccountFacts()
    deals: tuple[StatementDeal, ...] = ()
    positions: tuple[StatementPosition, ...] = ()
    open_positions: tuple[StatementPosition, ...] = ()
    orders: int = 0
    made: int | None = None
    opening: int | None = None
    breaks: tuple[int, ...] = ()

    @property
    def closing(self) -> int | None:
        """The balance after its last deal."""
        if self.opening is None:
            return None
        return self.opening + sum(deal.net for deal in self.deals)
