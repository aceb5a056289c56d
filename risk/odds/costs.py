"""What it costs to be funded, in fees; never a forecast of payouts."""

from __future__ import annotations

import math

import msgspec

_MISSED = 0.1  # the chance that a budget is not enough
_ROUNDING = 1e-9  # of the quotient of two logarithms


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """None stands for unbounded: with no chance to pass, no number of attempts is enough.

    `attempts` is the mean number until one passes, `fees` what they cost; `budget90` is enough with
    a probability of 90 %.
    """

    attempts: float | None
    fees: float | None
    budget90: float | None


def costs(pass_probability: float, fee: float, *, refunded: bool = False) -> Costs:
    """Attempts and fees, in the unit of `fee`; `refunded` when a pass returns its own fee.

    Attempts are independent and alike (a geometric number of them): 1/p on average, and
    ceil(ln 0.1 / ln(1 - p)) for 90 %. Raises ValueError for a probability that is none or a
    negative fee.
    """
    p = pass_probability
    if not 0 <= p <= 1:
        raise ValueError(f"pass probability is {p}, must be from 0 to 1")
    if not (fee >= 0 and math.isfinite(fee)):
        raise ValueError(f"fee is {fee}, must not be negative")
    if p == 0:
        return Costs(attempts=None, fees=None, budget90=None)
    tries = 0.0 if p == 1 else math.log(_MISSED) / math.log1p(-p)
    most = max(1, math.ceil(tries * (1 - _ROUNDING)))
    return Costs(attempts=1 / p, fees=fee * (1 / p - refunded), budget90=fee * most)
