"""The long runs: every file of them stands in a part of `.ci/run --deep`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_file_of_long_runs_is_in_one_part() -> None:
    """A file that no part names would never run."""
    files = {f"tests/deep/{path.name}" for path in (ROOT / "tests" / "deep").glob("test_*.py")}
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    named = [word for word in script.split() if word.startswith("tests/deep/")]
    assert sorted(named) == sorted(files)
