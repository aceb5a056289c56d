"""A session's note of its strategy's hangs decides whether the strategy is asked again."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from adapters.services import watchdog
from adapters.services.watchdog import HANGS, NOTHING_RAN, Watchdog, WatchdogTerms
from scripts.app.sessions.hangs import why_out


def test_a_strategy_stays_out_while_its_hangs_cannot_be_read(tmp_path: Path) -> None:
    """They may be two; none are known where there is no such file."""
    assert why_out(tmp_path) is None
    (tmp_path / HANGS).mkdir()
    told = why_out(tmp_path)
    assert told is not None
    assert told.startswith(f"{tmp_path / HANGS} cannot be read (it is no regular file), so nobody")


class Looks:
    """In place of the waits between looks: each takes as long as it is told, the last ends all."""

    def __init__(
        self, dog: Watchdog, said: list[str], monkeypatch: pytest.MonkeyPatch, *seconds: float
    ) -> None:
        self.now, self._seconds = time.monotonic(), iter(seconds)
        self._dog, self._all = dog, said
        monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(dog, "_over", self)

    def wait(self, _seconds: float) -> bool:
        passes = next(self._seconds, None)
        if passes is None:
            self._said(2)
            return True
        self.now += abs(passes)
        if passes < 0:  # the loop turns before the watchdog looks
            self._dog._turned = self.now
        return False

    def _said(self, count: int) -> None:
        """Another thread says it."""
        until = time.monotonic() + 60
        while len(self._all) < count and time.monotonic() < until:
            time.sleep(0.01)


class Ended(Exception):
    """The process is ended."""


def watched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *looks: float
) -> tuple[list[str], list[str]]:
    """What was said of a loop that turned just before, and what is in the file of stacks, by the
    seconds between the looks of its watchdog (negative: the loop turns meanwhile)."""
    said: list[str] = []

    def leave() -> None:
        raise Ended

    terms = WatchdogTerms(leave=leave)
    dog = Watchdog(folder, terms, said.append, lambda: said.append("turns again"))
    Looks(dog, said, monkeypatch, *looks)
    with (folder / HANGS).open("ab", buffering=0) as file, suppress(Ended):
        dog._watch(file)
    return said, (folder / HANGS).read_text().splitlines()[:1]


def test_a_process_that_was_paused_gets_its_turn_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the watchdog itself did not run, nothing shows that the loop hangs."""
    (told, again), stacks = watched(tmp_path, monkeypatch, 0.5, 35.0, 0.5, -0.5)
    assert told.startswith("no turn for 36 s, the loop stands at ")
    assert told.endswith(f"; for 35 s of it {NOTHING_RAN}")
    assert (again, stacks) == ("turns again", [])


def test_a_loop_that_hangs_after_a_pause_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (told,), (ended,) = watched(tmp_path, monkeypatch, 35.0, *[0.5] * 60)
    assert NOTHING_RAN in told
    assert ended == "the loop did not turn for 65 s"


def test_a_loop_that_hangs_while_its_watchdog_looks_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy machine makes the looks late, which is no pause."""
    (told,), (ended,) = watched(tmp_path, monkeypatch, *[5.0] * 20)
    assert NOTHING_RAN not in told
    assert ended == "the loop did not turn for 30 s"
