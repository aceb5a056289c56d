"""Which records are worth an alert, and what becomes of those that a service does not take."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import anyio
import anyio.to_thread
import pytest

from adapters.services.alerts import Alert, AlertKind, AlertRules, Alerts, Policy
from adapters.system.outbox import Outbox
from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.trading import HaltCause, TradingState
from tests.builders import START, account, closed, ended, halted, opened
from tests.sessions import edges

NOON = 1_736_251_200_000
SECONDS = 60.0


def changed(*causes: HaltCause, newest: HaltCause | None = None) -> ev.TradingStateChanged:
    state = TradingState.LATCHED if causes else TradingState.ACTIVE
    return halted(newest, state=state, causes=causes, detail="the reason")


def told(*events: ev.Event, policy: Policy | None = None) -> list[Alert]:
    rules = AlertRules(policy or Policy(), "s-1")
    return [
        alert
        for seq, event in enumerate(events, start=1)
        for alert in rules.take(ev.Record(seq, NOON, None, event))
    ]


class TestRules:
    @pytest.mark.parametrize(
        ("cause", "kind"),
        [
            (HaltCause.DAILY_LOSS, AlertKind.BREACH),
            (HaltCause.MAX_LOSS, AlertKind.BREACH),
            (HaltCause.FEED, AlertKind.MUTE_FEED),
            (HaltCause.REJECTION, AlertKind.HALT),
            (HaltCause.UNKNOWN_OUTCOME, AlertKind.HALT),
            (HaltCause.PAUSED, AlertKind.HALT),
        ],
    )
    def test_each_cause_is_told_once_with_reason_and_figures(
        self, cause: HaltCause, kind: AlertKind
    ) -> None:
        (alert,) = told(changed(cause))
        assert (alert.kind, alert.title) == (kind, f"s-1: no new orders: {cause}")
        assert alert.text == "the reason; equity 97900.00, balance 97900.00 USD"

    def test_a_second_cause_does_not_repeat_the_first(self) -> None:
        alerts = told(
            changed(HaltCause.REJECTION), changed(HaltCause.REJECTION, HaltCause.MAX_LOSS)
        )
        assert [alert.title for alert in alerts] == [
            "s-1: no new orders: rejection", "s-1: no new orders: max_loss",
        ]  # fmt: skip

    def test_the_end_of_the_last_cause_is_told(self) -> None:
        alerts = told(changed(HaltCause.PAUSED), changed())
        assert alerts[-1].title == "s-1: trading is active again"

    def test_the_day_is_summed_up_when_the_next_begins(self) -> None:
        day = ev.DayRolled(
            date="2025-01-08", day_start=START, floor=9_800_000.0, account=account(START + 100)
        )
        part = closed(8, net=-50, remaining=10)
        first, second = told(opened(), closed(), part, closed(8, net=150), day, day)
        assert first == Alert(
            AlertKind.DAILY_SUMMARY, "s-1: daily summary",
            "until 2025-01-08: 2 trades closed, net 196.00 USD; balance 100001.00, "
            "equity 100001.00 USD; today's floor 98000.00 USD",
        )  # fmt: skip
        assert "0 trades closed, net 0.00" in second.text

    def test_an_end_that_was_not_planned_is_told_and_a_planned_one_is_not(self) -> None:
        (alert,) = told(ended(ev.SessionOutcome.FAILED, detail="the disk is gone"))
        assert (alert.kind, alert.text) == (AlertKind.HALT, "failed the disk is gone")
        assert told(ended()) == []

    @pytest.mark.parametrize("kind", list(AlertKind))
    def test_each_kind_can_be_switched_off_by_itself(self, kind: AlertKind) -> None:
        day = ev.DayRolled(date="2025-01-08", day_start=START, floor=9.0, account=account())
        story = (
            changed(HaltCause.PAUSED), changed(HaltCause.PAUSED, HaltCause.MAX_LOSS),
            changed(HaltCause.FEED), day, changed(HaltCause.LINK),
        )  # fmt: skip

        def kinds(policy: Policy) -> set[AlertKind]:
            rules = AlertRules(policy, "s-1")
            found = [a for event in story for a in rules.take(ev.Record(1, NOON, None, event))]
            found += rules.services({"metrics": "broken"})
            return {alert.kind for alert in found + rules.due(NOON + 60_000)}

        assert kinds(Policy()) == set(AlertKind)
        assert kinds(Policy(kinds=frozenset(AlertKind) - {kind})) == set(AlertKind) - {kind}


class TestDisconnect:
    """A short loss of the link is nobody's business."""

    def rules(self, *events: ev.Event) -> AlertRules:
        rules = AlertRules(Policy(disconnect_after=30_000), "s-1")
        for event in events:
            assert rules.take(ev.Record(1, NOON, None, event)) == []
        return rules

    def test_it_is_told_when_the_limit_has_passed_and_once(self) -> None:
        rules = self.rules(changed(HaltCause.LINK))
        assert rules.due(NOON + 29_999) == []
        (alert,) = rules.due(NOON + 30_000)
        assert alert == Alert(
            AlertKind.DISCONNECT, "s-1: disconnected",
            "the link to the terminal is down since 2025-01-07T12:00:00+00:00",
        )  # fmt: skip
        assert rules.due(NOON + 90_000) == []

    def test_a_return_within_the_limit_is_silent(self) -> None:
        rules = self.rules(changed(HaltCause.LINK), changed())
        assert rules.due(NOON + 90_000) == []

    def test_the_return_after_an_alert_is_told(self) -> None:
        rules = self.rules(changed(HaltCause.LINK))
        rules.due(NOON + 30_000)
        (alert,) = rules.take(ev.Record(2, NOON, None, changed()))
        assert (alert.kind, alert.title) == (AlertKind.DISCONNECT, "s-1: connected again")

    def test_another_cause_in_between_does_not_restart_the_time(self) -> None:
        rules = AlertRules(Policy(disconnect_after=30_000), "s-1")
        rules.take(ev.Record(1, NOON, None, changed(HaltCause.LINK)))
        rules.take(ev.Record(2, NOON + 20_000, None, changed(HaltCause.LINK, HaltCause.PAUSED)))
        assert len(rules.due(NOON + 30_000)) == 1


class Service:
    """A service that takes what it is given; it may hang until `free` is set, or fail."""

    def __init__(self, *, hangs: bool = False, fails: bool = False) -> None:
        self.taken: list[Alert] = []
        self.reached = threading.Event()
        self.free = threading.Event()
        self._fails = fails
        if not hangs:
            self.free.set()

    def __call__(self, alert: Alert) -> None:
        self.reached.set()
        assert self.free.wait(SECONDS)
        if self._fails:
            raise OSError("https://user:secret@host refused")
        self.taken.append(alert)


@pytest.fixture
def hanging() -> Iterator[Service]:
    service = Service(hangs=True)
    yield service
    service.free.set()


class Stage:
    """An alert actor on the edge of a bus."""

    def __init__(self, service: Service, *, room: int = 32, last_seconds: float = SECONDS) -> None:
        self.warnings: list[str] = []
        self.bus = Bus(MemoryJournal())
        rules = AlertRules(Policy(), "s-1")
        self.actor = Alerts(
            rules, service, lambda: NOON, self.warnings.append, room=room, last_seconds=last_seconds
        )

    async def run(self, *events: ev.Event) -> None:
        with edges(self.bus, self.actor.kinds) as (subscription,):
            for event in events:
                self.bus.publish(event)
            await self.bus.flush()
            self.bus.close_subscriptions()
            await self.actor.run(subscription)


def causes(count: int) -> list[ev.Event]:
    """So many changes that are each worth one alert, the trading day's among them."""
    return [changed(HaltCause.PAUSED) if number % 2 == 0 else changed() for number in range(count)]


@pytest.mark.asyncio
class TestActor:
    async def test_what_is_worth_an_alert_is_sent_in_order_before_the_session_is_over(self) -> None:
        service = Service()
        stage = Stage(service)
        await stage.run(*causes(6))
        assert [alert.title for alert in service.taken] == [
            "s-1: no new orders: paused", "s-1: trading is active again",
        ] * 3  # fmt: skip
        assert stage.warnings == []

    async def test_a_service_that_hangs_costs_the_oldest_and_the_end_does_not_wait_for_it(
        self, hanging: Service
    ) -> None:
        stage = Stage(hanging, room=4, last_seconds=0.01)
        first, *others = causes(20)
        with edges(stage.bus, stage.actor.kinds) as (subscription,):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(stage.actor.run, subscription)
                stage.bus.publish(first)
                await stage.bus.flush()
                assert await anyio.to_thread.run_sync(hanging.reached.wait, SECONDS)
                for event in others:
                    stage.bus.publish(event)
                await stage.bus.flush()
                stage.bus.close_subscriptions()
        assert stage.warnings == [
            "alerts: the service is too slow, 15 were dropped",
            "alerts: the service hangs, 5 were not sent",
        ]

    async def test_a_failed_delivery_is_counted_without_what_the_error_says(self) -> None:
        stage = Stage(Service(fails=True))
        await stage.run(*causes(3))
        assert stage.warnings == ["alerts: 3 could not be sent; try butler alerts test"]


class TestOutbox:
    def test_the_oldest_waiting_things_are_dropped_and_counted(self, hanging: Service) -> None:
        outbox: Outbox[Alert] = Outbox("test", hanging, room=2)
        things = [Alert(AlertKind.HALT, str(number), "") for number in range(5)]
        outbox.put(things[0])
        assert hanging.reached.wait(SECONDS)
        for thing in things[1:]:
            outbox.put(thing)
        assert outbox.news() == (2, 0)
        assert outbox.news() == (0, 0)
        hanging.free.set()
        assert outbox.finish(SECONDS) == 0
        assert hanging.taken == [things[0], *things[3:]]

    def test_its_end_waits_no_longer_than_told(self, hanging: Service) -> None:
        outbox: Outbox[Alert] = Outbox("test", hanging, room=2)
        outbox.put(Alert(AlertKind.HALT, "1", ""))
        assert outbox.finish(0.0) == 1
