"""The execution port over a terminal in this process that answers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.mt5.execution.requests import Requests
from adapters.mt5.execution.results import cancellation_of, result_of
from adapters.mt5.execution.snapshot import (
    Snapshot,
    SnapshotQuery,
    TradeReply,
    carry_out,
    fetch_snapshot,
)
from engine.events import OrderIntent
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
        return result_of(order, reply, self._requests.specs[order.terms.symbol])

    def cancel(self, _order: OrderIntent, ticket: int) -> ExecutionResult:
        return cancellation_of(self._carry_out(self._terminal, self._requests.cancelling(ticket)))

    def snapshot(self, query: SnapshotQuery) -> Snapshot:
        """What the terminal holds now; raises SnapshotFailed."""
        return fetch_snapshot(self._terminal, query)
