"""A session's note of its strategy's hangs decides whether the strategy is asked again."""

from __future__ import annotations

from pathlib import Path

from adapters.services.watchdog import HANGS
from scripts.app.sessions.hangs import why_out


def test_a_strategy_stays_out_while_its_hangs_cannot_be_read(tmp_path: Path) -> None:
    """They may be two; none are known where there is no such file."""
    assert why_out(tmp_path) is None
    (tmp_path / HANGS).mkdir()
    told = why_out(tmp_path)
    assert told is not None
    assert told.startswith(f"{tmp_path / HANGS} cannot be read (it is no regular file), so nobody")
