"""A session ends in order, whatever ends it, and says what went wrong first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

import anyio
import pytest

from engine import events as ev
from engine.bus import SUBSCRIPTION_BATCHES, Bus, HandlerFailed, SubscriberLeft, Subscription
from engine.journal import JournalFailed, MemoryJournal
from engine.session import SinkFailed
from tests.builders import TICKS
from tests.sessions import CollectingSink, ScriptedFeed, edges, session

pytestmark = pytest.mark.asyncio

EVERYTHING: frozenset[type] = frozenset(get_args(ev.Event))


def drop(name: str) -> ev.SignalDropped:
    return ev.SignalDropped(signal_id=name, symbol="EURUSD", reason="")


class SpyJournal(MemoryJournal):
    """A memory journal that notes in `diary` what is done with it, and fails on demand."""

    def __init__(self, diary: list[str], *, fails_in: str = "") -> None:
        super().__init__()
        self._diary = diary
        self._fails_in = fails_in

    async def room(self) -> None:
        if self._fails_in == "room":
            raise JournalFailed("the disk is gone")

    async def close(self) -> None:
        self._diary.append(f"journal closed with {len(self.records)} records")
        if self._fails_in == "close":
            raise JournalFailed("the seal failed")


@dataclass
class Stage:
    """Everything that a session needs, with a diary of what happened in which order."""

    diary: list[str] = field(default_factory=list)
    fails_in: str = ""

    def __post_init__(self) -> None:
        self.journal = SpyJournal(self.diary, fails_in=self.fails_in)
        self.bus = Bus(self.journal)
        self.sink = CollectingSink(at_end=lambda: self.diary.append("sink ended"))

    def says(self, name: str) -> Callable[[], None]:
        return lambda: self.bus.publish(drop(name))

    def feed(self, *slices: Callable[[], None]) -> ScriptedFeed:
        return ScriptedFeed(slices, lambda: self.diary.append("feed closed"))

    async def run(self, feed: ScriptedFeed) -> ev.SessionOutcome:
        with edges(self.bus, EVERYTHING) as (subscription,):
            return await session(self.bus, self.journal, feed, [(self.sink, subscription)]).run()

    def ending(self) -> ev.SessionEnded:
        """The last record, which must be the session's end."""
        event = self.journal.records[-1].event
        assert isinstance(event, ev.SessionEnded)
        return event


def breaks(*_: object) -> None:
    raise ZeroDivisionError("broken")


def cannot_conclude(outcome: ev.SessionOutcome, detail: str) -> ev.SessionEnded:
    raise ZeroDivisionError(f"{outcome} {detail}")


class TestEnd:
    async def test_a_feed_that_ends_makes_the_session_done_and_every_record_arrives(self) -> None:
        stage = Stage()
        assert (
            await stage.run(stage.feed(stage.says("a"), stage.says("b"))) is ev.SessionOutcome.DONE
        )
        assert (stage.ending().outcome, stage.ending().detail) == (ev.SessionOutcome.DONE, "")
        assert stage.journal.records[-1].metadata == {"ended_at": "2025-01-07T12:00:00+00:00"}
        assert stage.sink.records == stage.journal.records[:3]

    async def test_the_feed_is_closed_first_and_the_journal_last(self) -> None:
        stage = Stage()
        await stage.run(stage.feed(stage.says("a")))
        assert stage.diary == ["feed closed", "sink ended", "journal closed with 2 records"]

    async def test_the_last_record_comes_after_the_feed_is_closed(self) -> None:
        stage = Stage()
        feed = ScriptedFeed([stage.says("a")], stage.says("said while closing"))
        await stage.run(feed)
        kinds = [type(item.event) for item in stage.journal.records]
        assert kinds == [ev.SignalDropped, ev.SignalDropped, ev.SessionEnded]

    async def test_more_than_the_streams_hold_is_delivered_in_whole(self) -> None:
        stage = Stage()
        slices = [stage.says(str(number)) for number in range(SUBSCRIPTION_BATCHES * 4)]
        await stage.run(stage.feed(*slices))
        assert stage.sink.records == stage.journal.records

    async def test_no_stream_is_left_open(self) -> None:
        stage = Stage()
        with edges(stage.bus, EVERYTHING) as (subscription,):
            await session(
                stage.bus, stage.journal, stage.feed(), [(stage.sink, subscription)]
            ).run()
            with pytest.raises(anyio.ClosedResourceError):
                await subscription.stream.receive()

    async def test_after_each_slice_the_screen_may_look(self) -> None:
        stage = Stage()
        seen: list[int] = []
        with edges(stage.bus, EVERYTHING) as (subscription,):
            await session(
                stage.bus,
                stage.journal,
                stage.feed(stage.says("a"), stage.says("b")),
                [(stage.sink, subscription)],
                on_slice=lambda: seen.append(len(stage.journal.records)),
            ).run()
        assert seen == [1, 2]


class TestStop:
    async def test_a_requested_stop_ends_the_session_interrupted_at_the_next_slice(self) -> None:
        stage = Stage()
        with edges(stage.bus, EVERYTHING) as (subscription,):
            feed = stage.feed(stage.says("a"), lambda: run.request_stop(), stage.says("never"))
            run = session(stage.bus, stage.journal, feed, [(stage.sink, subscription)])
            assert await run.run() is ev.SessionOutcome.INTERRUPTED
        assert stage.ending().outcome is ev.SessionOutcome.INTERRUPTED
        assert [item.event for item in stage.journal.records[:-1]] == [drop("a")]
        assert stage.diary == ["feed closed", "sink ended", "journal closed with 2 records"]


class TestFailure:
    """Each part may fail; the rest still ends in order and the journal has every record."""

    async def test_a_failing_feed_stops_it_with_the_feeds_error(self) -> None:
        stage = Stage()
        with pytest.raises(ZeroDivisionError, match="broken"):
            await stage.run(stage.feed(stage.says("a"), breaks, stage.says("never")))
        assert (stage.ending().outcome, stage.ending().detail) == (
            ev.SessionOutcome.FAILED,
            "broken",
        )
        assert stage.sink.records == stage.journal.records
        assert stage.diary == ["feed closed", "sink ended", "journal closed with 2 records"]

    async def test_a_failing_handler_stops_it_and_names_itself(self) -> None:
        stage = Stage()
        stage.bus.attach({ev.Tick: breaks})
        feed = stage.feed(stage.says("a"), lambda: stage.bus.feed(TICKS["EURUSD"]))
        with pytest.raises(HandlerFailed, match="breaks failed on Tick"):
            await stage.run(feed)
        assert stage.ending().outcome is ev.SessionOutcome.FAILED
        assert stage.ending().detail.startswith("breaks failed on Tick")
        assert stage.sink.records == stage.journal.records

    async def test_a_failing_sink_stops_it_and_the_others_get_everything(self) -> None:
        class Broken(CollectingSink):
            async def run(self, subscription: Subscription) -> None:
                await subscription.stream.receive()
                breaks()

        stage = Stage()
        endless = (stage.says(str(number)) for number in range(10_000))
        feed = ScriptedFeed(endless, lambda: stage.diary.append("feed closed"))
        with edges(stage.bus, EVERYTHING, EVERYTHING) as (first, second):
            sinks = [(Broken("broken sink"), first), (stage.sink, second)]
            with pytest.raises(SinkFailed, match=r"^broken sink: broken$") as caught:
                await session(stage.bus, stage.journal, feed, list(sinks)).run()
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert len(stage.journal.records) < 10_000
        end = stage.ending()
        assert (end.outcome, end.detail) == (ev.SessionOutcome.FAILED, "broken sink: broken")
        assert stage.sink.records == stage.journal.records

    async def test_a_sink_that_fails_at_the_very_end_is_still_reported(self) -> None:
        stage = Stage()
        stage.sink = CollectingSink("late sink", at_end=breaks)
        with pytest.raises(SinkFailed, match=r"^late sink: broken$"):
            await stage.run(stage.feed(stage.says("a")))
        assert stage.diary[-1] == "journal closed with 2 records"

    @pytest.mark.parametrize(
        ("fails_in", "message"), [("room", "the disk is gone"), ("close", "the seal failed")]
    )
    async def test_a_failing_journal_stops_it_with_the_journals_error(
        self, fails_in: str, message: str
    ) -> None:
        stage = Stage(fails_in=fails_in)
        with pytest.raises(JournalFailed, match=message):
            await stage.run(stage.feed(stage.says("a")))
        assert stage.sink.records == stage.journal.records
        assert stage.diary == ["feed closed", "sink ended", "journal closed with 2 records"]

    async def test_what_is_recorded_reaches_the_sinks_even_if_the_last_record_cannot_be_made(
        self,
    ) -> None:
        stage = Stage()
        feed = ScriptedFeed([stage.says("a")], stage.says("said while closing"))
        with edges(stage.bus, EVERYTHING) as (subscription,):
            run = session(
                stage.bus,
                stage.journal,
                feed,
                [(stage.sink, subscription)],
                conclude=cannot_conclude,
            )
            with pytest.raises(ZeroDivisionError):
                await run.run()
        assert [item.event for item in stage.sink.records] == [
            drop("a"),
            drop("said while closing"),
        ]

    async def test_later_failures_are_attached_to_the_first(self) -> None:
        def closing_fails() -> None:
            raise OSError("cannot close")

        stage = Stage(fails_in="close")
        with pytest.raises(ZeroDivisionError) as caught:
            await stage.run(ScriptedFeed([breaks], closing_fails))
        assert caught.value.__notes__ == [
            "and after it: cannot close",
            "and after it: the seal failed",
        ]
        assert stage.ending().detail == "broken"

    async def test_a_failure_of_the_journal_is_told_before_an_earlier_one_of_an_actor(self) -> None:
        """A full disk may meet the actor first, whose files the journal could have replaced."""
        stage = Stage(fails_in="close")
        stage.sink = CollectingSink("late sink", at_end=breaks)
        with pytest.raises(JournalFailed, match="the seal failed") as caught:
            await stage.run(stage.feed(stage.says("a")))
        assert caught.value.__notes__ == ["and after it: late sink: broken"]

    async def test_a_slow_sink_slows_the_feed_down_instead_of_losing_anything(self) -> None:
        """The feed is never more than the stream and one batch ahead of the actor."""
        stage = Stage()
        lead: list[int] = []

        class Slow(CollectingSink):
            async def run(self, subscription: Subscription) -> None:
                async for batch in subscription.stream:
                    self.records.extend(batch)
                    await anyio.lowlevel.checkpoint()
                    lead.append(len(stage.journal.records) - len(self.records))

        stage.sink = Slow()
        await stage.run(stage.feed(*(stage.says(str(number)) for number in range(200))))
        assert stage.sink.records == stage.journal.records
        assert max(lead) <= SUBSCRIPTION_BATCHES + 2

    async def test_an_actor_that_leaves_early_ends_the_session_instead_of_blocking_it(self) -> None:
        class Early(CollectingSink):
            async def run(self, subscription: Subscription) -> None:
                self.records.extend(await subscription.stream.receive())

        stage = Stage()
        stage.sink = Early()
        slices = [stage.says(str(number)) for number in range(SUBSCRIPTION_BATCHES * 4)]
        with anyio.fail_after(60), pytest.raises(SubscriberLeft):
            await stage.run(stage.feed(*slices))
        assert stage.ending().outcome is ev.SessionOutcome.FAILED
        assert stage.diary[-1].startswith("journal closed")


class TestHelpers:
    """I/O actors beside the sinks, which end by themselves once the feed is closed."""

    async def test_the_session_waits_for_them_before_the_journal_is_closed(self) -> None:
        stage = Stage()
        closed = anyio.Event()

        async def helper() -> None:
            await closed.wait()
            stage.diary.append("helper ended")

        feed = ScriptedFeed([stage.says("a")], closed.set)
        with edges(stage.bus, EVERYTHING) as (subscription,), anyio.fail_after(60):
            sinks = [(stage.sink, subscription)]
            await session(stage.bus, stage.journal, feed, list(sinks), helpers=[helper]).run()
        assert sorted(stage.diary[:2]) == ["helper ended", "sink ended"]
        assert stage.diary[2] == "journal closed with 2 records"

    async def test_one_that_fails_ends_the_session_with_its_error(self) -> None:
        stage = Stage()

        async def helper() -> None:
            breaks()

        endless = (stage.says(str(number)) for number in range(10_000))
        with edges(stage.bus, EVERYTHING) as (subscription,):
            run = session(
                stage.bus, stage.journal, ScriptedFeed(endless), [(stage.sink, subscription)],
                helpers=[helper],
            )  # fmt: skip
            with pytest.raises(ZeroDivisionError, match="broken"):
                await run.run()
        assert stage.ending().outcome is ev.SessionOutcome.FAILED
        assert len(stage.journal.records) < 10_000
        assert stage.sink.records == stage.journal.records
