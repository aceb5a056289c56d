"""A paper terminal from a JSON text that also says what goes wrong at it."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from random import Random
from typing import Final

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.hosted import HostedTerminal
from adapters.paper.terminal.spec import TerminalSpec, assemble, decode, demand
from tests.simulation.fault_injector import Effects, FaultyTerminal
from tests.simulation.faults import FaultKind, FaultPlan, FaultSchedule, FaultScript, ScriptedFault

_KILLED: Final = 9


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a `script`, or `chances` (probabilities by kind) with a `seed`.

    `functions` restricts the chances (None: all functions); spans are at most `longest` calls.
    """

    script: list[ScriptedFault] = []
    seed: int = 0
    chances: dict[FaultKind, float] = {}
    functions: list[str] | None = None
    longest: int = 3

    def __post_init__(self) -> None:
        named = {item.function for item in self.script} | set(self.functions or ())
        strange = sorted(named - set(mt5.FUNCTIONS))
        demand(not strange, "faults", f"names functions that do not exist: {strange}")
        for kind, chance in self.chances.items():
            demand(0 <= chance <= 1, f"faults.chances.{kind}", "must be from 0 to 1")
        demand(self.longest > 0, "faults.longest", "must be above 0")

    def plan(self) -> FaultSchedule:
        if self.script:
            return FaultScript(self.script)
        rng = Random(self.seed)  # noqa: S311 - a seed, not a secret
        return FaultPlan(rng, self.chances, functions=self.functions, longest=self.longest)


class FaultySpec(TerminalSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal's specification with its faults; None: there are none."""

    faults: FaultSpec | None = None


def build(text: str, effects: Effects | None = None) -> HostedTerminal | FaultyTerminal:
    """The terminal that the JSON `text` describes; it must be initialized before use.

    Raises ValueError with the field or file at fault. The calls that faults are counted by are kept
    with the account, so that a scripted fault strikes once over all starts of a terminal.
    """
    spec = decode(text, FaultySpec)
    calls: Counter[str] = Counter()
    parts = assemble(spec, calls)
    if spec.faults is None:
        return parts.hosted
    faulty = FaultyTerminal(
        parts.terminal,
        spec.faults.plan(),
        effects or process_effects(),
        behind=parts.hosted,
        noted=parts.keep,
    )
    faulty.calls = calls
    return faulty


def process_effects() -> Effects:
    """Faults of a process of its own: it hangs until it is killed, or ends at once."""

    def hang() -> None:
        threading.Event().wait()

    return Effects(hang=hang, die=lambda: os._exit(_KILLED), wait=time.sleep)
