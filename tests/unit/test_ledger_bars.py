"""What the terminal's bars tell of times at which nobody watched: which are asked for, and how."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.state.past_bars import BarsRead, SymbolWorth, read_bars
from engine.account.history import PriceBar
from engine.fields import PastVerdict
from risk.ledger.inputs import FirmRules, PastBars
from risk.ledger.verdict import BarsWanted
from scripts.app.account.past_bars import KeptBars, past_bars
from tests.ledger_history import FTMO, THE5ERS, History, at, funded, stated

FRIDAY, MONDAY = "06-19 20:00", "06-22 08:00"
"""2026-06-20 is a Saturday."""


def held_over_the_weekend() -> History:
    history = funded()
    history.leave(MONDAY, history.enter(FRIDAY), -10.0)
    return history


def quarters(*spans: tuple[str, str], price: float = 1.1) -> PastBars:
    """M15 bars of EURUSD that lie in these spans, all at one price."""
    rows = [
        PriceBar(time=time, open=price, high=price, low=price, close=price)
        for low, high in spans
        for time in range(at(low) // 1000, at(high) // 1000, 900)
    ]
    return past_bars(
        BarsRead(
            minutes=15,
            by_symbol={"EURUSD": tuple(rows)},
            worth={"EURUSD": SymbolWorth(point=0.00001, value=100_000.0)},
        )
    )


def test_a_weekend_is_no_hole_and_a_hole_in_the_week_is_one() -> None:
    """Over a weekend the price lies between the last close and the next open."""
    history = held_over_the_weekend()
    whole = quarters(("06-19 18:00", "06-19 21:00"), ("06-21 21:00", "06-22 09:00"))
    report = history.report("06-22 10:00", statement=stated(), bars=whole)
    assert report.figures.past is PastVerdict.CLEAN_BOUNDED
    assert report.wanted is None
    hole = quarters(("06-19 18:00", "06-19 21:00"), ("06-22 06:00", "06-22 09:00"))
    assert history.report("06-22 10:00", statement=stated(), bars=hole).figures.past is (
        PastVerdict.CLEAN_BOUNDED
    ), "from Friday to Monday morning: one gap with the weekend in it"
    broken = quarters(
        ("06-19 18:00", "06-19 21:00"), ("06-21 21:00", "06-22 02:00"),
        ("06-22 04:00", "06-22 09:00"),
    )  # fmt: skip
    report = history.report("06-22 10:00", statement=stated(), bars=broken)
    assert report.figures.past is PastVerdict.UNKNOWN


def test_bars_are_wanted_of_what_was_open_while_nobody_watched() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -10.0, symbol="GBPUSD")
    watched = ((at("06-15 07:00"), at("06-15 10:00")),)
    assert history.report("06-17 10:00", watched=watched).wanted is None
    history.trade("06-16 08:00", "06-16 09:00", -10.0)
    wanted = history.report("06-17 10:00", watched=watched).wanted
    assert wanted == BarsWanted(symbols=("EURUSD",), low=at("06-16 08:00"), high=at("06-16 09:00"))


@pytest.mark.parametrize(("firm", "wants"), [(FTMO, False), (THE5ERS, True)])
def test_an_equity_at_the_reset_is_asked_for_where_the_rules_hang_on_it(
    firm: FirmRules, wants: bool
) -> None:
    """With the balance as the day's start it does not matter what it was."""
    history = funded()
    history.leave("06-16 10:00", history.enter("06-15 20:00"), 0.0)
    spans = ((at("06-15 20:00"), at("06-15 20:59")), (at("06-15 21:10"), at("06-16 10:00")))
    watched = (*spans, (at("06-15 20:59"), at("06-15 21:10")))
    report = history.report("06-16 12:00", firm, watched=watched)
    assert (report.wanted is not None) == wants


class Terminal:
    """Answers as the package does; of GBPUSD it knows nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def call(self, function: str, *args: Any) -> Any:
        self.asked.append((function, *args))
        if args[0] == "GBPUSD":
            return None
        return getattr(self, f"_{function}")(*args)

    def _copy_rates_range(
        self, _symbol: str, timeframe: int, low: dt.datetime, high: dt.datetime
    ) -> list[dict[str, float]]:
        begin, end = int(low.timestamp()), int(high.timestamp())
        step = timeframe * 60
        first = -(-begin // step) * step
        return [
            {"time": time, "open": 1.1, "high": 1.2, "low": 1.0, "close": 1.15, "spread": 3}
            for time in range(first, end + 1, step)
        ]

    def _symbol_info(self, symbol: str) -> Any:
        base, profit = symbol[:3], symbol[3:]
        return SimpleNamespace(
            currency_base=base, currency_profit=profit, point=0.00001, bid=1.1, ask=1.1,
            trade_contract_size=100_000.0,
        )  # fmt: skip

    def _order_calc_profit(self, *terms: Any) -> float:
        lots, opened, closed = map(float, terms[2:])
        return (closed - opened) * 100_000 * lots


def test_bars_are_read_in_pieces_and_told_once() -> None:
    terminal = Terminal()
    low = at("06-01 00:00") // 1000
    read = read_bars(terminal.call, ["EURUSD", "GBPUSD"], low, low + 70 * 86_400, 15, "USD")
    times = [bar.time for bar in read.by_symbol["EURUSD"]]
    assert times == sorted(set(times))
    assert len(times) == 70 * 96 + 1
    assert set(read.by_symbol) == set(read.worth) == {"EURUSD"}
    assert sum(name == "copy_rates_range" for name, *_ in terminal.asked) == 6


def test_a_move_is_worth_what_the_terminal_says_or_follows_from_the_closing_price() -> None:
    """EURUSD in USD: 100,000 a lot. USDJPY in USD: divided by the price at which it is closed."""
    read = read_bars(Terminal().call, ["EURUSD", "USDJPY"], 0, 0, 15, "USD")
    profit = past_bars(read).profit
    lot = 10**8
    euro = profit("EURUSD", lot, Decimal("1.1"), Decimal("1.101"))
    assert euro is not None
    assert round(euro, 6) == 100
    yen = profit("USDJPY", -lot // 10, Decimal(150), Decimal(149))
    assert yen is not None
    assert round(yen, 4) == round(Decimal(10_000) / 149, 4)
    assert profit("GBPUSD", lot, Decimal(1), Decimal(2)) is None


def test_the_same_bars_are_not_asked_for_at_every_reading() -> None:
    """Later times, another symbol, or a quarter of an hour are a reason to ask again; what has
    not come after three tries is asked for once a day.
    """
    kept, wanted = KeptBars(), BarsWanted(symbols=("EURUSD",), low=100, high=200)
    assert kept.is_worth_asking(wanted, 1_000)
    kept.keep(wanted, 1_000, BarsRead(minutes=15, by_symbol={}, worth={}))
    assert not kept.is_worth_asking(wanted, 1_000 + 899_999)
    assert kept.is_worth_asking(wanted, 1_000 + 900_000)
    earlier = BarsWanted(symbols=("EURUSD",), low=99, high=200)
    later = BarsWanted(symbols=("EURUSD",), low=100, high=1_001)
    other = BarsWanted(symbols=("EURUSD", "GBPUSD"), low=100, high=200)
    for changed in (earlier, later, other):
        assert kept.is_worth_asking(changed, 1_001)


def test_what_a_terminal_does_not_have_is_asked_for_once_a_day() -> None:
    kept, wanted = KeptBars(), BarsWanted(symbols=("EURUSD",), low=100, high=200)
    nothing = BarsRead(minutes=15, by_symbol={}, worth={})
    for number in range(3):
        assert kept.is_worth_asking(wanted, 1_000 + number * 900_000)
        kept.keep(wanted, 1_000 + number * 900_000, nothing)
    last = 1_000 + 2 * 900_000
    assert not kept.is_worth_asking(wanted, last + 900_000)
    assert kept.is_worth_asking(wanted, last + 86_400_000)
    later = BarsWanted(symbols=("EURUSD",), low=100, high=last + 1)
    assert kept.is_worth_asking(later, last + 2)
