"""The rig for these tests: one played terminal and one host under Wine for each test process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.genuine import product
from tests.genuine.audit import FIGURES
from tests.genuine.engine import Trader
from tests.genuine.rig.hosts import WineHost
from tests.genuine.rig.played import PlayedTerminal
from tests.genuine.rig.prefix import Prefix, RigMissing, ready

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips this folder's tests unless --genuine asks for them; all but the core need --deep."""
    skip = pytest.mark.skip(reason="runs the genuine package under Wine: only with --genuine")
    for item in items:
        if HERE not in item.path.parents:
            continue
        if not config.getoption("--genuine"):
            item.add_marker(skip)
        elif not item.get_closest_marker("core"):
            item.add_marker(pytest.mark.deep)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands a worker's figures to the process that reports."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["genuine_figures"] = asdict(FIGURES)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes them; a worker that crashed has left none."""
    FIGURES.add(getattr(node, "workeroutput", {}).get("genuine_figures", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what the audited sessions came to."""
    if FIGURES.sessions:
        terminalreporter.write_line(f"genuine package: {FIGURES}")


@pytest.fixture(scope="session")
def prefix() -> Iterator[Prefix]:
    """The rig, up; that it cannot be had is a failure, since --genuine asked for it."""
    with ExitStack() as stack:
        try:
            rig = ready()
            stack.enter_context(rig.running())
        except RigMissing as missing:
            pytest.fail(str(missing))
        yield rig


@pytest.fixture(scope="session")
def _terminal(prefix: Prefix, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlayedTerminal]:
    terminal = PlayedTerminal(prefix, tmp_path_factory.mktemp("terminal"))
    terminal.start()
    yield terminal
    terminal.kill()


@pytest.fixture
def terminal(_terminal: PlayedTerminal) -> Iterator[PlayedTerminal]:
    """A terminal with a new account and no faults, which must be whole in the end."""
    _terminal.recover()
    _terminal.reset()
    yield _terminal
    _terminal.check()
    _terminal.reset()


@pytest.fixture(scope="session")
def _host(prefix: Prefix, _terminal: PlayedTerminal) -> Iterator[WineHost]:
    host = WineHost(prefix, _terminal, product.HOST)
    host.start()
    yield host
    host.stop()


@pytest.fixture
def host(_host: WineHost, terminal: PlayedTerminal) -> WineHost:
    """A host for trading, under Wine, that listens; it is started again whenever it ends."""
    del terminal  # which it needs
    _host.wait_until_up()
    return _host


@pytest.fixture
def trader(tmp_path: Path, terminal: PlayedTerminal, host: WineHost) -> Iterator[Trader]:
    """A user whose account is at that terminal, through that host."""
    user = Trader(tmp_path, terminal, host)
    yield user
    user.leave()
