"""README names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from tests.bench.__main__ import names

README = Path(__file__).parents[2] / "README.md"


def test_every_benchmark_that_there_is_can_be_run_by_the_name_in_its_table() -> None:
    text = README.read_text(encoding="utf-8")
    table = text.partition("| name | what it measures |")[2].partition("\n\n")[0]
    first_cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    named = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == names()


def test_a_service_goes_on_with_the_accounts_last_session() -> None:
    """Each recipe's line: one that only begins would take its own position for a stranger's."""
    recipes = README.read_text(encoding="utf-8").partition("### Started by the system")[2]
    lines = re.findall(r"shadow --account-profile NAME.*", recipes.partition("\n## ")[0])
    assert len(lines) == 2
    assert all(line.startswith("shadow --account-profile NAME --resume last") for line in lines)
