"""Measured tables are put into the documents by the benchmark that made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.peers.__main__ import RULES, SWEEP
from tests.bench.peers.document import BENCHMARKS, put, shown


@pytest.mark.parametrize("rules", [*RULES, SWEEP])
def test_the_benchmarks_page_has_a_place_for_every_table(rules: str) -> None:
    assert shown(BENCHMARKS, rules)


def test_a_table_replaces_the_one_before_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "a\n<!-- measured: cross -->\n| old |\n| 1 |\n<!-- measured until here: cross -->\nz\n"
    page.write_text(text, encoding="utf-8")
    put(page, "cross", "| new |\n| \\1 |")
    assert page.read_text(encoding="utf-8") == text.replace("| old |\n| 1 |", "| new |\n| \\1 |")


def test_a_page_without_a_place_is_refused_and_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="measured: storm"):
        put(page, "storm", "| new |")
    assert page.read_text(encoding="utf-8") == "nothing\n"
