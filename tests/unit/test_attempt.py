"""Work that is given up: it never outlives its caller, and no failure of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from adapters.mt5.live.attempt import attempted


class Failed(Exception):
    """What the work itself meets."""


class Work:
    """Waits to be let go, then fails; keeps how it ended."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.ended = ""

    async def run(self) -> None:
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "failed"
        raise Failed

    def begin(self, given_up: Callable[[], bool] = lambda: False) -> asyncio.Task[bool]:
        return asyncio.create_task(attempted(self.run(), given_up))


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_who_is_cancelled_takes_the_work_along() -> None:
    """A session that is torn down leaves no attempt behind that would go on without it."""

    async def scenario() -> str:
        work = Work()
        waiting = work.begin()
        await _turns(3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await _turns(3)
        return work.ended

    assert asyncio.run(scenario()) == "cancelled"


def test_a_failure_goes_before_a_cancellation_of_the_same_moment() -> None:
    """Else nobody would ever hear of it: no task's exception stays unretrieved."""

    async def scenario() -> list[object]:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        work = Work()
        waiting = work.begin()
        await _turns(3)
        work.go.set()
        await _turns(1)
        assert work.ended == "failed"
        waiting.cancel()
        with pytest.raises(Failed):
            await waiting
        return told

    assert asyncio.run(scenario()) == []


def test_what_is_given_up_is_cancelled() -> None:
    """It is said that it did not end, and the work goes no further."""

    async def scenario() -> tuple[bool, str]:
        work = Work()
        ended = await work.begin(lambda: True)
        await _turns(3)
        return ended, work.ended

    assert asyncio.run(scenario()) == (False, "cancelled")


def test_what_the_work_raises_is_raised() -> None:
    async def scenario() -> None:
        work = Work()
        work.go.set()
        await work.begin()

    with pytest.raises(Failed):
        asyncio.run(scenario())
