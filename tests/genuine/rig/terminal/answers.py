"""Each call of the pipe: its arguments decoded, the answer packed."""

from __future__ import annotations

import fnmatch
import math
import struct
from collections.abc import Callable
from typing import Any, Final

from tests.genuine.rig.terminal import market
from tests.genuine.rig.terminal.account import Account
from tests.genuine.rig.terminal.market import Row
from tests.genuine.rig.terminal.records import (
    LAYOUT,
    U32,
    Arguments,
    counted,
    many,
    pack,
    unpack,
)
from tests.genuine.rig.terminal.trading import Desk, Refused

CALLS: Final = {
    0x01: "version", 0x04: "hello", 0x05: "login", 0x6D: "login_state", 0xB4: "terminal_info",
    0xBE: "account_info", 0xAD: "symbols_total", 0xAE: "symbols_get", 0xAF: "symbols_get_group",
    0xAA: "symbol_info", 0xAC: "symbol_info_tick", 0xAB: "symbol_select",
    0x78: "positions_total", 0x79: "positions_get", 0x7A: "positions_symbol",
    0x7B: "positions_ticket", 0x82: "orders_total", 0x83: "orders_get", 0x84: "orders_symbol",
    0x85: "orders_ticket", 0x8C: "history_orders_total", 0x8D: "history_orders_get",
    0x8E: "history_orders_position", 0x8F: "history_orders_ticket", 0x96: "history_deals_total",
    0x97: "history_deals_get", 0x98: "history_deals_position", 0x99: "history_deals_ticket",
    0xA0: "order_check", 0xA1: "order_send", 0xA2: "order_calc_margin",
    0xA3: "order_calc_profit", 0x6A: "copy_rates_from", 0x6B: "copy_rates_range",
    0x6C: "copy_rates_from_pos", 0x68: "copy_ticks_from", 0x69: "copy_ticks_range",
}  # fmt: skip
"""Commands by number; one function of the package has several where it takes several arguments."""

INVALID_PARAMS, NOT_FOUND, UNSUPPORTED, API_DISABLED = -2, -4, -7, -8
_EVERYTHING: Final = 10**6
_TABLES: Final = {
    "positions": ("positions", "TradePosition"),
    "orders": ("orders", "TradeOrder"),
    "history_orders": ("history", "TradeOrder"),
    "history_deals": ("deals", "TradeDeal"),
}
Answer = tuple[bytes, int]
Books = dict[str, list[Row]]


class Refusal(Exception):
    """Ends a call with a code of `last_error`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def request_of(call: str, body: bytes) -> Row:
    """The trade request that a call carries; empty for other calls."""
    return unpack("TradeRequest", body) if call in ("order_send", "order_check") else {}


class Answers:
    """Answers calls from one account; `books` are what reads of the past see instead."""

    def __init__(self, account: Account, fault: Row, log: Row, books: Books | None) -> None:
        self._account = account
        self._fault = fault
        self._log = log
        self._books = books

    def of(self, call: str, body: bytes) -> Answer:
        """The data and status of one call."""
        arguments = Arguments(body)
        try:
            if call.startswith("copy_"):
                return self._copied(call, arguments), 1
            table, _, how = call.rpartition("_")
            if table in _TABLES:
                return self._rows(table, how, arguments), 1
            handler: Callable[[Arguments], bytes] | None = getattr(self, f"_{call}", None)
            if handler is None:
                return b"", UNSUPPORTED
            return handler(arguments), 1
        except Refusal as refusal:
            return b"", refusal.status

    # --- connection and account

    def _hello(self, _: Arguments) -> bytes:
        return U32.pack(self._account.terminal["build"])

    def _version(self, _: Arguments) -> bytes:
        return struct.pack("<II", 500, self._account.terminal["build"]) + counted("22 Nov 2026")

    def _login(self, arguments: Arguments) -> bytes:
        arguments.take("I")
        login, _password, server = arguments.take("Q"), arguments.text(), arguments.text()
        self._log.update(login=login, server=server)
        status: int = self._account.control.get("login_status", 1)
        if status != 1:
            raise Refusal(status)
        self._account.facts.update(login=login, **({"server": server} if server else {}))
        return b""

    def _login_state(self, _: Arguments) -> bytes:
        return U32.pack(self._account.control.get("login_state", 2))

    def _terminal_info(self, _: Arguments) -> bytes:
        return pack("TerminalInfo", self._account.terminal_facts() | self._odd("TerminalInfo"))

    def _account_info(self, _: Arguments) -> bytes:
        return pack("AccountInfo", self._account.money() | self._odd("AccountInfo"))

    def _odd(self, record: str) -> Row:
        """The fields that a fault lays over an answer, as far as the record has them."""
        if self._fault.get("do") != "answer":
            return {}
        names = {name for name, _ in LAYOUT[record]}
        return {name: value for name, value in self._fault["value"].items() if name in names}

    # --- symbols

    def _found(self, name: str) -> Row:
        symbol = self._account.symbol(name)
        if symbol is None:
            raise Refusal(NOT_FOUND)
        return symbol

    def _symbols_total(self, _: Arguments) -> bytes:
        return U32.pack(len(self._account.symbols))

    def _symbols_get(self, _: Arguments) -> bytes:
        return self._listed("*")

    def _symbols_get_group(self, arguments: Arguments) -> bytes:
        return self._listed(arguments.text())

    def _listed(self, group: str) -> bytes:
        names = [name for name in self._account.symbols if fnmatch.fnmatch(name, group)]
        described = [self._account.described(self._account.known(name)) for name in names]
        return many("SymbolInfo", described)

    def _symbol_info(self, arguments: Arguments) -> bytes:
        described = self._account.described(self._found(arguments.text()))
        return pack("SymbolInfo", described | self._odd("SymbolInfo"))

    def _symbol_info_tick(self, arguments: Arguments) -> bytes:
        return pack("Tick", self._account.tick(self._found(arguments.text())) | self._odd("Tick"))

    def _symbol_select(self, arguments: Arguments) -> bytes:
        self._found(arguments.text())
        return b""

    # --- history of prices

    def _copied(self, call: str, arguments: Arguments) -> bytes:
        symbol = self._found(arguments.text())
        if self._fault.get("do") == "empty":
            return U32.pack(0)
        if call.startswith("copy_ticks"):
            return market.counted_rows(self._ticks(call, symbol, arguments))
        return market.counted_rows(self._bars(call, symbol, arguments))

    def _ticks(self, call: str, symbol: Row, arguments: Arguments) -> list[bytes]:
        since = arguments.take("q")
        if call == "copy_ticks_from":
            return market.ticks(symbol, since, math.inf, arguments.take("I"))
        return market.ticks(symbol, since, arguments.take("q"), _EVERYTHING)

    def _bars(self, call: str, symbol: Row, arguments: Arguments) -> list[bytes]:
        seconds = market.period_of(arguments.take("I"))
        if not seconds:
            raise Refusal(INVALID_PARAMS)
        if call == "copy_rates_from":
            newest, count = arguments.take("q"), arguments.take("I")
            return market.bars(symbol, seconds, newest, count)
        if call == "copy_rates_range":
            since, until = arguments.take("q"), arguments.take("q")
            return market.bars(symbol, seconds, until, _EVERYTHING, since)
        start, count = arguments.take("I"), arguments.take("I")
        rows = market.bars(symbol, seconds, math.inf, start + count)
        return rows[: max(len(rows) - start, 0)]

    # --- positions, orders, deals

    def _rows(self, table: str, how: str, arguments: Arguments) -> bytes:
        name, record = _TABLES[table]
        rows = self._visible(name)
        if how == "symbol":
            wanted = arguments.text()
            rows = [row for row in rows if row["symbol"] == wanted]
        elif how in ("ticket", "position"):
            wanted = arguments.take("Q")
            field = "ticket" if how == "ticket" else "position_id"
            rows = [row for row in rows if row[field] == wanted]
        elif table.startswith("history"):
            since, until = arguments.take("q"), arguments.take("q")
            rows = [row for row in rows if since <= _ended(row) <= until]
        self._log["rows"] = len(rows)
        if how == "total":
            return U32.pack(len(rows))
        if how != "ticket":
            return many(record, [row | self._odd(record) for row in rows])
        if not rows:
            raise Refusal(NOT_FOUND)
        return pack(record, rows[0] | self._odd(record))  # one record, and no count

    def _visible(self, name: str) -> list[Row]:
        if self._fault.get("do") == "empty":
            return []
        if self._books is not None:
            return self._books[name]
        account = self._account
        if name == "positions":
            return account.open_positions()
        if name == "orders":
            return list(account.orders.values())
        known = account.history if name == "history" else account.deals
        before = market.server_now() - account.control.get("lag", 0)
        return [row for row in known if _ended(row) <= before]

    # --- trading

    def _order_calc_margin(self, arguments: Arguments) -> bytes:
        arguments.take("I")
        symbol = self._found(arguments.text())
        return struct.pack("<d", self._account.margin(symbol, *_numbers(arguments, 2)))

    def _order_calc_profit(self, arguments: Arguments) -> bytes:
        kind = arguments.take("I")
        symbol = self._found(arguments.text())
        return struct.pack("<d", self._account.profit(symbol, kind, *_numbers(arguments, 3)))

    def _order_check(self, arguments: Arguments) -> bytes:
        request = unpack("TradeRequest", arguments.rest())
        desk = Desk(self._account)

        def checked() -> Row:
            desk.check(request)
            return {"retcode": 0, "comment": "Done"}

        result = self._result(request, checked)
        money = self._account.money()
        names = ("balance", "equity", "profit", "margin", "margin_free", "margin_level")
        told = {name: money[name] for name in names} | result
        return pack("OrderCheckResult", told | self._odd("OrderCheckResult"))

    def _order_send(self, arguments: Arguments) -> bytes:
        request = unpack("TradeRequest", arguments.rest())
        if self._account.terminal_facts().get("tradeapi_disabled"):
            raise Refusal(API_DISABLED)
        desk = Desk(self._account)
        if self._fault.get("do") == "answer_only":
            result = self._fault["value"]
        else:
            result = self._result(request, lambda: desk.send(request, self._fault))
        self._log["effect"] = result
        told = result | self._odd("OrderSendResult")
        self._log["result"] = told
        return pack("OrderSendResult", told)

    def _result(self, request: Row, work: Callable[[], Row]) -> Row:
        self._log["request"] = {name: value for name, value in request.items() if value}
        try:
            if self._fault.get("do") == "retcode":
                raise Refused(self._fault["value"], "Refused by the test")
            return work()
        except Refused as refused:
            return {"retcode": refused.code, "comment": refused.comment}


def _ended(row: Row) -> int:
    ended: int = row["time_done"] if "time_done" in row else row["time"]
    return ended


def _numbers(arguments: Arguments, count: int) -> list[Any]:
    return [arguments.take("d") for _ in range(count)]
