"""A firm's rules of which nothing ends an attempt: what a record of days for odds is made under."""

from __future__ import annotations

import msgspec

from engine.rules import WHOLE, DailyLoss, MaxLoss, RuleSet

_FAR = 1_000 * WHOLE
"""A loss that no account reaches: a thousand times its initial balance."""


def without_ends(rules: RuleSet) -> RuleSet:
    """The rules with limits that nothing reaches and without targets; the rest as it is."""
    phases = tuple(
        msgspec.structs.replace(phase, target=None, inactive_days=0) for phase in rules.phases
    )
    return msgspec.structs.replace(
        rules, daily=DailyLoss(percent=_FAR), maximum=MaxLoss(percent=_FAR), phases=phases
    )
