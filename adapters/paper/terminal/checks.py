"""What the paper server checks in a trade request before it executes it, in a fixed order.

The order of checks is not published. Here it is: connection and permissions, structure, what the
symbol allows, session, quotes, volume, filling, price and expiry, stops, freeze level, the position
named, counts, money. Each check returns `PASSED` or the return code to refuse with.
"""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, UnsetType

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.records import PENDING_KINDS, PaperOrder, PaperPosition
from adapters.paper.terminal.requests import ON_ORDER, ParsedRequest
from adapters.paper.terminal.rules import USUAL, AccountTerms, Conditions, SymbolRules
from engine.types import FROM_BROKER, LONG, SHORT, Points, Side, SymbolSpec

PASSED: Final = mt5.ORDER_CHECK_PASSED

_MARKET_KINDS: Final = (mt5.ORDER_TYPE_BUY, mt5.ORDER_TYPE_SELL)
_MASK_OF_FILLING: Final = {
    mt5.ORDER_FILLING_FOK: int(mt5.SymbolFilling.FOK),
    mt5.ORDER_FILLING_IOC: int(mt5.SymbolFilling.IOC),
    mt5.ORDER_FILLING_BOC: int(mt5.SymbolFilling.BOC),
}
_FULL: Final = mt5.SYMBOL_TRADE_MODE_FULL
_PLACING: Final = (mt5.TRADE_ACTION_PENDING, mt5.TRADE_ACTION_MODIFY)
_KNOWN: Final = (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_SLTP, *_PLACING, *ON_ORDER)
_CLOSING_ALLOWED: Final = {
    mt5.SYMBOL_TRADE_MODE_LONGONLY: (SHORT, mt5.TRADE_RETCODE_LONG_ONLY),
    mt5.SYMBOL_TRADE_MODE_SHORTONLY: (LONG, mt5.TRADE_RETCODE_SHORT_ONLY),
}


class ServerChecks:
    """The checks of one account's server."""

    def __init__(self, account: PaperAccount, terms: AccountTerms, conditions: Conditions) -> None:
        self._account = account
        self._terms = terms
        self._conditions = conditions

    def check(self, parsed: ParsedRequest) -> int:
        """`PASSED`, or the return code that the server refuses with."""
        spec = parsed.spec
        refused = self._permissions() or _structure(parsed)
        if refused or spec is None:
            return refused or _without_symbol(parsed)
        terms, ticket = self._terms, parsed.ticket
        rules = terms.rules.get(spec.name, USUAL)
        deal = parsed.action == mt5.TRADE_ACTION_DEAL
        # A check is called only where it could refuse: each deal of a replay passes here.
        return (
            (rules.trade_mode != _FULL and self._symbol(parsed, rules))
            or self._market(spec, rules)
            or self._volume(parsed, spec, rules)
            or _filling(parsed, rules)
            or (spec.tick_size is not UNSET and _between_ticks(parsed, spec))
            or ((rules is not USUAL or not deal) and self._price(parsed, spec, rules))
            or ((not deal or not ticket) and self._stops(parsed, spec))
            or (rules.freeze_level > 0 and self._freeze(parsed, spec, rules.freeze_level))
            or (ticket > 0 and self._position(parsed))
            or ((terms.max_positions > 0 or not deal) and self._counts(parsed))
            or (deal and not ticket and self._money(parsed, spec))
            or PASSED
        )

    # --- before the symbol

    def _permissions(self) -> int:
        conditions = self._conditions
        if not conditions.connected:
            return mt5.TRADE_RETCODE_CONNECTION
        if not conditions.experts_allowed:
            return mt5.TRADE_RETCODE_SERVER_DISABLES_AT
        if not conditions.autotrading:
            return mt5.TRADE_RETCODE_CLIENT_DISABLES_AT
        return PASSED if conditions.trade_allowed else mt5.TRADE_RETCODE_TRADE_DISABLED

    # --- the symbol and its market

    def _symbol(self, parsed: ParsedRequest, rules: SymbolRules) -> int:
        """What a symbol that is not fully tradable allows."""
        mode = rules.trade_mode
        if mode == mt5.SYMBOL_TRADE_MODE_DISABLED:
            return mt5.TRADE_RETCODE_TRADE_DISABLED
        if not self._opens(parsed):
            return PASSED
        if mode == mt5.SYMBOL_TRADE_MODE_CLOSEONLY:
            return mt5.TRADE_RETCODE_CLOSE_ONLY
        barred, retcode = _CLOSING_ALLOWED[mode]
        return retcode if parsed.side is barred else PASSED

    def _opens(self, parsed: ParsedRequest) -> bool:
        """Whether the request is to add to what is held."""
        if parsed.action == mt5.TRADE_ACTION_PENDING:
            return True
        if parsed.action != mt5.TRADE_ACTION_DEAL or parsed.ticket:
            return False
        held = self._account.position_on(parsed.symbol) if self._account.netting else None
        return held is None or held.side is parsed.side or parsed.volume > held.volume

    def _market(self, spec: SymbolSpec, rules: SymbolRules) -> int:
        account = self._account
        if rules.hours and not rules.open_at(account.now):
            return mt5.TRADE_RETCODE_MARKET_CLOSED
        quoted = spec.name in account.bids and spec.name not in self._conditions.hidden
        told = spec.conversion is not FROM_BROKER or account.converter.rate_of(spec) is not None
        return PASSED if quoted and told else mt5.TRADE_RETCODE_PRICE_OFF

    # --- volume, filling, price

    def _volume(self, parsed: ParsedRequest, spec: SymbolSpec, rules: SymbolRules) -> int:
        if parsed.action not in (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_PENDING):
            return PASSED
        volume, position = parsed.volume, parsed.position
        if position is not None and volume == position.volume:
            return PASSED  # what is left of a position may be below the least volume
        if not spec.volume_min <= volume <= spec.volume_max or volume % spec.volume_step:
            return mt5.TRADE_RETCODE_INVALID_VOLUME
        if not rules.volume_limit or not self._opens(parsed):
            return PASSED
        total = volume + self._volume_on(parsed.symbol, parsed.side)
        return mt5.TRADE_RETCODE_LIMIT_VOLUME if total > rules.volume_limit else PASSED

    def _volume_on(self, symbol: str, side: Side | None) -> int:
        subjects: list[PaperPosition | PaperOrder] = [
            *self._account.positions.values(),
            *self._account.orders.values(),
        ]
        return sum(
            item.volume for item in subjects if item.spec.name == symbol and item.side is side
        )

    def _price(self, parsed: ParsedRequest, spec: SymbolSpec, rules: SymbolRules) -> int:
        """The price of a waiting order, or the one that instant execution is to keep to."""
        if parsed.action == mt5.TRADE_ACTION_DEAL:
            good = parsed.price > 0 or not rules.instant
            return PASSED if good else mt5.TRADE_RETCODE_INVALID_PRICE
        if parsed.action not in _PLACING:
            return PASSED
        order = parsed.order
        if order is None or parsed.price != order.price:
            distance = self._distance(order.kind if order else parsed.kind, spec, parsed.price)
            if parsed.price <= 0 or distance < max(spec.stops_level, 1):
                return mt5.TRADE_RETCODE_INVALID_PRICE
        return self._expiry(parsed)

    def _distance(self, kind: int, spec: SymbolSpec, price: Points) -> Points:
        """How far the market is from filling an order of `kind` at `price`; may be negative."""
        bid, ask = self._account.bids[spec.name], self._account.asks[spec.name]
        if kind == mt5.ORDER_TYPE_BUY_LIMIT:
            return ask - price
        if kind == mt5.ORDER_TYPE_SELL_LIMIT:
            return price - bid
        return price - ask if kind == mt5.ORDER_TYPE_BUY_STOP else bid - price

    def _expiry(self, parsed: ParsedRequest) -> int:
        if parsed.time_type == mt5.ORDER_TIME_GTC:
            return PASSED
        offered = parsed.time_type == mt5.ORDER_TIME_SPECIFIED
        if offered and parsed.expiration * 1000 > self._account.now:
            return PASSED
        return mt5.TRADE_RETCODE_INVALID_EXPIRATION

    # --- stops and the freeze level

    def _stops(self, parsed: ParsedRequest, spec: SymbolSpec) -> int:
        if parsed.action == mt5.TRADE_ACTION_SLTP:
            return self._changed_stops(parsed, spec)
        if parsed.action == mt5.TRADE_ACTION_DEAL:
            reference = self._closing_price(spec, parsed.side)
        elif parsed.action in _PLACING:
            reference = parsed.price
        else:
            return PASSED
        side = parsed.order.side if parsed.order else parsed.side
        good = _stops_valid(spec, side, reference, parsed.stop, parsed.target)
        if not good:
            return mt5.TRADE_RETCODE_INVALID_STOPS
        return self._order_changes(parsed)

    def _changed_stops(self, parsed: ParsedRequest, spec: SymbolSpec) -> int:
        position = parsed.position
        if position is None:
            return PASSED  # for the check of positions to say
        if (parsed.stop, parsed.target) == (position.stop, position.target):
            return mt5.TRADE_RETCODE_NO_CHANGES
        # A level that stays is not judged again: the price may just have passed it.
        stop = 0 if parsed.stop == position.stop else parsed.stop
        target = 0 if parsed.target == position.target else parsed.target
        price = self._closing_price(spec, position.side)
        good = _stops_valid(spec, position.side, price, stop, target)
        return PASSED if good else mt5.TRADE_RETCODE_INVALID_STOPS

    def _order_changes(self, parsed: ParsedRequest) -> int:
        order = parsed.order
        if parsed.action != mt5.TRADE_ACTION_MODIFY or order is None:
            return PASSED
        asked = (parsed.price, parsed.stop, parsed.target, parsed.time_type, parsed.expiration)
        held = (order.price, order.stop, order.target, order.time_type, order.expiration)
        return mt5.TRADE_RETCODE_NO_CHANGES if asked == held else PASSED

    def _closing_price(self, spec: SymbolSpec, side: Side | None) -> Points:
        return self._account.bids[spec.name] if side is LONG else self._account.asks[spec.name]

    def _freeze(self, parsed: ParsedRequest, spec: SymbolSpec, level: Points) -> int:
        """Nothing may be changed or closed this near to where the server acts by itself."""
        if parsed.order is not None:
            near = self._distance(parsed.order.kind, spec, parsed.order.price) <= level
        elif parsed.position is not None:
            position = parsed.position
            price = self._closing_price(spec, position.side)
            near = any(
                edge and abs(price - edge) <= level for edge in (position.stop, position.target)
            )
        else:
            near = False
        return mt5.TRADE_RETCODE_FROZEN if near else PASSED

    # --- position, counts, money

    def _position(self, parsed: ParsedRequest) -> int:
        position = parsed.position
        if parsed.action not in (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_SLTP):
            return PASSED
        if position is None:
            return mt5.TRADE_RETCODE_POSITION_CLOSED
        if parsed.action == mt5.TRADE_ACTION_SLTP:
            return PASSED
        if position.side is parsed.side:
            return mt5.TRADE_RETCODE_INVALID
        if parsed.volume > position.volume:
            return mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME
        if self._account.pending.closing(position.identifier):
            return mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST
        return PASSED

    def _counts(self, parsed: ParsedRequest) -> int:
        account, terms = self._account, self._terms
        pending = parsed.action == mt5.TRADE_ACTION_PENDING
        if pending and len(account.orders) >= terms.max_orders:
            return mt5.TRADE_RETCODE_LIMIT_ORDERS
        if not terms.max_positions or not self._opens(parsed):
            return PASSED
        if account.netting and account.position_on(parsed.symbol):
            return PASSED
        # A hedging account counts waiting orders as well.
        count = len(account.positions) + (0 if account.netting else len(account.orders))
        return mt5.TRADE_RETCODE_LIMIT_POSITIONS if count >= terms.max_positions else PASSED

    def _money(self, parsed: ParsedRequest, spec: SymbolSpec) -> int:
        if parsed.side is None:
            return PASSED
        account = self._account
        price = account.asks[spec.name] if parsed.side is LONG else account.bids[spec.name]
        affordable = account.affords(spec, parsed.side, parsed.volume, price)
        return PASSED if affordable else mt5.TRADE_RETCODE_NO_MONEY


def _structure(parsed: ParsedRequest) -> int:
    action, order = parsed.action, parsed.order
    if action == mt5.TRADE_ACTION_CLOSE_BY:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if action not in _KNOWN:
        return mt5.TRADE_RETCODE_INVALID
    if action == mt5.TRADE_ACTION_DEAL and parsed.kind not in _MARKET_KINDS:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if action == mt5.TRADE_ACTION_PENDING and parsed.kind not in PENDING_KINDS:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if action in ON_ORDER and (order is None or order.kind not in PENDING_KINDS):
        return mt5.TRADE_RETCODE_INVALID
    if action == mt5.TRADE_ACTION_SLTP and not (parsed.ticket or parsed.position):
        return mt5.TRADE_RETCODE_INVALID
    subject = parsed.position or order
    strange = subject is not None and subject.spec is not parsed.spec
    return mt5.TRADE_RETCODE_INVALID if strange else PASSED


def _without_symbol(parsed: ParsedRequest) -> int:
    """A request that names a position that is gone, and nothing else, concerns no symbol."""
    gone = parsed.ticket and not parsed.symbol
    return mt5.TRADE_RETCODE_POSITION_CLOSED if gone else mt5.TRADE_RETCODE_INVALID


def _filling(parsed: ParsedRequest, rules: SymbolRules) -> int:
    """FOK and IOC by the symbol's mask; RETURN for waiting orders and outside market execution."""
    pending = parsed.action == mt5.TRADE_ACTION_PENDING
    if parsed.action != mt5.TRADE_ACTION_DEAL and not pending:
        return PASSED
    if parsed.filling == mt5.ORDER_FILLING_RETURN:
        allowed = pending or rules.execution != mt5.SYMBOL_TRADE_EXECUTION_MARKET
    else:
        allowed = bool(_MASK_OF_FILLING.get(parsed.filling, 0) & rules.filling)
    return PASSED if allowed else mt5.TRADE_RETCODE_INVALID_FILL


def _between_ticks(parsed: ParsedRequest, spec: SymbolSpec) -> int:
    """A price of a waiting order, a stop or a target that is no multiple of the symbol's tick.

    A deal is made at the market's own price, whatever the request says.
    """
    tick = 1 if isinstance(spec.tick_size, UnsetType) else spec.tick_size
    if parsed.action in _PLACING and parsed.price % tick:
        return mt5.TRADE_RETCODE_INVALID_PRICE
    levels = parsed.action in (*_PLACING, mt5.TRADE_ACTION_SLTP, mt5.TRADE_ACTION_DEAL)
    wrong = levels and (parsed.stop % tick or parsed.target % tick)
    return mt5.TRADE_RETCODE_INVALID_STOPS if wrong else PASSED


def _stops_valid(
    spec: SymbolSpec, side: Side | None, price: Points, stop: Points, target: Points
) -> bool:
    """Stop and target (0: none) on their sides of `price`, at least the stops level away.

    `price` is the one that closes the position (the bid of a long, a short's ask), or that at
    which a waiting order is to open it.
    """
    if side is None or stop < 0 or target < 0:
        return False
    nearest = max(spec.stops_level, 1)
    return (not stop or (price - stop) * side >= nearest) and (
        not target or (target - price) * side >= nearest
    )
