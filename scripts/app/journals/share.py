"""What of a session may be shown to others: everything but what tells who and where the user is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from engine.events import AccountSnapshot, VenueReplied

if TYPE_CHECKING:
    from engine.events import Record

MASKED = "masked"

_HARMLESS = frozenset({"session_id", "version", "dry_run", "started_at", "ended_at", "holes"})
"""What a record may say about itself as it is; whatever else it says is masked."""

_TEXTS = ("detail", "message", "note", "reason")
"""Fields of events that hold words which a terminal or the system chose."""

_PATTERNS = (
    (re.compile(r"(?i)\b(account|login|not) +#?\d+"), rf"\1 {MASKED}"),
    (re.compile(r"(?i)\b(server|on|not) +(?:'[^']*'|\"[^\"]*\")"), rf"\1 {MASKED}"),
    (
        re.compile(
            r"(?<![\w.])(?:[A-Za-z]:|~)?"
            # The folders of a path may have blanks in their names; where its end has, nobody knows.
            r"(?:[\\/](?:[^\\/'\":;,]+(?=[\\/])|[^\\/\s'\":;,]+)){2,}[\\/]?"
        ),
        MASKED,
    ),
)
"""Account numbers, names of servers and paths, as they stand in messages."""


class Mask:
    """Hides what identifies the user or the machine; what one record shows is hidden in later ones.

    The session id stays: it is how user and reader speak of the session.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def record(self, record: Record) -> Record:
        """The record with its `metadata` and its texts masked; numbers and prices stay."""
        metadata = None if record.metadata is None else self._metadata(record.metadata)
        texts = {
            name: self._text(value)
            for name in _TEXTS
            if type(value := getattr(record.event, name, None)) is str
        }
        event = msgspec.structs.replace(record.event, **texts) if texts else record.event
        if isinstance(event, AccountSnapshot | VenueReplied):
            event = self._texts(event)
        return msgspec.structs.replace(record, metadata=metadata, event=event)

    def _texts(self, value: Any) -> Any:
        """A venue's answer or snapshot with every text in it masked: comments, errors."""
        if type(value) is str:
            return self._text(value)
        if isinstance(value, dict):
            return {name: self._texts(inner) for name, inner in value.items()}
        if isinstance(value, tuple):
            return tuple(self._texts(inner) for inner in value)
        if isinstance(value, msgspec.Struct):
            fields = value.__struct_fields__
            masked = {name: self._texts(getattr(value, name)) for name in fields}
            return msgspec.structs.replace(value, **masked)
        return value

    def _metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value if name in _HARMLESS else self._hidden(value)
            for name, value in metadata.items()
        }

    def _hidden(self, value: Any) -> Any:
        """The shape of a value without its content: names in a dict stay (they are symbols)."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, dict):
            return {name: self._hidden(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._hidden(inner) for inner in value]
        self._known.update((str(value), *str(value).split("@")))  # login@server, say
        return MASKED

    def _text(self, text: str) -> str:
        for value in sorted(self._known - {""}, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", MASKED, text)
        for pattern, shown in _PATTERNS:
            text = pattern.sub(shown, text)
        return text
