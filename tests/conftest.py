"""Options of the whole suite."""

from __future__ import annotations

import functools
import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# How fast inputs come says something of the machine, not of the code. What decides whether a change
# lands tries the same inputs for the same code; fresh ones are looked for by the long runs.
for profile, same_inputs in (("steady", True), ("fresh", False)):
    settings.register_profile(
        profile, suppress_health_check=[HealthCheck.too_slow], deadline=None,
        derandomize=same_inputs, max_examples=40 if same_inputs else 100,
    )  # fmt: skip
settings.load_profile("steady")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--deep", action="store_true", help="also run the tests that take long")
    parser.addoption(
        "--genuine",
        action="store_true",
        help="also run tests/genuine: the genuine MetaTrader5 package under Wine",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests are imported, which take their settings from the profile."""
    settings.load_profile("fresh" if config.getoption("--deep") else "steady")
    keep_bytecode()


def keep_bytecode() -> None:
    """What is compiled once is kept for the workers and the hundreds of processes of the tests.

    Where the user keeps none, each of them would compile the whole project for itself.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """A worker begins with the part of the modules that is its own."""
    gc.disable()  # of the many objects of a collection none is garbage
    worker: dict[str, object] | None = getattr(session.config, "workerinput", None)
    if worker is not None:
        place = int(str(worker["workerid"]).removeprefix("gw"))
        import_from_own_place(session.config, place, int(str(worker["workercount"])))


def pytest_collection_finish() -> None:
    """Garbage is looked for among what the tests make, not among the tests."""
    gc.freeze()
    gc.enable()


def import_from_own_place(config: pytest.Config, place: int, workers: int) -> None:
    """Import the modules of tests beginning at another one in each worker.

    Rewriting their assertions is most of what a first start costs. So each worker does a part of
    that and finds the parts of the others done, instead of all doing all of it side by side.
    """
    folders = [ROOT / argument for argument in config.args if (ROOT / argument).is_dir()]
    files = sorted({file for folder in folders for file in folder.rglob("test_*.py")})
    first = place * len(files) // workers
    for file in files[first:] + files[:first]:
        # What cannot be imported is reported by the collection, which comes to it again.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three workers more than cores for `-n auto`: many tests wait for processes of their own."""
    return (os.cpu_count() or 1) + 3


FIRST = ("process", "golden", "property", "deep")
"""Folders whose files take long, or wait; short ones at the end leave no worker alone there."""


@functools.cache
def place_of(file: Path) -> int:
    """Which folder's turn it is."""
    folder = file.relative_to(ROOT / "tests").parts[0]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips what is marked `deep` unless --deep asks for it."""
    items.sort(key=lambda item: place_of(item.path))
    if config.getoption("--deep"):
        return
    skip = pytest.mark.skip(reason="runs only with --deep")
    for item in items:
        if item.get_closest_marker("deep"):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Accounts of tests leave nothing in the state folder of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUTLER_STATE", str(tmp_path_factory.mktemp("state")))
        yield
