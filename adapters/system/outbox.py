"""Deliveries to a service that may be slow, broken or hang: it never holds up who hands them over.

A thread of its own delivers one thing after another. It is a daemon: a service that hangs does not
keep the process from ending.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class DeliveryProblems(NamedTuple):
    """What went wrong since the last look."""

    dropped: int
    failed: int


class Outbox(Generic[T]):
    """A bounded queue; when it is full the oldest waiting thing is dropped and counted.

    `deliver` is called in the thread. What it raises counts as a failed delivery and goes no
    further: its message may hold a secret.
    """

    def __init__(self, name: str, deliver: Callable[[T], None], *, room: int) -> None:
        self._deliver = deliver
        self._waiting: deque[T] = deque()
        self._room = room
        self._change = threading.Condition()
        self._busy = False
        self._closing = False
        self._dropped = 0
        self._failed = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def put(self, thing: T) -> None:
        """Queue `thing`; never waits."""
        with self._change:
            if len(self._waiting) >= self._room:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(thing)
            self._change.notify_all()

    def news(self) -> DeliveryProblems:
        """What went wrong since the last call."""
        with self._change:
            news = DeliveryProblems(self._dropped, self._failed)
            self._dropped = self._failed = 0
        return news

    def finish(self, seconds: float) -> int:
        """Take no more, wait until what is queued is delivered; how much of it is left then.

        Waits at most `seconds`: for a worker thread, not for the loop's.
        """
        with self._change:
            self._closing = True
            self._change.notify_all()
        return self.delivered(seconds)

    def delivered(self, seconds: float) -> int:
        """Wait, at most `seconds`, until what is queued is delivered; how much of it is left."""
        with self._change:
            self._change.wait_for(lambda: not (self._waiting or self._busy), seconds)
            return len(self._waiting) + self._busy

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                thing = self._waiting.popleft()
                self._busy = True
            failed = not self._tried(thing)
            with self._change:
                self._busy = False
                self._failed += failed
                self._change.notify_all()

    def _tried(self, thing: T) -> bool:
        try:
            self._deliver(thing)
        except Exception:
            # Counted and told by `news`; the text may name the service's address.
            return False
        return True
