"""The world around a simulated session: terminal, clock, disk and the moments of a crash.

Everything happens in one thread and every choice comes from one seed, so a run can be repeated.
"""

from __future__ import annotations

from random import Random

from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.hosted import HostedTerminal
from adapters.paper.terminal.market import PaperMarket
from adapters.paper.terminal.rules import AccountTerms
from engine.clock import VirtualClock
from engine.events import Record
from engine.types import ClockName, Millis
from scripts.app.sessions.replay import MAGIC
from signals.market_data.clocks import utc_of
from tests.simulation.chance import FaultInjector
from tests.simulation.disk import Disk
from tests.simulation.fault_injector import Effects, FaultyTerminal
from tests.simulation.manual_actions import ManualActions
from tests.simulation.market import PERIOD, SPECS, bars_of, start_of
from tests.simulation.past import live_through
from tests.simulation.signals import signals_of
from tests.simulation.user import User

LOGIN, SERVER = 4711, "Paper-Demo"
BALANCE = 10_000_000
CLOCK: ClockName = "new-york+7"

_BARS = (12, 22)


class EngineCrashed(BaseException):
    """The engine's process ends here; nothing of it runs any more."""


class HostEnded(BaseException):
    """The terminal host ends in the middle of a call."""


class World:
    """What outlives the engine: the terminal with its market, the disk, and the clock."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - a seed, not a secret
        rng = self.rng
        bars = rng.randint(*_BARS)
        start = start_of(rng)
        self.specs = {spec.name: spec for spec in SPECS[: rng.randint(1, len(SPECS))]}
        self.account = PaperAccount(self.specs, BALANCE, slippage=rng.choice((0, 0, 2)))
        rates = {spec.name: bars_of(rng, spec, start, bars) for spec in self.specs.values()}
        self.market = PaperMarket(self.account, rates)
        self._end: Millis = max(int(item["time"][-1]) + PERIOD for item in rates.values()) * 1000
        self.market.skip(start * 1000 - 1)
        live_through(Random(f"past {seed}"), self.account, utc_of(CLOCK, start) * 1000)  # noqa: S311 - as above
        terms = AccountTerms(login=LOGIN, server=SERVER)
        self.terminal = PaperTerminal(self.account, terms=terms, bars=self.market, attached=False)
        self.hosted = HostedTerminal(self.terminal, self.market)
        self.signals = signals_of(rng, self.specs, rates, CLOCK)
        self.manual_actions = ManualActions(rng, self.account)
        # With numbers of its own, so that markets and faults of a seed stay what they were.
        self.user = User(Random(f"user {seed}"), self.account)  # noqa: S311 - as above
        self.fault_injector = FaultInjector(rng)
        self.faulty = FaultyTerminal(
            self.terminal, self.fault_injector, Effects(hang=_end, die=_end, wait=lambda _s: None),
            behind=self.hosted,
        )  # fmt: skip
        self.clock = VirtualClock(self._utc())
        self.disk = Disk(rng)
        self.ended_sessions: list[Disk] = []
        self._seed = seed
        self._divides = Random(f"divided {seed}")  # noqa: S311 - as above
        self._divided = self._divides.choice((0.0, 0.3, 0.8))
        self.session_began: Millis = 0
        self.steps = self.crashes = 0
        self._ended = False
        self._between_crashes = rng.choice((60, 250, 1000))
        self._crash_at = self._next_crash()
        self.crashing = rng.random() < 0.7
        self.last_move = ""
        self._most_moves = rng.choice((1, 1, 2, 4))

    def step(self) -> None:
        """A moment at which the engine may crash; after that, no other task of it runs on."""
        self.steps += 1
        if self.crashing and self.steps >= self._crash_at:
            self._crash_at = self._next_crash()
            self.crashes += 1
            self._ended = True
        if self._ended:
            raise EngineCrashed

    def insist_running(self) -> None:
        """What a task of the engine does after its process ended never happens."""
        if self._ended:
            raise EngineCrashed

    def boot(self) -> None:
        """The engine's process is started."""
        self._ended = False

    @property
    def session_id(self) -> str:
        """The session that runs: the seed's first, or one that was begun after a crash."""
        return f"seed-{self._seed}-{len(self.ended_sessions)}"

    @property
    def records(self) -> list[Record]:
        """What all sessions' journals have, one after the other."""
        return [record for disk in (*self.ended_sessions, self.disk) for record in disk.records()]

    def divide(self) -> bool:
        """Whether the user begins a new session now, which goes on with what the last one left.

        Orders that wait at the venue, or are under way, cannot be taken over.
        """
        orders = any(order.magic == MAGIC for order in self.account.orders.values())
        if not self.disk.records() or orders or self._divides.random() >= self._divided:
            return False
        self.ended_sessions.append(self.disk)
        self.disk = Disk(self._divides)
        self.session_began = self.clock.now()
        return True

    def _next_crash(self) -> int:
        return self.steps + 1 + int(self.rng.expovariate(1 / self._between_crashes))

    def advance(self) -> bool:
        """The next moves of the market before the engine looks again; False at its end."""
        self.manual_actions.act()
        progress = self.hosted.paper_advance(self._end, self.rng.randint(1, self._most_moves))
        if progress is None or not progress.steps:
            return False
        self.last_move = progress.move
        self.clock.advance_to(max(self.clock.now(), self._utc()))
        return True

    def filling_mask(self, symbol: str) -> int:
        """The filling modes that the venue allows for a symbol."""
        info = self.terminal.symbol_info(symbol)
        return info.filling_mode if info else 0

    def calm(self) -> None:
        """No more faults and crashes: what stands can now be seen as it is."""
        self.fault_injector.on = self.crashing = False
        self.manual_actions.idle = self.user.idle = True
        self.disk.failing = 0.0

    def _utc(self) -> Millis:
        now = self.account.now
        return utc_of(CLOCK, now // 1000) * 1000 + now % 1000


def _end() -> None:
    raise HostEnded
