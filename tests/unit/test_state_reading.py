"""Reading an account from a terminal: in one piece, or not at all."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.functions import PaperTerminal
from adapters.state.reading import AccountRead, ReadFailed, read_account
from engine.account.history import DealEntry, DealType
from risk.ledger.fold import fold
from risk.ledger.inputs import LedgerInputs, OwnDay
from risk.ledger.verdict import LedgerCode
from tests.ledger_history import FTMO, UTC
from tests.paper_terminals import BUY, NOW, done, terminal_at_ticks


def read(terminal: Any) -> AccountRead:
    info: Any = terminal_at_ticks().account_info()
    return read_account(terminal, NOW, login=info.login, server=info.server)


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
    told = read(terminal)
    assert [deal.type for deal in told.deals][:2] == [DealType.BALANCE, DealType.BUY]
    assert [deal.entry for deal in told.deals][1:] == [DealEntry.IN, DealEntry.OUT, DealEntry.IN]
    assert len(told.positions) == 1
    assert {order.ticket for order in told.orders} >= {ticket}
    zone = FTMO.rules.reset_zone
    report = fold(
        LedgerInputs(
            now=NOW * 1000, account=told.account, deals=told.deals, positions=told.positions,
            orders=told.orders, magic=26, clock=UTC, own_day=OwnDay(zone=zone), firm=FTMO,
        )
    )  # fmt: skip
    assert report.figures.complete
    assert report.figures.initial == told.deals[0].profit * 100
    assert report.figures.positions_today == 2
    assert LedgerCode.DERIVED in report.codes
    assert LedgerCode.OWN_OPEN in report.codes


@pytest.mark.parametrize("times", [1, 4])
def test_what_moves_while_it_is_read_is_read_again(times: int) -> None:
    terminal = Moving(terminal_at_ticks(), times)
    told = read(terminal)
    assert len(told.positions) == times
    assert len(told.deals) == times + 1


def test_an_account_that_never_stands_still_is_not_read() -> None:
    with pytest.raises(ReadFailed, match="moved during each of 5 reads"):
        read(Moving(terminal_at_ticks(), 99))


def test_a_terminal_that_does_not_answer_names_the_function() -> None:
    terminal = terminal_at_ticks()

    class Silent(Moving):
        def history_orders_get(self, *_: Any) -> Any:
            return None

    with pytest.raises(ReadFailed, match="history_orders_get"):
        read(Silent(terminal, 0))


@pytest.mark.parametrize("look", [1, 2])
def test_nothing_is_read_of_an_account_to_which_somebody_has_logged_in(look: int) -> None:
    """Before the history is read, or while it is."""
    terminal: Any = terminal_at_ticks()
    looks = count(1)

    class Other(Moving):
        def account_info(self) -> Any:
            info = terminal.account_info()
            return info._with(login=9) if next(looks) >= look else info

    with pytest.raises(ReadFailed, match="shows account 9"):
        read(Other(terminal, 0))
