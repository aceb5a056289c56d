"""The way to a simulated terminal: the host's service with its guard, its frames and failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from adapters.mt5.client import Answer, answer_of
from adapters.mt5.errors import CallOutcomeUnknown, NotSent
from adapters.mt5.remote import Caller
from adapters.mt5.service import HostConfig, Service
from adapters.mt5.wire import Request, decode_reply, decode_request, encode_request
from scripts.simulation.world import LOGIN, SERVER, HostEnded, World

T = TypeVar("T")


class SimulatedHost:
    """A caller whose host lives in this process and may end in any call."""

    def __init__(self, world: World, on_send: Callable[[dict[str, Any]], None]) -> None:
        """`on_send` sees every order that reaches the terminal."""
        config = HostConfig(token="00" * 32, login=LOGIN, server=SERVER, trading=True)
        self._service = Service(world.faulty, config)
        self._on_send = on_send
        self.up = True
        self._last_id = 0

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> Answer:
        """As `adapters.mt5.client.TerminalClient.call`."""
        if not self.up:
            raise NotSent(f"{function}: there is no terminal host; restart it")
        self._last_id += 1
        request = Request(self._last_id, function, list(args), kwargs or None, deadline)
        if function == "order_send":
            self._on_send(args[0])
        try:
            reply = self._service.answer(decode_request(encode_request(request)))
        except HostEnded:
            self.up = False
            raise CallOutcomeUnknown(function, "the terminal host is lost") from None
        return answer_of(function, decode_reply(reply))


class SimulatedLine:
    """Implements `adapters.mt5.venue.Line`: what the worker thread does is done at once."""

    def __init__(self, world: World, host: SimulatedHost) -> None:
        self._world = world
        self._host = host

    async def work(self, job: Callable[[Caller], T]) -> T:
        self._world.step()
        result = job(self._host)
        self._world.step()
        return result

    async def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> Answer:
        return await self.work(lambda host: host.call(function, *args, deadline=deadline, **kwargs))

    async def restart(self) -> None:
        """Another host over the same terminal."""
        self._world.step()
        self._host.up = True
