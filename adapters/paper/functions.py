"""The MetaTrader5 functions over a paper account: the package's names, results and return codes.

The execution adapter talks to a `PaperTerminal` as it would to the package. What moves prices and
time is not here: whoever plays the market does that on `account`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from adapters.mt5 import contract as mt5
from adapters.paper import requests
from adapters.paper.account import PaperAccount, PaperDeal, PaperPosition
from engine import money
from engine.types import Cents, Side, SymbolSpec, lots, units

_DONE_COMMENT = "Request executed"
_SUCCESS = (1, "Success")


class PaperTerminal:
    """A terminal that is logged in to one hedging demo account in USD."""

    def __init__(
        self, account: PaperAccount, *, login: int = 1, server: str = "Paper-Demo"
    ) -> None:
        self.account = account
        self._login = login
        self._server = server
        self._error: tuple[int, str] = _SUCCESS
        self._requests = 0

    def last_error(self) -> tuple[int, str]:
        return self._error

    def _fail(self, code: int, text: str) -> None:
        self._error = (code, text)

    # --- account and symbols ---

    def account_info(self) -> mt5.AccountInfo:
        account = self.account
        equity, margin = account.equity(), account.margin
        self._error = _SUCCESS
        return mt5.AccountInfo.of(
            login=self._login,
            trade_mode=mt5.ACCOUNT_TRADE_MODE_DEMO,
            leverage=100,
            limit_orders=200,
            trade_allowed=True,
            trade_expert=True,
            margin_mode=mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
            currency_digits=2,
            balance=account.balance / 100,
            profit=(equity - account.balance) / 100,
            equity=equity / 100,
            margin=margin / 100,
            margin_free=(equity - margin) / 100,
            margin_level=round(equity / margin * 100, 2) if margin else 0.0,
            name="Paper account",
            server=self._server,
            currency="USD",
            company="Execution Butler",
        )

    def symbol_info(self, symbol: str, /) -> mt5.SymbolInfo | None:
        spec = self._spec(symbol)
        if spec is None:
            return None
        bid, ask = self.account.bids.get(symbol, 0), self.account.asks.get(symbol, 0)
        return mt5.SymbolInfo.of(
            name=symbol,
            select=True,
            visible=True,
            time=self.account.quoted.get(symbol, 0) // 1000,
            digits=spec.digits,
            spread=ask - bid,
            spread_float=True,
            trade_calc_mode=mt5.SYMBOL_CALC_MODE_FOREX,
            trade_mode=mt5.SYMBOL_TRADE_MODE_FULL,
            trade_stops_level=spec.stops_level,
            trade_exemode=mt5.SYMBOL_TRADE_EXECUTION_MARKET,
            filling_mode=int(requests.FILLING_MASK),
            bid=spec.price(bid),
            ask=spec.price(ask),
            point=spec.price(1),
            trade_contract_size=float(spec.contract),
            volume_min=lots(spec.volume_min),
            volume_max=lots(spec.volume_max),
            volume_step=lots(spec.volume_step),
            currency_base=spec.base,
            currency_profit=spec.quote,
            currency_margin=spec.base,
        )

    def symbol_info_tick(self, symbol: str, /) -> mt5.Tick | None:
        spec = self._spec(symbol)
        if spec is None or symbol not in self.account.bids:
            self._fail(mt5.RES_E_NOT_FOUND, "Terminal: Not found")
            return None
        moment = self.account.quoted[symbol]
        return mt5.Tick.of(
            time=moment // 1000,
            bid=spec.price(self.account.bids[symbol]),
            ask=spec.price(self.account.asks[symbol]),
            time_msc=moment,
            flags=mt5.TICK_FLAG_BID | mt5.TICK_FLAG_ASK,
        )

    def order_calc_margin(
        self, action: int, symbol: str, volume: float, price: float, /
    ) -> float | None:
        spec = self._spec(symbol)
        if spec is None or action not in (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL):
            return None
        return money.margin(spec, units(volume), spec.points(price)) / 100

    def order_calc_profit(
        self, action: int, symbol: str, volume: float, opened: float, closed: float, /
    ) -> float | None:
        spec = self._spec(symbol)
        if spec is None or action not in (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL):
            return None
        side = Side.LONG if action == mt5.ORDER_TYPE_BUY else Side.SHORT
        close = spec.points(closed)
        spread = self.account.asks.get(symbol, 0) - self.account.bids.get(symbol, 0)
        return money.profit_at(spec, side, units(volume), spec.points(opened), close, spread) / 100

    def _spec(self, symbol: str) -> SymbolSpec | None:
        spec = self.account.specs.get(symbol)
        if spec is None:
            self._fail(mt5.RES_E_NOT_FOUND, "Terminal: Not found")
        else:
            self._error = _SUCCESS
        return spec

    # --- positions and deals ---

    def positions_total(self) -> int:
        self._error = _SUCCESS
        return len(self.account.positions)

    def positions_get(self, **where: Any) -> tuple[mt5.TradePosition, ...]:
        self._error = _SUCCESS
        found = self.account.positions.values()
        if "ticket" in where:
            ticket = self.account.positions.get(where["ticket"])
            return () if ticket is None else (self._position(ticket),)
        return tuple(
            self._position(position)
            for position in found
            if where.get("symbol", position.spec.name) == position.spec.name
        )

    def history_deals_get(
        self, *span: int | datetime, **where: Any
    ) -> tuple[mt5.TradeDeal, ...] | None:
        """Deals by `ticket=` (an order's ticket), by `position=`, or between two dates."""
        self._error = _SUCCESS
        if "position" in where:
            found = self.account.deals_of(where["position"])
        elif "ticket" in where:
            found = [deal for deal in self.account.deals if deal.order == where["ticket"]]
        elif len(span) >= 2:
            first, last = (_seconds(bound) for bound in span[:2])
            found = [deal for deal in self.account.deals if first <= deal.time // 1000 <= last]
        else:
            self._fail(mt5.RES_E_INVALID_PARAMS, "Invalid arguments")
            return None
        return tuple(self._deal(deal) for deal in found)

    def _position(self, position: PaperPosition) -> mt5.TradePosition:
        spec = position.spec
        bid, ask = self.account.bids[spec.name], self.account.asks[spec.name]
        long = position.side is Side.LONG
        return mt5.TradePosition.of(
            ticket=position.ticket,
            time=position.opened // 1000,
            time_msc=position.opened,
            time_update=position.updated // 1000,
            time_update_msc=position.updated,
            type=mt5.POSITION_TYPE_BUY if long else mt5.POSITION_TYPE_SELL,
            magic=position.magic,
            identifier=position.ticket,
            reason=mt5.POSITION_REASON_EXPERT,
            volume=lots(position.volume),
            price_open=spec.price(position.entry),
            sl=spec.price(position.stop),
            tp=spec.price(position.target),
            price_current=spec.price(bid if long else ask),
            swap=position.swap / 100,
            profit=position.profit(bid, ask) / 100,
            symbol=spec.name,
            comment=position.comment,
        )

    def _deal(self, deal: PaperDeal) -> mt5.TradeDeal:
        spec = self.account.specs.get(deal.symbol)
        return mt5.TradeDeal(
            (
                deal.ticket, deal.order, deal.time // 1000, deal.time, deal.kind, deal.entry,
                deal.magic, deal.position, deal.reason, lots(deal.volume),
                spec.price(deal.price) if spec else 0.0, deal.commission / 100, deal.swap / 100,
                deal.profit / 100, 0.0, deal.symbol, deal.comment, "",
            )
        )  # fmt: skip

    # --- orders ---

    def order_check(self, request: dict[str, Any], /) -> mt5.OrderCheckResult | None:
        """Retcode 0 and "Done" when the request would pass."""
        if self._malformed(request):
            return None
        account = self.account
        retcode = requests.check(request, account)
        margin = account.margin + self._margin_of(request, retcode)
        equity = account.equity()
        return mt5.OrderCheckResult.of(
            retcode=retcode,
            balance=account.balance / 100,
            equity=equity / 100,
            profit=(equity - account.balance) / 100,
            margin=margin / 100,
            margin_free=(equity - margin) / 100,
            margin_level=round(equity / margin * 100, 2) if margin else 0.0,
            comment="Done" if retcode == requests.OK else mt5.RETURN_CODES[retcode].meaning,
            request=_echo(request),
        )

    def order_send(self, request: dict[str, Any], /) -> mt5.OrderSendResult | None:
        """Check and execute a market order, a close by position or a change of stops."""
        if self._malformed(request):
            return None
        retcode = requests.check(request, self.account)
        if retcode != requests.OK:
            return self._refused(request, retcode)
        self._requests += 1
        if request["action"] == mt5.TRADE_ACTION_SLTP:
            return self._change_stops(request)
        return self._execute(request)

    def _malformed(self, request: dict[str, Any]) -> bool:
        key = requests.malformed(request)
        if key is None:
            self._error = _SUCCESS
            return False
        self._fail(mt5.RES_E_INVALID_PARAMS, f'Invalid "{key}" argument')
        return True

    def _margin_of(self, request: dict[str, Any], retcode: int) -> Cents:
        side = requests.side_of(request)
        if retcode != requests.OK or side is None or request.get("position", 0):
            return 0
        if request["action"] != mt5.TRADE_ACTION_DEAL:
            return 0
        symbol = request["symbol"]
        price = self.account.asks[symbol] if side is Side.LONG else self.account.bids[symbol]
        return money.margin(self.account.specs[symbol], units(request["volume"]), price)

    def _refused(self, request: dict[str, Any], retcode: int) -> mt5.OrderSendResult:
        return mt5.OrderSendResult(
            (
                retcode, 0, 0, 0.0, 0.0, 0.0, 0.0,
                mt5.RETURN_CODES[retcode].meaning, 0, 0, _echo(request),
            )
        )  # fmt: skip

    def _execute(self, request: dict[str, Any]) -> mt5.OrderSendResult:
        account = self.account
        spec = account.specs[request["symbol"]]
        magic, comment = request.get("magic", 0), request.get("comment", "")
        ticket = request.get("position", 0)
        if ticket:
            deal = account.close(account.positions[ticket], magic, comment)
        else:
            side = requests.side_of(request) or Side.LONG
            stop, target = requests.levels(request, spec)
            volume = units(request["volume"])
            deal = account.open(spec.name, side, volume, stop, target, magic, comment)
        return mt5.OrderSendResult(
            (
                mt5.TRADE_RETCODE_DONE, deal.ticket, deal.order, lots(deal.volume),
                spec.price(deal.price), spec.price(account.bids[spec.name]),
                spec.price(account.asks[spec.name]), _DONE_COMMENT, self._requests, 0,
                _echo(request),
            )
        )  # fmt: skip

    def _change_stops(self, request: dict[str, Any]) -> mt5.OrderSendResult:
        position = self.account.positions[request["position"]]
        position.stop, position.target = requests.levels(request, position.spec)
        position.updated = self.account.now
        return mt5.OrderSendResult(
            (
                mt5.TRADE_RETCODE_DONE, 0, 0, 0.0, 0.0, 0.0, 0.0, _DONE_COMMENT,
                self._requests, 0, _echo(request),
            )
        )  # fmt: skip


def _seconds(moment: int | datetime) -> float:
    return moment if isinstance(moment, int) else moment.timestamp()


_ECHO_DEFAULTS = tuple((key, kind()) for key, kind in mt5.REQUEST_TYPES.items())


def _echo(request: dict[str, Any]) -> mt5.TradeRequest:
    return mt5.TradeRequest([request.get(key, zero) for key, zero in _ECHO_DEFAULTS])
