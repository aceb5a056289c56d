"""The terminal's own figures against the formula: which counts, and when nothing is opened."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine import events as ev
from engine import money
from engine.events import DenyReason
from engine.types import Rate, Side, SymbolSpec
from engine.valuation import due, is_news, move_at
from risk.valuation import Valuation, rate_of, valuation_of
from tests.builders import (
    EURGBP,
    EURUSD,
    LOT,
    SPECS,
    USDJPY,
    Wired,
    broker_valued,
    limits,
    of_kind,
    opened,
    signal,
    wired,
)

MINUTE = 60_000
CROSS = broker_valued("EURGBP", price=86_010, move=86, gain=546_000, loss=546_440, margin=109_000)
"""A pound is worth 1.2698 to 1.2708 dollars; a lot of euros binds 1,090.00."""
YEN = broker_valued("USDJPY", price=150_010, move=150, gain=499_000, loss=500_466, margin=100_000)


def found(spec: SymbolSpec, value: ev.SymbolValuation | None, now: int = 0) -> Valuation:
    return valuation_of(spec, value, now, broker_valued=True)


def reason(valuation: Valuation) -> DenyReason | None:
    return valuation.objection[0] if valuation.objection else None


class TestTheFormulaIsKnown:
    def test_a_terminal_that_agrees_changes_nothing(self) -> None:
        """So a session on recorded bars trades what a replay of them trades."""
        assert found(EURUSD, broker_valued()) == Valuation()
        assert found(USDJPY, YEN) == Valuation()
        assert found(EURUSD, broker_valued(loss=550_001)) == Valuation()  # a cent of rounding

    def test_the_larger_loss_counts(self) -> None:
        assert found(EURUSD, broker_valued(loss=553_000)).rate == Rate((1, 1), (553_000, 550_000))
        assert found(EURUSD, broker_valued(loss=547_000)).rate is None

    def test_a_gain_is_the_formulas(self) -> None:
        rate = found(EURUSD, broker_valued(loss=553_000)).rate
        at = (EURUSD, Side.LONG, LOT, 110_010, 110_110, 110_110, 110_120)
        assert money.profit(*at, rate) == money.profit(*at)

    @pytest.mark.parametrize(
        ("loss", "why"),
        [
            (555_557, DenyReason.VALUATION_MISMATCH),
            (555_556, None),
            (544_499, None),
            (544_498, DenyReason.VALUATION_MISMATCH),
        ],
    )
    def test_figures_a_hundredth_apart_disagree(self, loss: int, why: DenyReason | None) -> None:
        """A hundredth of the larger one, and a cent."""
        assert reason(found(EURUSD, broker_valued(loss=loss))) is why

    def test_figures_that_disagree_are_told(self) -> None:
        objection = found(EURUSD, broker_valued(loss=1_100_000)).objection
        assert objection is not None
        assert objection[1] == (
            "the terminal says that 110 points of EURUSD are worth 11000.00, the formula 5500.00 "
            "of the account's currency"
        )

    def test_what_is_open_is_judged_by_the_larger_loss_even_when_they_disagree(self) -> None:
        assert rate_of(EURUSD, broker_valued(loss=1_100_000)) == Rate((1, 1), (1_100_000, 550_000))

    def test_without_a_terminal_the_formula_stands_alone(self) -> None:
        assert valuation_of(EURUSD, None, 0, broker_valued=False) == Valuation()

    def test_the_larger_margin_counts_and_a_difference_is_no_reason_to_deny(self) -> None:
        """A terminal has its own leverage for metals and indices."""
        for told, bound in ((110_010, 110_010), (330_030, 330_030), (55_005, 110_010)):
            valuation = found(EURUSD, broker_valued(margin=told))
            assert valuation.objection is None
            assert money.scaled_margin(EURUSD, valuation.margin, LOT, 110_010) == bound

    def test_a_margin_follows_volume_and_price(self) -> None:
        valuation = found(EURUSD, broker_valued(margin=330_030))
        assert money.scaled_margin(EURUSD, valuation.margin, LOT // 2, 110_020) == 165_030


class TestOnlyTheTerminalKnows:
    def test_profits_are_multiplied_with_what_it_told_a_little_against_the_account(self) -> None:
        """By the band of 5/10,000 that it may have moved since, and half a cent of rounding."""
        rate = found(EURGBP, CROSS).rate
        assert rate is not None
        (gain, per_gain), (loss, per_loss) = rate
        told_gain, told_loss = 5_460.00 / (0.00086 * 50 * 100_000), 5_464.40 / 4_300
        assert told_gain * 0.99949 < gain / per_gain < told_gain * 0.9995
        assert told_loss * 1.0005 < loss / per_loss < told_loss * 1.00051

    def test_the_margin_of_a_lot_is_its_own(self) -> None:
        valuation = found(EURGBP, CROSS)
        assert (
            money.scaled_margin(EURGBP, valuation.margin, LOT, 86_010) == 109_056
        )  # with the band, rounded up
        assert money.scaled_margin(EURGBP, valuation.margin, LOT // 2, 99_999) == 54_528

    def test_the_margin_was_told_of_less_than_a_lot_where_no_order_may_be_larger(self) -> None:
        spec = msgspec.structs.replace(EURGBP, volume_max=LOT // 10)
        valuation = msgspec.structs.replace(CROSS, volume=LOT // 10, margin=10_900)
        assert money.scaled_margin(spec, found(spec, valuation).margin, LOT // 10, 86_010) == 10_906

    def test_there_is_nothing_to_compare_it_with(self) -> None:
        wild = msgspec.structs.replace(CROSS, loss=10**9)
        assert found(EURGBP, wild).objection is None

    def test_money_of_it_cannot_be_asked_for_without_a_rate(self) -> None:
        with pytest.raises(
            money.RateMissing, match="EURGBP: nobody has supplied what a unit of GBP"
        ):
            money.profit(EURGBP, Side.LONG, LOT, 86_010, 86_020, 86_020, 86_030)
        with pytest.raises(money.RateMissing):
            money.margin(EURGBP, LOT, 86_010)


@pytest.mark.parametrize("told", [True, False])
def test_nothing_is_opened_on_a_cross_that_nobody_has_told_the_worth_of(told: bool) -> None:
    valuation = valuation_of(EURGBP, None, 0, broker_valued=told)
    assert valuation.objection == (
        DenyReason.NO_VALUATION, "the terminal has supplied no valuation of EURGBP"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "value", "minutes"), [(EURGBP, CROSS, 30), (EURUSD, broker_valued(), 180)]
)
def test_nothing_is_opened_on_an_old_value(
    spec: SymbolSpec, value: ev.SymbolValuation, minutes: int
) -> None:
    """One that the terminal has told, and three times failed to tell again."""
    assert found(spec, value, minutes * MINUTE).objection is None
    late = found(spec, value, minutes * MINUTE + 1)
    assert late.objection == (
        DenyReason.NO_VALUATION,
        f"the terminal's last valuation of {spec.name} is {minutes} minutes old",
    )
    assert late.rate == found(spec, value).rate  # what is open goes on being judged


class TestNews:
    def test_a_cross_is_asked_about_at_every_look_others_once_an_hour(self) -> None:
        assert due(EURUSD, None, 0)
        assert due(EURGBP, CROSS, 1)
        assert not due(EURUSD, broker_valued(), 60 * MINUTE - 1)
        assert due(EURUSD, broker_valued(), 60 * MINUTE)

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({}, False),
            ({"loss": 546_713}, False),  # 5/10,000 of 546,440 are 273.2
            ({"loss": 546_714}, True),
            ({"loss": 546_166}, True),
            ({"gain": 546_274}, True),
            ({"margin": 109_055}, True),
            ({"time": 10 * MINUTE}, True),
            ({"move": 172, "loss": 1_092_880, "gain": 1_092_000}, False),
            ({"volume": 25 * LOT, "loss": 273_220, "gain": 273_000}, False),
        ],
    )
    def test_what_says_the_same_is_not_told_again(self, change: Any, told: bool) -> None:
        assert is_news(EURGBP, CROSS, msgspec.structs.replace(CROSS, **change)) is told

    def test_a_move_is_a_thousandth_and_at_least_a_point(self) -> None:
        assert (move_at(110_010), move_at(999)) == (110, 1)


def entered(parts: Wired, **changes: Any) -> ev.OrderApproved | ev.OrderDenied:
    """What risk says to a long of a cross, its stop 100 points away, or to another signal."""
    at = {"symbol": "EURGBP", "price": 86_010, "stop_loss": 85_910, "take_profit": 86_210}
    parts.bus.publish(signal(f"s:{parts.bus.seq}", **{**at, **changes}))
    verdicts = (ev.OrderApproved, ev.OrderDenied)
    made = [item.event for item in parts.journal.records if isinstance(item.event, verdicts)]
    return made[-1]


def session(**terms: Any) -> Wired:
    """One that insists on values, with a cross at its tick."""
    parts = wired(
        limits(max_positions_per_symbol=2, **terms),
        specs={**SPECS, "EURGBP": EURGBP},
        broker_valued=True,
    )
    parts.bus.feed(ev.Tick("EURGBP", 86_000, 86_010))
    return parts


class TestInASession:
    def test_a_cross_is_sized_once_its_value_is_told(self) -> None:
        parts = session()
        denied = entered(parts)
        assert isinstance(denied, ev.OrderDenied)
        assert denied.reason is DenyReason.NO_VALUATION
        parts.bus.feed(CROSS)
        made = entered(parts)
        assert isinstance(made, ev.OrderApproved)
        # A lot loses 100.00 GBP at 1.27144 and 5.00: 400.00 / 132.14 = 3.02 lots.
        assert (made.volume, made.risk) == (30_200, 39_907)
        assert made.margin == 329_347

    def test_every_symbol_needs_one(self) -> None:
        parts = session()
        at = {"symbol": "EURUSD", "price": 110_010, "stop_loss": 109_910, "take_profit": 0}
        assert isinstance(entered(parts, **at), ev.OrderDenied)
        parts.bus.feed(broker_valued())
        assert isinstance(entered(parts, **at), ev.OrderApproved)

    def test_a_larger_loss_of_the_terminals_makes_the_order_smaller(self) -> None:
        at = {"symbol": "EURUSD", "price": 110_010, "stop_loss": 109_910, "take_profit": 0}
        volumes = []
        for loss in (550_000, 555_000):
            parts = session()
            parts.bus.feed(broker_valued(loss=loss))
            made = entered(parts, **at)
            assert isinstance(made, ev.OrderApproved)
            volumes.append(made.volume)
        assert volumes == [38_000, 37_700]  # 400.00 / 105.00 and 400.00 / 105.91

    def test_what_is_open_on_a_cross_counts_in_dollars(self) -> None:
        parts = session(daily_loss_fraction=0.005)
        parts.bus.feed(CROSS)
        parts.bus.publish(opened(7, symbol="EURGBP", price=86_010, stop_loss=85_910))
        # 500.00 may be lost; the open lot loses 127.14 and 2.50 at its stop, 400.00 are asked for.
        denied = entered(parts)
        assert isinstance(denied, ev.OrderDenied)
        assert denied.reason is DenyReason.DAILY_LOSS

    def test_a_cross_that_is_open_without_a_value_may_lose_everything(self) -> None:
        parts = session()
        parts.bus.publish(opened(7, symbol="EURGBP", price=86_010, stop_loss=85_910))
        parts.bus.feed(broker_valued())
        at = {"symbol": "EURUSD", "price": 110_010, "stop_loss": 109_910, "take_profit": 0}
        denied = entered(parts, **at)
        assert isinstance(denied, ev.OrderDenied)
        assert denied.reason is DenyReason.DAILY_LOSS

    def test_a_resumed_session_remembers_the_last_value_but_opens_nothing_on_an_old_one(
        self,
    ) -> None:
        earlier = session()
        earlier.bus.feed(CROSS)
        parts = session()
        for record in earlier.journal.records:
            for actor in (parts.portfolio, parts.risk):
                handler = actor.replay_routes().get(type(record.event))
                if handler is not None:
                    handler(record.event)
        parts.bus.time = 31 * MINUTE
        denied = entered(parts)
        assert isinstance(denied, ev.OrderDenied)
        assert "31 minutes old" in denied.detail
        assert of_kind(parts.journal, ev.OrderApproved) == []
