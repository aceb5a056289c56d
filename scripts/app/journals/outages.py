"""When a session could not trade: it did not run, its link was down, or its trading was halted."""

from __future__ import annotations

from typing import Final, NamedTuple

from adapters.reports.projection import iso
from engine.types import Millis
from scripts.app.journals.recorded import RecordedRun

_LATE: Final = 900_000
"""What was decided so long before an outage ended is not made up for: its bar is late."""


class Outage(NamedTuple):
    """From `first` to `last` (ms UTC) nothing could be opened; `text` says why."""

    first: Millis
    last: Millis
    text: str

    def covers(self, moment: Millis) -> bool:
        """Whether a trade of that moment fell into it."""
        return self.first - _LATE <= moment <= self.last


def outages_of(session: RecordedRun) -> tuple[Outage, ...]:
    """All outages in order of their beginning; one that has not ended lasts to the last record."""
    found: list[Outage] = []
    open_ones: dict[str, tuple[Millis, str]] = {}

    def end(kind: str, moment: Millis) -> None:
        begun = open_ones.pop(kind, None)
        if begun is not None:
            found.append(_told(*begun, moment))

    for item in session.result.operations:
        match item.kind:
            case "link down":
                open_ones.setdefault("link", (item.time, "the link to the terminal was down"))
            case "link up":
                end("link", item.time)
            case "halt":
                why = (
                    f"trading was halted ({item.cause}{f': {item.detail}' if item.detail else ''})"
                )
                open_ones.setdefault("halt", (item.time, why))
            case "release":
                end("halt", item.time)
            case _:
                pass
    found += [
        _told(before, "the session did not run", after) for before, after in session.rows.pauses
    ]
    for kind in list(open_ones):
        end(kind, session.rows.played[1])
    return tuple(sorted(found))


def _told(first: Millis, why: str, last: Millis) -> Outage:
    return Outage(first, last, f"{why} from {iso(first)[:19]} to {iso(last)[:19]}")
