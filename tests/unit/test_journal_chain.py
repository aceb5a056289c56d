"""What the chain of blocks and the seal show of a journal that somebody changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.journal import StoredJournal
from adapters.journal.chain import Chain, Row
from adapters.journal.checking import Whole
from adapters.journal.kinds import of_kinds
from engine.journal import FREQUENT, KINDS, JournalDamaged, JournalHash, kind_of, row_of
from tests.journals import RECORDS, connected, hash_of, read_back, spoil, stored, unseal

LAST = len(RECORDS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sealed journal of blocks of four records; the last block has three."""
    return asyncio.run(stored(tmp_path / "journal.sqlite", per_commit=4))


def checked(path: Path) -> Whole:
    with StoredJournal(path) as back:
        return back.check()


CHANGES: dict[str, tuple[Sequence[str], str]] = {
    "a changed payload": (
        [
            "UPDATE records SET payload = CAST(replace(payload, '1', '2') AS BLOB) WHERE seq = 6",
        ],
        "block of records 5 to 8 was changed",
    ),
    "a payload of another type": (
        ["UPDATE records SET payload = CAST(payload AS TEXT) WHERE seq = 6"],
        "after record 4: a column holds something else",
    ),
    "a changed about": (
        ["UPDATE records SET about = CAST(replace(about, '7', '8') AS BLOB) WHERE seq = 7"],
        "block of records 5 to 8 was changed",
    ),
    "a removed about": (
        ["UPDATE records SET about = NULL WHERE seq = 7"],
        "block of records 5 to 8 was changed",
    ),
    "an about moved to the next record": (
        [
            "UPDATE records SET about = (SELECT about FROM records WHERE seq = 7) WHERE seq = 8",
            "UPDATE records SET about = NULL WHERE seq = 7",
        ],
        "block of records 5 to 8 was changed",
    ),
    "another kind": (
        ["UPDATE records SET kind = 'tick' WHERE seq = 6"],
        "block of records 5 to 8 was changed",
    ),
    "a missing record": (["DELETE FROM records WHERE seq = 6"], "record 6 is missing"),
    "a missing record between blocks": (
        ["DELETE FROM records WHERE seq = 8"],
        "record 8 is missing",
    ),
    "a renumbered record": (["UPDATE records SET seq = 99 WHERE seq = 6"], "record 6 is missing"),
    "exchanged payloads": (
        [
            "CREATE TEMP TABLE kept AS SELECT payload FROM records WHERE seq = 6",
            "UPDATE records SET payload = (SELECT payload FROM records WHERE seq = 7) "
            "WHERE seq = 6",
            "UPDATE records SET payload = (SELECT payload FROM kept) WHERE seq = 7",
        ],
        "block of records 5 to 8 was changed",
    ),
    "a missing block": (["DELETE FROM blocks WHERE first = 5"], "begins with 5 is missing"),
    "a missing first block": (["DELETE FROM blocks WHERE first = 1"], "begins with 1 is missing"),
    "a changed block": (
        ["UPDATE blocks SET sha256 = zeroblob(32) WHERE first = 5"],
        "block of records 5 to 8 was changed",
    ),
    "a widened block": (
        ["DELETE FROM blocks WHERE first = 9", "UPDATE blocks SET last = 12 WHERE first = 5"],
        "block of records 5 to 12 was changed",
    ),
    "a block of nothing sensible": (
        ["UPDATE blocks SET first = 'x' WHERE last = 8"],
        "begins with 5 is missing",
    ),
    "a block without end": (
        ["UPDATE blocks SET last = 9000000000000000000 WHERE last = 19"],
        "record 20 is missing",
    ),
    "a removed tail": (
        ["DELETE FROM records WHERE seq > 16", "DELETE FROM blocks WHERE first = 17"],
        "it ends with record 16, but was sealed after 19",
    ),
    "records behind the end": (
        ["INSERT INTO records SELECT 20, payload, about, kind FROM records WHERE seq = 19"],
        "record 20 is in no block",
    ),
    "a changed seal": (
        ["UPDATE info SET value = replace(value, 'a', 'b') WHERE key = 'hash'"],
        "do not fit the hash that it was sealed with",
    ),
    "a seal with another chain": (
        ["UPDATE info SET value = 'x' WHERE key = 'chain'"],
        "its blocks do not fit its seal",
    ),
    "a seal without an end": (["DELETE FROM info WHERE key = 'last'"], "was sealed after None"),
    "no table of blocks": (["DROP TABLE blocks"], "no such table: blocks"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_each_change_is_found_and_named(path: Path, kind: str) -> None:
    statements, message = CHANGES[kind]
    spoil(path, *statements)
    with pytest.raises(JournalDamaged, match=message) as caught:
        checked(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_journal_in_good_order_is_whole(path: Path) -> None:
    whole = checked(path)
    assert (whole.records, whole.blocks, whole.sealed) == (LAST, 5, True)
    assert whole.chain.hexdigest == hash_of(RECORDS)


def test_without_a_seal_a_removed_tail_cannot_be_seen(path: Path) -> None:
    """Which is why it is said of such a journal that it was not sealed."""
    spoil(unseal(path), *CHANGES["a removed tail"][0])
    whole = checked(path)
    assert (whole.records, whole.sealed) == (16, False)


def test_a_part_of_the_last_block_that_is_gone_is_seen_without_a_seal(path: Path) -> None:
    spoil(unseal(path), "DELETE FROM records WHERE seq = 19")
    with pytest.raises(JournalDamaged, match="record 19 is missing"):
        checked(path)


def test_a_payload_that_the_chain_covers_but_nobody_can_read_is_found(path: Path) -> None:
    """Somebody who forges blocks and seal as well must still write records."""
    with connected(path) as connection:
        connection.execute("DELETE FROM blocks")
        connection.execute("DELETE FROM info")
        connection.execute("UPDATE records SET payload = x'7B7D' WHERE seq = 3")
        rows: list[Row] = connection.execute(
            "SELECT seq, payload, about, kind FROM records ORDER BY seq"
        ).fetchall()
        connection.execute("INSERT INTO blocks VALUES (?, ?, ?)", Chain().extend(rows))
    with pytest.raises(JournalDamaged, match="record 3: not a journal record"):
        checked(path)


def test_a_block_is_the_hash_that_it_is_said_to_be() -> None:
    """Of the block before, the journal hash at its end, and all else of its records."""
    rows: list[Row] = [row_of(item) for item in RECORDS[:3]]
    journal = JournalHash()
    journal.update((row[1], row[3]) for row in rows)
    described = msgspec.msgpack.encode(
        [
            [1, 2, 3],
            [len(row[1]) for row in rows],
            [row[3] for row in rows],
            [row[2] for row in rows],
        ]
    )
    expected = hashlib.sha256(bytes(32) + journal.digest() + described).digest()
    assert Chain().extend(rows) == (3, 1, expected)


@given(st.lists(st.tuples(st.binary(max_size=4), st.none() | st.binary(max_size=4)), min_size=2,
                max_size=4), st.data())  # fmt: skip
def test_no_byte_moves_between_records_unseen(
    contents: list[tuple[bytes, bytes | None]], data: st.DataObject
) -> None:
    rows: list[Row] = [
        (seq, payload, metadata, "signal")
        for seq, (payload, metadata) in enumerate(contents, start=1)
    ]
    place = data.draw(st.integers(0, len(rows) - 2))
    seq, first, metadata, kind = rows[place]
    changed = list(rows)
    changed[place] = (seq, first + b"\n" + rows[place + 1][1], metadata, kind)
    changed[place + 1] = (seq + 1, b"", rows[place + 1][2], kind)
    assert Chain().extend(changed) != Chain().extend(rows)


class TestReadingAPart:
    @pytest.mark.parametrize(("first", "last"), [(1, 3), (5, 5), (17, None), (20, None), (3, 2)])
    def test_by_number(self, path: Path, first: int, last: int | None) -> None:
        with StoredJournal(path) as back:
            assert list(back.records(first, last)) == RECORDS[first - 1 : last]
            assert back.last_seq == LAST

    @pytest.mark.parametrize("kinds", [{"signal"}, {"day_rolled", "order_intent"}, KINDS, set()])
    def test_by_kind_in_the_order_of_numbers(self, path: Path, kinds: set[str]) -> None:
        wanted = [item for item in RECORDS if kind_of(item.event) in kinds]
        with StoredJournal(path) as back:
            assert list(back.records(kinds=kinds)) == wanted
            assert list(back.records(4, 12, kinds=kinds)) == [
                item for item in wanted if 4 <= item.seq <= 12
            ]

    def test_a_kind_that_there_is_not_is_a_mistake(self, path: Path) -> None:
        with (
            StoredJournal(path) as back,
            pytest.raises(ValueError, match="no kind of record 'signals'"),
        ):
            list(back.records(kinds={"signals"}))

    def test_the_rare_kinds_are_found_without_reading_the_frequent_ones(self, path: Path) -> None:
        """The plan of SQLite for it: their numbers from the index, then each record by number."""
        rare = KINDS - set(FREQUENT)
        with connected(path) as connection:
            plan = connection.execute(
                f"EXPLAIN QUERY PLAN SELECT payload FROM records WHERE {of_kinds(rare)} "  # noqa: S608
                "ORDER BY seq"
            ).fetchall()
        steps = " / ".join(row[3] for row in plan)
        assert "USING INTEGER PRIMARY KEY (rowid=?)" in steps
        assert "USING COVERING INDEX by_kind" in steps
        assert "SCAN records /" not in steps
        assert "TEMP B-TREE" not in steps

    def test_the_frequent_kinds_are_kinds(self) -> None:
        assert set(FREQUENT) < KINDS

    def test_a_row_listed_under_another_kind_is_damage(self, path: Path) -> None:
        spoil(path, "UPDATE records SET kind = 'signal' WHERE seq = 3")
        with (
            StoredJournal(path) as back,
            pytest.raises(JournalDamaged, match="record 3: it is listed as 'signal'"),
        ):
            list(back.records(kinds={"signal"}))
        with pytest.raises(JournalDamaged, match="record 3: it is listed as 'signal'"):
            read_back(path)
