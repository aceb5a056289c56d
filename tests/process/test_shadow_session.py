"""A shadow session on the paper account: what it trades, how it ends, how it goes on."""

from __future__ import annotations

import json
import signal
import sys
from datetime import datetime
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from tests import synthetic
from tests.commands import butler
from tests.process.cli import SECONDS, butler_process
from tests.process.shadows import (
    assert_same_trades,
    kill_at,
    played,
    replayed,
    sample_bars,
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
    code, said = played(results, *bars, *LOCKSTEP, "--resume", "killed")
    assert code == 0, said
    assert_same_trades(results, replayed(results, bars), "killed", killed=True)
    whole = butler("journal", "verify", "killed", "--results-dir", results)
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
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, said
    summary = json.loads((tmp_path / "mt5_demo_exec_summary.json").read_bytes())
    assert summary["outcome"] == "interrupted"
    verified = butler_process("journal", "verify", "ended", "--results-dir", tmp_path)
    assert verified.code == 0
    assert not [line for line in verified.out if "not sealed" in line]


def test_a_session_ends_after_its_duration(tmp_path: Path) -> None:
    """A live market has no recorded period; the end is shown all the same."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    code, said = played(
        tmp_path, *bars, "--speed", "60", "--duration", "3s", "--session-id", "short"
    )
    assert code == 0, said
    summary = json.loads((tmp_path / "mt5_demo_exec_summary.json").read_bytes())
    assert summary["outcome"] == "done"


FIGURES = ("max_drawdown_fraction", "max_daily_loss_fraction", "daily", "loss_buffer", "days")


@pytest.mark.parametrize("how", ["--dry-run", pytest.param("--no-dry-run", marks=pytest.mark.deep)])
def test_every_day_of_a_session_in_lockstep_is_the_replays(tmp_path: Path, how: str) -> None:
    """A position is open over a weekend: its resets have the equity of their own moments, and the
    drawdown knows the worst of every bar; begun within a bar, after others that warm it up."""
    first, end = (round(datetime.fromisoformat(it).timestamp()) for it in WEEKEND)
    bars = sample_bars(tmp_path, first, end)
    rules = ("--objectives", "ftmo_2step", "--from", "2024-06-06T08:07")
    replay = butler(
        "replay", *bars, *rules, "--results-dir", tmp_path, "--session-id", "replayed", "--quiet"
    )
    assert replay.code == 0, replay
    code, said = played(tmp_path, *bars, *rules, *LOCKSTEP, how, "--session-id", "lockstep")
    assert code == 0, said
    assert_same_trades(tmp_path, "replayed", "lockstep")
    days = [events_of(tmp_path, name, "day_rolled") for name in ("replayed", "lockstep")]
    assert days[0] == days[1]
    assert any(
        isinstance(day, ev.DayRolled) and day.account.equity != day.account.balance
        for day in days[0]
    )
    one, other = (
        json.loads(next((tmp_path / "sessions" / name).glob("*_summary.json")).read_bytes())
        for name in ("replayed", "lockstep")
    )
    assert {key: one[key] for key in FIGURES} == {key: other[key] for key in FIGURES}


WEEKEND = ("2024-06-04T00:00+00:00", "2024-06-10T12:00+00:00")


def test_compare_looks_at_days_and_drawdowns(tmp_path: Path) -> None:
    """Trades alone would call these runs equal."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=2)
    for name in ("one", "other"):
        butler("replay", *bars, "--results-dir", tmp_path, "--session-id", name, "--quiet")
    assert butler("compare", "one", "other", "--results-dir", tmp_path).code == 0
    path = next((tmp_path / "sessions" / "other").glob("*_summary.json"))
    told = json.loads(path.read_bytes())
    told["daily"][0]["end_equity"] += 4.44
    told["max_drawdown_fraction"] += 0.001
    path.write_text(json.dumps(told), encoding="utf-8")
    said = butler("compare", "one", "other", "--results-dir", tmp_path)
    assert said.code != 0
    assert [line for line in said.out if line.startswith("day ") and "equity at its end" in line]
    assert [line for line in said.out if line.startswith("account: largest drawdown")]


WRONG = {
    "duration": (("--duration", "soon"), 2, "--duration soon: write a number and s, m, h or d"),
    "zero": (("--duration", "0h"), 2, "--duration 0h"),
    "speed": (("--speed", "fast"), 2, "--speed fast: write max, or a number above 0"),
    "symbol": (("--symbol", "GBPUSD"), 2, "--symbol does not go with PAPER"),
    "resume": (("--resume", "unheard-of"), 3, "session unheard-of: no journal in"),
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
    shown = butler("journal", "show", session, "--results-dir", results, "--json")
    events = [json.loads(line)["event"] for line in shown.out]
    place = [event["event"] for event in events].index("session_resumed")
    seen = [event for event in events[:place] if event["event"] == "account_seen"][-1]
    figures = ("balance", "equity", "margin")
    resumed = [events[place]["account"].get(figure, 0) for figure in figures]
    assert resumed == [seen[figure] for figure in figures]
    assert resumed[0] != events[0]["account"]["balance"], "it has traded before it was killed"


def test_a_service_begins_is_killed_and_goes_on_by_itself(tmp_path: Path) -> None:
    """No option says so: the same command goes on with what was cut off, `never` begins anew.

    What its paper account held when it was killed is what it goes on with.
    """
    results = tmp_path / "results"
    bars = (*synthetic_bars(tmp_path, "EURUSD", seed=5, days=1), "--speed", "max")
    with shadow_process(results, *bars, "--session-id", "killed") as process:
        kill_at(process, books(results, "killed"), NOON + 2 * 3600)
    ended = ("--to", "2024-03-04T02:00", "--resume", "never", "--session-id", "beside")
    _, said = played(results, *bars, *ended)
    assert "going on" not in said
    (results / "sessions" / "beside").rename(tmp_path / "beside")
    code, said = played(results, *bars)
    assert code == 0, said
    assert "going on with killed (cut off " in said
    assert_same_trades(results, replayed(results, bars[:2]), "killed", killed=True)
    assert_resumed_with_the_figures_before(results, "killed")
    code, said = played(results, *bars, "--to", "2024-03-04T02:00", "--session-id", "next")
    assert (code, "going on" in said) == (0, False), said


SENDING = ("shadow", "--account-profile", "PAPER", "--no-dry-run", "--speed", "max", "--quiet")
FIRM = ("--objectives", "ftmo_2step")


def test_floors_hang_on_what_the_account_began_with_and_nothing_stays_unmanaged(
    tmp_path: Path,
) -> None:
    """A session of the next day has the floors and the target of the first one; what an earlier
    one left open stops it until somebody has dealt with that.
    """
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=3)
    sending = (*SENDING, *bars, *FIRM, "--results-dir", tmp_path)
    assert butler(*sending, "--session-id", "one", "--to", "2024-03-05").code == 0
    later = (*sending, "--to", "2024-03-06", "--session-id", "two")
    if ended_with(tmp_path, "one").open_positions:
        refused = butler(*later[:-1], "refused")
        assert refused.code == 2
        assert "(session one), which nobody manages" in refused.line
        flat = butler("flatten", "--account-profile", "PAPER", "--results-dir", tmp_path)
        assert flat.code == 0, flat
    assert butler(*later).code == 0
    for session in ("one", "two"):
        (began,) = events_of(tmp_path, session, "attempt_started")
        assert isinstance(began, ev.AttemptStarted)
        assert (began.max_limit, began.target) == (9_000_000, 11_000_000)
        (first, *_) = events_of(tmp_path, session, "ledger")
        assert isinstance(first, ev.LedgerUpdated)
        assert first.figures.initial == 10_000_000
        assert first.figures.day_start is not None
        assert began.day_limit == first.figures.day_start - 500_000
    assert butler("journal", "replay", tmp_path / "sessions" / "two").out[0].endswith("the same")


def closings(results: Path, *sessions: str) -> list[tuple[object, ...]]:
    """What became of every position, one session after another."""
    return [
        (closed.position, closed.price, closed.reason, closed.net, closed.account.balance)
        for session in sessions
        for closed in events_of(results, session, "position_closed")
        if isinstance(closed, ev.PositionClosed)
    ]


@pytest.mark.deep
def test_a_session_that_takes_over_manages_what_the_earlier_one_left(tmp_path: Path) -> None:
    """With the same preset, two sessions trade what an undivided one trades, trailing included;
    with other parameters no strategy touches the position, but its stop, its target and the user.
    """
    whole, divided, other = tmp_path / "whole", tmp_path / "divided", tmp_path / "other"
    run = (*SENDING, "--from", "2024-12-18T18:00")
    assert (
        butler(*run, "--to", "2024-12-19T10:00", "--session-id", "all", "--results-dir", whole).code
        == 0
    )
    for results in (divided, other):
        first = (*run, "--to", "2024-12-19T02:00", "--session-id", "one", "--results-dir", results)
        assert butler(*first).code == 0
        assert ended_with(results, "one").open_positions
    refused = butler(*run, "--to", "2024-12-19T10:00", "--results-dir", divided)
    assert refused.code == 2
    assert "(session one), which nobody manages: --adopt, --resume one, or butler flatten" in (
        refused.line
    )
    assert not [path for path in (divided / "sessions").iterdir() if path.name != "one"]
    later = ("--to", "2024-12-19T10:00", "--session-id", "two", "--adopt", "--results-dir")
    said = butler(*run[:-3], "--from", "2024-12-18T18:00", *later, divided)
    assert said.code == 0, said
    assert any("took over" in line and "managed as in one" in line for line in said.err), said
    assert closings(divided, "one", "two") == closings(whole, "all")
    assert butler("journal", "replay", divided / "sessions" / "two").out[0].endswith("all the same")
    assert butler(*run, "--preset", "sma_cross", *later, other).code == 0
    (adopted,) = events_of(other, "two", "adopted")
    assert isinstance(adopted, ev.OrphansAdopted)
    (item,) = adopted.positions
    assert (item.strategy_id, item.session) == ("adopted", "one")
    (closed, *_) = closings(other, "two")
    assert closed[0] == item.ticket
    assert closed[2] in ("SL", "TP")
    dry = butler("shadow", "--account-profile", "PAPER", "--adopt", "--results-dir", other)
    assert (dry.code, "--adopt needs --no-dry-run" in dry.line) == (2, True)


def events_of(results: Path, session: str, kind: str) -> list[object]:
    """A session's events of one kind."""
    with StoredJournal(results / "sessions" / session / "journal.sqlite") as stored:
        return [record.event for record in stored.records(kinds={kind})]


def ended_with(results: Path, session: str) -> ev.SessionEnded:
    (ended,) = events_of(results, session, "session_ended")
    assert isinstance(ended, ev.SessionEnded)
    return ended


def test_in_lockstep_a_duration_is_the_markets_time(tmp_path: Path) -> None:
    """One hour of the market, however fast it is played."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=1)
    code, said = played(tmp_path, *bars, *LOCKSTEP, "--duration", "1h", "--session-id", "hour")
    assert code == 0, said
    with StoredJournal(tmp_path / "sessions" / "hour" / "journal.sqlite") as stored:
        times = [record.time for record in stored.records()]
    assert 3600 <= (times[-1] - times[0]) / 1000 <= 3600 + 900
