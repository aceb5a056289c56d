"""The matrix of functions and faults, each with its seed."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from adapters.paper.faults import CODES, ORDER_FAULTS, Fault, FaultKind, ScriptedFault

CALLS = {
    "initialize": 1,
    "account_info": 9,
    "symbol_select": 1,
    "symbol_info": 1,
    "symbol_info_tick": 4,
    "order_send": 4,
    "positions_get": 2,
    "orders_get": 2,
    "history_deals_get": 4,
}
"""The functions that a session of two plans calls, and about how often when nothing goes wrong."""

SEEDS = (11, 12)
_LONGEST = 12


class Case(NamedTuple):
    """One fault at one call of a function, as the seed has it."""

    function: str
    kind: FaultKind
    seed: int

    def __str__(self) -> str:
        return f"{self.function}-{self.kind}-seed{self.seed}"

    def faults(self) -> list[ScriptedFault]:
        rng = Random(str(self))  # noqa: S311 - a seed, not a secret
        fault = Fault(
            kind=self.kind,
            code=rng.choice(CODES.get(self.kind, (0,))),
            span=rng.randint(1, _LONGEST),
            points=rng.randint(-150, 150),
            seconds=0.05,
        )
        call = rng.randint(1, CALLS[self.function])
        return [ScriptedFault(function=self.function, call=call, fault=fault)]


CASES = [
    Case(function, kind, seed)
    for seed in SEEDS
    for function in CALLS
    for kind in FaultKind
    if function == "order_send" or kind not in ORDER_FAULTS
]
