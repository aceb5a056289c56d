"""The live path without a terminal: approval to send, bus, journal, host, and the loop's stall.

``python -m tests.bench live [--seconds N] [--orders N]``. Everything is the real thing: bus, risk,
gateway, the journal on this disk, a host process on the loopback interface. Only what answers is a
paper account, or in the host the tests' small terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import anyio

from adapters.journal import SqliteJournal
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.remote import Caller, LiveRouter
from adapters.mt5.execution.venue import Venue
from adapters.mt5.host.client import AsyncTerminal, CallResult, TerminalClient
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine.bus import Bus
from engine.clock import SystemClock
from engine.journal import Journal, MemoryJournal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.types import Side
from risk.actor import RiskActor
from tests.bench.machine import machine
from tests.builders import LIMITS, LOT, SPECS, TICKS, signal, started
from tests.paper_terminals import terminal_at_ticks, told
from tests.process.hosts import SECONDS, Barrier, local_host, running
from tests.venue_steps import REQUESTS

HANG_SECONDS = 30.0
ORDERS = 500
EVENTS = 200_000
RECORDS = 100_000
DURABLE_RECORDS = 1_000
CALLS = 3_000
ROOM_EVERY = 500  # records between two slices of a replay's feed, about
TICK = 0.001  # seconds between two looks of the stall meter at its clock
ALLOWED_STALL = 0.050

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench live", description=__doc__)
    parser.add_argument("--seconds", type=float, default=HANG_SECONDS, help="how long a call hangs")
    parser.add_argument("--orders", type=int, default=ORDERS, help="orders sent to be timed")
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        print(f"\napproval to send, {options.orders} orders, without the terminal")
        print(f"  record durable first  {asyncio.run(sending(folder, options.orders))}")
        print(f"  journal in memory     {asyncio.run(sending(None, options.orders))}")
        print("\nbus, journal in memory")
        print(f"  an event, recorded and handled by one actor  {per_event():8.2f} us")
        print(f"  an input, handled by one actor               {per_input():8.2f} us")
        print("\njournal on this disk")
        print(f"  in batches           {asyncio.run(batched(folder)):12,.0f} records/s")
        print(f"  each one durable     {asyncio.run(durable(folder)):12,.0f} records/s")
        print(f"\nhost round trip, {CALLS} calls\n  {round_trips(_made(folder / 'calls'))}")
        quiet = asyncio.run(stall(_made(folder / "quiet"), options.seconds, hang=False))
        hung = asyncio.run(stall(_made(folder / "hung"), options.seconds, hang=True))
    print(f"\nlargest gap of the loop in {options.seconds:g} s")
    print(f"  while a call hangs in the host  {hung}")
    print(f"  while nothing is called         {quiet}")
    if hung.own >= ALLOWED_STALL:
        raise SystemExit(f"the loop stood still for more than {ALLOWED_STALL * 1e3:.0f} ms")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


class Spread:
    """Median and 99th percentile of some durations."""

    def __init__(self, seconds: list[float]) -> None:
        self._seconds = sorted(seconds)

    def _at(self, share: float) -> float:
        return self._seconds[min(int(len(self._seconds) * share), len(self._seconds) - 1)]

    def __str__(self) -> str:
        p50, p99 = (1e6 * self._at(share) for share in (0.5, 0.99))
        return f"p50 {p50:9,.0f} us   p99 {p99:9,.0f} us"


# --- approval to send ------------------------------------------------------------------------


class PaperLine:
    """A paper terminal in this process in place of the worker thread; notes when it is reached."""

    def __init__(self, terminal: PaperTerminal) -> None:
        self._terminal = terminal
        self.reached: list[float] = []

    async def work(self, job: Callable[[Caller], T]) -> T:
        self.reached.append(time.perf_counter())
        return job(self)

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        del deadline
        value = getattr(self._terminal, function)(*args, **kwargs)
        return CallResult(function, value, self._terminal.last_error())

    async def restart(self) -> object:
        raise RuntimeError("the paper terminal is never lost")


class Desk:
    """The actors of a live session on one bus, as they are wired for an account."""

    def __init__(self, journal: Journal, line: Any, terminal: PaperTerminal) -> None:
        self.bus = Bus(journal, record_inputs=True)
        self.portfolio = Portfolio(SPECS)
        account = told(terminal.account_info())
        self.venue = Venue(
            self.bus, journal, line, SystemClock(), router=LiveRouter(REQUESTS, account)
        )
        self.approved: list[float] = []
        orders = OrderManager(self.bus)
        gateway = Gateway(self.bus, self.portfolio, orders, REQUESTS, self.venue)
        for actor in (
            self.portfolio,
            orders,
            RiskActor(self.bus, self.portfolio, orders, LIMITS),
        ):
            self.bus.attach(actor.routes())
        self.bus.attach({ev.OrderApproved: lambda _: self.approved.append(time.perf_counter())})
        gateway.attach()
        self.bus.publish(started())
        for tick in TICKS.values():
            self.bus.feed(tick)

    def decide(self, number: int) -> None:
        """Open a position, or close the one that is open."""
        for position in self.portfolio.positions.values():
            leave = signal(
                f"s:{number}", action=ev.Action.CLOSE, position=position.ticket,
                volume=position.volume, price=TICKS["EURUSD"].bid,
            )  # fmt: skip
            self.bus.publish(leave)
            return
        self.bus.publish(signal(f"s:{number}", side=Side.LONG, volume=LOT // 100))


async def sending(folder: Path | None, orders: int) -> Spread:
    """Seconds from an order's approval to its arrival at the worker thread."""
    journal: Any = MemoryJournal()
    if folder is not None:
        journal = SqliteJournal(folder / "orders.sqlite", power_safe=True)
    terminal = terminal_at_ticks()
    line = PaperLine(terminal)
    desk = Desk(journal, line, terminal)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(desk.venue.run)
        for number in range(orders):
            desk.decide(number)
            await desk.venue.settled()
        desk.venue.close()
    if folder is not None:
        await journal.close()
    if len(line.reached) != orders:
        raise RuntimeError(f"{len(line.reached)} of {orders} orders were sent: ask for fewer")
    pairs = zip(desk.approved, line.reached, strict=True)
    return Spread([reached - approved for approved, reached in pairs])


# --- bus and journal -------------------------------------------------------------------------


class Unwritten:
    """A journal that keeps nothing: what is left is the bus."""

    def append(self, record: ev.Record) -> None:
        del record

    async def room(self) -> None:
        """There always is."""

    async def durable(self, seq: int) -> None:
        del seq

    async def showable(self, seq: int) -> None:
        del seq

    async def close(self) -> None:
        """There is nothing to close."""


def _bus(kind: type) -> Bus:
    bus = Bus(Unwritten())
    bus.attach({kind: lambda _: None})
    return bus


def per_event() -> float:
    """Microseconds to number, record and dispatch an event."""
    event = ev.SignalDropped(signal_id="s:1", symbol="EURUSD", reason="measured")
    return _each(_bus(ev.SignalDropped).publish, event)


def per_input() -> float:
    """Microseconds to dispatch an input."""
    return _each(_bus(ev.Tick).feed, TICKS["EURUSD"])


def _each(take: Callable[[Any], None], item: ev.Event | ev.Input) -> float:
    began = time.perf_counter()
    for _ in range(EVENTS):
        take(item)
    return (time.perf_counter() - began) / EVENTS * 1e6


def _record(seq: int) -> ev.Record:
    return ev.Record(seq, 1_736_251_200_000 + seq, ("EURUSD", 1_736_251_200_000), signal())


async def batched(folder: Path) -> float:
    """Records a second as a replay writes them, until the last is in the file."""
    journal = SqliteJournal(folder / "batched.sqlite", power_safe=False)
    began = time.perf_counter()
    for seq in range(1, RECORDS + 1):
        journal.append(_record(seq))
        if seq % ROOM_EVERY == 0:
            await journal.room()
    await journal.durable(RECORDS)
    took = time.perf_counter() - began
    await journal.close()
    return RECORDS / took


async def durable(folder: Path) -> float:
    """Records a second when each is on the disk before the next is made."""
    journal = SqliteJournal(folder / "durable.sqlite", power_safe=True)
    began = time.perf_counter()
    for seq in range(1, DURABLE_RECORDS + 1):
        journal.append(_record(seq))
        await journal.durable(seq)
    took = time.perf_counter() - began
    await journal.close()
    return DURABLE_RECORDS / took


# --- the host --------------------------------------------------------------------------------


def round_trips(folder: Path) -> Spread:
    """Calls of a function that does nothing, to a host process and back."""
    took = []
    with running(folder) as client:
        for _ in range(CALLS):
            began = time.perf_counter()
            client.call("symbol_info_tick", "EURUSD", deadline=SECONDS)
            took.append(time.perf_counter() - began)
    return Spread(took)


class Gap(NamedTuple):
    """A time in which the loop did not come round, and the part that other programs took of it."""

    seconds: float
    of_others: float

    @property
    def own(self) -> float:
        return max(self.seconds - self.of_others, 0.0)

    def or_worse(self, other: Gap) -> Gap:
        return other if other.own > self.own else self

    def __str__(self) -> str:
        others = (
            f", {self.of_others * 1e3:.1f} ms more for other programs" if self.of_others else ""
        )
        return f"{self.own * 1e3:.1f} ms{others}"


async def stall(folder: Path, seconds: float, *, hang: bool) -> Gap:
    """The loop's largest gap in `seconds`, during which a call hangs in the host if told so."""
    with Barrier() as barrier:
        client = TerminalClient(local_host(folder, barrier.port), sleep=lambda _: None)
        terminal = AsyncTerminal(client)
        await terminal.start()
        try:
            if not hang:
                return await _largest_gap(seconds)
            call = asyncio.create_task(
                terminal.call("symbol_info_tick", "HANG", deadline=seconds + SECONDS)
            )
            await asyncio.to_thread(barrier.wait_until_reached)
            gap = await _largest_gap(seconds)
            if call.done():
                raise RuntimeError("the call came back while it was to hang")
            barrier.release()
            await call
            return gap
        finally:
            barrier.release()
            await terminal.close()


async def _largest_gap(seconds: float) -> Gap:
    """How much later than asked the loop came back to this task at the worst."""
    began = last = time.perf_counter()
    waited = _waited()
    worst = Gap(0.0, 0.0)
    while last - began < seconds:
        await asyncio.sleep(TICK)
        now, waited_now = time.perf_counter(), _waited()
        worst = worst.or_worse(Gap(now - last - TICK, waited_now - waited))
        last, waited = now, waited_now
    return worst


def _waited() -> float:
    """Seconds that this thread was ready to run and other programs had the processor (Linux)."""
    if sys.platform != "linux":
        return 0.0
    with open("/proc/thread-self/schedstat", encoding="ascii") as file:  # noqa: PTH123 - 10 us less
        return int(file.read().split()[1]) / 1e9


if __name__ == "__main__":
    main()
