"""Figures for Prometheus, scraped over real HTTP from this machine's loopback interface."""

from __future__ import annotations

import socket
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.services.background import BackgroundService
from adapters.services.metrics import Metrics, MetricsUnavailable, sample_stalls
from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from tests.builders import halted, opened
from tests.sessions import edges
from tests.statuses import NOON, STATUS

pytestmark = pytest.mark.asyncio

SECONDS = 60.0
Figures = dict[tuple[str, str], float]


def metrics(port: int = 0) -> Metrics:
    return Metrics(port, lambda: STATUS, lambda: NOON / 1000 + 2.5)


def scraped(port: int) -> Figures:
    """Every sample by name and its label's value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as answer:
        text = answer.read().decode()
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def while_running(actor: Metrics, *events: ev.Event, until: tuple[str, str]) -> Figures:
    """What is scraped of a session with these events once `until` is among it."""
    bus = Bus(MemoryJournal())
    with edges(bus, actor.kinds) as (subscription,):
        for event in events:
            bus.publish(event)
        await bus.flush()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(actor.run, subscription)
            with anyio.fail_after(SECONDS):
                while True:
                    if until in await anyio.to_thread.run_sync(scraped, actor.port):
                        break
                    await anyio.sleep(0.01)
            # The scraper's thread may have come while figures were being set; now all of them are.
            figures = await anyio.to_thread.run_sync(scraped, actor.port)
            bus.close_subscriptions()
    return figures


async def test_events_calls_status_and_stalls_are_served() -> None:
    actor = metrics()
    actor.figures.call("order_send", 0.02)
    actor.figures.call("order_send", 0.04)
    figures = await while_running(
        actor, opened(), opened(8), halted(), until=("butler_account", "equity")
    )
    assert figures["butler_events_total", "position_opened"] == 2
    assert figures["butler_events_total", "trading_state"] == 1
    assert figures["butler_call_seconds_count", "order_send"] == 2
    assert figures["butler_call_seconds_sum", "order_send"] == pytest.approx(0.06)
    assert figures["butler_account", "equity"] == 99_987.5
    assert figures["butler_trading_state", "active"] == 1
    assert figures["butler_trading_state", "latched"] == 0
    assert (figures["butler_positions", ""], figures["butler_orders", ""]) == (1, 1)
    assert (figures["butler_link_up", ""], figures["butler_reconnects", ""]) == (1, 2)
    assert figures["butler_queue_batches", "event log (CSV)"] == 3
    assert figures["butler_loss_buffer", "daily loss"] == 1_500.25
    assert figures["butler_feed_age_seconds", "EURUSD"] == 2.5
    assert figures["butler_loop_stall_seconds_count", ""] > 0


async def test_after_the_session_nobody_listens() -> None:
    actor = metrics()
    await while_running(actor, opened(), until=("butler_events_total", "position_opened"))
    with pytest.raises(OSError, match=r"."):
        await anyio.connect_tcp("127.0.0.1", actor.port)


async def test_masses_of_silent_connections_take_neither_threads_nor_the_scraper_s_turn() -> None:
    actor = metrics()
    usual = threading.active_count()
    with edges(Bus(MemoryJournal()), actor.kinds) as (edge,), ExitStack() as strangers:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(actor.run, edge)
            for _ in range(200):
                one = socket.create_connection(("127.0.0.1", actor.port), timeout=SECONDS)
                strangers.enter_context(one).sendall(b"GET /met")
            assert await anyio.to_thread.run_sync(scraped, actor.port)
            with anyio.fail_after(SECONDS):
                while threading.active_count() - usual > 20:  # noqa: ASYNC110 - threads end
                    await anyio.sleep(0.01)
            edge.close()


async def test_a_port_in_use_is_told() -> None:
    actor = metrics()
    with pytest.raises(MetricsUnavailable, match=f"port {actor.port} cannot be listened on"):
        metrics(actor.port)
    await while_running(actor, opened(), until=("butler_events_total", "position_opened"))


async def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MetricsUnavailable, match="uv sync --extra metrics"):
        metrics()


async def test_a_loop_that_was_held_up_is_seen_by_at_least_that_much() -> None:
    seen: list[float] = []
    enough = anyio.Event()

    def observe(stall: float) -> None:
        seen.append(stall)
        if stall >= 0.05:
            enough.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: sample_stalls(observe, every=0.001))
        await anyio.lowlevel.checkpoint()
        time.sleep(0.1)  # noqa: ASYNC251 - this is the stall
        with anyio.fail_after(SECONDS):
            await enough.wait()
        tasks.cancel_scope.cancel()
    assert min(seen) >= 0.0


async def test_work_beside_a_session_ends_with_it_and_its_failure_is_its_own() -> None:
    bus = Bus(MemoryJournal())
    ended: list[str] = []

    async def endless() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("endless")

    async def failing() -> None:
        raise ZeroDivisionError("broken")

    with edges(bus, BackgroundService.kinds, BackgroundService.kinds) as (first, second):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(BackgroundService("endless", endless).run, first)
            with pytest.raises(ZeroDivisionError, match="broken"):
                await BackgroundService("failing", failing).run(second)
            assert ended == []
            bus.close_subscriptions()
    assert ended == ["endless"]
