"""Own limits inside the firm's, one by one, and what the actor does when one is hit."""

from __future__ import annotations

from typing import Any

import pytest

from engine import events as ev
from engine.events import DenyReason
from engine.rules import DailyLoss, DayStartBasis
from engine.trading import HaltCause, TradingState
from engine.types import LimitAction, Limits, Side
from risk import exposure
from risk.challenge import Challenge
from risk.context import RiskContext
from risk.counters import TradeCounts
from risk.limits import vet
from risk.objectives import FirmFloors
from tests.builders import (
    EURUSD,
    GBPUSD,
    LOT,
    START,
    TICKS,
    USDJPY,
    Wired,
    account,
    closed,
    intent,
    levels,
    limits,
    of_kind,
    opened,
    signal,
    wired,
)
from tests.challenges import rules
from tests.risk_steps import approvals, changes, denials, enter, reset, see, submitted

MINUTE, HOUR = 60_000, 3_600_000
FIRM = Challenge(rules=rules())
"""A day may lose 500.00 and an attempt 1,000.00 of 100,000.00."""


COUNTS, NOTHING = TradeCounts(), exposure.Concentration()


def desk(**changes: Any) -> RiskContext:
    return RiskContext(
        **{
            "limits": limits(), "spec": EURUSD, "tick": TICKS["EURUSD"],
            "account": ev.AccountSeen.of(account()),
            "day_start": START, "starting_balance": START, "trading_active": True,
            "known_signal": False, "positions": 0, "positions_on_symbol": 0, "stops_worst": 0,
            "risk_in_flight": 0, "margin_in_flight": 0,
            "counts": COUNTS, "concentration": NOTHING, **changes,
        }
    )  # fmt: skip


def reason(terms: Limits, known: dict[str, Any] | None = None, **order: Any) -> DenyReason | None:
    """Why one lot of EURUSD with its stop 100 points away (105.00 at risk) is denied."""
    made = vet(intent(**{"volume": LOT, **order}), desk(limits=terms, **(known or {})))
    return made.reason if isinstance(made, ev.OrderDenied) else None


class TestWorstCase:
    def test_without_allowances_it_is_the_risk_of_the_order(self) -> None:
        made = vet(intent(volume=LOT), desk())
        assert isinstance(made, ev.OrderApproved)
        assert (made.risk, made.worst) == (10_500, 0)

    def test_slippage_counts_at_both_ends_and_a_gap_beyond_the_stop(self) -> None:
        made = vet(intent(volume=LOT), desk(limits=limits(allow_slippage_points=3)))
        assert isinstance(made, ev.OrderApproved)
        assert made.worst == 10_500 + 2 * 300
        terms = limits(allow_gap_fraction=0.001)  # 110 points of 109,910, rounded up
        made = vet(intent(volume=LOT), desk(limits=terms))
        assert isinstance(made, ev.OrderApproved)
        assert made.worst == 10_500 + 11_000

    def test_a_pending_order_may_be_filled_after_a_gap_too(self) -> None:
        terms = limits(allow_gap_fraction=0.001)
        at: dict[str, Any] = {"entry": 110_000, "stop": 109_000, "spread": 10}
        now = exposure.worst_of_order(terms, EURUSD, Side.LONG, LOT, **at, pending=False)
        later = exposure.worst_of_order(terms, EURUSD, Side.LONG, LOT, **at, pending=True)
        assert (now, later) == (100_500 + 10_900, 100_500 + 10_900 + 11_000)

    def test_a_position_without_a_stop_may_lose_everything(self) -> None:
        parts = wired(limits(max_positions_per_symbol=2))
        parts.bus.publish(opened(7, side=Side.SHORT, stop_loss=0))
        totals = parts.risk._exposures.totals("GBPUSD")
        assert (totals.worst_open, totals.without_stop) == (START, 7)
        enter(parts, "GBPUSD")
        assert denials(parts) == [DenyReason.NO_STOP]

    @pytest.mark.parametrize(
        ("swap", "denied"), [(0, False), (-60_054, False), (-60_055, True), (60_055, False)]
    )
    def test_swap_that_waits_to_be_booked_may_be_lost_too(self, swap: int, denied: bool) -> None:
        """196.96 of 900.00 for the day are asked for, the open lot may lose 102.50 at its stop.

        An income makes room, but never for more than the position itself may lose.
        """
        parts = wired(limits(daily_loss_fraction=0.009))
        parts.bus.publish(opened(7))
        parts.bus.feed(ev.SwapSeen(7, swap))
        enter(parts, "GBPUSD")
        assert bool(denials(parts)) is denied

    def test_an_open_position_may_be_stopped_after_a_gap_and_with_slippage(self) -> None:
        """100 points to its stop, 110 of a gap (0.1 % of the stop's price) and 3 of slippage."""
        parts = wired()
        parts.bus.publish(opened(7))
        terms = limits(allow_gap_fraction=0.001, allow_slippage_points=3)
        held = parts.portfolio.positions[7]
        assert exposure.worst_of_position(terms, EURUSD, held, 10, START) == 21_300 + 250

    def test_one_whose_stop_secures_a_gain_loses_nothing(self) -> None:
        parts = wired(limits(daily_loss_fraction=0.003, allow_gap_fraction=0.0001))
        parts.bus.publish(opened(7, stop_loss=110_100))
        enter(parts, "GBPUSD")
        assert len(approvals(parts)) == 1


class TestPerOrder:
    def test_a_volume_is_cut_to_the_largest_that_is_allowed_in_whole_steps(self) -> None:
        for volume in (0, 4 * LOT):
            order = intent(volume=volume, scale=1.0)
            made = vet(order, desk(limits=limits(max_order_lots=0.509)))
            assert isinstance(made, ev.OrderApproved)
            assert made.volume == 5_000

    def test_less_than_a_step_allows_nothing(self) -> None:
        assert reason(limits(max_order_lots=0.001)) is DenyReason.BELOW_MIN_VOLUME


class TestTiming:
    @pytest.mark.parametrize(("ago", "denied"), [(29 * MINUTE, True), (30 * MINUTE, False)])
    def test_after_a_loss_there_is_a_pause(self, ago: int, denied: bool) -> None:
        counts = TradeCounts(now=HOUR, last_loss=HOUR - ago)
        found = reason(limits(cool_down_minutes=30), {"counts": counts})
        assert (found is DenyReason.COOL_DOWN) is denied

    @pytest.mark.parametrize(
        ("terms", "counts", "found"),
        [
            ({"max_orders_per_hour": 3}, {"orders_hour": 2}, None),
            ({"max_orders_per_hour": 3}, {"orders_hour": 3}, DenyReason.ORDERS_PER_HOUR),
            ({"max_orders_per_day": 9}, {"day": {"EURUSD": 7, "GBPUSD": 1}}, None),
            (
                {"max_orders_per_day": 9},
                {"day": {"EURUSD": 7, "GBPUSD": 2}},
                DenyReason.ORDERS_PER_DAY,
            ),
        ],
    )
    def test_orders_an_hour_and_a_day(
        self, terms: dict[str, Any], counts: dict[str, Any], found: DenyReason | None
    ) -> None:
        assert reason(limits(**terms), {"counts": TradeCounts(**counts)}) == found

    def test_the_actor_counts_what_it_approved_also_when_nothing_came_of_it(self) -> None:
        parts = wired(limits(max_orders_per_hour=1, max_positions=9))
        parts.bus.time = 10 * HOUR
        enter(parts, "EURUSD")
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(ev.OrderCancelled(order_id=1, reason="withdrawn"))
        parts.bus.time += HOUR - 1
        enter(parts, "GBPUSD")
        parts.bus.time += 1
        enter(parts, "USDJPY")
        assert denials(parts) == [DenyReason.ORDERS_PER_HOUR]
        assert len(approvals(parts)) == 2

    def test_the_count_of_the_day_begins_anew_at_its_reset(self) -> None:
        parts = wired(limits(max_orders_per_day=1, max_positions=9))
        enter(parts, "EURUSD")
        enter(parts, "GBPUSD")
        reset(parts, START)
        enter(parts, "USDJPY")
        assert denials(parts) == [DenyReason.ORDERS_PER_DAY]
        assert len(approvals(parts)) == 2

    def test_each_symbol_has_its_own_count_of_the_day(self) -> None:
        parts = wired(limits(max_trades_per_symbol_per_day=1, max_positions=9,
                             max_positions_per_symbol=9))  # fmt: skip
        enter(parts, "EURUSD", "s:1")
        enter(parts, "EURUSD", "s:2")
        enter(parts, "GBPUSD", "s:3")
        reset(parts, START)
        enter(parts, "EURUSD", "s:4")
        assert denials(parts) == [DenyReason.TRADES_PER_SYMBOL_PER_DAY]
        made = [item.order.terms.symbol for item in approvals(parts)]
        assert made == ["EURUSD", "GBPUSD", "EURUSD"]

    def test_only_a_loss_with_its_costs_starts_the_pause(self) -> None:
        parts = wired(limits(cool_down_minutes=10))
        parts.bus.time = HOUR
        parts.bus.publish(opened(7))
        parts.bus.publish(closed(7, net=0))
        enter(parts, "EURUSD", "s:1")
        parts.bus.publish(opened(8, symbol="GBPUSD"))
        parts.bus.publish(closed(8, symbol="GBPUSD", net=-1))
        enter(parts, "GBPUSD", "s:2")
        assert len(approvals(parts)) == 1
        assert denials(parts) == [DenyReason.COOL_DOWN]

    def test_a_position_counts_with_its_whole_life_once_its_last_part_is_closed(self) -> None:
        """As the account's ledger counts it, in whichever session the parts were closed."""
        parts = wired(limits(cool_down_minutes=10))
        parts.bus.time = HOUR
        parts.bus.publish(opened(7))
        parts.bus.publish(closed(7, net=-50, volume=LOT // 2, remaining=LOT // 2))
        enter(parts, "GBPUSD", "s:1")
        parts.bus.publish(closed(7, net=49))
        enter(parts, "USDJPY", "s:2")
        assert len(approvals(parts)) == 1
        assert denials(parts) == [DenyReason.COOL_DOWN]

    def test_what_earlier_sessions_closed_of_a_position_belongs_to_its_life(self) -> None:
        parts = wired(limits(cool_down_minutes=10))
        parts.bus.time = HOUR
        taken = ev.AdoptedPosition(
            ticket=7, symbol="EURUSD", side=Side.LONG, volume=LOT, entry=110_010,
            first_stop=109_910, stop_loss=109_910, take_profit=0, signal_id="s:1",
            strategy_id="s", realized=-50,
        )  # fmt: skip
        parts.bus.feed(ev.OrphansAdopted(positions=(taken,)))
        parts.bus.publish(opened(7, order_id=0))
        parts.bus.publish(closed(7, net=49))
        enter(parts, "GBPUSD", "s:2")
        assert denials(parts) == [DenyReason.COOL_DOWN]


class TestExposure:
    @pytest.mark.parametrize(("at_risk", "denied"), [(9_500, False), (9_501, True)])
    def test_what_may_be_lost_on_one_symbol(self, at_risk: int, denied: bool) -> None:
        known = {"concentration": exposure.Concentration(on_symbol=at_risk)}
        found = reason(limits(max_symbol_risk_fraction=0.002), known)  # 200.00 in all
        assert (found is DenyReason.SYMBOL_RISK) is denied

    def test_currencies_add_up_across_symbols_and_sides(self) -> None:
        stakes = [
            exposure.Exposure(EURUSD, Side.LONG, 100),
            exposure.Exposure(GBPUSD, Side.LONG, 50),
            exposure.Exposure(USDJPY, Side.LONG, 30),
            exposure.Exposure(EURUSD, Side.SHORT, 10),
        ]
        net = exposure.on_currencies(stakes)
        assert net == {"EUR": 90, "USD": -90 - 50 + 30, "GBP": 50, "JPY": -30}

    @pytest.mark.parametrize(
        ("net", "denied"),
        [({"USD": -9_500}, False), ({"USD": -9_501}, True), ({"EUR": 9_501}, True),
         ({"USD": 40_000}, False), ({"EUR": -40_000}, False), ({"JPY": 90_000}, False)],
    )  # fmt: skip
    def test_what_may_be_lost_on_one_currency_unless_the_order_makes_it_less(
        self, net: dict[str, int], denied: bool
    ) -> None:
        known = {"concentration": exposure.Concentration(on_currency=net)}
        found = reason(limits(max_currency_risk_fraction=0.002), known)
        assert (found is DenyReason.CURRENCY_EXPOSURE) is denied

    @pytest.mark.parametrize(
        ("net", "denied"),
        [({"USD": 9_501}, True), ({"EUR": -9_501}, True), ({"EUR": 9_501}, False)],
    )
    def test_a_short_adds_to_the_quote_and_takes_from_the_base(
        self, net: dict[str, int], denied: bool
    ) -> None:
        away = levels(Side.SHORT, TICKS["EURUSD"], 100, 200)
        known = {"concentration": exposure.Concentration(on_currency=net)}
        found = reason(limits(max_currency_risk_fraction=0.002), known, side=Side.SHORT, **away)
        assert (found is DenyReason.CURRENCY_EXPOSURE) is denied

    def test_orders_in_flight_are_in_it(self) -> None:
        parts = wired(limits(max_currency_risk_fraction=0.003, max_positions=9))
        for symbol in ("EURUSD", "GBPUSD", "USDJPY"):  # nearly 200.00 each; the last is USD long
            enter(parts, symbol)
        assert denials(parts) == [DenyReason.CURRENCY_EXPOSURE]
        assert [item.order.terms.symbol for item in approvals(parts)] == ["EURUSD", "USDJPY"]


class TestFirmRoom:
    @pytest.mark.parametrize(
        ("today", "after", "reserve", "denied"),
        [
            (START - 10_501, 0, 0.0, False),
            (START - 10_500, 0, 0.0, True),
            (0, START - 10_501, 0.0, False),
            (0, START - 10_500, 0.0, True),
            (START - 20_501, 0, 0.001, False),
            (START - 20_500, 0, 0.001, True),
            (START, START, None, False),
        ],
    )
    def test_the_worst_case_stays_above_both_floors_and_the_reserve(
        self, today: int, after: int, reserve: float | None, denied: bool
    ) -> None:
        known = {"firm_floors": FirmFloors(today, after, START)}
        found = reason(limits(firm_reserve_fraction=reserve), known)
        assert (found is DenyReason.FIRM_LOSS_BUFFER) is denied

    def test_the_reserve_is_part_of_what_the_challenge_began_with_whatever_was_paid_since(
        self,
    ) -> None:
        """After a withdrawal the largest own loss counts from less; the firm's reserve does not."""
        known = {"firm_floors": FirmFloors(START - 20_500, 0, START), "starting_balance": 1_000}
        terms = limits(firm_reserve_fraction=0.001, max_loss_fraction=None)
        assert reason(terms, known) is DenyReason.FIRM_LOSS_BUFFER

    def test_the_next_reset_counts_todays_profit_into_the_floor(self) -> None:
        """500.00 made today: 1,000.00 of room until midnight, 500.00 after it."""
        parts = wired(limits(firm_reserve_fraction=0.0), challenge=FIRM)
        see(parts, START + 50_000)
        assert parts.challenge_actor is not None
        floors = parts.challenge_actor.floors(ev.AccountSeen(START + 50_000, START + 50_000, 0))
        assert floors == FirmFloors(START - 50_000, START, START)

    def test_at_the_reserve_everything_is_closed_and_trading_latched(self) -> None:
        terms = limits(firm_reserve_fraction=0.001, daily_loss_fraction=0.5)
        parts = wired(terms, challenge=FIRM)
        parts.bus.publish(opened(7))
        see(parts, START, START - 39_999)
        assert parts.risk.trading.active
        see(parts, START, START - 40_000)
        assert changes(parts) == [(TradingState.LATCHED, HaltCause.LIMIT)]
        (close,) = approvals(parts)
        assert (close.order.terms.action, close.order.terms.position) == (ev.Action.CLOSE, 7)
        assert close.order.terms.reason == "FLATTEN"
        assert not of_kind(parts.journal, ev.AttemptEnded)

    def test_what_does_not_fit_under_the_new_days_floor_is_closed_at_the_reset(self) -> None:
        """An anchor on equity: 1,000.00 floating at the reset lift the floor above the stop."""
        daily = DailyLoss(percent=50, day_start=DayStartBasis.LARGER)
        terms = limits(firm_reserve_fraction=0.0, daily_loss_fraction=0.5)
        parts = wired(terms, challenge=Challenge(rules=rules(daily=daily)))
        parts.bus.publish(opened(7))
        reset(parts, START, START + 30_000)  # floor 99,800.00, the stop loses 102.50
        assert approvals(parts) == []
        reset(parts, START, START + 100_000)  # floor 100,500.00
        (close,) = approvals(parts)
        assert (close.order.terms.position, close.order.terms.reason) == (7, "FLATTEN")
        assert parts.risk.trading.active

    def test_what_waits_at_the_venue_needs_its_room_under_the_new_floor_too(self) -> None:
        """The floor rises to 99,800.00: 102.50 open and 97.65 waiting are too much."""
        daily = DailyLoss(percent=50, day_start=DayStartBasis.LARGER)
        for volume, closes in ((9_200, False), (9_300, True)):
            terms = limits(firm_reserve_fraction=0.0, daily_loss_fraction=0.5)
            parts = wired(terms, challenge=Challenge(rules=rules(daily=daily)))
            parts.bus.publish(opened(7))
            parts.bus.publish(signal("s:2", symbol="GBPUSD", volume=volume,
                                     **levels(Side.LONG, TICKS["GBPUSD"], 100, 200)))  # fmt: skip
            reset(parts, START, START + 30_000)
            made = [item.order.terms.action for item in approvals(parts)]
            assert made == [ev.Action.OPEN, *[ev.Action.CLOSE] * closes]

    def test_a_day_that_turns_before_a_resumed_session_has_a_price_is_judged_all_the_same(
        self,
    ) -> None:
        """Prices of the journal are old by then and not remembered."""
        terms = limits(firm_reserve_fraction=0.0, daily_loss_fraction=0.5)
        parts = wired(terms, challenge=FIRM)
        parts.bus.publish(opened(7))
        parts.portfolio.ticks.clear()
        reset(parts, START)
        assert approvals(parts) == []  # 102.50 at the stop, 500.00 of room
        reset(parts, START - 60_000, date="2025-01-09")
        see(parts, START - 60_000 - 39_750)
        reset(parts, START - 99_900, date="2025-01-10")
        (close,) = approvals(parts)
        assert close.order.terms.position == 7

    def test_a_breach_is_the_firms_and_nothing_of_ours_acts_after_it(self) -> None:
        terms = limits(firm_reserve_fraction=0.001, daily_loss_fraction=0.001)
        parts = wired(terms, challenge=FIRM)
        parts.bus.publish(opened(7))
        see(parts, START, START - 50_001)
        assert changes(parts) == [(TradingState.LATCHED, HaltCause.FIRM_BREACH)]
        (end,) = of_kind(parts.journal, ev.AttemptEnded)
        assert (end.outcome, end.cause) == (ev.AttemptOutcome.BREACHED, "daily_loss")

    def test_an_entry_is_denied_by_the_firms_conduct_too(self) -> None:
        restrictions = type(FIRM.rules.restrictions)(positions_a_day=1)
        parts = wired(limits(), challenge=Challenge(rules=rules(restrictions=restrictions)))
        enter(parts, "EURUSD")
        enter(parts, "GBPUSD")
        assert denials(parts) == [DenyReason.POSITIONS_PER_DAY]


class TestActions:
    def test_a_limit_may_halt_until_the_reset(self) -> None:
        terms = limits(max_orders_per_day=1, actions={"orders_per_day": LimitAction.UNTIL_RESET})
        parts = wired(terms)
        enter(parts, "EURUSD")
        enter(parts, "GBPUSD")
        enter(parts, "USDJPY")
        assert denials(parts) == [DenyReason.ORDERS_PER_DAY, DenyReason.HALTED]
        assert changes(parts) == [(TradingState.UNTIL_RESET, HaltCause.DAY_LIMIT)]
        reset(parts, START)
        assert parts.risk.trading.active

    def test_or_latch(self) -> None:
        parts = wired(limits(actions={"daily_loss": LimitAction.LATCH}))
        see(parts, START, 9_800_000)
        reset(parts, START)
        assert parts.risk.trading.reason is HaltCause.LIMIT

    def test_or_close_everything_once(self) -> None:
        parts = wired(limits(actions={"daily_loss": LimitAction.FLATTEN}))
        parts.bus.publish(opened(7))
        parts.bus.publish(opened(8, symbol="GBPUSD"))
        see(parts, START, 9_800_000)
        see(parts, START, 9_700_000)
        assert [item.order.terms.position for item in approvals(parts)] == [7, 8]


class TestManaging:
    def test_a_stop_may_be_moved_nearer_and_not_away_or_taken_away(self) -> None:
        parts = wired(limits(keep_stops=True))
        parts.bus.publish(opened(7))
        for number, stop in enumerate((109_950, 109_910, 109_909, 0)):
            modify = {"action": ev.Action.MODIFY, "position": 7, "volume": LOT, "stop_loss": stop}
            parts.bus.publish(signal(f"m:{number}", **modify))
        assert [item.order.terms.stop_loss for item in approvals(parts)] == [109_950, 109_910]
        assert denials(parts) == [DenyReason.WIDER_STOP] * 2

    def test_without_the_limit_every_change_passes(self) -> None:
        parts = wired()
        parts.bus.publish(opened(7))
        parts.bus.publish(signal(action=ev.Action.MODIFY, position=7, stop_loss=109_000))
        assert len(approvals(parts)) == 1

    def test_a_position_is_closed_by_one_order_at_a_time(self) -> None:
        parts = wired()
        parts.bus.publish(opened(7))
        close = {"action": ev.Action.CLOSE, "position": 7, "volume": LOT}
        self.closes(parts, close, 2)
        assert denials(parts) == [DenyReason.DUPLICATE_INTENT]
        submitted(parts, 1, "EURUSD")
        parts.bus.publish(ev.OrderCancelled(order_id=1, reason="it never left"))
        self.closes(parts, close, 1)
        assert len(approvals(parts)) == 2

    def closes(self, parts: Wired, close: dict[str, Any], times: int) -> None:
        for _ in range(times):
            parts.bus.publish(signal(**close))
