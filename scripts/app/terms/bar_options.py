"""Options of a bar file's import: each wrong one is one line that says what to write."""

from __future__ import annotations

from adapters.bars.column_names import KNOWN_COLUMNS
from adapters.bars.reader import ColumnChoice
from scripts.app.errors import WrongUsage
from signals.market_data.bars import TIMEFRAME_SECONDS


def column_choice(mapped: list[str] | None, dropped: list[str] | None) -> ColumnChoice:
    """What the user says of the file's columns; raises WrongUsage."""
    renamed = {}
    known = (*KNOWN_COLUMNS, "date", "clock")
    for text in mapped or ():
        ours, equals, name = text.partition("=")
        if not equals or not name or ours not in known:
            raise WrongUsage(
                f"--map {text}: write OURS=NAME, such as time=Zeit, with one of {', '.join(known)}"
            )
        renamed[name.strip().lower()] = ours
    return ColumnChoice(renamed, frozenset(name.strip().lower() for name in dropped or ()))


def tick_period(name: str | None) -> int | None:
    """The seconds of the bars to make of ticks; None for a file of bars. Raises WrongUsage."""
    if name is None:
        return None
    if name not in TIMEFRAME_SECONDS:
        raise WrongUsage(f"--ticks {name}: must be one of {', '.join(TIMEFRAME_SECONDS)}")
    return TIMEFRAME_SECONDS[name]
