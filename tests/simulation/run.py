"""One simulated session from its seed: begun, crashed, resumed, ended, and then looked over."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec

from adapters.mt5.api.errors import LinkDown, SnapshotFailed, TerminalError
from engine import events as ev
from engine.journal import JournalFailed
from engine.types import Limits
from tests.simulation.account import MemoryStore, begin, joined
from tests.simulation.audit import Audit
from tests.simulation.engine_run import EngineRun, Setting, attached
from tests.simulation.final_checks import FinalChecks, check_files
from tests.simulation.link import SimulatedHost, SimulatedLink
from tests.simulation.model import demand
from tests.simulation.world import EngineCrashed, World

_MOST_STARTS = 25
_ZONE = "Europe/Prague"

_TOLD_IN_ORDER = (JournalFailed, TerminalError, SnapshotFailed, LinkDown)
"""What ends a session in order, its reason reported; the user starts it again."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed's run did.

    `broken` names the invariant that did not hold and its detail, or is empty. `starts` counts the
    lives of the engine, `sessions` the sessions that they belong to, `faults` by kind what went
    wrong, was done by hand or ordered by the user.
    """

    seed: int
    broken: str
    records: int
    trades: int
    starts: int
    sessions: int
    crashes: int
    faults: dict[str, int]
    journal_hash: str


def run_seed(seed: int) -> Result:
    """Run one seed to its end; a broken invariant, or an unexpected failure, is reported in it."""
    return run_and_keep(seed)[0]


def run_and_keep(seed: int) -> tuple[Result, list[ev.Record]]:
    """As `run_seed`, with the records that the session's journal has in the end."""
    world = World(seed)
    limits = Limits(
        max_positions=world.rng.randint(1, 3),
        max_positions_per_symbol=world.rng.randint(1, 2),
        per_trade_risk_fraction=0.004,
        daily_loss_fraction=world.rng.choice((0.02, 0.02, 0.004)),
        max_loss_fraction=world.rng.choice((None, 0.01)),
        reset_zone=_ZONE,
    )
    audit = Audit(world, limits)
    broken = ""
    with MemoryStore() as store:
        simulation = _Simulation(Setting(seed, world, limits, audit), store)
        try:
            asyncio.run(simulation.play())
        except Exception as error:
            broken = audit.broken or f"nothing fails unexpectedly: {_innermost(error)!r}"
    records = world.records
    result = Result(
        seed=seed,
        broken=audit.broken or broken,
        records=len(records),
        trades=sum(isinstance(r.event, ev.PositionClosed) for r in records),
        starts=simulation.starts,
        sessions=len(world.ended_sessions) + 1,
        crashes=world.crashes,
        faults=dict(
            +Counter(world.fault_injector.struck + world.manual_actions.done + world.user.done)
        ),
        journal_hash=" ".join(one.hexdigest() for one in (*world.ended_sessions, world.disk)),
    )
    return result, records


class _Simulation:
    def __init__(self, setting: Setting, store: MemoryStore) -> None:
        self._setting = setting
        self._world = setting.world
        self._store = store
        self.starts = 0

    async def play(self) -> None:
        """Start the engine again and again until the market has ended, then look at it in peace."""
        while self.starts < _MOST_STARTS and not await self._start(moves=True):
            if self.starts == _MOST_STARTS - 1:
                self._world.calm()
        self._world.calm()
        await self._start(moves=False)

    async def _start(self, *, moves: bool) -> bool:
        """One life of the engine; whether it ended in order."""
        self.starts += 1
        world, audit = self._world, self._setting.audit
        world.boot()
        host = SimulatedHost(world, audit.on_send)
        link = SimulatedLink(world, host)
        try:
            account = await attached(link)
        except EngineCrashed:
            return False
        if account is None:
            return False
        if self.starts > 1 and moves and world.divide():
            audit.divided(world.ended_sessions[-1].records())
        host.attached = host.balance
        audit.reads(host)
        try:
            part = await joined(world, self._store, link, account, self._setting.limits)
        except EngineCrashed:
            return False
        if part is None:
            audit.watched(lambda: demand(moves, "the ledger adds up in peace", host.balance))
            return False
        engine_run = EngineRun(self._setting, host, link, account, part)
        try:
            begin(self._store, world)
            await engine_run.enter()
            await engine_run.play(moves=moves)
        except (EngineCrashed, BaseExceptionGroup) as error:
            _only_crashes(error)
            world.disk.crash()
            return False
        except Exception as error:
            if audit.broken or not isinstance(_innermost(error), _TOLD_IN_ORDER):
                raise
            world.disk.crash()
            return False
        finally:
            engine_run.abandon()
        self._look_over(engine_run, ended=not moves)
        return True

    def _look_over(self, engine_run: EngineRun, *, ended: bool) -> None:
        records, rows, summary = (
            self._world.disk.records(),
            engine_run.sink.rows,
            engine_run.sink.summary(),
        )
        audit = self._setting.audit
        audit.watched(lambda: check_files(records, rows, summary))
        if not ended:
            return
        engine_run.check_restored_copy()
        final_checks = FinalChecks(self._world, self._setting.limits, engine_run.actors, records)
        audit.watched(lambda: final_checks.check(rows, summary))


def _only_crashes(error: BaseException) -> None:
    """Raise again what is no crash."""
    if isinstance(error, BaseExceptionGroup):
        _, rest = error.split(EngineCrashed)
        if rest is not None:
            raise rest
    elif not isinstance(error, EngineCrashed):
        raise error


def _innermost(error: BaseException) -> BaseException:
    """What an actor, an I/O actor or a group of tasks failed for."""
    while True:
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        elif error.__cause__ is not None:
            error = error.__cause__
        else:
            return error
