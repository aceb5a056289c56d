"""What `butler odds` found: everything that is printed, as JSON or for a person."""

from __future__ import annotations

from typing import Any

import msgspec

from risk.odds.costs import Costs
from risk.odds.estimate import Odds
from risk.odds.levels import Level, Ranking


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What the odds stand on."""

    preset: str
    symbols: tuple[str, ...]
    mode: str
    rules: str
    rules_title: str
    rules_sha256: str
    phases: tuple[str, ...]
    first: str
    last: str
    days: int
    trades: int
    flat_starts: int
    initial: int
    currency: str
    sizing: str
    risk_percent: float | None
    seed: int
    paths: int


class CostTable(msgspec.Struct, frozen=True, kw_only=True):
    """Costs at the point estimate and at the lower end of the interval."""

    fee: float
    refunded: bool
    point: Costs
    lower: Costs


class OddsReport(msgspec.Struct, frozen=True, kw_only=True):
    """The odds with what they stand on. `levels` are replays at other risk, `ranking` of them."""

    basis: Basis
    odds: Odds
    cost: CostTable | None
    levels: tuple[Level, ...] = ()
    ranking: Ranking | None = None
    failed_levels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    trials: int = 0
    """How many parameter sets this one was chosen from; 0 when that is not known."""

    def document(self) -> dict[str, Any]:
        """As plain values; the same figures give the same bytes."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        found["passed"] = self.odds.passed
        return found
