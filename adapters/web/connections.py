"""Connections to the page: bounded, and those of strangers short.

A stranger is a connection that has not shown a visitor's cookie in the request under way. The
oldest makes room for the next; none stays longer than a few seconds, whatever it drips.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

STRANGERS: Final = 64
"""Connections without a visitor's request under way, at most."""

ADMITTED: Final = 256
"""Connections with one, at most."""

_STRANGER_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 300.0
"""How long a visitor may take to fetch an answer that is no stream, over however slow a line."""

Peer = tuple[str, int]


@dataclass
class _Connection:
    transport: asyncio.Transport
    since: float
    stream: bool = False


@dataclass
class Connections:
    """Every connection by its peer, strangers oldest first; `now` is the loop's clock."""

    now: Callable[[], float]
    strangers: dict[Peer, _Connection] = field(default_factory=dict)
    admitted: dict[Peer, _Connection] = field(default_factory=dict)
    dropped: int = 0

    def opened(self, peer: Peer, transport: asyncio.Transport) -> None:
        """A connection was made: that of a stranger."""
        self._wait(peer, _Connection(transport, self.now()))

    def _wait(self, peer: Peer, known: _Connection) -> None:
        while len(self.strangers) >= STRANGERS:
            self._drop(self.strangers, next(iter(self.strangers)))
        self.strangers[peer] = known

    def admit(self, peer: Peer, *, stream: bool = False) -> None:
        """Its request carries a visitor's cookie."""
        known = self.strangers.pop(peer, None) or self.admitted.pop(peer, None)
        if known is None:
            return
        known.since, known.stream = self.now(), stream
        while len(self.admitted) >= ADMITTED:
            self._drop(self.admitted, next(iter(self.admitted)))
        self.admitted[peer] = known

    def answered(self, peer: Peer) -> None:
        """Its request is answered: until the next one it is a stranger again."""
        known = self.strangers.pop(peer, None) or self.admitted.pop(peer, None)
        if known is not None:
            known.since, known.stream = self.now(), False
            self._wait(peer, known)

    def closed(self, peer: Peer) -> None:
        """It is gone."""
        self.strangers.pop(peer, None)
        self.admitted.pop(peer, None)

    def sweep(self) -> None:
        """Drop who has been here for too long."""
        now = self.now()
        for peer, known in list(self.strangers.items()):
            if now - known.since > _STRANGER_SECONDS:
                self._drop(self.strangers, peer)
        for peer, known in list(self.admitted.items()):
            if not known.stream and now - known.since > _ANSWER_SECONDS:
                self._drop(self.admitted, peer)

    def make_room(self) -> None:
        """Drop every stranger: the system has no room for another connection."""
        for peer in list(self.strangers):
            self._drop(self.strangers, peer)

    def _drop(self, among: dict[Peer, _Connection], peer: Peer) -> None:
        known = among.pop(peer)
        self.dropped += 1
        known.transport.abort()


def protocol_of(connections: Connections) -> type[asyncio.Protocol]:
    """The HTTP protocol of a server whose connections are these."""

    class Bounded(H11Protocol):
        """Tells of each connection and of each answer."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if self.client is None:  # it is gone already
                transport.abort()
                return
            connections.opened(self.client, transport)

        def connection_lost(self, exc: Exception | None) -> None:
            if self.client is not None:
                connections.closed(self.client)
            super().connection_lost(exc)

        def on_response_complete(self) -> None:
            if self.client is not None and not self.transport.is_closing():
                connections.answered(self.client)
            super().on_response_complete()

    return Bounded
