"""Vetting of an entry: each reason to deny in its place, at its exact threshold."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine import events as ev
from engine.events import DenyReason, OrderApproved, OrderDenied
from engine.types import Side, SymbolSpec
from risk.context import RiskContext
from risk.limits import day_floor, manage, max_loss_floor, vet
from risk.valuation import Valuation
from tests.builders import (
    EURUSD,
    LIMITS,
    LOT,
    START,
    TICKS,
    USDJPY,
    XAUUSD,
    account,
    intent,
    levels,
    limits,
)


def desk(spec: SymbolSpec = EURUSD, **changes: Any) -> RiskContext:
    """A quiet moment: nothing open, the starting balance, trading active."""
    figures = changes.pop("account", account())
    return RiskContext(
        **{
            "limits": LIMITS, "spec": spec, "tick": TICKS[spec.name],
            "account": ev.AccountSeen.of(figures),
            "day_start": START, "starting_balance": START, "trading_active": True,
            "known_signal": False, "positions": 0, "positions_on_symbol": 0, "stops_worst": 0,
            "risk_in_flight": 0, "margin_in_flight": 0, **changes,
        }
    )  # fmt: skip


def verdict(order: ev.OrderIntent, **changes: Any) -> OrderApproved | OrderDenied:
    return vet(order, desk(**changes))


def passed(order: ev.OrderIntent, **changes: Any) -> OrderApproved:
    made = verdict(order, **changes)
    assert isinstance(made, OrderApproved), made
    return made


def reason(order: ev.OrderIntent, **changes: Any) -> DenyReason:
    made = verdict(order, **changes)
    assert isinstance(made, OrderDenied), made
    return made.reason


class TestApproval:
    def test_a_long_of_eurusd_is_sized_by_its_stop_with_both_commissions(self) -> None:
        # A lot loses 100 points, 100.00, and 5.00 of commission: 400.00 / 105.00 = 3.80 lots,
        # which lose 380.00 and twice 9.50, and bind 380,000 x 1.10010 / 100.
        made = passed(intent())
        assert (made.volume, made.risk, made.margin) == (38_000, 39_900, 418_038)

    def test_a_short_of_usdjpy_is_sized_by_the_stops_own_bid(self) -> None:
        order = intent(symbol="USDJPY", side=Side.SHORT,
                       **levels(Side.SHORT, TICKS["USDJPY"], 300, 600))  # fmt: skip
        # A lot loses 30,000 yen at a bid of 150.290: 199.61, and 5.00; 400.00 / 204.61 = 1.95 lots,
        # which lose 58,500 yen, 389.25, and twice half(487.5) cents; margin 195,000 / 100.
        made = passed(order, spec=USDJPY)
        assert (made.volume, made.risk, made.margin) == (19_500, 38_925 + 976, 195_000)

    def test_gold_costs_no_commission_and_has_its_own_leverage(self) -> None:
        order = intent(symbol="XAUUSD", **levels(Side.LONG, TICKS["XAUUSD"], 1_000, 2_000))
        # A lot loses 10.00 x 100 ounces; 400.00 / 1,000.00 = 0.40 lots; 40 x 2650.20 / 30 = 3533.60
        made = passed(order, spec=XAUUSD)
        assert (made.volume, made.risk, made.margin) == (4_000, 40_000, 353_360)

    def test_the_scale_and_the_days_losses_make_it_smaller(self) -> None:
        # 0.004 x 0.5 x 98,500.00 = 197.00; / 105.00 = 1.87 lots.
        made = passed(intent(scale=0.5), account=account(9_900_000, 9_850_000))
        assert made.volume == 18_700

    @pytest.mark.parametrize(("wanted", "volume"), [(10_000, 10_000), (10_099, 10_000)])
    def test_a_volume_that_the_signal_fixed_is_cut_to_whole_steps(
        self, wanted: int, volume: int
    ) -> None:
        assert passed(intent(volume=wanted)).volume == volume

    def test_a_volume_that_the_signal_fixed_is_kept(self) -> None:
        made = passed(intent(volume=LOT))
        assert (made.volume, made.risk, made.margin) == (LOT, 10_500, 110_010)

    def test_an_approval_carries_the_order_and_a_denial_the_account_and_a_detail(self) -> None:
        order = intent(5)
        assert passed(order).order is order
        denied = verdict(order, trading_active=False)
        assert isinstance(denied, OrderDenied)
        assert (denied.order, denied.account) == (order, account())
        assert denied.detail == "trading is halted"


LADDER: list[tuple[DenyReason, dict[str, Any], dict[str, Any]]] = [
    # reason that is found, then what repairs it: in the order, in the desk
    (DenyReason.HALTED, {}, {"trading_active": True}),
    (DenyReason.DUPLICATE_INTENT, {}, {"known_signal": False}),
    (DenyReason.MAX_POSITIONS, {}, {"positions": 1}),
    (DenyReason.MAX_POSITIONS_PER_SYMBOL, {}, {"positions_on_symbol": 0}),
    (DenyReason.NO_STOP, {}, {"without_stop": 0}),
    (DenyReason.INVALID_STOPS, {"stop_loss": 109_910}, {}),
    (
        DenyReason.NO_VALUATION,
        {},
        {"valuation": Valuation(objection=(DenyReason.VALUATION_MISMATCH, "so"))},
    ),
    (DenyReason.VALUATION_MISMATCH, {}, {"valuation": Valuation()}),
    (DenyReason.INVALID_VOLUME, {"volume": 50}, {}),
    (DenyReason.BELOW_MIN_VOLUME, {"volume": 10 * LOT}, {}),  # risk 1,050.00
    (
        DenyReason.PER_TRADE_RISK,
        {},
        {"limits": limits(per_trade_risk_fraction=0.02, max_loss_fraction=0.02)},
    ),
    (DenyReason.DAILY_LOSS, {}, {"day_start": 9_900_000}),  # worst case 97,950, floor 97,020
    (DenyReason.MAX_LOSS, {}, {"limits": limits(per_trade_risk_fraction=0.02)}),
    (DenyReason.MARGIN, {}, {"account": account(START, START, 8_800_000)}),  # needs 11,001.00
]


def test_the_checks_run_in_their_order_and_the_first_that_fails_is_the_reason() -> None:
    """All that can be wrong is wrong at first; repairing one reveals the next."""
    order: dict[str, Any] = {"stop_loss": 0, "volume": 51 * LOT}
    state: dict[str, Any] = {
        "trading_active": False, "known_signal": True, "positions": 2, "positions_on_symbol": 1,
        "without_stop": 21,
        "risk_in_flight": 100_000, "account": account(START, START, 9_000_000),
        "valuation": Valuation(objection=(DenyReason.NO_VALUATION, "not told")),
    }  # fmt: skip
    found = []
    for _, mended_order, mended_state in LADDER:
        found.append(reason(intent(**order), **state))
        order |= mended_order
        state |= mended_state
    assert found == [step[0] for step in LADDER]
    made = passed(intent(**order), **state)
    assert (made.volume, made.risk, made.margin) == (10 * LOT, 105_000, 1_100_100)


def test_the_ladder_has_every_reason_that_vetting_knows_in_the_order_of_its_type() -> None:
    known = list(DenyReason)
    first, last = known.index(DenyReason.HALTED), known.index(DenyReason.MARGIN)
    assert [step[0] for step in LADDER] == known[first : last + 1]


class TestCounts:
    @pytest.mark.parametrize(("positions", "denied"), [(1, False), (2, True), (3, True)])
    def test_positions_up_to_the_limit(self, positions: int, denied: bool) -> None:
        made = verdict(intent(), positions=positions)
        assert isinstance(made, OrderDenied) is denied

    def test_positions_on_one_symbol_up_to_the_limit(self) -> None:
        two = limits(max_positions_per_symbol=2)
        passed(intent(), positions=1, positions_on_symbol=1, limits=two)
        denied = reason(intent(), positions=1, positions_on_symbol=2, limits=two)
        assert denied is DenyReason.MAX_POSITIONS_PER_SYMBOL


class TestPending:
    @pytest.mark.parametrize(
        ("side", "market", "level"), [(Side.LONG, 110_010, 0), (Side.SHORT, 110_000, 5)]
    )
    def test_an_entry_price_keeps_its_distance_from_the_market(
        self, side: Side, market: int, level: int
    ) -> None:
        """From the ask for a buy, the bid for a sell, to both sides; never at the market itself."""
        spec = msgspec.structs.replace(EURUSD, stops_level=level)
        for distance in range(-8, 9):
            entry = market + distance
            order = intent(side=side, entry_price=entry, stop_loss=entry - side * 100,
                           take_profit=entry + side * 200)  # fmt: skip
            denied = isinstance(verdict(order, spec=spec), OrderDenied)
            assert denied is (abs(distance) < max(level, 1))


class TestStops:
    @pytest.mark.parametrize(
        ("side", "stop", "target", "valid"),
        [
            (Side.LONG, 109_999, 110_001, True),
            (Side.LONG, 110_000, 110_200, False),  # the stop at the bid
            (Side.LONG, 110_005, 110_200, False),  # between bid and entry
            (Side.LONG, 109_900, 110_000, False),  # the target at the bid
            (Side.LONG, 109_900, 0, True),  # no target
            (Side.LONG, 0, 110_200, False),  # no stop
            (Side.SHORT, 110_011, 110_009, True),
            (Side.SHORT, 110_010, 109_800, False),  # the stop at the ask
            (Side.SHORT, 110_100, 110_010, False),
            (Side.SHORT, 110_100, 0, True),
            (Side.SHORT, 0, 109_800, False),
        ],
    )
    def test_they_lie_on_their_sides_of_the_price_that_closes(
        self, side: Side, stop: int, target: int, valid: bool
    ) -> None:
        made = verdict(intent(side=side, stop_loss=stop, take_profit=target, volume=100))
        assert isinstance(made, OrderApproved) is valid
        if isinstance(made, OrderDenied):
            assert made.reason is DenyReason.INVALID_STOPS

    @pytest.mark.parametrize(("away", "valid"), [(49, False), (50, True)])
    @pytest.mark.parametrize("side", list(Side))
    def test_the_symbols_stops_level_is_the_least_distance(
        self, side: Side, away: int, valid: bool
    ) -> None:
        strict = msgspec.structs.replace(EURUSD, stops_level=50)
        price = 110_000 if side is Side.LONG else 110_010
        for stop, target in ((away, 500), (500, away)):
            order = intent(side=side, stop_loss=price - side * stop,
                           take_profit=price + side * target)  # fmt: skip
            assert isinstance(verdict(order, spec=strict), OrderApproved) is valid


class TestThresholds:
    def test_a_volume_below_the_minimum_is_denied_and_the_minimum_is_not(self) -> None:
        # 1.05 buys 0.01 lot, 1.04 nothing.
        small = limits(per_trade_risk_fraction=0.0000105)
        assert passed(intent(), limits=small).volume == 100
        smaller = limits(per_trade_risk_fraction=0.0000104)
        assert reason(intent(), limits=smaller) is DenyReason.BELOW_MIN_VOLUME
        assert reason(intent(volume=50)) is DenyReason.BELOW_MIN_VOLUME

    @pytest.mark.parametrize(("day_start", "denied"), [(10_499_500, False), (10_499_400, True)])
    def test_the_risk_may_exceed_its_limit_by_five_cents_and_no_more(
        self, day_start: int, denied: bool
    ) -> None:
        # 10 lots risk 1,050.00; the limits are 1,049.95 and 1,049.94.
        wide = limits(per_trade_risk_fraction=0.01, daily_loss_fraction=0.5)
        made = verdict(intent(volume=10 * LOT), day_start=day_start, limits=wide)
        assert isinstance(made, OrderDenied) is denied
        if isinstance(made, OrderDenied):
            assert made.reason is DenyReason.PER_TRADE_RISK

    @pytest.mark.parametrize(
        ("day_start", "fraction", "floor"),
        [
            (START, 0.02, 9_800_000),
            (9_000_000, 0.172, 7_452_000),  # the float lies just above the whole number of cents
            (9_000_000, 0.07, 8_370_000),  # and here just below
        ],
    )
    @pytest.mark.parametrize(("short_of_it", "denied"), [(0, False), (1, True)])
    @pytest.mark.parametrize("kind", [DenyReason.DAILY_LOSS, DenyReason.MAX_LOSS])
    def test_a_worst_case_exactly_at_the_floor_is_let_pass(
        self, kind: DenyReason, day_start: int, fraction: float, floor: int, short_of_it: int,
        denied: bool,
    ) -> None:  # fmt: skip
        terms = {
            DenyReason.DAILY_LOSS: {"day_start": day_start, "limits": limits(
                daily_loss_fraction=fraction)},
            DenyReason.MAX_LOSS: {
                "starting_balance": day_start, "day_start": day_start, "limits": limits(
                daily_loss_fraction=0.9, max_loss_fraction=fraction)},
        }[kind]  # fmt: skip
        balance = floor + 10_500 - short_of_it
        made = verdict(intent(volume=LOT), account=account(balance), **terms)
        assert isinstance(made, OrderDenied) is denied
        if isinstance(made, OrderDenied):
            assert made.reason is kind

    def test_the_worst_case_counts_open_stops_and_orders_in_flight(self) -> None:
        # 100,000 - 105 - 900 - 995 = 98,000, the floor.
        state = {"risk_in_flight": 90_000, "stops_worst": -99_500}
        passed(intent(volume=LOT), **state)
        for more in ({"risk_in_flight": 90_001}, {"stops_worst": -99_501}):
            assert reason(intent(volume=LOT), **{**state, **more}) is DenyReason.DAILY_LOSS

    def test_the_worst_case_starts_from_the_balance_not_from_floating_profit(self) -> None:
        made = verdict(intent(volume=LOT), account=account(9_805_000, 9_900_000))
        assert isinstance(made, OrderDenied)
        assert made.detail == "worst case of 97945.00 USD is below the floor of 98000.00"

    def test_the_margin_may_take_all_that_is_free(self) -> None:
        # 1 lot needs 1,100.10; equity counts, other positions and orders in flight do not.
        state: dict[str, Any] = {"account": account(START, 9_990_000, 9_000_000)}
        passed(intent(volume=LOT), **state, margin_in_flight=990_000 - 110_010)
        denied = reason(intent(volume=LOT), **state, margin_in_flight=990_000 - 110_009)
        assert denied is DenyReason.MARGIN

    def test_without_a_limit_there_is_no_floor_under_the_whole_account(self) -> None:
        assert max_loss_floor(LIMITS, START) is None
        assert max_loss_floor(limits(max_loss_fraction=0.1), START) == 9_000_000
        assert day_floor(LIMITS, 9_900_000) == 9_702_000


class TestManaging:
    @pytest.mark.parametrize("action", [ev.Action.CLOSE, ev.Action.MODIFY])
    def test_closing_and_protecting_pass_with_the_orders_own_volume(
        self, action: ev.Action
    ) -> None:
        order = intent(action=action, volume=300, position=7)
        assert manage(order) == OrderApproved(order=order, volume=300)

    def test_an_entry_is_never_passed_unvetted(self) -> None:
        with pytest.raises(ValueError, match="order 4 opens a position: it must be vetted"):
            manage(intent(4))
