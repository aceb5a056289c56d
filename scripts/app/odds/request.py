"""What `butler odds` is asked for, checked before anything is replayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.app.errors import WrongUsage
from scripts.app.terms.request import ReplayRequest

RISKS = (0.25, 0.5, 1.0, 2.0)
"""Percent of the account that one trade may risk: the levels of the table."""

_MOST_PATHS = 1_000_000
_MOST_LEVELS = 20
_OF_DRAWS = (
    "risks", "table", "fee", "refund", "paths", "block_days", "max_days", "seed", "out",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OddsRequest:
    """What the user asked for, as typed.

    Days come from a session (`run`), from a `statement`, or from the `replay`. `risks` are percent
    (None: `RISKS`). `fee` is in the account's currency. `statement_clock` reads its times.
    """

    rules: str
    replay: ReplayRequest
    run: str | None = None
    statement: Path | None = None
    statement_clock: str | None = None
    results: Path
    risks: tuple[float, ...] | None = None
    table: bool = True
    fee: float | None = None
    refund: bool = False
    paths: int = 10_000
    block_days: float | None = None
    max_days: int | None = None
    scale: float | None = None
    seed: int = 1
    jobs: int | None = None
    exact: bool = False
    out: Path | None = None
    bars: list[str] | None = None

    def check(self) -> None:
        """Raise WrongUsage for what is wrong whatever the days are."""
        _within("--paths", self.paths, 100, _MOST_PATHS)
        _within("--seed", self.seed, 0, 2**63 - 1)
        if self.jobs is not None:
            _within("--jobs", self.jobs, 1, 256)
        if self.max_days is not None:
            _within("--max-days", self.max_days, 1, 10_000)
        if self.block_days is not None and not 1 <= self.block_days <= 10_000:
            raise WrongUsage(f"--block-days {self.block_days:g}: must be from 1 to 10000")
        if self.fee is not None and not 0 <= self.fee < 1e9:
            raise WrongUsage(f"--fee {self.fee:g}: must be an amount of 0 or more")
        if self.refund and self.fee is None:
            raise WrongUsage("--refund needs --fee to go with")
        for risk in self.risks or ():
            if not 0 < risk <= 100:
                raise WrongUsage(f"--risk {risk:g}: must be above 0 and at most 100 percent")
        if len(self.risks or ()) > _MOST_LEVELS:
            raise WrongUsage(f"--risk: {len(self.risks or ())} levels, at most {_MOST_LEVELS}")
        self._check_source()
        self._check_exact()

    def _check_exact(self) -> None:
        """Nothing is drawn then, so what concerns draws and levels means nothing."""
        if not self.exact:
            return
        if self.run is not None or self.statement is not None:
            raise WrongUsage("--exact needs a replay: give its options, no session or statement")
        usual = OddsRequest(rules=self.rules, replay=self.replay, results=self.results)
        for name in (
            "risks",
            "table",
            "fee",
            "refund",
            "paths",
            "block_days",
            "max_days",
            "seed",
            "out",
        ):
            if getattr(self, name) != getattr(usual, name):
                option = {"risks": "risk", "table": "no-table"}.get(name, name).replace("_", "-")
                raise WrongUsage(
                    f"--{option}: --exact replays every attempt as it was and draws nothing; "
                    "leave the option out"
                )

    def _check_source(self) -> None:
        if self.run is not None and self.statement is not None:
            raise WrongUsage("name a session or a --statement, not both")
        if self.scale is not None:
            if self.statement is None:
                raise WrongUsage("--scale is for a --statement: a replay is run again with --risk")
            if not 0 < self.scale <= 1:
                raise WrongUsage(
                    f"--scale {self.scale:g}: must be above 0 and at most 1: volumes are only "
                    "scaled down, as limits and margin would have cut larger ones"
                )
        if self.statement is not None and self.risks is not None:
            raise WrongUsage("--risk needs a replay: a statement is only scaled down, with --scale")
        if self.statement_clock is not None and self.statement is None:
            raise WrongUsage("--statement-clock needs --statement to go with")


def risk_levels(text: str | None) -> tuple[float, ...] | None:
    """Percent from text such as ``0.25,0.5,1``, in order, without repeats; None for none given."""
    if text is None:
        return None
    try:
        found = {float(part) for part in text.split(",")}
    except ValueError:
        raise WrongUsage(
            f"--risk {text}: must be percents with commas between them, such as 0.25,0.5,1"
        ) from None
    return tuple(sorted(found))


def _within(option: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise WrongUsage(f"{option} {value}: must be from {least} to {most}")
