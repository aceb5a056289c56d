"""What a user asks of a live session, before anything is opened for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.reports.status import Status
from adapters.services.watchdog import WatchdogTerms
from config.loader import ConfigError, ResolvedAccount, with_overrides
from engine.events import UserSignal
from engine.types import Limits
from risk.challenge import Challenge
from scripts.app.errors import WrongUsage
from scripts.app.sessions.paper import PAPER
from scripts.app.sessions.services import Work
from scripts.app.terms.objectives import refuse_rewards, resolve
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import Loaded
from scripts.app.terms.user_signals import open_signals

Drawing = Callable[[Callable[[], None]], Awaitable[None]]
"""Carries out what draws, somewhere where it may hang."""

DrawnView = Callable[[Callable[[], Status | None], Drawing], Work]
"""Makes what shows the session's status, drawn by a `Drawing`."""


@dataclass(frozen=True, kw_only=True)
class ShadowRequest:
    """What the user asked for; `request` is what a replay could be asked for, too."""

    request: ReplayRequest
    account: ResolvedAccount
    symbols: list[str]
    dry_run: bool
    seconds: float | None
    speed: float | None
    lockstep: bool
    resume: str
    adopt: bool
    results: Path
    session_id: str | None
    follow: bool
    metrics_port: int | None
    watchdog: WatchdogTerms
    view: DrawnView | None
    parquet: bool = False

    @property
    def on_paper(self) -> bool:
        return self.account.profile == PAPER

    @property
    def named_symbols(self) -> list[str]:
        """Those that the user named, or the profile's; PAPER trades its bars instead."""
        return self.symbols or [self.account.default_symbol]

    def check(self) -> None:
        """Raise WrongUsage for options that do not go together."""
        timed = self.speed is not None or self.lockstep
        refused = {
            "--bars needs --account-profile PAPER: another account has a market of its own": (
                bool(self.request.bars) and not self.on_paper
            ),
            "--adopt needs --no-dry-run: a dry session manages no position of the account": (
                self.adopt and self.dry_run
            ),
            "--follow needs --signals FILE": self.follow and self.request.signals is None,
            "--speed needs --account-profile PAPER: another account has a clock of its own": (
                timed and not self.on_paper
            ),
            "--account-currency needs --account-profile PAPER: another account has its own": (
                self.request.account_currency is not None and not self.on_paper
            ),
            "--symbol does not go with PAPER, which trades its bars: name them with --bars": (
                bool(self.symbols) and self.on_paper
            ),
        }
        for message, holds in refused.items():
            if holds:
                raise WrongUsage(message)

    def limits(self, loaded: Loaded) -> Limits:
        """The preset's limits as the user changed them; raises WrongUsage."""
        try:
            return with_overrides(loaded.preset.limits, **self.request.limits)
        except ConfigError as error:
            raise WrongUsage(str(error)) from error

    def challenge(self) -> Challenge | None:
        """The firm's objectives that the user wants followed; raises WrongUsage."""
        request = self.request
        asked = resolve(request.objectives, None, request.calendar, request.initial_balance)
        refuse_rewards(asked, request.calendar)
        return asked

    def decided_by(self, loaded: Loaded) -> tuple[str, dict[str, Any]]:
        """What decides, by name, and its parameters: the preset, or the user's signals."""
        if self.request.signals:
            return "signals", {}
        return loaded.preset.name, loaded.preset.parameters

    def signals(self) -> tuple[UserSignal, ...]:
        """The user's signals, unless they are read while the session runs; raises BadData."""
        if self.request.signals is None or self.follow:
            return ()
        return open_signals(self.request.signals).signals
