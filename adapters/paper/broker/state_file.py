"""The books of a paper account in a file, so that its terminal can be killed and started again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from adapters.paper.broker.account import PaperAccount, PaperDeal, PaperOrder, PaperPosition
from engine import money
from engine.decoding import from_json
from engine.types import Millis, Points, Side, SymbolSpec

Row = dict[str, Any]


class SavedState(msgspec.Struct, forbid_unknown_fields=True):
    """An account's books and prices, the symbols they are of, and how often each function was
    called."""

    login: int
    server: str
    now: Millis
    quotes: dict[str, tuple[Points, Points, Millis]]
    deals: list[PaperDeal]
    positions: list[Row]
    orders: list[Row]
    history: list[Row]
    specs: list[SymbolSpec] = []
    calls: dict[str, int] = {}


def save(
    path: Path, account: PaperAccount, login: int, server: str, calls: Mapping[str, int]
) -> None:
    """Write the state so that the file is whole at any moment."""
    state = SavedState(
        login=login,
        server=server,
        now=account.now,
        quotes={
            symbol: (bid, account.asks[symbol], account.quoted[symbol])
            for symbol, bid in account.bids.items()
        },
        deals=account.deals,
        positions=[_row(position) for position in account.positions.values()],
        orders=[_row(order) for order in account.orders.values()],
        history=[_row(order) for order in account.order_history],
        specs=list(account.known.values()),
        calls=dict(calls),
    )
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(path)


def load(path: Path, account: PaperAccount, login: int, server: str) -> dict[str, int] | None:
    """Put the file's books into `account`; returns the calls, or None when there is no file.

    What is over may be of symbols that the account does not offer now. Raises ValueError for a file
    that is damaged, of another account, or has something open on such a symbol.
    """
    if not path.exists():
        return None
    try:
        state = from_json(path.read_bytes(), SavedState)
        if (state.login, state.server) != (login, server):
            raise ValueError(f"it is of account {state.login} on {state.server!r}")
        account.known = {spec.name: spec for spec in state.specs} | account.specs
        _refuse_open(state, account.specs)
        account.take_over(
            state.deals,
            [_position(row, account.specs) for row in state.positions],
            [_order(row, account.specs) for row in state.orders],
            [_order(row, account.known) for row in state.history],
        )
    except _StandsOpen as error:
        raise ValueError(f"state {path}: {error}") from error
    except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise ValueError(
            f"state {path}: {error}; delete the file to begin with a new account"
        ) from error
    for symbol, (bid, ask, moment) in state.quotes.items():
        account.quote(symbol, bid, ask, moment)
    account.now = state.now
    return state.calls


class _StandsOpen(Exception):
    """Raised when something is open on a symbol that the account does not offer."""


def _refuse_open(state: SavedState, offered: Mapping[str, SymbolSpec]) -> None:
    for row in (*state.positions, *state.orders):
        if row["spec"] not in offered:
            raise _StandsOpen(
                f"{row['ticket']} is open on {row['spec']}, which is not among the symbols of this "
                f"run: add {row['spec']}, or close it with butler flatten"
            )


def _row(item: PaperPosition | PaperOrder) -> Row:
    """The fields that make the item again, its symbol by name."""
    return {name: getattr(item, name) for name in _kept(item)} | {"spec": item.spec.name}


def _kept(item: PaperPosition | PaperOrder) -> list[str]:
    """The names of what makes the item; what a point is worth follows from it."""
    return [name for name in item.__struct_fields__ if name != "cents_per_point"]


def _position(row: Row, specs: Mapping[str, SymbolSpec]) -> PaperPosition:
    position = PaperPosition(**{**row, "spec": specs[row["spec"]], "side": Side(row["side"])})
    position.cents_per_point = money.cents_per_point(position.spec, position.volume)
    return position


def _order(row: Row, specs: Mapping[str, SymbolSpec]) -> PaperOrder:
    return PaperOrder(**{**row, "spec": specs[row["spec"]]})
