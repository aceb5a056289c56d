"""What is installed: exactly pinned packages, and for a user of the engine no test tools."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_pinned_to_one_version() -> None:
    project = PROJECT["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    for requirement in (item for group in groups for item in group):
        assert re.match(r"[\w-]+==[\w.]+(;|$)", requirement), requirement


def test_running_the_engine_installs_no_test_tools() -> None:
    """`uv run` takes no group by itself, and the tests' line in the README names theirs."""
    assert PROJECT["tool"]["uv"]["default-groups"] == []
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    (tests,) = [line for line in lines if line.startswith("python -m pip") and "pytest" in line]
    assert "uv run --group dev pytest -n auto" in tests
