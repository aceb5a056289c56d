"""A journal's bytes and its hash.

The hash covers each record's sequence number, event time, bar and payload, in order; it does not
cover `about` (session id, wall-clock times, paths, versions). Two runs over the same inputs under
the same terms have the same hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import islice
from typing import Final, get_args

import msgspec

from engine.events import Event, Input, Record, VenueReplied, VenueSeen
from engine.types import Millis

TAGS: dict[type, str] = {
    kind: kind.__struct_config__.tag for kind in (*get_args(Event), *get_args(Input))
}
"""The name of each kind of event and input, as it stands in the journal."""

KINDS: frozenset[str] = frozenset(TAGS.values())
"""All of these names."""

_encoder = msgspec.json.Encoder(order="deterministic")
# What a venue told has its own order, and dicts by ticket, which cannot be put into another.
_plain = msgspec.json.Encoder()
_HOW = {
    kind: (_plain if kind in (VenueSeen, VenueReplied) else _encoder, tag)
    for kind, tag in TAGS.items()
}
_decoder = msgspec.json.Decoder(tuple[int, Millis, tuple[str, Millis] | None, Event | Input])


class JournalFailed(Exception):
    """Raised when the journal's store can take no more records; nothing may be sent after it."""


class JournalDamaged(Exception):
    """Raised when a stored journal cannot be read back whole."""


def encode(record: Record) -> bytes:
    """The hashed part of a record as one line of JSON."""
    encoder, _ = _HOW[type(record.event)]
    return encoder.encode((record.seq, record.time, record.bar, record.event))


def row_of(record: Record) -> tuple[int, bytes, bytes | None, str]:
    """A record as it is stored: number, hashed part, the part that the hash leaves out, kind."""
    return record.seq, encode(record), encode_about(record), kind_of(record.event)


def add_line(record: Record, lines: bytearray) -> str:
    """Add the hashed part of a record to `lines`, as one of them; returns its kind.

    Where it cannot be encoded, `lines` are as they were and the error is raised.
    """
    encoder, kind = _HOW[type(record.event)]
    size = len(lines)
    try:
        encoder.encode_into((record.seq, record.time, record.bar, record.event), lines, -1)
        lines += b"\n"
    except BaseException:
        del lines[size:]
        raise
    return kind


def encode_about(record: Record) -> bytes | None:
    """The part of a record that the hash leaves out, or None when there is none."""
    return None if record.about is None else _encoder.encode(record.about)


def decode(payload: bytes, about: bytes | None = None) -> Record:
    """The record of `payload`; raises JournalDamaged when it is not one."""
    try:
        seq, moment, bar, event = _decoder.decode(payload)
        extra = None if about is None else msgspec.json.decode(about, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError) as error:
        raise JournalDamaged(f"not a journal record: {error}") from error
    return Record(seq, moment, bar, event, extra)


def kind_of(event: Event | Input) -> str:
    """The name of the event's kind: the `event` of its payload, one of KINDS."""
    return TAGS[type(event)]


PAGE: Final = 65_536
"""Records that the journal hash takes in before it goes on from its own digest."""


class JournalHash:
    """SHA-256 over payloads, one line each, in pages.

    A page begins with the digest of the page before it, so the hash can be taken up at the end of
    any page without reading what lies before. In the first page it is plainly that of its lines.
    """

    def __init__(self, before: bytes = b"", *, page: int = PAGE) -> None:
        """`before` is the digest at the end of a page of `page` records, none at the beginning."""
        self._page = page
        self._turn(before)

    def update(self, payloads: Iterable[bytes]) -> None:
        rest = iter(payloads)
        while lines := tuple(islice(rest, self._page - self._count)):
            self.take(b"\n".join((*lines, b"")), len(lines))

    def take(self, lines: bytes, count: int) -> None:
        """Take in `count` payloads at once, each with its line's end; as `update` of them."""
        if self._count + count > self._page:
            self.update(lines.removesuffix(b"\n").split(b"\n"))
            return
        self._sha.update(lines)
        self._count += count
        if self._count == self._page:
            self._turn(self._sha.digest())

    def digest(self) -> bytes:
        return self._sha.digest() if self._count or not self._before else self._before

    def hexdigest(self) -> str:
        return self.digest().hex()

    def _turn(self, before: bytes) -> None:
        self._before = before
        self._sha = hashlib.sha256(before)
        self._count = 0


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

    async def close(self) -> None:
        """Nothing is left to write."""

    def hexdigest(self) -> str:
        """The journal hash of all records so far."""
        digest = JournalHash()
        digest.update(encode(record) for record in self.records)
        return digest.hexdigest()
