"""The bus: one total order, journaled before anyone acts, nothing dropped, nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import anyio
import pytest

from engine import events as ev
from engine.bus import SUBSCRIPTION_BATCHES, Bus, BusPoisoned, HandlerFailed, UnroutedKinds
from engine.journal import JournalFailed, MemoryJournal
from tests.builders import ONE_OF_EACH, TICKS, ended
from tests.sessions import edges

TICK = TICKS["EURUSD"]
EVENTS: frozenset[type] = frozenset(get_args(ev.Event))
INPUTS: frozenset[type] = frozenset(get_args(ev.Input))
DROPS: frozenset[type] = frozenset({ev.SignalDropped})


def drop(name: str) -> ev.SignalDropped:
    """A small event that can be told from others."""
    return ev.SignalDropped(signal_id=name, symbol="EURUSD", reason="")


def new_bus() -> tuple[Bus, MemoryJournal]:
    journal = MemoryJournal()
    return Bus(journal), journal


class TestOrder:
    def test_records_are_numbered_from_one_and_stamped_with_the_buss_time_and_bar(self) -> None:
        bus, journal = new_bus()
        bus.time = 5
        bus.publish(drop("a"), {"session_id": "x"})
        bus.time, bus.bar = 6, ("EURUSD", 4)
        bus.publish(drop("b"))
        assert journal.records == [
            ev.Record(1, 5, None, drop("a"), {"session_id": "x"}),
            ev.Record(2, 6, ("EURUSD", 4), drop("b"), None),
        ]

    def test_actors_see_an_event_in_the_order_in_which_they_were_attached(self) -> None:
        bus, _ = new_bus()
        seen: list[str] = []

        def see(name: str, _: ev.SignalDropped) -> None:
            seen.append(name)

        for name in ("first", "second", "third"):
            bus.attach({ev.SignalDropped: partial(see, name)})
        bus.publish(drop("a"))
        assert seen == ["first", "second", "third"]

    def test_only_inputs_that_come_from_outside_are_recorded_whatever_was_published_before(
        self,
    ) -> None:
        """An input that an actor feeds follows from the record, however that came to be handled."""
        journal = MemoryJournal()
        bus = Bus(journal, record_inputs=True)
        ticks: list[ev.Tick] = []
        bus.attach({ev.SignalDropped: lambda _: bus.feed(TICK), ev.Tick: ticks.append})
        bus.publish(drop("a"))
        bus.publish_all([drop("b")], TICK)
        bus.publish_all([], TICK)
        bus.feed(TICK)
        assert [item.event for item in journal.records] == [drop("a"), drop("b"), TICK]
        assert ticks == [TICK] * 5

    def test_what_a_handler_publishes_is_handled_after_the_handler_and_in_order(self) -> None:
        bus, journal = new_bus()
        seen: list[str] = []

        def first(event: ev.SignalDropped) -> None:
            seen.append(f"begin {event.signal_id}")
            if event.signal_id == "a":
                bus.publish(drop("b"))
                bus.feed(TICK)
                bus.publish(drop("c"))
            seen.append(f"end {event.signal_id}")

        bus.attach({ev.SignalDropped: first})
        bus.attach({
            ev.SignalDropped: lambda event: seen.append(f"second {event.signal_id}"),
            ev.Tick: lambda _: seen.append("tick"),
        })  # fmt: skip
        bus.publish(drop("a"))
        assert seen == [
            "begin a", "end a", "second a", "begin b", "end b", "second b", "tick",
            "begin c", "end c", "second c",
        ]  # fmt: skip
        assert [item.event for item in journal.records] == [drop("a"), drop("b"), drop("c")]

    def test_publish_returns_when_all_that_it_led_to_is_handled(self) -> None:
        bus, _ = new_bus()
        left = [5]

        def again(_: ev.SignalDropped) -> None:
            if left[0]:
                left[0] -= 1
                bus.publish(drop("more"))

        bus.attach({ev.SignalDropped: again})
        bus.publish(drop("a"))
        assert left == [0]

    def test_inputs_are_dispatched_but_not_recorded(self) -> None:
        bus, journal = new_bus()
        seen: list[ev.Tick] = []
        bus.attach({ev.Tick: seen.append})
        bus.feed(TICK)
        assert seen == [TICK]
        assert journal.records == []


class TestJournalFirst:
    def test_an_event_is_in_the_journal_before_any_handler_sees_it(self) -> None:
        bus, journal = new_bus()
        seen: list[bool] = []

        def handler(event: ev.SignalDropped) -> None:
            seen.append(journal.records[-1].event is event)
            if event.signal_id == "a":
                bus.publish(drop("b"))
                # Recorded at once, although it is handled only later.
                assert journal.records[-1].event == drop("b")

        bus.attach({ev.SignalDropped: handler})
        bus.publish(drop("a"))
        assert seen == [True, True]

    def test_an_event_that_the_journal_refuses_reaches_nobody(self) -> None:
        class Broken(MemoryJournal):
            def append(self, record: ev.Record) -> None:
                raise JournalFailed(f"no room for {record.seq}")

        bus = Bus(Broken())
        seen: list[ev.SignalDropped] = []
        bus.attach({ev.SignalDropped: seen.append})
        with edges(bus, DROPS) as (subscription,):
            with pytest.raises(JournalFailed, match="no room for 1"):
                bus.publish(drop("a"))
            assert seen == []
            assert subscription.outbox == []


class TestSeal:
    def test_every_kind_of_event_and_input_must_be_routed_and_the_error_names_the_others(
        self,
    ) -> None:
        bus, _ = new_bus()
        bus.attach({kind: lambda _: None for kind in (EVENTS | INPUTS) - {ev.Tick, ev.DayRolled}})
        with pytest.raises(UnroutedKinds, match=r"^nobody handles: DayRolled, Tick$"):
            bus.seal()

    def test_a_handler_or_an_edge_is_enough(self) -> None:
        bus, _ = new_bus()
        bus.attach({kind: lambda _: None for kind in INPUTS})
        with edges(bus, EVENTS):
            bus.seal()


class TestPoison:
    @staticmethod
    def _failing(wrong: str) -> tuple[Bus, MemoryJournal, list[str], Callable[[Any], None]]:
        bus, journal = new_bus()
        seen: list[str] = []

        def handler(event: ev.SignalDropped) -> None:
            seen.append(event.signal_id)
            if event.signal_id == wrong:
                raise ZeroDivisionError("wrong")
            if event.signal_id == "a":
                bus.publish(drop("b"))
                bus.publish(drop("c"))

        bus.attach({ev.SignalDropped: handler})
        return bus, journal, seen, handler

    def test_a_failing_handler_is_named_with_its_item_and_its_error(self) -> None:
        bus, _, _, handler = self._failing("b")
        with pytest.raises(HandlerFailed) as caught:
            bus.publish(drop("a"))
        assert caught.value.handler == handler.__qualname__
        assert caught.value.item == drop("b")
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        assert str(caught.value).startswith(handler.__qualname__)
        assert "signal_id='b'" in str(caught.value)

    def test_what_was_queued_behind_the_failure_is_recorded_but_not_handled(self) -> None:
        bus, journal, seen, _ = self._failing("b")
        with pytest.raises(HandlerFailed):
            bus.publish(drop("a"))
        assert seen == ["a", "b"]
        assert [item.event for item in journal.records] == [drop("a"), drop("b"), drop("c")]

    def test_after_it_the_bus_takes_neither_events_nor_inputs(self) -> None:
        bus, journal, seen, _ = self._failing("a")
        with pytest.raises(HandlerFailed):
            bus.publish(drop("a"))
        for again in (partial(bus.publish, drop("d")), partial(bus.feed, TICK)):
            with pytest.raises(BusPoisoned):
                again()
        assert seen == ["a"]
        assert len(journal.records) == 1

    def test_a_failing_input_handler_poisons_as_well(self) -> None:
        bus, _ = new_bus()

        def handler(tick: ev.Tick) -> None:
            raise KeyError(tick.symbol)

        bus.attach({ev.Tick: handler})
        with pytest.raises(HandlerFailed) as caught:
            bus.feed(TICK)
        assert caught.value.item == TICK
        with pytest.raises(BusPoisoned):
            bus.publish(drop("a"))

    def test_the_last_event_is_still_recorded_for_the_edges_and_for_nobody_else(self) -> None:
        bus, journal, seen, _ = self._failing("a")
        ends: list[ev.SessionEnded] = []
        bus.attach({ev.SessionEnded: ends.append})
        with edges(bus, frozenset({ev.SessionEnded})) as (subscription,):
            with pytest.raises(HandlerFailed):
                bus.publish(drop("a"))
            bus.conclude(ended(), {"ended_at": "now"})
            assert [item.metadata for item in subscription.outbox] == [{"ended_at": "now"}]
        assert journal.records[-1].event == ended()
        assert (seen, ends) == (["a"], [])


class OnDisk(MemoryJournal):
    """A journal that lets records be shown once the test says that they are on the disk."""

    def __init__(self) -> None:
        super().__init__()
        self.on_disk = anyio.Event()

    async def showable(self, seq: int) -> None:
        del seq
        await self.on_disk.wait()


@pytest.mark.asyncio
class TestEdges:
    async def test_an_edge_gets_the_records_of_its_kinds_in_order(self) -> None:
        bus, journal = new_bus()
        wanted: frozenset[type] = frozenset({ev.SignalRaised, ev.PositionClosed})
        with edges(bus, EVENTS, wanted) as (every, some):
            for event in ONE_OF_EACH:
                bus.publish(event)
            await bus.flush()
            assert await every.stream.receive() == journal.records
            received = await some.stream.receive()
        assert [type(item.event) for item in received] == [ev.SignalRaised, ev.PositionClosed]

    async def test_nothing_is_handed_over_before_a_flush_and_no_empty_batches_ever(self) -> None:
        bus, _ = new_bus()
        with edges(bus, DROPS) as (subscription,):
            bus.publish(drop("a"))
            assert bus.unflushed == 1
            assert subscription.stream.waiting == 0
            await bus.flush()
            await bus.flush()
            assert bus.unflushed == 0
            assert len(await subscription.stream.receive()) == 1
            assert subscription.stream.waiting == 0

    async def test_a_full_stream_holds_the_feeder_back_until_the_actor_takes_a_batch(self) -> None:
        bus, _ = new_bus()
        flushed = 0

        async def feeder() -> None:
            nonlocal flushed
            for number in range(SUBSCRIPTION_BATCHES + 3):
                bus.publish(drop(str(number)))
                await bus.flush()
                flushed += 1

        with edges(bus, DROPS) as (subscription,):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(feeder)
                for taken in range(4):
                    await anyio.wait_all_tasks_blocked()
                    assert flushed == min(SUBSCRIPTION_BATCHES + taken, SUBSCRIPTION_BATCHES + 3)
                    batch = await subscription.stream.receive()
                    assert [item.seq for item in batch] == [taken + 1]

    async def test_closing_the_edges_delivers_everything_that_was_flushed(self) -> None:
        bus, journal = new_bus()
        taken: list[ev.Record] = []

        async def actor() -> None:
            async for batch in subscription.stream:
                await anyio.lowlevel.checkpoint()
                taken.extend(batch)

        with edges(bus, DROPS) as (subscription,):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(actor)
                for number in range(500):
                    bus.publish(drop(str(number)))
                    await bus.flush()
                bus.close_subscriptions()
        assert taken == journal.records
        assert len(taken) == 500

    async def test_an_edge_whose_actor_failed_does_not_hold_the_feeder_back(self) -> None:
        bus, _ = new_bus()
        with edges(bus, DROPS) as (subscription,):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(subscription.abandon)
                for number in range(SUBSCRIPTION_BATCHES * 3):
                    bus.publish(drop(str(number)))
                    await bus.flush()
                bus.close_subscriptions()
            assert subscription.stream.waiting == 0

    async def test_nothing_is_shown_before_the_journal_lets_it(self) -> None:
        """A record that a crash could still undo waits at the edge, outlasts a cancelled wait for
        it, and holds nobody else up."""
        journal = OnDisk()
        bus = Bus(journal)
        shown: list[ev.Record] = []

        async def actor() -> None:
            async for batch in subscription.stream:
                shown.extend(batch)

        with edges(bus, DROPS) as (subscription,):
            bus.publish(drop("a"))
            await bus.flush()
            with anyio.move_on_after(0):
                await subscription.stream.receive()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(actor)
                await anyio.wait_all_tasks_blocked()
                bus.publish(drop("b"))
                await bus.flush()
                await anyio.wait_all_tasks_blocked()
                assert (shown, subscription.waiting) == ([], 2)
                journal.on_disk.set()
                bus.close_subscriptions()
        assert shown == journal.records
