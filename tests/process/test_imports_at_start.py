"""What a command imports before it does its work: start-up time as something to test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_SHOW = """
import sys
from scripts.cli.main import main
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""

HEAVY = frozenset(
    {
        "anyio", "apprise", "asyncio", "email", "logging", "msgspec", "multiprocessing", "numpy",
        "pandas", "prometheus_client", "psutil", "pyarrow", "pydantic", "rich", "sqlite3", "ssl",
        "structlog", "tenacity", "yaml",
    }
)  # fmt: skip
"""Modules that each cost milliseconds, some of them a hundred."""

REPLAY = frozenset(
    {
        "anyio",
        "asyncio",
        "email",
        "logging",
        "msgspec",
        "numpy",
        "pyarrow",
        "sqlite3",
        "ssl",
        "yaml",
    }
)
"""Those that a replay of Parquet bars needs, by itself or for what it needs."""


def imported(*arguments: str) -> set[str]:
    """The top-level modules that a command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", _SHOW, *arguments],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return set(done.stderr.splitlines()[-1].split())


def test_the_list_of_commands_needs_nothing_heavy() -> None:
    assert imported("--help") & HEAVY == set()


@pytest.mark.parametrize("command", ["replay", "journal", "status"])
def test_a_command_s_help_needs_no_reader_of_bars_and_no_loop(command: str) -> None:
    assert imported(command, "--help") & (HEAVY - {"email", "msgspec"}) == set()


def test_a_replay_imports_only_what_it_needs(tmp_path: Path) -> None:
    found = imported("replay", "--to", "2023-01-05", "--quiet", "--results-dir", str(tmp_path))
    assert found & HEAVY <= REPLAY
