"""A subscription to the records of a session that runs, for whoever shows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from adapters.journal import StoredJournal
from adapters.services.control_client import SessionClient
from engine import events as ev
from scripts.app.session_folder import JOURNAL

_LOOK_SECONDS: Final = 0.5


def followed_records(
    session: SessionClient, after: int = 0, *, wait: Callable[[float], None] = time.sleep
) -> Iterator[ev.Record]:
    """Every record after number `after`, as it becomes durable, up to the session's end.

    They are read from the journal's file: a reader that is slow, or many of them, cost the session
    nothing. Ends with the process, too. Raises engine.journal.JournalDamaged.
    """
    with StoredJournal(session.folder / JOURNAL) as stored:
        while True:
            over = stored.sealed_hash() is not None or not session.lives()
            for record in stored.records(after + 1):
                after = record.seq
                yield record
            if over:
                return
            wait(_LOOK_SECONDS)
