"""The event bus: one total order.

`publish` numbers an event, appends it to the journal and queues it; the queue is worked off run to
completion, so a handler that publishes never sees its own event handled in the middle of itself.
Handlers are pure and synchronous. I/O actors stand at the edges: each has a bounded stream, and
`flush` waits while one is full, which is how back-pressure reaches the feed.

No event is dropped silently: an event kind without a handler or edge is refused when the bus is
sealed, and a handler that fails poisons the bus, so that nothing is decided on half a state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, get_args

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from engine import events as ev
from engine.journal import Journal
from engine.types import Millis

Batch = list[ev.Record]

SUBSCRIPTION_BATCHES = 16
"""How many batches of records may wait for one I/O actor before the feed is held back."""


class UnroutedKinds(Exception):
    """Raised when a kind of event or input has neither a handler nor an edge."""


class HandlerFailed(Exception):
    """Raised when an actor could not handle an event or input; the bus takes no more."""

    def __init__(self, handler: str, item: object) -> None:
        super().__init__(handler, item)
        self.handler, self.item = handler, item

    def __str__(self) -> str:
        return f"{self.handler} failed on {self.item!r}"


class ActorFailed(Exception):
    """An actor's failure whose own text says all that the user needs to know."""


class SubscriberLeft(Exception):
    """Raised when an I/O actor has left its edge before the bus closed it."""


class BusPoisoned(Exception):
    """Raised when something is put on a bus whose handler failed before."""


class RecordStream:
    """An I/O actor's side: batches of records, each once all of it may be shown."""

    def __init__(
        self,
        received: MemoryObjectReceiveStream[Batch],
        showable: Callable[[int], Awaitable[None]] | None,
    ) -> None:
        """`showable` waits until a record, by its number, may be shown; None: all may at once."""
        self._received = received
        self._showable = showable
        self._held: Batch | None = None

    async def receive(self) -> Batch:
        """The next batch; raises anyio.EndOfStream. One that is waited for outlasts a cancel."""
        if self._held is None:
            self._held = await self._received.receive()
        if self._showable is not None:
            await self._showable(self._held[-1].seq)
        batch, self._held = self._held, None
        return batch

    def __aiter__(self) -> RecordStream:
        return self

    async def __anext__(self) -> Batch:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    @property
    def waiting(self) -> int:
        """Batches that were not taken yet."""
        return self._received.statistics().current_buffer_used + (self._held is not None)

    def close(self) -> None:
        """Take no more; `Subscription.flush` then raises."""
        self._received.close()


class Subscription:
    """The bus's side of one I/O actor: records wait here until `flush` hands them over."""

    def __init__(
        self,
        name: str,
        kinds: frozenset[type],
        *,
        room: int = SUBSCRIPTION_BATCHES,
        showable: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        """`room` batches may wait before `flush` does; for `showable` see `RecordStream`."""
        self.name = name
        self.kinds = kinds
        self.outbox: Batch = []  # always the same list: the bus holds on to its `append`
        self._send: MemoryObjectSendStream[Batch]
        self._send, received = anyio.create_memory_object_stream[Batch](room)
        self.stream = RecordStream(received, showable)

    @property
    def waiting(self) -> int:
        """Batches of records that the actor has not taken yet; the one to be flushed counts."""
        return self.stream.waiting + bool(self.outbox)

    async def flush(self) -> None:
        if self.outbox:
            batch = self.outbox.copy()
            self.outbox.clear()
            try:
                await self._send.send(batch)
            except anyio.BrokenResourceError:
                raise SubscriberLeft(f"{self.name} takes no more records") from None

    async def abandon(self) -> None:
        """Take and discard what still comes: its actor failed, and the failure is reported."""
        async for _ in self.stream:
            pass

    def close(self) -> None:
        """End the actor's stream once it has taken all that was flushed."""
        self._send.close()


class Bus:
    """Numbers, journals and dispatches; `time` and `bar` are set by whoever feeds it."""

    def __init__(self, journal: Journal, *, record_inputs: bool = False) -> None:
        """`record_inputs` journals what comes from outside too, so that it can be fed again."""
        self.time: Millis = 0
        self.bar: tuple[str, Millis] | None = None
        self.seq = 0
        self._flushed = 0  # the last record that was handed to the edges
        self._append = journal.append
        self._showable = journal.showable
        self._record_inputs = record_inputs
        self._handlers: dict[type, tuple[Callable[[Any], None], ...]] = {}
        self._subscriptions: list[Subscription] = []
        self._takers: dict[type, tuple[Callable[[ev.Record], None], ...]] = {}
        self._queue: deque[Any] = deque()
        self._draining = False
        self._poisoned = False

    # --- wiring ---

    def attach(self, routes: Mapping[type, Callable[[Any], None]]) -> None:
        """Add an actor's handlers; actors see an event in the order in which they were attached."""
        for kind, handler in routes.items():
            self._handlers[kind] = (*self._handlers.get(kind, ()), handler)

    def subscribe(self, name: str, kinds: frozenset[type]) -> Subscription:
        """Add an I/O actor that receives the records of `kinds` through a bounded stream, each
        once the journal lets it be shown."""
        subscription = Subscription(name, kinds, showable=self._showable)
        self._subscriptions.append(subscription)
        for kind in kinds:
            self._takers[kind] = (*self._takers.get(kind, ()), subscription.outbox.append)
        return subscription

    def seal(self) -> None:
        """Check that every kind of event and input is routed; raises UnroutedKinds."""
        unrouted = [
            kind.__name__
            for kind in (*get_args(ev.Event), *get_args(ev.Input))
            if kind not in self._handlers and kind not in self._takers
        ]
        if unrouted:
            raise UnroutedKinds(f"nobody handles: {', '.join(sorted(unrouted))}")

    # --- events and inputs ---

    def publish(self, event: ev.Event, metadata: dict[str, Any] | None = None) -> None:
        """Record `event` and dispatch it after everything queued before it."""
        if self._poisoned:
            raise BusPoisoned("an actor failed: the bus takes no more events")
        seq = self.seq + 1  # as `_record` does: most of what a session does passes here
        record = ev.Record(seq, self.time, self.bar, event, metadata)
        self._append(record)
        self.seq = seq
        for take in self._takers.get(type(event), ()):
            take(record)
        if self._draining:
            self._queue.append(event)
        else:
            self._dispatch(event)

    def publish_all(self, events: Sequence[ev.Event], then: ev.Input | None = None) -> None:
        """Record what happened at one moment, then dispatch it in its order.

        `then` is an input that follows from it: dispatched last, and not recorded.
        """
        if self._poisoned:
            raise BusPoisoned("an actor failed: the bus takes no more events")
        for event in events:
            seq = self.seq + 1
            record = ev.Record(seq, self.time, self.bar, event)
            self._append(record)
            self.seq = seq
            for take in self._takers.get(type(event), ()):
                take(record)
        self._queue.extend(events if then is None else (*events, then))
        if self._queue and not self._draining:
            self._dispatch(self._queue.popleft())

    def conclude(self, event: ev.SessionEnded, metadata: dict[str, Any] | None = None) -> None:
        """Record the last event for the edges; possible even after an actor failed."""
        self._record(event, metadata)

    def go_on_after(self, seq: int) -> None:
        """Number the next record after `seq`, the last one of an earlier part of the session."""
        self.seq = self._flushed = seq

    def _record(self, event: ev.Event | ev.Input, metadata: dict[str, Any] | None) -> None:
        seq = self.seq + 1
        record = ev.Record(seq, self.time, self.bar, event, metadata)
        self._append(record)
        self.seq = seq  # what the journal does not take has no number: the last record still may
        for take in self._takers.get(type(event), ()):
            take(record)

    def feed(self, item: ev.Input) -> None:
        """Dispatch an input after everything queued before it.

        One that an actor feeds follows from what is recorded and is not recorded itself.
        """
        if self._poisoned:
            raise BusPoisoned("an actor failed: the bus takes no more inputs")
        if self._record_inputs and not self._draining:
            self._record(item, None)
        if self._draining:
            self._queue.append(item)
        else:
            self._dispatch(item)

    def _dispatch(self, item: Any) -> None:
        """Handle `item` and all that it leads to, which joins the queue meanwhile."""
        self._draining = True
        queue, handlers = self._queue, self._handlers
        handler: Callable[[Any], None] | None = None
        try:
            while True:
                for handler in handlers.get(type(item), ()):
                    handler(item)
                if not queue:
                    return
                item = queue.popleft()
        except Exception as error:
            self._poisoned = True
            name = getattr(handler, "__qualname__", repr(handler))
            raise HandlerFailed(name, item) from error
        finally:
            self._draining = False

    # --- edges ---

    @property
    def unflushed(self) -> int:
        """Records since the last flush."""
        return self.seq - self._flushed

    async def flush(self) -> None:
        """Hand waiting records to the edges, waiting while an edge's stream is full."""
        self._flushed = self.seq
        for subscription in self._subscriptions:
            await subscription.flush()

    async def showable(self) -> None:
        """Wait until all that was recorded may be shown."""
        await self._showable(self.seq)

    def close_subscriptions(self) -> None:
        """End every edge's stream; what was flushed is still delivered."""
        for subscription in self._subscriptions:
            subscription.close()
