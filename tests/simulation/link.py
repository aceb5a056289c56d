"""The way to a simulated terminal: the host's service with its guard, its frames and failures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from adapters.mt5.api.errors import CallOutcomeUnknown, NotSent
from adapters.mt5.execution.remote import Caller
from adapters.mt5.host.client import CallResult, answer_of
from adapters.mt5.host.service import HostConfig, Service
from adapters.mt5.host.wire import (
    RpcReply,
    RpcRequest,
    decode_reply,
    decode_request,
    encode_request,
)
from engine.types import Cents
from tests.simulation.world import LOGIN, SERVER, HostEnded, World

T = TypeVar("T")

_SAMPLE = 16
"""Every so many calls one goes through the frames that a real host is asked with."""


class SimulatedHost:
    """A caller whose host lives in this process and may end in any call."""

    def __init__(self, world: World, on_send: Callable[[dict[str, Any]], None]) -> None:
        """`on_send` sees every order that reaches the terminal."""
        config = HostConfig(token="00" * 32, login=LOGIN, server=SERVER, trading=True)
        self._world = world
        self._service = Service(world.faulty, config)
        self._on_send = on_send
        self.up = True
        self._last_id = 0
        self.balance: Cents = 0  # as the account was last reported to have
        self.deals = 0  # how many there were then
        self.attached: Cents = 0  # the balance with which the account was proven

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        """As `adapters.mt5.host.client.TerminalClient.call`."""
        if not self.up:
            raise NotSent(f"{function}: there is no terminal host; restart it")
        self._last_id += 1
        request = RpcRequest(self._last_id, function, list(args), kwargs or None, deadline)
        if function == "order_send":
            self._on_send(args[0])
        self._world.manual_actions.act()
        try:
            reply = self._reply(request)
        except HostEnded:
            self.up = False
            raise CallOutcomeUnknown(function, "the terminal host is lost") from None
        if function == "account_info" and reply.value is not None and reply.value.login == LOGIN:
            self.balance = round(reply.value.balance * 100)
            self.deals = len(self._world.account.deals)
        return answer_of(function, reply, *args, **kwargs)

    def _reply(self, request: RpcRequest) -> RpcReply:
        """Through the frames where it matters, and for a sample of all other calls."""
        if request.function == "order_send" or not request.id % _SAMPLE:
            sent = decode_request(encode_request(request))
            return decode_reply(self._service.answer(sent))
        return self._service.reply(request)


class SimulatedLink:
    """Implements `execution.venue.TerminalLink`: what the worker thread does is done at once."""

    def __init__(self, world: World, host: SimulatedHost) -> None:
        self._world = world
        self._host = host

    async def work(self, job: Callable[[Caller], T]) -> T:
        self._world.step()
        result = job(self._host)
        self._world.step()
        return result

    async def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        return await self.work(lambda host: host.call(function, *args, deadline=deadline, **kwargs))

    async def restart(self) -> None:
        """Another host over the same terminal, if it comes up."""
        self._world.step()
        if self._world.fault_injector.host_stays_down():
            raise NotSent("the terminal host does not start")
        self._host.up = True
