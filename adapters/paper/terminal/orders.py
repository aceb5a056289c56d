"""The functions of the package that check and send trade requests."""

from __future__ import annotations

from typing import Any, Final

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount, PaperDeal, PaperOrder
from adapters.paper.terminal.calling import Failure, Surface, function
from adapters.paper.terminal.checks import PASSED, ServerChecks
from adapters.paper.terminal.requests import ParsedRequest, read
from adapters.paper.terminal.rules import USUAL, AccountTerms
from engine.types import LONG, lots

EXECUTED: Final = "Request executed"
_DONE: Final = mt5.TRADE_RETCODE_DONE
_ECHO_KEYS: Final = tuple(mt5.REQUEST_TYPES)
_ECHO_ZEROS: Final = tuple(kind() for kind in mt5.REQUEST_TYPES.values())


class OrderFunctions(Surface):
    """`order_check` and `order_send`."""

    def __init__(
        self, account: PaperAccount, terms: AccountTerms, *, attached: bool = True
    ) -> None:
        super().__init__(account, terms, attached=attached)
        self._checks = ServerChecks(account, terms, self.conditions)
        self._requests = 0

    @function
    def order_check(
        self, request: dict[str, Any] | None = None, /, **fields: Any
    ) -> mt5.OrderCheckResult | None:
        """What the account would look like; retcode 0 and "Done" when the request would pass."""
        raw = _one_dict(request, fields)
        account = self.account
        parsed = read(raw, account)
        retcode = self._checks.check(parsed)
        equity, margin = account.equity(), account.margin
        if retcode == PASSED:
            margin += self._margin_of(parsed)
        return mt5.OrderCheckResult.of(
            retcode=retcode,
            balance=account.balance / 100,
            equity=equity / 100,
            profit=(equity - account.balance) / 100,
            margin=margin / 100,
            margin_free=(equity - margin) / 100,
            margin_level=round(equity / margin * 100, 2) if margin else 0.0,
            comment="Done" if retcode == PASSED else mt5.RETURN_CODES[retcode].meaning,
            request=echo(raw),
        )

    @function
    def order_send(
        self, request: dict[str, Any] | None = None, /, **fields: Any
    ) -> mt5.OrderSendResult | None:
        """Check the request and carry it out."""
        raw = _one_dict(request, fields)
        if not self.conditions.api_allowed:
            raise Failure(
                mt5.RES_E_AUTO_TRADING_DISABLED,
                "Auto-Trading using Python API disabled in Terminal",
            )
        parsed = read(raw, self.account)
        retcode, deal = self.carry_out(parsed)
        if retcode != _DONE:
            return self._refused(parsed, retcode, raw)
        if deal is not None:
            return self._dealt(parsed, deal, raw)
        if parsed.action == mt5.TRADE_ACTION_SLTP:
            return self._accepted(0, 0.0, raw)
        return self._accepted(self.place_pending(parsed), lots(max(parsed.volume, 0)), raw)

    def would_pass(self, parsed: ParsedRequest) -> int:
        """The code that a check of the request gives; nothing is carried out."""
        return self._checks.check(parsed)

    def carry_out(self, parsed: ParsedRequest) -> tuple[int, PaperDeal | None]:
        """Check a wish, and deal or change levels; one of waiting orders is only checked.

        Gives the return code, and the deal if it came to one.
        """
        retcode = self._checks.check(parsed)
        if not retcode and self.terms.rules.get(parsed.symbol, USUAL) is not USUAL:
            retcode = self._requoted(parsed)
        if retcode:
            return retcode, None
        self._requests += 1
        if parsed.action == mt5.TRADE_ACTION_SLTP:
            self._change_stops(parsed)
        if parsed.action != mt5.TRADE_ACTION_DEAL:
            return _DONE, None
        account = self.account
        if parsed.position is not None:
            return _DONE, account.close(
                parsed.position, parsed.magic, parsed.comment, parsed.volume
            )
        return _DONE, account.open(
            parsed.symbol, parsed.side or LONG, parsed.volume, parsed.stop, parsed.target,
            parsed.magic, parsed.comment,
        )  # fmt: skip

    def _margin_of(self, parsed: ParsedRequest) -> int:
        """What the deal would bind; a waiting order binds nothing."""
        if parsed.action != mt5.TRADE_ACTION_DEAL or parsed.ticket:
            return 0
        if parsed.spec is None or parsed.side is None:
            return 0
        prices = self.account.asks if parsed.side is LONG else self.account.bids
        return self.account.margin_for(
            parsed.spec, parsed.side, parsed.volume, prices[parsed.symbol]
        )

    # --- execution

    def _requoted(self, parsed: ParsedRequest) -> int:
        """Instant execution takes the request's price or, beyond its deviation, none."""
        rules = self._rules(parsed.symbol)
        if parsed.action != mt5.TRADE_ACTION_DEAL or not rules.instant:
            return PASSED
        prices = self.account.asks if parsed.side is LONG else self.account.bids
        moved = abs(prices[parsed.symbol] - parsed.price) > parsed.deviation
        return mt5.TRADE_RETCODE_REQUOTE if moved else PASSED

    def _change_stops(self, parsed: ParsedRequest) -> None:
        if parsed.position is not None:
            parsed.position.stop, parsed.position.target = parsed.stop, parsed.target
            parsed.position.updated = self.account.now

    def place_pending(self, parsed: ParsedRequest) -> int:
        """Place, change or remove a waiting order; returns its ticket."""
        account, order = self.account, parsed.order
        if order is None:
            order = self._new_order(parsed)
            account.pending.place(order)
        elif parsed.action == mt5.TRADE_ACTION_REMOVE:
            account.pending.end(order, mt5.ORDER_STATE_CANCELED, account.now)
        else:
            order.price, order.stop, order.target = parsed.price, parsed.stop, parsed.target
            order.time_type, order.expiration = parsed.time_type, parsed.expiration
        return order.ticket

    def _new_order(self, parsed: ParsedRequest) -> PaperOrder:
        account = self.account
        return PaperOrder(
            account.next_order(), account.specs[parsed.symbol], parsed.kind, parsed.volume,
            parsed.price, parsed.stop, parsed.target, parsed.magic, parsed.comment, account.now,
            filling=parsed.filling, time_type=parsed.time_type, expiration=parsed.expiration,
        )  # fmt: skip

    # --- results

    def _refused(
        self, parsed: ParsedRequest, retcode: int, raw: dict[str, Any]
    ) -> mt5.OrderSendResult:
        """All zeros but for the code; a requote carries the prices that could be had."""
        bid = ask = 0.0
        if retcode == mt5.TRADE_RETCODE_REQUOTE and parsed.spec is not None:
            bid = parsed.spec.price(self.account.bids[parsed.symbol])
            ask = parsed.spec.price(self.account.asks[parsed.symbol])
        comment = mt5.RETURN_CODES[retcode].meaning
        return mt5.OrderSendResult((retcode, 0, 0, 0.0, 0.0, bid, ask, comment, 0, 0, echo(raw)))

    def _dealt(
        self, parsed: ParsedRequest, deal: PaperDeal, raw: dict[str, Any]
    ) -> mt5.OrderSendResult:
        account, symbol = self.account, parsed.symbol
        spec = account.specs[symbol]
        made: mt5.OrderSendResult = mt5.OrderSendResult.made(
            (
                _DONE, deal.ticket, deal.order, lots(deal.volume), spec.price(deal.price),
                spec.price(account.bids[symbol]), spec.price(account.asks[symbol]), EXECUTED,
                self._requests, 0, echo(raw),
            )
        )  # fmt: skip
        return made

    def _accepted(self, ticket: int, volume: float, raw: dict[str, Any]) -> mt5.OrderSendResult:
        """Done without a deal: no price."""
        return mt5.OrderSendResult(
            (_DONE, 0, ticket, volume, 0.0, 0.0, 0.0, EXECUTED, self._requests, 0, echo(raw))
        )


def echo(request: dict[str, Any]) -> mt5.TradeRequest:
    """The request as results repeat it."""
    made: mt5.TradeRequest = mt5.TradeRequest.made(map(request.get, _ECHO_KEYS, _ECHO_ZEROS))
    return made


def _one_dict(request: dict[str, Any] | None, fields: dict[str, Any]) -> dict[str, Any]:
    """The request: one dict, or keywords."""
    return fields if request is None else request
