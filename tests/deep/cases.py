"""The matrix of functions and faults, each with its seed."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from tests.deep.steps import Kind
from tests.simulation.faults import CODES, ORDER_FAULTS, Fault, FaultKind, ScriptedFault

_SCRIPT = {
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

CALLS = {
    Kind.SCRIPT: _SCRIPT,
    Kind.MODIFY: {
        "account_info": 22,
        "symbol_info_tick": 4,
        "order_send": 4,
        "positions_get": 9,
        "orders_get": 9,
        "history_deals_get": 1,
    },
    Kind.WAIT: {
        "account_info": 28,
        "symbol_info_tick": 6,
        "order_send": 4,
        "positions_get": 15,
        "orders_get": 15,
        "history_orders_get": 2,
        "history_deals_get": 3,
        "order_calc_profit": 2,
    },
}
"""The functions that each kind of session calls, and about how often when nothing goes wrong."""

SEEDS = {Kind.SCRIPT: (11, 12), Kind.MODIFY: (11,), Kind.WAIT: (11,)}
_LONGEST = 12


class Case(NamedTuple):
    """One fault at one call of a function, as the seed has it."""

    function: str
    kind: FaultKind
    seed: int
    session: Kind = Kind.SCRIPT

    def __str__(self) -> str:
        name = f"{self.function}-{self.kind}-seed{self.seed}"
        return name if self.session is Kind.SCRIPT else f"{self.session}-{name}"

    def faults(self) -> list[ScriptedFault]:
        rng = Random(str(self))  # noqa: S311 - a seed, not a secret
        fault = Fault(
            kind=self.kind,
            code=rng.choice(CODES.get(self.kind, (0,))),
            span=rng.randint(1, _LONGEST),
            points=rng.randint(-150, 150),
            seconds=0.05,
        )
        call = rng.randint(1, CALLS[self.session][self.function])
        return [ScriptedFault(function=self.function, call=call, fault=fault)]


CASES = [
    Case(function, kind, seed, session)
    for session in Kind
    for seed in SEEDS[session]
    for function in CALLS[session]
    for kind in FaultKind
    if function == "order_send" or kind not in ORDER_FAULTS
]


def sample(seed: int, session: Kind, size: int) -> list[Case]:
    """Some cases of one kind of session, the same for the same seed."""
    cases = [case for case in CASES if case.session is session]
    return Random(seed).sample(cases, size)  # noqa: S311 - a seed, not a secret
