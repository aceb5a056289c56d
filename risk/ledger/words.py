"""Amounts, moments and dates as a person reads them."""

from __future__ import annotations

import datetime as dt

from engine.calendar import trading_date
from engine.rules import RuleSet
from engine.types import Cents, Millis, decimals


def money(cents: Cents, currency: str) -> str:
    """An amount as a person reads it: 99,037.10 EUR."""
    whole, rest = divmod(abs(cents), 100)
    parts = f".{rest:02}" if decimals(currency) or rest else ""
    return f"{'-' if cents < 0 else ''}{whole:,}{parts} {currency}"


def instant(at: Millis) -> str:
    """A moment as a person reads it, UTC."""
    return f"{dt.datetime.fromtimestamp(at / 1000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def date_of(rules: RuleSet, at: Millis) -> str:
    """The firm's date of a moment."""
    return trading_date(rules.reset_zone, rules.reset_hour, at)
