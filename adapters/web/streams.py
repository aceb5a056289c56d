"""Server-sent events of the overview and of a session.

Nothing is kept for a viewer but the number of the last record that was sent. A viewer who reads
slowly gets one larger message later; one who does not read at all is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from sse_starlette import EventSourceResponse, ServerSentEvent

from adapters.web.content import OverviewTopics, SessionTopics
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


async def overview_events(topics: OverviewTopics) -> AsyncIterator[ServerSentEvent]:
    """Cards, and lists of runs, whenever they change, as far as the viewer keeps up."""
    async with aclosing(_merged({"cards": topics.cards, "lists": topics.lists})) as merged:
        async for kind, content in merged:
            yield ServerSentEvent(content.decode(), event=kind)


async def session_events(topics: SessionTopics, after: int) -> AsyncIterator[ServerSentEvent]:
    """What a viewer lacks who has everything up to the record `after`, from then on.

    The id of an event is the number of the last record in it. Cards carry none: they are of the
    moment.
    """
    async with aclosing(_merged({"card": topics.card, "page": topics.page})) as merged:
        async for kind, content in merged:
            if kind == "card":
                yield ServerSentEvent(content.decode(), event="card")
            elif (message := content.since(after)) is not None:
                after = content.seq
                yield ServerSentEvent(message.decode(), event="records", id=str(after))


async def _merged(topics: Mapping[str, Topic[Any]]) -> AsyncGenerator[tuple[str, Any], None]:
    """The topics' contents by their names, as they come; ends when one is closed."""
    seen = dict.fromkeys(topics, 0)
    waiting: dict[asyncio.Task[Any], str] = {}
    try:
        while True:
            for name in topics.keys() - set(waiting.values()):
                waiting[asyncio.create_task(topics[name].newer(seen[name]))] = name
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
