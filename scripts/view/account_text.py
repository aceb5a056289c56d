"""Where an account stands by its ledger, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.fields import LedgerFigures
from engine.types import grouped
from scripts.app.operations.account import AccountStanding

_WORDS = {
    "wait": "refused, may pass",
    "act": "refused, act",
    "suspend": "suspended",
    "note": "note",
}


def money(cents: int | None, currency: str) -> str:
    """An amount with its currency, or that it is not known."""
    return "unknown" if cents is None else grouped(cents / 100, currency)


def account_lines(found: AccountStanding) -> Iterator[str]:
    """The standing and every finding; figures that were not computed are left out."""
    figures = found.figures
    yield f"balance        {money(found.balance, found.currency)}"
    if figures.initial is not None:
        yield from _challenge(figures, found.currency)
    own = figures.own
    if own is not None:
        yield (
            f"own day        began with {money(own.day_start, found.currency)}; entries "
            f"{own.orders_today} today, {own.orders_hour} in the last hour"
        )
    for finding in found.findings:
        yield f"{_WORDS[finding.severity]:<18} {finding.code:<20} {finding.line}"


def account_json(found: AccountStanding) -> dict[str, Any]:
    """The same as one JSON object."""
    return {
        "balance": found.balance / 100,
        "currency": found.currency,
        "figures": msgspec.to_builtins(found.figures),
        "findings": [
            {"code": item.code, "severity": item.severity, "line": item.line}
            for item in found.findings
        ],
        "challenge_yaml": found.challenge_yaml,
    }


def _challenge(figures: LedgerFigures, currency: str) -> Iterator[str]:
    began = f"since {figures.started}" if figures.started else "not traded yet"
    yield f"challenge      {money(figures.initial, currency)} {began}, phase {figures.phase}"
    yield (
        f"today          {figures.date}, began with {money(figures.day_start, currency)} "
        f"({figures.day_start_proof}), closed {money(figures.closed_today, currency)}"
    )
    overall = money(figures.floor_overall, currency)
    yield f"floors         {money(figures.floor_today, currency)} today, {overall} overall"
    yield f"target         {money(figures.target, currency)}"
    days = f"{figures.trading_days} trading"
    if figures.profitable_days is not None:
        days += f", {figures.profitable_days} profitable"
    share = figures.best_day_share
    best = "" if share is None else f", best day {share:.1%} of all profitable ones"
    yield f"days           {days}{best}"
    yield f"counts today   {figures.positions_today} positions, {figures.requests_today} requests"
    yield f"past           {figures.past}"
