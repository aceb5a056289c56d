"""What the paper server checks in a trade request before it executes it, in a fixed order.

The order of checks is not published. Here it is: connection and permissions, structure, what the
symbol allows, session, quotes, volume, filling, price and expiry, stops, freeze level, the position
named, counts, money. Each check returns `PASSED` or the return code to refuse with.
"""

from __future__ import annotations

from typing import Final

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.records import PENDING_KINDS, PaperOrder, PaperPosition
from adapters.paper.terminal.requests import ON_ORDER, Wish
from adapters.paper.terminal.rules import USUAL, AccountTerms, Conditions, SymbolRules
from engine.types import LONG, SHORT, TOLD, Points, Side, SymbolSpec

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

    def check(self, wish: Wish) -> int:
        """`PASSED`, or the return code that the server refuses with."""
        spec = wish.spec
        refused = self._permissions() or _structure(wish)
        if refused or spec is None:
            return refused or _without_symbol(wish)
        terms, ticket = self._terms, wish.ticket
        rules = terms.rules.get(spec.name, USUAL)
        deal = wish.action == mt5.TRADE_ACTION_DEAL
        # A check is called only where it could refuse: each deal of a replay passes here.
        return (
            (rules.trade_mode != _FULL and self._symbol(wish, rules))
            or self._market(spec, rules)
            or self._volume(wish, spec, rules)
            or _filling(wish, rules)
            or ((rules is not USUAL or not deal) and self._price(wish, spec, rules))
            or ((not deal or not ticket) and self._stops(wish, spec))
            or (rules.freeze_level > 0 and self._freeze(wish, spec, rules.freeze_level))
            or (ticket > 0 and self._position(wish))
            or ((terms.max_positions > 0 or not deal) and self._counts(wish))
            or (deal and not ticket and self._money(wish, spec))
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

    def _symbol(self, wish: Wish, rules: SymbolRules) -> int:
        """What a symbol that is not fully tradable allows."""
        mode = rules.trade_mode
        if mode == mt5.SYMBOL_TRADE_MODE_DISABLED:
            return mt5.TRADE_RETCODE_TRADE_DISABLED
        if not self._opens(wish):
            return PASSED
        if mode == mt5.SYMBOL_TRADE_MODE_CLOSEONLY:
            return mt5.TRADE_RETCODE_CLOSE_ONLY
        barred, retcode = _CLOSING_ALLOWED[mode]
        return retcode if wish.side is barred else PASSED

    def _opens(self, wish: Wish) -> bool:
        """Whether the request is to add to what is held."""
        if wish.action == mt5.TRADE_ACTION_PENDING:
            return True
        if wish.action != mt5.TRADE_ACTION_DEAL or wish.ticket:
            return False
        held = self._account.position_on(wish.symbol) if self._account.netting else None
        return held is None or held.side is wish.side or wish.volume > held.volume

    def _market(self, spec: SymbolSpec, rules: SymbolRules) -> int:
        account = self._account
        if rules.hours and not rules.open_at(account.now):
            return mt5.TRADE_RETCODE_MARKET_CLOSED
        quoted = spec.name in account.bids and spec.name not in self._conditions.hidden
        told = spec.conversion is not TOLD or account.converter.rate_of(spec) is not None
        return PASSED if quoted and told else mt5.TRADE_RETCODE_PRICE_OFF

    # --- volume, filling, price

    def _volume(self, wish: Wish, spec: SymbolSpec, rules: SymbolRules) -> int:
        if wish.action not in (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_PENDING):
            return PASSED
        volume, position = wish.volume, wish.position
        if position is not None and volume == position.volume:
            return PASSED  # what is left of a position may be below the least volume
        if not spec.volume_min <= volume <= spec.volume_max or volume % spec.volume_step:
            return mt5.TRADE_RETCODE_INVALID_VOLUME
        if not rules.volume_limit or not self._opens(wish):
            return PASSED
        total = volume + self._volume_on(wish.symbol, wish.side)
        return mt5.TRADE_RETCODE_LIMIT_VOLUME if total > rules.volume_limit else PASSED

    def _volume_on(self, symbol: str, side: Side | None) -> int:
        subjects: list[PaperPosition | PaperOrder] = [
            *self._account.positions.values(),
            *self._account.orders.values(),
        ]
        return sum(
            item.volume for item in subjects if item.spec.name == symbol and item.side is side
        )

    def _price(self, wish: Wish, spec: SymbolSpec, rules: SymbolRules) -> int:
        """The price of a waiting order, or the one that instant execution is to keep to."""
        if wish.action == mt5.TRADE_ACTION_DEAL:
            good = wish.price > 0 or not rules.instant
            return PASSED if good else mt5.TRADE_RETCODE_INVALID_PRICE
        if wish.action not in _PLACING:
            return PASSED
        order = wish.order
        if order is None or wish.price != order.price:
            distance = self._distance(order.kind if order else wish.kind, spec, wish.price)
            if wish.price <= 0 or distance < max(spec.stops_level, 1):
                return mt5.TRADE_RETCODE_INVALID_PRICE
        return self._expiry(wish)

    def _distance(self, kind: int, spec: SymbolSpec, price: Points) -> Points:
        """How far the market is from filling an order of `kind` at `price`; may be negative."""
        bid, ask = self._account.bids[spec.name], self._account.asks[spec.name]
        if kind == mt5.ORDER_TYPE_BUY_LIMIT:
            return ask - price
        if kind == mt5.ORDER_TYPE_SELL_LIMIT:
            return price - bid
        return price - ask if kind == mt5.ORDER_TYPE_BUY_STOP else bid - price

    def _expiry(self, wish: Wish) -> int:
        if wish.time_type == mt5.ORDER_TIME_GTC:
            return PASSED
        offered = wish.time_type == mt5.ORDER_TIME_SPECIFIED
        if offered and wish.expiration * 1000 > self._account.now:
            return PASSED
        return mt5.TRADE_RETCODE_INVALID_EXPIRATION

    # --- stops and the freeze level

    def _stops(self, wish: Wish, spec: SymbolSpec) -> int:
        if wish.action == mt5.TRADE_ACTION_SLTP:
            return self._changed_stops(wish, spec)
        if wish.action == mt5.TRADE_ACTION_DEAL:
            reference = self._closing_price(spec, wish.side)
        elif wish.action in _PLACING:
            reference = wish.price
        else:
            return PASSED
        side = wish.order.side if wish.order else wish.side
        good = _stops_valid(spec, side, reference, wish.stop, wish.target)
        if not good:
            return mt5.TRADE_RETCODE_INVALID_STOPS
        return self._order_changes(wish)

    def _changed_stops(self, wish: Wish, spec: SymbolSpec) -> int:
        position = wish.position
        if position is None:
            return PASSED  # for the check of positions to say
        if (wish.stop, wish.target) == (position.stop, position.target):
            return mt5.TRADE_RETCODE_NO_CHANGES
        # A level that stays is not judged again: the price may just have passed it.
        stop = 0 if wish.stop == position.stop else wish.stop
        target = 0 if wish.target == position.target else wish.target
        price = self._closing_price(spec, position.side)
        good = _stops_valid(spec, position.side, price, stop, target)
        return PASSED if good else mt5.TRADE_RETCODE_INVALID_STOPS

    def _order_changes(self, wish: Wish) -> int:
        order = wish.order
        if wish.action != mt5.TRADE_ACTION_MODIFY or order is None:
            return PASSED
        asked = (wish.price, wish.stop, wish.target, wish.time_type, wish.expiration)
        held = (order.price, order.stop, order.target, order.time_type, order.expiration)
        return mt5.TRADE_RETCODE_NO_CHANGES if asked == held else PASSED

    def _closing_price(self, spec: SymbolSpec, side: Side | None) -> Points:
        return self._account.bids[spec.name] if side is LONG else self._account.asks[spec.name]

    def _freeze(self, wish: Wish, spec: SymbolSpec, level: Points) -> int:
        """Nothing may be changed or closed this near to where the server acts by itself."""
        if wish.order is not None:
            near = self._distance(wish.order.kind, spec, wish.order.price) <= level
        elif wish.position is not None:
            position = wish.position
            price = self._closing_price(spec, position.side)
            near = any(
                edge and abs(price - edge) <= level for edge in (position.stop, position.target)
            )
        else:
            near = False
        return mt5.TRADE_RETCODE_FROZEN if near else PASSED

    # --- position, counts, money

    def _position(self, wish: Wish) -> int:
        position = wish.position
        if wish.action not in (mt5.TRADE_ACTION_DEAL, mt5.TRADE_ACTION_SLTP):
            return PASSED
        if position is None:
            return mt5.TRADE_RETCODE_POSITION_CLOSED
        if wish.action == mt5.TRADE_ACTION_SLTP:
            return PASSED
        if position.side is wish.side:
            return mt5.TRADE_RETCODE_INVALID
        if wish.volume > position.volume:
            return mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME
        if self._account.desk.closing(position.identifier):
            return mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST
        return PASSED

    def _counts(self, wish: Wish) -> int:
        account, terms = self._account, self._terms
        pending = wish.action == mt5.TRADE_ACTION_PENDING
        if pending and len(account.orders) >= terms.max_orders:
            return mt5.TRADE_RETCODE_LIMIT_ORDERS
        if not terms.max_positions or not self._opens(wish):
            return PASSED
        if account.netting and account.position_on(wish.symbol):
            return PASSED
        # A hedging account counts waiting orders as well.
        count = len(account.positions) + (0 if account.netting else len(account.orders))
        return mt5.TRADE_RETCODE_LIMIT_POSITIONS if count >= terms.max_positions else PASSED

    def _money(self, wish: Wish, spec: SymbolSpec) -> int:
        if wish.side is None:
            return PASSED
        account = self._account
        price = account.asks[spec.name] if wish.side is LONG else account.bids[spec.name]
        affordable = account.affords(spec, wish.side, wish.volume, price)
        return PASSED if affordable else mt5.TRADE_RETCODE_NO_MONEY


def _structure(wish: Wish) -> int:
    action, order = wish.action, wish.order
    if action == mt5.TRADE_ACTION_CLOSE_BY:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if action not in _KNOWN:
        return mt5.TRADE_RETCODE_INVALID
    if action == mt5.TRADE_ACTION_DEAL and wish.kind not in _MARKET_KINDS:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if action == mt5.TRADE_ACTION_PENDING and wish.kind not in PENDING_KINDS:
        return mt5.TRADE_RETCODE_INVALID_ORDER
    if action in ON_ORDER and (order is None or order.kind not in PENDING_KINDS):
        return mt5.TRADE_RETCODE_INVALID
    if action == mt5.TRADE_ACTION_SLTP and not (wish.ticket or wish.position):
        return mt5.TRADE_RETCODE_INVALID
    subject = wish.position or order
    strange = subject is not None and subject.spec is not wish.spec
    return mt5.TRADE_RETCODE_INVALID if strange else PASSED


def _without_symbol(wish: Wish) -> int:
    """A request that names a position that is gone, and nothing else, concerns no symbol."""
    gone = wish.ticket and not wish.symbol
    return mt5.TRADE_RETCODE_POSITION_CLOSED if gone else mt5.TRADE_RETCODE_INVALID


def _filling(wish: Wish, rules: SymbolRules) -> int:
    """FOK and IOC by the symbol's mask; RETURN for waiting orders and outside market execution."""
    pending = wish.action == mt5.TRADE_ACTION_PENDING
    if wish.action != mt5.TRADE_ACTION_DEAL and not pending:
        return PASSED
    if wish.filling == mt5.ORDER_FILLING_RETURN:
        allowed = pending or rules.execution != mt5.SYMBOL_TRADE_EXECUTION_MARKET
    else:
        allowed = bool(_MASK_OF_FILLING.get(wish.filling, 0) & rules.filling)
    return PASSED if allowed else mt5.TRADE_RETCODE_INVALID_FILL


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
