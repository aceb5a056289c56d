"""Verdicts: what stands against trading on the account, each with one line that names the remedy.

A refusal with exit code 4 may pass by itself, one with 2 needs a person.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from engine.ledger import LedgerFigures, Outcome


class Severity(enum.IntEnum):
    """What a finding does, the gravest first."""

    WAIT = 0  # refused; it may pass by itself
    ACT = 1  # refused; a person must act
    SUSPEND = 2
    NOTE = 3


class Code(enum.StrEnum):
    """Everything that the ledger can find, in the order in which it is told."""

    HISTORY_UNSETTLED = "HISTORY_UNSETTLED"
    HISTORY_CHANGED = "HISTORY_CHANGED"
    CURRENCY = "CURRENCY"
    STATEMENT_RULES = "STATEMENT_RULES"
    STATEMENT_PHASE = "STATEMENT_PHASE"
    NOT_STATED = "NOT_STATED"
    NO_INITIAL = "NO_INITIAL"
    SEVERAL_EPOCHS = "SEVERAL_EPOCHS"
    ODD_INITIAL = "ODD_INITIAL"
    STATEMENT_INITIAL = "STATEMENT_INITIAL"
    STATEMENT_NOT_FLAT = "STATEMENT_NOT_FLAT"
    STATEMENT_BEFORE_RESET = "STATEMENT_BEFORE_RESET"
    TRANSFER = "TRANSFER"
    TRAILING_UNKNOWN = "TRAILING_UNKNOWN"
    BREACHED = "BREACHED"
    PASSED = "PASSED"
    CLOCK_UNKNOWN = "CLOCK_UNKNOWN"
    ANCHOR_UNKNOWN = "ANCHOR_UNKNOWN"
    PAUSED_TODAY = "PAUSED_TODAY"
    DERIVED = "DERIVED"
    FRESH = "FRESH"
    TRUNCATED = "TRUNCATED"
    STATEMENT_UNCHECKED = "STATEMENT_UNCHECKED"
    PHASE_ASSUMED = "PHASE_ASSUMED"
    TRANSFERS_ACCEPTED = "TRANSFERS_ACCEPTED"
    CREDIT = "CREDIT"
    ANCHOR_BOUNDED = "ANCHOR_BOUNDED"
    PAST_UNKNOWN = "PAST_UNKNOWN"
    PAST_BREACH_LIKELY = "PAST_BREACH_LIKELY"
    ZERO_POSITION = "ZERO_POSITION"
    FOREIGN = "FOREIGN"
    OWN_OPEN = "OWN_OPEN"
    SHRUNK = "SHRUNK"

    @property
    def severity(self) -> Severity:
        """What it does to a session that sends orders and follows a firm's objectives."""
        if self in (Code.HISTORY_UNSETTLED, Code.HISTORY_CHANGED):
            return Severity.WAIT
        if self in (Code.CLOCK_UNKNOWN, Code.ANCHOR_UNKNOWN, Code.PAUSED_TODAY):
            return Severity.SUSPEND
        order = list(Code)
        if order.index(self) < order.index(Code.CLOCK_UNKNOWN):
            return Severity.ACT
        return Severity.NOTE


class Finding(msgspec.Struct, frozen=True):
    """A code and the line that tells it."""

    code: Code
    line: str


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The account's standing, and what was found, the gravest first."""

    figures: LedgerFigures
    findings: tuple[Finding, ...]

    @property
    def codes(self) -> tuple[Code, ...]:
        return tuple(finding.code for finding in self.findings)

    @property
    def first(self) -> Finding | None:
        """The finding to print where only one is: the gravest."""
        return self.findings[0] if self.findings else None

    @property
    def outcome(self) -> Outcome:
        """What a session that sends orders may do."""
        if self.first is None:
            return Outcome.OK
        return {
            Severity.WAIT: Outcome.REFUSE,
            Severity.ACT: Outcome.REFUSE,
            Severity.SUSPEND: Outcome.SUSPEND,
            Severity.NOTE: Outcome.WARN,
        }[self.first.code.severity]

    @property
    def exit_code(self) -> int:
        """0: goes on; 2: a person must act; 4: it may pass by itself."""
        if self.first is None:
            return 0
        return {Severity.WAIT: 4, Severity.ACT: 2}.get(self.first.code.severity, 0)


def reported(figures: LedgerFigures, findings: Iterable[Finding]) -> LedgerReport:
    """A report with its findings in the order in which they are told."""
    order = list(Code)
    ordered = sorted(findings, key=lambda item: (item.code.severity, order.index(item.code)))
    return LedgerReport(figures=figures, findings=tuple(ordered))
