"""Imports point one way, and what decides looks at no clock, no chance and no file.

    scripts -> config, adapters, signals, risk -> engine

The rules are checked on the source text of every module; the checker itself is shown bad examples.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_IMPORT: dict[str, frozenset[str]] = {
    "engine": frozenset({"engine"}),
    "risk": frozenset({"risk", "engine"}),
    "signals": frozenset({"signals", "engine"}),
    "adapters": frozenset({"adapters", "engine"}),
    "config": frozenset({"config", "engine"}),
    "scripts": frozenset({"scripts", "config", "adapters", "signals", "risk", "engine"}),
}
"""What of ours each room may import."""

DECIDING = ("engine", "risk", "signals")

FORBIDDEN_MODULES = frozenset(
    {
        "time", "uuid", "random", "secrets", "os", "io", "pathlib", "shutil", "tempfile", "socket",
        "sqlite3", "subprocess", "threading", "multiprocessing", "urllib", "http", "logging",
    }
)  # fmt: skip
"""Ways to the clock, to chance and to the outside."""

FORBIDDEN_CALLS = frozenset(
    {
        "open", "input", "print", "eval", "exec", "__import__", "import_module", "sleep",
        "now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes",
        "default_rng",
    }
)  # fmt: skip
"""Names that must not be called, as functions or as methods."""

ALLOWED: dict[tuple[str, str], str] = {
    ("engine/clock.py", "time"): "the one place of the kernel that looks at the machine's clock",
}
"""Exceptions by file and name, each with its reason."""


def modules(*rooms: str) -> list[Path]:
    """Every source file of some rooms."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of each import, wherever it stands; relative ones keep their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def called(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """Line and last name of each call, and its number of arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            count = len(node.args) + len(node.keywords)
            if isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id, count
            elif isinstance(node.func, ast.Attribute):
                yield node.lineno, node.func.attr, count


def wrong_ways(room: str, source: str) -> list[str]:
    """Imports in a module of `room` that do not point the way they must."""
    found = []
    for line, name in imported(ast.parse(source)):
        top = name.split(".")[0]
        if not top:
            found.append(f"line {line}: relative import {name}")
        elif top == "tests" or (top in MAY_IMPORT and top not in MAY_IMPORT[room]):
            found.append(f"line {line}: {room} imports {name}")
    return found


def impurities(name: str, source: str) -> list[str]:
    """What in a deciding module looks at a clock, at chance or outside."""
    tree = ast.parse(source)
    found = [
        f"line {line}: imports {module}"
        for line, module in imported(tree)
        if (top := module.split(".")[0]) in FORBIDDEN_MODULES and (name, top) not in ALLOWED
    ]
    for line, function, count in called(tree):
        # One argument means: in the machine's own time zone.
        local = function == "fromtimestamp" and count < 2
        if function in FORBIDDEN_CALLS or local:
            found.append(f"line {line}: calls {function}")
    return found


@pytest.mark.parametrize("path", modules(*MAY_IMPORT), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    assert wrong_ways(room, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", modules(*DECIDING), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_what_decides_is_pure(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    assert impurities(name, path.read_text(encoding="utf-8")) == []


def test_every_room_has_modules_and_every_exception_is_needed() -> None:
    for room in MAY_IMPORT:
        assert modules(room), room
    for (name, module), reason in ALLOWED.items():
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        assert module in {found.split(".")[0] for _, found in imported(tree)}
        assert reason


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("engine", "import risk"),
        ("engine", "from signals.preset import decide"),
        ("engine", "from adapters.mt5 import contract as mt5"),
        ("engine", "import engine.bus, scripts.wiring"),
        ("risk", "from signals import bars"),
        ("signals", "from risk.limits import vet"),
        ("signals", "import config.loader"),
        ("adapters", "from signals.clocks import utc_of"),
        ("adapters", "from scripts.folders import SessionFolder"),
        ("config", "from adapters import outputs"),
        ("config", "from tests.builders import limits"),
        ("engine", "from . import bus"),
        ("risk", "def late():\n    from signals import bars"),
        ("risk", "if TYPE_CHECKING:\n    from signals.bars import Ints"),
    ],
)
def test_the_checker_sees_an_import_the_wrong_way(room: str, source: str) -> None:
    assert len(wrong_ways(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("scripts", "from risk.state import RiskActor\nimport adapters.sinks, signals.bars"),
        ("risk", "from engine import money"),
        ("signals", "import numpy as np\nfrom engine.types import Side"),
        ("engine", "import enginelike\nfrom collections import deque"),
    ],
)
def test_the_checker_lets_the_right_way_pass(room: str, source: str) -> None:
    assert wrong_ways(room, source) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time", "from time import monotonic", "import uuid", "import random",
        "import os.path", "from pathlib import Path", "import sqlite3", "import threading",
        "from datetime import datetime\ndatetime.now()", "import datetime as dt\ndt.date.today()",
        "datetime.utcnow()", "datetime.fromtimestamp(5)", "open('x')", "path.open()",
        "path.read_text()", "await anyio.sleep(1)", "asyncio.sleep(1)", "np.random.default_rng()",
        "print('x')", "def late():\n    import random",
    ],
)  # fmt: skip
def test_the_checker_sees_a_look_outside(source: str) -> None:
    assert len(impurities("risk/example.py", source)) >= 1


@pytest.mark.parametrize(
    "source",
    [
        "from zoneinfo import ZoneInfo", "datetime.fromtimestamp(5, zone)",
        "class Bars:\n    def open(self): ...", "bars.open[3]", "import hashlib, enum, math",
        "moment.timestamp()", "import anyio",
    ],
)  # fmt: skip
def test_the_checker_lets_pure_arithmetic_pass(source: str) -> None:
    assert impurities("risk/example.py", source) == []


def test_an_exception_is_for_its_own_file_alone() -> None:
    assert impurities("engine/clock.py", "import time") == []
    assert impurities("engine/bus.py", "import time") == ["line 1: imports time"]
