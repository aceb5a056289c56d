"""How the played terminal judges and carries out a trade request."""

from __future__ import annotations

from typing import Any, Final

from tests.genuine.rig.terminal import market
from tests.genuine.rig.terminal.account import Account
from tests.genuine.rig.terminal.market import BUY, SELL, Row

DEAL, PENDING, SLTP, MODIFY, REMOVE = 1, 5, 6, 7, 8
PLACED, DONE, PARTIAL = 10008, 10009, 10010
_DISABLED, _LONG_ONLY, _SHORT_ONLY, _CLOSE_ONLY = 0, 1, 2, 3
_FILLING_BITS: Final = {0: 1, 1: 2, 3: 4}
_SMALL: Final = 1e-9
_LARGEST: Final = 1e12
_NUMBERS: Final = ("volume", "price", "stoplimit", "sl", "tp")


class Refused(Exception):
    """A return code other than done, with its comment."""

    def __init__(self, code: int, comment: str) -> None:
        super().__init__(code, comment)
        self.code, self.comment = code, comment


class Desk:
    """Checks requests against the account and changes it."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # --- checking

    def check(self, request: Row) -> tuple[Row, float]:
        """The symbol, and the price that a market order gets; raises Refused."""
        self._permission()
        if not all(abs(request[name]) < _LARGEST for name in _NUMBERS):
            raise Refused(10013, "Invalid request")
        action = request["action"]
        if action == DEAL:
            return self._check_deal(request)
        if action == PENDING:
            return self._check_pending(request)
        if action == SLTP:
            return self._check_levels(request)
        if action in (MODIFY, REMOVE) and request["order"] in self._account.orders:
            return self._account.known(self._account.orders[request["order"]]["symbol"]), 0.0
        raise Refused(10013, "Invalid request")

    def _permission(self) -> None:
        if not self._account.terminal_facts()["trade_allowed"]:
            raise Refused(10027, "AutoTrading disabled by client")
        account = self._account.money()
        if not account["trade_expert"]:
            raise Refused(10026, "AutoTrading disabled by server")
        if not account["trade_allowed"]:
            raise Refused(10017, "Trade disabled")

    def _tradable(self, request: Row, *, entering: bool) -> Row:
        symbol = self._account.symbol(request["symbol"])
        if symbol is None:
            raise Refused(10013, "Invalid request")
        mode = symbol["trade_mode"]
        if mode == _DISABLED:
            raise Refused(10017, "Trade disabled")
        if entering and mode == _CLOSE_ONLY:
            raise Refused(10044, "Only position closing is allowed")
        if entering and mode == _LONG_ONLY and request["type"] % 2 == SELL:
            raise Refused(10042, "Only long positions are allowed")
        if entering and mode == _SHORT_ONLY and request["type"] % 2 == BUY:
            raise Refused(10043, "Only short positions are allowed")
        steps = request["volume"] / symbol["volume_step"]
        fits = symbol["volume_min"] <= request["volume"] <= symbol["volume_max"]
        if not fits or abs(steps - round(steps)) > 1e-6:
            raise Refused(10014, "Invalid volume")
        return symbol

    def _check_deal(self, request: Row) -> tuple[Row, float]:
        symbol = self._tradable(request, entering=not request["position"])
        if request["type"] not in (BUY, SELL):
            raise Refused(10035, "Invalid order type")
        if not symbol["filling_mode"] & _FILLING_BITS.get(request["type_filling"], 0):
            raise Refused(10030, "Unsupported filling mode")
        tick = self._account.tick(symbol)
        price = tick["ask"] if request["type"] == BUY else tick["bid"]
        if request["position"]:
            self._check_close(request)
        else:
            self._check_stops(symbol, request["type"], request["sl"], request["tp"], tick)
            needed = self._account.margin(symbol, request["volume"], price)
            if needed > self._account.money()["margin_free"]:
                raise Refused(10019, "No money")
        return symbol, price

    def _check_close(self, request: Row) -> None:
        position = self._account.positions.get(request["position"])
        if position is None or position["symbol"] != request["symbol"]:
            raise Refused(10036, "Position doesn't exist")
        too_much = request["volume"] > position["volume"] + _SMALL
        if position["type"] == request["type"] or too_much:
            raise Refused(10038, "Invalid close volume")

    def _check_pending(self, request: Row) -> tuple[Row, float]:
        symbol = self._tradable(request, entering=True)
        if request["type"] not in (2, 3, 4, 5):
            raise Refused(10035, "Invalid order type")
        tick, price = self._account.tick(symbol), request["price"]
        distance = {
            2: tick["ask"] - price, 3: price - tick["bid"],
            4: price - tick["ask"], 5: tick["bid"] - price,
        }[request["type"]]  # fmt: skip
        if price <= 0 or distance <= 0 or not _on_tick(symbol, price):
            raise Refused(10015, "Invalid price")
        if request["type_time"] >= 2 and request["expiration"] <= market.server_now():
            raise Refused(10022, "Invalid expiration")
        there = {"bid": price, "ask": price}
        self._check_stops(symbol, request["type"] % 2, request["sl"], request["tp"], there)
        return symbol, price

    def _check_levels(self, request: Row) -> tuple[Row, float]:
        position = self._account.positions.get(request["position"])
        if position is None:
            raise Refused(10036, "Position doesn't exist")
        if (position["sl"], position["tp"]) == (request["sl"], request["tp"]):
            raise Refused(10025, "No changes")
        symbol = self._account.known(position["symbol"])
        tick = self._account.tick(symbol)
        self._check_stops(symbol, position["type"], request["sl"], request["tp"], tick)
        return symbol, 0.0

    def _check_stops(self, symbol: Row, kind: int, stop: float, target: float, tick: Row) -> None:
        gap = max(symbol.get("trade_stops_level", 0) * symbol["point"] - _SMALL, _SMALL)
        price, side = (tick["bid"], 1) if kind == BUY else (tick["ask"], -1)
        wrong = stop and side * (price - stop) < gap
        wrong = wrong or (target and side * (target - price) < gap)
        if wrong or not (_on_tick(symbol, stop) and _on_tick(symbol, target)):
            raise Refused(10016, "Invalid stops")

    # --- carrying out

    def send(self, request: Row, fault: Row) -> Row:
        """Carry a request out and give its result; raises Refused."""
        symbol, price = self.check(request)
        self._account.requests += 1
        result: Row = {
            "retcode": DONE,
            "comment": "Request executed",
            "request_id": self._account.requests,
        }
        action = request["action"]
        if action == DEAL:
            result |= self._deal(request, fault, symbol, price)
        elif action == PENDING:
            result |= self._place(request, symbol, price)
        elif action == SLTP:
            levels = {"sl": request["sl"], "tp": request["tp"]}
            self._account.positions[request["position"]].update(levels)
        elif action == MODIFY:
            levels = {"price_open": request["price"], "sl": request["sl"], "tp": request["tp"]}
            self._account.orders[request["order"]].update(levels)
            result["order"] = request["order"]
        else:
            self._account.cancel_pending(self._account.orders[request["order"]])
            result["order"] = request["order"]
        return result

    def _deal(self, request: Row, fault: Row, symbol: Row, price: float) -> Row:
        do = fault.get("do")
        volume = fault["value"] if do == "partial" else request["volume"]
        if request["position"]:
            position = self._account.positions[request["position"]]
            order, deal = self._account.close(position, volume, price, request)
        else:
            order, deal = self._account.open({**request, "volume": volume}, price)
        tick = self._account.tick(symbol)
        result: Row = {
            "order": order["ticket"], "deal": deal["ticket"], "volume": volume, "price": price,
            "bid": tick["bid"], "ask": tick["ask"],
        }  # fmt: skip
        if volume < request["volume"]:
            result |= {"retcode": PARTIAL, "comment": "Request partially filled"}
        if do == "placed":
            placed = {"retcode": PLACED, "deal": 0, "price": 0.0, "comment": "Request placed"}
            result |= placed
        return result

    def _place(self, request: Row, symbol: Row, price: float) -> Row:
        number, now = self._account.ticket("order"), market.server_now()
        tick = self._account.tick(symbol)
        kept: dict[str, Any] = {
            name: request[name]
            for name in ("type", "type_time", "type_filling", "magic", "sl", "tp", "symbol")
        }
        self._account.orders[number] = {
            **kept, "ticket": number, "time_setup": int(now), "time_setup_msc": int(now * 1000),
            "time_expiration": request["expiration"], "state": 1, "reason": 3,
            "volume_initial": request["volume"], "volume_current": request["volume"],
            "price_open": price, "price_current": tick["bid"], "comment": request["comment"],
        }  # fmt: skip
        volume = request["volume"]
        return {"order": number, "volume": volume, "bid": tick["bid"], "ask": tick["ask"]}


def _on_tick(symbol: Row, price: float) -> bool:
    ticks = price / symbol["trade_tick_size"]
    return bool(abs(ticks - round(ticks)) < 1e-4)
