"""The profile's `challenge` section that fits what the ledger sees, for a person to check."""

from __future__ import annotations

from engine.fields import LedgerFigures
from engine.types import Cents
from risk.ledger.verdict import LedgerCode, LedgerReport

_ASK = "# your firm's page shows it"


def proposal(report: LedgerReport, rules: str) -> str:
    """YAML to paste below a profile; what cannot be known stands in as a comment.

    Where money was paid in or out since the first trade, accepting it is proposed as a comment:
    only the account's owner knows whether it belongs to the challenge.
    """
    figures = report.figures
    lines = ["challenge:", f"  rules: {rules}", _initial(figures)]
    if figures.started is None:
        lines.append(f'  # started: "YYYY-MM-DD"  {_ASK}')
    else:
        lines.append(f'  started: "{figures.started}"')
    if figures.phase is not None:
        lines.append(f"  phase: {figures.phase}")
    if LedgerCode.TRANSFER in report.codes:
        lines.append("  # transfers: accept  # if what was paid in or out belongs to it")
    if LedgerCode.TRAILING_UNKNOWN in report.codes:
        lines += ["  carried:", f'    as_of: "{figures.date}"', f"    # high: ...  {_ASK}"]
    return "\n".join(lines) + "\n"


def _initial(figures: LedgerFigures) -> str:
    if figures.initial is None:
        return f"  # initial: ...  {_ASK}"
    return f"  initial: {_amount(figures.initial)}"


def _amount(cents: Cents) -> str:
    return f"{cents // 100}.{cents % 100:02}"
