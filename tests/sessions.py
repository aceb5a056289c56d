"""Feeds and I/O actors of tests, and the closing of what a bus opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import anyio

from engine import events as ev
from engine.bus import Bus, Subscription
from engine.journal import Journal
from engine.ports import Feed, Sink
from engine.session import Session
from tests.builders import ended


class ScriptedFeed:
    """A feed whose slices are plain functions; `closing` runs when it is closed."""

    def __init__(
        self, slices: Iterable[Callable[[], None]], closing: Callable[[], None] = lambda: None
    ) -> None:
        self._slices = slices
        self._closing = closing

    async def slices(self) -> AsyncGenerator[None, None]:
        for work in self._slices:
            work()
            yield

    async def aclose(self) -> None:
        self._closing()


class PacedFeed:
    """A feed that yields a slice every few milliseconds until the session ends it."""

    async def slices(self) -> AsyncGenerator[None, None]:
        while True:
            await anyio.sleep(0.005)
            yield

    async def aclose(self) -> None:
        """Nothing is held."""


class CollectingSink:
    """An I/O actor that keeps what it takes; `at_end` runs when its edge has ended."""

    def __init__(self, name: str = "collector", at_end: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.records: list[ev.Record] = []
        self._at_end = at_end

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            self.records.extend(batch)
        self._at_end()


@contextmanager
def edges(bus: Bus, *kinds: frozenset[type]) -> Iterator[list[Subscription]]:
    """Edges of `bus` for each set of kinds; both ends of each are closed at the end."""
    made = [bus.subscribe(f"edge {number}", wanted) for number, wanted in enumerate(kinds)]
    try:
        yield made
    finally:
        bus.close_subscriptions()
        for subscription in made:
            subscription.stream.close()


def session(
    bus: Bus,
    journal: Journal,
    feed: Feed,
    sinks: list[tuple[Sink, Subscription]],
    *,
    conclude: Callable[[ev.SessionOutcome, str], ev.SessionEnded] | None = None,
    on_slice: Callable[[], None] = lambda: None,
    helpers: Sequence[Callable[[], Awaitable[None]]] = (),
) -> Session:
    """A session that ends with the usual last record, unless `conclude` makes another."""
    return Session(
        bus,
        journal,
        feed,
        sinks,
        conclude=conclude or (lambda outcome, detail: ended(outcome, detail=detail)),
        end_metadata=lambda: {"ended_at": "2025-01-07T12:00:00+00:00"},
        on_slice=on_slice,
        helpers=helpers,
    )
