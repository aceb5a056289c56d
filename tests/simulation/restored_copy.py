"""What a journal brings back must be what the engine that ran on remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from engine import events as ev
from engine.session import Restorer
from engine.types import Millis
from risk.counters import TradeCounters
from risk.loss_floors import DrawdownTracker
from scripts.app.sessions.live_actors import LiveActors

_SEEN_AGAIN = {
    ("market", "account"),  # the account is asked before a session goes on (SessionResumed)
    ("market", "ticks"),  # prices of the past are not brought back: the first look shows new ones
    ("watch", "_reduced"),  # these begin anew with the first looks
    ("watch", "_moved"),
    ("watch", "_last"),
    ("watch", "_looked_for"),
    ("risk", "_portfolio"),
}
"""What is not brought back, because it is found out again."""

_PLAIN = (int, float, str, dict, set, list, tuple, frozenset, type(None))


def memory_of(actors: LiveActors) -> dict[str, Any]:
    """All that the actors remember, by actor and attribute; their wiring left out.

    Every attribute that holds plain values counts, so that one that is added later does too.
    """
    gateway = actors.gateway
    parts: dict[str, object] = {
        "market": actors.portfolio,
        "orders": actors.order_manager,
        "risk": actors.risk,
        "floors": actors.risk.losses,
        "trading": actors.risk.control,
        "stakes": vars(actors.risk)["_exposures"],
        "given": actors.user_signals,
        "gateway": gateway,
        "watch": gateway.reconciler,
    }
    memory: dict[str, Any] = {"bus.seq": actors.bus.seq}
    for part, actor in parts.items():
        for name, value in vars(actor).items():
            if (part, name) not in _SEEN_AGAIN and _is_memory(value):
                memory[f"{part}.{name}"] = _shown(value, actors.bus.time)
    return memory


def _shown(value: Any, now: Millis) -> Any:
    """A value that can be compared; of the tally, what it says now."""
    if isinstance(value, TradeCounters):
        return value.counts(now)
    return vars(value) if isinstance(value, DrawdownTracker) else value


def _is_memory(value: object) -> bool:
    if isinstance(value, FunctionType | MethodType | BuiltinMethodType):
        return False
    return isinstance(value, (*_PLAIN, DrawdownTracker, TradeCounters)) or hasattr(
        value, "__struct_fields__"
    )


def differences(
    actors: LiveActors, restored_copy: LiveActors, records: Iterable[ev.Record]
) -> dict[str, tuple[Any, Any]]:
    """Where `restored_copy`, new actors brought back from `records`, remembers something else."""
    restorer: Callable[[], Restorer] = restored_copy.restorer
    restorer().restore(records)
    restored_copy.bus.time = actors.bus.time
    mine, its = memory_of(actors), memory_of(restored_copy)
    return {
        name: (mine.get(name), its.get(name))
        for name in mine.keys() | its.keys()
        if mine.get(name) != its.get(name)
    }
