"""Where an account stands by its ledger, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator

from engine.fields import LedgerFigures
from risk.ledger.verdict import LedgerReport, LedgerSeverity

_WORDS = {
    LedgerSeverity.WAIT: "refused, may pass",
    LedgerSeverity.ACT: "refused, act",
    LedgerSeverity.SUSPEND: "suspended",
    LedgerSeverity.NOTE: "note",
}


def money(cents: int | None) -> str:
    """An amount, or that it is not known."""
    return "unknown" if cents is None else f"{cents / 100:,.2f}"


def account_lines(report: LedgerReport, balance: int, currency: str) -> Iterator[str]:
    """The standing and every finding; figures that were not computed are left out."""
    figures = report.figures
    yield f"balance        {money(balance)} {currency}"
    if figures.initial is not None:
        yield from _challenge(figures)
    own = figures.own
    if own is not None:
        yield (
            f"own day        began with {money(own.day_start)}; entries {own.orders_today} today, "
            f"{own.orders_hour} in the last hour"
        )
    for finding in report.findings:
        yield f"{_WORDS[finding.code.severity]:<18} {finding.code:<20} {finding.line}"


def _challenge(figures: LedgerFigures) -> Iterator[str]:
    began = f"since {figures.started}" if figures.started else "not traded yet"
    yield f"challenge      {money(figures.initial)} {began}, phase {figures.phase}"
    yield (
        f"today          {figures.date}, began with {money(figures.day_start)} "
        f"({figures.day_start_proof}), closed {money(figures.closed_today)}"
    )
    overall = money(figures.floor_overall)
    yield f"floors         {money(figures.floor_today)} today, {overall} overall"
    yield f"target         {money(figures.target)}"
    days = f"{figures.trading_days} trading"
    if figures.profitable_days is not None:
        days += f", {figures.profitable_days} profitable"
    share = figures.best_day_share
    best = "" if share is None else f", best day {share:.1%} of all profitable ones"
    yield f"days           {days}{best}"
    yield f"counts today   {figures.positions_today} positions, {figures.requests_today} requests"
    yield f"past           {figures.past}"
