"""Runs one session: the feed moves the bus slice by slice, I/O actors work beside it.

Shutdown is orderly whatever ends the session (the feed's end, a stop, a failure): the feed stops,
the last record is written, edges are flushed and closed so that each I/O actor takes everything,
and the journal is sealed last. The first failure is reported, but that of the journal before those
of I/O actors, whose files it could replace; the others are attached to it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import anyio

from engine import events as ev
from engine.bus import ActorFailed, Bus, HandlerFailed, Subscription
from engine.journal import JournalFailed
from engine.ports import Feed, Journal, Sink


class SinkFailed(Exception):
    """Raised when an I/O actor could not do its work; the journal still has every record."""


def _told(failure: Exception) -> str:
    """What the last record says of a failure."""
    cause = failure.__cause__
    known = isinstance(failure, HandlerFailed) and isinstance(cause, ActorFailed)
    return str(cause if known else failure)


class Session:
    """Wires a bus, its journal, one feed and the I/O actors into one run."""

    def __init__(
        self,
        bus: Bus,
        journal: Journal,
        feed: Feed,
        sinks: list[tuple[Sink, Subscription]],
        *,
        conclude: Callable[[ev.SessionOutcome, str], ev.SessionEnded],
        end_metadata: Callable[[], dict[str, Any]],
        on_slice: Callable[[], None] = lambda: None,
        helpers: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """`helpers` are I/O actors that end by themselves once the feed is closed."""
        self._bus = bus
        self._journal = journal
        self._feed = feed
        self._sinks = sinks
        self._conclude = conclude
        self._end_metadata = end_metadata
        self.on_slice = on_slice
        self._helpers = helpers
        self._stop_requested = False
        self._failures: list[Exception] = []

    def request_stop(self) -> None:
        """Ask for an orderly end at the next slice; may be called from a signal handler."""
        self._stop_requested = True

    @property
    def stop_requested(self) -> bool:
        return self._stop_requested

    async def run(self) -> ev.SessionOutcome:
        """Run until the feed ends, a stop is asked for or something fails.

        Raises the first failure after the orderly shutdown.
        """
        async with anyio.create_task_group() as tasks:
            for sink, subscription in self._sinks:
                tasks.start_soon(self._run_sink, sink, subscription)
            for helper in self._helpers:
                tasks.start_soon(self._run_helper, helper)
            outcome = await self._feed_until_done()
            await self._shut_down(outcome)
        await self._closing(self._journal.close)
        if self._failures:
            first = self._foremost()
            for other in self._failures:
                if other is not first:
                    first.add_note(f"and after it: {other}")
            raise first
        return outcome

    def _foremost(self) -> Exception:
        """What is reported: who meets a full disk first, an actor or the journal, is chance."""
        first = self._failures[0]
        if isinstance(first, SinkFailed):
            journal = (item for item in self._failures if isinstance(item, JournalFailed))
            return next(journal, first)
        return first

    async def _feed_until_done(self) -> ev.SessionOutcome:
        try:
            async with aclosing(self._feed.slices()) as slices:
                async for _ in slices:
                    await self._bus.flush()
                    await self._journal.room()
                    self.on_slice()
                    if self._failures:
                        return ev.SessionOutcome.FAILED
                    if self._stop_requested:
                        return ev.SessionOutcome.INTERRUPTED
        except Exception as error:
            self._failures.append(error)
            return ev.SessionOutcome.FAILED
        return ev.SessionOutcome.DONE

    async def _shut_down(self, outcome: ev.SessionOutcome) -> None:
        await self._closing(self._feed.aclose)
        detail = _told(self._failures[0]) if self._failures else ""
        try:
            self._bus.conclude(self._conclude(outcome, detail), self._end_metadata())
        except Exception as error:
            self._failures.append(error)
        await self._closing(self._bus.flush)
        self._bus.close_subscriptions()

    async def _closing(self, close: Callable[[], Any]) -> None:
        try:
            await close()
        except Exception as error:
            self._failures.append(error)

    async def _run_helper(self, helper: Callable[[], Awaitable[None]]) -> None:
        try:
            await helper()
        except Exception as error:
            self._failures.append(error)

    async def _run_sink(self, sink: Sink, subscription: Subscription) -> None:
        try:
            await sink.run(subscription)
        except Exception as error:
            failure = SinkFailed(f"{sink.name}: {error}")
            failure.__cause__ = error
            self._failures.append(failure)
            await subscription.abandon()
        finally:
            subscription.stream.close()
