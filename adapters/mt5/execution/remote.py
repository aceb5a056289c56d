"""The `Terminal` port over a terminal host: blocking calls with deadlines, in the worker thread."""

from __future__ import annotations

from typing import Any, Final, Protocol

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import ArgumentsRefused, CallOutcomeUnknown, NotSent, TerminalError
from adapters.mt5.execution.snapshot import TradeReply, read_back
from adapters.mt5.host.client import CallResult

DEADLINES: Final = {
    "order_send": 30.0,
    "initialize": 90.0,
    "copy_rates_range": 60.0,
    "copy_rates_from_pos": 60.0,
    "copy_ticks_range": 60.0,
    "symbols_get": 30.0,
}
"""Seconds that a call may take where the usual ones do not suffice."""

USUAL_DEADLINE: Final = 10.0


class Caller(Protocol):
    """What makes blocking calls: `adapters.mt5.host.client.TerminalClient`."""

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult: ...


class RemoteTerminal:
    """Calls the host's terminal; raises what `TerminalClient.call` raises."""

    def __init__(self, client: Caller) -> None:
        self._client = client
        self._error = (mt5.RES_S_OK, "")

    def last_error(self) -> tuple[int, str]:
        """The error of the last call, read by the host in the same breath as its result."""
        return self._error

    def call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Any function on the host's list."""
        deadline = DEADLINES.get(function, USUAL_DEADLINE)
        answer = self._client.call(function, *args, deadline=deadline, **kwargs)
        self._error = answer.last_error
        return answer.value

    def order_send(self, request: dict[str, Any], /) -> Any:
        return self.call("order_send", request)

    def order_check(self, request: dict[str, Any], /) -> Any:
        return self.call("order_check", request)

    def terminal_info(self) -> Any:
        return self.call("terminal_info")

    def account_info(self) -> Any:
        return self.call("account_info")

    def symbol_info(self, symbol: str, /) -> Any:
        return self.call("symbol_info", symbol)

    def symbol_info_tick(self, symbol: str, /) -> Any:
        return self.call("symbol_info_tick", symbol)

    def positions_get(self, **where: Any) -> Any:
        return self.call("positions_get", **where)

    def orders_get(self, **where: Any) -> Any:
        return self.call("orders_get", **where)

    def history_orders_get(self, *span: Any, **where: Any) -> Any:
        return self.call("history_orders_get", *span, **where)

    def history_deals_get(self, *span: Any, **where: Any) -> Any:
        return self.call("history_deals_get", *span, **where)

    def copy_rates_from_pos(self, symbol: str, timeframe: int, start: int, count: int, /) -> Any:
        return self.call("copy_rates_from_pos", symbol, timeframe, start, count)

    def copy_ticks_range(self, symbol: str, start: int, end: int, flags: int, /) -> Any:
        return self.call("copy_ticks_range", symbol, start, end, flags)

    def order_calc_profit(self, *terms: Any) -> Any:
        return self.call("order_calc_profit", *terms)

    def order_calc_margin(self, *terms: Any) -> Any:
        return self.call("order_calc_margin", *terms)


def carry_out_remotely(client: Caller, request: dict[str, Any]) -> TradeReply:
    """`execution.carry_out`, with every way in which a host can fail turned into a reply.

    A request that never left is distinguished from one of unknown outcome; a result that came is
    kept even when the host dies while its traces are read back.
    """
    terminal = RemoteTerminal(client)
    try:
        result = terminal.order_send(request)
    except NotSent as error:
        return TradeReply(None, (mt5.RES_E_INTERNAL_FAIL_CONNECT, str(error)))
    except CallOutcomeUnknown as error:
        return TradeReply(None, (mt5.RES_E_INTERNAL_FAIL_RECEIVE, str(error)))
    sent = TradeReply(result, terminal.last_error())
    try:
        if result is not None and result.retcode == mt5.TRADE_RETCODE_CONNECTION:
            return sent._replace(connected=_connected(terminal))
        return read_back(terminal, request, sent)
    except (TerminalError, ArgumentsRefused):
        # The venue's records are looked at again later: the order counts as accepted until then.
        # That look meets again what the package refuses, and tells it.
        return sent


def _connected(terminal: RemoteTerminal) -> bool | None:
    """Whether the terminal has its server; None when it does not tell."""
    info: mt5.TerminalInfo | None = terminal.terminal_info()
    return None if info is None else info.connected


def check_remotely(client: Caller, request: dict[str, Any]) -> TradeReply:
    """What the terminal says to a request that is not sent: a dry run."""
    terminal = RemoteTerminal(client)
    try:
        checked = terminal.order_check(request)
    except TerminalError as error:
        return TradeReply(None, (mt5.RES_E_INTERNAL_FAIL_CONNECT, str(error)))
    if checked is None:  # nothing was sent, whatever went wrong
        code, text = terminal.last_error()
        why = f"order_check: {code} {text}"
        return TradeReply(None, (mt5.RES_E_INTERNAL_FAIL_CONNECT, why))
    return TradeReply(None, terminal.last_error(), (), None, checked)
