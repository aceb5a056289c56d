"""Whatever befalls a service, the session goes on: orders leave, and it ends when it is told to."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import anyio.lowlevel
import pytest

from adapters.bars.follow import FollowedSignals
from adapters.reports.status import Status
from adapters.services.polled import Polled
from adapters.services.supervisor import Supervisor
from adapters.services.watchdog import WatchdogTerms
from config.loader import AlertSettings, Secret
from engine import events as ev
from engine.exits import exit_terms
from scripts.app.sessions.services import ServiceOptions
from tests.builders import START, signal
from tests.journals import read_back
from tests.process.cli import SECONDS
from tests.process.shadow_main import Shadow, build

pytestmark = pytest.mark.asyncio

Fault = Callable[..., Any]

OUTSIDE = {
    "event log (CSV)": "adapters.reports.sinks._write_out",
    "summary (JSON)": "adapters.reports.sinks.replace_file",
    "daily summaries (JSON)": "adapters.reports.sinks.replace_file",
    "trades and equity (CSV)": "adapters.reports.table_sink.replace_file",
    "log": "adapters.system.rotation.RotatingText.write",
    "control": "adapters.services.control.write_access",
    "heartbeat": "adapters.services.heartbeat.write_beat",
    "alerts": "adapters.services.alerts.AlertRules.take",
    "alerts' sender": "adapters.services.apprise_sender.AppriseSender.__call__",
    "metrics": "adapters.services.metrics.Metrics._count",
    "status": "adapters.reports.status.StatusFold.take",
    "ping": "adapters.services.heartbeat.Ping._ask",
    "watchdog": "adapters.services.watchdog.faulthandler.dump_traceback_later",
    "screen": "tests.process.test_services_end_nothing.show",
}
"""Where each service meets the outside, or does its work."""

ON_THE_LOOP = frozenset({"metrics", "status", "alerts", "watchdog"})
"""Work in memory: it can fail, but there is nothing in it that could hang."""


def show(_status: Status | None) -> None:
    """What the screen of these sessions draws with."""


class Screen:
    def __init__(self, status: Callable[[], Status | None]) -> None:
        self._status = status

    async def run(self) -> None:
        from adapters.system.threads import in_daemon

        while True:
            await in_daemon(lambda: show(self._status()))
            await anyio.sleep(0.01)


def failing(error: Exception) -> Fault:
    def fault(*_: object, **__: object) -> None:
        raise error

    return fault


def of_system(number: int) -> Fault:
    return failing(OSError(number, os.strerror(number)))


RELEASED = threading.Event()


def hang(*_: object, **__: object) -> None:
    RELEASED.wait(SECONDS)


def slow(*_: object, **__: object) -> None:
    time.sleep(0.02)


def bad_bytes(*_: object, **__: object) -> None:
    b"f\xfcr".decode()


FAULTS: dict[str, Fault] = {
    "raises": failing(ZeroDivisionError("broken")),
    "hangs": hang,
    "EMFILE": of_system(errno.EMFILE),
    "ENOSPC": of_system(errno.ENOSPC),
    "closed descriptor": of_system(errno.EBADF),
    "bad bytes": bad_bytes,
    "slow": slow,
}


@pytest.fixture(autouse=True)
def _released() -> Iterator[None]:
    RELEASED.clear()
    yield
    RELEASED.set()


def quick(log: Any) -> Supervisor:
    return Supervisor(log.warn, pause=0.01, patience=0.1, settled=0.05, grace=0.2)


def patient(log: Any) -> Supervisor:
    """For what is written in the end: a machine with much to do takes its time over that."""
    return Supervisor(log.warn, pause=0.01, patience=SECONDS, settled=0.05, grace=SECONDS)


OPTIONS = ServiceOptions(
    alerts=AlertSettings(
        urls=[Secret("json://127.0.0.1:9/x")], ping_url=Secret("http://127.0.0.1:9/")
    ),
    metrics_port=0,
    view=Screen,
    beat_seconds=0.01,
    watchdog=WatchdogTerms(leave=lambda: None, told_after=2 * SECONDS, ended_after=3 * SECONDS),
)


async def filled(shadow: Shadow, number: int) -> None:
    """One more order, in or out in turn, from the signal to its durable fill."""
    open_now = list(shadow.portfolio.positions.values())
    for position in open_now:
        tick = shadow.portfolio.ticks[position.symbol]
        shadow.bus.publish(ev.SignalRaised(terms=exit_terms(position, tick, "out")))
    if not open_now:
        order = signal(f"s:{number}", scale=0.1, stop_loss=109_510, take_profit=111_010)
        shadow.bus.publish(order)
    with anyio.fail_after(SECONDS):
        await shadow.journal.durable(shadow.bus.seq)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("service", OUTSIDE)
async def test_orders_go_on_whatever_befalls_a_service(
    tmp_path: Path, service: str, fault: str
) -> None:
    """From the first record to the last the service fails, each time it is tried."""
    if service in ON_THE_LOOP and fault in ("hangs", "slow"):
        pytest.skip("it only works in memory")
    with ExitStack() as patches:
        patches.enter_context(patch(OUTSIDE[service], FAULTS[fault]))
        if service != "ping":
            patches.enter_context(patch(OUTSIDE["ping"], lambda *_: None))
        if not service.startswith("alerts"):
            patches.enter_context(patch(OUTSIDE["alerts' sender"], lambda *_: None))
        patches.enter_context(patch("adapters.services.alerts._LAST_SECONDS", 0.1))
        shadow = build(tmp_path, "s-1", OPTIONS, quick)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shadow.session.run)
            for number in range(4):
                shadow.bus.feed(ev.ResetDue(f"2025-01-1{number}", START, START, 0))
                await filled(shadow, number)
                shadow.log.warn("something to log")
                await anyio.sleep(0.03)
            shadow.session.request_stop()
        shadow.log.close()
    kinds = [
        type(record.event) for record in read_back(tmp_path / "sessions" / "s-1" / "journal.sqlite")
    ]
    assert kinds.count(ev.OrderFilled) == 4
    assert kinds[-1] is ev.SessionEnded


class FaultyPath(type(Path())):  # type: ignore[misc]
    """A path at which something befalls whoever opens it, as long as there is a `fault`."""

    fault: Fault | None = None

    def open(self, *arguments: Any, **options: Any) -> Any:
        if self.fault is not None:
            self.fault()
        return super().open(*arguments, **options)


FOLLOWED = """time,symbol,direction,stop_loss
2025-01-07T12:00:00Z,EURUSD,long,1.09
"""


@pytest.mark.parametrize("fault", FAULTS)
async def test_orders_go_on_whatever_befalls_a_followed_file(tmp_path: Path, fault: str) -> None:
    """The session says so once, looks again, and takes what stands there once it can."""
    path = FaultyPath(tmp_path / "signals.csv")
    path.write_text(FOLLOWED)
    path.fault = FAULTS[fault]
    taken: list[ev.UserSignal] = []
    told: list[str] = []
    file = FollowedSignals(path, told.append)
    patience = 0.05 if fault in ("hangs", "slow") else SECONDS
    look = Polled("signals.csv", file.poll, taken.extend, told.append, patience=patience)
    shadow = build(tmp_path, "s-1", ServiceOptions(), quick)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        for number in range(4):
            await look()
            await filled(shadow, number)
        path.fault = None
        RELEASED.set()
        with anyio.fail_after(SECONDS):
            while not taken:
                await look()
        shadow.session.request_stop()
    shadow.log.close()
    assert [item.symbol for item in taken] == ["EURUSD"]
    if fault != "slow":  # how slow it is for this machine decides whether that is worth a word
        assert len(told) == 1, told
        assert told[0].startswith("signals.csv: ")
    read = read_back(tmp_path / "sessions" / "s-1" / "journal.sqlite")
    kinds = [type(record.event) for record in read]
    assert kinds.count(ev.OrderFilled) == 4
    assert kinds[-1] is ev.SessionEnded


@pytest.mark.parametrize("service", ["event log (CSV)", "summary (JSON)", "metrics"])
async def test_a_failure_is_told_once_and_shown_until_the_service_works_again(
    tmp_path: Path, service: str, request: pytest.FixtureRequest
) -> None:
    told: list[str] = []

    def noted(_log: Any) -> Supervisor:
        return Supervisor(told.append, pause=0.01, patience=0.1, settled=0.05, grace=30.0)

    broken = patch(OUTSIDE[service], FAULTS["ENOSPC"])
    broken.start()
    request.addfinalizer(patch.stopall)
    shadow = build(tmp_path, "s-1", ServiceOptions(metrics_port=0, beat_seconds=0.01), noted)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        await filled(shadow, 1)
        with anyio.fail_after(SECONDS):
            while service not in shadow.supervisor.degraded:
                await anyio.lowlevel.checkpoint()
        broken.stop()
        with anyio.fail_after(SECONDS):
            while service in shadow.supervisor.degraded:
                await anyio.lowlevel.checkpoint()
        await filled(shadow, 2)
        shadow.session.request_stop()
    why = "No space left on device"
    assert told == [f"{service}: degraded ({why}); trading goes on", f"{service}: works again"]


async def test_no_row_of_the_event_log_is_lost_or_doubled_by_a_full_disk(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A write that came half way is taken back."""
    real: list[int] = []

    def half(file: Any, content: bytes) -> None:
        real.append(file.write(content[: len(content) // 2]))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    broken = patch(OUTSIDE["event log (CSV)"], half)
    broken.start()
    request.addfinalizer(patch.stopall)
    shadow = build(tmp_path, "s-1", ServiceOptions(), patient)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        await filled(shadow, 1)
        with anyio.fail_after(SECONDS):
            while len(real) < 3:
                await anyio.lowlevel.checkpoint()
        broken.stop()
        await filled(shadow, 2)
        shadow.session.request_stop()
    shadow.log.close()
    lines = (tmp_path / "sessions" / "s-1" / "shadow_log.csv").read_text().splitlines()
    opened = [line for line in lines if "EURUSD" in line]
    assert len(opened) == len(set(opened)) >= 2
    assert all(line.count(",") == lines[0].count(",") for line in lines)
