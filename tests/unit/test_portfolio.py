"""What every actor may look at follows the events, nothing else."""

from __future__ import annotations

import pytest

from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.portfolio import Portfolio, Position
from engine.types import Side
from tests.builders import LOT, SPECS, account, closed, opened, started


@pytest.fixture
def portfolio() -> Portfolio:
    return Portfolio(SPECS)


def told(portfolio: Portfolio, *items: ev.Event | ev.Input) -> None:
    """Let the market handle events and inputs through its own routes."""
    routes = portfolio.routes()
    for item in items:
        routes[type(item)](item)


def modified(position: int, stop: int, target: int = 110_210) -> ev.StopModified:
    return ev.StopModified(
        order_id=3, position=position, symbol="EURUSD", side=Side.LONG, volume=LOT,
        stop_loss=stop, take_profit=target, reason="TRAIL", account=account(),
    )  # fmt: skip


def test_the_last_tick_of_each_symbol_is_kept(portfolio: Portfolio) -> None:
    last = ev.Tick("EURUSD", 3, 4)
    other = ev.Tick("GBPUSD", 5, 6)
    told(portfolio, ev.Tick("EURUSD", 1, 2), other, last)
    assert portfolio.ticks == {"EURUSD": last, "GBPUSD": other}


@pytest.mark.parametrize(
    "item",
    [
        ev.AccountSeen(1, 2, 3),
        started(account=ev.Account(balance=1, equity=2, margin=3)),
        ev.AccountUpdated(account=ev.Account(balance=1, equity=2, margin=3), reason="deposit"),
    ],
)
def test_account_figures_come_from_the_start_from_tests_and_from_updates(
    portfolio: Portfolio, item: ev.Event | ev.Input
) -> None:
    told(portfolio, item)
    assert portfolio.account == ev.AccountSeen(1, 2, 3)


def test_a_fresh_balance_ends_what_was_seen_of_the_account_before(portfolio: Portfolio) -> None:
    began = ev.AttemptStarted(
        attempt=2, phase=1, name="challenge", date="2025-01-07", account=account(7, 8),
        day_limit=1, max_limit=1,
    )  # fmt: skip
    told(portfolio, ev.AccountSeen(1, 2, 3), began)
    assert portfolio.account == ev.AccountSeen(7, 8, 0)


def test_an_opened_position_is_known_with_its_first_stop(portfolio: Portfolio) -> None:
    told(portfolio, opened(7))
    assert portfolio.positions[7] == Position(
        ticket=7, symbol="EURUSD", side=Side.LONG, volume=LOT, entry=110_010,
        first_stop=109_910, stop_loss=109_910, take_profit=110_210, signal_id="s:1",
        strategy_id="s", commission=-250,
    )  # fmt: skip


def test_a_moved_stop_leaves_the_first_stop_as_it_was(portfolio: Portfolio) -> None:
    told(portfolio, opened(7), modified(7, 110_020, 110_300))
    position = portfolio.positions[7]
    assert (position.first_stop, position.stop_loss, position.take_profit) == (
        109_910,
        110_020,
        110_300,
    )


def test_a_closed_position_is_forgotten(portfolio: Portfolio) -> None:
    told(portfolio, opened(7), opened(8, symbol="GBPUSD"), closed(7))
    assert list(portfolio.positions) == [8]


def test_what_remains_of_a_partly_closed_position_stays_open(portfolio: Portfolio) -> None:
    told(portfolio, opened(7), closed(7, volume=4_000, remaining=6_000))
    assert portfolio.positions[7].volume == 6_000
    assert portfolio.positions[7].entry == 110_010


def test_the_oldest_position_of_a_symbol_is_the_one_that_is_shown(portfolio: Portfolio) -> None:
    assert portfolio.on_symbol("EURUSD") is None
    told(portfolio, opened(9), opened(7), opened(8, symbol="GBPUSD"))
    position = portfolio.on_symbol("EURUSD")
    assert position is not None
    assert position.ticket == 9
    told(portfolio, closed(9))
    position = portfolio.on_symbol("EURUSD")
    assert position is not None
    assert position.ticket == 7


def test_an_actor_behind_the_market_sees_the_state_as_of_the_event_it_handles() -> None:
    portfolio = Portfolio(SPECS)
    bus = Bus(MemoryJournal())
    seen: list[int] = []
    bus.attach(portfolio.routes())
    bus.attach({ev.PositionOpened: lambda _: seen.append(len(portfolio.positions))})
    bus.attach({ev.PositionClosed: lambda _: seen.append(len(portfolio.positions))})
    bus.publish(opened(7))
    bus.publish(closed(7))
    assert seen == [1, 0]


def test_swap_that_was_accrued_leaves_with_the_part_that_is_closed(portfolio: Portfolio) -> None:
    told(portfolio, opened(7), ev.SwapSeen(7, -650))
    assert portfolio.positions[7].swap == -650
    told(portfolio, closed(7, volume=4_000, remaining=6_000, swap=-260))
    assert portfolio.positions[7].swap == -390


def test_prices_of_the_past_are_not_brought_back(portfolio: Portfolio) -> None:
    """The account and the positions are; a price is old by the time a session goes on."""
    replay_routes = portfolio.replay_routes()
    for item in (started(), ev.Tick("EURUSD", 1, 2), ev.AccountSeen(5, 6, 7), opened()):
        if type(item) in replay_routes:
            replay_routes[type(item)](item)
    assert portfolio.ticks == {}
    assert portfolio.account == ev.AccountSeen(5, 6, 7)
    assert list(portfolio.positions) == [7]
