"""A shadow session on the paper account: what it trades, how it ends, how it goes on."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from scripts.app.sessions.paper_market import RecordedMarket
from tests import synthetic
from tests.commands import butler
from tests.process.cli import butler_process
from tests.process.shadows import (
    assert_same_trades,
    finished,
    kill_at,
    replayed,
    shadow_process,
    synthetic_bars,
    wait_until,
)

NOON = synthetic.SPRING + 12 * 3600
LOCKSTEP = ("--speed", "max", "--quiet")


def books(results: Path, session: str) -> Path:
    return results / "sessions" / session / "paper_market.json"


def test_a_session_killed_and_resumed_trades_what_a_replay_trades(tmp_path: Path) -> None:
    """Two symbols with trailing stops, dry; the process is killed without a warning at noon."""
    results = tmp_path / "results"
    bars = synthetic_bars(tmp_path, "EURUSD", "USDJPY", seed=5, days=1)
    with shadow_process(results, *bars, *LOCKSTEP, "--session-id", "killed") as process:
        kill_at(process, books(results, "killed"), NOON)
    code, said = finished(results, *bars, *LOCKSTEP, "--resume", "killed")
    assert code == 0, said
    assert_same_trades(results, replayed(results, bars), "killed")
    whole = butler_process("journal", "verify", "killed", "--results-dir", results)
    assert whole.code == 0
    assert whole.out[0].startswith("whole:")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_session_ends_in_order(tmp_path: Path, how: signal.Signals) -> None:
    """The summary is written, the journal sealed, and the exit code tells the interruption."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=3)
    with shadow_process(tmp_path, *bars, *LOCKSTEP, "--session-id", "ended") as process:
        wait_until(process, books(tmp_path, "ended"), synthetic.SPRING + 3600)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    summary = json.loads((tmp_path / "mt5_demo_exec_summary.json").read_bytes())
    assert summary["outcome"] == "interrupted"
    verified = butler_process("journal", "verify", "ended", "--results-dir", tmp_path)
    assert verified.code == 0
    assert not [line for line in verified.out if "not sealed" in line]


def test_a_session_ends_after_its_duration(tmp_path: Path) -> None:
    """A live market has no recorded period; the end is shown all the same."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    code, said = finished(
        tmp_path, *bars, "--speed", "60", "--duration", "3s", "--session-id", "short"
    )
    assert code == 0, said
    summary = json.loads((tmp_path / "mt5_demo_exec_summary.json").read_bytes())
    assert summary["outcome"] == "done"


WRONG = {
    "duration": (("--duration", "soon"), 2, "--duration soon: write a number and s, m, h or d"),
    "zero": (("--duration", "0h"), 2, "--duration 0h"),
    "speed": (("--speed", "fast"), 2, "--speed fast: write max, or a number above 0"),
    "symbol": (("--symbol", "GBPUSD"), 2, "--symbol does not go with PAPER"),
    "resume": (("--resume", "never"), 3, "session never: no journal in"),
    "preset": (("--preset", "never"), 2, "never"),
    "limits": (("--daily-loss-fraction", "7"), 2, "--daily-loss-fraction: must be a fraction"),
    "bars": (("--bars", "EURUSD=never.csv"), 3, "never.csv"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_gives_one_line_and_no_session(tmp_path: Path, name: str) -> None:
    arguments, code, words = WRONG[name]
    said = butler(
        "shadow", "--account-profile", "PAPER", "--results-dir", tmp_path / "results", *arguments
    )
    assert said.code == code
    assert words in said.line
    assert not (tmp_path / "results" / "sessions").exists()


def assert_resumed_with_the_figures_before(results: Path, session: str) -> None:
    """A dry session goes on with its paper account as it was last seen, not with the terminal's."""
    shown = butler_process("journal", "show", session, "--results-dir", results, "--json")
    events = [json.loads(line)["event"] for line in shown.out]
    place = [event["event"] for event in events].index("session_resumed")
    seen = [event for event in events[:place] if event["event"] == "account_seen"][-1]
    figures = ("balance", "equity", "margin")
    resumed = [events[place]["account"].get(figure, 0) for figure in figures]
    assert resumed == [seen[figure] for figure in figures]
    assert resumed[0] != events[0]["account"]["balance"], "it has traded before it was killed"


def test_resume_last_goes_on_with_the_accounts_last_session_or_begins_one(tmp_path: Path) -> None:
    """The one line of a service: it begins, is killed, and goes on; a new one beside is told.

    What its paper account held when it was killed is what it goes on with.
    """
    results = tmp_path / "results"
    bars = (*synthetic_bars(tmp_path, "EURUSD", seed=5, days=1), "--speed", "max")
    service = (*bars, "--resume", "last")
    with shadow_process(results, *service, "--session-id", "killed") as process:
        kill_at(process, books(results, "killed"), NOON + 2 * 3600)
    _, said = finished(results, *bars, "--to", "2024-03-04T02:00", "--session-id", "beside")
    assert "warning: session killed of this account is unfinished" in said
    assert "butler shadow --account-profile PAPER --resume killed" in said
    (results / "sessions" / "beside").rename(tmp_path / "beside")
    code, said = finished(results, *service)
    assert code == 0, said
    assert "going on with session killed: it did not come to its end" in said
    assert_same_trades(results, replayed(results, bars[:2]), "killed")
    assert_resumed_with_the_figures_before(results, "killed")


SENDING = ("shadow", "--account-profile", "PAPER", "--no-dry-run", "--speed", "max", "--quiet")
FIRM = ("--objectives", "ftmo_2step")


def test_objectives_on_an_account_that_has_traded_need_its_initial_balance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a session that sends is refused; with it floors and target hang on it."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=2)
    first = (*SENDING, *bars, *FIRM, "--results-dir", tmp_path / "first", "--session-id", "s")
    assert butler(*first, "--to", "2024-03-05").code == 0
    traded = tmp_path / "first" / "sessions" / "s" / "paper_account.json"
    spec = RecordedMarket.spec
    monkeypatch.setattr(RecordedMarket, "spec", lambda self, state, _: spec(self, state, traded))
    later = (*SENDING, *bars, *FIRM, "--results-dir", tmp_path / "later")
    refused = butler(*later)
    assert refused.code == 2
    assert "--objectives on account 1: its history shows " in refused.line
    assert refused.line.endswith("give it with --initial-balance AMOUNT")
    assert not list((tmp_path / "later").glob("sessions/*/journal.sqlite"))
    assert butler(*later, "--initial-balance", 100_000, "--session-id", "named").code == 0
    with StoredJournal(tmp_path / "later" / "sessions" / "named" / "journal.sqlite") as stored:
        (began,) = (record.event for record in stored.records(kinds={"attempt_started"}))
    assert isinstance(began, ev.AttemptStarted)
    balance = began.account.balance
    assert balance != 10_000_000
    assert began.day_limit == max(10_000_000, balance) - 500_000
    assert (began.max_limit, began.target) == (9_000_000, 11_000_000)


def test_in_lockstep_a_duration_is_the_markets_time(tmp_path: Path) -> None:
    """One hour of the market, however fast it is played."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    code, said = finished(tmp_path, *bars, *LOCKSTEP, "--duration", "1h", "--session-id", "hour")
    assert code == 0, said
    with StoredJournal(tmp_path / "sessions" / "hour" / "journal.sqlite") as stored:
        times = [record.time for record in stored.records()]
    assert 3600 <= (times[-1] - times[0]) / 1000 <= 3600 + 900
