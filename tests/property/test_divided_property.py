"""A session that is cut off at any input and followed by a new one: risk knows what it knew.

The journal of one session that trades, loses, is denied and halted is read back up to any input. An
engine that has only the account's deals and the store's notes must then judge the next order by the
same day, baseline, counts, known signals and halts as the one that ran on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.journal import StoredJournal
from adapters.state.reading import AccountRead
from adapters.state.store import AccountStore, SessionRow
from engine import events as ev
from engine.account.history import AccountNow, DealType, HistoryDeal, OpenPosition
from engine.bus import Bus
from engine.clock import VirtualClock
from engine.journal import MemoryJournal
from engine.rerun import INPUTS
from engine.trading import HaltCause
from engine.types import Limits, Millis, Side, lots
from risk.ledger.fold import fold
from risk.ledger.inputs import OwnDay
from scripts.app.account.notes import SessionNotes
from scripts.app.account.terms import LedgerTerms
from scripts.app.journals.rerun import deciders
from scripts.app.sessions import ledger
from scripts.app.sessions.live_actors import Deciders
from scripts.app.sessions.replay import MAGIC
from tests.commands import butler
from tests.ledger_history import UTC

ACCOUNT_WIDE = {
    HaltCause.DAILY_LOSS, HaltCause.DAY_LIMIT, HaltCause.MAX_LOSS, HaltCause.LIMIT,
}  # fmt: skip
DAY: Millis = 86_400_000


class Lived:
    """A session's records, and what makes its actors."""

    def __init__(self, journal: Path) -> None:
        with StoredJournal(journal) as stored:
            self.records = list(stored.records())
        started = self.records[0].event
        assert isinstance(started, ev.SessionStarted)
        self.started, self.metadata = started, self.records[0].metadata or {}
        self.limits = msgspec.convert(started.limits, Limits)
        self.cuts = [
            number
            for number, record in enumerate(self.records)
            if number > 3 and isinstance(record.event, INPUTS) and not self._turns(number)
        ]

    def _turns(self, number: int) -> bool:
        """Whether the records before break off in the moment of a reset, before its day is turned:
        a new session begins in the new day then.
        """
        last = self.records[number - 1].time
        return any(
            isinstance(record.event, ev.DayRolled)
            for record in takewhile(lambda record: record.time == last, self.records[number:])
        )

    def actors(self) -> Deciders:
        return deciders(self.started, self.metadata, None)(Bus(MemoryJournal()))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Four days of the sample with a day's loss that is soon reached."""
    results = tmp_path_factory.mktemp("lived")
    said = butler(
        "shadow", "--account-profile", "PAPER", "--no-dry-run", "--speed", "max", "--quiet",
        "--from", "2024-12-16", "--to", "2024-12-19", "--daily-loss-fraction", "0.006",
        "--results-dir", results, "--session-id", "one",
    )  # fmt: skip
    assert said.code == 0, said
    found = Lived(results / "sessions" / "one" / "journal.sqlite")
    kinds = {type(record.event) for record in found.records}
    assert {ev.OrderDenied, ev.PositionClosed, ev.TradingStateChanged, ev.DayRolled} <= kinds
    return found


def deals_of(records: Sequence[ev.Record], deposit: int) -> list[HistoryDeal]:
    """The account's deals as its terminal would tell them, by UTC."""
    begun = records[0].time
    deals = [HistoryDeal(ticket=1, time_msc=begun, type=DealType.BALANCE, profit=deposit / 100)]
    for record in records:
        event = record.event
        if isinstance(event, ev.PositionOpened | ev.PositionClosed):
            deals.append(_deal(event, record.time, len(deals) + 1))
    return deals


def _deal(event: ev.PositionOpened | ev.PositionClosed, at: Millis, ticket: int) -> HistoryDeal:
    leaves = isinstance(event, ev.PositionClosed)
    buys = (event.side is Side.LONG) != leaves
    return HistoryDeal(
        ticket=ticket,
        time_msc=at,
        type=DealType.BUY if buys else DealType.SELL,
        entry=int(leaves),
        order=event.order_id or 10_000 + ticket,
        magic=MAGIC,
        position_id=event.position,
        volume=lots(event.volume),
        symbol=event.symbol,
        commission=event.commission / 100,
        profit=event.profit / 100 if isinstance(event, ev.PositionClosed) else 0.0,
        swap=event.swap / 100 if isinstance(event, ev.PositionClosed) else 0.0,
    )


def told(lived: Lived, past: Sequence[ev.Record], ran_on: Deciders) -> ev.LedgerUpdated:
    """What a new session learns: from the deals, and from what the store was told until then."""
    now, deals = past[-1].time, deals_of(past, lived.started.account.balance)
    booked = sum(deal.profit + deal.commission + deal.swap for deal in deals)
    balance = round(booked * 100)
    held = tuple(
        OpenPosition(
            identifier=item.ticket, time_msc=now, type=0 if item.side is Side.LONG else 1,
            magic=MAGIC, volume=lots(item.volume), symbol=item.symbol,
        )
        for item in ran_on.portfolio.positions.values()
    )  # fmt: skip
    seen = AccountRead(
        account=AccountNow(balance=balance, equity=balance),
        deals=tuple(deals),
        orders=(), positions=held, pending=(), since=0,
    )  # fmt: skip
    nowhere: Any = None
    source = ledger.LedgerSource(
        books=nowhere,
        terms=LedgerTerms(own_day=OwnDay(zone=lived.limits.reset_zone)),
        clock=VirtualClock(now),
        names={},
        writes=False,
    )
    with TemporaryDirectory() as folder, AccountStore(Path(folder), 1, "Demo") as store:
        keep(store, lived, past)
        remembered = ledger._remembered(store, source, seen, now)
    inputs = msgspec.structs.replace(remembered.known, clock=UTC)
    reading = ledger.LedgerRead(at=now, seen=seen, report=fold(inputs), remembered=remembered)
    return reading.update(follows=False)


def keep(store: AccountStore, lived: Lived, past: Sequence[ev.Record]) -> None:
    row = SessionRow(
        id="one", folder="", tag=1, mode="shadow", dry=False, terms="{}", started=past[0].time,
        beat=past[0].time,
    )  # fmt: skip
    store.begin(row)
    store.set_baseline(lived.started.account.balance, past[0].time, "the first session")
    notes = SessionNotes("one", lived.limits, sends=True)
    for record in past:
        notes.take(record)
    store.do(notes.due())


@settings(max_examples=8)
@given(data=st.data())
def test_risk_goes_on_with_what_it_knew(lived: Lived, data: st.DataObject) -> None:
    past = lived.records[: data.draw(st.sampled_from(lived.cuts))]
    now = past[-1].time
    ran_on, new = lived.actors(), lived.actors()
    ran_on.restorer().restore(past)
    update = told(lived, past, ran_on)
    account = ran_on.portfolio.account.figures
    new.bus.time = now
    new.bus.publish(msgspec.structs.replace(lived.started, account=account))
    new.bus.feed(update)
    assert new.risk.losses.day_start == ran_on.risk.losses.day_start
    assert new.risk.losses.starting_balance == ran_on.risk.losses.starting_balance
    mine, its = new.risk._counters.counts(now), ran_on.risk._counters.counts(now)
    assert mine == its
    assert account_wide(new) == account_wide(ran_on)
    approved = {
        record.event.order.terms.signal_id
        for record in past
        if isinstance(record.event, ev.OrderApproved)
        and record.event.order.terms.action is ev.OPEN
        and record.time >= now - DAY
    }
    assert approved == new.risk._signals
    assert approved <= ran_on.risk._signals


def account_wide(actors: Deciders) -> set[HaltCause]:
    return set(actors.risk.control.trading.causes) & ACCOUNT_WIDE
