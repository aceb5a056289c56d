"""What goes wrong in a simulated session, by chance: faults of calls, hosts that do not start."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from itertools import accumulate
from random import Random

from tests.simulation.faults import CODES, ORDER_FAULTS, Fault, FaultKind

_LARGEST_JUMP = 200
_AT_ORDERS = 8
"""Faults are so much likelier at an order than at a read: there are few orders."""
_OFTEN = 3
_NOT_AT_AN_ORDER = FaultKind.OTHER_ACCOUNT
_HOST_STAYS_DOWN = (0.0, 0.0, 0.2, 0.6)
_USUAL = (0.0005, 0.002, 0.006)


class FaultInjector:
    """Faults of calls until they are switched off; a plan as
    `tests.simulation.faults.FaultSchedule`.

    One draw decides a call, so that the many calls at which nothing happens cost nothing. `struck`
    counts the faults by kind.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        chances = _chances(rng)
        self._longest = rng.randint(1, 5)
        self._host_stays_down = rng.choice(_HOST_STAYS_DOWN)
        # Nothing comes between the host's look at the account and the order that it then sends.
        at_orders = {k: c * _AT_ORDERS for k, c in chances.items() if k != _NOT_AT_AN_ORDER}
        self._for_orders = _Wheel(at_orders)
        self._for_reads = _Wheel({k: c for k, c in chances.items() if k not in ORDER_FAULTS})
        self.on = True
        self.struck: Counter[str] = Counter()

    def decide(self, _index: int, function: str, _nth: int) -> Fault | None:
        """The fault that strikes this call, or None."""
        if not self.on:
            return None
        wheel = self._for_orders if function == "order_send" else self._for_reads
        kind = wheel.spin(self._rng.random())
        if kind is None:
            return None
        self.struck[kind] += 1
        rng = self._rng
        return Fault(
            kind=kind,
            code=rng.choice(CODES.get(kind, (0,))),
            span=rng.randint(1, self._longest),
            points=rng.randint(-_LARGEST_JUMP, _LARGEST_JUMP),
        )

    def host_stays_down(self) -> bool:
        """Whether the terminal host that is started now does not come up."""
        down = self.on and self._rng.random() < self._host_stays_down
        self.struck["host_stays_down"] += down
        return down


class _Wheel:
    """Kinds with their chances as parts of the way from 0 to 1."""

    def __init__(self, chances: dict[FaultKind, float]) -> None:
        self._kinds = list(chances)
        self._ends = list(accumulate(chances.values()))

    def spin(self, draw: float) -> FaultKind | None:
        part = bisect_right(self._ends, draw)
        return self._kinds[part] if part < len(self._kinds) else None


def _chances(rng: Random) -> dict[FaultKind, float]:
    """How likely each kind of fault is for a call: many are rare, and some runs have none."""
    if rng.random() < 0.1:
        return {}
    kinds = rng.sample(list(FaultKind), rng.randint(1, 5))
    usual = rng.choice(_USUAL)
    often = {FaultKind.REQUOTE, FaultKind.PARTIAL, FaultKind.PLACED}
    return {kind: usual * (_OFTEN if kind in often else 1) for kind in kinds}
