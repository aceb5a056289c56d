"""A session's beginning: who is refused for good leaves a summary that says why."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Final, Self

from adapters.system.atomic_files import replace_file
from scripts.app.errors import UnsuitableProfile
from scripts.app.session_folder import SessionFolder

_FIGURES: Final = (
    "initial_equity", "final_equity", "total_pnl", "number_of_trades", "win_rate",
    "max_drawdown_fraction", "max_daily_loss_fraction", "daily_realized_loss", "signals", "orders",
    "open_positions", "trading_state", "halt_reason", "started_at", "ended_at",
)  # fmt: skip
"""What a summary tells of a session that ran."""


class Beginning:
    """The part of a session in which its account may be refused for good.

    Used as a context manager: where only a person can settle what forbids the session, the latest
    summary says so. Once it is `over`, the session writes its own.
    """

    def __init__(self, folder: SessionFolder, profile: str | None, *, dry_run: bool) -> None:
        self._folder = folder
        self._profile = profile
        self._dry_run = dry_run
        self._over = False

    def over(self) -> None:
        """The account may be used."""
        self._over = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, UnsuitableProfile) and not self._over:
            document = json.dumps(self._refused(str(error)), indent=2) + "\n"
            replace_file(self._folder.latest_summary, document.encode())

    def _refused(self, why: str) -> dict[str, Any]:
        return {
            "dry_run": self._dry_run,
            **dict.fromkeys(_FIGURES),
            "outcome": "refused",
            "failure": why,
            "session_id": self._folder.session_id,
            "account_profile": self._profile,
        }
