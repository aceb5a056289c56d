"""Reading an account with its history from a terminal, in one piece that fits together.

Between two calls a deal may be made: figures, positions and deals of different moments do not add
up. So the account is looked at again at the end, and all is read anew if anything moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from engine.account.history import AccountNow, HistoryDeal, OpenPosition, PastOrder

_DAY = 86_400
_ATTEMPTS = 5


class HistoryTerminal(Protocol):
    """The functions of the MetaTrader5 package that are asked."""

    def account_info(self) -> Any: ...
    def positions_get(self, **where: Any) -> Any: ...
    def orders_get(self, **where: Any) -> Any: ...
    def history_deals_get(self, *span: Any, **where: Any) -> Any: ...
    def history_orders_get(self, *span: Any, **where: Any) -> Any: ...
    def last_error(self) -> Any: ...


class ReadFailed(Exception):
    """Raised when a terminal does not answer, or its account does not stand still; try again."""


class AccountRead(msgspec.Struct, frozen=True, kw_only=True):
    """An account as a terminal told it. `since` is the server's time (ms) it was asked from.

    `pending` are the waiting orders. Times are the server's wall clock.
    """

    account: AccountNow
    deals: tuple[HistoryDeal, ...]
    orders: tuple[PastOrder, ...]
    positions: tuple[OpenPosition, ...]
    pending: tuple[PastOrder, ...]
    since: int


def read_account(
    terminal: HistoryTerminal, now: int, since: int = 0, *, login: int, server: str
) -> AccountRead:
    """The account and its history from `since` on; `now` is the server's time, both in seconds.

    The span ends a day after now: a server's clock may be ahead of what is known of it.
    Raises ReadFailed, for a terminal that shows another account too.
    """
    for _ in range(_ATTEMPTS):
        before, info = _state(terminal)
        _insist_on(info, login, server)
        deals = _asked(terminal, "history_deals_get", since, now + _DAY)
        orders = _asked(terminal, "history_orders_get", since, now + _DAY)
        positions = _asked(terminal, "positions_get")
        pending = _asked(terminal, "orders_get")
        after, info = _state(terminal)
        _insist_on(info, login, server)
        if before == after == (info.balance, _volumes(positions)):
            return AccountRead(
                account=_account(info),
                deals=tuple(_made(HistoryDeal, row) for row in deals),
                orders=tuple(_order(row) for row in orders),
                positions=tuple(_made(OpenPosition, row) for row in positions),
                pending=tuple(_order(row) for row in pending),
                since=since * 1000,
            )
    raise ReadFailed(
        f"the account moved during each of {_ATTEMPTS} reads of its history; try again"
    )


def _state(terminal: HistoryTerminal) -> tuple[tuple[float, dict[int, float]], Any]:
    """What must stand still while the history is read - the balance and the open volumes - and
    the account's other figures."""
    info = _asked(terminal, "account_info")
    return (info.balance, _volumes(_asked(terminal, "positions_get"))), info


def _insist_on(info: Any, login: int, server: str) -> None:
    """Somebody may log in elsewhere at any moment: nothing of that account is this one's."""
    if (info.login, info.server) != (login, server):
        raise ReadFailed(f"the terminal shows account {info.login} on {info.server} meanwhile")


def _volumes(positions: Sequence[Any]) -> dict[int, float]:
    return {position.ticket: position.volume for position in positions}


def _asked(terminal: HistoryTerminal, function: str, *span: int) -> Any:
    answer = getattr(terminal, function)(*span)
    if answer is None:
        raise ReadFailed(f"{function}: {terminal.last_error()}")
    return answer


def _account(info: Any) -> AccountNow:
    return AccountNow(
        balance=round(info.balance * 100),
        equity=round(info.equity * 100),
        credit=round(info.credit * 100),
        currency=info.currency,
        currency_digits=info.currency_digits,
    )


def _made(kind: type[Any], row: Any) -> Any:
    """A struct from a row of the package's, which has more fields."""
    fields: Mapping[str, Any] = {name: getattr(row, name) for name in kind.__struct_fields__}
    return kind(**fields)


def _order(row: Any) -> PastOrder:
    return PastOrder(
        ticket=row.ticket, time_msc=row.time_setup_msc, magic=row.magic, reason=row.reason
    )
