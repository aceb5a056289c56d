"""Verdicts: what stands against trading on the account, each with one line that names the remedy.

A refusal may pass by itself (WAIT), or needs a person (ACT).
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from engine.fields import LedgerFigures, LedgerOutcome
from engine.types import Cents, Millis


class LedgerSeverity(enum.IntEnum):
    """What a finding does, the gravest first."""

    WAIT = 0  # refused; it may pass by itself
    ACT = 1  # refused; a person must act
    SUSPEND = 2
    NOTE = 3


class LedgerCode(enum.StrEnum):
    """Everything that the ledger can find, in the order of the report."""

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
    def severity(self) -> LedgerSeverity:
        """What it does to a session that sends orders and follows a firm's objectives."""
        if self in (LedgerCode.HISTORY_UNSETTLED, LedgerCode.HISTORY_CHANGED):
            return LedgerSeverity.WAIT
        if self in (LedgerCode.CLOCK_UNKNOWN, LedgerCode.ANCHOR_UNKNOWN, LedgerCode.PAUSED_TODAY):
            return LedgerSeverity.SUSPEND
        order = list(LedgerCode)
        if order.index(self) < order.index(LedgerCode.CLOCK_UNKNOWN):
            return LedgerSeverity.ACT
        return LedgerSeverity.NOTE


class LedgerFinding(msgspec.Struct, frozen=True):
    """A code and the line that tells it."""

    code: LedgerCode
    line: str


class BarsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """The terminal's symbols whose bars between two moments (ms UTC) would tell more."""

    symbols: tuple[str, ...]
    low: Millis
    high: Millis


class LedgerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The account's standing, and what was found, the gravest first.

    `wanted` is what the terminal's bars could still tell of times at which nobody watched,
    `baseline` what the own largest loss counts from where no challenge tells.
    """

    figures: LedgerFigures
    findings: tuple[LedgerFinding, ...]
    wanted: BarsWanted | None = None
    baseline: Cents | None = None

    @property
    def codes(self) -> tuple[LedgerCode, ...]:
        return tuple(finding.code for finding in self.findings)

    @property
    def first(self) -> LedgerFinding | None:
        """The finding to print where only one is: the gravest."""
        return self.findings[0] if self.findings else None

    @property
    def outcome(self) -> LedgerOutcome:
        """What a session that sends orders may do."""
        if self.first is None:
            return LedgerOutcome.OK
        return {
            LedgerSeverity.WAIT: LedgerOutcome.REFUSE,
            LedgerSeverity.ACT: LedgerOutcome.REFUSE,
            LedgerSeverity.SUSPEND: LedgerOutcome.SUSPEND,
            LedgerSeverity.NOTE: LedgerOutcome.WARN,
        }[self.first.code.severity]

    @property
    def severity(self) -> LedgerSeverity:
        """That of the gravest finding; a note where nothing was found."""
        return LedgerSeverity.NOTE if self.first is None else self.first.code.severity


def reported(figures: LedgerFigures, findings: Iterable[LedgerFinding]) -> LedgerReport:
    """A report with its findings in the order of the report."""
    order = list(LedgerCode)
    ordered = sorted(findings, key=lambda item: (item.code.severity, order.index(item.code)))
    return LedgerReport(figures=figures, findings=tuple(ordered))
