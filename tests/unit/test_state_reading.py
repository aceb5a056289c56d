"""Reading an account from a terminal: in one piece, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.functions import PaperTerminal
from adapters.state.reading import ReadFailed, read_account
from engine.account.history import DealEntry, DealType
from risk.ledger.fold import fold
from risk.ledger.inputs import LedgerInputs, OwnDay
from risk.ledger.verdict import LedgerCode
from tests.ledger_history import FTMO, UTC
from tests.paper_terminals import BUY, NOW, done, terminal_at_ticks


class Moving:
    """A terminal on which something happens after its deals were told, a few times."""

    def __init__(self, terminal: PaperTerminal, times: int) -> None:
        self._terminal, self.times = terminal, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def history_deals_get(self, *span: Any) -> Any:
        deals = self._terminal.history_deals_get(*span)
        if self.times:
            self.times -= 1
            done(self._terminal, BUY)
        return deals


def test_a_paper_account_is_read_and_adds_up() -> None:
    """The figures of one fold: 100,000 to begin with, two openings, one still held."""
    terminal = terminal_at_ticks()
    ticket = done(terminal, BUY).order
    done(terminal, {**BUY, "type": mt5.ORDER_TYPE_SELL, "position": ticket, "price": 1.1})
    done(terminal, BUY)
    read = read_account(terminal, NOW)
    assert [deal.type for deal in read.deals][:2] == [DealType.BALANCE, DealType.BUY]
    assert [deal.entry for deal in read.deals][1:] == [DealEntry.IN, DealEntry.OUT, DealEntry.IN]
    assert len(read.positions) == 1
    assert {order.ticket for order in read.orders} >= {ticket}
    zone = FTMO.rules.reset_zone
    report = fold(
        LedgerInputs(
            now=NOW * 1000, account=read.account, deals=read.deals, positions=read.positions,
            orders=read.orders, magic=26, clock=UTC, own_day=OwnDay(zone=zone), firm=FTMO,
        )
    )  # fmt: skip
    assert report.figures.complete
    assert report.figures.initial == read.deals[0].profit * 100
    assert report.figures.positions_today == 2
    assert LedgerCode.DERIVED in report.codes
    assert LedgerCode.OWN_OPEN in report.codes


@pytest.mark.parametrize("times", [1, 4])
def test_what_moves_while_it_is_read_is_read_again(times: int) -> None:
    terminal = Moving(terminal_at_ticks(), times)
    read = read_account(terminal, NOW)
    assert len(read.positions) == times
    assert len(read.deals) == times + 1


def test_an_account_that_never_stands_still_is_not_read() -> None:
    with pytest.raises(ReadFailed, match="moved during each of 5 reads"):
        read_account(Moving(terminal_at_ticks(), 99), NOW)


def test_a_terminal_that_does_not_answer_names_the_function() -> None:
    terminal = terminal_at_ticks()

    class Silent(Moving):
        def history_orders_get(self, *_: Any) -> Any:
            return None

    with pytest.raises(ReadFailed, match="history_orders_get"):
        read_account(Silent(terminal, 0), NOW)
