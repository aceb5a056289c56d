"""`butler odds` as a user meets it: what it prints, refuses and warns of."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from inspect import signature
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from config.rules import list_rules, load_rules
from risk.odds.days import FirmDay
from scripts.app import session_folder
from scripts.app.odds.records import ReplaySource, endless, replayed, source_of
from scripts.app.odds.request import risk_levels
from scripts.app.terms.objectives import resolve
from scripts.app.terms.request import LIMIT_OPTIONS, ReplayRequest
from scripts.app.web.catalog import Catalog
from scripts.cli.research.odds import odds as odds_command
from scripts.cli.research.sweep import sweep as sweep_command
from tests.commands import butler


@pytest.fixture(autouse=True)
def _results_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odds leave a page in the folder of results; these tests' pages are nobody's."""
    monkeypatch.setattr(session_folder, "home", lambda: tmp_path)


MONTHS = ("--from", "2023-01-01", "--to", "2023-05-01")
FEW = (*MONTHS, "--paths", "100", "--no-table")
DEAR = ("--commission", "30")
"""Costs at which an attempt is over within days: playing long ones is most of the work."""

QUICK = (*FEW, *DEAR)


def test_the_shipped_preset_passes_none_of_its_attempts(tmp_path: Path) -> None:
    """One command answers, with the interval beside the figure and a line that limits it.

    Where no attempt ends, none is counted as one that failed; and the answer stands where its page
    cannot be written.
    """
    (tmp_path / "odds").write_text("")
    said = butler("odds", *FEW, "--results-dir", tmp_path)
    assert said.code == 0, said.err
    assert "the page cannot be written" in said.line
    text = "\n".join(said.out)
    assert said.out[0] == "FTMO 2-Step with ftmo_m15 on EURUSD"
    assert "passes       0 %  (95 % interval: 0 to" in text
    assert "no attempt that began on one of these days came to an end" in text
    assert "warning: only" in text
    assert said.out[-1].strip().startswith("This says how these signals did on these days")


def test_json_holds_every_figure_and_is_the_same_for_the_same_seed() -> None:
    first, again = (butler("odds", *QUICK, "--json", "--fee", 540) for _ in range(2))
    assert first.code == 0
    assert first.out == again.out
    document = json.loads("\n".join(first.out))
    assert document["passed"] == 0
    assert document["cost"]["point"] == {"attempts": None, "fees": None, "budget90": None}
    assert document["basis"]["trades"] > 200
    assert document["odds"]["interval"]["high"] > 0.3
    other = butler("odds", *QUICK, "--json", "--fee", 540, "--seed", 2)
    assert json.loads("\n".join(other.out))["basis"]["seed"] == 2


def test_levels_of_risk_are_replayed_by_themselves(tmp_path: Path) -> None:
    """A row each; what a level was kept from trading is marked, costs stand beside it.

    All of it stands on the page, too, which is found among the results.
    """
    said = butler("odds", *MONTHS, *DEAR, "--paths", "100", "--risk", "2,0.001", "--jobs", 1,
                  "--fee", 100, "--refund", "--results-dir", tmp_path)  # fmt: skip
    assert said.code == 0, said.err
    text = "\n".join(said.out)
    assert "0.001 %: no odds: " in text
    row = next(line for line in said.out if line.strip().startswith("2 %"))
    assert row.split()[:2] == ["2", "%"]
    assert "at 100 USD an attempt, returned with a pass; fees only, never a payout" in text
    (study,) = Catalog([tmp_path]).studies()
    assert (study.kind, said.err) == ("odds", [f"butler: the page is {study.page}"])
    page = study.page.read_text("utf-8")
    for part in (
        "passes 0 % (", "overall loss", "100 USD, returned with a pass", "<td>2 %</td>",
        "0.001 %: no odds", "firm days: the interval is wide", "sha256 ",
        "This says how these signals did on these days",
    ):  # fmt: skip
        assert part in page, part
    assert json.loads((study.page.parent / "summary.json").read_text("utf-8"))["passed"] == 0


@pytest.mark.parametrize("name", list_rules())
def test_every_shipped_rule_set_has_odds(name: str) -> None:
    said = butler("odds", "--rules", name, *QUICK)
    assert said.code == 0, said.err
    assert said.out[0].startswith(load_rules(name).title)


def test_the_firm_days_are_written_with_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "days.parquet"
    risk = ("--per-trade-risk-fraction", 0.02)
    assert butler("odds", *FEW, *risk, "--out", file).code == 0
    table = pq.read_table(file)
    days = [msgspec.convert(row, FirmDay) for row in table.to_pylist()]
    challenge = resolve("ftmo_2step", None, None)
    assert challenge is not None
    asked = ReplayRequest(start=MONTHS[1], end=MONTHS[3], limits={"per_trade_risk_fraction": 0.02})
    terms, _ = ReplaySource(asked).terms()
    assert days == list(replayed(endless(terms, challenge)).run.days)
    assert json.loads(table.schema.metadata[b"about"])["rules"] == "ftmo_2step"


def test_a_replays_session_is_replayed_again_without_the_ends_that_it_had(tmp_path: Path) -> None:
    """It broke the rules in its first weeks; its odds are those of all its days."""
    where = ("--results-dir", tmp_path)
    ended = ("--objectives", "ftmo_2step", "--session-id", "one", "--quiet")
    assert butler("replay", *MONTHS, *DEAR, *ended, *where).code == 0
    run = butler("odds", "one", *where, "--paths", "100", "--no-table")
    assert run.code == 0, run.err
    assert run.out == butler("odds", *QUICK).out
    source = source_of("one", tmp_path, None)
    assert not isinstance(source, Path)
    assert source.terms()[0].objectives is not None


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (("--from", "2023-01-01", "--to", "2023-02-01"), 3,
         "firm days, at least 60 are needed: run the replay over a longer period"),
        ((*MONTHS, "--limit-trades", "30"), 3, "was ended early by --limit-trades"),
        ((*MONTHS, "--limit-trades", "200"), 3, "was ended early by --limit-trades"),
        ((*MONTHS, "--max-loss-fraction", "0.05"), 3, "was ended early by max_loss"),
        (("--rules", "ftmo"), 2, "--rules: there are no rules 'ftmo'"),
        (
            (*MONTHS, "--rules", "ftmo_2step:account"),
            2,
            "no target to reach in the phases left (account, account_swing)",
        ),
        (("--rules", "ftmo_2step:second"), 2, "--rules: ftmo_2step has no phase 'second'"),
        (("--risk", "a"), 2, "--risk a: must be percents"),
        (("--risk", "0"), 2, "--risk 0: must be above 0"),
        (("--exact", "--paths", "500"), 2, "--paths: --exact replays every attempt as it was"),
        (("--exact", "--no-table"), 2, "--no-table: --exact replays every attempt as it was"),
        (("--exact", "--risk", "1"), 2, "--risk: --exact replays every attempt as it was"),
        (("last", "--exact"), 2, "--exact needs a replay"),
        (("--preset", "sma_cross", "--risk", "1", *MONTHS), 2, "the volumes are fixed"),
        (("--paths", "3"), 2, "--paths 3: must be from 100"),
        (("--block-days", "0.5"), 2, "--block-days 0.5: must be from 1"),
        (("--refund",), 2, "--refund needs --fee"),
        (("--fee", "-1"), 2, "--fee -1: must be an amount"),
        (("--scale", "0.5"), 2, "--scale is for a --statement"),
        (("--statement-clock", "utc"), 2, "--statement-clock needs --statement"),
        (("nowhere",), 3, "session nowhere: no journal"),
        (("nowhere", "--preset", "sma_cross"), 2, "--preset: the days come from a session"),
        (("--statement", "gone.html"), 3, "gone.html"),
        (("--statement", "gone.html", "--risk", "1"), 2, "--risk needs a replay"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_in_one_line(
    options: tuple[str, ...], code: int, complaint: str, tmp_path: Path
) -> None:
    said = butler("odds", *options, "--results-dir", tmp_path)
    assert (said.code, said.out) == (code, [])
    assert complaint in said.line


def test_a_preset_of_fixed_volumes_has_no_table_over_risk() -> None:
    said = butler("odds", "--preset", "sma_cross", *MONTHS, "--paths", "100", "--jobs", 1,
                  "--commission", 1_000)  # fmt: skip
    assert said.code == 0, said.err
    assert "  volumes are fixed: no table over risk" in said.out
    assert any("volumes are fixed; blocks of" in line for line in said.out)


def test_levels_are_sorted_and_named_once() -> None:
    assert risk_levels("2,0.5, 1,0.5") == (0.5, 1.0, 2.0)
    assert risk_levels(None) is None


def test_a_limit_that_denies_near_the_floor_is_refused(tmp_path: Path) -> None:
    """With it, a day depends on how the attempt stands."""
    shipped = Path(__file__).parents[2] / "config" / "presets" / "ftmo_m15.yaml"
    own = tmp_path / "own.yaml"
    own.write_text(shipped.read_text("utf-8") + "  firm_reserve_fraction: 0.01\n", "utf-8")
    said = butler("odds", "--preset", own, *MONTHS)
    assert said.code == 3
    assert "firm_reserve_fraction denies entries near the firm's floor" in said.line


@pytest.mark.parametrize(
    ("command", "without"),
    [(odds_command, {"objectives", "attempts", "initial_balance"}),
     (sweep_command, {"attempts", "initial_balance", "signals", "limit_trades"})],
)  # fmt: skip
def test_a_replays_options_are_options_here_too(
    command: Callable[..., int], without: set[str]
) -> None:
    """All that a replay can be asked for, but for what makes no sense here."""
    asked = {item.name for item in fields(ReplayRequest)} - {"limits"} | set(LIMIT_OPTIONS)
    assert asked - set(signature(command).parameters) == without
