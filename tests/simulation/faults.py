"""Which fault strikes which call of a terminal, by seed or by script; `faulty` carries it out."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Final, Protocol

import msgspec

from adapters.mt5.api import contract as mt5


class FaultKind(enum.StrEnum):
    """What can go wrong. With a span, a fault lasts for that many calls."""

    # The answer
    FAIL = "fail"  # nothing is done and there is no result
    LOST_REPLY = "lost_reply"  # it is done, and there is no result
    SLOW = "slow"  # it is done after a pause
    HANG_BEFORE = "hang_before"
    HANG_AFTER = "hang_after"
    DIE_BEFORE = "die_before"
    DIE_AFTER = "die_after"
    # The answer to an order
    REQUOTE = "requote"  # 10004 with new prices
    REJECT = "reject"
    PARTIAL = "partial"  # 10010: half of the volume
    PLACED = "placed"  # 10008: executed when the span is over
    # The world, from this call on
    STALE = "stale"  # positions, orders and history lag behind, for a span
    MUTE = "mute"  # prices stand still, for a span
    OFFLINE = "offline"  # the terminal has no server (10031), for a span
    NO_IPC = "no_ipc"  # the program has no terminal (-10004), for a span
    AUTOTRADING_OFF = "autotrading_off"  # 10027, for a span
    OTHER_ACCOUNT = "other_account"  # someone logs in elsewhere, for a span
    SERVER_CLOSE = "server_close"  # the oldest position is stopped
    MANUAL_CLOSE = "manual_close"
    MANUAL_TRADE = "manual_trade"  # someone buys the least volume, magic 0
    PRICE_GAP = "price_gap"  # the price jumps and meets orders, stops and targets


ORDER_FAULTS: Final = frozenset(
    {FaultKind.REQUOTE, FaultKind.REJECT, FaultKind.PARTIAL, FaultKind.PLACED}
)
"""Faults that only `order_send` knows."""

CODES: Final[dict[FaultKind, tuple[int, ...]]] = {
    FaultKind.FAIL: (
        mt5.RES_E_INTERNAL_FAIL_SEND,
        mt5.RES_E_INTERNAL_FAIL,
        mt5.RES_E_FAIL,
        mt5.RES_E_INTERNAL_FAIL_CONNECT,
    ),
    FaultKind.LOST_REPLY: (
        mt5.RES_E_INTERNAL_FAIL_RECEIVE,
        mt5.RES_E_INTERNAL_FAIL,
        mt5.RES_E_FAIL,
        mt5.RES_E_INTERNAL_FAIL_SEND,
    ),
    FaultKind.REJECT: (
        mt5.TRADE_RETCODE_REJECT,
        mt5.TRADE_RETCODE_PRICE_CHANGED,
        mt5.TRADE_RETCODE_TOO_MANY_REQUESTS,
        mt5.TRADE_RETCODE_LOCKED,
    ),
}
"""The codes that a fault may answer with; the first one unless a seed chooses."""

_LARGEST_GAP: Final = 200


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault.

    `code` (0: the kind's first) is an error code, or a return code for "reject"; `span` is in
    calls, the struck one included; `points` move the price of a requote or gap; `seconds` slow.
    """

    kind: FaultKind
    code: int = 0
    span: int = 1
    points: int = 20
    seconds: float = 0.0


class ScriptedFault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault that strikes the `call`-th call (from 1) of `function`."""

    function: str
    fault: Fault
    call: int = 1


class FaultSchedule(Protocol):
    """Decides about faults."""

    def decide(self, index: int, function: str, nth: int) -> Fault | None:
        """The fault of call `index` of all calls, the `nth` of this function; both from 1."""


class FaultPlan:
    """Faults by chance, the same for the same seed.

    `chances` are probabilities by kind, tried in the order of `FaultKind`; the first that comes up
    is taken. Only `functions` are struck (None: all). Spans are drawn from 1 to `longest`.
    """

    def __init__(
        self,
        rng: Random,
        chances: Mapping[FaultKind, float],
        *,
        functions: Collection[str] | None = None,
        longest: int = 3,
    ) -> None:
        self._seed = rng.getrandbits(64)
        self._chances = [(kind, chances[kind]) for kind in FaultKind if kind in chances]
        self._functions = functions
        self._longest = longest

    def decide(self, index: int, function: str, nth: int) -> Fault | None:
        """Depends on the seed, the index and the function, and on no earlier decision."""
        del nth
        if self._functions is not None and function not in self._functions:
            return None
        rng = Random(f"{self._seed}:{index}:{function}")  # noqa: S311 - no secret comes of it
        for kind, chance in self._chances:
            possible = function == "order_send" or kind not in ORDER_FAULTS
            if rng.random() < chance and possible:
                return Fault(
                    kind=kind,
                    code=rng.choice(CODES.get(kind, (0,))),
                    span=rng.randint(1, self._longest),
                    points=rng.randint(-_LARGEST_GAP, _LARGEST_GAP),
                )
        return None


class FaultScript:
    """Faults at given calls; where several name the same call, the first one strikes."""

    def __init__(self, script: Sequence[ScriptedFault]) -> None:
        self._script = {(item.function, item.call): item.fault for item in reversed(script)}

    def decide(self, index: int, function: str, nth: int) -> Fault | None:
        """Depends on the function and on how often it was called."""
        del index
        return self._script.get((function, nth))
