"""`python -m tests.bench decision`: what one pure decision takes, in microseconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import msgspec

from config.rules import load_rules
from engine.events import AccountSeen
from engine.rules import Calendar
from engine.types import Limits, Side
from risk import exposure, restrictions
from risk import objectives as obj
from risk.context import RiskContext
from risk.counters import TradeCounts
from risk.limits import vet
from tests.builders import EURUSD, GBPUSD, START, TICKS, account, intent, limits

ROUNDS, CALLS = 9, 20_000
FRIDAY = 1_768_579_200_000  # 2026-01-16, 16:00 UTC

FULL = limits(
    max_symbol_risk_fraction=0.5,
    max_currency_risk_fraction=0.5,
    max_orders_per_hour=100,
    max_orders_per_day=100,
    cool_down_minutes=5,
    allow_slippage_points=5,
    allow_gap_fraction=0.001,
    firm_reserve_fraction=0.0,
)


def main() -> None:
    """Print the median of each decision over some rounds."""
    for name, call in decisions().items():
        print(f"{name:<44} {microseconds(call):8.2f} us")


def decisions() -> dict[str, Callable[[], object]]:
    """Each decision with everything that it needs at hand."""
    rules = load_rules("ftmo_2step")
    state = obj.new_phase(rules, 0, START, "2026-01-16")
    seen = AccountSeen(START, START - 10_000, 0)
    order = intent(scale=0.5)
    plain, full = (
        _desk(limits()),
        _desk(FULL, firm=obj.FirmFloors(9_500_000, 9_500_000, 10_000_000)),
    )
    stakes = [exposure.Exposure(EURUSD, Side.LONG, 100), exposure.Exposure(GBPUSD, Side.SHORT, 90)]
    return {
        "vet an entry, ordinary limits": lambda: vet(order, plain),
        "vet an entry, every limit": lambda: vet(order, full),
        "test equity against the firm's limits": lambda: obj.breach_of(
            rules, state, seen.balance, seen.equity
        ),
        "turn the day": lambda: obj.next_day(rules, state, "x", seen.balance, seen.equity),
        "what is missing for a pass": lambda: obj.missing(rules, state, START, flat=True),
        "gap window": lambda: restrictions.gap_objection(rules.restrictions, Calendar(), FRIDAY),
        "net money at risk by currency": lambda: exposure.on_currencies(stakes),
    }


def _desk(terms: Limits, firm: obj.FirmFloors | None = None) -> RiskContext:
    return RiskContext(
        limits=msgspec.structs.replace(terms),
        spec=EURUSD,
        tick=TICKS["EURUSD"],
        account=AccountSeen.of(account()),
        day_start=START,
        starting_balance=START,
        trading_active=True,
        known_signal=False,
        positions=0,
        positions_on_symbol=0,
        stops_worst=0,
        risk_in_flight=0,
        margin_in_flight=0,
        counts=TradeCounts(now=FRIDAY),
        concentration=exposure.Concentration(on_currency={"EUR": 100, "USD": -100}),
        firm_floors=firm,
    )


def microseconds(call: Callable[[], object]) -> float:
    """The median time of one call."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        found.append((time.perf_counter() - start) / CALLS * 1e6)
    return statistics.median(found)


if __name__ == "__main__":
    main()
