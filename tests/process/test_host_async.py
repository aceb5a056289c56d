"""The event loop goes on whatever the host does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.mt5.api.errors import CallOutcomeUnknown, NotSent
from adapters.mt5.host.client import AsyncTerminal, TerminalClient
from tests.process.hosts import SECONDS, Barrier, local_host

STEPS = 1000


@asynccontextmanager
async def terminal(folder: Path, barrier: Barrier) -> AsyncIterator[AsyncTerminal]:
    client = TerminalClient(local_host(folder, barrier.port), sleep=lambda _: None)
    awaitable = AsyncTerminal(client)
    await awaitable.start()
    try:
        yield awaitable
    finally:
        barrier.release()
        await awaitable.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("function", ["symbol_info_tick", "order_send"])
async def test_the_loop_goes_on_while_a_call_hangs(tmp_path: Path, function: str) -> None:
    with Barrier() as barrier:
        async with terminal(tmp_path, barrier) as mt5:
            argument = "HANG" if function == "symbol_info_tick" else {"symbol": "HANG"}
            call = asyncio.create_task(mt5.call(function, argument, deadline=SECONDS))
            await asyncio.to_thread(barrier.wait_until_reached)
            steps = 0
            while steps < STEPS:
                await asyncio.sleep(0)
                steps += 1
            assert not call.done()
            barrier.release()
            assert not (await call).failed


@pytest.mark.asyncio
async def test_the_loop_goes_on_while_a_host_is_killed_and_restarted(tmp_path: Path) -> None:
    with Barrier() as barrier:
        async with terminal(tmp_path, barrier) as mt5:
            steps = 0

            async def tick() -> None:
                nonlocal steps
                while True:
                    await asyncio.sleep(0)
                    steps += 1

            ticker = asyncio.create_task(tick())
            with pytest.raises(CallOutcomeUnknown):
                await mt5.call("order_send", {"symbol": "HANG"}, deadline=0.1)
            before = steps
            await mt5.restart()
            assert steps > before > 0
            assert not (await mt5.call("version", deadline=SECONDS)).failed
            ticker.cancel()


@pytest.mark.asyncio
async def test_calls_are_served_one_at_a_time_in_order(tmp_path: Path) -> None:
    with Barrier() as barrier:
        async with terminal(tmp_path, barrier) as mt5:
            requests = [{"symbol": name, "volume": 0.1} for name in ("A", "B", "C", "D")]
            answers = await asyncio.gather(
                *(mt5.call("order_send", request, deadline=SECONDS) for request in requests)
            )
            assert [(a.value.order, a.value.request.symbol) for a in answers] == [
                *((1, "A"), (2, "B"), (3, "C"), (4, "D"))
            ]


@pytest.mark.asyncio
async def test_a_canceled_call_is_over_when_the_cancellation_is(tmp_path: Path) -> None:
    with Barrier() as barrier:
        async with terminal(tmp_path, barrier) as mt5:
            call = asyncio.create_task(mt5.call("order_send", {"symbol": "HANG"}, deadline=SECONDS))
            await asyncio.to_thread(barrier.wait_until_reached)
            call.cancel()
            await asyncio.sleep(0)
            assert not call.done()
            barrier.release()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await mt5.call("orders_total", deadline=SECONDS)).value == 1


@pytest.mark.asyncio
async def test_errors_of_the_client_reach_the_awaiter(tmp_path: Path) -> None:
    with Barrier() as barrier:
        async with terminal(tmp_path, barrier) as mt5:
            with pytest.raises(NotSent):
                await mt5.call("symbol_info_tick", object(), deadline=SECONDS)
