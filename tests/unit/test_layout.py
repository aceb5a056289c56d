"""The layout of the product: which package may import which, and what decides stays pure.

    scripts -> config, adapters, signals, risk -> engine

Every folder with modules is a package of its own here. The rules are checked on the source text of
every module, lazy and type-checking imports included; each checker is itself shown bad examples.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from scripts.app import errors
from scripts.cli.shared.exit_codes import BY_ERROR

ROOT = Path(__file__).resolve().parents[2]
TOP = ("engine", "risk", "signals", "adapters", "config", "scripts")

MOST_FILES = 22
"""In one folder: what a head can hold."""

MAY_IMPORT: dict[str, str] = {
    "engine.decoding": "",
    "engine": "engine.decoding",
    "engine.account": "engine",
    "engine.result": "engine",
    "risk": "engine engine.result",
    "risk.ledger": "engine engine.account risk",
    "risk.odds": "engine risk",
    "signals.market_data": "engine",
    "signals": "engine signals.market_data",
    "signals.strategies": "engine engine.decoding signals signals.market_data",
    "config": "engine engine.decoding",
    "adapters": "",
    "adapters.state": "engine engine.decoding engine.account",
    "adapters.statements": "",
    "adapters.system": "engine.decoding",
    "adapters.bars": "engine",
    "adapters.bars.sample": "engine",
    "adapters.journal": "engine",
    "adapters.mt5": "",
    "adapters.mt5.api": "",
    "adapters.mt5.host": "adapters.system adapters.mt5.api engine.decoding",
    "adapters.mt5.execution": "engine adapters.mt5.api adapters.mt5.host",
    "adapters.mt5.live": "engine adapters.mt5.api adapters.mt5.execution adapters.paper.broker "
    "adapters.paper.terminal",
    "adapters.paper": "",
    "adapters.paper.broker": "engine engine.decoding adapters.mt5.api",
    "adapters.paper.terminal": "engine engine.decoding adapters.mt5.api adapters.mt5.execution "
    "adapters.paper.broker",
    "adapters.paper.replay": "engine adapters.paper.broker",
    "adapters.reports.page": "engine engine.result",
    "adapters.reports": "engine engine.result adapters.system adapters.mt5.live "
    "adapters.reports.page",
    "adapters.services": "engine engine.decoding adapters.system adapters.reports",
    "adapters.web": "engine.decoding adapters.reports.page",
    "scripts.app.web": "engine engine.result risk adapters.bars adapters.journal adapters.reports "
    "adapters.reports.page adapters.services adapters.system adapters.web scripts.app "
    "scripts.app.journals scripts.app.results scripts.app.terms",
    "scripts": "adapters.bars.sample scripts.cli scripts.cli.shared",
    "scripts.api": "engine engine.result adapters.bars adapters.reports adapters.reports.page "
    "scripts.app scripts.app.journals scripts.app.results scripts.app.terms",
    "scripts.app": "engine adapters.system",
    "scripts.app.account": "engine engine.decoding "
    "engine.account risk risk.ledger signals.market_data config "
    "adapters.journal adapters.state adapters.system scripts.app",
    "scripts.app.terms": "engine engine.decoding "
    "risk signals signals.market_data signals.strategies config "
    "adapters.bars adapters.bars.sample adapters.reports scripts.app",
    "scripts.app.results": "engine engine.result risk config adapters.bars adapters.journal "
    "adapters.reports adapters.reports.page adapters.system scripts.app scripts.app.terms",
    "scripts.app.sessions": "engine engine.decoding "
    "engine.account risk risk.ledger signals signals.market_data "
    "config adapters.bars adapters.bars.sample adapters.journal adapters.mt5.api adapters.mt5.host "
    "adapters.mt5.execution adapters.mt5.live adapters.paper.broker adapters.paper.terminal "
    "adapters.paper.replay adapters.reports adapters.services adapters.state scripts.app "
    "scripts.app.account scripts.app.results scripts.app.terms",
    "scripts.app.journals": "engine engine.decoding engine.result risk signals signals.market_data "
    "adapters.bars adapters.bars.sample adapters.journal adapters.mt5.execution "
    "adapters.reports adapters.reports.page "
    "adapters.system scripts.app scripts.app.results scripts.app.sessions scripts.app.terms",
    "scripts.app.operations": "engine engine.account engine.result risk risk.ledger "
    "signals.market_data config adapters.bars adapters.journal adapters.mt5.api "
    "adapters.mt5.execution adapters.mt5.live adapters.reports adapters.services adapters.state "
    "adapters.statements adapters.system scripts.app scripts.app.account scripts.app.sessions "
    "scripts.app.terms",
    "scripts.app.trials": "engine risk risk.odds signals config adapters.bars adapters.system "
    "scripts.app scripts.app.sessions scripts.app.terms",
    "scripts.app.authoring": "engine signals adapters.bars scripts.app scripts.app.terms "
    "scripts.app.trials",
    "scripts.app.sweep": "engine engine.decoding "
    "risk risk.odds adapters.system scripts.app scripts.app.odds "
    "scripts.app.sessions scripts.app.terms scripts.app.trials",
    "scripts.app.odds": "engine risk risk.odds signals.market_data adapters.journal "
    "adapters.statements adapters.system scripts.app scripts.app.journals scripts.app.terms "
    "scripts.app.trials",
    "scripts.view.research": "engine risk.odds adapters.reports scripts.app.authoring "
    "scripts.app.odds scripts.app.sweep",
    "scripts.view": "engine engine.result signals.market_data adapters.journal adapters.mt5.live "
    "adapters.system "
    "adapters.reports adapters.reports.page adapters.statements scripts.app "
    "scripts.app.journals scripts.app.operations",
    "scripts.cli.shared": "engine engine.result config scripts.app scripts.app.journals "
    "scripts.app.operations "
    "scripts.app.results scripts.app.sessions scripts.app.terms scripts.view",
    "scripts.cli.research": "adapters.reports scripts.app scripts.app.authoring scripts.app.odds "
    "scripts.app.sweep scripts.app.terms scripts.app.trials scripts.cli.shared scripts.view "
    "scripts.view.research",
    "scripts.cli": "config adapters.services scripts.app scripts.app.journals "
    "scripts.app.operations scripts.app.sessions scripts.app.terms scripts.app.web scripts.view "
    "scripts.cli.research scripts.cli.shared",
}
"""What of ours each package may import beside itself."""

MOST_LINES = 449
"""Of a file."""

LONGEST = 54
"""Lines of a function, from its name to its last line."""

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
    ("engine/decoding/__init__.py", "threading"): "a lock: types are made ready one at a time",
}
"""Exceptions by file and name, each with its reason."""


PROCESS_ENDS = frozenset({"sys.exit", "os._exit", "typer.Exit"})
"""Ways to end the process with a code."""

OWN_PROGRAMS: dict[str, str] = {
    "signals.failure": "takes what code of a user ends with, sys.exit() too",
    "adapters.mt5.host.__main__": "the terminal host: a process whose parent is the engine",
    "adapters.mt5.host.server": "the terminal host ends with its parent, even in a call",
    "scripts.app.trials.pool": "a worker process ends with the one that started it",
    "scripts.build_sample": "builds the sample from its source; no command of butler",
    "scripts.run_exec_mt5_smoketest": "a script that says what its Python lacks",
    "scripts.run_exec_mt5_demo_from_signals": "a script that says what its Python lacks",
}
"""Modules that end processes of their own, each with its reason."""


@functools.cache
def parsed(source: str) -> ast.Module:
    """What a source says; several checks read the same files."""
    return ast.parse(source)


def files_of(*tops: str) -> list[Path]:
    """Every source file below some top-level packages."""
    return sorted(path for top in tops for path in (ROOT / top).rglob("*.py"))


def module_of(path: Path) -> str:
    """The dotted name of a source file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_of(path): path for path in files_of(*TOP)}
PACKAGES = frozenset(module_of(path) for path in files_of(*TOP) if path.name == "__init__.py")
MODULES = frozenset(SOURCES)


def package_of(name: str) -> str:
    """The package that a module is in; a package is in itself."""
    while name and name not in PACKAGES:
        name = name.rpartition(".")[0]
    return name


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of each import, wherever it stands; relative ones keep their dots.

    A name that is imported from a module counts as that module, a module as itself.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                full = f"{module}.{alias.name}"
                yield node.lineno, full if full in MODULES else module


def called(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    """Line and last name of each call, and its number of arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            count = len(node.args) + len(node.keywords)
            if isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id, count
            elif isinstance(node.func, ast.Attribute):
                yield node.lineno, node.func.attr, count


def wrong_ways(package: str, source: str) -> list[str]:
    """Imports in a module of `package` that do not point the way they must."""
    allowed = {package, *MAY_IMPORT[package].split()}
    found = []
    for line, name in imported(parsed(source)):
        top = name.split(".")[0]
        if not top:
            found.append(f"line {line}: relative import {name}")
        elif top == "tests" or (top in TOP and package_of(name) not in allowed):
            found.append(f"line {line}: {package} imports {name}")
    return found


def impurities(name: str, source: str) -> list[str]:
    """What in a deciding module looks at a clock, at chance or outside."""
    tree = parsed(source)
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


def ends_of(name: str, source: str) -> list[str]:
    """What in a module ends the process or names an exit code, which is for commands alone."""
    if name.startswith("scripts.cli"):
        return []
    found = [
        f"line {number}: {line.strip()}"
        for number, line in enumerate(source.splitlines(), 1)
        if re.search(r"\bexit[ _]codes?\b|\bExitCode\b", line, re.IGNORECASE)
    ]
    for node in ast.walk(parsed(source)):
        # The name alone: it may be raised, caught or handed on.
        if isinstance(node, ast.Name) and node.id in {"SystemExit", "exit", "quit"}:
            found.append(f"line {node.lineno}: {node.id}")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in PROCESS_ENDS:
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """A circle for each place at which the arrows of `graph` lead back; none in a good one."""
    rest = {name: set(targets) for name, targets in graph.items()}
    found = []
    while True:
        try:
            TopologicalSorter(rest).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            found.append(circle)
            # The arrows that close it are taken out, and the rest is looked at again.
            for name in circle:
                rest[name] -= set(circle)
        else:
            return found


def module_graph() -> dict[str, set[str]]:
    """Which modules each module imports, packages' own files left out."""
    return {
        name: {
            found
            for _, found in imported(parsed(path.read_text(encoding="utf-8")))
            if found in MODULES - PACKAGES and found != name
        }
        for name, path in SOURCES.items()
    }


def too_long(source: str) -> list[str]:
    """A file that goes on for too long, and functions that do."""
    lines = len(source.splitlines())
    found = [f"{lines} lines"] if lines > MOST_LINES else []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > LONGEST:
                found.append(f"line {node.lineno}: {node.name} has {length} lines")
    return found


def too_full(counts: Mapping[str, int]) -> list[str]:
    """Folders with more files than a head can hold."""
    return [f"{name}: {count} files" for name, count in counts.items() if count > MOST_FILES]


def found_in(files: Iterable[Path], check: Callable[[Path, str], object]) -> dict[str, object]:
    """What a check finds in sources, by file; those in which it finds nothing left out."""
    found = {
        path.relative_to(ROOT).as_posix(): check(path, path.read_text(encoding="utf-8"))
        for path in files
    }
    return {name: what for name, what in found.items() if what}


def test_imports_point_one_way() -> None:
    assert (
        found_in(
            files_of(*TOP), lambda path, source: wrong_ways(package_of(module_of(path)), source)
        )
        == {}
    )


def test_what_may_be_imported_names_every_package_and_has_no_circle() -> None:
    """Whatever is written within these rules, no package ends up needing itself."""
    assert set(MAY_IMPORT) == PACKAGES
    named = {target for targets in MAY_IMPORT.values() for target in targets.split()}
    assert named <= PACKAGES
    assert circles({name: set(targets.split()) for name, targets in MAY_IMPORT.items()}) == []


def test_what_may_be_imported_is_imported() -> None:
    """A permission that nobody needs any more is taken back."""
    used: dict[str, set[str]] = {name: set() for name in PACKAGES}
    for name, path in SOURCES.items():
        for _, found in imported(parsed(path.read_text(encoding="utf-8"))):
            used[package_of(name)].add(package_of(found))
    for name, targets in MAY_IMPORT.items():
        assert set(targets.split()) - used[name] == set(), name


def test_no_module_needs_itself() -> None:
    """No circle of modules either, late and type-checking imports counted."""
    assert circles(module_graph()) == []


def test_no_folder_holds_more_files_than_a_head_can() -> None:
    counts: dict[str, int] = {}
    for path in files_of(*TOP):
        folder = path.parent.relative_to(ROOT).as_posix()
        counts[folder] = counts.get(folder, 0) + 1
    assert too_full(counts) == []


def test_no_file_and_no_function_goes_on_for_too_long() -> None:
    assert found_in(files_of(*TOP), lambda _, source: too_long(source)) == {}


def test_the_checker_sees_what_goes_on_for_too_long() -> None:
    body = "    pass\n" * (LONGEST - 1)
    assert too_long(f"def f():\n{body}") == []
    assert too_long(f"def f():\n{body}    pass") == [f"line 1: f has {LONGEST + 1} lines"]
    assert too_long("\n" * (MOST_LINES + 1)) == [f"{MOST_LINES + 1} lines"]


def test_exit_codes_are_known_to_commands_alone() -> None:
    """What is run by a command raises errors of its own; `scripts/cli` maps them, in one table."""
    found = found_in(SOURCES.values(), lambda path, source: ends_of(module_of(path), source))
    own = {SOURCES[name].relative_to(ROOT).as_posix() for name in OWN_PROGRAMS}
    assert found.keys() == own, {name: what for name, what in found.items() if name not in own}


def test_every_error_of_the_application_has_its_exit_code() -> None:
    situations = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.AppError)
    }
    assert set(BY_ERROR) == situations - {errors.AppError}


@pytest.mark.parametrize(
    "source",
    [
        "from scripts.cli.shared.exit_codes import ExitCode", "import sys\nsys.exit(3)",
        "import os\nos._exit(130)", "raise SystemExit(2)", "exit(1)", "import typer\ntyper.Exit(4)",
        'def f():\n    """Raises BadData (exit code 3)."""',
    ],
)  # fmt: skip
def test_the_checker_sees_an_exit_code(source: str) -> None:
    assert len(ends_of("scripts.app.session_folder", source)) == 1
    assert ends_of("scripts.cli.replay", source) == []


def test_every_package_says_what_it_is_for() -> None:
    packages = [SOURCES[name] for name in sorted(PACKAGES)]
    assert found_in(packages, lambda _, source: not ast.get_docstring(parsed(source))) == {}


def test_what_decides_is_pure() -> None:
    assert (
        found_in(
            files_of(*DECIDING),
            lambda path, source: impurities(path.relative_to(ROOT).as_posix(), source),
        )
        == {}
    )


def test_every_exception_is_needed() -> None:
    for (name, module), reason in ALLOWED.items():
        tree = parsed((ROOT / name).read_text(encoding="utf-8"))
        assert module in {found.split(".")[0] for _, found in imported(tree)}
        assert reason


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("engine", "import risk"),
        ("engine", "from signals.strategies.ftmo_m15_rules import decide"),
        ("engine", "from adapters.mt5.api import contract as mt5"),
        ("engine", "import engine.bus, scripts.app.sessions.replay"),
        ("risk", "from signals.market_data import bars"),
        ("signals", "from risk.limits import vet"),
        ("signals", "import config.loader"),
        ("signals.market_data", "from signals.strategy import View"),
        ("adapters.bars", "from signals.market_data.clocks import utc_of"),
        ("adapters.reports", "from scripts.app.session_folder import SessionFolder"),
        ("adapters.mt5.api", "from adapters.mt5.execution import gateway"),
        ("adapters.paper.broker", "from adapters.paper.terminal.functions import PaperTerminal"),
        ("config", "from adapters.system import atomic_files"),
        ("config", "from tests.builders import limits"),
        ("scripts.app.sessions", "from scripts.cli.shared.command_line import complain"),
        ("scripts.cli", "from risk.actor import RiskActor"),
        ("scripts.app.sessions", "from scripts.view.live_view import LiveView"),
        ("engine", "from . import bus"),
        ("risk", "def late():\n    from signals.market_data import bars"),
        ("risk", "if TYPE_CHECKING:\n    from signals.market_data.bars import Ints"),
    ],
)
def test_the_checker_sees_an_import_the_wrong_way(package: str, source: str) -> None:
    assert len(wrong_ways(package, source)) == 1


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("scripts.app.sessions", "from risk.actor import RiskActor\nimport adapters.reports.sinks"),
        ("risk", "from engine import money"),
        ("signals", "import numpy as np\nfrom engine.types import Side"),
        ("engine", "import enginelike\nfrom collections import deque"),
    ],
)
def test_the_checker_lets_the_right_way_pass(package: str, source: str) -> None:
    assert wrong_ways(package, source) == []


def test_the_checker_sees_circles_and_full_folders() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    both = circles({"a": {"b"}, "b": {"a"}, "c": {"d"}, "d": {"c"}})
    assert {frozenset(circle) for circle in both} == {frozenset("ab"), frozenset("cd")}
    assert too_full({"risk": MOST_FILES, "scripts": MOST_FILES + 1}) == ["scripts: 23 files"]


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
