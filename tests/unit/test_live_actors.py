"""The actors of a session on a terminal: accounts that are refused, days that were missed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.mt5.api.errors import UnsuitableAccount
from adapters.mt5.execution.remote import LiveRouter
from adapters.mt5.execution.requests import Instrument
from adapters.mt5.execution.translation import figures
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine.clock import VirtualClock
from engine.fields import ExecutionResult, VenueOutcome
from engine.journal import MemoryJournal
from engine.types import Limits, Side
from scripts.app.sessions.live_actors import LiveActors, Wiring, connect_live, days_to_come
from scripts.app.sessions.loss_buffer import unseen
from tests.simulation.market import SPECS

EURUSD = SPECS[0]
FIGURES = ev.Account(balance=9_900_000, equity=9_900_000)
LIMITS = Limits(
    max_positions=2,
    max_positions_per_symbol=1,
    per_trade_risk_fraction=0.004,
    daily_loss_fraction=0.02,
    reset_zone="Europe/Prague",
)
SIDE = Side.LONG


class NoLine:
    """A line that is never used."""

    async def work(self, job: Any) -> Any:
        raise AssertionError(job)

    async def call(self, function: str, *args: Any, deadline: float, **kwargs: Any) -> Any:
        raise AssertionError((function, args, deadline, kwargs))

    async def restart(self) -> object:
        raise AssertionError


def wiring(*, netting: bool, now: int) -> Wiring:
    account = PaperAccount({"EURUSD": EURUSD}, 10_000_000, netting=netting)
    info = PaperTerminal(account).account_info()
    assert info is not None
    return Wiring(
        journal=MemoryJournal(),
        link=NoLine(),
        clock=VirtualClock(now),
        account=info,
        session_id="one",
        strategy_id="none",
        factory=None,
        instruments={"EURUSD": Instrument(EURUSD, "EURUSD", 0)},
        limits=LIMITS,
        router=LiveRouter,
        to_server=lambda moment: moment // 1000,
    )


@contextmanager
def live(now: str) -> Iterator[LiveActors]:
    """Actors at `now` (UTC) that have done nothing yet."""
    actors = connect_live(wiring(netting=False, now=at(now)))
    yield actors
    actors.venue.abandon()


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def record(seq: int, moment: int, event: ev.Event | ev.Input) -> ev.Record:
    return ev.Record(seq, moment, None, event)


def started() -> ev.SessionStarted:
    return ev.SessionStarted(
        mode="live",
        currency="USD",
        account=ev.Account(balance=10_000_000, equity=10_000_000),
        preset="none",
        parameters={},
        limits={},
        symbols=(EURUSD,),
    )


def rolled(date: str) -> ev.DayRolled:
    return ev.DayRolled(date=date, day_start=9_900_000, floor=9_702_000.0, account=FIGURES)


def test_a_netting_account_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(UnsuitableAccount, match=r"not a hedging account.*use a hedging account"):
        connect_live(wiring(netting=True, now=0))


def coming(now: str, records: list[ev.Record], count: int) -> list[str]:
    days = days_to_come(LIMITS, at(now), records)
    return [next(days)[1] for _ in range(count)]


def test_a_day_that_began_while_the_engine_was_down_is_still_to_be_turned() -> None:
    """Also when something was recorded after that midnight, before the engine ended again."""
    records = [
        record(1, at("2025-01-07T20:00"), started()),
        record(2, at("2025-01-08T12:00"), ev.SessionResumed(account=FIGURES)),
    ]
    days = ["2025-01-08", "2025-01-09", "2025-01-10"]
    assert coming("2025-01-09T12:00", records, 3) == days


def test_a_day_that_was_turned_is_not_turned_again() -> None:
    records = [
        record(1, at("2025-01-07T20:00"), started()),
        record(2, at("2025-01-07T23:00"), rolled("2025-01-08")),
    ]
    assert coming("2025-01-08T12:00", records, 1) == ["2025-01-09"]


def test_a_new_session_turns_the_days_after_its_beginning() -> None:
    assert coming("2025-01-07T20:00", [], 1) == ["2025-01-08"]


def test_the_extremes_after_a_deal_come_back_from_the_journal() -> None:
    """The equity test that follows a deal is not on record by itself."""
    with live("2025-01-07T21:00") as actors:
        low = ev.Account(balance=9_800_000, equity=9_800_000)
        opened = ev.PositionOpened(
            position=1, order_id=1, signal_id="a", strategy_id="b", symbol="EURUSD", side=SIDE,
            volume=100, price=110_000, reason="x", account=low,
        )  # fmt: skip
        terms = ev.OrderTerms(
            signal_id="a", strategy_id="b", symbol="EURUSD", action=ev.Action.OPEN, side=SIDE,
            reason="x", price=110_000,
        )  # fmt: skip
        intent = ev.OrderIntent(order_id=1, terms=terms)
        events: list[ev.Event] = [
            started(),
            ev.SignalRaised(terms=terms),
            intent,
            ev.OrderApproved(order=intent, volume=100, risk=1, margin=1),
            ev.OrderSubmitted(order_id=1, terms=terms, volume=100),
            ev.OrderFilled(order_id=1, ticket=1, deal=2, volume=100, price=110_000),
            opened,
        ]  # fmt: skip
        begin = at("2025-01-07T20:00")
        records = [record(seq, begin, event) for seq, event in enumerate(events, start=1)]
        actors.restorer().restore(records)
        assert actors.risk.losses.drawdowns.drawdown == 0.02
        assert actors.risk.losses.drawdowns.daily_loss == 0.02


def lost(actors: LiveActors) -> None:
    """The session's one order went out, and what the venue did with it is not known."""
    actors.begin(started(), {})
    actors.bus.feed(ev.Tick("EURUSD", 110_000, 110_010))
    entry = ev.SignalRaised(
        terms=ev.OrderTerms(
            signal_id="s",
            strategy_id="one",
            symbol="EURUSD",
            action=ev.OPEN,
            side=SIDE,
            reason="",
            price=110_010,
            stop_loss=109_910,
            take_profit=110_210,
        ),
    )  # fmt: skip
    actors.bus.publish(entry)
    actors.bus.feed(
        ev.VenueReplied(1, ExecutionResult(VenueOutcome.UNKNOWN, -10_005, "IPC timeout"))
    )
    assert [order.order_id for order in actors.gateway.unresolved] == [1]


def look(actors: LiveActors) -> None:
    """A look at an account that shows no trace of anything."""
    account = wiring(netting=False, now=0).account
    actors.gateway.reconcile(ev.AccountSnapshot(account=figures(account)))


def test_an_order_of_unknown_outcome_must_be_looked_for_before_the_user_resumes() -> None:
    with live("2025-01-07T12:00") as actors:
        lost(actors)
        why = "the outcome of order 1 is unknown and the terminal was not looked at since"
        assert unseen(actors) == why
        look(actors)
        assert unseen(actors) is None


def test_a_look_before_the_link_was_lost_does_not_let_the_user_resume_while_it_is_down() -> None:
    with live("2025-01-07T12:00") as actors:
        lost(actors)
        look(actors)
        actors.bus.feed(ev.LinkChanged(up=False, detail="the terminal host is gone"))
        assert unseen(actors) == "the outcome of order 1 is unknown and the link is down"
        actors.bus.feed(ev.LinkChanged(up=True, detail="the terminal answers again"))
        assert unseen(actors) is None


def test_without_an_order_of_unknown_outcome_a_link_that_is_down_keeps_nobody_from_resuming() -> (
    None
):
    with live("2025-01-07T12:00") as actors:
        actors.begin(started(), {})
        actors.bus.feed(ev.LinkChanged(up=False, detail="the terminal host is gone"))
        assert unseen(actors) is None


def test_a_session_on_paper_goes_on_with_its_own_figures_not_with_the_terminals() -> None:
    """Limits and status are told what its paper account holds, also before the first look at it."""
    with live("2025-01-07T21:00") as actors:
        seen = ev.AccountSeen(9_790_000, 9_780_000, 120_000)
        begin = at("2025-01-07T20:00")
        records = [record(1, begin, started()), record(2, begin, seen)]
        actors.resume(records, None, {}, last_seq=2)
        assert actors.portfolio.account == seen


def test_a_session_on_an_account_goes_on_with_what_the_terminal_shows_now() -> None:
    with live("2025-01-07T21:00") as actors:
        records = [record(1, at("2025-01-07T20:00"), started())]
        now = PaperTerminal(PaperAccount({"EURUSD": EURUSD}, 9_800_000)).account_info()
        actors.resume(records, now, {}, last_seq=1)
        assert actors.portfolio.account == ev.AccountSeen(9_800_000, 9_800_000, 0)
