"""What a session that sent signals one after another came to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scripts.view.summary import ways_on

if TYPE_CHECKING:
    from scripts.app.operations.send_signals import SentSignals


def sent_lines(sent: SentSignals) -> Iterator[str]:
    """How many positions were opened and closed, where the event log is, and what may follow."""
    outcomes, folder = sent.outcomes, sent.session.folder
    yield (
        f"{outcomes.filled} positions opened, {outcomes.closed} closed; {folder.latest_event_log}"
    )
    yield from ways_on(folder)
