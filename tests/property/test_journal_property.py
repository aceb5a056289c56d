"""Records of any content survive the journal, and damage is never mistaken for a record."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.journal import SqliteJournal, StoredJournal
from engine import events as ev
from engine.journal import (
    JournalDamaged,
    MemoryJournal,
    decode,
    encode,
    encode_lines,
    encode_metadata,
)
from tests.builders import ONE_OF_EACH

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
METADATA = st.none() | st.dictionaries(TEXTS, TEXTS | INTEGERS | FLOATS | st.booleans(), max_size=4)


def changed(draw: st.DrawFn, value: Any) -> Any:
    """`value` with its texts and numbers replaced; kinds of things stay what they are."""
    if isinstance(value, msgspec.Struct):
        fields = {name: changed(draw, getattr(value, name)) for name in value.__struct_fields__}
        return type(value)(**fields)
    if type(value) is int:
        return draw(INTEGERS)
    if type(value) is float:
        return draw(FLOATS)
    if type(value) is str:
        return draw(TEXTS)
    return value


@st.composite
def records(draw: st.DrawFn) -> list[ev.Record]:
    """Numbered records of any events."""
    events = draw(st.lists(st.sampled_from(ONE_OF_EACH), max_size=8))
    return [
        ev.Record(
            seq, draw(INTEGERS), draw(st.none() | st.tuples(TEXTS, INTEGERS)),
            changed(draw, event), draw(METADATA),
        )
        for seq, event in enumerate(events, start=1)
    ]  # fmt: skip


@given(records())
def test_a_record_comes_back_as_it_went(records: list[ev.Record]) -> None:
    for record in records:
        assert decode(encode(record), encode_metadata(record)) == record
        assert b"\n" not in encode(record)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
@example(b'[1,2,null,{"event":"order_cancelled","order_id":1,"reason":"\xff"}]')
def test_any_bytes_are_a_record_or_damage(payload: bytes) -> None:
    try:
        decode(payload)
    except JournalDamaged:
        return
    raise AssertionError("random bytes should not make up a record")


@given(records(), st.data())
def test_a_payload_with_one_byte_changed_is_a_record_or_damage(
    records: list[ev.Record], data: st.DataObject
) -> None:
    for record in records:
        payload = bytearray(encode(record))
        place = data.draw(st.integers(0, len(payload) - 1))
        payload[place] ^= data.draw(st.integers(1, 255))
        with contextlib.suppress(JournalDamaged):
            decode(bytes(payload))  # no other error comes out


@settings(max_examples=25, deadline=None)
@given(records())
def test_on_disk_and_in_memory_a_session_has_the_same_records_and_hash(
    records: list[ev.Record],
) -> None:
    memory = MemoryJournal()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"

        async def write() -> None:
            journal = SqliteJournal(path, power_safe=False)
            for record in records:
                journal.append(record)
                memory.append(record)
            await journal.close()

        asyncio.run(write())
        with closing(StoredJournal(path)) as stored:
            assert list(stored.records()) == records
            assert stored.hexdigest() == stored.sealed_hash() == memory.hexdigest()


def afresh(value: Any) -> Any:
    """An equal value of which no part is the same object, as far as the interpreter makes one."""
    if isinstance(value, msgspec.Struct):
        made = {name: afresh(getattr(value, name)) for name in value.__struct_fields__}
        return type(value)(**made)
    if isinstance(value, enum.Enum):
        return value
    if isinstance(value, bool | None):
        return value
    if isinstance(value, int | float):
        return type(value)(repr(value))
    if isinstance(value, str):
        return "".join(list(value))
    if isinstance(value, dict):
        return {afresh(name): afresh(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return (
            type(value)(*map(afresh, value))
            if hasattr(value, "_fields")
            else type(value)(map(afresh, value))
        )
    return value


@given(records())
def test_what_is_hashed_depends_on_values_alone(records: list[ev.Record]) -> None:
    """Never on which object a default is: the hash is the same for fields built afresh."""
    for record in records:
        other = ev.Record(record.seq, record.time, record.bar, afresh(record.event))
        assert encode(other) == encode(record)


@given(records())
def test_records_at_once_are_the_lines_of_each(records: list[ev.Record]) -> None:
    assert encode_lines(records) == b"".join(encode(record) + b"\n" for record in records)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_defaults_are_written_like_any_value(event: ev.Event) -> None:
    stored = json.loads(encode(ev.Record(1, 1, None, event)))[3]
    given = {name for name in event.__struct_fields__ if getattr(event, name) is not msgspec.UNSET}
    assert given < {*stored}
