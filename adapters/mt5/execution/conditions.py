"""What terminal, account and symbols allow at the moment of a look.

The terminal answers from what it last heard of its server: while it is not connected, every price
and figure is an old one and no order can leave. Both are looked at with every snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import SnapshotFailed


class TradingConditions(NamedTuple):
    """Why no new order may leave ("": it may), and each symbol's trade mode, as they were asked."""

    objection: str
    trade_modes: tuple[int, ...]


class Conditioned(Protocol):
    """What is asked for the conditions."""

    def terminal_info(self) -> Any: ...

    def symbol_info(self, symbol: str, /) -> Any: ...

    def last_error(self) -> tuple[int, str]: ...


def trading_conditions(
    terminal: Conditioned, names: Sequence[str], account: mt5.AccountInfo | None
) -> TradingConditions:
    """Ask for them; raises SnapshotFailed where the terminal gives no answer.

    `account` is None where nothing is sent: then permissions to send do not matter.
    """
    info = terminal.terminal_info()
    if info is None:
        raise SnapshotFailed(f"terminal_info: {terminal.last_error()}")
    modes = tuple(_trade_mode(terminal, name) for name in names)
    objection = _disconnected(info) or ("" if account is None else _forbidden(info, account))
    return TradingConditions(objection, modes)


def _trade_mode(terminal: Conditioned, name: str) -> int:
    info = terminal.symbol_info(name)
    if info is None:
        raise SnapshotFailed(f"symbol_info {name}: {terminal.last_error()}")
    mode: int = info.trade_mode
    return mode


def _disconnected(info: mt5.TerminalInfo) -> str:
    return "" if info.connected else "the terminal has no connection with the trade server"


def _forbidden(info: mt5.TerminalInfo, account: mt5.AccountInfo) -> str:
    """Which permission to send is missing, and where it is given."""
    if not info.trade_allowed:
        return "AutoTrading is off in the terminal: switch it on there"
    if info.tradeapi_disabled:
        return "the terminal's options forbid trading through the Python API: allow it there"
    if not account.trade_allowed:
        return "the account may not trade (investor password, or switched off by the broker)"
    if not account.trade_expert:
        return "the broker does not let programs trade on this account"
    return ""
