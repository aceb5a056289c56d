"""A paper terminal at which things go wrong, as a plan decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount, PaperOrder
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.orders import echo
from adapters.paper.terminal.requests import ParsedRequest, read
from engine.types import Side, lots, units
from tests.simulation.faults import CODES, ORDER_FAULTS, Fault, FaultKind, FaultSchedule

_BOOKS: Final = frozenset(
    name for name in mt5.FUNCTIONS if name.startswith(("positions_", "orders_", "history_"))
)
_PRICES: Final = frozenset(
    {"symbol_info", "symbol_info_tick"}
    | {name for name in mt5.FUNCTIONS if name.startswith("copy_")}
)
_OF_THE_ACCOUNT: Final = _BOOKS | {"account_info", "order_check", "order_send"}
_OTHER_BALANCE: Final = 1_000_000
_OTHER_SERVER: Final = "Other-Demo"


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What a fault does to the process: hang in a call, end it, wait some seconds."""

    hang: Callable[[], None]
    die: Callable[[], None]
    wait: Callable[[float], None]


class FaultyTerminal:
    """Has the same functions as the terminal behind it.

    `behind` is what is called: `terminal` itself, or something around it. `noted` is called when a
    fault has changed something, and before it hangs or ends the process. `other` is the account
    that someone else logs in to; nothing must ever be sent there. `calls` counts each function's.
    """

    def __init__(
        self,
        terminal: PaperTerminal,
        plan: FaultSchedule,
        effects: Effects,
        *,
        behind: Any = None,
        noted: Callable[[], None] = lambda: None,
    ) -> None:
        self._terminal = terminal
        self._behind = behind or terminal
        self._plan = plan
        self._effects = effects
        self._noted = noted
        self._usual = replace(terminal.conditions)
        self._until: dict[FaultKind, int] = {}
        self._still: dict[FaultKind, PaperTerminal] = {}
        self._in_flight: dict[int, int] = {}
        self._error: tuple[int, str] | None = None
        self.calls: Counter[str] = Counter()
        self._index = 0  # of the call that is being made, among all calls
        self.other = _other_terminal(terminal)

    def __getattr__(self, name: str) -> Any:
        if name not in mt5.FUNCTIONS or name in ("last_error", "shutdown"):
            return getattr(self._behind, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, args, kwargs)

        return call

    def last_error(self) -> tuple[int, str]:
        """Of the last call, faults included."""
        error: tuple[int, str] = self._error or self._behind.last_error()
        return error

    def shutdown(self) -> bool:
        """Detach; no fault strikes here."""
        self._error = None
        return bool(self._behind.shutdown())

    # --- a call

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.calls[name] += 1
        self._index = self.calls.total()
        self._error = None
        fault = self._plan.decide(self._index, name, self.calls[name])
        if fault is not None:
            self._strike(fault)
        if self._land_orders() or fault is not None:
            self._noted()
        self._set_conditions()
        if self._lasts(FaultKind.NO_IPC):
            return self._fail(name, mt5.RES_E_INTERNAL_FAIL_CONNECT)
        return self._answer(name, args, kwargs, fault)

    def _answer(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], fault: Fault | None
    ) -> Any:
        kind = fault.kind if fault else None
        if fault is None or kind is None:
            return self._run(name, args, kwargs)
        if kind is FaultKind.FAIL:
            return self._fail(name, fault.code or CODES[kind][0])
        self._misbehave(kind, fault, before=True)
        if kind in ORDER_FAULTS and name == "order_send" and not kwargs and args:
            result = self._bend(fault, args[0])
            if result is not None:
                self._noted()
                return result
        value = self._run(name, args, kwargs)
        self._misbehave(kind, fault, before=False)
        if kind is FaultKind.LOST_REPLY:
            return self._fail(name, fault.code or CODES[kind][0])
        return value

    def _misbehave(self, kind: FaultKind, fault: Fault, *, before: bool) -> None:
        hang = FaultKind.HANG_BEFORE if before else FaultKind.HANG_AFTER
        die = FaultKind.DIE_BEFORE if before else FaultKind.DIE_AFTER
        if kind is hang:
            self._effects.hang()
        elif kind is die:
            self._effects.die()
        elif before and kind is FaultKind.SLOW:
            self._effects.wait(fault.seconds)

    def _run(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        target = self._behind
        if self._lasts(FaultKind.OTHER_ACCOUNT) and name in _OF_THE_ACCOUNT:
            self.other.account.now = self._terminal.account.now
            target = self.other
        elif self._lasts(FaultKind.STALE) and name in _BOOKS:
            target = self._still[FaultKind.STALE]
        elif self._lasts(FaultKind.MUTE) and name in _PRICES:
            target = self._still[FaultKind.MUTE]
        function = getattr(target, name)
        # An empty keyword object is not the same as none to the package.
        value = function(*args, **kwargs) if kwargs else function(*args)
        self._error = target.last_error()
        return value

    def _fail(self, name: str, code: int) -> Any:
        self._error = (code, mt5.ERROR_CODES[code].text)
        return mt5.FUNCTIONS[name].failure

    # --- what lasts

    def _lasts(self, kind: FaultKind) -> bool:
        return self._until.get(kind, 0) >= self._index

    def _set_conditions(self) -> None:
        conditions, usual = self._terminal.conditions, self._usual
        conditions.connected = usual.connected and not self._lasts(FaultKind.OFFLINE)
        conditions.autotrading = usual.autotrading and not self._lasts(FaultKind.AUTOTRADING_OFF)

    def _strike(self, fault: Fault) -> None:
        """Let a fault change the world; those of the answer alone change nothing here."""
        if fault.kind in (FaultKind.STALE, FaultKind.MUTE):
            self._still[fault.kind] = self._terminal.still()
        self._until[fault.kind] = self._index + fault.span - 1
        account = self._terminal.account
        match fault.kind:
            case FaultKind.SERVER_CLOSE:
                _stop_oldest(account)
            case FaultKind.MANUAL_CLOSE:
                _close_oldest(account)
            case FaultKind.MANUAL_TRADE:
                _buy_by_hand(account)
            case FaultKind.PRICE_GAP:
                _gap(account, fault.points)
            case _:
                pass

    # --- orders

    def _bend(self, fault: Fault, request: Any) -> mt5.OrderSendResult | None:
        """The result of a request that the server would accept, spoilt; None: nothing to spoil."""
        terminal = self._terminal
        if self._lasts(FaultKind.OTHER_ACCOUNT) or not isinstance(request, dict):
            return None
        checked = terminal.order_check(request)
        if checked is None or checked.retcode != mt5.ORDER_CHECK_PASSED:
            return None
        if fault.kind is FaultKind.REJECT:
            return _refusal(fault.code or CODES[fault.kind][0], request)
        parsed = read(request, terminal.account)
        if parsed.action != mt5.TRADE_ACTION_DEAL or parsed.spec is None:
            return None
        if fault.kind is FaultKind.REQUOTE:
            return self._requote(parsed, fault.points, request)
        if fault.kind is FaultKind.PARTIAL:
            return self._part(parsed, request)
        return self._place(parsed, fault.span, request)

    def _requote(
        self, parsed: ParsedRequest, points: int, request: dict[str, Any]
    ) -> mt5.OrderSendResult:
        account, spec = self._terminal.account, self._terminal.account.specs[parsed.symbol]
        _move(account, parsed.symbol, points)
        return _refusal(mt5.TRADE_RETCODE_REQUOTE, request)._with(
            bid=spec.price(account.bids[parsed.symbol]), ask=spec.price(account.asks[parsed.symbol])
        )

    def _part(self, parsed: ParsedRequest, request: dict[str, Any]) -> mt5.OrderSendResult | None:
        spec = self._terminal.account.specs[parsed.symbol]
        volume = parsed.volume // 2 // spec.volume_step * spec.volume_step
        if volume < spec.volume_min:
            return None
        result = self._run("order_send", ({**request, "volume": lots(volume)},), {})
        if result is None or result.retcode != mt5.TRADE_RETCODE_DONE:
            return None
        code = mt5.TRADE_RETCODE_DONE_PARTIAL
        comment = mt5.RETURN_CODES[code].meaning
        partial: mt5.OrderSendResult = result._with(
            retcode=code, comment=comment, request=echo(request)
        )
        return partial

    def _place(
        self, parsed: ParsedRequest, span: int, request: dict[str, Any]
    ) -> mt5.OrderSendResult:
        account = self._terminal.account
        order = PaperOrder(
            account.next_order(), account.specs[parsed.symbol], parsed.kind, parsed.volume, 0,
            parsed.stop, parsed.target, parsed.magic, parsed.comment, account.now,
            position=parsed.position.identifier if parsed.position else 0,
            state=mt5.ORDER_STATE_STARTED,
        )  # fmt: skip
        account.pending.place(order)
        self._in_flight[order.ticket] = self._index + span
        return _refusal(mt5.TRADE_RETCODE_PLACED, request)._with(
            order=order.ticket, volume=lots(units(request["volume"])), request_id=order.ticket
        )

    def _land_orders(self) -> bool:
        """Execute orders in flight whose time has come, and any that an earlier process left.

        Returns whether there were any.
        """
        account = self._terminal.account
        landed = [
            order
            for ticket, order in account.orders.items()
            if order.state == mt5.ORDER_STATE_STARTED
            and self._in_flight.get(ticket, 0) <= self._index
        ]
        for order in landed:
            self._in_flight.pop(order.ticket, None)
            account.execute(order)
        return bool(landed)


def _other_terminal(terminal: PaperTerminal) -> PaperTerminal:
    """Someone else's account at the same market."""
    here = terminal.account
    account = PaperAccount(here.specs, _OTHER_BALANCE)
    account.bids, account.asks, account.quoted = here.bids, here.asks, here.quoted
    terms = replace(terminal.terms, login=terminal.terms.login + 1, server=_OTHER_SERVER)
    return PaperTerminal(account, terms=terms)


def _refusal(retcode: int, request: dict[str, Any]) -> mt5.OrderSendResult:
    comment = mt5.RETURN_CODES[retcode].meaning
    return mt5.OrderSendResult.of(retcode=retcode, comment=comment, request=echo(request))


def _stop_oldest(account: PaperAccount) -> None:
    for position in list(account.positions.values())[:1]:
        level = position.spec.price(position.stop)
        comment = f"[sl {level:.{position.spec.digits}f}]"
        account.close(position, position.magic, comment, reason=mt5.DEAL_REASON_SL)


def _close_oldest(account: PaperAccount) -> None:
    for position in list(account.positions.values())[:1]:
        account.close(position, 0, "", reason=mt5.DEAL_REASON_CLIENT)


def _buy_by_hand(account: PaperAccount) -> None:
    for symbol in list(account.bids)[:1]:
        least = account.specs[symbol].volume_min
        account.open(symbol, Side.LONG, least, 0, 0, 0, "", reason=mt5.ORDER_REASON_CLIENT)


def _gap(account: PaperAccount, points: int) -> None:
    """The price of every symbol jumps against its oldest position, or upwards."""
    for symbol in list(account.bids):
        held = account.position_on(symbol)
        _move(account, symbol, -points * held.side if held else points)
        account.match_tick(symbol)


def _move(account: PaperAccount, symbol: str, points: int) -> None:
    bid, ask = account.bids[symbol] + points, account.asks[symbol] + points
    account.quote(symbol, bid, ask, account.now)
