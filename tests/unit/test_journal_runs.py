"""Many records committed at once are one row; nobody who reads the journal can tell."""

# Statements hold numbers of this file only.
# ruff: noqa: S608

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.journal import SqliteJournal, StoredJournal
from adapters.journal.chain import Chain, Row
from adapters.journal.kinds import SEVERAL
from adapters.journal.runs import LONGEST, SHORTEST, RecordBuffer, unpacked
from adapters.journal.store import Store
from engine import events as ev
from engine.journal import FREQUENT, KINDS, PAGE, JournalDamaged, JournalFailed, JournalHash, row_of
from tests.journals import connected, hash_of, read_back, record, spoil

RUN = SHORTEST + 36
FIRST, LAST = 4, 3 + RUN
"""The run in `RECORDS`, between what has an `metadata`, ticks and a short commit."""


def tick(seq: int) -> ev.Record:
    return ev.Record(seq, seq, None, ev.Tick("EURUSD", 110_000 + seq, 110_010 + seq))


def told(seq: int) -> ev.Record:
    event = ev.DayRolled(
        date="2025-01-07", day_start=1, floor=1.0, account=ev.Account(balance=1, equity=1)
    )
    return ev.Record(seq, seq, ("EURUSD", seq), event, {"note": "two\nlines"})


RECORDS = [
    told(1), tick(2), tick(3),
    *map(record, range(FIRST, LAST + 1)),
    told(LAST + 1), record(LAST + 2), tick(LAST + 3),
]  # fmt: skip


def rows_of(records: Iterable[ev.Record], *, together: bool = False) -> list[Row]:
    """The rows of one commit."""
    records = list(records)
    collected = RecordBuffer("journal", records[0].seq - 1, together=together)
    for count, item in enumerate(records):
        assert len(collected) == count
        collected.append(item)
    return collected.take()


def written(path: Path, *commits: Sequence[ev.Record]) -> Path:
    """A sealed journal of these commits."""
    store = Store.create(path, power_safe=False)
    for records in commits:
        store.write(rows_of(records))
    store.seal()
    store.close()
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "journal.sqlite", RECORDS, [record(len(RECORDS) + 1)])


ALL = [*RECORDS, record(len(RECORDS) + 1)]


def rows_in(path: Path) -> list[tuple[int, str]]:
    with connected(path) as connection:
        return connection.execute("SELECT seq, kind FROM records ORDER BY seq").fetchall()


def test_a_long_run_is_one_row_and_all_else_rows_of_their_own(path: Path) -> None:
    """What says something about itself, and ticks, are found by their own rows."""
    assert rows_in(path) == [
        (1, "day_rolled"), (2, "tick"), (3, "tick"),
        (LAST, SEVERAL),
        (LAST + 1, "day_rolled"), (LAST + 2, "order_cancelled"), (LAST + 3, "tick"),
        (LAST + 4, "order_cancelled"),
    ]  # fmt: skip
    assert SEVERAL not in KINDS


@pytest.mark.parametrize(
    ("count", "rows"),
    [(SHORTEST - 1, SHORTEST - 1), (SHORTEST, 1), (LONGEST, 1), (LONGEST + 1, 2)],
)
def test_how_long_a_run_is(tmp_path: Path, count: int, rows: int) -> None:
    records = [record(seq) for seq in range(1, count + 1)]
    path = written(tmp_path / "journal.sqlite", records)
    assert len(rows_in(path)) == rows
    assert read_back(path) == records


def test_it_has_the_records_and_the_hash_of_one_with_a_row_each(path: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "one-by-one.sqlite", *([item] for item in ALL))
    assert read_back(path) == read_back(other) == ALL
    with StoredJournal(path) as one, StoredJournal(other) as two:
        assert list(one.payloads()) == list(two.payloads())
        assert one.sealed_hash() == two.sealed_hash() == hash_of(ALL) == one.hexdigest()
        whole = one.check()
    assert (whole.records, whole.blocks, whole.sealed) == (len(ALL), 2, True)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (1, FIRST - 1), (1, FIRST), (FIRST, FIRST), (FIRST + 5, FIRST + 7), (LAST, LAST),
        (LAST - 1, LAST + 2), (FIRST + 5, None), (LAST + 1, None), (LAST + 9, None),
    ],
)  # fmt: skip
def test_a_part_of_it_may_begin_and_end_within_a_run(
    path: Path, first: int, last: int | None
) -> None:
    with StoredJournal(path) as back:
        assert list(back.records(first, last)) == ALL[first - 1 : last]
        assert back.last_seq == len(ALL)


@pytest.mark.parametrize("kinds", [{"order_cancelled"}, {"tick"}, {"signal"}, KINDS - {"tick"}])
def test_kinds_are_chosen_within_a_run(path: Path, kinds: set[str]) -> None:
    wanted = [item for item in ALL if row_of(item)[3] in kinds]
    with StoredJournal(path) as back:
        assert list(back.records(kinds=kinds)) == wanted
        assert list(back.records(FIRST + 9, LAST + 2, kinds=kinds)) == [
            item for item in wanted if FIRST + 9 <= item.seq <= LAST + 2
        ]


def test_no_run_goes_past_the_end_of_a_page(tmp_path: Path) -> None:
    """A checkpoint stands there, and a session goes on from it."""
    records = [record(seq) for seq in range(1, PAGE + 500)]
    path = written(tmp_path / "journal.sqlite", records[: PAGE - 100], records[PAGE - 100 :])
    assert (PAGE, SEVERAL) in rows_in(path)
    store = Store.reopen(path, power_safe=False)
    store.write(rows_of(record(seq) for seq in range(PAGE + 500, PAGE + 1_000)))
    store.seal()
    store.close()
    with StoredJournal(path) as back:
        assert back.check().records == back.check_to_go_on().records == PAGE + 999
        assert [item.seq for item in back.records(PAGE - 1, PAGE + 1)] == [PAGE - 1, PAGE, PAGE + 1]
        assert back.sealed_hash() == hash_of(record(seq) for seq in range(1, PAGE + 1_000))


THE_RUN = f"WHERE seq = {LAST}"
CHANGES = {
    "a changed record": (
        f"UPDATE records SET payload = CAST(replace(payload, 'draw', 'ward') AS BLOB) {THE_RUN}",
        "block of records 1 to .* was changed",
    ),
    "a lost first record": (
        f"UPDATE records SET payload = substr(payload, instr(payload, x'0A') + 1) {THE_RUN}",
        f"record {FIRST} is missing",
    ),
    "a lost last record": (
        f"UPDATE records SET seq = seq - 1 {THE_RUN}",
        f"record {FIRST} is missing",
    ),
    "a lost row": (f"DELETE FROM records {THE_RUN}", f"record {FIRST} is missing"),
    "listed as a record": (
        f"UPDATE records SET kind = 'signal' {THE_RUN}",
        f"record {FIRST} is missing",
    ),
    "a payload of another type": (f"UPDATE records SET payload = 5 {THE_RUN}", "is missing"),
}


@pytest.mark.parametrize(
    ("last", "count"), [(LONGEST + 1, LONGEST + 1), (SHORTEST + 1, SHORTEST + 2)]
)
def test_a_run_that_is_too_long_or_too_far_is_refused(
    tmp_path: Path, last: int, count: int
) -> None:
    """Who looks for a record reads no further than a run can reach."""
    store = Store.create(tmp_path / "journal.sqlite", power_safe=False)
    lines = b"\n".join(row_of(record(seq))[1] for seq in range(1, count + 1))
    store.write([(count, lines, None, SEVERAL)])
    store.close()
    spoil(tmp_path / "journal.sqlite", f"UPDATE blocks SET last = {last}")
    with (
        StoredJournal(tmp_path / "journal.sqlite") as back,
        pytest.raises(JournalDamaged, match=f"the run of records 1 to {count} is out of place"),
    ):
        back.check()


@pytest.mark.parametrize("kind", CHANGES)
def test_damage_to_a_run_is_found(path: Path, kind: str) -> None:
    statement, message = CHANGES[kind]
    spoil(path, statement)
    with StoredJournal(path) as back, pytest.raises(JournalDamaged, match=message) as caught:
        back.check()
    assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(JournalDamaged):
        Store.reopen(path, power_safe=False)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"[6]", "record 6: not a journal record"),
        (row_of(record(7))[1], "record 6: its payload is that of record 7"),
    ],
)
def test_a_record_of_a_run_that_nobody_can_read_is_named(
    tmp_path: Path, payload: bytes, message: str
) -> None:
    """Even where the chain was forged to fit it."""
    lines = [row_of(record(seq))[1] for seq in range(1, SHORTEST + 1)]
    lines[5] = payload
    store = Store.create(tmp_path / "journal.sqlite", power_safe=False)
    store.write([(SHORTEST, b"\n".join(lines), None, SEVERAL)])
    store.close()
    with StoredJournal(tmp_path / "journal.sqlite") as back:
        with pytest.raises(JournalDamaged, match=message):
            back.check()
        with pytest.raises(JournalDamaged, match=message):
            list(back.records())


def test_a_record_that_cannot_be_encoded_leaves_the_others_as_they_are() -> None:
    good = [record(seq) for seq in range(1, SHORTEST + 1)]
    collected = RecordBuffer("journal", 0)
    for item in good[:-1]:
        collected.append(item)
    bad = ev.OrderCancelled(order_id=1, reason="half a character: \ud800")
    for metadata in (None, {"note": 1}):
        with pytest.raises(UnicodeEncodeError):
            collected.append(ev.Record(SHORTEST, 1, None, bad, metadata))
        assert len(collected) == SHORTEST - 1
    collected.append(good[-1])
    assert collected.take() == rows_of(good)
    assert collected.take() == []


def test_one_that_a_run_encoded_at_once_cannot_hold_ends_the_store_and_is_named() -> None:
    """What was taken before the run stays; nothing is taken after it, nor committed without it."""
    collected = RecordBuffer("here", 0, together=True)
    collected.append(told(1))
    collected.append(record(2))
    bad = ev.OrderCancelled(order_id=1, reason="half a character: \ud800")
    collected.append(ev.Record(3, 1, None, bad))
    message = r"here: record 3 \(order_cancelled\) cannot be encoded: .*surrogates"
    with pytest.raises(JournalFailed, match=message):
        collected.take()
    with pytest.raises(JournalFailed, match=message):
        collected.append(record(4))
    assert collected.take() == rows_of([told(1)])


def test_a_replays_journal_that_lacks_a_record_is_never_sealed(tmp_path: Path) -> None:
    async def play() -> None:
        journal = SqliteJournal(tmp_path / "journal.sqlite", power_safe=False)
        journal.append(told(1))
        journal.append(ev.Record(2, 1, None, ev.OrderCancelled(order_id=1, reason="\ud800")))
        with pytest.raises(JournalFailed, match="record 2"):
            await journal.durable(2)
        with pytest.raises(JournalFailed, match="record 2"):
            await journal.close()

    asyncio.run(play())
    with StoredJournal(tmp_path / "journal.sqlite") as stored:
        assert stored.last_seq == 1
        assert stored.sealed_hash() is None


def test_records_are_taken_in_their_order_and_none_after_a_failure() -> None:
    collected = RecordBuffer("here", 4)
    with pytest.raises(JournalFailed, match="here: record 6 after 4"):
        collected.append(record(6))
    collected.append(record(5))
    collected.failure = JournalFailed("here: the disk is full")
    with pytest.raises(JournalFailed, match="here: the disk is full"):
        collected.append(record(6))
    assert collected.last_seq == 5


@st.composite
def commits(draw: st.DrawFn) -> list[list[ev.Record]]:
    """Records of every sort in commits of every length."""
    made, records = [], 0
    for count in draw(st.lists(st.integers(1, 3 * SHORTEST), min_size=1, max_size=4)):
        sort = draw(st.sampled_from([record, tick, told]))
        odd = draw(st.none() | st.integers(0, count - 1))
        batch = []
        for place in range(count):
            records += 1
            batch.append((told if place == odd else sort)(records))
        made.append(batch)
    return made


@given(commits())
def test_rows_hold_what_was_put_into_them(batches: list[list[ev.Record]]) -> None:
    """Whatever runs were made: the same records in the same order, and the same journal hash.

    Encoded one by one or a run at once, rows are the same.
    """
    chain, plain = Chain(), Chain()
    for batch in batches:
        records, rows = [row_of(item) for item in batch], rows_of(batch)
        assert rows == rows_of(batch, together=True)
        back = [own for row in rows for own in unpacked(row)]
        assert [own[:3] for own in back] == [own[:3] for own in records]
        assert all(kind in (None, own[3]) for (*_, kind), own in zip(back, records, strict=True))
        assert all(row[2] is None for row in rows if row[3] == SEVERAL)
        assert not any(own[3] is None and b'"tick"' in own[1] for own in back)
        chain.extend(rows)
        plain.extend(records)
    assert chain.hexdigest == plain.hexdigest
    assert "tick" in FREQUENT


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=5), st.integers(1, 40))
def test_the_chain_takes_lines_at_once_as_one_by_one(counts: list[int], page: int) -> None:
    at_once, one_by_one, seq = JournalHash(page=page), JournalHash(page=page), 0
    for count in counts:
        payloads = [b"%d" % number for number in range(seq, seq + count)]
        seq += count
        for first in range(0, count, page):
            part = payloads[first : first + page]
            ends = page - (seq - count + first) % page
            for some in (part[:ends], part[ends:]):
                at_once.take(b"".join(line + b"\n" for line in some), b"", len(some))
        one_by_one.update((payload, "signal") for payload in payloads)
    assert at_once.hexdigest() == one_by_one.hexdigest()
