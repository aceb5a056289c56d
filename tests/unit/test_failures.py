"""What a session's failure means to the user: one line and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mt5.api.errors import ArgumentsRefused
from scripts.app.errors import AppError
from scripts.app.session_folder import THROUGH_MT5, SessionFolder
from scripts.app.sessions.failures import explained
from scripts.cli.shared.exit_codes import ExitCode, exit_code


def test_arguments_that_the_package_refuses_are_our_own_failure(tmp_path: Path) -> None:
    """The line names the call, and says what is safe and what to look at."""
    folder = SessionFolder(tmp_path, "s-1", THROUGH_MT5)
    with pytest.raises(AppError) as failed, explained(folder):
        raise ArgumentsRefused("history_deals_get(0, 4102444800): SystemError: too large")
    told = str(failed.value)
    assert "internal error" in told
    assert "history_deals_get(0, 4102444800): SystemError: too large" in told
    assert str(folder.path) in told
    assert "look at the terminal for open positions" in told
    assert exit_code(failed.value) is ExitCode.INTERNAL
