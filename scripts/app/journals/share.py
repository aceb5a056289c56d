"""What of a session may be shown to others: everything but what tells who and where the user is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.events import Record

MASKED = "masked"

_HARMLESS = frozenset({"session_id", "version", "dry_run", "started_at", "ended_at", "holes"})
"""What a record may say about itself as it is; whatever else it says is masked."""

_TEXTS = ("detail", "message", "note", "reason")
"""Fields of events that hold words which a terminal or the system chose."""

_NAMES_OF_ACCOUNT = frozenset({"login", "name", "server", "company"})

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
        event = msgspec.structs.replace(event, **self._told_by_venue(event))
        return msgspec.structs.replace(record, metadata=metadata, event=event)

    def _told_by_venue(self, event: Any) -> dict[str, Any]:
        """`what` of the events that hold a terminal's own words: its account, comments, errors."""
        from adapters.mt5.execution.snapshot import Snapshot
        from engine.events import VenueReplied

        if isinstance(event, VenueReplied) and event.result is not None:
            said = self._text(event.result.message)
            return {"result": msgspec.structs.replace(event.result, message=said)}
        what = getattr(event, "what", None)
        if what is None:
            return {}
        parts = dict(zip(Snapshot._fields, what, strict=False))
        if parts.get("account") is not None:
            parts["account"] = self._account(parts["account"])
        return {"what": self._texts(list(parts.values()))}

    def _account(self, account: Any) -> Any:
        """An account's figures without what names it, its owner and its broker."""
        from adapters.mt5.api.structs import AccountInfo
        from adapters.mt5.api.structseq import field_types

        names = field_types(AccountInfo)
        if len(account) != len(names):  # of another program's version: nobody knows what is where
            return MASKED
        return [
            self._hidden(value) if name in _NAMES_OF_ACCOUNT else value
            for name, value in zip(names, account, strict=True)
        ]

    def _texts(self, value: Any) -> Any:
        """Nested lists and dicts with every text in them masked."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {name: self._texts(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._texts(inner) for inner in value]
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
