"""Everything of the product that these tests touch, by the names they use: one place to adapt.

Most tests drive commands in processes of their own and need no more than the names of modules here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from adapters.journal import StoredJournal
from adapters.mt5.api import contract
from adapters.mt5.api.errors import (
    ArgumentsRefused,
    BackendRaised,
    CallOutcomeUnknown,
    HostRefused,
    HostStartFailed,
    NotSent,
    TerminalError,
)
from adapters.mt5.execution.remote import carry_out_remotely
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import RemoteHost
from adapters.mt5.host.service import HostConfig
from adapters.paper.terminal.spec import build
from engine import events
from scripts.app.operations.control import status_of
from scripts.app.sessions.paper import paper_spec

__all__ = [
    "BUTLER",
    "HOST",
    "REPLAY_SCRIPT",
    "ROOT",
    "SMOKE_SCRIPT",
    "ArgumentsRefused",
    "BackendRaised",
    "CallOutcomeUnknown",
    "HostRefused",
    "HostStartFailed",
    "NotSent",
    "TerminalError",
    "carry_out_remotely",
    "client",
    "contract",
    "events",
    "paper_terminal",
    "records",
    "status",
]

ROOT: Final = Path(__file__).resolve().parents[2]

BUTLER: Final = ("-m", "scripts.cli.main")
"""The command line, for a Python that is started with the project's root on its path."""

HOST: Final = "adapters.mt5.host"
"""The terminal host, for the Python under Wine."""

SMOKE_SCRIPT: Final = "scripts/run_exec_mt5_smoketest.py"
REPLAY_SCRIPT: Final = "scripts/run_exec_mt5_demo_from_signals.py"

PYTHON: Final = sys.executable


def client(
    port: int, token: str, login: int, server: str, *, trading: bool = True
) -> TerminalClient:
    """A client of the host that listens on `port`, not yet started; it waits before no restart."""
    config = HostConfig(token=token, login=login, server=server, trading=trading)
    return TerminalClient(RemoteHost(port, config), backoff=(0.0,))


def paper_terminal(symbols: list[str], folder: Path, **changes: Any) -> Any:
    """The paper terminal with the package's functions, not yet initialized.

    `changes` replace parts of the built-in PAPER account's specification.
    """
    spec = json.loads(paper_spec(symbols, folder))
    return build(json.dumps({**spec, **changes}))


def records(session: Path) -> list[events.Record]:
    """What the journal in a session's folder holds."""
    with StoredJournal(session / "journal.sqlite") as journal:
        return list(journal.records())


def status(session: str, results: Path) -> dict[str, Any]:
    """What `butler status SESSION --json` answers of a session."""
    told: dict[str, Any] = json.loads(msgspec.json.encode(status_of(session, results).status))
    return told


STRATEGY_IMPORTS: Final = """\
from engine.types import Side
from signals.strategy import Enter, MoveStop
"""
"""What a strategy of the user's own imports."""
