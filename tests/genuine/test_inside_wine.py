"""The engine itself in the Windows Python, where `os.name` is "nt"."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.genuine import product
from tests.genuine.audit import audit
from tests.genuine.engine import COMMAND_SECONDS, EVENT_LOG, Running, Said, Trader
from tests.genuine.rig.played import PlayedTerminal, wait_for
from tests.genuine.rig.prefix import Prefix, windows


class WindowsTrader(Trader):
    """A user whose Python is the one under Wine; the engine starts terminal host and terminal."""

    prefix: Prefix

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        told = [windows(item) if isinstance(item, Path) else item for item in arguments]
        state = windows(self.folder / "state")  # an account of its own for each test
        environ = {"BUTLER_STATE": state, **self.environ}
        process = self.prefix.start(*told, stderr=subprocess.PIPE, env=environ)
        self.started.append(process)
        return process


@pytest.fixture
def inside(prefix: Prefix, tmp_path: Path, terminal: PlayedTerminal) -> Iterator[WindowsTrader]:
    """A trader under Wine with a terminal of his own."""
    user = WindowsTrader(tmp_path, terminal, None)
    user.prefix = prefix
    user.write_accounts(terminal_path=terminal.program)
    yield user
    user.leave()


def say(user: WindowsTrader, *arguments: object) -> Said:
    return user.butler(*arguments, seconds=2 * COMMAND_SECONDS)


def test_doctor_and_smoke_test_inside(inside: WindowsTrader) -> None:
    """Doctor finds everything in place, the smoke test sends one order and closes it."""
    said = say(inside, "doctor", *inside.account_options())
    assert said.code == 0, said
    assert "FAILURE" not in said.out
    said = say(inside, "smoke-test", *inside.account_options(), "--no-dry-run", "--hold-seconds", 0)
    assert said.code == 0, said
    assert len(inside.terminal.sends()) == 2
    assert inside.terminal.book()["positions"] == []


def test_a_session_with_control_and_journal_inside(inside: WindowsTrader) -> None:
    """A followed signal, flatten and stop by the commands; then its journal is whole."""
    session = inside.shadow()
    session.ready(120)
    inside.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "OPEN", seconds=60)
    said = inside.order("flatten", session)
    assert said.code == 0, said
    wait_for(lambda: not inside.terminal.book()["positions"], 30, "everything closed")
    said = inside.order("stop", session)
    assert said.code == 0, said
    session.wait()
    audit(session, inside.terminal)
    said = say(inside, "journal", "verify", session.folder.name, "--results-dir", inside.results)
    assert said.code == 0, said


def test_a_session_killed_inside_is_resumed(inside: WindowsTrader) -> None:
    """TerminateProcess in the middle: resumed, the position is known, nothing is sent twice."""
    session = inside.shadow()
    session.ready(120)
    inside.signal("long", stop_loss=1.08, volume=0.1)
    session.await_rows(1, "OPEN", seconds=60)
    session.kill()
    resumed = inside.shadow("--no-dry-run", resume=session)
    wait_for(lambda: _manages_one(inside, resumed), 120, "the position in the status")
    assert len(resumed.rows("OPEN")) == 1  # which was shown, and so on the disk
    assert inside.order("flatten", resumed).code == 0
    wait_for(lambda: not inside.terminal.book()["positions"], 30, "everything closed")
    assert inside.order("stop", resumed).code == 0
    resumed.wait()
    audit(resumed, inside.terminal)


def _manages_one(inside: WindowsTrader, session: Running) -> bool:
    """Asked where the session runs: its process has another id outside, if it has any there."""
    said = inside.order("status", session, "--json")
    if said.code != 0:
        return False
    status = json.loads(said.out)["status"]
    return bool(status["running"]) and len(status["positions"]) == 1


def test_a_dry_session_and_its_journal_inside(inside: WindowsTrader) -> None:
    """Paused, resumed, dry to its end; its journal gives the same log and decides the same."""
    session: Running = inside.shadow("--dry-run", "--duration", "150s")
    session.ready(120)
    for order in ("pause", "resume"):
        said = inside.order(order, session, "--reason", "news")
        assert said.code == 0, said
    assert session.wait(300).code == 0
    assert inside.terminal.sends() == []
    where = (session.folder.name, "--results-dir", inside.results)
    before = (session.folder / EVENT_LOG).read_bytes()
    for command in ("verify", "replay", "export"):
        said = say(inside, "journal", command, *where)
        assert said.code == 0, said
    assert (session.folder / EVENT_LOG).read_bytes() == before
    assert product.records(session.folder)
