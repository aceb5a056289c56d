"""A session's status, told from its records and from what is known at the moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.journal import SqliteJournal, StoredJournal
from adapters.mt5.live.feed_watch import FeedState
from adapters.reports.status import (
    AccountStatus,
    LinkState,
    Moment,
    Status,
    StatusFold,
    StatusKeeper,
    SymbolFeed,
)
from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.trading import HaltCause, Trading, TradingState
from engine.types import Side
from scripts.app.operations.control import left_of
from scripts.view.live_view import plain_line
from scripts.view.status_text import status_lines
from tests.builders import (
    EURGBP,
    ONE_OF_EACH,
    START,
    TICKS,
    account,
    broker_valued,
    closed,
    ended,
    halted,
    opened,
    signal,
    started,
    terms,
)
from tests.sessions import edges

NOON = 1_736_251_200_000
METADATA = {
    "session_id": "s-1", "dry_run": False, "account_profile": "DEMO",
    "started_at": "2025-01-07T10:00:00+00:00",
}  # fmt: skip
OUT: dict[str, Any] = {"symbol": "EURUSD", "side": Side.LONG}


def folded(*events: ev.Event | ev.Input) -> StatusFold:
    fold = StatusFold()
    for seq, event in enumerate((started(mode="shadow"), *events), start=1):
        fold.take(ev.Record(seq, NOON + seq, None, event, METADATA if seq == 1 else None))
    return fold


def recorded(*events: ev.Event | ev.Input) -> Status:
    return folded(*events).recorded()


def moment(**changes: object) -> Moment:
    usual = Moment(now=NOON, trading=Trading(), account=ev.AccountSeen(START, START, 0), ticks={})
    return msgspec.structs.replace(usual, **changes)


def submitted(order_id: int, action: ev.Action = ev.Action.OPEN) -> ev.OrderSubmitted:
    return ev.OrderSubmitted(order_id=order_id, terms=terms(action=action), volume=5_000)


FOREIGN = ev.ReconciliationMismatch(
    external=(
        ev.ExternalExposure(ticket=60, symbol="EURUSD", side=Side.LONG, volume=2_000, risk=1_250),
    ),
)
"""A position that somebody else has opened."""


class TestFold:
    def test_the_session_is_named_with_its_terms(self) -> None:
        status = recorded()
        assert (status.session_id, status.mode, status.account_profile, status.dry_run) == (
            "s-1", "shadow", "DEMO", False,
        )  # fmt: skip
        assert (status.seq, status.time, status.state) == (1, NOON + 1, "active")

    def test_before_the_start_there_is_no_status(self) -> None:
        with pytest.raises(ValueError, match="no start of a session"):
            StatusFold().recorded()

    def test_money_is_decimal_and_that_of_the_last_record_with_figures(self) -> None:
        status = recorded(opened(), closed(account=account(10_012_345, 10_012_399, 5)))
        assert status.account == AccountStatus(balance=100_123.45, equity=100_123.99, margin=0.05)

    def test_positions_come_change_and_go(self) -> None:
        moved = ev.StopModified(
            order_id=6, position=7, volume=10_000, stop_loss=110_010, take_profit=0,
            reason="TRAIL", account=account(), **OUT,
        )  # fmt: skip
        part = closed(7, volume=4_000, remaining=6_000, net=100, profit=200)
        (position,) = recorded(opened(), moved, part).positions
        assert (position.ticket, position.symbol, position.side) == (7, "EURUSD", "long")
        assert (position.volume, position.entry) == (0.6, 1.1001)
        assert (position.stop_loss, position.take_profit, position.profit) == (1.1001, 0.0, None)
        assert recorded(opened(), closed()).positions == ()

    def test_a_position_with_the_sessions_mark_is_shown_whatever_the_books_say(self) -> None:
        """It may be the session's only one: somebody must see it to close it."""
        told = ev.ReconciliationMismatch(
            mismatches=("position 50 carries this session's mark",),
            marked=(
                ev.MarkedPosition(
                    ticket=50, symbol="EURUSD", side=Side.SHORT, volume=3_000, entry=110_000,
                    stop_loss=110_500, take_profit=0, comment="ab-1",
                ),
            ),
        )  # fmt: skip
        status = recorded(told)
        (shown,) = status.positions
        assert (shown.ticket, shown.side, shown.volume, shown.entry) == (50, "short", 0.3, 1.1)
        assert shown.mismatches
        (line,) = [item for item in status_lines(status) if "  position " in item]
        assert line.endswith("unexplained: it carries the session's mark")
        assert recorded(told, ev.ReconciliationMismatch()).positions == ()

    def test_what_is_not_the_sessions_is_shown_as_long_as_it_stands(self) -> None:
        """Somebody else's counts as risk: who looks at the session sees why entries are denied."""
        status = recorded(FOREIGN)
        (shown,) = status.external
        assert (shown.ticket, shown.side, shown.volume, shown.risk) == (60, "long", 0.2, 12.5)
        assert status.positions == ()
        (line,) = [item for item in status_lines(status) if "  external " in item]
        assert "60 EURUSD long 0.20 lots, may lose 12.50 USD" in line
        assert "left alone" in line
        assert "1 external" in plain_line(status)
        assert recorded(FOREIGN, ev.ReconciliationMismatch()).external == ()

    def test_what_must_be_closed_is_told_until_it_is(self) -> None:
        wanted = signal("s:1:FLATTEN", action=ev.CLOSE, position=7, reason="FLATTEN")
        part = closed(7, volume=4_000, remaining=6_000, net=100, profit=200)
        for events in ((wanted,), (wanted, part)):
            status = recorded(opened(), *events)
            assert status.to_close == (7,)
            assert any("position 7 must be closed" in line for line in status_lines(status))
        assert recorded(opened(), wanted, closed()).to_close == ()
        exit_of_its_own = signal("s:2", action=ev.CLOSE, position=7, reason="WHY")
        assert recorded(opened(), exit_of_its_own).to_close == ()

    def test_a_flatten_names_what_is_left_of_it(self) -> None:
        lost = ev.OrderUnknown(order_id=3, message="no answer", account=account(), **OUT)
        status = recorded(opened(), submitted(3, ev.Action.CLOSE), lost)
        assert left_of(status) == [
            "position 7 EURUSD long 1.00",
            "order 3 close EURUSD (its outcome is unknown)",
        ]
        assert left_of(recorded(opened(), closed())) == []

    def test_a_lost_link_is_told_by_its_present_cause_and_the_logins_tried(self) -> None:
        lost = halted(HaltCause.LINK, state=TradingState.SUSPENDED, detail="no answer")
        events: list[ev.Event | ev.Input] = [ev.LinkChanged(up=False, detail="no answer"), lost]
        events.append(ev.LinkChanged(up=False, detail="another account: 7"))
        status = recorded(*events)
        assert (status.why, status.logins) == ({"link": "another account: 7"}, 2)
        lines = status_lines(status)
        assert "  halted     link: another account: 7" in lines
        assert "  link       down, 0 reconnects, 2 logins tried" in lines
        again = recorded(*events, ev.LinkChanged(up=True, detail="back"), halted(None))
        assert (again.why, again.reconnects, again.logins) == ({}, 1, 2)

    def test_an_order_is_at_work_from_its_sending_to_its_end(self) -> None:
        (order,) = recorded(submitted(1), ev.OrderAccepted(order_id=1, ticket=7)).orders
        assert (order.order_id, order.action, order.side, order.volume) == (1, "open", "long", 0.5)

    @pytest.mark.parametrize(
        "end",
        [
            ev.OrderFilled(order_id=1, ticket=7, deal=1, volume=5_000, price=110_000),
            ev.OrderCancelled(order_id=1, reason="expired"),
            ev.OrderRejected(order_id=1, retcode=1, message="no", account=account(), **OUT),
        ],
    )
    def test_each_end_of_an_order_ends_its_doubt_too(self, end: ev.Event) -> None:
        unknown = ev.OrderUnknown(order_id=1, message="lost", account=account(), **OUT)
        assert recorded(submitted(1), unknown).unresolved == (1,)
        status = recorded(submitted(1), unknown, end)
        assert (status.orders, status.unresolved) == ((), ())

    def test_an_unknown_order_that_is_found_waiting_is_at_work_and_no_more_in_doubt(self) -> None:
        unknown = ev.OrderUnknown(order_id=1, message="lost", account=account(), **OUT)
        status = recorded(submitted(1), unknown, ev.OrderAccepted(order_id=1, ticket=7))
        assert ([order.order_id for order in status.orders], status.unresolved) == ([1], ())

    def test_what_became_of_an_order_without_a_trade_is_among_the_last_events(self) -> None:
        """Else the user sees it waiting, or in doubt, for ever."""
        waits = msgspec.structs.replace(submitted(1), terms=terms(entry_price=109_500))
        unknown = ev.OrderUnknown(order_id=2, message="lost", account=account(), **OUT)
        status = recorded(
            waits,
            ev.OrderAccepted(order_id=1, ticket=7),
            ev.OrderCancelled(order_id=1, reason="expired"),
            submitted(2),
            unknown,
            ev.OrderCancelled(order_id=2, reason="never executed"),
        )
        told = [line.text for line in status.last_events][1:]
        assert [text.split()[0] for text in told] == ["PLACED", "CANCELLED", "UNKNOWN", "CANCELLED"]
        assert told[1].endswith("expired")
        assert told[3].endswith("never executed")

    def test_a_part_of_a_fill_does_not_end_an_order(self) -> None:
        part = ev.OrderFilled(order_id=1, ticket=7, deal=1, volume=1, price=110_000, complete=False)
        assert len(recorded(submitted(1), part).orders) == 1

    def test_a_lost_link_is_told_and_each_return_counted(self) -> None:
        down = halted(HaltCause.LINK, state=TradingState.SUSPENDED)
        up = halted(None, state=TradingState.ACTIVE, causes=())
        status = recorded(down, up, down)
        assert (status.link, status.reconnects, status.causes) == (LinkState.DOWN, 1, ("link",))
        status = recorded(down, up, down, up)
        assert (status.link, status.reconnects, status.causes) == (LinkState.UP, 2, ())

    def test_the_last_events_are_kept_and_no_more(self) -> None:
        rolls = [closed(number, remaining=0) for number in range(100, 130)]
        opens = [opened(number) for number in range(100, 130)]
        lines = recorded(*opens, *rolls).last_events
        assert len(lines) == 12
        assert [line.seq for line in lines] == list(range(50, 62))
        assert lines[-1].text == "CLOSE EURUSD long 1.00 1.10210 TP 200.00"

    def test_orders_of_the_user_and_the_end_are_among_them(self) -> None:
        command = ev.UserCommanded(action=ev.UserAction.PAUSE, reason="news")
        status = recorded(command, ended(ev.SessionOutcome.FAILED, detail="disk"))
        assert [line.text for line in status.last_events] == [
            "STARTED shadow ftmo_m15", "USER pause news", "ENDED failed disk",
        ]  # fmt: skip
        assert (status.outcome, status.detail) == ("failed", "disk")

    def test_a_close_that_could_not_be_sent_is_among_them(self) -> None:
        status = recorded(
            submitted(3, ev.Action.CLOSE),
            ev.OrderCancelled(order_id=3, reason="never sent: -10004", unsent=True),
        )
        text = "NOT SENT order 3, it stays wanted: never sent: -10004"
        assert status.last_events[-1].text == text
        assert status.orders == ()

    def test_every_kind_of_event_is_taken(self) -> None:
        fold = folded(*ONE_OF_EACH[1:])
        assert fold.seq == len(ONE_OF_EACH)

    async def _journal(self, path: Path) -> None:
        journal = SqliteJournal(path, power_safe=False)
        bus = Bus(journal)
        bus.publish(started(), METADATA)
        bus.publish(opened())
        await journal.close()

    @pytest.mark.asyncio
    async def test_a_journal_on_disk_tells_the_status_of_a_session_that_was_cut_off(
        self, tmp_path: Path
    ) -> None:
        await self._journal(tmp_path / "journal.sqlite")
        fold = StatusFold()
        with StoredJournal(tmp_path / "journal.sqlite") as stored:
            for record in stored.records():
                fold.take(record)
        status = fold.recorded()
        assert (status.running, status.pid, status.outcome) == (False, None, None)
        assert len(status.positions) == 1


class TestLive:
    def test_prices_give_each_position_its_floating_profit(self) -> None:
        short = opened(8, symbol="GBPUSD", side=Side.SHORT, price=125_060)
        live = folded(opened(), short).live(moment(ticks=TICKS))
        assert [item.profit for item in live.positions] == [-10.0, 50.0]

    def test_a_cross_has_one_once_it_is_known_what_it_is_worth(self) -> None:
        """100 points of a lot are 100.00 GBP; a thousandth of the price told 1.25 dollars each."""
        fold = StatusFold()
        first = started(mode="shadow", symbols=(EURGBP,))
        story: tuple[ev.Event, ...] = (first, opened(8, symbol="EURGBP", price=86_010))
        for seq, event in enumerate(story, start=1):
            fold.take(ev.Record(seq, NOON + seq, None, event, METADATA if seq == 1 else None))
        ticks = {"EURGBP": ev.Tick("EURGBP", 86_110, 86_120)}
        (before,) = fold.live(moment(ticks=ticks)).positions
        valuation = broker_valued("EURGBP", price=86_010, move=86, gain=537_500, loss=537_543)
        (after,) = fold.live(moment(ticks=ticks, valuations={"EURGBP": valuation})).positions
        assert (before.profit, after.profit) == (None, 125.0)

    def test_state_account_and_time_are_those_of_the_moment(self) -> None:
        live = folded(halted()).live(
            moment(trading=Trading((HaltCause.PAUSED,)), account=ev.AccountSeen(100, 200, 3))
        )
        assert (live.state, live.causes) == ("latched", ("paused",))
        assert live.account == AccountStatus(balance=1.0, equity=2.0, margin=0.03)
        assert (live.running, live.pid, live.uptime) == (True, os.getpid(), 7_200)

    def test_feeds_queues_and_headroom_are_passed_on(self) -> None:
        live = folded().live(
            moment(
                ticks=TICKS,
                ticked_at={"EURUSD": NOON - 5},
                feeds={"EURUSD": FeedState.MUTE},
                queues={"log": 3},
                loss_buffer={"daily loss": 512.5},
            )
        )
        assert live.feeds["EURUSD"] == SymbolFeed(
            state=FeedState.MUTE, last_tick=NOON - 5, bid=1.1, ask=1.1001, digits=5
        )
        assert live.feeds["GBPUSD"].state is None
        assert (live.queues, live.loss_buffer) == ({"log": 3}, {"daily loss": 512.5})

    def test_it_survives_the_way_over_a_wire(self) -> None:
        live = folded(*ONE_OF_EACH[1:]).live(moment(ticks=TICKS))
        assert msgspec.json.decode(msgspec.json.encode(live), type=Status) == live


@pytest.mark.asyncio
async def test_the_keeper_follows_the_records_of_its_edge() -> None:
    bus = Bus(MemoryJournal())
    keeper = StatusKeeper(moment)
    assert keeper.status() is None
    with edges(bus, keeper.kinds) as (subscription,):
        bus.publish(started(), METADATA)
        bus.publish(opened())
        assert subscription.waiting == 1
        await bus.flush()
        assert subscription.waiting == 1
        bus.close_subscriptions()
        await keeper.run(subscription)
    status = keeper.status()
    assert status is not None
    assert (status.seq, len(status.positions), status.running) == (2, 1, True)


def test_a_session_that_goes_on_has_its_past_and_has_not_ended() -> None:
    past = [
        ev.Record(1, NOON, None, started(), METADATA),
        ev.Record(2, NOON, None, opened()),
        ev.Record(3, NOON, None, ended(ev.SessionOutcome.INTERRUPTED)),
        ev.Record(4, NOON, None, ev.SessionResumed(account=account(5_000))),
    ]
    status = StatusKeeper(moment, past).status()
    assert status is not None
    assert (status.outcome, status.session_id, len(status.positions)) == (None, "s-1", 1)
    assert status.last_events[-1].text == "RESUMED from its journal"


class TestText:
    def test_the_lines_say_what_matters_first(self) -> None:
        buffers = {
            "today": 1_500.0,
            "overall": 5_500.5,
            "orders_today": 4.0,
            "reset_in_hours": 11.0,
        }
        live = folded(opened(), submitted(2)).live(
            moment(
                ticks=TICKS, trading=Trading((HaltCause.PAUSED,)), loss_buffer=buffers,
                day_start=9_990_000,
            )
        )  # fmt: skip
        lines = status_lines(live)
        assert lines[0] == (
            f"s-1: shadow, running for 02:00 (process {os.getpid()}); trading latched (paused)"
        )
        figures = "balance 100,000.00, equity 100,000.00, today +100.00, margin 0.00 USD"
        assert lines[1] == f"  account    {figures}"
        assert lines[2] == (
            "  time       2025-01-07 12:00 UTC; the day turns at 23:00 UTC, in 11 h 00 min"
        )
        assert lines[3] == (
            "  buffers    1,500.00 USD left today, 5,500.50 USD left overall, room for 4 orders"
        )
        assert lines[4] == (
            "  position   7 EURUSD long 1.00 at 1.10010, stop 1.09910, target 1.10210, -10.00 USD"
        )
        assert lines[5] == "  order      2 open EURUSD long 0.50"

    def test_a_session_that_is_over_says_how_it_ended(self) -> None:
        assert "ended done at 2025-01-07T12:00:00.002+00:00" in status_lines(recorded(ended()))[0]
        assert "cut off after record 1" in status_lines(recorded())[0]

    def test_an_order_of_unknown_outcome_is_named(self) -> None:
        unknown = ev.OrderUnknown(order_id=4, message="lost", account=account(), **OUT)
        line = "  unknown    the outcome of order 4: look at the terminal"
        assert line in status_lines(recorded(unknown))
