"""Eight strangers that talk nonsense and two thousand connections, at a session that sends orders.

A minute by default with --deep; ``STORM_SECONDS=600`` in the environment makes it ten.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from tests.process.strangers import sending, strangers

SECONDS = float(os.environ.get("STORM_SECONDS", "60"))
ALLOWED = 1.0
"""Seconds that 99 of 100 pauses may take, on a machine that has time for them."""

SLOWER = 30
"""Times a pause may take longer than without strangers, on one that has not."""

pytestmark = pytest.mark.deep


def test_a_sending_session_stays_alive_and_controllable(tmp_path: Path) -> None:
    """Every pause and resume is done, in time; orders are filled, and it ends when it is told."""
    with sending(tmp_path) as sender:
        alone = sender.pauses(5)
        with strangers(sender.folder):
            beset = sender.pauses(SECONDS)
        code, filled = sender.stopped()
    assert code == 0
    assert beset.p99 <= max(ALLOWED, SLOWER * alone.p99), f"alone {alone}; beset {beset}"
    with StoredJournal(sender.folder / "journal.sqlite") as stored:
        assert stored.sealed_hash() is not None
        events = [record.event for record in stored.records()]
    assert sum(isinstance(event, ev.OrderFilled) for event in events) == filled > SECONDS
    commands = [event for event in events if isinstance(event, ev.UserCommanded)]
    assert commands.pop().action is ev.UserAction.STOP
    assert len(commands) == alone.times + beset.times
    assert {event.reason for event in commands} == {"strangers"}, "nobody else was obeyed"
