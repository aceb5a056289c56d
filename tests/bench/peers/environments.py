"""A throw-away environment for each peer, with its versions pinned."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
ROOT = Path(__file__).resolve().parents[3]
INSTALL_SECONDS = 900
PYTHON = "3.12"
"""Every peer's: the oldest that all of the pinned versions support."""


@dataclass(frozen=True)
class Peer:
    """A program and what it needs; without `packages` it runs in this project's environment."""

    name: str
    program: str
    packages: tuple[str, ...] = ()


OURS = (Peer("bare loop", "bare_loop.py"), Peer("this replay", "replay.py"))

OTHERS = (
    Peer("backtesting", "backtesting_peer.py",
         ("backtesting==0.6.6", "pandas==3.1.1", "numpy==2.5.5")),
    Peer("nautilus_trader", "nautilus_peer.py",
         ("nautilus_trader==1.231.0", "pandas==3.1.1", "numpy==2.5.5")),
    Peer("basana", "basana_peer.py", ("basana==1.11",)),
    Peer("pyeventbt", "pyeventbt_peer.py",
         ("pyeventbt==0.0.14", "pandas==2.3.3", "polars==1.44.2", "numpy==2.3.5")),
    Peer("backtrader", "backtrader_peer.py", ("backtrader==1.9.78.123",)),
)  # fmt: skip


class NotInstalled(Exception):
    """Raised when a peer's environment cannot be made; says why in a line."""


def interpreter(peer: Peer, folder: Path) -> str:
    """The Python that runs `peer`, its environment made below `folder` unless it is there."""
    if not peer.packages:
        return sys.executable
    environment = folder / peer.name
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (environment / "ready").exists():
        shutil.rmtree(environment, ignore_errors=True)
        make, *install = _commands(environment, python, peer.packages)
        try:
            _run(make)
        except NotInstalled as error:
            raise _explained(error) from error
        for command in install:
            _run(command)
        (environment / "ready").touch()
    return str(python)


def _commands(environment: Path, python: Path, packages: tuple[str, ...]) -> list[list[str]]:
    """With uv where there is one; else with the venv and pip of this Python."""
    uv = shutil.which("uv")
    if uv is None:
        return [
            [own_interpreter(), "-m", "venv", str(environment)],
            [str(python), "-m", "pip", "install", "--quiet", *packages],
        ]
    return [
        [uv, "venv", "--quiet", "--python", PYTHON, str(environment)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *packages],
    ]


def own_interpreter() -> str:
    """A Python of the version that the peers need; raises NotInstalled where there is none."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        return sys.executable
    found = shutil.which(f"python{PYTHON}")
    if found is None:
        raise NotInstalled(f"Python {PYTHON} is missing, and so is uv, which would fetch it")
    return found


def _explained(error: NotInstalled) -> NotInstalled:
    """Why an environment could not be made: whether it is the interpreter that is missing."""
    uv = shutil.which("uv")
    if uv is None:
        return error
    look = [uv, "python", "find", "--no-project", "--quiet", PYTHON]
    there = subprocess.run(look, capture_output=True, encoding="utf-8", check=False)
    if there.returncode == 0:
        return error
    return NotInstalled(
        f"Python {PYTHON} is missing and uv could not fetch it ({error}); "
        f"install it, with 'uv python install {PYTHON}' for example"
    )


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", check=False, timeout=INSTALL_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"not installed within {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NotInstalled(last_line(done.stderr))


def last_line(text: str) -> str:
    """The last line of a program's complaint."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"
