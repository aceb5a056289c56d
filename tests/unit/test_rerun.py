"""Re-runs of recorded inputs: what is found, and how it is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine import events as ev
from engine.bus import Bus
from engine.journal import JournalFailed, MemoryJournal
from engine.portfolio import Portfolio
from engine.rerun import RerunComparison
from engine.types import SymbolSpec
from risk import limits as rules
from scripts.app.journals.rerun import deciders
from scripts.app.journals.rerun_inputs import InputsNotRecorded
from scripts.view.records import differing
from signals.strategy import Decision, View
from signals.strategy_actor import StrategyActor
from tests.builders import EURUSD
from tests.reruns import Remembering, difference, recorded, rerun
from tests.simulation.strategy import RandomStrategy

SEED = 5
"""A session that traded in several lives, with crashes between them."""

OPENED = 1_736_208_000_000


class TestOtherCode:
    def test_a_changed_check_of_risk_is_found_at_the_first_order_that_it_decides_otherwise(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        records, vet = recorded(SEED), rules.vet

        def timid(*asked: Any) -> ev.OrderApproved | ev.OrderDenied:
            verdict = vet(*asked)
            if isinstance(verdict, ev.OrderApproved):
                return msgspec.structs.replace(verdict, volume=verdict.volume - 100)
            return verdict

        monkeypatch.setattr(rules, "vet", timid)
        found = difference(rerun(records))
        approved = [r for r in records if isinstance(r.event, ev.OrderApproved)]
        opening = [r for r in approved if r.event.order.terms.action is ev.Action.OPEN]  # type: ignore[union-attr]
        assert found.recorded == opening[0]
        assert found.today is not None
        assert list(differing(found.recorded, found.today)) == ["volume"]

    def test_another_strategy_is_found_at_its_first_signal(self) -> None:
        class Idle(Remembering):
            def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
                super().on_bar(bar, view)
                return None

        found = difference(rerun(recorded(SEED), Idle))
        signals = [r for r in recorded(SEED) if isinstance(r.event, ev.SignalRaised)]
        assert found.recorded == signals[0]
        assert found.today is None
        assert found.failure == ""

    def test_a_strategy_that_fails_today_is_a_difference(self) -> None:
        class Broken(Remembering):
            def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
                if view.position is not None:
                    raise ZeroDivisionError("no more")
                return super().on_bar(bar, view)

        found = difference(rerun(recorded(SEED), Broken))
        assert "no more" in found.failure

    def test_the_bars_of_the_past_count(self) -> None:
        """Without what the strategies were warmed up with, a session decides otherwise."""
        records = [
            msgspec.structs.replace(record, event=ev.WarmedUp(record.event.symbol, ()))
            if isinstance(record.event, ev.WarmedUp)
            else record
            for record in recorded(SEED)
        ]
        assert rerun(records).difference is not None
        assert rerun(recorded(SEED, RandomStrategy), RandomStrategy).difference is None


class TestJournals:
    def test_one_without_inputs_cannot_run_again(self) -> None:
        records = [r for r in recorded(SEED) if not isinstance(r.event, ev.Input)]
        with pytest.raises(InputsNotRecorded, match="is a decision"):
            rerun(records)

    def test_what_a_failed_session_had_still_to_decide_is_no_difference(self) -> None:
        """Its last record stands in the middle of what an input led to."""
        records = recorded(SEED)
        place = next(
            number for number, record in enumerate(records)
            if isinstance(record.event, ev.OrderIntent)
        )  # fmt: skip
        last = records[-1]
        assert isinstance(last.event, ev.SessionEnded)
        failed = msgspec.structs.replace(last.event, outcome=ev.SessionOutcome.FAILED)
        end = msgspec.structs.replace(last, seq=place + 1, event=failed)
        totals = rerun([*records[:place], end])
        assert totals.difference is None
        assert totals.beyond > 0

    def test_the_figures_of_the_last_record_are_compared(self) -> None:
        *records, last = recorded(SEED)
        assert isinstance(last.event, ev.SessionEnded)
        wrong = msgspec.structs.replace(last.event, open_positions=(1, 2, 3))
        found = difference(rerun([*records, msgspec.structs.replace(last, event=wrong)]))
        assert found.today is not None
        assert list(differing(found.recorded, found.today)) == ["open_positions"]

    def test_what_the_user_commanded_is_commanded_again(self) -> None:
        journal = MemoryJournal()
        first = recorded(SEED)[0]
        assert isinstance(first.event, ev.SessionStarted)
        bus = Bus(journal, record_inputs=True)
        deciders(first.event, first.metadata or {}, RandomStrategy)(bus)
        bus.time = first.time
        bus.publish(first.event, first.metadata)
        bus.feed(ev.Tick(EURUSD.name, 110_000, 110_002))
        bus.publish(ev.UserCommanded(action=ev.UserAction.PAUSE, reason="lunch"))
        kinds = [type(record.event) for record in journal.records]
        assert kinds[-2:] == [ev.UserCommanded, ev.TradingStateChanged]
        totals = rerun(journal.records, RandomStrategy)
        assert (totals.difference, totals.inputs, totals.decisions) == (None, 2, 1)

    def test_another_time_is_a_difference(self) -> None:
        records = list(recorded(SEED))
        place = next(n for n, r in enumerate(records) if isinstance(r.event, ev.SignalRaised))
        records[place] = msgspec.structs.replace(records[place], time=records[place].time + 1)
        found = difference(rerun(records))
        assert found.today is not None
        assert differing(found.recorded, found.today) == {
            "time": (found.recorded.time, found.recorded.time - 1)
        }


@pytest.mark.asyncio
async def test_a_comparison_is_a_journal() -> None:
    """What was appended is durable; what was not is an error, as for every journal."""
    journal = RerunComparison()
    with pytest.raises(JournalFailed, match="record 1"):
        await journal.durable(1)
    Bus(journal).publish(ev.OrderCancelled(order_id=1, reason="tested"))
    await journal.durable(1)
    await journal.room()
    await journal.close()
    assert journal.waiting


class TestWarmingUp:
    def test_bars_of_the_past_are_seen_in_order_and_lead_to_nothing(self) -> None:
        seen: list[ev.BarClosed] = []

        class Eager(RandomStrategy):
            def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
                seen.append(bar)
                assert view.position is None
                assert view.tick == ev.Tick(bar.symbol, bar.close, bar.close)
                return super()._enter(bar.close, view)

        def make(spec: SymbolSpec) -> Eager:
            return Eager(spec)

        journal = MemoryJournal()
        bus = Bus(journal, record_inputs=True)
        actor = StrategyActor(bus, Portfolio({EURUSD.name: EURUSD}), "eager", make)
        bus.attach(actor.routes())
        bars = tuple(
            (timeframe, OPENED + 900_000 * number, 110_000, 110_010, 109_990, 110_000 + number)
            for number in range(3)
            for timeframe in ("H1", "M15")
        )
        bus.feed(ev.WarmedUp(EURUSD.name, bars))
        bus.feed(ev.WarmedUp("unknown to it", bars))
        assert seen == [ev.BarClosed(EURUSD.name, *bar) for bar in bars if bar[0] == "M15"]
        assert [type(record.event) for record in journal.records] == [ev.WarmedUp] * 2
