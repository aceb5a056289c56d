"""What a firm's rules would have made of a run that did not follow them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass

from engine.result.curve import EquityCurve
from engine.rules import RuleSet
from engine.types import Cents, Millis


@dataclass(frozen=True, eq=False)
class Hindsight:
    """A run under a firm's rules; `rule` is empty where nothing was broken.

    `time` is the opening of the equity point at which it was broken, `curve` has the firm's floors
    and the target of its first phase.
    """

    rules: RuleSet
    curve: EquityCurve
    rule: str = ""
    time: Millis = 0
    figure: Cents = 0
    limit: Cents = 0
