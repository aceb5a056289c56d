"""`butler report`, `--report` and the lines at the end of a run, as users meet them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import synthetic
from tests.commands import butler
from tests.pages import Page, unpacked
from tests.process.cli import butler_process
from tests.process.shadows import kill_at, shadow_process, synthetic_bars, wait_until

JANUARY = ("--from", "2023-01-02", "--to", "2023-02-01")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two replays of a month, the second with slippage, and one of another month."""
    folder = tmp_path_factory.mktemp("reports")
    runs = {
        "plain": (*JANUARY, "--report"),
        "slipped": (*JANUARY, "--slippage-points", 2),
        "march": ("--from", "2023-03-01", "--to", "2023-03-10"),
    }
    for name, options in runs.items():
        said = butler("replay", *options, "--results-dir", folder, "--session-id", name)
        assert said.code == 0, said
    return folder


def page_at(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_a_run_with_report_leaves_its_page_under_the_fixed_name(results: Path) -> None:
    """In the session's folder too; its figures are the summary's, to the cent."""
    own = results / "sessions" / "plain" / "execution_sim_report.html"
    assert (results / "execution_sim_report.html").read_bytes() == own.read_bytes()
    text = (results / "sessions/plain/execution_sim_summary.json").read_text(encoding="utf-8")
    summary, figures = json.loads(text), page_at(own).figures
    assert int(figures["net"]) == round(100 * summary["total_pnl"])
    assert int(figures["trades"]) == summary["number_of_trades"]
    assert float(figures["won"]) == summary["win_rate"]
    assert float(figures["drawdown"]) == summary["max_drawdown_fraction"]


@pytest.mark.parametrize(
    "name",
    [
        "slipped",
        "sessions/slipped",
        "sessions/slipped/journal.sqlite",
        "sessions/slipped/execution_sim_log.csv",
        "sessions/slipped/execution_sim_summary.json",
    ],
)
def test_a_run_is_named_in_every_way(results: Path, tmp_path: Path, name: str) -> None:
    """By id, folder, journal, event log and summary; the page goes where --out says."""
    named = name if name == "slipped" else results / name
    out = tmp_path / "new" / "page.html"
    said = butler("report", named, "--out", out, "--results-dir", results)
    assert (said.code, said.err) == (0, [])
    assert said.out[0].startswith(f"{out}  (")
    assert "slipped" in page_at(out).words


def test_the_fixed_names_and_the_last_session_are_the_latest_run(
    results: Path, tmp_path: Path
) -> None:
    """Without a name it is the session that was written to last."""
    for named in ((), ("last",), (results / "execution_sim_summary.json",)):
        out = tmp_path / "page.html"
        said = butler("report", *named, "--out", out, "--results-dir", results)
        assert said.code == 0, said
        assert "march" in page_at(out).words


def test_two_runs_stand_beside_each_other(results: Path, tmp_path: Path) -> None:
    """B's equity at the close of every bar of A, what slipped and cost, the first divergence."""
    out = tmp_path / "both.html"
    said = butler("report", "plain", "slipped", "--out", out, "--results-dir", results)
    assert said.code == 0, said
    page = page_at(out)
    assert "Different" in page.words
    assert "open price differs by 2 points" in page.words
    assert "openings worse in B, points a fill 2.00 2" in page.words
    document, columns = unpacked(page.packed)
    assert document["beside"] == "B: slipped"
    summary = json.loads((results / "sessions/slipped/execution_sim_summary.json").read_bytes())
    assert sum(columns["beside"]) == round(100 * summary["final_equity"])


def test_runs_over_different_times_are_not_paired(results: Path, tmp_path: Path) -> None:
    """The page and `butler compare` say so; the other curve is left out."""
    out = tmp_path / "apart.html"
    said = butler("report", "plain", "march", "--out", out, "--results-dir", results)
    assert said.code == 0, said
    page = page_at(out)
    assert "no time in common, nothing is paired" in page.words
    assert "beside" not in unpacked(page.packed)[1]
    compared = butler("compare", "plain", "march", "--results-dir", results)
    assert compared.code == 5
    assert any("no time in common, nothing is paired" in line for line in compared.out)


def test_reports_share_one_library_on_request(results: Path) -> None:
    """It lies in the folder of results, once; the pages of all sessions name it."""
    for name in ("plain", "march"):
        said = butler("report", name, "--shared-js", "--results-dir", results)
        assert said.code == 0, said
        page = results / "sessions" / name / "execution_sim_report.html"
        (source,) = [
            attributes["src"]
            for tag, attributes in page_at(page).tags
            if tag == "script" and "src" in attributes
        ]
        assert (page.parent / str(source)).resolve().is_file()
        assert page.stat().st_size < 800_000
    assert len(list(results.rglob("plotly-*.js"))) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("missing",), 3, "session missing: no journal in"),
        (("plain", "missing"), 3, "session missing: no journal in"),
        (("plain", "--objectives", "no_such_firm"), 2, "no_such_firm"),
        (("plain", "--bars", "EURUSD=/not/there.csv"), 0, "warning: No prices:"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    results: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    """A run that is not there, rules that are not, and bars that have gone."""
    out = ("--out", tmp_path / "page.html", "--results-dir", results)
    said = butler("report", *arguments, *out)
    assert said.code == code, said
    assert len(said.err) == 1
    assert text in said.err[0]


def test_a_session_that_still_runs_has_a_page(tmp_path: Path) -> None:
    """While it works, and after it was killed in the middle of it."""
    bars = synthetic_bars(tmp_path, "EURUSD", seed=5, days=10)
    options = ("--speed", "max", "--quiet", "--session-id", "live")
    with shadow_process(tmp_path, *bars, *options) as process:
        books, noon = (
            tmp_path / "sessions" / "live" / "paper_market.json",
            synthetic.SPRING + 43_200,
        )
        wait_until(process, books, noon)
        said = butler_process("report", "live", "--results-dir", tmp_path)
        assert (said.code, said.err) == (0, [])
        kill_at(process, books, noon + 8 * 3600)
    said = butler_process("report", "live", "--results-dir", tmp_path)
    assert (said.code, said.err) == (0, [])
    page = page_at(tmp_path / "sessions" / "live" / "mt5_demo_exec_report.html")
    assert "running" in page.words
    assert int(page.figures["trades"]) > 0


class TestTheEndOfARun:
    """What the short summary says beyond the figures."""

    def test_it_names_the_period_played_and_the_way_to_the_report(self, tmp_path: Path) -> None:
        said = butler(
            "replay", "--from", "2023-01-02", "--limit-trades", 3, "--results-dir", tmp_path,
            "--session-id", "short",
        )  # fmt: skip
        assert said.code == 0, said
        assert said.out[0].endswith("2023-01-02 to 2023-01-02")
        (line,) = [line for line in said.out if line.startswith("  report ")]
        assert line == f"  report     butler report {tmp_path / 'sessions' / 'short'} --open"
        command = line.removeprefix("  report     butler ").removesuffix(" --open").split()
        assert butler(*command).code == 0

    def test_it_says_what_the_usual_rules_would_have_made_of_the_run(self, tmp_path: Path) -> None:
        """`--objectives none` silences that."""
        terms = ("replay", "--from", "2023-01-02", "--to", "2023-07-01", "--results-dir", tmp_path)
        line = "  verdict    under FTMO 2-Step this account would have been lost on 2023-05-24"
        assert any(shown.startswith(line) for shown in butler(*terms).out)
        silent = butler(*terms, "--objectives", "none")
        assert silent.code == 0
        assert not any("verdict" in shown for shown in silent.out)

    def test_attempts_are_accounts_of_their_own(self, tmp_path: Path) -> None:
        """Their sum and the last one do not contradict each other; halts are counted."""
        said = butler(
            "replay", "--to", "2023-09-01", "--objectives", "ftmo_2step", "--attempts", "repeat",
            "--results-dir", tmp_path,
        )  # fmt: skip
        summary = json.loads((tmp_path / "execution_sim_summary.json").read_bytes())
        count = len(summary["attempts"])
        assert count > 1
        (line,) = [shown for shown in said.out if shown.startswith("  accounts")]
        assert line.startswith(f"  accounts   {count} of 100,000.00, together ")
        assert f"{summary['total_pnl']:+,.2f} USD" in line
        assert line.endswith(f"the last one stands at {summary['final_equity']:,.2f}")
        assert any(shown.startswith("  verdict    ") for shown in said.out)
        halted = [shown for shown in said.err if "new orders stopped" in shown]
        assert len(halted) == len({shown.partition("cause=")[2].split()[0] for shown in halted})

    def test_it_says_that_every_signal_was_denied_and_why(self, tmp_path: Path) -> None:
        said = butler(
            "replay", *JANUARY, "--per-trade-risk-fraction", "0.0000001", "--results-dir", tmp_path
        )
        (line,) = [shown for shown in said.out if shown.startswith("  note")]
        assert "no signal became a position" in line
        assert "as below_min_volume" in line
