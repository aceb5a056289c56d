"""A paper terminal's counter: orders of this process in integer units, checked and dealt at once.

The same checks and the same deals as behind `order_send`; only the package's requests and structs
are left out, which a replay would make and read back for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.direct import ClosedPositions, ExecutionResult
from adapters.mt5.execution.requests import Requests
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.orders import EXECUTED
from adapters.paper.terminal.requests import ParsedRequest
from engine import events as ev
from engine.types import LONG, Units


class PaperExecution:
    """Implements `execution.direct.DirectExecution` over a terminal; symbols have the same
    names."""

    def __init__(self, terminal: PaperTerminal, requests: Requests) -> None:
        self._terminal = terminal
        self._account = terminal.account
        self._requests = requests

    def carry_out(self, order: ev.OrderIntent, volume: Units) -> ExecutionResult:
        parsed = (
            self._levels(order) if order.terms.action is ev.MODIFY else self._deal(order, volume)
        )
        retcode, deal = self._terminal.carry_out(parsed)
        figures = self._figures()
        if deal is not None:
            return ExecutionResult(retcode, EXECUTED, deal.order, (deal,), figures)
        return ExecutionResult(retcode, mt5.RETURN_CODES[retcode].meaning, 0, (), figures)

    def closed_positions(self, tickets: Iterable[int]) -> ClosedPositions:
        account = self._account
        deals = {
            ticket: account.deals_of(ticket)
            for ticket in tickets
            if ticket not in account.positions
        }
        return ClosedPositions(deals, self._figures())

    def _figures(self) -> ev.Account:
        account = self._account
        return ev.Account(balance=account.balance, equity=account.equity(), margin=account.margin)

    def _deal(self, order: ev.OrderIntent, volume: Units) -> ParsedRequest:
        account, requests, terms = self._account, self._requests, order.terms
        symbol = terms.symbol
        opens = terms.action is ev.OPEN
        buys = (terms.side is LONG) is opens
        return ParsedRequest(
            mt5.TRADE_ACTION_DEAL, symbol, account.specs[symbol],
            mt5.ORDER_TYPE_BUY if buys else mt5.ORDER_TYPE_SELL,
            terms.side if opens else terms.side.opposite,
            volume, terms.price,
            terms.stop_loss if opens else 0, terms.take_profit if opens else 0,
            requests.filling(symbol), mt5.ORDER_TIME_GTC, 0, requests.deviation,
            terms.position, account.positions.get(terms.position), None,
            requests.magic, requests.comment(order.order_id),
        )  # fmt: skip

    def _levels(self, order: ev.OrderIntent) -> ParsedRequest:
        account, requests, terms = self._account, self._requests, order.terms
        symbol = terms.symbol
        return ParsedRequest(
            mt5.TRADE_ACTION_SLTP, symbol, account.specs[symbol], mt5.ORDER_TYPE_BUY, LONG,
            0, 0, terms.stop_loss, terms.take_profit,
            mt5.ORDER_FILLING_FOK, mt5.ORDER_TIME_GTC, 0, 0,
            terms.position, account.positions.get(terms.position), None, requests.magic, "",
        )  # fmt: skip
