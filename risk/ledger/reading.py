"""A history that was read: deals in order, the balance at each, and the positions' lives."""

from __future__ import annotations

import msgspec

from risk.ledger.booking import (
    Balances,
    BookedDeal,
    MergedHistory,
    booked,
    merged,
    without_bonus_credit,
)
from risk.ledger.inputs import LedgerInputs
from risk.ledger.lives import Flatness, PositionLives, lived


class LedgerReading(msgspec.Struct, kw_only=True):
    """A history that was read: each step's result, for the next ones."""

    inputs: LedgerInputs
    merged: MergedHistory
    history: list[BookedDeal]
    balances: Balances
    lives: PositionLives
    flatness: Flatness
    complete: bool


def read(inputs: LedgerInputs) -> LedgerReading:
    """Deals in order, the balance at each, and the positions' lives.

    Raises ValueError for an amount that is no number.
    """
    union = merged(inputs.deals, inputs.stored, inputs.told_since)
    history = without_bonus_credit(booked(union.deals, inputs.clock), inputs.account)
    balances = Balances(history, inputs.account.balance)
    lives = lived(history, inputs.positions, inputs.clock, inputs.magic)
    return LedgerReading(
        inputs=inputs,
        merged=union,
        history=history,
        balances=balances,
        lives=lives,
        flatness=Flatness(history, lives),
        complete=balances.opening == 0 and not lives.cut,
    )
