"""What a statement and the account's ledger have in common, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.statements.reconcile import Reconciliation
from adapters.statements.shape import StatementDeal, StatementPosition

_LOTS = 10**8


def reconciliation_lines(found: Reconciliation) -> Iterator[str]:
    """The count of matched rows, each row without a counterpart, each difference, the verdict."""
    yield f"matched        {found.matched}"
    tables = {
        "only in the statement": found.only_statement,
        "only in the ledger": found.only_ours,
        "ambiguous": found.ambiguous,
    }
    for side, rows in tables.items():
        if rows:
            yield f"{side:<22} {len(rows)}"
            yield from (f"  {_row(row)}" for row in rows)
    for item in found.differs:
        yield (
            f"differs        row {item.row}, {item.ticket}: {item.field} {item.ours} here, "
            f"{item.theirs} there"
        )
    yield from found.explained
    yield "equal" if found.equal else "not equal"


def _row(row: StatementDeal | StatementPosition) -> str:
    """A row in a trader's words."""
    what = row.symbol or "capital"
    return f"{row.ticket} {what} {row.volume / _LOTS:g} lots, net {row.net / 100:,.2f}"
