"""Whatever the symbol and its rate: no order loses more than it may, as the terminal reckons."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.valuation import broker_valuation
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine import money
from engine.types import Conversion, Rate, Side, SymbolSpec, lots
from engine.valuation import is_news
from risk.limits import RISK_TOLERANCE, vet
from risk.valuation import rate_of
from tests.builders import EURGBP, EURUSD, LIMITS, LOT, START, USDJPY, XAUUSD, intent
from tests.risk_steps import desk

DE40 = msgspec.structs.replace(
    EURGBP, name="DE40", digits=1, contract=1, base="DE40", quote="EUR", commission=0.0
)
US30 = msgspec.structs.replace(EURUSD, name="US30", digits=2, contract=1, base="US30")
EURJPY = msgspec.structs.replace(EURGBP, name="EURJPY", quote="JPY", digits=3)
PRICES = {
    "EURUSD": 110_000, "USDJPY": 150_000, "XAUUSD": 265_000, "EURGBP": 86_000, "EURJPY": 162_000,
    "DE40": 190_000, "US30": 4_200_000,
}  # fmt: skip
symbols = st.sampled_from([EURUSD, USDJPY, XAUUSD, EURGBP, EURJPY, DE40, US30])
sides = st.sampled_from(list(Side))
rates = st.integers(1, 10**6).flatmap(
    lambda unit: st.tuples(st.just(unit), st.integers(unit, unit + unit // 200 + 1))
)
"""What a thousandth of the profit's currency earns and costs, up to half a percent apart."""


_DENIED = {ev.DenyReason.BELOW_MIN_VOLUME, ev.DenyReason.MARGIN}
DENIED = {
    Conversion.NONE: _DENIED,
    Conversion.DIVIDE: _DENIED | {ev.DenyReason.PER_TRADE_RISK},
    Conversion.FROM_BROKER: _DENIED,
}
"""Why an order that risk sized may be denied; a loss in yen may be rounded beyond its limit."""


def terminal(spec: SymbolSpec, price: int, spread: int, unit: tuple[int, int]) -> PaperTerminal:
    made = PaperAccount({spec.name: spec}, START)
    made.quote(spec.name, price, price + spread, 0)
    if spec.conversion is Conversion.FROM_BROKER:
        gain, loss = unit
        made.converter.from_broker[spec.name] = Rate(gain=(gain, 100_000), loss=(loss, 100_000))
    return PaperTerminal(made)


def asked(terminal: PaperTerminal, spec: SymbolSpec) -> ev.SymbolValuation | None:
    bid, ask = terminal.account.bids[spec.name], terminal.account.asks[spec.name]
    valuation = broker_valuation(terminal, spec.name, spec, bid, ask)
    return None if valuation is None else valuation.at(spec.name, 0)


@settings(max_examples=400)
@given(
    spec=symbols,
    side=sides,
    moved=st.integers(-200, 200),
    spread=st.integers(0, 50),
    distance=st.integers(10, 20_000),
    unit=rates,
    drift=st.integers(-20, 20),
    scale=st.floats(0.05, 1.0),
)
def test_the_sized_volume_loses_at_most_the_budget_by_the_terminals_own_figure(
    spec: SymbolSpec,
    side: Side,
    moved: int,
    spread: int,
    distance: int,
    unit: tuple[int, int],
    drift: int,
    scale: float,
) -> None:
    """Also when its rate has moved since it was told, by less than is told again (`drift`)."""
    price = PRICES[spec.name] + moved
    before = asked(terminal(spec, price, spread, unit), spec)
    assume(before is not None)
    gain, loss = (part + part * drift // 10_000 for part in unit)
    now = terminal(spec, price, spread, (gain, loss))
    later = asked(now, spec)
    assume(later is not None and not is_news(spec, before, later))
    tick = ev.Tick(spec.name, price, price + spread)
    entry = tick.ask if side is Side.LONG else tick.bid
    stop = (tick.bid if side is Side.LONG else tick.ask) - side * min(distance, price - 1)
    order = intent(symbol=spec.name, side=side, price=entry, stop_loss=stop, take_profit=0,
                   scale=scale)  # fmt: skip
    made = vet(order, desk(spec, tick, before))
    if isinstance(made, ev.OrderDenied):
        assert made.reason in DENIED[spec.conversion]
        return
    kind = mt5.ORDER_TYPE_BUY if side is Side.LONG else mt5.ORDER_TYPE_SELL
    at = (kind, spec.name, lots(made.volume), spec.price(entry))
    profit = now.order_calc_profit(*at, spec.price(stop))
    margin = now.order_calc_margin(*at)
    assert profit is not None
    assert margin is not None
    lost = -round(profit * 100) + 2 * money.commission(spec, made.volume)
    # A formula's loss of one lot is rounded to a cent, which is multiplied by the volume.
    slack = 0 if spec.conversion is Conversion.FROM_BROKER else RISK_TOLERANCE + made.volume // LOT
    assert lost <= LIMITS.per_trade_risk_fraction * START * scale + slack
    assert lost <= made.risk
    assert round(margin * 100) <= made.margin + 1


@given(
    spec=symbols, side=sides, volume=st.integers(1, 5_000).map(lambda steps: steps * 100),
    close=st.integers(-5_000, 5_000), unit=rates,
)  # fmt: skip
def test_a_profit_is_the_exact_amount_times_the_exact_rate_rounded_once(
    spec: SymbolSpec, side: Side, volume: int, close: int, unit: tuple[int, int]
) -> None:
    entry = PRICES[spec.name]
    price = entry + close
    rate = Rate(gain=(unit[0], 1_000), loss=(unit[1], 1_000))
    exact = Fraction(close * side * spec.contract * volume, 100 * 10**spec.digits)
    if spec.conversion is Conversion.DIVIDE:
        exact /= Fraction(price, 10**spec.digits)
    exact *= Fraction(unit[0] if exact > 0 else unit[1], 1_000)
    found = money.profit(spec, side, volume, entry, price, price, price, rate)
    assert abs(found - exact) <= Fraction(1, 2) + Fraction(1, 10**4) + abs(exact) / 10**14


@given(
    spec=symbols, moved=st.integers(-200, 200), unit=rates, worse=st.integers(-5_000, 100_000)
)  # fmt: skip
def test_what_is_open_is_never_judged_more_kindly_than_by_either_figure(
    spec: SymbolSpec, moved: int, unit: tuple[int, int], worse: int
) -> None:
    """`worse` (1/100,000) is by how much the terminal's loss differs from what it should be."""
    price = PRICES[spec.name] + moved
    value = asked(terminal(spec, price, 0, unit), spec)
    assume(value is not None)
    assert value is not None
    valuation = msgspec.structs.replace(
        value, loss=max(1, value.loss + value.loss * worse // 100_000)
    )
    rate = rate_of(spec, valuation)
    at = (spec, Side.LONG, valuation.volume, valuation.price, valuation.price - valuation.move, 0)
    judged = -money.profit_at(*at, rate)
    assert judged >= valuation.loss - 1
    if spec.conversion is not Conversion.FROM_BROKER:
        assert judged >= -money.profit_at(*at)
    else:
        assert (
            judged <= ceil((valuation.loss + 1) * Fraction(10_006, 10_000)) + valuation.loss // 10
        )
