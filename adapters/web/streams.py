"""Server-sent events of the overview and of a session.

Nothing is kept for a viewer but the number of the last record that was sent. A viewer who reads
slowly gets one larger message later; one who does not read at all is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any, Final

from sse_starlette import EventSourceResponse, ServerSentEvent

from adapters.web.content import SessionTopics
from adapters.web.topics import Closed, Topic

VIEWERS: Final = 64
"""Streams at once; each page that somebody looks at is one."""

_PING_SECONDS: Final = 15
_SEND_SECONDS: Final = 30.0
"""How long a viewer may take to read before it is dropped."""


class Viewers:
    """How many streams there are; `enter` is asked before each."""

    def __init__(self) -> None:
        self.count = 0

    @property
    def full(self) -> bool:
        """Whether no further viewer is let in."""
        return self.count >= VIEWERS


def response_of(events: AsyncIterator[ServerSentEvent]) -> EventSourceResponse:
    """The stream as an answer. What ends it ends the iterator."""
    return EventSourceResponse(
        events, ping=_PING_SECONDS, send_timeout=_SEND_SECONDS, sep="\n", headers={}
    )


async def overview_events(topic: Topic[bytes]) -> AsyncIterator[ServerSentEvent]:
    """Every state of the overview, as far as the viewer keeps up."""
    number = 0
    with suppress(Closed):
        while True:
            number, content = await topic.newer(number)
            yield ServerSentEvent(content.decode(), event="overview")


async def session_events(topics: SessionTopics, after: int) -> AsyncIterator[ServerSentEvent]:
    """What a viewer lacks who has everything up to the record `after`, from then on.

    The id of an event is the number of the last record in it. Cards carry none: they are of the
    moment.
    """
    async with aclosing(_merged(topics)) as merged:
        async for kind, content in merged:
            if kind == "card":
                yield ServerSentEvent(content.decode(), event="card")
            elif (message := content.since(after)) is not None:
                after = content.seq
                yield ServerSentEvent(message.decode(), event="records", id=str(after))


async def _merged(topics: SessionTopics) -> AsyncGenerator[tuple[str, Any], None]:
    """Both topics' contents as they come."""
    seen = {"card": 0, "page": 0}
    waiting: dict[asyncio.Task[Any], str] = {}
    try:
        while True:
            for name, topic in (("card", topics.card), ("page", topics.page)):
                if name not in waiting.values():
                    task: asyncio.Task[Any] = asyncio.create_task(topic.newer(seen[name]))
                    waiting[task] = name
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = waiting.pop(task)
                try:
                    seen[name], content = task.result()
                except Closed:
                    return
                yield name, content
    finally:
        for task in waiting:
            task.cancel()
