"""Options of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How fast inputs come says something of the machine, not of the code. What decides whether a change
# lands tries the same inputs for the same code; fresh ones are looked for by the long runs.
for profile, same_inputs in (("steady", True), ("fresh", False)):
    settings.register_profile(
        profile, suppress_health_check=[HealthCheck.too_slow], deadline=None,
        derandomize=same_inputs,
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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers more than cores for `-n auto`: many tests wait for processes of their own."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips what is marked `deep` unless --deep asks for it."""
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
