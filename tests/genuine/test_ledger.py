"""The account's ledger from the genuine package's deals: real types and fields, real history calls.

What somebody pays in or takes out, what he trades by hand, and a history that does not add up yet.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.genuine.engine import PROFILE, Said, Trader

FIRM = ("--objectives", "ftmo_2step")
SEND = ("--no-dry-run", "--limit-trades", 1, "--hold-seconds", 0, "--pace", 0, "--quiet", *FIRM)
DEPOSIT = 2
"""``DEAL_TYPE_BALANCE``."""


def standing(trader: Trader) -> dict[str, Any]:
    where = ("--accounts", trader.accounts, "--results-dir", trader.results)
    said = trader.butler("account", PROFILE, *where, *FIRM, "--json")
    assert said.code == 0, said
    told: dict[str, Any] = json.loads(said.out)
    return told


def codes(told: dict[str, Any]) -> set[str]:
    return {item["code"] for item in told["findings"]}


def sent(trader: Trader) -> Said:
    return trader.on_account("replay", *SEND)


def smoke(trader: Trader) -> Said:
    return trader.on_account("smoke-test", "--no-dry-run", "--hold-seconds", 0)


@pytest.mark.core
def test_deals_of_the_package_give_the_challenges_figures(trader: Trader) -> None:
    """After a smoke test the floors still hang on the deposit, and the entry counts."""
    assert smoke(trader).code == 0
    told = standing(trader)
    figures = told["figures"]
    assert (figures["initial"], figures["opening"], figures["complete"]) == (10_000_000, 0, True)
    assert (figures["floor_today"], figures["floor_overall"]) == (9_500_000, 9_000_000)
    assert figures["target"] == 11_000_000
    assert (figures["own"]["orders_today"], figures["positions_today"]) == (1, 1)
    assert told["balance"] < 100_000
    assert "DERIVED" in codes(told)


@pytest.mark.parametrize("amount", [5_000.0, -5_000.0], ids=["deposit", "withdrawal"])
def test_money_paid_in_or_out_is_no_trade(trader: Trader, amount: float) -> None:
    assert smoke(trader).code == 0
    before = standing(trader)["figures"]
    trader.terminal.hand("deal", type=DEPOSIT, profit=amount, comment="by hand")
    told = standing(trader)
    assert told["figures"]["transfers"] == round(amount * 100)
    assert told["figures"]["closed_today"] == before["closed_today"]
    assert told["figures"]["own"]["day_start"] == before["own"]["day_start"] + round(amount * 100)
    assert "TRANSFER" in codes(told)
    refused = sent(trader)
    assert refused.code == 2, refused
    assert "is no trade: state transfers: accept" in refused.err
    assert not trader.terminal.sends()[2:], "nothing after the smoke test's entry and exit"


def test_a_trade_by_hand_counts_for_the_firm_and_not_for_our_own_orders(trader: Trader) -> None:
    """Opened and closed at the terminal, without our magic."""
    trader.terminal.hand("open", symbol="EURUSD", type=0, volume=0.1, magic=0)
    opened = standing(trader)
    assert opened["figures"]["positions_today"] == 1
    trader.terminal.hand("close", position="last")
    told = standing(trader)
    assert (told["figures"]["positions_today"], told["figures"]["trading_days"]) == (1, 1)
    assert told["figures"]["own"]["orders_today"] == 0
    assert told["figures"]["closed_today"] == round(told["balance"] * 100) - 10_000_000
    assert "FOREIGN" in codes(told)


def test_a_history_that_does_not_add_up_to_the_balance_lets_nothing_out(trader: Trader) -> None:
    """The account tells 2,000.00 that no deal explains: once it is known what it began with, it
    waits half a minute and ends with exit code 4; when the deal comes, it goes on."""
    assert smoke(trader).code == 0
    begun = len(trader.terminal.sends())
    balance = standing(trader)["balance"]
    trader.terminal.tell(account={"balance": balance + 2_000.0})
    refused = smoke(trader)
    assert refused.code == 4, refused
    assert "2,000.00 USD missing" in refused.err + refused.out
    assert len(trader.terminal.sends()) == begun
    trader.terminal.tell(account={})
    assert smoke(trader).code == 0


def test_a_history_that_was_cut_off_is_told_by_the_deals_that_are_kept(trader: Trader) -> None:
    """The terminal no longer tells a deal; our own copies, kept by the next session, count on."""
    assert smoke(trader).code == 0
    assert trader.on_account("smoke-test").code == 0
    before = standing(trader)["figures"]
    trader.terminal.fault("history_deals_get", "empty", times=-1)
    told = standing(trader)
    assert "SHRUNK" in codes(told)
    for name in ("initial", "floor_today", "floor_overall", "trading_days"):
        assert told["figures"][name] == before[name], name
