"""Symbols as people and brokers write them are matched, and nothing is guessed."""

from __future__ import annotations

import pytest

from adapters.bars.symbol_names import in_file_name, matching

KNOWN = ("EURUSD", "GBPUSD", "XAUUSD", "US30", "EURGBP")

MATCHED = {
    "EURUSD": "EURUSD", "eurusd": "EURUSD", "EurUsd": "EURUSD", "EUR/USD": "EURUSD",
    "eur-usd": "EURUSD", "EURUSD.r": "EURUSD", "EURUSDm": "EURUSD", "EURUSD.raw": "EURUSD",
    "EURUSD_i": "EURUSD", "EURUSD+": "EURUSD", "#EURUSD": "EURUSD", "EURUSDpro": "EURUSD",
    "us30": "US30", "US30.cash": "US30", "GOLD": "XAUUSD", "gold": "XAUUSD", "xauusd.a": "XAUUSD",
}  # fmt: skip


@pytest.mark.parametrize("name", MATCHED)
def test_a_name_means_the_symbol_that_it_writes(name: str) -> None:
    assert matching(name, KNOWN) == MATCHED[name]


@pytest.mark.parametrize("name", ["", "EUR", "EURJPY", "NOSUCH", "US500", "USD", "EURUSDEURGBP"])
def test_what_is_none_of_them_stays_unknown(name: str) -> None:
    assert matching(name, KNOWN) is None


def test_a_symbol_of_that_very_name_goes_first() -> None:
    """A terminal that knows both EURUSD and EURUSD.r means what it is asked for."""
    assert matching("EURUSD.r", ("EURUSD", "EURUSD.r")) == "EURUSD.r"


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("EURUSD_M15_2024.csv", "EURUSD"),
        ("eurusd.parquet", "EURUSD"),
        ("DAT_ASCII_EURUSD_M1_202503.csv", "EURUSD"),
        ("OANDA_EUR_USD, 15.csv", "EURUSD"),
        ("GOLD_M15.csv", "XAUUSD"),
        ("bars.csv", None),
        ("EURUSD_and_GBPUSD.csv", None),
    ],
)
def test_a_file_name_tells_its_symbol_or_none(name: str, symbol: str | None) -> None:
    assert in_file_name(name, KNOWN) == symbol
