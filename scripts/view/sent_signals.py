"""What a session that sent signals one after another came to, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.app.operations.send_signals import SentSignals


def sent_line(sent: SentSignals) -> str:
    """How many positions were opened and closed, and where the event log is."""
    outcomes, log = sent.outcomes, sent.session.folder.latest_event_log
    return f"{outcomes.filled} positions opened, {outcomes.closed} closed; {log}"
