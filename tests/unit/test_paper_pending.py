"""Waiting orders: placing, changing, filling by bars and ticks, expiry, and what they leave behind.

Prices are points of EURUSD at the usual tick: bid 110,000, ask 110,010, spread 10.
"""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar
from adapters.paper.terminal.functions import PaperTerminal
from tests.builders import START
from tests.paper_terminals import BUY, BUY_LIMIT, NOW, done, sent, terminal_at_ticks, told

LIMITS = {True: mt5.ORDER_TYPE_BUY_LIMIT, False: mt5.ORDER_TYPE_SELL_LIMIT}
STOPS = {True: mt5.ORDER_TYPE_BUY_STOP, False: mt5.ORDER_TYPE_SELL_STOP}
SPREAD = 10


def waiting(kind: int, price: int, stop: int = 0, target: int = 0, **more: Any) -> dict[str, Any]:
    """A request to wait at `price`, levels in points."""
    levels = {"price": price / 1e5, "sl": stop / 1e5, "tp": target / 1e5}
    return {**BUY_LIMIT, "type": kind, **levels, **more}


def bar(low: int, high: int, opened: int = 110_000, close: int = 110_000) -> Bar:
    return Bar(opened, high, low, close, SPREAD)


def entry(account: PaperAccount) -> int | None:
    """Where the only order was filled, or None while it waits."""
    deals = [deal for deal in account.deals if deal.entry == mt5.DEAL_ENTRY_IN and deal.order]
    return deals[0].price if deals else None


def ends(terminal: PaperTerminal) -> list[tuple[int, int]]:
    """Ticket and state of the orders that are over."""
    return [(o.ticket, o.state) for o in told(terminal.history_orders_get(0, NOW + 9_999))]


class TestPlacing:
    @pytest.mark.parametrize(
        ("kind", "good"),
        [
            (mt5.ORDER_TYPE_BUY_LIMIT, 110_009),
            (mt5.ORDER_TYPE_SELL_LIMIT, 110_001),
            (mt5.ORDER_TYPE_BUY_STOP, 110_011),
            (mt5.ORDER_TYPE_SELL_STOP, 109_999),
        ],
    )
    def test_the_price_must_be_beyond_the_market_on_the_orders_side(
        self, kind: int, good: int
    ) -> None:
        toward = {110_009: 1, 110_001: -1, 110_011: -1, 109_999: 1}[good]
        terminal = terminal_at_ticks()
        assert sent(terminal, waiting(kind, good + toward)).retcode == 10015
        assert done(terminal, waiting(kind, good)).order == 1

    def test_stops_are_judged_from_the_orders_own_price(self) -> None:
        terminal = terminal_at_ticks()
        assert sent(terminal, waiting(2, 109_900, 109_900)).retcode == 10016
        assert sent(terminal, waiting(3, 110_100, 110_099)).retcode == 10016
        assert sent(terminal, waiting(2, 109_900, 0, 109_899)).retcode == 10016
        done(terminal, waiting(2, 109_900, 109_899, 109_901))

    def test_it_is_shown_as_placed_and_binds_no_margin(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, {**BUY_LIMIT, "type_time": 2, "expiration": NOW + 60})
        (order,) = told(terminal.orders_get(symbol="EURUSD"))
        assert (order.state, order.type, order.volume_current) == (1, 2, 0.5)
        assert (order.price_open, order.sl, order.tp) == (1.099, 1.098, 1.101)
        assert (order.time_expiration, order.time_setup, order.time_done) == (NOW + 60, NOW, 0)
        assert terminal.orders_total() == 1
        assert told(terminal.account_info()).margin == 0.0

    def test_it_can_be_changed_and_removed(self) -> None:
        terminal = terminal_at_ticks()
        ticket = done(terminal, BUY_LIMIT).order
        change = {**BUY_LIMIT, "action": mt5.TRADE_ACTION_MODIFY, "order": ticket}
        assert sent(terminal, change).retcode == mt5.TRADE_RETCODE_NO_CHANGES
        assert sent(terminal, {**change, "price": 1.1001}).retcode == 10015
        assert sent(terminal, {**change, "symbol": "USDJPY"}).retcode == 10013
        done(terminal, {**change, "price": 1.0985, "sl": 0.0})
        (order,) = told(terminal.orders_get(ticket=ticket))
        assert (order.price_open, order.sl, order.tp) == (1.0985, 0.0, 1.101)
        done(terminal, {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket})
        assert terminal.orders_get() == ()
        assert ends(terminal) == [(ticket, mt5.ORDER_STATE_CANCELED)]

    def test_a_price_that_stays_is_not_judged_again(self) -> None:
        terminal = terminal_at_ticks()
        ticket = done(terminal, BUY_LIMIT).order
        terminal.account.quote("EURUSD", 109_800, 109_810, NOW * 1000)  # not matched yet
        change = {**BUY_LIMIT, "action": mt5.TRADE_ACTION_MODIFY, "order": ticket}
        done(terminal, {**change, "tp": 1.102})
        assert sent(terminal, {**change, "price": 1.0989}).retcode == 10015

    def test_it_is_frozen_near_its_price(self) -> None:
        terminal = terminal_at_ticks({"freeze_level": 50})
        ticket = done(terminal, waiting(2, 109_960)).order
        remove = {"action": mt5.TRADE_ACTION_REMOVE, "order": ticket}
        assert sent(terminal, remove).retcode == mt5.TRADE_RETCODE_FROZEN
        terminal.account.quote("EURUSD", 110_001, 110_011, NOW * 1000)
        done(terminal, remove)


class TestFilling:
    @pytest.mark.parametrize(
        ("kind", "price", "played", "filled"),
        [
            # a limit is reached by the ask (buy) or bid (sell), a gap gives the better opening
            (2, 109_900, bar(109_890, 110_000), 109_900),
            (2, 109_900, bar(109_891, 110_000), None),
            (2, 109_900, bar(109_700, 109_850, 109_800), 109_810),
            (3, 110_100, bar(110_000, 110_100), 110_100),
            (3, 110_100, bar(110_000, 110_099), None),
            (3, 110_100, bar(110_150, 110_300, 110_200), 110_200),
            # a stop is reached the other way round, a gap costs the worse opening
            (4, 110_100, bar(110_000, 110_090), 110_100),
            (4, 110_100, bar(110_000, 110_089), None),
            (4, 110_100, bar(110_150, 110_300, 110_200), 110_210),
            (5, 109_900, bar(109_900, 110_000), 109_900),
            (5, 109_900, bar(109_901, 110_000), None),
            (5, 109_900, bar(109_700, 109_850, 109_800), 109_800),
        ],
    )
    def test_a_bar_fills_what_it_reaches(
        self, kind: int, price: int, played: Bar, filled: int | None
    ) -> None:
        terminal = terminal_at_ticks()
        done(terminal, waiting(kind, price))
        happened = terminal.account.play("EURUSD", played)
        assert (entry(terminal.account), happened) == (filled, int(filled is not None))

    def test_slippage_moves_stop_orders_and_spares_limits(self) -> None:
        for kind, price, filled in ((2, 109_900, 109_900), (4, 110_100, 110_103)):
            terminal = terminal_at_ticks(slippage=3)
            done(terminal, waiting(kind, price))
            terminal.account.play("EURUSD", bar(109_800, 110_200))
            assert entry(terminal.account) == filled

    def test_the_position_has_the_orders_ticket_levels_and_marks(self) -> None:
        terminal = terminal_at_ticks()
        ticket = done(terminal, BUY_LIMIT).order
        terminal.account.now += 900_000
        terminal.account.play("EURUSD", bar(109_850, 110_000))
        (position,) = told(terminal.positions_get())
        assert (position.ticket, position.identifier) == (ticket, ticket)
        assert (position.sl, position.tp, position.magic, position.comment) == (
            *(1.098, 1.101, 26, "ab-1"),
        )
        (order,) = told(terminal.history_orders_get(ticket=ticket))
        assert (order.state, order.position_id, order.volume_current) == (4, ticket, 0.0)
        assert (order.time_setup, order.time_done) == (NOW, NOW + 900)
        (deal,) = told(terminal.history_deals_get(position=ticket))
        assert (deal.order, deal.entry, deal.price, deal.commission) == (ticket, 0, 1.099, -1.25)

    def test_orders_of_other_symbols_and_in_order_of_tickets(self) -> None:
        terminal = terminal_at_ticks()
        later, sooner = waiting(2, 109_900), waiting(2, 109_950)
        done(terminal, later)
        done(terminal, sooner)
        done(terminal, {**waiting(2, 0), "symbol": "GBPUSD", "price": 1.0})
        assert terminal.account.play("EURUSD", bar(109_800, 110_000)) == 2
        assert [deal.price for deal in terminal.account.deals[1:]] == [109_900, 109_950]
        assert terminal.orders_total() == 1

    def test_without_money_the_order_ends_refused(self) -> None:
        terminal = terminal_at_ticks()
        ticket = done(terminal, waiting(2, 109_900, volume=50.0)).order
        done(terminal, {**BUY, "volume": 50.0, "sl": 0.0, "tp": 0.0})
        assert terminal.account.play("EURUSD", bar(109_890, 110_000)) == 1
        (order,) = terminal.account.order_history[1:]
        assert (order.ticket, order.state, order.refusal) == (ticket, 5, 10041)
        assert ends(terminal)[1] == (ticket, mt5.ORDER_STATE_REJECTED)
        assert len(terminal.account.positions) == 1


class TestInsideTheBarOfTheEntry:
    def test_the_stop_may_be_hit_by_the_same_bar(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, waiting(4, 110_100, 109_950, 110_300))
        assert terminal.account.play("EURUSD", bar(109_900, 110_400)) == 2
        out = terminal.account.deals[-1]
        assert (out.price, out.reason, out.comment) == (109_950, 4, "[sl 1.09950]")

    def test_the_target_is_not_reached_before_the_next_bar(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, waiting(2, 109_900, 109_000, 110_000))
        assert terminal.account.play("EURUSD", bar(109_850, 110_200)) == 1
        assert terminal.account.play("EURUSD", bar(109_950, 110_001)) == 1
        assert terminal.account.deals[-1].reason == mt5.DEAL_REASON_TP

    def test_a_stop_beyond_the_bars_opening_is_filled_at_its_own_price(self) -> None:
        # The bar opens below the stop, but the position was opened later, above it.
        terminal = terminal_at_ticks()
        done(terminal, waiting(4, 110_100, 110_050))
        terminal.account.play("EURUSD", bar(109_900, 110_200, 109_950))
        assert terminal.account.deals[-1].price == 110_050

    def test_a_stop_within_the_spread_of_the_entry_is_filled_at_the_bid_of_the_entry(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, waiting(4, 110_100, 110_095))
        terminal.account.play("EURUSD", bar(110_000, 110_200))
        assert terminal.account.deals[-1].price == 110_090

    def test_a_short_is_stopped_on_the_ask(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, waiting(3, 110_100, 110_150))
        assert terminal.account.play("EURUSD", bar(110_000, 110_140)) == 2
        assert terminal.account.deals[-1].price == 110_150

    def test_the_worst_equity_of_the_bar_knows_the_new_position(self) -> None:
        terminal = terminal_at_ticks()
        account = terminal.account
        done(terminal, waiting(4, 110_100, 110_050, volume=1.0))
        played = bar(109_900, 110_200, 109_950)
        assert account.fill_orders("EURUSD", played) == 1
        # in at 110,100, out at 110,050 (not at the opening below it): 50 points and a commission
        assert account.worst_equity("EURUSD", played) == START - 250 - 5_000
        assert account.play("EURUSD", played) == 1
        assert account.balance == START - 500 - 5_000


EXPIRING = {**BUY_LIMIT, "type_time": mt5.ORDER_TIME_SPECIFIED, "expiration": NOW + 60}


class TestExpiry:
    def test_it_takes_part_in_the_bar_in_which_its_time_ends(self) -> None:
        terminal = terminal_at_ticks()
        account = terminal.account
        done(terminal, EXPIRING)
        account.quote("EURUSD", 110_000, 110_010, (NOW + 59) * 1000)
        account.now = (NOW + 959) * 1000
        account.play("EURUSD", bar(109_850, 110_000))
        assert entry(account) == 109_900

    def test_it_ends_with_the_first_bar_that_opens_at_its_time(self) -> None:
        terminal = terminal_at_ticks()
        account = terminal.account
        ticket = done(terminal, EXPIRING).order
        account.quote("EURUSD", 110_000, 110_010, (NOW + 60) * 1000)
        assert account.play("EURUSD", bar(109_850, 110_000)) == 1
        assert (entry(account), ends(terminal)) == (None, [(ticket, mt5.ORDER_STATE_EXPIRED)])

    def test_it_ends_with_a_tick_and_one_without_a_time_never_does(self) -> None:
        terminal = terminal_at_ticks()
        done(terminal, EXPIRING)
        done(terminal, BUY_LIMIT)
        terminal.account.quote("EURUSD", 110_000, 110_010, (NOW + 60) * 1000)
        assert terminal.account.match_tick("EURUSD") == 1
        assert ends(terminal) == [(1, mt5.ORDER_STATE_EXPIRED)]
        assert terminal.orders_total() == 1


class TestTicks:
    def test_a_tick_fills_at_its_own_price(self) -> None:
        for kind, price, bid, filled in ((2, 109_900, 109_880, 109_890), (4, 110_100, 110_120, 0)):
            terminal = terminal_at_ticks()
            done(terminal, waiting(kind, price))
            assert terminal.account.match_tick("EURUSD") == 0
            terminal.account.quote("EURUSD", bid, bid + 10, NOW * 1000 + 1)
            assert terminal.account.match_tick("EURUSD") == 1
            assert entry(terminal.account) == (filled or bid + 10)

    @pytest.mark.parametrize(
        ("bid", "price", "reason"),
        [(109_900, 109_900, 4), (109_850, 109_850, 4), (110_250, 110_200, 5)],
    )
    def test_a_tick_hits_stops_at_its_price_and_targets_at_theirs(
        self, bid: int, price: int, reason: int
    ) -> None:
        terminal = terminal_at_ticks()
        done(terminal, BUY)
        terminal.account.quote("EURUSD", bid, bid + 10, NOW * 1000 + 1)
        assert terminal.account.match_tick("EURUSD") == 1
        assert (terminal.account.deals[-1].price, terminal.account.deals[-1].reason) == (
            *(price, reason),
        )
