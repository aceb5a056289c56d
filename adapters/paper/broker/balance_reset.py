"""A paper account on which attempts at a firm's objectives are made, one after another."""

from __future__ import annotations

from collections.abc import Collection

from adapters.paper.broker.ledger import Ledger
from engine.types import Cents


class BalanceReset:
    """The venue's side of an attempt: what is open there, and a fresh balance by a balance deal."""

    def __init__(self, account: Ledger) -> None:
        self._account = account

    def open_positions(self) -> Collection[int]:
        return self._account.positions.keys()

    def idle(self) -> bool:
        return not self._account.positions and not self._account.orders

    def reset_balance(self, balance: Cents) -> Cents:
        amount = balance - self._account.balance
        if amount:
            self._account.deposit(amount)
        return amount
