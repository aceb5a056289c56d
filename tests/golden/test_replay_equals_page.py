"""The engine tells the same story as an independent program of the same page, line by line.

Times, events, symbols, directions, volumes, prices, reasons, profits, commissions and balances of
the event log; denials, those while halted included; day anchors; and the figures of the summary.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import synthetic
from tests.golden.replays import (
    DATA,
    Case,
    Told,
    first_difference,
    replayed,
    told_by_the_engine,
    told_by_the_page,
)
from tests.reference.preset_bars import Clock


def compared(case: Case, folder: Path) -> Told:
    """What both tell of `case`; fails where they part."""
    engine = told_by_the_engine(replayed(case.terms(), folder))
    page = told_by_the_page(case)
    assert first_difference(engine.lines, page.lines) == ""
    assert first_difference(engine.halted, page.halted) == ""
    assert first_difference(engine.days, page.days) == ""
    assert engine.figures == page.figures
    return engine


def met(told: Told) -> set[str]:
    """The events and reasons that a run led to, and the checks that denied entries."""
    words = {word for line in told.lines for word in (line.event, line.reason)}
    return words | set(told.figures["denied"])


# ---- Synthetic bars


@pytest.fixture(scope="module")
def spring(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, Path]]:
    """The files of eight weeks of M15 bars, or of three weeks of M1 bars, by period."""
    made: dict[int, dict[str, Path]] = {}

    def files(period: int) -> dict[str, Path]:
        if period not in made:
            folder = tmp_path_factory.mktemp(f"bars{period}")
            bars = synthetic.feed(3, days=56 if period == synthetic.M15 else 21, period=period)
            made[period] = {
                name: synthetic.write_parquet(one, folder / f"{name}.parquet")
                for name, one in bars.items()
            }
        return made[period]

    return files


ONE, TWO, THREE = "EURUSD", "EURUSD GBPUSD", "EURUSD GBPUSD USDJPY"
TRADED = {"OPEN", "CLOSE", "MODIFY", "SL", "TP", "OPPOSITE", "TRAIL", "v1_cross", "v2_momentum"}

# Symbols, what differs from the defaults, and what the run must meet for the case to be of use.
SETTINGS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "defaults": (TWO, {}, TRADED | {"invalid_stops"}),
    "maximum positions": (THREE, {}, TRADED | {"max_positions", "halted", "HALT", "RESUME"}),
    "three at once": (THREE, {"max_positions": 3}, TRADED | {"daily_loss"}),
    "one at a time": (THREE, {"max_positions": 1}, TRADED | {"max_positions"}),
    "maximum loss": (THREE, {"max_loss_fraction": 0.03}, {"max_loss", "daily_loss", "halted"}),
    "tight days": (THREE, {"daily_loss_fraction": 0.004}, TRADED | {"daily_loss", "RESUME"}),
    "both floors": (
        THREE,
        {"daily_loss_fraction": 0.0045, "max_loss_fraction": 0.01},
        {"max_loss", "daily_loss", "RESUME"},
    ),
    "days that cannot trade": (ONE, {"daily_loss_fraction": 0.001}, {"daily_loss", "halted"}),
    "great risk": (
        THREE,
        {"per_trade_risk_fraction": 0.9, "daily_loss_fraction": 0.95, "max_positions": 3},
        {"margin"},
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_limits_of_every_kind(
    name: str, spring: Callable[[int], dict[str, Path]], tmp_path: Path
) -> None:
    """Eight weeks across two changes of the hour, under limits that make each check matter."""
    symbols, limits, expected = SETTINGS[name]
    files = spring(synthetic.M15)
    case = Case(files={symbol: files[symbol] for symbol in symbols.split()}, limits=limits)
    assert expected <= met(compared(case, tmp_path))


@pytest.mark.parametrize("clock", ["eu-dst", "utc"])
def test_other_clocks(
    clock: Clock, spring: Callable[[int], dict[str, Path]], tmp_path: Path
) -> None:
    """Sessions, days and the trading day's reset follow the feed's clock."""
    told = compared(Case(files=spring(synthetic.M15), clock=clock), tmp_path)
    assert met(told) >= TRADED


def test_a_small_account(spring: Callable[[int], dict[str, Path]], tmp_path: Path) -> None:
    """600 USD are often too little for the smallest lot."""
    case = Case(files=spring(synthetic.M15), starting_equity=600.0)
    assert met(compared(case, tmp_path)) >= TRADED | {"below_min_volume"}


@pytest.mark.parametrize("count", [1, 40])
def test_a_limit_of_trades(
    count: int, spring: Callable[[int], dict[str, Path]], tmp_path: Path
) -> None:
    """The run ends with the event that closes the last allowed trade."""
    told = compared(Case(files=spring(synthetic.M15), limit_trades=count), tmp_path)
    opened = [line.ticket for line in told.lines if line.event == "OPEN"]
    assert len(opened) == told.figures["trades"] == count
    assert told.lines[-1].event == "CLOSE"


@pytest.mark.parametrize("limits", [{}, {"daily_loss_fraction": 0.004, "max_loss_fraction": 0.05}])
def test_minutes(
    limits: dict[str, float | int], spring: Callable[[int], dict[str, Path]], tmp_path: Path
) -> None:
    """M1 bars: many ranges between two decisions, and bars that are passed over."""
    told = compared(Case(files=spring(synthetic.MINUTE), limits=limits), tmp_path)
    assert met(told) >= {"OPEN", "CLOSE", "MODIFY", "SL", "TP", "OPPOSITE"}


def test_minutes_beside_quarters_of_an_hour(
    spring: Callable[[int], dict[str, Path]], tmp_path: Path
) -> None:
    """Each symbol's feed may have a period of its own."""
    quarters = spring(synthetic.M15)
    files = {**quarters, "GBPUSD": spring(synthetic.MINUTE)["GBPUSD"]}
    told = compared(Case(files=files, limits={"max_positions": 3}), tmp_path)
    assert {line.symbol for line in told.lines if line.event == "CLOSE"} == set(files)


# ---- Bars of real brokers

FTMO, ICM, EXNESS = DATA / "ftmo_terminal", DATA / "icmarkets_demo", DATA / "exness_trial"
EU = DATA / "eu_dst_broker"
Y2025, H2 = "20250102_20251231.parquet", "20250602_20251231.parquet"

FTMO_TWO = {name: FTMO / f"{name}_M15_{Y2025}" for name in ("EURUSD", "GBPUSD")}
FTMO_THREE = {**FTMO_TWO, "USDJPY": FTMO / "USDJPY_M15_20240701_20250618.parquet"}
ICM_M1 = {"EURUSD": ICM / f"EURUSD_M1_{Y2025}"}
EXNESS_TWO = {name: EXNESS / f"{name}_M15_{H2}" for name in ("EURUSD", "USDJPY")}
GOLD = {"EURUSD": EU / f"EURUSD_M15_{Y2025}", "XAUUSD": EU / f"GOLD_M15_{Y2025}"}

CASES = {
    "Exness": Case(files=EXNESS_TWO, clock="utc"),
}
DEEP_CASES = {
    "FTMO, three symbols": Case(files=FTMO_THREE),
    "ICMarkets M15": Case(files={"EURUSD": ICM / f"EURUSD_M15_{Y2025}"}),
    "FTMO, tight days": Case(files=FTMO_TWO, limits={"daily_loss_fraction": 0.005}),
    "FTMO, two symbols": Case(files=FTMO_TWO),
    "FTMO, maximum loss": Case(files=FTMO_TWO, limits={"max_loss_fraction": 0.1}),
    "ICMarkets M1": Case(files=ICM_M1),
    "ICMarkets M1, tight days": Case(files=ICM_M1, limits={"daily_loss_fraction": 0.004}),
    "ICMarkets M1, 25 trades": Case(files=ICM_M1, limit_trades=25),
    "EU broker with gold": Case(files=GOLD, clock="eu-dst"),
    "Exness, both floors": Case(
        files=EXNESS_TWO,
        clock="utc",
        limits={"daily_loss_fraction": 0.004, "max_loss_fraction": 0.05},
        limit_trades=200,
    ),
    "FTMO, three at once": Case(files=FTMO_THREE, limits={"max_positions": 3}),
}


def real(case: Case, folder: Path) -> None:
    missing = [path for path in case.files.values() if not path.exists()]
    if missing:
        pytest.skip(f"no market data at {missing[0]}")
    told = compared(case, folder)
    assert told.figures["trades"] >= 25


@pytest.mark.parametrize("name", CASES)
def test_real_brokers(name: str, tmp_path: Path) -> None:
    """Months of a broker's bars; skipped where there is no collection of them."""
    real(CASES[name], tmp_path)


@pytest.mark.deep
@pytest.mark.parametrize("name", DEEP_CASES)
def test_real_brokers_at_length(name: str, tmp_path: Path) -> None:
    """Bars of further brokers, a year of M1 bars, gold, and further limits."""
    real(DEEP_CASES[name], tmp_path)
