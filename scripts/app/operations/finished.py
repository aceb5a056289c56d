"""A session that ran to its end, for whoever started it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine import events as ev
from engine.result import RunResult
from scripts.app.session_folder import SessionFolder


@dataclass(frozen=True)
class FinishedSession:
    """Its folder, how it ended, its summary as the JSON file has it, and all that it came to.

    `result` is None where its tables could not be written. It is no part of the text of this value,
    which asyncio makes of a main task's result when it gives back the handler of Ctrl+C.
    """

    folder: SessionFolder
    outcome: ev.SessionOutcome
    summary: dict[str, Any] = field(repr=False)
    as_ordered: bool = False
    """Whether no signal interrupted it: what `butler stop` ordered is done."""
    result: RunResult | None = field(default=None, repr=False)
