"""Checks what `butler replay` left: files, columns, and that log and summary agree."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

FIRST_COLUMNS = "timestamp,event,ticket,symbol,direction,volume,price,reason,equity"


def main(results: Path) -> None:
    """Raises AssertionError where something is missing or does not add up."""
    log = results / "execution_sim_log.csv"
    summary = json.loads((results / "execution_sim_summary.json").read_text(encoding="utf-8"))
    session = results / "sessions" / summary["session_id"]
    assert log.read_text(encoding="utf-8").startswith(FIRST_COLUMNS), "columns of the event log"
    with log.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    events = [row["event"] for row in rows]
    assert events.count("CLOSE") == summary["number_of_trades"] > 100, "trades"
    assert events.count("OPEN") == summary["orders"], "orders"
    booked = sum(
        round(float(row[name] or 0) * 100)
        for row in rows
        if row["event"] in ("OPEN", "CLOSE")
        for name in ("profit", "commission", "swap")
    )
    gained = round((summary["final_balance"] - summary["initial_equity"]) * 100)
    assert booked == gained, f"the log's money ({booked}) is not the summary's ({gained})"
    for name in ("journal.sqlite", "config.json", log.name, "execution_sim_summary.json"):
        assert (session / name).stat().st_size > 0, f"{session / name} is missing"
    assert log.read_bytes() == (session / log.name).read_bytes(), "latest log is the session's"
    print(f"{len(rows)} rows, {summary['number_of_trades']} trades: log and summary agree")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
