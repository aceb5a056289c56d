"""Trades and equity as files: of every kind of session, in its folder and under fixed names."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq

from adapters.reports import tables
from scripts.app.journals.results import result_of_journal
from tests import synthetic
from tests.commands import butler
from tests.process.cli import butler_process
from tests.process.shadows import kill_at, played, shadow_process, synthetic_bars

JANUARY = ("--from", "2023-01-02", "--to", "2023-02-01")
LOCKSTEP = ("--speed", "max", "--quiet")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def assert_tables_hold(results: Path, session: str, kind: str) -> int:
    """The tables sum up to the summary to the cent and are what the journal says; trades closed."""
    folder = results / "sessions" / session
    summary = json.loads((folder / f"{kind}_summary.json").read_text(encoding="utf-8"))
    for name in (f"{kind}_trades.csv", f"{kind}_equity.csv"):
        assert (results / name).read_bytes() == (folder / name).read_bytes()
    trades, equity = rows_of(folder / f"{kind}_trades.csv"), rows_of(folder / f"{kind}_equity.csv")
    closed = [row for row in trades if row["closed"]]
    assert len(closed) == summary["number_of_trades"]
    assert len(trades) - len(closed) == summary["open_positions"]
    last = equity[-1]
    assert Decimal(last["equity"]) == Decimal(str(summary["final_equity"]))
    assert Decimal(last["balance"]) == Decimal(str(summary["final_balance"]))
    if not summary["open_positions"]:
        gained = sum(Decimal(row["net"]) for row in trades)
        assert gained == Decimal(str(summary["total_pnl"])).quantize(Decimal("0.01"))
    assert {row["session_id"] for row in trades} <= {session}
    result = result_of_journal(folder / "journal.sqlite")
    assert tables.trades_csv(result) == (folder / f"{kind}_trades.csv").read_bytes()
    assert tables.equity_csv(result) == (folder / f"{kind}_equity.csv").read_bytes()
    return len(closed)


def test_a_replay_leaves_trades_and_equity(tmp_path: Path) -> None:
    """In the session's folder and under the fixed names, and as Parquet on request."""
    said = butler_process(
        "replay", *JANUARY, "--results-dir", tmp_path, "--session-id", "one", "--quiet", "--parquet"
    )
    assert (said.code, said.err) == (0, [])
    assert assert_tables_hold(tmp_path, "one", "execution_sim") > 20
    for name in ("trades", "equity"):
        rows = rows_of(tmp_path / f"execution_sim_{name}.csv")
        table = pq.read_table(tmp_path / f"execution_sim_{name}.parquet")
        own = tmp_path / "sessions" / "one" / f"execution_sim_{name}.parquet"
        assert pq.read_table(own).equals(table)
        assert table.num_rows == len(rows)
        assert table.column_names == list(rows[0])


def test_a_session_that_was_killed_and_goes_on_leaves_all_of_it(tmp_path: Path) -> None:
    """What was traded before the kill stands in the tables once, with what came after it."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    with shadow_process(tmp_path, *bars, *LOCKSTEP, "--session-id", "live") as process:
        noon = synthetic.SPRING + 12 * 3600
        kill_at(process, tmp_path / "sessions" / "live" / "paper_market.json", noon)
    code, said = played(tmp_path, *bars, *LOCKSTEP, "--resume", "live", "--parquet")
    assert code == 0, said
    assert assert_tables_hold(tmp_path, "live", "mt5_demo_exec") > 3
    assert (tmp_path / "mt5_demo_exec_trades.parquet").is_file()


def test_a_session_that_sends_leaves_trades_and_equity(tmp_path: Path) -> None:
    """To the paper account, with a position that is open at the end."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    code, said = played(tmp_path, *bars, *LOCKSTEP, "--no-dry-run", "--session-id", "sent")
    assert code == 0, said
    assert assert_tables_hold(tmp_path, "sent", "mt5_demo_exec") > 3


def test_a_smoke_test_leaves_its_trade(tmp_path: Path) -> None:
    """The one order that it sends and closes."""
    said = butler(
        "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", "0",
        "--results-dir", tmp_path, "--session-id", "smoke",
    )  # fmt: skip
    assert said.code == 0, said
    assert assert_tables_hold(tmp_path, "smoke", "mt5_demo_exec") == 1
