"""The world around a simulated session: terminal, clock, disk and the moments of a crash.

Everything happens in one thread and every choice comes from one seed, so a run can be repeated.
"""

from __future__ import annotations

from random import Random

from adapters.paper.account import PaperAccount
from adapters.paper.faults import Fault, FaultKind, FaultPlan
from adapters.paper.faulty import Effects, FaultyTerminal
from adapters.paper.functions import PaperTerminal
from adapters.paper.hosted import HostedTerminal
from adapters.paper.market import PaperMarket
from adapters.paper.rules import AccountTerms
from engine.clock import VirtualClock
from engine.types import ClockName, Millis
from scripts.simulation.disk import Disk
from scripts.simulation.market import SPECS, bars_of, start_of
from signals.clocks import utc_of

LOGIN, SERVER = 4711, "Paper-Demo"
BALANCE = 10_000_000
CLOCK: ClockName = "new-york+7"

_FOREVER = 1 << 61


class EngineCrashed(BaseException):
    """The engine's process ends here; nothing of it runs any more."""


class HostEnded(BaseException):
    """The terminal host ends in the middle of a call."""


class Plan:
    """Faults by chance until they are switched off."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self.on = True

    def decide(self, index: int, function: str, nth: int) -> Fault | None:
        return self._plan.decide(index, function, nth) if self.on else None


class World:
    """What outlives the engine: the terminal with its market, the disk, and the clock."""

    def __init__(self, seed: int, *, bars: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - a seed, not a secret
        rng = self.rng
        start = start_of(rng)
        self.specs = {spec.name: spec for spec in SPECS[: rng.randint(1, len(SPECS))]}
        self.account = PaperAccount(self.specs, BALANCE, slippage=rng.choice((0, 0, 2)))
        rates = {spec.name: bars_of(rng, spec, start, bars) for spec in self.specs.values()}
        self.market = PaperMarket(self.account, rates)
        self.market.skip(start * 1000 - 1)
        terms = AccountTerms(login=LOGIN, server=SERVER)
        self.terminal = PaperTerminal(self.account, terms=terms, bars=self.market, attached=False)
        self.hosted = HostedTerminal(self.terminal, self.market)
        self.plan = Plan(FaultPlan(rng, chances(rng), longest=rng.randint(1, 5)))
        self.faulty = FaultyTerminal(
            self.terminal, self.plan, Effects(hang=_end, die=_end, wait=lambda _s: None),
            behind=self.hosted,
        )  # fmt: skip
        self.clock = VirtualClock(self._utc())
        self.disk = Disk(rng)
        self.steps = 0
        self._between_crashes = rng.choice((60, 250, 1000))
        self._crash_at = self._next_crash()
        self.crashing = rng.random() < 0.7
        self.last_move = ""

    def step(self) -> None:
        """A moment at which the engine may crash."""
        self.steps += 1
        if self.crashing and self.steps >= self._crash_at:
            self._crash_at = self._next_crash()
            raise EngineCrashed

    def _next_crash(self) -> int:
        return self.steps + 1 + int(self.rng.expovariate(1 / self._between_crashes))

    def advance(self) -> bool:
        """One move of the market; False at its end."""
        progress = self.hosted.paper_advance(_FOREVER, 1)
        if progress is None or not progress.steps:
            return False
        self.last_move = progress.move
        self.clock.advance_to(max(self.clock.now(), self._utc()))
        return True

    def calm(self) -> None:
        """No more faults and crashes: what stands can now be seen as it is."""
        self.plan.on = self.crashing = False
        self.disk.failing = 0.0

    def _utc(self) -> Millis:
        now = self.account.now
        return utc_of(CLOCK, now // 1000) * 1000 + now % 1000


def chances(rng: Random) -> dict[FaultKind, float]:
    """How likely each kind of fault is for a call: many are rare, and some runs have none."""
    if rng.random() < 0.1:
        return {}
    kinds = rng.sample(list(FaultKind), rng.randint(1, 5))
    usual = rng.choice((0.0005, 0.002, 0.008))
    often = {FaultKind.REQUOTE, FaultKind.PARTIAL, FaultKind.PLACED}
    return {kind: usual * (20 if kind in often else 1) for kind in kinds}


def _end() -> None:
    raise HostEnded
