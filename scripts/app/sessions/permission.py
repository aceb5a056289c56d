"""May a session run on this account, and send orders from this terminal?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.mt5.api.errors import UnsuitableAccount
from scripts.app.errors import Refused, UnsuitableProfile
from scripts.app.sessions.live_actors import refuse_netting

if TYPE_CHECKING:
    from scripts.app.sessions.connection import Connection


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
