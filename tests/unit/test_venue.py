"""The I/O actor between bus and terminal: order of sending, lost links, another account."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import anyio
import pytest

from adapters.mt5.api.errors import LinkDown, NotSent, SnapshotFailed
from adapters.mt5.execution.remote import CheckOnlyRouter, LiveRouter
from adapters.mt5.execution.venue import Venue
from adapters.mt5.host.client import AsyncTerminal, CallResult, TerminalClient
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine.bus import HandlerFailed
from engine.clock import SystemClock
from engine.fields import ExecutionResult, VenueOutcome
from engine.journal import MemoryJournal
from tests.builders import LOT, intent
from tests.paper_terminals import terminal_at_ticks, told
from tests.venue_steps import REQUESTS, Live, live

BUY = intent()


class InThisProcess:
    """A client whose terminal needs no host; while `down` is above 0 it is lost.

    Each restart brings `down` nearer to 0.
    """

    def __init__(self, terminal: PaperTerminal, down: int = 0) -> None:
        self.terminal = terminal
        self.down = down
        self.calls: list[str] = []

    def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> CallResult:
        del deadline
        if self.down:
            raise NotSent(f"{function}: there is no terminal host; restart it")
        self.calls.append(function)
        value = getattr(self.terminal, function)(*args, **kwargs)
        return CallResult(function, value, self.terminal.last_error())

    def restart(self) -> None:
        self.down = max(self.down - 1, 0)

    def close(self) -> None:
        """There is nothing to end."""


class HeldJournal(MemoryJournal):
    """A journal whose records become durable when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.on_disk = anyio.Event()

    async def durable(self, seq: int) -> None:
        del seq
        await self.on_disk.wait()


class Scene:
    """A venue on a live bus, with the terminal in this process."""

    def __init__(self, down: int = 0, login: int | None = None, dry_run: bool = False) -> None:
        self.live: Live = live()
        self.journal = HeldJournal()
        self.client = InThisProcess(terminal_at_ticks(), down)
        account = told(self.client.terminal.account_info())
        if login is not None:
            account = account._with(login=login)
        self.terminal = AsyncTerminal(cast("TerminalClient", self.client))
        self.venue = Venue(
            self.live.parts.bus, self.journal, self.terminal, SystemClock(),
            router=(CheckOnlyRouter if dry_run else LiveRouter)(REQUESTS, account),
        )  # fmt: skip
        self.replies: list[ExecutionResult | None] = []
        self.bus = self.live.parts.bus
        self.bus.attach({ev.VenueReplied: lambda replied: self.replies.append(replied.result)})
        self.ran = False

    async def run(self) -> None:
        self.ran = True
        await self.venue.run()

    def links(self) -> list[ev.TradingStateChanged]:
        records = self.live.parts.journal.records
        return [item.event for item in records if isinstance(item.event, ev.TradingStateChanged)]


def played(scene: Callable[[], Scene], story: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        here = scene()
        try:
            await story(here)
        finally:
            here.venue.close()
            if not here.ran:
                await here.venue.run()  # it takes its end of the queue along
            await here.terminal.close()

    asyncio.run(play())


async def _sent(scene: Scene, order: ev.OrderIntent) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.run)
        scene.venue.execute(order, LOT)
        scene.journal.on_disk.set()
        await scene.venue.settled()
        scene.venue.close()


def test_nothing_is_sent_before_its_record_is_on_disk() -> None:
    async def story(scene: Scene) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scene.run)
            scene.venue.execute(BUY, LOT)
            await anyio.wait_all_tasks_blocked()
            assert scene.client.calls == []
            scene.journal.on_disk.set()
            await scene.venue.settled()
            scene.venue.close()
        (reply,) = scene.replies
        assert (told(reply).outcome, told(reply).code) == (VenueOutcome.EXECUTED, 10_009)
        assert scene.client.calls[0] == "order_send"

    played(Scene, story)


def test_a_dry_run_checks_and_sends_nothing() -> None:
    async def story(scene: Scene) -> None:
        await _sent(scene, BUY)
        (reply,) = scene.replies
        assert (told(reply).outcome, told(reply).code) == (VenueOutcome.CHECKED, 0)
        assert scene.client.calls == ["order_check"]

    played(lambda: Scene(dry_run=True), story)


def test_a_check_that_fails_was_no_order_of_unknown_outcome() -> None:
    """In a dry run nothing is sent, whatever the terminal answers."""

    async def story(scene: Scene) -> None:
        scene.client.terminal.shutdown()
        await _sent(scene, BUY)
        (reply,) = scene.replies
        assert told(reply).outcome is VenueOutcome.UNSENT
        assert told(reply).message.startswith("order_check: -10004")

    played(lambda: Scene(dry_run=True), story)


def test_a_request_to_a_host_that_is_gone_was_never_sent() -> None:
    async def story(scene: Scene) -> None:
        await _sent(scene, BUY)
        (reply,) = scene.replies
        assert (told(reply).outcome, told(reply).code) == (VenueOutcome.UNSENT, -10_004)

    played(lambda: Scene(down=1), story)


def test_what_ends_the_actor_is_raised_to_whoever_waits_for_a_reply() -> None:
    async def story(scene: Scene) -> None:
        def fail(_replied: ev.VenueReplied) -> None:
            raise ValueError("a handler failed")

        scene.bus.attach({ev.VenueReplied: fail})
        scene.venue.execute(BUY, LOT)
        scene.venue.execute(BUY, LOT)
        scene.journal.on_disk.set()
        with pytest.raises(HandlerFailed):
            await scene.run()
        with pytest.raises(HandlerFailed):
            await scene.venue.settled()

    played(Scene, story)


def test_far_too_many_requests_are_refused_and_not_waited_for() -> None:
    async def story(scene: Scene) -> None:
        for _ in range(64):
            scene.venue.execute(BUY, LOT)
        with pytest.raises(anyio.WouldBlock):
            scene.venue.execute(BUY, LOT)
        scene.journal.on_disk.set()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scene.run)
            await scene.venue.settled()
            scene.venue.close()
        assert len(scene.replies) == 64

    played(Scene, story)


def test_the_answers_of_another_account_are_not_looked_at() -> None:
    async def story(scene: Scene) -> None:
        before = len(scene.live.parts.journal.records)
        with pytest.raises(SnapshotFailed, match="is logged in, not 4711"):
            await scene.venue.fetch_snapshot(scene.live.gateway)
        assert len(scene.live.parts.journal.records) == before

    played(lambda: Scene(login=4711), story)


def test_a_lost_link_halts_and_is_released_when_the_terminal_answers_again() -> None:
    async def story(scene: Scene) -> None:
        await scene.venue.recover(scene.live.gateway)
        down, up = scene.links()
        assert (down.cause, up.causes) == ("link", ())
        assert scene.client.calls[0] == "initialize"

    played(lambda: Scene(down=1), story)


def test_a_link_that_does_not_come_back_ends_the_session_halted() -> None:
    async def story(scene: Scene) -> None:
        with pytest.raises(LinkDown, match="there is no terminal host"):
            await scene.venue.recover(scene.live.gateway)
        (down,) = scene.links()
        assert down.cause == "link"

    played(lambda: Scene(down=99), story)
