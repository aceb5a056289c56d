"""A session that ran to its end, for whoever started it."""

from __future__ import annotations

from typing import Any, NamedTuple

from engine import events as ev
from engine.result import RunResult
from scripts.app.session_folder import SessionFolder


class FinishedSession(NamedTuple):
    """Its folder, how it ended, its summary as the JSON file has it, and all that it came to.

    `result` is None where its tables could not be written.
    """

    folder: SessionFolder
    outcome: ev.SessionOutcome
    summary: dict[str, Any]
    as_ordered: bool = False
    """Whether no signal interrupted it: what `butler stop` ordered is done."""
    result: RunResult | None = None
