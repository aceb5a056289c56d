"""`butler shadow` with a strategy that hangs, and an account that is taken over from a session."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from engine.trading import HaltCause
from scripts.cli.shared.exit_codes import ExitCode
from tests.process.cli import butler_process
from tests.process.shadows import finished, shadow_process
from tests.process.test_control_commands import told
from tests.unit.test_user_strategy import PRESET

HANGS = """
import msgspec


class Parameters(msgspec.Struct, frozen=True):
    pass


class Mine:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        pass

    def on_bar(self, bar, view):
        while True:
            pass
"""


def test_a_strategy_that_hung_twice_stays_out(tmp_path: Path) -> None:
    """The session then goes on without it, as suspended."""
    (tmp_path / "mine.py").write_text(HANGS)
    preset = tmp_path / "mine.yaml"
    preset.write_text(PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}"))
    options = ("--preset", preset, "--speed", "max", "--hang-limit", "5", "--to", "2023-01-04")
    for resumed in ((), ("--resume", "last")):
        code, said = finished(tmp_path, *options, *resumed)
        assert code == ExitCode.HUNG, said
        assert "the session hangs" in said
        assert "on_bar (" in said
    code, said = finished(tmp_path, *options, "--resume", "last")
    assert code == ExitCode.DONE, said
    (journal,) = tmp_path.glob("sessions/*/journal.sqlite")
    with StoredJournal(journal) as stored:
        changes = [r.event for r in stored.records()]
    states = [event for event in changes if isinstance(event, ev.TradingStateChanged)]
    assert states[-1].causes == (HaltCause.STRATEGY,)
    assert "hung 2 times" in states[-1].detail


@pytest.mark.skipif(sys.platform == "win32", reason="a process is stopped by a signal")
def test_an_account_is_taken_over_from_a_session_that_does_not_answer(tmp_path: Path) -> None:
    flatten = ("flatten", "--account-profile", "PAPER", "--force", "--results-dir", tmp_path)
    with shadow_process(tmp_path, "--session-id", "s-1") as process:
        while told(tmp_path, "status").code != ExitCode.DONE:
            assert process.poll() is None
        refused = butler_process(*flatten)
        assert refused.code == ExitCode.TERMINAL
        assert "session s-1 answers: butler flatten s-1" in refused.err[0]
        process.send_signal(signal.SIGSTOP)
        taken = butler_process(*flatten)
        assert process.wait(5) == -signal.SIGKILL
    assert (taken.code, taken.out) == (
        ExitCode.DONE,
        [
            f"session s-1 did not answer: its process {process.pid} was ended",
            "nothing of the engine's is left open",
        ],
    ), taken
