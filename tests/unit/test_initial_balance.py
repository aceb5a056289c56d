"""Whether an account's history shows the balance that a firm's phase began with."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.functions import PaperTerminal
from scripts.app.sessions.initial_balance import doubt_about
from tests.builders import START
from tests.paper_terminals import BUY, NOW, account_at_ticks, done, terminal_at_ticks, told

BEGINNING = START / 100


def doubt(terminal: PaperTerminal) -> str | None:
    """What the terminal's own history and balance say."""
    deals = told(terminal.history_deals_get(0, NOW + 86_400))
    return doubt_about(deals, told(terminal.account_info()).balance)


def test_an_account_that_has_only_its_first_deposit_is_at_its_beginning() -> None:
    assert doubt(terminal_at_ticks()) is None


def test_a_trade_leaves_it_in_doubt_whatever_the_balance() -> None:
    """Even one that came out at nothing: the day and the peaks are not at their beginning."""
    terminal = terminal_at_ticks()
    done(terminal, BUY)
    why = doubt(terminal)
    assert why is not None
    assert why.startswith("its history shows 1 trading deals")


@pytest.mark.parametrize("amount", [50_000, -50_000])
def test_money_paid_in_or_out_leaves_it_in_doubt(amount: int) -> None:
    account = account_at_ticks()
    account.deposit(amount)
    now = BEGINNING + amount / 100
    assert doubt(PaperTerminal(account)) == (
        f"its balance is {now:,.2f}, its first deposit was {BEGINNING:,.2f}"
    )


def deal(**fields: Any) -> mt5.TradeDeal:
    return mt5.TradeDeal.of(**fields)


def test_a_history_without_a_deposit_proves_nothing() -> None:
    """One that is told late, or cut off."""
    credit = deal(ticket=1, type=3, profit=500.0)
    for deals in ([], [credit]):
        assert doubt_about(deals, 500.0) == "its history shows no deposit that 500.00 could be"


def test_the_first_deposit_is_the_first_in_time() -> None:
    later = deal(ticket=1, time_msc=2_000, type=mt5.DEAL_TYPE_BALANCE, profit=-100.0)
    first = deal(ticket=2, time_msc=1_000, type=mt5.DEAL_TYPE_BALANCE, profit=500.0)
    assert doubt_about([later, first], 500.0) is None
    assert doubt_about([later, first], 400.0) is not None
