"""The smoke test's order: small enough for what it may lose, and for the account's limits."""

from __future__ import annotations

from typing import NamedTuple

from adapters.mt5.live.script import ScriptedEntry
from engine import money
from engine.money import volume_within
from engine.types import (
    POINTS_PER_PIP,
    UNITS_PER_LOT,
    USD,
    Cents,
    Points,
    Rate,
    Side,
    SymbolSpec,
    amount,
    figure,
    lots,
)


class Sized(NamedTuple):
    """The order; `too_much` says so when even the smallest volume risks more than it may."""

    plan: ScriptedEntry
    too_much: str = ""


def smoke_plan(
    spec: SymbolSpec,
    ask: Points,
    spread: Points,
    *,
    pips: float,
    risk: Cents,
    allowed: Cents,
    rate: Rate | None = None,
    currency: str = USD,
) -> Sized:
    """A buy whose stop loses about `risk`, or what the limits allow if that is less.

    Never below the symbol's smallest volume: whether that may be sent is decided by risk. `rate`
    is what the terminal converts with, where the symbol needs it; `currency` is the account's.
    """
    stop = max(round(pips * POINTS_PER_PIP), spec.stops_level + spread + 1)

    def loss(volume: int) -> Cents:
        return money.loss_at_stop(spec, Side.LONG, volume, ask, ask - stop, spread, rate)

    budget = min(risk, allowed)
    volume = max(volume_within(spec, budget, loss(UNITS_PER_LOT)), spec.volume_min)
    too_much = ""
    if loss(volume) > budget:
        limit = f"--risk-amount {figure(risk, currency)}"
        if allowed < risk:
            limit = (
                f"the {amount(allowed, currency)} that --per-trade-risk-fraction allows on this "
                "account; use a larger one or a higher fraction"
            )
        too_much = (
            f"{lots(volume):.2f} lots, the least that {spec.name} allows, risk "
            f"{amount(loss(volume), currency)} at {stop / POINTS_PER_PIP:g} pips: more than {limit}"
        )
    plan = ScriptedEntry(
        name="smoke",
        symbol=spec.name,
        side=Side.LONG,
        stop=stop,
        volume=volume,
        reason="SMOKE",
        strategy_id="smoke_test",
    )
    return Sized(plan, too_much)
