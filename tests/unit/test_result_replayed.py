"""A replay's equity points, against what the engine's own account showed at every bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.types import LimitAction, Side
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.result_runs import differing_points, witnessed
from tests.user_signal_runs import PERIOD, at, bar_file, flat, signal_file, terms_of, with_limits

QUARTER: dict[str, Any] = {"start": "2023-02-01", "end": "2023-05-01"}


def sample(**options: Any) -> Terms:
    """A part of the sample that comes with the program."""
    return resolve_terms(ReplayRequest(**{**QUARTER, **options}))[0]


OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "with slippage and swap": {"slippage_points": 3, "swap": ["-7.5/2.25"]},
    "attempts at a firm's objectives": {"objectives": "ftmo_2step", "attempts": "repeat"},
    "large orders": {"limits": {"per_trade_risk_fraction": 0.02}, "objectives": "ftmo_2step"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_point_is_what_the_engine_saw(name: str) -> None:
    """Balance, equity and the worst equity of each bar equal the engine's own equity tests."""
    run = witnessed(sample(**OPTIONS[name]))
    assert run.result.trades
    assert differing_points(run) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_skipped_bars_change_no_point(name: str) -> None:
    """A replay that passes over uneventful bars has the same points as one that plays them all."""
    one, other = (witnessed(sample(**OPTIONS[name]), every_bar=full) for full in (True, False))
    for column in ("time", "balance", "equity", "worst", "day_floor", "overall_floor"):
        first, second = getattr(one.result.curve, column), getattr(other.result.curve, column)
        assert first.tolist() == second.tolist(), column


def test_the_curve_has_the_largest_drawdown_that_the_engine_found() -> None:
    """Drawdown from the points equals the figure of the session's end."""
    result = witnessed(sample()).result
    assert result.figures is not None
    assert result.curve.drawdown(result.terms.start.equity).max() == pytest.approx(
        result.figures.max_drawdown_fraction, abs=1e-12
    )


def test_sums_are_the_result_to_the_cent() -> None:
    """The trades' net is the change of the balance, the last point the end of the session."""
    result = witnessed(sample(swap=["-7.5/2.25"])).result
    still_open = sum(trade.open_commission for trade in result.trades if trade.remaining)
    net = sum(trade.net for trade in result.trades)
    assert result.terms.start.balance + net + still_open == result.account.balance
    assert result.curve.equity[-1] == result.account.equity
    assert result.curve.balance[-1] == result.account.balance
    for trade in result.trades:
        assert trade.net == trade.gross + trade.commission + trade.swap


def signal(place: float, side: str, symbol: str, stop: float, **more: Any) -> dict[str, Any]:
    return {
        "time": at(place), "symbol": symbol, "direction": side, "stop_loss": stop,
        "volume": 1.0, **more,
    }  # fmt: skip


def walk(price: int, steps: list[int]) -> list[tuple[int, int, int, int]]:
    """Bars that move by `steps` points, reaching ten beyond on both sides."""
    bars = []
    for step in steps:
        close = price + step
        bars.append((price, max(price, close) + 10, min(price, close) - 10, close))
        price = close
    return bars


def two_symbols(folder: Path) -> Terms:
    """Two symbols side by side, one of them with holes, and orders that wait, stop and fill."""
    one = walk(108_000, [20, -30, 40, -60, 15, 25, -80, 30, 10, -5] * 3)
    other: list[Any] = walk(127_000, [-20, 30, -10, 60, -35, 15, 20, -30, 10, 5] * 3)
    other[7] = other[13] = None
    files = {"EURUSD": bar_file(folder, "EURUSD", one), "GBPUSD": bar_file(folder, "GBPUSD", other)}
    signals = [
        signal(1, "long", "EURUSD", 1.07950, exit_time=at(12)),
        signal(2, "short", "GBPUSD", 1.27060, exit_time=at(25)),
        signal(4, "short", "GBPUSD", 1.28000, entry_price=1.27050, expires=at(20)),
        signal(5, "long", "EURUSD", 1.07900, entry_price=1.07930, expires=at(20)),
        signal(14, "short", "EURUSD", 1.08050, take_profit=1.07900),
        signal(15, "long", "EURUSD", 1.07000, entry_price=1.08010, expires=at(28)),
    ]
    limits = {"max_positions": 5, "per_trade_risk_fraction": 0.05}
    return terms_of(files, signal_file(folder, signals), limits, slippage_points=2)


def test_several_symbols_and_waiting_orders_are_summed_in_the_replays_order(tmp_path: Path) -> None:
    """While one symbol's range is played, the others stand at their last tick."""
    run = witnessed(two_symbols(tmp_path))
    assert len(run.result.trades) >= 4
    assert run.result.curve.open_positions.max() > 1
    assert differing_points(run) == []


def test_excursions_are_those_of_the_bars_while_the_position_was_open(tmp_path: Path) -> None:
    """A long at 1.08010 sees the low and high of its bars, on the bid."""
    bars = [*flat(1), *walk(108_000, [30, -50, 90, 5])]
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", bars)}
    signals = [signal(1, "long", "EURUSD", 1.07900, exit_time=at(4))]
    (trade,) = witnessed(terms_of(files, signal_file(tmp_path, signals))).result.trades
    assert (trade.side, trade.open_price, trade.spread) == (Side.LONG, 108_010, 10)
    # Lows 107,990, 107,970, 107,970; highs 108,040, 108,040, 108,080.
    assert (trade.mae, trade.mfe) == (40, 70)
    assert trade.closed == at(4)
    assert trade.seconds == 3 * PERIOD / 1000


def test_a_stop_counts_its_fill_and_nothing_of_the_bar_that_it_closed(tmp_path: Path) -> None:
    """What came first within that bar is unknown: neither its low nor its high counts."""
    bars = [*flat(1), (108_000, 108_400, 107_500, 108_300), *flat(1)]
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", bars)}
    signals = [signal(1, "long", "EURUSD", 1.07900)]
    (trade,) = witnessed(terms_of(files, signal_file(tmp_path, signals))).result.trades
    assert trade.close_reason == "SL"
    assert (trade.mae, trade.mfe) == (110, 0)
    assert (trade.mae_r, trade.mfe_r) == (1.0, 0.0)
    assert trade.initial_risk == 11_000


def test_a_stop_that_a_limit_forestalls_was_tested_with_its_fill(tmp_path: Path) -> None:
    """The range is tested at the stop's fill, slippage included; closing all comes before it."""
    bars = [*flat(1), (108_000, 108_020, 107_500, 107_900), *flat(2)]
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", bars)}
    signals = signal_file(tmp_path, [signal(1, "long", "EURUSD", 1.07900)])
    limits = {"daily_loss_fraction": 0.0012, "per_trade_risk_fraction": 0.05}
    terms = terms_of(files, signals, limits, slippage_points=10)
    run = witnessed(with_limits(terms, actions={"daily_loss": LimitAction.FLATTEN}))
    (trade,) = run.result.trades
    assert trade.close_reason != "SL"
    assert differing_points(run) == []
