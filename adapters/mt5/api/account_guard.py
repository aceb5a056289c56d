"""Is this the demo account that was asked for? The host asks it in the same request as each send.

There is no switch that turns this off.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Final

from adapters.mt5.api.contract import ACCOUNT_TRADE_MODE_DEMO

FUNDED_SERVERS: Final = ("ftmo-server*",)
"""Servers known to carry funded accounts, in lower case; such an account may call itself demo."""


NOT_TOLD: Final = "the terminal does not say which account is logged in"
"""The objection that the next moment may lift."""


def objection(account: Any | None, login: int, server: str) -> str | None:
    """Why nothing may be sent on `account`, or None when it is the expected demo account.

    `account` is the answer of `account_info`; None (it failed) is an objection too.
    """
    if account is None:
        return NOT_TOLD
    if account.login != login:
        return f"account {account.login} is logged in, not {login}"
    if account.server != server:
        return f"account {login} is on server {account.server!r}, not {server!r}"
    if any(fnmatchcase(server.casefold(), pattern) for pattern in FUNDED_SERVERS):
        return f"server {server!r} carries funded accounts; only demo accounts may be used"
    if account.trade_mode != ACCOUNT_TRADE_MODE_DEMO:
        return f"account {login} is no demo account (trade mode {account.trade_mode})"
    return None
