"""What a statement and the account's ledger have in common, as lines to read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from adapters.statements.reconcile import Reconciliation
from adapters.statements.shape import StatementDeal, StatementPosition
from engine.types import grouped

_LOTS = 10**8


def reconciliation_lines(found: Reconciliation) -> Iterator[str]:
    """The count of matched rows, each row without a counterpart, each difference, the verdict."""
    currency = found.currency
    yield from _covered(found, currency)
    tables = {
        "only in the statement": found.only_statement,
        "only in the ledger": found.only_ours,
        "ambiguous": found.ambiguous,
    }
    for side, rows in tables.items():
        if rows:
            yield f"{side:<22} {len(rows)}"
            yield from (f"  {_row(row, currency)}" for row in rows)
    for item in found.differs:
        yield (
            f"differs        row {item.row}, {item.ticket}: {item.field} {item.ours} here, "
            f"{item.theirs} there"
        )
    for name, (ours, theirs) in found.sums.items():
        if ours or theirs:
            here, there = _amount(ours, currency), _amount(theirs, currency)
            yield f"sum {name:<10} {here} here, {there} there"
    yield from found.explained
    yield "equal" if found.equal else "not equal"


def _covered(found: Reconciliation, currency: str) -> Iterator[str]:
    """What was compared: the period, the clocks, both sides' balances, how many rows."""
    if found.since is None or found.until is None:
        pass
    elif found.since > found.until:
        yield "period         none that both cover"
    else:
        yield f"period         {_when(found.since)} to {_when(found.until)}, the server's time"
    if found.shift:
        yield f"clock          the statement is {found.shift / 3_600_000:+g} h from the server's"
    for name, (ours, theirs) in (("opening", found.opening), ("closing", found.closing)):
        if ours is not None or theirs is not None:
            here, there = _amount(ours, currency), _amount(theirs, currency)
            yield f"{name:<14} {here} here, {there} there"
    yield f"matched        {found.matched}"
    if found.outside_ours or found.outside_theirs:
        yield (
            f"outside        {found.outside_ours} here, {found.outside_theirs} there, beyond the "
            "period that both cover"
        )


def _when(at: int) -> str:
    """A time of the server's clock."""
    return f"{dt.datetime.fromtimestamp(at / 1000, dt.UTC):%Y-%m-%d %H:%M}"


def _amount(cents: int | None, currency: str) -> str:
    return "unknown" if cents is None else grouped(cents / 100, currency).strip()


def _row(row: StatementDeal | StatementPosition, currency: str) -> str:
    """A row in a trader's words."""
    what = row.symbol or "capital"
    return f"{row.ticket} {what} {row.volume / _LOTS:g} lots, net {_amount(row.net, currency)}"
