"""What a rejection by the venue does to trading, by the table of return codes. Pure."""

from __future__ import annotations

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.fields import RejectionEffect

_TOO_LATE = (mt5.TRADE_RETCODE_INVALID_STOPS, mt5.TRADE_RETCODE_FROZEN)
"""Answers to a change of levels that the price has overtaken."""


def effect_of(action: ev.Action, retcode: int, *, may_suspend: bool) -> RejectionEffect:
    """What follows beyond the order's end; `may_suspend` where something releases trading again."""
    if action is ev.MODIFY and retcode in _TOO_LATE:
        return RejectionEffect.LEVELS
    if may_suspend and mt5.suspends(retcode):
        return RejectionEffect.SUSPEND
    return RejectionEffect.LATCH


def changes_nothing(retcode: int) -> bool:
    """Whether the answer is that the venue has the wanted levels already."""
    return retcode == mt5.TRADE_RETCODE_NO_CHANGES


def never_reached(action: ev.Action, code: int) -> bool:
    """Whether an order that never left is over without anybody's refusal.

    A close stays wanted. An entry for which the terminal had no connection is seen by the look at
    the terminal's own link; one for which there was no host counts as refused.
    """
    return action is ev.CLOSE or code == mt5.TRADE_RETCODE_CONNECTION
