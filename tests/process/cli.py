"""The command line as a user meets it: a process of its own, started in any folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.commands import Said

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120.0
"""A deadline that only a broken command misses."""

COMMAND = (sys.executable, "-m", "scripts.cli.main")


def environment(**changed: str) -> dict[str, str]:
    """Ours, with the packages findable from any folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **changed}


def butler_process(*arguments: object, cwd: Path = ROOT, **env: str) -> Said:
    """Runs `butler ARGUMENTS` in a process of its own."""
    return run_process(COMMAND, *arguments, cwd=cwd, **env)


def run_process(command: tuple[str, ...], *arguments: object, cwd: Path = ROOT, **env: str) -> Said:
    """Runs `command` with `arguments` in a process of its own."""
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    return Said(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())


def complaint(said: Said) -> str:
    """The only line that an unsuccessful command prints, which goes to stderr."""
    assert said.out == []
    return said.line


def everything(folder: Path) -> dict[str, bytes]:
    """The content of every file below `folder`, by its path there; folders hold b""."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }
