"""What a replay is asked for, as the user typed it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.types import USD
from scripts.app.errors import WrongUsage

NO_OBJECTIVES = "none"
"""What `--objectives` says where a run is not even to be held against a firm's rules."""

LIMIT_OPTIONS = (
    "max_positions",
    "per_trade_risk_fraction",
    "daily_loss_fraction",
    "max_loss_fraction",
)


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """What the user asked for, as typed."""

    bars: list[str] | None = None
    clock: str | None = None
    digits: list[str] | None = None
    symbol_spec: list[Path] | None = None
    preset: str = "ftmo_m15"
    limits: dict[str, Any] = field(default_factory=dict)
    limit_trades: int | None = None
    starting_equity: float | None = None
    account_currency: str | None = None
    start: str | None = None
    end: str | None = None
    cold: bool = False
    slippage_points: int = 0
    spread_floor: list[str] | None = None
    commission: list[str] | None = None
    swap: list[str] | None = None
    signals: Path | None = None
    objectives: str | None = None
    attempts: str | None = None
    calendar: Path | None = None
    initial_balance: float | None = None
    repair: bool = False

    def check(self) -> None:
        """Raise AppError for what is wrong whatever the bars are."""
        limit = self.limit_trades
        if limit is not None and limit < 1:
            raise WrongUsage(
                f"--limit-trades {limit}: must be 1 or more; leave it out for no limit"
            )
        if self.account_currency is not None:
            from scripts.app.terms.options import paper_currency

            paper_currency(self.account_currency)

    @property
    def currency(self) -> str:
        """That of a paper account."""
        return USD if self.account_currency is None else self.account_currency.upper()

    @classmethod
    def of(cls, given: dict[str, Any]) -> ReplayRequest:
        """The request in a command's arguments; options that are not its own are left out."""
        own = {item.name for item in fields(cls)} - {"limits"}
        limits = {name: given[name] for name in LIMIT_OPTIONS}
        chosen = {name: given[name] for name in own}
        return cls(limits=limits, **chosen | {"objectives": followed(given["objectives"])})


def followed(objectives: str | None) -> str | None:
    """The rules that a run is to follow: those that `--objectives` names, if it names any."""
    return None if objectives == NO_OBJECTIVES else objectives
