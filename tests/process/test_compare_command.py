"""`butler compare` over runs that really took place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import Said, butler
from tests.process.cli import butler_process, complaint

MONTH = ("--from", "2023-01-01", "--to", "2023-02-01", "--quiet")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two replays of a month, the second with worse fills, and a session that sent orders."""
    folder = tmp_path_factory.mktemp("compared")
    replay = ("replay", "--results-dir", folder, "--session-id")
    assert butler(*replay, "plain", *MONTH).code == ExitCode.DONE
    assert butler(*replay, "slipped", *MONTH, "--slippage-points", 2).code == ExitCode.DONE
    account = ("--account-profile", "PAPER", "--limit-trades", 2, "--quiet")
    sent = butler(*replay, "sent", *account, "--no-dry-run", "--hold-seconds", 0, "--pace", 0)
    assert sent.code == ExitCode.DONE
    return folder


def compared(results: Path, a: object, b: object, *more: object) -> Said:
    return butler("compare", a, b, "--results-dir", results, *more)


def document(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("\n".join(said.out))
    return found


def test_a_run_equals_itself_however_it_is_named(results: Path, tmp_path: Path) -> None:
    folder = results / "sessions" / "plain"
    for name in ("plain", folder, folder / "execution_sim_log.csv"):
        said = butler_process(
            "compare", name, folder / "execution_sim_summary.json", "--results-dir", results,
            cwd=tmp_path,
        )  # fmt: skip
        assert (said.code, said.err) == (ExitCode.DONE, [])
        assert said.out[-1] == "equal within the tolerances"


def test_worse_fills_are_named_with_their_points_and_the_term_that_made_them(
    results: Path,
) -> None:
    said = compared(results, "plain", "slipped", "--rows", 1)
    assert (said.code, said.err) == (ExitCode.DIFFERENT, [])
    text = "\n".join(said.out)
    assert "open price differs by 2 points" in text
    assert "more trades that differ" in text
    assert "terms.costs.slippage_points: none in A, 2 in B" in text
    told = document(compared(results, "plain", "slipped", "--json"))
    assert told["first_divergence"]["text"] == "open price differs by 2 points"
    assert {trade["open_slippage_points"] for trade in told["trades"]} == {2}
    log = results / "sessions/plain/execution_sim_summary.json"
    summary = json.loads(log.read_text(encoding="utf-8"))
    assert told["a"]["number_of_trades"] == summary["number_of_trades"] > 10
    assert told["a"]["profit"] == summary["total_pnl"]
    assert told["a"]["win_rate"] == summary["win_rate"]


def test_tolerances_decide_about_the_exit_code(results: Path) -> None:
    """Fills of two points less do not change when positions are closed in this month."""
    wide = ("--price-points", 100_000, "--time-seconds", 1e6, "--money", 1e6, "--volume", 100)
    assert compared(results, "plain", "slipped", *wide).code == ExitCode.DONE
    assert (
        compared(results, "plain", "slipped", *wide, "--price-points", 1).code == ExitCode.DIFFERENT
    )


def test_a_replay_against_a_session_on_an_account_says_why_they_may_differ(results: Path) -> None:
    """The summaries of the fixed names, each with its event log beside it."""
    fixed = [
        results / name for name in ("execution_sim_summary.json", "mt5_demo_exec_summary.json")
    ]
    said = compared(results, *fixed, "--json")
    assert said.code == ExitCode.DIFFERENT
    told = document(said)
    assert (told["a"]["data_mode"], told["b"]["data_mode"]) == ("replay", "signals")
    assert told["b"]["session_id"] == "sent"
    assert told["paired_in_order"] is True
    reasons = "\n".join(told["may_differ_because"])
    assert "moments: the runs' times do not overlap" in reasons
    assert "server-side fills" in reasons
    assert "account" in told["terms_that_differ"]


def test_a_session_on_an_account_leaves_its_configuration_without_secrets(results: Path) -> None:
    text = (results / "sessions/sent/config.json").read_text(encoding="utf-8")
    told = json.loads(text)
    assert (told["session_id"], told["dry_run"]) == ("sent", False)
    assert (told["account"], len(told["terms"]["script"])) == ("1@Paper-Demo", 2)
    assert told["terms"]["limits"]["max_positions"] == 2
    assert "password" not in text
    assert "token" not in text


def test_a_summary_whose_neighbour_is_another_runs_log_finds_its_own(
    results: Path, tmp_path: Path
) -> None:
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    own = results / "sessions/plain/execution_sim_summary.json"
    shutil.copyfile(own, tmp_path / "execution_sim_summary.json")
    told = document(compared(results, tmp_path / "execution_sim_summary.json", "plain", "--json"))
    assert (told["a"]["session_id"], told["equal"]) == ("plain", True)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (None, "none.csv", "no such session"),
        ("time,open\n", "bars.csv", "bars.csv: line 1: not an event log"),
        ("{", "broken.json", "broken.json: not readable as JSON"),
        ("{}", "other.json", "other.json: not a summary of a run, it has no session_id"),
        ('{"session_id": "gone"}', "alone.json", "session gone is neither beside it nor in"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_exit_code_3(
    results: Path, tmp_path: Path, content: str | None, name: str, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    said = compared(results, tmp_path / name, "plain")
    assert said.code == ExitCode.DATA
    assert words in complaint(said)


def test_a_log_that_was_cut_off_is_refused_with_its_line(results: Path, tmp_path: Path) -> None:
    whole = (results / "sessions/plain/execution_sim_log.csv").read_bytes()
    (tmp_path / "cut.csv").write_bytes(whole[:-60])
    said = compared(results, tmp_path / "cut.csv", "plain")
    assert said.code == ExitCode.DATA
    assert f"cut.csv: line {len(whole.splitlines())}: has not the number of cells" in said.line


@pytest.mark.parametrize("option", ["--price-points", "--money", "--rows"])
def test_a_negative_tolerance_is_a_wrong_option(results: Path, option: str) -> None:
    said = compared(results, "plain", "plain", option, -1)
    assert said.code == ExitCode.USAGE
    assert option in said.line
