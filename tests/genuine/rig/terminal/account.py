"""The account of the played terminal: positions, orders, deals and what the server does by itself.

A partner for the package and for whatever drives it, not a model of a broker: margin and checks are
the plain ones of `trading`; there is no swap, no closing by another position, no stop-limit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.genuine.rig.terminal import market
from tests.genuine.rig.terminal.market import BUY, Row

COMMISSION: Final = 2.5
"""Of a lot and deal, in the account's currency."""

_FIRST_TICKETS: Final = {"order": 500_001, "deal": 400_001}
_BALANCE_DEAL: Final = 2
_REASON_EXPERT, _REASON_STOP, _REASON_TARGET = 3, 4, 5
_FILLED, _CANCELED, _EXPIRED = 4, 2, 6
_SPECIFIED: Final = 2


def _account() -> Row:
    return {
        "login": 1234567, "trade_mode": 0, "leverage": 100, "limit_orders": 200,
        "margin_so_mode": 0, "trade_allowed": True, "trade_expert": True, "margin_mode": 2,
        "currency_digits": 2, "fifo_close": False, "balance": 100_000.0, "margin_so_call": 100.0,
        "margin_so_so": 50.0, "name": "Rig Demo", "server": "Rig-Demo", "currency": "USD",
        "company": "Rig Ltd.",
    }  # fmt: skip


def _terminal() -> Row:
    return {
        "connected": True, "dlls_allowed": True, "trade_allowed": True, "build": 5200,
        "maxbars": 100_000, "codepage": 1252, "ping_last": 31_000, "company": "Rig Ltd.",
        "name": "Rig Terminal", "language": "English", "path": "C:\\Rig",
        "data_path": "C:\\Rig\\data", "commondata_path": "C:\\Rig\\common",
    }  # fmt: skip


class Account:
    """Everything the terminal knows; `control` lays a test's wishes over it."""

    def __init__(self) -> None:
        self.facts = _account()
        self.terminal = _terminal()
        self.symbols = market.symbols()
        self.positions: dict[int, Row] = {}
        self.orders: dict[int, Row] = {}
        self.history: list[Row] = []
        self.deals: list[Row] = []
        self.next_ticket = dict(_FIRST_TICKETS)
        self.requests = self.number = 0
        self.control: Row = {}
        first = {"symbol": "", "type": _BALANCE_DEAL, "volume": 0.0, "price": 0.0}
        self.deal(0, {**first, "comment": "initial"}, 0, 0, profit=self.facts["balance"])

    # --- what outlives the program

    _KEPT: Final = ("facts", "history", "deals", "next_ticket", "requests", "number")

    def save(self, path: Path) -> None:
        """Keep the account in `path`, in one step."""
        kept = {name: getattr(self, name) for name in self._KEPT}
        kept["positions"] = list(self.positions.values())
        kept["orders"] = list(self.orders.values())
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(kept), encoding="utf-8")
        draft.replace(path)

    def load(self, path: Path) -> None:
        """Take over the account that an earlier life of this program kept."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        for name in self._KEPT:
            setattr(self, name, kept[name])
        self.positions = {row["ticket"]: row for row in kept["positions"]}
        self.orders = {row["ticket"]: row for row in kept["orders"]}

    # --- facts

    def symbol(self, name: str) -> Row | None:
        """A symbol with the test's changes."""
        if name not in self.symbols:
            return None
        changed: Row = self.control.get("symbols", {}).get(name, {})
        return {**self.symbols[name], **changed}

    def known(self, name: str) -> Row:
        """A symbol that is certainly there."""
        symbol = self.symbol(name)
        assert symbol is not None
        return symbol

    def tick(self, symbol: Row) -> Row:
        """The last tick; where the control says so it stands still or is pinned."""
        still = self.control.get("still")
        moment = market.server_now() if still is None else still
        pinned: Row = self.control.get("ticks", {}).get(symbol["name"], {})
        return {**market.tick_at(symbol, moment), **pinned}

    def described(self, symbol: Row) -> Row:
        """The symbol as `symbol_info` tells it."""
        tick = self.tick(symbol)
        rate = self.rate(symbol, tick["bid"])
        value = symbol["trade_tick_size"] * symbol["trade_contract_size"] * rate
        priced = {name: tick[name] for name in ("time", "bid", "ask")}
        names = ("trade_tick_value", "trade_tick_value_profit", "trade_tick_value_loss")
        return {**priced, **dict.fromkeys(names, value), **symbol}

    def rate(self, symbol: Row, price: float) -> float:
        """What one unit of the symbol's profit currency is in the account's."""
        if symbol["currency_profit"] == self.facts["currency"]:
            return 1.0
        return 1.0 / price if symbol["currency_base"] == self.facts["currency"] else 1.0

    def profit(self, symbol: Row, kind: int, lots: float, opened: float, closed: float) -> float:
        moved = (closed - opened) * (1 if kind == BUY else -1)
        size = symbol["trade_contract_size"] * lots
        return float(round(moved * size * self.rate(symbol, closed), 2))

    def margin(self, symbol: Row, lots: float, price: float) -> float:
        own = symbol["currency_base"] == self.facts["currency"]
        size = lots * symbol["trade_contract_size"]
        return float(round(size * (1.0 if own else price) / self.facts["leverage"], 2))

    def open_positions(self) -> list[Row]:
        """The positions with price and profit of this moment."""
        for row in self.positions.values():
            symbol = self.known(row["symbol"])
            tick = self.tick(symbol)
            row["price_current"] = tick["bid"] if row["type"] == BUY else tick["ask"]
            terms = row["type"], row["volume"], row["price_open"], row["price_current"]
            row["profit"] = self.profit(symbol, *terms)
        return list(self.positions.values())

    def money(self) -> Row:
        """The account as `account_info` tells it."""
        told = dict(self.facts)
        rows = self.open_positions()
        told["profit"] = round(sum(row["profit"] for row in rows), 2)
        told["equity"] = round(told["balance"] + told["profit"], 2)
        margins = (
            self.margin(self.known(row["symbol"]), row["volume"], row["price_open"]) for row in rows
        )
        told["margin"] = round(sum(margins), 2)
        told["margin_free"] = round(told["equity"] - told["margin"], 2)
        level = told["equity"] / told["margin"] * 100 if told["margin"] else 0.0
        told["margin_level"] = round(level, 2)
        return {**told, **self.control.get("account", {})}

    def terminal_facts(self) -> Row:
        """The terminal as `terminal_info` tells it."""
        return {**self.terminal, **self.control.get("terminal", {})}

    # --- books

    def ticket(self, kind: str) -> int:
        """The next ticket of an order or a deal."""
        self.next_ticket[kind] += 1
        return self.next_ticket[kind] - 1

    def deal(
        self,
        order: int,
        terms: Row,
        entry: int,
        position: int,
        profit: float = 0.0,
        reason: int = _REASON_EXPERT,
    ) -> Row:
        """Book a deal; those of orders move the balance."""
        now = market.server_now()
        commission = -round(COMMISSION * terms["volume"], 2)
        booked = {
            "ticket": self.ticket("deal"), "order": order, "time": int(now),
            "time_msc": int(now * 1000), "type": terms["type"], "entry": entry,
            "magic": terms.get("magic", 0), "position_id": position, "reason": reason,
            "volume": terms["volume"], "price": terms["price"], "profit": profit,
            "commission": commission, "symbol": terms["symbol"],
            "comment": terms.get("comment", ""),
        }  # fmt: skip
        self.deals.append(booked)
        if order:
            balance = self.facts["balance"] + profit + commission
            self.facts["balance"] = round(balance, 2)
        return booked

    def ended_order(
        self, terms: Row, state: int, position: int, reason: int, ticket: int | None = None
    ) -> Row:
        """Book an order that is no longer open."""
        now = market.server_now()
        order = {
            "ticket": ticket or self.ticket("order"), "time_setup": int(now),
            "time_setup_msc": int(now * 1000), "time_done": int(now),
            "time_done_msc": int(now * 1000), "type": terms["type"],
            "type_time": terms.get("type_time", 0), "type_filling": terms.get("type_filling", 0),
            "state": state, "magic": terms.get("magic", 0), "reason": reason,
            "volume_initial": terms["volume"], "price_open": terms["price"],
            "sl": terms.get("sl", 0.0), "tp": terms.get("tp", 0.0),
            "price_current": terms["price"], "symbol": terms["symbol"],
            "comment": terms.get("comment", ""),
        }  # fmt: skip
        order["position_id"] = position or order["ticket"]
        self.history.append(order)
        return order

    def open(
        self, terms: Row, price: float, reason: int = _REASON_EXPERT, ticket: int | None = None
    ) -> tuple[Row, Row]:
        """Open a position; gives its order and deal."""
        terms = {**terms, "price": price}
        order = self.ended_order(terms, _FILLED, 0, reason, ticket)
        number = order["ticket"]
        deal = self.deal(number, terms, 0, number, reason=reason)
        self.positions[number] = {
            "ticket": number, "identifier": number, "time": deal["time"],
            "time_msc": deal["time_msc"], "time_update": deal["time"],
            "time_update_msc": deal["time_msc"], "type": terms["type"] % 2,
            "magic": terms.get("magic", 0), "reason": reason, "volume": terms["volume"],
            "price_open": price, "sl": terms.get("sl", 0.0), "tp": terms.get("tp", 0.0),
            "symbol": terms["symbol"], "comment": terms.get("comment", ""),
        }  # fmt: skip
        return order, deal

    def close(
        self, position: Row, volume: float, price: float, terms: Row, reason: int = _REASON_EXPERT
    ) -> tuple[Row, Row]:
        """Close a position or a part of it; gives its order and deal."""
        symbol = self.known(position["symbol"])
        side = position["type"]
        terms = {**terms, "type": 1 - side, "volume": volume, "price": price}
        terms["symbol"] = position["symbol"]
        order = self.ended_order(terms, _FILLED, position["identifier"], reason)
        profit = self.profit(symbol, side, volume, position["price_open"], price)
        deal = self.deal(order["ticket"], terms, 1, position["identifier"], profit, reason)
        position["volume"] = round(position["volume"] - volume, 8)
        position["time_update"], position["time_update_msc"] = deal["time"], deal["time_msc"]
        if position["volume"] <= 0:
            del self.positions[position["ticket"]]
        return order, deal

    def end_pending(self, order: Row, state: int) -> None:
        """Move a pending order into the history."""
        now = market.server_now()
        del self.orders[order["ticket"]]
        ended = {**order, "state": state, "time_done": int(now), "time_done_msc": int(now * 1000)}
        self.history.append(ended)

    def cancel_pending(self, order: Row) -> None:
        self.end_pending(order, _CANCELED)

    # --- what the server does by itself

    def server_side(self) -> bool:
        """Stops, targets, pending orders and their expiry; tells whether anything happened."""
        before = len(self.deals) + len(self.history)
        for position in list(self.positions.values()):
            self._levels(position)
        for order in list(self.orders.values()):
            self._trigger(order)
        return len(self.deals) + len(self.history) != before

    def _levels(self, position: Row) -> None:
        symbol = self.known(position["symbol"])
        tick = self.tick(symbol)
        price, side = (tick["bid"], 1) if position["type"] == BUY else (tick["ask"], -1)
        stop, target = position["sl"], position["tp"]
        terms = {"magic": position["magic"]}
        if stop and side * (stop - price) >= 0:
            terms["comment"] = f"[sl {stop:.{symbol['digits']}f}]"
            self.close(position, position["volume"], price, terms, _REASON_STOP)
        elif target and side * (price - target) >= 0:
            terms["comment"] = f"[tp {target:.{symbol['digits']}f}]"
            self.close(position, position["volume"], target, terms, _REASON_TARGET)

    def _trigger(self, order: Row) -> None:
        tick = self.tick(self.known(order["symbol"]))
        ended = order["type_time"] >= _SPECIFIED and order["time_expiration"]
        if ended and market.server_now() > order["time_expiration"]:
            self.end_pending(order, _EXPIRED)
            return
        bid, ask, at = tick["bid"], tick["ask"], order["price_open"]
        reached = {2: ask <= at, 3: bid >= at, 4: ask >= at, 5: bid <= at}
        if reached.get(order["type"]):
            del self.orders[order["ticket"]]
            side = order["type"] % 2
            terms = {**order, "volume": order["volume_current"], "type": side}
            self.open(terms, ask if side == BUY else bid, _REASON_EXPERT, order["ticket"])
