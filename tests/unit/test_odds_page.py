"""The page of odds: everything that is printed stands on it, and a user's text stays text."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

from adapters.reports.odds_page import OddsPage, Part, Range, odds_page
from scripts.app.web.catalog import Catalog
from tests.commands import butler

QUICK = ("--from", "2023-01-01", "--to", "2023-05-01", "--paths", "300")


def test_odds_leave_a_page_that_is_found_in_the_folder_of_results(tmp_path: Path) -> None:
    """With interval, causes, levels of risk, cost, warnings and what it stands on."""
    said = butler("odds", *QUICK, "--risk", "2", "--jobs", 1, "--fee", 540, "--refund",
                  "--results-dir", tmp_path)  # fmt: skip
    assert said.code == 0, said.err
    (study,) = Catalog([tmp_path]).studies()
    assert study.kind == "odds"
    assert said.err == [f"butler: the page is {study.page}"]
    text = study.page.read_text("utf-8")
    for part in (
        "passes 0 % (0 to", "independent attempt in these days passed", "overall loss",
        "540 USD, returned with a pass", "Risk per trade, each replayed by itself", "<td>2 %</td>",
        "only 86 firm days", "sha256 ", "This says how these signals did on these days",
    ):  # fmt: skip
        assert part in text, part
    document = json.loads((study.page.parent / "summary.json").read_text("utf-8"))
    assert document["passed"] == 0


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid"), reason="a file as a folder")
def test_the_answer_stands_where_no_page_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "odds").write_text("")
    said = butler("odds", *QUICK, "--no-table", "--results-dir", tmp_path)
    assert said.code == 0
    assert said.out
    assert "the page cannot be written" in said.line


def test_a_users_text_stays_text_and_every_drawing_can_be_read() -> None:
    bad = "<script>alert(1)</script>"
    page = OddsPage(
        title=bad, figure=bad, told=(bad,), point=0.5, ranges=(Range(bad, 0.25, 0.75, bad),),
        parts=(Part(bad, 0.5, bad), Part("b", 0.0, "0 %")), outcome=((bad, bad),),
        days=((bad, "1", "2"),), cost=((bad, bad),), risks=((bad,),), risk_head=(bad,),
        risk_notes=(bad,), basis=((bad, bad),), warnings=(bad,), notes=(bad,),
    )  # fmt: skip
    text = odds_page(page)
    assert "<script" not in text
    assert "default-src 'none'" in text
    drawings = [part.split("</svg>")[0] for part in text.split("<svg")[1:]]
    assert len(drawings) == 2
    for drawing in drawings:
        Xml.fromstring(f"<svg{drawing}</svg>")  # noqa: S314 - our own text
