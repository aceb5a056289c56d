"""The functions of the package that concern the terminal itself and its account."""

from __future__ import annotations

from typing import Any, Final

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.calling import (
    SUCCESS,
    Failure,
    Surface,
    function,
    invalid,
    text,
    whole,
)

BUILD: Final = 5000
_VERSION: Final = 500
_RELEASED: Final = "01 Jan 2025"
_MAX_BARS: Final = 100_000
_COMPANY: Final = "Execution Butler"
_MARGIN_CALL: Final = 100.0


class AccountFunctions(Surface):
    """Connection, terminal and account."""

    @function
    def initialize(
        self,
        path: str = "",
        /,
        *,
        login: int | None = None,
        password: str = "",
        server: str = "",
        timeout: int = mt5.DEFAULT_TIMEOUT_MS,
        portable: bool = False,
        **unknown: Any,
    ) -> bool:
        """Attach to the terminal, and log in if a login is given."""
        del unknown  # ignored, as the package does
        text(path, "path", mt5.PATH_MAX_CHARS)
        if not isinstance(portable, bool):
            raise invalid("portable")
        self._log_in(login, password, server, timeout)
        self.attached = True
        return True

    @function
    def login(
        self,
        login: int | None = None,
        password: str = "",
        server: str = "",
        timeout: int = mt5.DEFAULT_TIMEOUT_MS,
        **unknown: Any,
    ) -> bool:
        """Log in to the account; only the terminal's own is known here, with any password."""
        del unknown
        whole(login, "login")
        self._log_in(login, password, server, timeout)
        return True

    def _log_in(self, login: Any, password: Any, server: Any, timeout: Any) -> None:
        text(password, "password", mt5.PASSWORD_MAX_CHARS)
        text(server, "server", mt5.SERVER_MAX_CHARS)
        whole(timeout, "timeout")
        if login is None:
            return
        terms = self.terms
        if whole(login, "login") != terms.login or server not in ("", terms.server):
            raise Failure(mt5.RES_E_AUTH_FAILED, "Terminal: Authorization failed")

    def shutdown(self) -> bool:
        """Detach; never fails."""
        self.attached = False
        self.error = SUCCESS
        return True

    @function
    def version(self) -> tuple[int, int, str]:
        return (_VERSION, BUILD, _RELEASED)

    @function
    def terminal_info(self) -> mt5.TerminalInfo | None:
        conditions = self.conditions
        return mt5.TerminalInfo.of(
            connected=conditions.connected,
            trade_allowed=conditions.autotrading,
            tradeapi_disabled=not conditions.api_allowed,
            build=BUILD,
            maxbars=_MAX_BARS,
            codepage=65001,
            ping_last=1000,
            company=_COMPANY,
            name="Paper terminal",
            language="English",
        )

    @function
    def account_info(self) -> mt5.AccountInfo | None:
        account, terms, conditions = self.account, self.terms, self.conditions
        equity, margin = account.equity(), account.margin
        netting = mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
        hedging = mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
        info: mt5.AccountInfo = mt5.AccountInfo.made(
            (
                terms.login, terms.trade_mode, terms.leverage, terms.max_orders,
                mt5.ACCOUNT_STOPOUT_MODE_PERCENT, conditions.trade_allowed,
                conditions.experts_allowed, netting if account.netting else hedging,
                account.decimals, False,
                account.balance / 100, 0.0, (equity - account.balance) / 100, equity / 100,
                margin / 100, (equity - margin) / 100,
                round(equity / margin * 100, 2) if margin else 0.0,
                _MARGIN_CALL if account.stop_out else 0.0, float(account.stop_out or 0),
                0.0, 0.0, 0.0, 0.0, 0.0, "Paper account", terms.server,
                account.currency, _COMPANY,
            )
        )  # fmt: skip
        return info
