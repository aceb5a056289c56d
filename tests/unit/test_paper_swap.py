"""Swap, stop-out and netting: what the server does to positions, in hand-reckoned cents."""

from __future__ import annotations

import msgspec
import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.matching import Bar
from adapters.paper.broker.swap import nights_after, swap_of
from adapters.paper.terminal.functions import PaperTerminal
from engine.types import Side, SymbolSpec
from tests.builders import EURUSD, SPECS, START, USDJPY
from tests.paper_terminals import BUY, account_at_ticks, done, sent, terminal_at_ticks, told

COSTLY = msgspec.structs.replace(EURUSD, swap_long=-7.25, swap_short=1.5, triple_swap_weekday=3)
COSTLY_YEN = msgspec.structs.replace(USDJPY, swap_long=4.0, swap_short=-9.5)


def account_with(*specs: SymbolSpec) -> PaperAccount:
    account = PaperAccount({spec.name: spec for spec in specs}, START)
    account.quote("EURUSD", 110_000, 110_010, 0)
    if len(specs) > 1:
        account.quote("USDJPY", 150_000, 150_010, 0)
    return account


class TestSwap:
    @pytest.mark.parametrize(
        ("spec", "side", "volume", "nights", "cents"),
        [
            # a point of a lot is 1.00 USD: 7.25 points cost 7.25, three nights 21.75
            (COSTLY, Side.LONG, 10_000, 1, -725),
            (COSTLY, Side.LONG, 10_000, 3, -2_175),
            (COSTLY, Side.SHORT, 10_000, 1, 150),
            # 0.01 lot: 7.25 cents become 7, three nights (21.75 cents) 22: rounded once
            (COSTLY, Side.LONG, 100, 1, -7),
            (COSTLY, Side.LONG, 100, 3, -22),
            # a point of a lot is 100 JPY: +400 JPY at the ask, -950 JPY at the bid
            (COSTLY_YEN, Side.LONG, 10_000, 1, round(40_000 / 150.010)),
            (COSTLY_YEN, Side.SHORT, 10_000, 1, -round(95_000 / 150.000)),
            (EURUSD, Side.LONG, 10_000, 1, 0),
        ],
    )
    def test_points_per_lot_and_night_become_cents(
        self, spec: SymbolSpec, side: Side, volume: int, nights: int, cents: int
    ) -> None:
        bid, ask = (150_000, 150_010) if spec is COSTLY_YEN else (110_000, 110_010)
        assert swap_of(spec, side, volume, nights, bid, ask) == cents

    @pytest.mark.parametrize(
        ("weekday", "nights"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 1), (5, 1), (6, 0)]
    )
    def test_the_weekend_is_charged_on_the_triple_day(self, weekday: int, nights: int) -> None:
        assert nights_after(weekday, COSTLY) == nights
        assert nights_after(weekday, EURUSD) == 0

    def test_it_counts_in_equity_and_is_realised_by_the_close(self) -> None:
        account = account_with(COSTLY, COSTLY_YEN)
        opened = account.open("EURUSD", Side.LONG, 10_000, 0, 0, 0, "")
        account.open("USDJPY", Side.LONG, 10_000, 0, 0, 0, "")
        before = account.equity(), account.balance
        account.post_swap("EURUSD", 1)
        account.post_swap("EURUSD", 3)
        assert (account.equity(), account.balance) == (before[0] - 2_900, before[1])
        bar = Bar(110_000, 110_000, 110_000, 110_000, 10)
        assert account.worst_equity("EURUSD", bar) == account.equity()
        (position, other) = told(PaperTerminal(account).positions_get())
        assert (position.swap, other.swap) == (-29.0, 0.0)
        closed = account.close(account.positions[opened.position], 0, "")
        assert (opened.swap, closed.swap, closed.profit) == (0, -2_900, -1_000)
        assert account.balance == before[1] - 2_900 - 1_000 - 250

    def test_a_part_realises_its_share_and_the_rest_keeps_its_own(self) -> None:
        account = account_with(COSTLY)
        ticket = account.open("EURUSD", Side.LONG, 10_000, 0, 0, 0, "").position
        account.post_swap("EURUSD", 1)
        part = account.close(account.positions[ticket], 0, "", volume=3_300)
        assert (part.swap, account.positions[ticket].swap) == (-239, -486)
        assert account.close(account.positions[ticket], 0, "").swap == -486

    def test_the_terminal_shows_the_symbols_swap(self) -> None:
        info = told(PaperTerminal(account_with(COSTLY)).symbol_info("EURUSD"))
        assert (info.swap_long, info.swap_short, info.swap_rollover3days) == (-7.25, 1.5, 3)
        assert info.swap_mode == mt5.SYMBOL_SWAP_MODE_POINTS
        plain = told(terminal_at_ticks().symbol_info("EURUSD"))
        assert plain.swap_mode == mt5.SYMBOL_SWAP_MODE_DISABLED


class TestStopOut:
    def heavy(self, stop_out: int | None) -> PaperAccount:
        """EURUSD bought (45 lots: a point is 45.00) and GBPUSD sold (5 lots), no stops."""
        account = account_at_ticks(stop_out=stop_out)
        account.open("EURUSD", Side.LONG, 450_000, 0, 0, 26, "")
        account.open("GBPUSD", Side.SHORT, 50_000, 0, 0, 26, "")
        return account

    def test_it_is_off_unless_asked_for(self) -> None:
        account = self.heavy(None)
        crash = Bar(110_000, 110_000, 105_000, 106_000, 10)
        assert account.worst_equity("EURUSD", crash) < 0
        assert account.play("EURUSD", crash) == 0

    def test_the_worst_position_is_closed_first_and_the_rest_kept_if_that_suffices(self) -> None:
        account = self.heavy(50)
        margin = 45 * 110_010 + 5 * 125_000
        assert account.margin == margin * 100 // 100
        # 1,600 points below the entry cost 45 x 1,610 = 72,450 USD of the 100,000
        assert account.play("EURUSD", Bar(110_000, 110_000, 108_400, 109_000, 10)) == 1
        deal = account.deals[-1]
        assert (deal.symbol, deal.price, deal.reason) == ("EURUSD", 108_400, mt5.DEAL_REASON_SO)
        assert deal.comment.startswith("[so 4")
        assert [position.spec.name for position in account.positions.values()] == ["GBPUSD"]

    def test_a_level_that_is_just_kept_closes_nothing(self) -> None:
        account = self.heavy(50)
        floor = -(-account.margin // 2)
        spare = account.equity() - floor
        points = spare // 4_500
        low = 110_000 - points
        assert account.play("EURUSD", Bar(110_000, 110_000, low, low, 10)) == 0
        assert account.play("EURUSD", Bar(low, low, low - 1, low - 1, 10)) == 1

    def test_positions_of_other_symbols_are_closed_at_their_tick(self) -> None:
        account = account_at_ticks(stop_out=100)
        account.open("GBPUSD", Side.SHORT, 450_000, 0, 0, 26, "")
        account.open("EURUSD", Side.LONG, 10_000, 0, 0, 26, "")
        account.quote("GBPUSD", 126_500, 126_510, 1)
        assert account.match_tick("EURUSD") == 1
        assert (account.deals[-1].symbol, account.deals[-1].price) == ("GBPUSD", 126_510)


class TestNetting:
    def test_a_second_deal_adds_and_averages_against_the_position(self) -> None:
        terminal = terminal_at_ticks(netting=True)
        account = terminal.account
        first = done(terminal, BUY).order
        account.quote("EURUSD", 110_004, 110_015, 1)
        second = done(terminal, {**BUY, "volume": 0.2, "sl": 0.0, "tp": 1.103})
        (position,) = account.positions.values()
        # (0.5 x 110,010 + 0.2 x 110,015) / 0.7 = 110,011.43: the buyer is told 110,012
        assert (position.ticket, position.volume, position.entry) == (first, 7_000, 110_012)
        assert (position.stop, position.target) == (109_900, 110_300)
        assert account.margin == position.margin == 77_008
        deal = told(terminal.history_deals_get(ticket=second.order))[0]
        assert (deal.entry, deal.position_id, deal.profit) == (mt5.DEAL_ENTRY_IN, first, 0.0)

    def test_an_opposite_deal_reduces_and_then_closes(self) -> None:
        terminal = terminal_at_ticks(netting=True)
        account = terminal.account
        ticket = done(terminal, BUY).order
        for volume, left in ((0.2, [3_000]), (0.3, [])):
            sell = {**BUY, "type": mt5.ORDER_TYPE_SELL, "volume": volume, "sl": 0.0, "tp": 0.0}
            done(terminal, sell)
            assert [position.volume for position in account.positions.values()] == left
        outs = told(terminal.history_deals_get(position=ticket))[1:]
        assert [deal.entry for deal in outs] == [mt5.DEAL_ENTRY_OUT] * 2
        assert [deal.profit for deal in outs] == [-2.0, -3.0]
        assert (account.margin, account.held["EURUSD"]) == (0, 0)

    def test_a_larger_opposite_deal_reverses_in_one(self) -> None:
        terminal = terminal_at_ticks(netting=True)
        account = terminal.account
        first = done(terminal, BUY).order
        sell = {**BUY, "type": mt5.ORDER_TYPE_SELL, "volume": 0.8, "sl": 1.101, "tp": 1.098}
        second = done(terminal, sell).order
        (position,) = account.positions.values()
        assert (position.ticket, position.identifier) == (second, first)
        assert (position.side, position.volume, position.entry) == (Side.SHORT, 3_000, 110_000)
        (_, deal) = told(terminal.history_deals_get(position=first))
        assert (deal.entry, deal.volume, deal.profit) == (mt5.DEAL_ENTRY_INOUT, 0.8, -5.0)
        assert account.margin == position.margin == 33_000
        assert told(terminal.account_info()).margin_mode == 0

    def test_less_exposure_is_never_refused_for_money(self) -> None:
        terminal = terminal_at_ticks(netting=True)
        account = terminal.account
        done(terminal, {**BUY, "volume": 50.0, "sl": 0.0, "tp": 0.0})
        account.quote("EURUSD", 109_000, 109_010, 1)
        assert account.equity() < account.margin
        bare = {**BUY, "sl": 0.0, "tp": 0.0}
        assert sent(terminal, bare).retcode == mt5.TRADE_RETCODE_NO_MONEY
        done(terminal, {**bare, "type": mt5.ORDER_TYPE_SELL})

    def test_stops_can_be_changed_by_symbol_alone(self) -> None:
        terminal = terminal_at_ticks(netting=True)
        done(terminal, BUY)
        done(terminal, {"action": mt5.TRADE_ACTION_SLTP, "symbol": "EURUSD", "sl": 1.0985})
        assert told(terminal.positions_get())[0].sl == 1.0985


def test_hedging_keeps_both_sides() -> None:
    terminal = terminal_at_ticks()
    done(terminal, BUY)
    done(terminal, {**BUY, "type": mt5.ORDER_TYPE_SELL, "sl": 1.101, "tp": 1.098})
    assert [item.type for item in told(terminal.positions_get(symbol="EURUSD"))] == [0, 1]
    assert set(SPECS) > {"EURUSD"}
