"""Trials through an executor: few at a time, results as they come, whatever a worker does."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Protocol

from scripts.app.sweep.trial import AskedTrial, TrialRow, TrialTask, run_trial
from scripts.app.trials.pool import end_now, started_since, worker_pool

_LOOK = 0.2
"""Seconds after which it is looked whether the user wants an end."""

DIED_TWICE = "its worker died twice"


class Workers(Protocol):
    """What runs trials: of this machine, or of several."""

    @property
    def count(self) -> int:
        """How many trials run at once."""

    def prepared(self, task: TrialTask) -> TrialTask:
        """The task as its workers get it, once they have all that it needs."""

    def executor(self) -> Executor:
        """A new executor, after the first one or a broken one."""

    def alone(self) -> Executor:
        """An executor that runs one trial at a time, for those that may have broken another."""

    def end(self, executor: Executor, *, now: bool) -> None:
        """Let go of an executor; `now`: what runs in it is not waited for."""


class PoolWorkers:
    """Processes of this machine."""

    def __init__(self, jobs: int) -> None:
        self.count = jobs
        self._before = set(multiprocessing.active_children())

    def prepared(self, task: TrialTask) -> TrialTask:
        return task

    def executor(self) -> Executor:
        return worker_pool(self.count)

    def alone(self) -> Executor:
        return worker_pool(1)

    def end(self, executor: Executor, *, now: bool) -> None:
        if now:
            end_now(executor, started_since(self._before))
        else:
            executor.shutdown()


class Trials:
    """Runs what is asked, and hands on each row as it comes; `stop` ends that in order."""

    def __init__(self, workers: Workers, task: TrialTask) -> None:
        self._workers = workers
        self._task = task
        self._stopping = False
        self._waiting: dict[Future[TrialRow], AskedTrial] = {}
        self._executor: Executor | None = None

    def stop(self) -> None:
        """Begin no further trial; what runs is still taken."""
        self._stopping = True

    @property
    def stopped(self) -> bool:
        """Whether the user asked for the end."""
        return self._stopping

    def rows(self, asked: Sequence[AskedTrial]) -> Iterator[TrialRow]:
        """Rows in the order in which they come; after `stop` those that were under way."""
        todo = iter(asked)
        self._executor = self._workers.executor()
        try:
            while self._fill(todo):
                yield from self._completed()
        except BaseException:
            self._workers.end(self._executor, now=True)
            raise
        self._workers.end(self._executor, now=False)

    @property
    def _running(self) -> Executor:
        if self._executor is None:
            raise RuntimeError("trials are sent while rows are taken")
        return self._executor

    def _fill(self, todo: Iterator[AskedTrial]) -> bool:
        """Keep the workers busy, but not much more waiting; whether anything is under way."""
        if self._stopping:
            for future in list(self._waiting):
                if future.cancel():
                    del self._waiting[future]
            return bool(self._waiting)
        while len(self._waiting) < 2 * self._workers.count + 2:
            one = next(todo, None)
            if one is None:
                break
            self._submit(one)
        return bool(self._waiting)

    def _submit(self, one: AskedTrial) -> None:
        try:
            future = self._running.submit(run_trial, self._task, one)
        except BrokenExecutor as error:  # it broke since the last look
            future = Future()
            future.set_exception(error)
        self._waiting[future] = one

    def _completed(self) -> Iterator[TrialRow]:
        done, _ = wait(self._waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
        broken = False
        for future in sorted(done, key=lambda item: self._waiting[item].number):
            error = future.exception()
            if isinstance(error, BrokenExecutor):
                broken = True
                continue
            one = self._waiting.pop(future)
            yield future.result() if error is None else _failed(one, _worker_lost(error))
        if broken:
            yield from self._after_a_break()

    def _after_a_break(self) -> Iterator[TrialRow]:
        """A worker died, and all that was sent with it is lost: each is tried again by itself.

        Which of them was to blame shows in that: it breaks the executor once more.
        """
        self._workers.end(self._running, now=True)
        suspects = sorted(self._waiting.values(), key=lambda one: one.number)
        self._waiting.clear()
        alone: Executor | None = None
        for one in suspects:
            if self._stopping:
                break
            alone = alone or self._workers.alone()
            try:
                yield alone.submit(run_trial, self._task, one).result()
            except BrokenExecutor:
                self._workers.end(alone, now=True)
                alone = None
                yield _failed(one, DIED_TWICE)
        if alone is not None:
            self._workers.end(alone, now=False)
        self._executor = self._workers.executor()


def _worker_lost(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _failed(one: AskedTrial, why: str) -> TrialRow:
    return TrialRow(
        number=one.number, key=one.key, settings=one.settings, place=one.place, error=why
    )
