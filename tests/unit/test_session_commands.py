"""What a session answers to the user's orders, apart from how they reach it."""

from __future__ import annotations

import pytest

from adapters.reports.status import Status
from engine import events as ev
from engine.bus import HandlerFailed
from engine.clock import VirtualClock
from scripts.app.sessions.commands import SessionCommands
from tests.builders import Wired, of_kind, wired
from tests.statuses import NOON, STATUS


class Desk:
    """A session and its commands."""

    def __init__(
        self,
        *,
        status: Status | None = STATUS,
        final: str | None = None,
        unseen: str | None = None,
    ) -> None:
        self.parts: Wired = wired()
        self.stops = 0
        self.commands = SessionCommands(
            self.parts.bus, VirtualClock(NOON), lambda: status, self._stop,
            final=lambda: final, unseen=lambda: unseen,
        )  # fmt: skip

    def _stop(self) -> None:
        self.stops += 1

    def given(self) -> list[ev.UserCommanded]:
        return of_kind(self.parts.journal, ev.UserCommanded)


def test_an_order_is_recorded_at_the_time_of_the_clock_with_a_reason_in_any_case() -> None:
    desk = Desk()
    desk.parts.bus.bar = ("EURUSD", 5)
    reply = desk.commands.pause("")
    assert (reply.done, reply.status) == (True, STATUS)
    assert desk.given() == [ev.UserCommanded(action=ev.UserAction.PAUSE, reason="by hand")]
    assert (desk.parts.journal.records[-1].time, desk.parts.journal.records[-1].bar) == (NOON, None)


def test_resume_needs_a_reason() -> None:
    desk = Desk()
    reply = desk.commands.resume("")
    assert (reply.done, reply.text) == (False, 'say why: --reason "..."')
    assert desk.given() == []
    assert desk.commands.resume("news is over").done


def test_what_is_final_cannot_be_resumed() -> None:
    desk = Desk(final="the maximum loss of the firm was reached")
    reply = desk.commands.resume("please")
    assert (reply.done, desk.given()) == (False, [])
    assert reply.text.startswith("the maximum loss of the firm was reached: this is final")
    assert desk.commands.flatten("").done


def test_while_an_order_may_still_have_been_executed_nothing_is_resumed() -> None:
    desk = Desk(unseen="the outcome of order 3 is unknown and the link is down")
    reply = desk.commands.resume("please")
    assert (reply.done, desk.given()) == (False, [])
    assert reply.text.startswith("the outcome of order 3 is unknown and the link is down: trading")
    assert desk.commands.flatten("").done


def test_stop_ends_the_session_is_recorded_and_changes_nothing_else() -> None:
    desk = Desk()
    assert desk.commands.stop("enough", "web viewer 1").done
    stopped = ev.UserCommanded(action=ev.UserAction.STOP, reason="enough", origin="web viewer 1")
    assert (desk.stops, desk.given()) == (1, [stopped])
    assert of_kind(desk.parts.journal, ev.TradingStateChanged) == []


def test_every_command_is_recorded_with_its_origin() -> None:
    desk = Desk()
    for command in (desk.commands.pause, desk.commands.resume, desk.commands.flatten):
        assert command("why", "cli").done
    assert [(str(item.action), item.origin) for item in desk.given()] == [
        ("pause", "cli"), ("resume", "cli"), ("flatten", "cli"),
    ]  # fmt: skip


def test_before_the_first_record_there_is_no_status_to_tell() -> None:
    desk = Desk(status=None)
    reply = desk.commands.status()
    assert (reply.done, reply.text) == (False, "it is just starting: ask again")
    assert desk.commands.pause("").done


def test_after_a_failed_actor_an_order_is_refused_in_words() -> None:
    desk = Desk()

    def breaks(_: object) -> None:
        raise ZeroDivisionError("broken")

    desk.parts.bus.attach({ev.Tick: breaks})
    with pytest.raises(HandlerFailed):
        desk.parts.bus.feed(ev.Tick("EURUSD", 1, 2))
    reply = desk.commands.pause("")
    assert (reply.done, reply.text) == (
        False, "the session ends after a failure (an actor failed: the bus takes no more events)",
    )  # fmt: skip
