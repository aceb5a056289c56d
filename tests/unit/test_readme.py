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
