"""A file that is followed never holds a session up, whatever it does."""

from __future__ import annotations

import threading

import pytest

from adapters.services.polled import Polled

pytestmark = pytest.mark.asyncio


async def test_what_is_found_is_taken_at_once() -> None:
    taken: list[int] = []
    polled = Polled("signals.csv", lambda: 7, taken.append, pytest.fail)
    await polled()
    assert taken == [7]


async def test_a_look_that_hangs_is_reported_once_and_taken_when_it_comes() -> None:
    released, looks = threading.Event(), 0
    taken: list[int] = []
    told: list[str] = []

    def look() -> int:
        nonlocal looks
        looks += 1
        released.wait(10)
        return looks

    polled = Polled("signals.csv", look, taken.append, told.append, patience=0.02)
    for _ in range(3):
        await polled()
    assert (looks, taken) == (1, [])
    assert told == ["signals.csv: does not answer within 0.02 s; the session goes on"]
    released.set()
    while not taken:
        await polled()
    assert taken[0] == 1


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), UnicodeError("bad bytes")])
async def test_a_look_that_fails_is_reported_once_and_tried_again(error: Exception) -> None:
    taken: list[int] = []
    told: list[str] = []
    outcomes: list[Exception | int] = [error, error, 7]

    def look() -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    polled = Polled("signals.csv", look, taken.append, told.append)
    for _ in range(3):
        await polled()
    assert taken == [7]
    assert len(told) == 1
