"""Processes of this machine that replays run in: started anew, never copied from this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

from adapters.system.garbage import collect_rarely


def processors() -> int:
    """How many processors this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def worker_pool(jobs: int) -> ProcessPoolExecutor:
    """`jobs` processes; the same way on all systems: nothing of this one's threads is copied."""
    spawning = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=spawning, initializer=_begin)


@contextmanager
def process_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """A pool for as long as it takes; an interrupt ends its processes at once."""
    before = set(multiprocessing.active_children())
    pool = worker_pool(jobs)
    try:
        yield pool
    except BaseException:
        end_now(pool, started_since(before))
        raise
    pool.shutdown()


def started_since(before: set[BaseProcess]) -> list[BaseProcess]:
    """The processes that were started since there were only those `before`."""
    return [child for child in multiprocessing.active_children() if child not in before]


def end_now(pool: Executor, children: list[BaseProcess]) -> None:
    """Drop what waits and end the pool's processes, whatever they do."""
    pool.shutdown(wait=False, cancel_futures=True)
    for child in children:
        child.terminate()
    for child in children:
        child.join()


def _begin() -> None:
    """In a worker: Ctrl+C is for the parent to act on, and the worker ends with its parent."""
    collect_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """A worker of a parent that was killed waits for work that never comes."""
    parent.join()
    os._exit(1)
