"""A journal's bytes, its hash, and the journal that lives in memory."""

from __future__ import annotations

import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import events as ev
from engine.journal import (
    JournalDamaged,
    JournalFailed,
    JournalHash,
    MemoryJournal,
    decode,
    encode,
    encode_metadata,
)
from tests.builders import ONE_OF_EACH, signal, started

RECORD = ev.Record(3, 5, ("EURUSD", 4), signal(), {"session_id": "x"})


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_every_kind_of_event_comes_back_as_it_went(event: ev.Event) -> None:
    record = ev.Record(1, 1_736_251_200_001, ("EURUSD", 1_736_251_200_000), event)
    assert decode(encode(record)) == record


def test_a_payload_is_one_line_of_json_that_names_the_kind_and_leaves_about_out() -> None:
    payload = encode(RECORD)
    assert b"\n" not in payload
    seq, time, bar, event = json.loads(payload)
    assert (seq, time, bar, event["event"]) == (3, 5, ["EURUSD", 4], "signal")
    assert b"session_id" not in payload


def test_about_travels_beside_the_payload() -> None:
    assert decode(encode(RECORD), encode_metadata(RECORD)) == RECORD
    plain = msgspec.structs.replace(RECORD, metadata=None)
    assert encode_metadata(plain) is None
    assert decode(encode(plain), None) == plain


def test_the_order_in_which_a_dict_was_filled_changes_no_byte() -> None:
    forwards = ev.Record(1, 0, None, started(parameters={"a": 1, "b": 2}))
    backwards = ev.Record(1, 0, None, started(parameters={"b": 2, "a": 1}))
    assert encode(forwards) == encode(backwards)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nonsense",
        b"{}",
        b"[1,2,null]",
        b'[1,2,null,{"event":"no_such_event"}]',
        b'[1,2,null,{"event":"day_rolled","date":"x"}]',
        b'["1",2,null,{"event":"order_cancelled","order_id":1,"reason":"x"}]',
        b'[1,2,null,{"event":"order_cancelled","order_id":1,"reason":"\xff"}]',
        encode(RECORD)[:-2],
    ],
)
def test_bytes_that_are_no_record_are_damage(payload: bytes) -> None:
    with pytest.raises(JournalDamaged, match="not a journal record"):
        decode(payload)


@pytest.mark.parametrize("metadata", [b"", b"[]", b'{"session_id":"\xff"}', b"{"])
def test_a_damaged_about_is_damage_too(metadata: bytes) -> None:
    with pytest.raises(JournalDamaged):
        decode(encode(RECORD), metadata)


def _of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


class TestHash:
    def test_it_is_sha_256_over_two_lanes_of_one_line_per_payload(self) -> None:
        """What comes in masses has a lane of its own; nothing is hashed twice."""
        digest = JournalHash()
        digest.update([(b"one", "signal"), (b"two", "tick")])
        digest.update([])
        digest.update([(b"three", "signal")])
        assert digest.digest() == _of(_of(b"one\nthree\n") + _of(b"two\n"))

    def test_each_page_begins_with_the_digest_of_the_one_before(self) -> None:
        digest = JournalHash(page=2)
        digest.update([(b"one", "signal"), (b"two", "tick"), (b"three", "signal")])
        first = _of(_of(b"one\n") + _of(b"two\n"))
        assert digest.lanes == (_of(b"one\n"), _of(b"two\n"))
        assert digest.digest() == _of(first + _of(b"three\n") + _of(b""))

    @given(
        st.lists(st.tuples(st.binary(max_size=3), st.sampled_from(["tick", "signal"])), max_size=9),
        st.data(),
    )
    def test_it_is_the_same_however_its_lines_come_and_wherever_a_page_was_taken_up(
        self, lines: list[tuple[bytes, str]], data: st.DataObject
    ) -> None:
        page = data.draw(st.integers(1, 4))
        at_once = JournalHash(page=page)
        at_once.update(lines)
        cut = data.draw(st.integers(0, len(lines)))
        one = JournalHash(page=page)
        one.update(lines[:cut])
        if cut and cut % page == 0:
            one = JournalHash(one.digest(), page=page)
        one.update(lines[cut:])
        assert one.hexdigest() == at_once.hexdigest()

    def test_lines_of_two_pages_are_not_taken_at_once(self) -> None:
        digest = JournalHash(page=2)
        digest.update([(b"one", "signal")])
        with pytest.raises(ValueError, match="a page ends within"):
            digest.take(b"two\nthree\n", b"", 2)

    @pytest.mark.parametrize(
        "changed",
        [
            {"seq": 4},
            {"time": 6},
            {"bar": None},
            {"bar": ("EURUSD", 5)},
            {"event": signal(scale=0.5)},
        ],
    )
    def test_it_covers_number_time_bar_and_event(self, changed: dict[str, object]) -> None:
        one, other = MemoryJournal(), MemoryJournal()
        one.append(RECORD)
        other.append(msgspec.structs.replace(RECORD, **changed))
        assert one.hexdigest() != other.hexdigest()

    @pytest.mark.parametrize("metadata", [None, {"session_id": "y"}, {"ended_at": "now"}])
    def test_it_ignores_about(self, metadata: dict[str, object] | None) -> None:
        one, other = MemoryJournal(), MemoryJournal()
        one.append(RECORD)
        other.append(msgspec.structs.replace(RECORD, metadata=metadata))
        assert one.hexdigest() == other.hexdigest()

    def test_it_depends_on_the_order(self) -> None:
        one, other = MemoryJournal(), MemoryJournal()
        later = msgspec.structs.replace(RECORD, seq=4)
        for journal, records in ((one, (RECORD, later)), (other, (later, RECORD))):
            for record in records:
                journal.append(record)
        assert one.hexdigest() != other.hexdigest()


@pytest.mark.asyncio
async def test_the_memory_journal_keeps_records_and_knows_which_it_has() -> None:
    journal = MemoryJournal()
    journal.append(RECORD)
    await journal.room()
    await journal.durable(1)
    with pytest.raises(JournalFailed, match="record 2 was never appended"):
        await journal.durable(2)
    await journal.close()
    assert journal.records == [RECORD]
