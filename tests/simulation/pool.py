"""Many seeds over several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice

from tests.simulation.run import Result, run_seed

_CHUNK = 4
_AHEAD = 3  # chunks that wait for each process
_HALF_A_SECOND = 0.5


def results_of(seeds: range, jobs: int, stopped: Callable[[], bool]) -> Iterator[Result]:
    """The result of every seed, in the order in which they are ready.

    Once `stopped`, what is being run is still finished and nothing else is begun. With one process,
    or few seeds, all run in this one.
    """
    if jobs == 1 or len(seeds) <= _CHUNK:
        for seed in seeds:
            if stopped():
                return
            yield run_seed(seed)
        return
    chunks = (seeds[begin : begin + _CHUNK] for begin in range(0, len(seeds), _CHUNK))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin) as pool:
        yield from _collected(pool, chunks, jobs * _AHEAD, stopped)


def _collected(
    pool: ProcessPoolExecutor, chunks: Iterator[range], ahead: int, stopped: Callable[[], bool]
) -> Iterator[Result]:
    running: set[Future[list[Result]]] = set()
    while True:
        if stopped():
            running = {future for future in running if not future.cancel()}
        else:
            fresh = islice(chunks, ahead - len(running))
            running |= {pool.submit(_run_chunk, chunk) for chunk in fresh}
        if not running:
            return
        # A signal does not end a wait everywhere: look again every half second.
        done, running = wait(running, _HALF_A_SECOND, FIRST_COMPLETED)
        for future in done:
            yield from future.result()


def _run_chunk(seeds: range) -> list[Result]:
    return [run_seed(seed) for seed in seeds]


def _begin() -> None:
    """In a new process: leave Ctrl+C to the one that started it, and end when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
