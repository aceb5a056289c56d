"""The execution port over a paper account: orders in integer units, checked and dealt at once.

The same checks and the same deals as behind `order_send`; only the package's requests and structs
are left out, which a replay would make and read back for nobody.
"""

from __future__ import annotations

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Requests, pending_kind
from adapters.mt5.execution.snapshot import SnapshotQuery, fetch_snapshot
from adapters.mt5.execution.translation import outcome_of, snapshot_of
from adapters.paper.broker.records import SIDES, PaperDeal
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.orders import EXECUTED
from adapters.paper.terminal.requests import ParsedRequest
from engine import events as ev
from engine.fields import Deal, ExecutionResult, VenueOutcome
from engine.types import LONG, SymbolSpec, Units

_DONE = mt5.TRADE_RETCODE_DONE
_EXECUTED = VenueOutcome.EXECUTED


class PaperExecution:
    """Implements `engine.ports.ExecutionPort` over a paper terminal; symbols have the same
    names."""

    def __init__(self, terminal: PaperTerminal, requests: Requests) -> None:
        self._terminal = terminal
        self._account = terminal.account
        self._requests = requests
        self._fillings = {name: requests.filling(name) for name in terminal.account.specs}

    @property
    def magic(self) -> int:
        """The engine's mark."""
        return self._requests.magic

    def symbol_of(self, name: str) -> SymbolSpec | None:
        """The symbol of a name on the paper account, where each has the session's own."""
        return self._account.specs.get(name)

    def execute(self, order: ev.OrderIntent, volume: Units) -> ExecutionResult:
        terms = order.terms
        parsed = self._parsed(order, volume)
        retcode, deal = self._terminal.carry_out(parsed)
        if retcode != _DONE:
            return self._refused(retcode)
        if deal is not None:
            return ExecutionResult(
                VenueOutcome.EXECUTED,
                retcode,
                EXECUTED,
                deal.order,
                (_told(deal),),
                self._figures(),
            )
        ticket = self._terminal.place_pending(parsed) if terms.entry_price else 0
        return ExecutionResult(_EXECUTED, retcode, EXECUTED, ticket, (), self._figures())

    def cancel(self, _order: ev.OrderIntent, ticket: int) -> ExecutionResult:
        parsed = self._removal(ticket)
        retcode, _ = self._terminal.carry_out(parsed)
        if retcode != _DONE:
            return self._refused(retcode)
        self._terminal.place_pending(parsed)
        return ExecutionResult(_EXECUTED, retcode, EXECUTED, ticket)

    def check(self, order: ev.OrderIntent, volume: Units) -> int:
        """The code that `order_check` answers to an order; nothing is dealt."""
        return self._terminal.would_pass(self._parsed(order, volume))

    def _parsed(self, order: ev.OrderIntent, volume: Units) -> ParsedRequest:
        if order.terms.action is ev.MODIFY:
            return self._levels(order)
        if order.terms.entry_price:
            return self._pending(order, volume)
        return self._deal(order, volume)

    def everything(self, query: SnapshotQuery) -> ev.AccountSnapshot:
        """All that is open, and what became of the rest."""
        return snapshot_of(fetch_snapshot(self._terminal, query), self)

    def snapshot(self, query: SnapshotQuery) -> ev.AccountSnapshot | ev.VenueClosed:
        """The whole terminal only while orders wait there, or the traces of one are wanted: nothing
        else can have happened but that positions were closed."""
        if query.orders or query.span is not None:
            return self.everything(query)
        account = self._account
        deals = [
            _told(deal)
            for ticket in query.positions
            if ticket not in account.positions
            for deal in account.deals_of(ticket)
        ]
        return ev.VenueClosed(tuple(deals), self._figures())

    def _refused(self, retcode: int) -> ExecutionResult:
        outcome, said = outcome_of(retcode), mt5.RETURN_CODES[retcode].meaning
        if outcome is VenueOutcome.UNKNOWN:
            said = f"{retcode} {said}"
        return ExecutionResult(outcome, retcode, said, 0, (), self._figures())

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
            self._fillings[symbol], mt5.ORDER_TIME_GTC, 0, requests.deviation,
            terms.position, account.positions.get(terms.position), None,
            requests.magic, f"{requests.mark}{order.order_id}",
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

    def _pending(self, order: ev.OrderIntent, volume: Units) -> ParsedRequest:
        requests, terms, account = self._requests, order.terms, self._account
        kind = pending_kind(terms)
        return ParsedRequest(
            mt5.TRADE_ACTION_PENDING, terms.symbol, account.specs[terms.symbol], kind,
            SIDES[kind], volume, terms.entry_price, terms.stop_loss, terms.take_profit,
            mt5.ORDER_FILLING_RETURN, mt5.ORDER_TIME_SPECIFIED,
            requests.server_time(terms.expires), requests.deviation, 0, None, None,
            requests.magic, requests.comment(order.order_id),
        )  # fmt: skip

    def _removal(self, ticket: int) -> ParsedRequest:
        order = self._account.orders.get(ticket)
        spec = None if order is None else order.spec
        return ParsedRequest(
            mt5.TRADE_ACTION_REMOVE, spec.name if spec else "", spec, mt5.ORDER_TYPE_BUY, LONG,
            0, 0, 0, 0, mt5.ORDER_FILLING_FOK, mt5.ORDER_TIME_GTC, 0, 0, 0, None, order, 0, "",
        )  # fmt: skip


def _told(deal: PaperDeal) -> Deal:
    return Deal(
        deal.ticket, deal.order, deal.position, deal.entry, deal.reason, deal.volume, deal.price,
        deal.profit, deal.commission, deal.swap,
    )  # fmt: skip
