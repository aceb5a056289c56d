"""`butler runs`: past runs with what they came to, and room made among them."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from scripts.app.journals.results import result_of_journal
from tests import synthetic
from tests.commands import butler
from tests.journals import stored
from tests.process.shadows import kill_at, shadow_process, synthetic_bars, wait_until


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain replay and one that followed objectives."""
    folder = tmp_path_factory.mktemp("runs")
    for name, options in (
        ("first", ()),
        ("second", ("--objectives", "ftmo_2step", "--limit-trades", 2)),
    ):
        said = butler(
            "replay", "--from", "2024-03-01", "--to", "2024-03-08", *options, "--quiet",
            "--results-dir", folder, "--session-id", name,
        )  # fmt: skip
        assert said.code == 0, said
    return folder


def listed(results: Path) -> list[dict[str, Any]]:
    said = butler("runs", "--json", "--results-dir", results)
    assert said.code == 0, said
    found: list[dict[str, Any]] = json.loads("".join(said.out))
    return found


def test_each_run_says_what_it_was_and_what_it_came_to(results: Path) -> None:
    """The latest first; figures are those of its summary."""
    second, first = listed(results)
    assert (second["session_id"], first["session_id"]) == ("second", "first")
    for run in (first, second):
        path = results / "sessions" / run["session_id"] / "execution_sim_summary.json"
        summary = json.loads(path.read_bytes())
        assert run["result"] == summary["total_pnl"]
        assert run["trades"] == summary["number_of_trades"]
        assert run["played_to"] == summary["played_to"]
        assert (run["mode"], run["preset"], run["state"]) == ("replay", "ftmo_m15", "done")
    assert second["verdict"] == "unfinished"
    assert second["played_to"] < first["played_to"]


def test_people_get_a_table(results: Path) -> None:
    said = butler("runs", "--results-dir", results, "--last", 1)
    assert said.out[0].split()[:3] == ["started", "session", "mode"]
    assert "second" in said.out[1]
    assert said.out[2] == "... and 1 more (--last 0 shows all)"


def test_a_folder_without_runs_says_how_to_make_one(tmp_path: Path) -> None:
    said = butler("runs", "--results-dir", tmp_path)
    assert said.code == 0
    assert said.out[0].endswith("butler replay makes one")
    assert listed(tmp_path) == []


def test_a_session_runs_or_was_cut_off(tmp_path: Path) -> None:
    """Told apart by whether somebody still writes its journal."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=10)
    options = ("--speed", "max", "--quiet", "--session-id", "live")
    with shadow_process(tmp_path, *bars, *options) as process:
        books = tmp_path / "sessions" / "live" / "paper_market.json"
        wait_until(process, books, synthetic.SPRING + 3600)
        (run,) = listed(tmp_path)
        assert (run["state"], run["mode"]) == ("running", "shadow")
        assert None not in (run["result"], run["trades"], run["open_positions"])
        kill_at(process, books, synthetic.SPRING + 24 * 3600)
    (run,) = listed(tmp_path)
    assert run["state"] == "cut off"
    assert run["account_profile"] == "PAPER"
    so_far = result_of_journal(tmp_path / "sessions" / "live" / "journal.sqlite")
    assert run["result"] == so_far.net / 100
    assert run["trades"] == len(so_far.closed) > 0
    assert run["open_positions"] == len(so_far.trades) - len(so_far.closed)


def test_a_session_that_is_gone_on_with_is_not_what_it_ended_as(
    results: Path, tmp_path: Path
) -> None:
    """Its summary is that of the earlier part: the list says how far the later one came."""
    shutil.copytree(results / "sessions" / "first", folder := tmp_path / "sessions" / "first")
    with StoredJournal(folder / "journal.sqlite") as journal:
        *records, last = journal.records()
    ended = last.event
    assert isinstance(ended, ev.SessionEnded)
    again = ev.SessionResumed(account=ended.account)
    records += [last, msgspec.structs.replace(last, seq=last.seq + 1, event=again)]
    (folder / "journal.sqlite").unlink()
    asyncio.run(stored(folder / "journal.sqlite", records))
    run = listed(tmp_path)[0]
    assert run["state"] == "cut off"
    summary = json.loads((folder / "execution_sim_summary.json").read_bytes())
    assert (run["result"], run["trades"]) == (summary["total_pnl"], summary["number_of_trades"])


def test_old_runs_are_pruned_as_journals_are(results: Path) -> None:
    """Only said without --yes; what a run came to stays in the list."""
    said = butler("runs", "--prune", "--keep", 1, "--results-dir", results)
    assert said.code == 0
    assert "first" in said.out[0]
    assert (results / "sessions/first/journal.sqlite").is_file()
    assert butler("runs", "--prune", "--results-dir", results).code == 2
    assert butler("runs", "--keep", 1, "--results-dir", results).code == 2
    said = butler("runs", "--prune", "--keep", 1, "--yes", "--results-dir", results)
    assert said.code == 0
    assert not (results / "sessions/first/journal.sqlite").exists()
    assert [run["journal"] for run in listed(results)] == [True, False]


def test_what_is_no_run_spoils_nothing(tmp_path: Path) -> None:
    """Stray folders, damaged summaries and journals are shown as what they are."""
    for name, file, text in (
        ("stray", "notes.txt", "x"),
        ("broken", "journal.sqlite", "not a journal"),
        ("half", "execution_sim_summary.json", '{"half'),
    ):
        (tmp_path / "sessions" / name).mkdir(parents=True)
        (tmp_path / "sessions" / name / file).write_text(text, encoding="utf-8")
    assert [(run["session_id"], run["state"]) for run in listed(tmp_path)] == [
        ("broken", "unreadable")
    ]
