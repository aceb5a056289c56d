"""The way of requests to a terminal host and back: blocking calls, made in the worker thread.

A router is handed orders and queries in the engine's units and answers in them: the request is made
here, sent once, and what the terminal's records say of it is read back and translated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import ArgumentsRefused, CallOutcomeUnknown, NotSent, TerminalError
from adapters.mt5.execution.conditions import trading_conditions
from adapters.mt5.execution.observation import BarRequest, MarketSnapshot, quotes_of
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import (
    Deals,
    Snapshot,
    SnapshotQuery,
    doubt,
    fetch_snapshot,
    insist_on,
)
from adapters.mt5.execution.translation import TradeReply, cancellation_of, result_of, snapshot_of
from adapters.mt5.host.client import CallResult
from engine import events as ev
from engine.fields import ExecutionResult
from engine.ports import Terminal
from engine.types import Units

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


def carry_out(terminal: Terminal, request: dict[str, Any]) -> TradeReply:
    """Send a request once and read back what it did."""
    result = terminal.order_send(request)
    return _read_back(terminal, request, TradeReply(result, terminal.last_error()))


def _read_back(terminal: Terminal, request: dict[str, Any], sent: TradeReply) -> TradeReply:
    """What the venue's records say right after a request was sent.

    A history that does not show the request's own deal yet tells nothing, nor does an answer that
    names no order: there is no position 0.
    """
    result = sent.result
    if result is None:
        return sent
    deals: Deals = ()
    position = request.get("position") or result.order
    if result.deal and position:
        known: Deals = terminal.history_deals_get(position=position) or ()
        if any(deal.ticket == result.deal for deal in known):
            deals = known
    return TradeReply(result, sent.error, deals, terminal.account_info())


def carry_out_remotely(client: Caller, request: dict[str, Any]) -> TradeReply:
    """`carry_out`, with every way in which a host can fail turned into a reply.

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
        return _read_back(terminal, request, sent)
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


class OrderRouter(Protocol):
    """Where orders are carried out and what is looked at; its functions block."""

    def execute(self, client: Caller, order: ev.OrderIntent, volume: Units, /) -> ExecutionResult:
        """Send an approved order once, and read back what it did."""

    def cancel(self, client: Caller, order: ev.OrderIntent, ticket: int, /) -> ExecutionResult:
        """Cancel a pending order."""

    def check(
        self, terminal: RemoteTerminal, order: ev.OrderIntent, volume: Units, /
    ) -> int | None:
        """The code that `order_check` answers, without sending; None where it says nothing."""

    def fetch_snapshot(
        self, terminal: RemoteTerminal, query: SnapshotQuery, /
    ) -> ev.AccountSnapshot:
        """Everything that is open, and what became of the rest; raises SnapshotFailed."""

    def observe(
        self, terminal: RemoteTerminal, gaps: Sequence[BarRequest], query: SnapshotQuery, /
    ) -> MarketSnapshot:
        """The same with prices, new bars and conditions; raises SnapshotFailed."""


class LiveRouter:
    """The account itself: orders are sent. `account` is the one whose answers count."""

    def __init__(self, requests: Requests, account: mt5.AccountInfo) -> None:
        self._requests = requests
        self._account = account

    def execute(self, client: Caller, order: ev.OrderIntent, volume: Units) -> ExecutionResult:
        requests = self._requests
        reply = self._carry_out(client, requests.of(order, volume))
        spec = requests.specs[order.terms.symbol]
        return result_of(order, self._ours(reply), spec, requests.magic)

    def cancel(self, client: Caller, _order: ev.OrderIntent, ticket: int) -> ExecutionResult:
        return cancellation_of(self._carry_out(client, self._requests.cancelling(ticket)))

    def _carry_out(self, client: Caller, request: dict[str, Any]) -> TradeReply:
        return carry_out_remotely(client, request)

    def check(self, terminal: RemoteTerminal, order: ev.OrderIntent, volume: Units) -> int | None:
        request = self._requests.of(order, volume)
        checked: mt5.OrderCheckResult | None = terminal.order_check(request)
        return None if checked is None else checked.retcode

    def fetch_snapshot(self, terminal: RemoteTerminal, query: SnapshotQuery) -> ev.AccountSnapshot:
        return snapshot_of(self._looked(terminal, query), self._requests)

    def observe(
        self, terminal: RemoteTerminal, gaps: Sequence[BarRequest], query: SnapshotQuery
    ) -> MarketSnapshot:
        quotes, seen = quotes_of(terminal, gaps), self._looked(terminal, query)
        conditions = trading_conditions(terminal, [gap.name for gap in gaps], seen.account)
        return MarketSnapshot(quotes, snapshot_of(seen, self._requests), conditions)

    def _looked(self, terminal: Terminal, query: SnapshotQuery) -> Snapshot:
        seen = fetch_snapshot(terminal, query)
        insist_on(seen.account, self._account)
        return seen

    def _ours(self, reply: TradeReply) -> TradeReply:
        """A reply without what was read back when that is not our account's.

        The order counts as accepted until a snapshot of the session's own account shows more.
        """
        if reply.account is None or doubt(reply.account, self._account) is None:
            return reply
        return TradeReply(reply.result, reply.error)


class CheckOnlyRouter(LiveRouter):
    """The account, but orders are only checked by it."""

    def _carry_out(self, client: Caller, request: dict[str, Any]) -> TradeReply:
        return check_remotely(client, request)
