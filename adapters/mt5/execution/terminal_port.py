"""The execution port over a terminal in this process that answers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.mt5.execution.remote import carry_out
from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.snapshot import SnapshotQuery, fetch_snapshot
from adapters.mt5.execution.translation import TradeReply, cancellation_of, result_of, snapshot_of
from engine.events import AccountSnapshot, OrderIntent
from engine.fields import ExecutionResult
from engine.ports import Terminal
from engine.types import Units


class TerminalPort:
    """Implements `engine.ports.ExecutionPort` by the package's functions."""

    def __init__(
        self,
        terminal: Terminal,
        requests: Requests,
        carry_out: Callable[[Terminal, dict[str, Any]], TradeReply] = carry_out,
    ) -> None:
        self._terminal = terminal
        self._requests = requests
        self._carry_out = carry_out

    def execute(self, order: OrderIntent, volume: Units) -> ExecutionResult:
        reply = self._carry_out(self._terminal, self._requests.of(order, volume))
        spec = self._requests.specs[order.terms.symbol]
        return result_of(order, reply, spec, self._requests.magic)

    def cancel(self, _order: OrderIntent, ticket: int) -> ExecutionResult:
        return cancellation_of(self._carry_out(self._terminal, self._requests.cancelling(ticket)))

    def snapshot(self, query: SnapshotQuery) -> AccountSnapshot:
        """What the terminal holds now; raises SnapshotFailed."""
        return snapshot_of(fetch_snapshot(self._terminal, query), self._requests)
