"""May a session run on this account, and send orders from this terminal?"""

from __future__ import annotations

import json
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from adapters.mt5.api.errors import UnsuitableAccount
from adapters.system.atomic_files import replace_file
from scripts.app.errors import Refused, UnsuitableProfile
from scripts.app.sessions.live_actors import refuse_netting

if TYPE_CHECKING:
    from scripts.app.session_folder import SessionFolder
    from scripts.app.sessions.connection import Connection

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


def refuse_unsuitable(connection: Connection) -> None:
    """Raise UnsuitableProfile for an account that no session can be run on, before anything is."""
    try:
        refuse_netting(connection.account)
    except UnsuitableAccount as error:
        raise UnsuitableProfile(str(error)) from error


async def refuse_without_permission(connection: Connection) -> None:
    """Raise Refused with the remedy when an order would be refused anyway."""
    terminal = await connection.call("terminal_info")
    if not terminal.trade_allowed or terminal.tradeapi_disabled:
        raise Refused(
            "AutoTrading is off in the terminal: press Algo Trading, and allow it in "
            "Tools > Options > Expert Advisors"
        )
    if not connection.account.trade_allowed or not connection.account.trade_expert:
        raise Refused("this login may not trade (an investor password?): use the trading password")
