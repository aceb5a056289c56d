"""What the user can order a running session to do, and waiting that ends when it is to stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from adapters.reports.status import Status
from adapters.services.control_wire import ControlReply
from engine import events as ev
from engine.bus import Bus, BusPoisoned
from engine.clock import Clock

_STOP_CHECK = 0.1  # seconds between two looks at a request to stop

BY_HAND = "by hand"
"""The reason on record when the user gave none."""


class SessionCommands:
    """Implements `control_wire.Commands`; used on the loop's thread between two events."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        status: Callable[[], Status | None],
        request_stop: Callable[[], None],
        *,
        final: Callable[[], str | None] = lambda: None,
        unseen: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`final` says why the user may not resume any more (a firm's rule is broken), or None;
        `unseen` why not yet (an order of unknown outcome was not looked for at the terminal).
        """
        self._bus = bus
        self._clock = clock
        self._status = status
        self._request_stop = request_stop
        self._final = final
        self._unseen = unseen

    def status(self) -> ControlReply:
        reply = self._reply("running")
        if reply.status is None:
            return ControlReply(done=False, text="it is just starting: ask again")
        return reply

    def pause(self, reason: str, origin: str = "") -> ControlReply:
        return self._order(
            ev.UserAction.PAUSE, reason, origin, "no new order leaves until you resume"
        )

    def resume(self, reason: str, origin: str = "") -> ControlReply:
        """Clear the latches; refused without a reason, after what is final, and while an order's
        outcome may still be seen.
        """
        if not reason:
            return ControlReply(done=False, text='say why: --reason "..."')
        if (why := self._final()) is not None:
            return ControlReply(done=False, text=f"{why}: this is final, trading is not resumed")
        if (why := self._unseen()) is not None:
            return ControlReply(
                done=False,
                text=f"{why}: trading is not resumed; wait for the link, look at the status and "
                "resume again",
            )
        return self._order(
            ev.UserAction.RESUME,
            reason,
            origin,
            "latches are cleared, but for what still holds: look at the status",
        )

    def flatten(self, reason: str, origin: str = "") -> ControlReply:
        return self._order(
            ev.UserAction.FLATTEN,
            reason,
            origin,
            "paused; every position is being closed, until the account shows that none is left",
        )

    def stop(self, reason: str, origin: str = "") -> ControlReply:
        """End the session; it does so after a failure to record the command, too."""
        reply = self._order(
            ev.UserAction.STOP,
            reason,
            origin,
            "the session ends in order; open positions stay as they are",
        )
        self._request_stop()
        return reply

    def _order(self, action: ev.UserAction, reason: str, origin: str, text: str) -> ControlReply:
        self._bus.time, self._bus.bar = self._clock.now(), None
        try:
            self._bus.publish(
                ev.UserCommanded(action=action, reason=reason or BY_HAND, origin=origin)
            )
        except BusPoisoned as error:
            return ControlReply(done=False, text=f"the session ends after a failure ({error})")
        return self._reply(text)

    def _reply(self, text: str) -> ControlReply:
        return ControlReply(done=True, text=text, status=self._status())


class Stop:
    """Whether the session was asked to stop; connected once it exists."""

    requested: Callable[[], bool] = staticmethod(lambda: False)

    def requested_now(self) -> bool:
        return self.requested()


async def sleep_until(
    seconds: float, stop: Stop, meanwhile: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Wait, but not beyond a request to stop; `meanwhile` is done again and again."""
    until = anyio.current_time() + seconds
    # The request comes from a signal handler, which can set a flag but no event of the loop.
    while (left := until - anyio.current_time()) > 0 and not stop.requested():
        if meanwhile is not None:
            await meanwhile()
        await anyio.sleep(min(left, _STOP_CHECK))
