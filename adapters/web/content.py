"""What the page is made of, as the server knows it: whoever finds sessions brings it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.reports.page.live import LiveContent
from adapters.web.topics import Topic


class Unknown(Exception):
    """Raised when there is no such session, report or study."""


class NotNow(Exception):
    """Raised when a session cannot be reached, or something cannot be made now; says why."""


class CommandRefused(Exception):
    """Raised when a session refuses a command; says why."""


@dataclass
class SessionTopics:
    """A session's two streams: its card as JSON, and the content of its page."""

    card: Topic[bytes]
    page: Topic[LiveContent]


@dataclass
class OverviewTopics:
    """The overview's two streams, both JSON: its cards, and the lists of runs and studies."""

    cards: Topic[bytes]
    lists: Topic[bytes]


class Site(Protocol):
    """Everything that the page shows; every method may be called while others are under way."""

    def overview(self) -> AbstractContextManager[OverviewTopics]:
        """All cards and lists, kept fresh as long as the block lasts."""

    def session(self, place: int, session: str) -> AbstractContextManager[SessionTopics]:
        """A session, followed as long as the block lasts. Raises Unknown, maybe from within."""

    def known(self, place: int, session: str) -> bool:
        """Whether there is such a session with a page of its own; a replay has its report."""

    async def report(self, place: int, session: str) -> bytes:
        """A session's report as HTML. Raises Unknown or NotNow."""

    def study(self, place: int, kind: str, name: str) -> Path:
        """The page of odds or of a sweep. Raises Unknown."""

    async def command(self, place: int, session: str, action: str, reason: str, origin: str) -> str:
        """Order a session; its answer in words. Raises Unknown, NotNow or CommandRefused."""
