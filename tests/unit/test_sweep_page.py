"""A sweep's page: what it shows, and that nothing of a user's text becomes markup."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

from adapters.reports.sweep_page import HeatMap, SweepPage, sweep_page
from scripts.app.errors import WrongUsage
from scripts.app.sweep.heat import HeatView, heat_view
from scripts.app.sweep.trial import TrialRow
from scripts.view.research.sweep_page import heat_map
from tests.commands import butler


def row(number: int, fast: int, slow: int, lots: str, sharpe: float, error: str = "") -> TrialRow:
    settings = {"fast": fast, "slow": slow, "lots": lots}
    place = (fast // 10 - 1, slow // 50 - 1, int(lots == "b"))
    return TrialRow(
        number=number, key=str(number), settings=settings, place=place, sharpe=sharpe, error=error
    )


def test_a_heat_map_has_the_best_of_what_is_not_on_its_axes() -> None:
    """Failed trials leave a hole."""
    rows = [row(0, 10, 50, "a", 0.1), row(1, 10, 50, "b", 0.3), row(2, 20, 50, "a", -0.2),
            row(3, 10, 100, "a", 0.5), row(4, 20, 100, "a", 9.0, error="no")]  # fmt: skip
    figures = {one.number: one.sharpe for one in rows if not one.error}
    found = heat_map(rows, figures, "odds", HeatView())
    assert found is not None
    assert (found.across, found.down) == ("fast", "slow")
    assert found.figures == ((0.3, -0.2), (0.5, None))
    assert heat_map(rows[:1], figures, "odds", HeatView()) is None


def test_a_heat_map_has_the_axes_and_values_that_are_asked_for() -> None:
    """Nothing is best there that another value was tried for; what is in no trial is refused."""
    rows = [row(0, 10, 50, "a", 0.1), row(1, 10, 50, "b", 0.3), row(2, 20, 50, "a", -0.2),
            row(3, 10, 100, "a", 0.5), row(4, 20, 100, "b", 0.4)]  # fmt: skip
    figures = {one.number: one.sharpe for one in rows}
    trials = [one.settings for one in rows]
    view = heat_view("slow, fast", ["lots=a"], trials)
    found = heat_map(rows, figures, "odds", view)
    assert found is not None
    assert (found.across, found.down) == ("slow", "fast")
    assert found.figures == ((0.1, 0.5), (-0.2, None))
    assert found.name == "share that passes, lots=a"
    for axes, fix, told in (
        ("slow,lots", ["lots=a"], "--axes slow,lots: name two of the parameters that vary"),
        ("slow", [], "--axes slow: name two"),
        (None, ["lots=c"], "--fix lots=c: write NAME=VALUE with a value that is tried: 'a', 'b'"),
        (None, ["no=1"], "no is none of the parameters"),
    ):
        with pytest.raises(WrongUsage, match=re.escape(told)):
            heat_view(axes, fix, trials)


def test_a_users_text_stays_text() -> None:
    """Names of parameters and errors may hold anything; the page has no script at all."""
    bad = "<script>alert(1)</script>"
    heat = HeatMap(across=bad, down="b", columns=("1",), rows=(bad,), figures=((1.0,),), name=bad)
    page = SweepPage(
        title=bad, outside=((bad, bad),), luck=(), heat=heat, head=(bad,), best=((bad,),),
        curve=(("2024-01-01", 0.01), ("2024-01-02", -0.02)), note=bad,
    )  # fmt: skip
    text = sweep_page(page)
    assert "<script" not in text
    assert "default-src 'none'" in text
    svg = text[text.index("<svg") : text.index("</svg>") + 6]
    drawn = Xml.fromstring(svg)  # noqa: S314 - our own text
    (line,) = [one for one in drawn if one.tag == "polyline"]
    assert len(line.attrib["points"].split()) == 3


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results that hold one sweep, called mine; only read."""
    folder = tmp_path_factory.mktemp("swept")
    said = butler(
        "sweep", "--preset", "sma_cross", "--set", "sma_fast=5,6", "--set", "sma_slow=20,30",
        "--to", "2023-02-15", "--walk-forward", "3w/2w", "--out", folder / "sweeps" / "mine",
        "--results-dir", folder, "--jobs", 1,
    )  # fmt: skip
    assert said.code == 0, said.err
    return folder


def test_a_sweep_leaves_its_page(results: Path) -> None:
    text = (results / "sweeps" / "mine" / "report.html").read_text("utf-8")
    assert "Sharpe a year after each choice" in text
    assert "Sharpe ratio a year over sma_fast and sma_slow" in text
    assert "<polyline" in text


def test_the_report_of_a_sweep_is_its_page_drawn_as_asked(results: Path, tmp_path: Path) -> None:
    """The same bytes as the sweep wrote; with other axes those of `sweep --axes`. Nothing runs."""
    shutil.copytree(results, tmp_path, dirs_exist_ok=True)
    folder, page = tmp_path / "sweeps" / "mine", tmp_path / "sweeps" / "mine" / "report.html"
    first = page.read_bytes()
    page.unlink()
    for named in (folder, "mine"):
        said = butler("report", named, "--results-dir", tmp_path)
        assert (said.code, page.read_bytes()) == (0, first)
    drawn = tmp_path / "drawn.html"
    asked = ("--axes", "sma_slow,sma_fast")
    assert butler("report", folder, *asked, "--out", drawn).code == 0
    assert page.read_bytes() == first
    assert b"over sma_slow and sma_fast" in drawn.read_bytes()
    assert heat_of(drawn) != heat_of(page)
    assert butler("sweep", "--resume", folder, *asked, "--jobs", 1, "--quiet").code == 0
    assert page.read_bytes() == drawn.read_bytes()
    for options, complaint in (
        (("mine", "--axes", "sma_slow"), "--axes sma_slow: name two of the parameters"),
        (("mine", "--fix", "sma_slow=7"), "--fix sma_slow=7: write NAME=VALUE"),
        (("mine", "last"), "RUN_B: mine is a sweep"),
        (("last", "--axes", "a,b"), "--axes: last is no sweep's folder"),
    ):
        said = butler("report", *options, "--results-dir", tmp_path)
        assert said.code == 2
        assert complaint in said.line
    damaged_ones_are_named(tmp_path, folder)
    (folder / "summary.json").write_text("[" * 100_000, "utf-8")
    said = butler("report", "mine", "--results-dir", tmp_path)
    assert (said.code, "it is no summary of a sweep" in said.line) == (3, True)
    (folder / "summary.json").unlink()
    said = butler("report", "mine", "--results-dir", tmp_path)
    assert (said.code, "did not come to an end: go on with" in said.line) == (3, True)


def damaged_ones_are_named(results: Path, folder: Path) -> None:
    """One line names the file and what is wrong with it."""
    for file, field, other, complaint in DAMAGED:
        whole = (folder / file).read_text("utf-8")
        (folder / file).write_text(
            re.sub(f'"{field}":' + r" ?(\S+?)(?=[,}])", f'"{field}":{other}', whole, count=1),
            "utf-8",
        )
        said = butler("report", "mine", "--results-dir", results)
        assert (said.code, complaint in said.line, file in said.line) == (3, True, True), said
        (folder / file).write_text(whole, "utf-8")


DAMAGED = [
    ("summary.json", "first", '"2024-13-45"', "it is no summary of a sweep (month must be in"),
    ("summary.json", "first", '"0001-01-01"', "weekdays"),
    ("summary.json", "last", '"9999-12-31"', "weekdays"),
    ("summary.json", "last", '"2001-01-01"', "weekdays"),
    ("summary.json", "days", "0", "weekdays"),
    ("summary.json", "objective", '"luck"', "its objective is 'luck'"),
    ("done.jsonl", "dates", '["x"', "line 1 is damaged (its days"),
    ("done.jsonl", "place", "[9,9", "line 1 is damaged (its place is not one in each"),
]


def heat_of(page: Path) -> str:
    text = page.read_text("utf-8")
    start = text.index("Sharpe ratio a year over")
    return text[start : text.index("</table>", start)]
