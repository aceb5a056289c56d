"""The tables that a run leaves: what stands in them, to the cent and to the digit."""

from __future__ import annotations

import csv
import dataclasses
import io
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from msgspec import structs

from adapters.reports import tables
from engine.result import RunResult
from engine.result.build import result_of
from engine.result.fold import ResultFold
from scripts.app.results import tables as scripts_tables
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.result_runs import witnessed


@pytest.fixture(scope="module")
def result() -> RunResult:
    """A quarter of the sample, with swap."""
    request = ReplayRequest(start="2023-02-01", end="2023-05-01", swap=["-7.5/2.25"])
    return witnessed(resolve_terms(request)[0], every_bar=False).result


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_trades_have_the_promised_columns_first(result: RunResult) -> None:
    """Users' scripts read them by place and by name."""
    promised = [
        *("position", "symbol", "direction", "volume", "opened", "open_price", "closed"),
        *("close_price", "close_reason", "stop_loss", "take_profit", "gross", "commission"),
        *("swap", "net", "r", "mae_r", "mfe_r", "seconds", "strategy_id", "signal_id"),
        *("variant", "session_id"),
    ]
    header = tables.trades_csv(result).decode().partition("\n")[0].split(",")
    assert header[: len(promised)] == promised


def test_equity_has_the_promised_columns_first(result: RunResult) -> None:
    """As for the trades."""
    promised = "time,balance,equity,worst_equity,day_floor,overall_floor,open_positions"
    assert tables.equity_csv(result).decode().startswith(promised + ",")


def test_no_text_of_a_trade_is_a_formula(result: RunResult) -> None:
    """What a strategy or a user's file says is shown by a spreadsheet program, never computed."""
    trade = structs.replace(result.trades[0], signal_id="=1+1", strategy_id="@SUM(A1)")
    (row,) = rows_of(tables.trades_csv(dataclasses.replace(result, trades=(trade,))))
    assert (row["signal_id"], row["strategy_id"]) == ("'=1+1", "'@SUM(A1)")
    assert row["net"] == rows_of(tables.trades_csv(result))[0]["net"]


def test_the_sum_of_net_is_the_result(result: RunResult) -> None:
    """Added up as a user would, from the text of the cells."""
    rows = rows_of(tables.trades_csv(result))
    net = sum(Decimal(row["net"]) for row in rows)
    parts = sum(Decimal(row[name]) for row in rows for name in ("gross", "commission", "swap"))
    closed = sum(trade.net for trade in result.trades)
    assert net == parts == Decimal(closed) / 100
    assert any(Decimal(row["swap"]) for row in rows)


def test_the_last_point_is_the_end_of_the_session(result: RunResult) -> None:
    """Balance and equity of the last row are those of the last record."""
    last = rows_of(tables.equity_csv(result))[-1]
    account = result.account
    assert Decimal(last["balance"]) * 100 == account.balance
    assert Decimal(last["equity"]) * 100 == account.equity


def test_cells_have_their_digits_and_no_value_is_blank(result: RunResult) -> None:
    """Prices have five decimals here, money two, times an offset; what is not known is empty."""
    first = rows_of(tables.trades_csv(result))[0]
    assert len(first["open_price"].partition(".")[2]) == 5
    assert len(first["net"].partition(".")[2]) == 2
    assert first["opened"].endswith("+00:00")
    assert first["attempt"] == ""
    assert rows_of(tables.equity_csv(result))[0]["overall_floor"] == ""


def test_arrow_and_csv_say_the_same(result: RunResult) -> None:
    """Row by row and column by column."""
    table, rows = tables.trades_table(result).to_pylist(), rows_of(tables.trades_csv(result))
    assert list(table[0]) == list(tables.TRADE_COLUMNS)
    for one, other in zip(table, rows, strict=True):
        assert f"{one['net']:.2f}" == other["net"]
        assert ("" if one["r"] is None else f"{one['r']:.4f}") == other["r"]
        assert one["opened"].isoformat() == other["opened"]
    points = tables.equity_table(result)
    assert points.column_names == list(tables.EQUITY_COLUMNS)
    equity = [f"{value:.2f}" for value in points["equity"].to_pylist()]
    assert equity == [row["equity"] for row in rows_of(tables.equity_csv(result))]


def test_days_sum_to_the_change_of_the_balance(result: RunResult) -> None:
    """Realised results of all days are what the balance changed by."""
    realised = tables.daily_table(result)["realised"].to_pylist()
    change = result.account.balance - result.terms.start.balance
    assert sum(round(amount * 100) for amount in realised) == change
    assert len(realised) == len(result.daily)


def test_parquet_comes_back_whole(result: RunResult, tmp_path: Path) -> None:
    """Any of the tables, through a file."""
    for name in ("trades", "equity", "daily"):
        table = getattr(tables, f"{name}_table")(result)
        tables.write_parquet(tmp_path / name, table)
        assert pq.read_table(tmp_path / name).equals(table)


def test_a_run_of_too_many_bars_has_its_trades_and_the_equity_of_its_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Said in one line; the last point is still the end of the session."""
    monkeypatch.setattr(scripts_tables, "MOST_BARS", 100)
    terms = resolve_terms(ReplayRequest(start="2023-02-01", end="2023-03-01"))[0]
    said: list[str] = []
    assert scripts_tables.bar_prices(terms, said.append)(ResultFold()) == {}
    assert len(said) == 1
    assert "equity between trades is left out" in said[0]
    records = witnessed(terms, every_bar=False).records
    known = result_of(records)
    rows = rows_of(tables.equity_csv(known))
    assert Decimal(rows[-1]["equity"]) * 100 == known.account.equity
    assert len(rows) < 2_000
    assert known.account.balance - known.terms.start.balance == sum(
        trade.net if not trade.remaining else trade.open_commission for trade in known.trades
    )
