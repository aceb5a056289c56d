"""What the kernel asks of a journal, and a journal's bytes and hash.

The hash covers each record's sequence number, event time, bar and payload, in order; it does not
cover `metadata` (session id, wall-clock times, paths, versions). Two runs over the same inputs
under the same terms have the same hash: every field is written, whether it is the default or not,
so the bytes depend on values alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Final, Protocol, get_args

import msgspec

from engine.decoding import JsonDecoder, from_json, json_decoder
from engine.events import Event, Input, Record
from engine.types import Millis

TAGS: dict[type, str] = {
    kind: kind.__struct_config__.tag for kind in (*get_args(Event), *get_args(Input))
}
"""The name of each kind of event and input, as it stands in the journal."""

KINDS: frozenset[str] = frozenset(TAGS.values())
"""All of these names."""

FREQUENT: Final = frozenset({"tick"})
"""Kinds that come in masses, and that a session which goes on does not read back."""

_Decoded = tuple[int, Millis, tuple[str, Millis] | None, Event | Input]

ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class JournalFailed(Exception):
    """Raised when the journal's store can take no more records; nothing may be sent after it."""


class JournalDamaged(Exception):
    """Raised when a stored journal cannot be read back whole."""


class Journal(Protocol):
    """Keeps every record, in order, before anyone acts on it."""

    def append(self, record: Record) -> None:
        """Take the record; never waits. Raises JournalFailed once the store has failed."""

    async def room(self) -> None:
        """Wait while too much is unwritten (back-pressure for the feed)."""

    async def durable(self, seq: int) -> None:
        """Wait until the record `seq` and all before it are on disk."""

    async def showable(self, seq: int) -> None:
        """Wait until the record `seq` may be shown: where the venue outlives the session, nothing
        is that a crash could still undo. Returns at once when the store has failed: then the
        session ends, and what it tells of that must be seen.
        """

    async def close(self) -> None:
        """Write what is left and seal the journal with its hash."""


def encode(record: Record) -> bytes:
    """The hashed part of a record as one line of JSON."""
    return ENCODER.encode((record.seq, record.time, record.bar, record.event))


def encode_lines(records: Iterable[Record]) -> bytes:
    """The hashed parts of records, each with its line's end, as `encode` makes them one by one."""
    return ENCODER.encode_lines([(it.seq, it.time, it.bar, it.event) for it in records])


def row_of(record: Record) -> tuple[int, bytes, bytes | None, str]:
    """A record as it is stored: number, hashed part, the part that the hash leaves out, kind."""
    return record.seq, encode(record), encode_metadata(record), kind_of(record.event)


def encode_metadata(record: Record) -> bytes | None:
    """The part of a record that the hash leaves out, or None when there is none."""
    return None if record.metadata is None else ENCODER.encode(record.metadata)


@cache
def _decoder() -> JsonDecoder:
    """Made when a journal is read: it knows every field of every kind, which takes its time."""
    return json_decoder(_Decoded)


def decode(payload: bytes, metadata: bytes | None = None) -> Record:
    """The record of `payload`; raises JournalDamaged when it is not one."""
    try:
        seq, moment, bar, event = _decoder().decode(payload)
        extra = None if metadata is None else from_json(metadata, dict)
    except (msgspec.DecodeError, TypeError) as error:
        raise JournalDamaged(f"not a journal record: {error}") from error
    return Record(seq, moment, bar, event, extra)


def kind_of(event: Event | Input) -> str:
    """The name of the event's kind: the `event` of its payload, one of KINDS."""
    return TAGS[type(event)]


PAGE: Final = 65_536
"""Records that the journal hash takes in before it goes on from its own digest."""


def page_digest(before: bytes, read_back: bytes, frequent: bytes) -> bytes:
    """The journal hash at a point within a page, from the digest before it and its two lanes."""
    return hashlib.sha256(before + read_back + frequent).digest()


class JournalHash:
    """SHA-256 over payloads, one line each, in pages of two lanes.

    A page begins with the digest of the page before it, so the hash can be taken up at the end of
    any page without reading what lies before. Within a page the FREQUENT kinds have a lane of their
    own: who reads back only the others can still hold them against the hash. Each payload begins
    with its number, so nothing can change places between lanes or lines.
    """

    def __init__(self, before: bytes = b"", *, page: int = PAGE) -> None:
        """`before` is the digest at the end of a page of `page` records, none at the beginning."""
        self._page = page
        self.lanes = (b"", b"")
        """The lanes' digests at the end of the last page: read back, frequent."""
        self._turn(before)

    def update(self, payloads: Iterable[tuple[bytes, str]]) -> None:
        """Take in payloads of any number, each with the name of its kind."""
        for payload, kind in payloads:
            line = payload + b"\n"
            self.take(*((b"", line) if kind in FREQUENT else (line, b"")), 1)

    def take(self, read_back: bytes, frequent: bytes, count: int) -> None:
        """Take in `count` payloads of one page at once, by lane, each with its line's end."""
        if self._count + count > self._page:
            raise ValueError(f"a page ends within these {count} payloads")
        self._read_back.update(read_back)
        self._frequent.update(frequent)
        self._count += count
        if self._count == self._page:
            self.lanes = self._read_back.digest(), self._frequent.digest()
            self._turn(page_digest(self._before, *self.lanes))

    def digest(self) -> bytes:
        if not self._count and self._before:
            return self._before
        return page_digest(self._before, self._read_back.digest(), self._frequent.digest())

    def hexdigest(self) -> str:
        return self.digest().hex()

    def _turn(self, before: bytes) -> None:
        self._before = before
        self._read_back, self._frequent = hashlib.sha256(), hashlib.sha256()
        self._count = 0


class PassingJournal:
    """What journals share that keep no record: a subclass appends, and notes the last number."""

    def __init__(self) -> None:
        self._last = 0

    async def room(self) -> None:
        """There is always room."""

    async def durable(self, seq: int) -> None:
        """What is in memory is as durable as it gets; raises JournalFailed for a record to come."""
        if seq > self._last:
            raise JournalFailed(f"record {seq} was never appended")

    async def showable(self, _seq: int) -> None:
        """What is in memory is shown at once."""

    async def close(self) -> None:
        """Nothing is left to write."""


class MemoryJournal:
    """A journal that keeps its records in memory: for tests, benchmarks and simulations."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, record: Record) -> None:
        self.records.append(record)

    async def room(self) -> None:
        """There is always room."""

    async def durable(self, seq: int) -> None:
        """What is in memory is as durable as it gets; raises JournalFailed for a record to come."""
        if seq > len(self.records):
            raise JournalFailed(f"record {seq} was never appended")

    async def showable(self, _seq: int) -> None:
        """What is in memory is shown at once."""

    async def close(self) -> None:
        """Nothing is left to write."""

    def hexdigest(self) -> str:
        """The journal hash of all records so far."""
        digest = JournalHash()
        digest.update((encode(record), kind_of(record.event)) for record in self.records)
        return digest.hexdigest()
