"""This project's replay, as `butler replay` runs it: journal, event log and summary on disk."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime
from pathlib import Path

from common import answer, task

from scripts.app.sessions import replay  # noqa: F401 - imported now: it counts as start-up
from engine.events import SessionOutcome
from scripts.app.session_folder import SIMULATED, SessionFolder
from scripts.app.terms.request import ReplayRequest
from scripts.app.operations.replay import run_replay
from scripts.cli.shared.screen import Screen
from scripts.app.terms.replay_terms import resolve_terms
from signals.market_data.clocks import server_of

CLOCK = "new-york+7"

HERE = Path(__file__).parent

if __name__ == "__main__":
    what = task()
    request = ReplayRequest(
        bars=[f"EURUSD={what.bars}"],
        clock=CLOCK,
        preset=str(HERE / "storm.yaml") if what.storm else "sma_cross",
        limits={"daily_loss_fraction": 0.99},
        spread_floor=["0"],
        commission=["0"],
    )
    with tempfile.TemporaryDirectory() as results:
        folder = SessionFolder(Path(results), "bench", SIMULATED)
        folder.create()
        terms = resolve_terms(request)[0]
        outcome = run_replay(terms, folder, Screen(quiet=True)).outcome
        if outcome is not SessionOutcome.DONE:
            raise SystemExit(f"the replay ended {outcome}")
        summary = json.loads(folder.summary.read_text(encoding="utf-8"))
        with folder.event_log.open(encoding="utf-8") as log:
            closes = [line for line in log if ",CLOSE," in line]
    closed = datetime.fromisoformat(closes[-1].split(",")[0]).timestamp()
    answer(
        what,
        "execution-butler",
        bars=sum(item.ref.rows for item in terms.inputs),
        trades=summary["number_of_trades"],
        last=server_of(CLOCK, round(closed)),
        balance=summary["final_balance"],
    )
