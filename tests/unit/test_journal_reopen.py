"""A journal that is continued: after its end, from an older version, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.journal import SCHEMA_VERSION, SqliteJournal, StoredJournal
from adapters.journal.lock import JournalLock
from engine import events as ev
from engine.journal import JournalDamaged, JournalFailed
from tests.journals import RECORDS, contents, hash_of, read_back, record, spoil, stored, unseal

pytestmark = pytest.mark.asyncio

NEXT = len(RECORDS) + 1
MORE = [record(seq) for seq in range(NEXT, NEXT + 5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


async def reopened(path: Path) -> SqliteJournal:
    return await SqliteJournal.reopen(path, power_safe=True)


async def continued(path: Path, records: list[ev.Record]) -> None:
    journal = await reopened(path)
    for item in records:
        journal.append(item)
    await journal.close()


def is_whole(path: Path, records: list[ev.Record], *, sealed: bool = True) -> None:
    """The journal holds exactly `records`, in a chain that fits, with the seal it should have."""
    assert read_back(path) == records
    with StoredJournal(path) as back:
        whole = back.check()
        assert (whole.records, whole.sealed) == (len(records), sealed)
        assert whole.chain.hexdigest == back.hexdigest() == hash_of(records)
        assert back.sealed_hash() == (hash_of(records) if sealed else None)


class TestGoingOn:
    @pytest.mark.parametrize("per_commit", [1, 3, 512])
    async def test_a_sealed_journal_goes_on_where_it_ended(
        self, path: Path, per_commit: int
    ) -> None:
        await stored(path, RECORDS, per_commit=per_commit)
        await continued(path, MORE)
        is_whole(path, RECORDS + MORE)

    async def test_one_without_a_seal_goes_on_too(self, path: Path) -> None:
        unseal(await stored(path, RECORDS, per_commit=4))
        await continued(path, MORE)
        is_whole(path, RECORDS + MORE)

    async def test_again_and_again(self, path: Path) -> None:
        await stored(path, RECORDS)
        for item in MORE:
            await continued(path, [item])
        is_whole(path, RECORDS + MORE)

    async def test_it_knows_its_last_record_and_hash(self, path: Path) -> None:
        await stored(path, RECORDS)
        journal = await reopened(path)
        assert (journal.last_seq, journal.hexdigest) == (len(RECORDS), hash_of(RECORDS))
        journal.append(MORE[0])
        assert journal.last_seq == NEXT
        await journal.close()

    async def test_what_was_stored_before_is_durable_at_once(self, path: Path) -> None:
        await stored(path, RECORDS)
        journal = await reopened(path)
        await journal.durable(len(RECORDS))
        await journal.close()

    async def test_an_empty_journal_goes_on_with_record_1(self, path: Path) -> None:
        await stored(path, [])
        await continued(path, RECORDS)
        is_whole(path, RECORDS)

    async def test_nothing_added_leaves_the_same_records_sealed(self, path: Path) -> None:
        unseal(await stored(path, RECORDS))
        await continued(path, [])
        is_whole(path, RECORDS)

    async def test_it_is_unsealed_from_the_first_new_record_on(self, path: Path) -> None:
        await stored(path, RECORDS)
        journal = await reopened(path)
        is_whole(path, RECORDS)
        journal.append(MORE[0])
        await journal.durable(NEXT)
        is_whole(path, [*RECORDS, MORE[0]], sealed=False)
        await journal.close()
        is_whole(path, [*RECORDS, MORE[0]])

    @pytest.mark.parametrize("seq", [1, NEXT - 1, NEXT + 1])
    async def test_only_the_next_number_is_taken(self, path: Path, seq: int) -> None:
        await stored(path, RECORDS)
        journal = await reopened(path)
        with pytest.raises(JournalFailed, match=f"record {seq} after {NEXT - 1}"):
            journal.append(record(seq))
        journal.append(record(NEXT))
        await journal.close()
        is_whole(path, [*RECORDS, record(NEXT)])

    async def test_closing_leaves_one_file(self, path: Path) -> None:
        await stored(path, RECORDS)
        await continued(path, MORE)
        assert list(contents(path.parent)) == [path.name]


@pytest.mark.parametrize("version", [1, 4])
async def test_a_file_from_before_the_first_release_is_refused_and_left_alone(
    path: Path, version: int
) -> None:
    """It says what to do; nothing of it is read by the rules of another version."""
    await stored(path, RECORDS)
    spoil(path, f"PRAGMA user_version = {version}")
    before = contents(path.parent)
    with pytest.raises(JournalDamaged, match=f"version {version} is from before the first release"):
        await reopened(path)
    assert contents(path.parent) == before


DAMAGE = {
    "a payload": "UPDATE records SET payload = CAST(replace(payload, 'tag', 'gat') AS BLOB)",
    "an about": "UPDATE records SET about = CAST('{}' AS BLOB) WHERE seq = 3",
    "a record": "DELETE FROM records WHERE seq = 3",
    "the tail": "DELETE FROM records WHERE seq = 19",
    "a block": "DELETE FROM blocks WHERE first = 4",
    "the version": f"PRAGMA user_version = {SCHEMA_VERSION + 1}",
}


class TestRefusing:
    @pytest.mark.parametrize("sealed", [True, False])
    @pytest.mark.parametrize("kind", DAMAGE)
    async def test_a_damaged_journal_is_refused_and_left_as_it_is(
        self, path: Path, kind: str, sealed: bool
    ) -> None:
        await stored(path, RECORDS, per_commit=3)
        if not sealed:
            unseal(path)
        spoil(path, DAMAGE[kind])
        before = contents(path.parent)
        with pytest.raises(JournalDamaged) as caught:
            await reopened(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert contents(path.parent) == before

    async def test_no_journal(self, path: Path) -> None:
        with pytest.raises(JournalDamaged, match="there is no journal here"):
            await reopened(path)
        assert contents(path.parent) == {}

    async def test_one_that_is_being_written(self, path: Path) -> None:
        journal = SqliteJournal(path, power_safe=False)
        journal.append(record(1))
        await journal.durable(1)
        with pytest.raises(JournalFailed, match="another process is writing to it; wait"):
            await reopened(path)
        journal.append(record(2))
        await journal.close()
        is_whole(path, [record(1), record(2)])
        await continued(path, [record(3)])

    async def test_one_that_was_reopened(self, path: Path) -> None:
        await stored(path, RECORDS)
        journal = await reopened(path)
        with pytest.raises(JournalFailed, match="another process is writing to it"):
            await reopened(path)
        await journal.close()

    async def test_a_refused_journal_is_free_again(self, path: Path) -> None:
        await stored(path, RECORDS)
        spoil(path, "UPDATE blocks SET first = 2")
        for _ in range(2):
            with pytest.raises(JournalDamaged):
                await reopened(path)
        spoil(path, "UPDATE blocks SET first = 1")
        await continued(path, MORE)


class TestLock:
    async def test_one_holder_at_a_time(self, path: Path) -> None:
        first = JournalLock(path)
        with pytest.raises(JournalFailed, match="another process"):
            JournalLock(path)
        first.release()
        JournalLock(path).release()
        assert contents(path.parent) == {}

    async def test_a_file_left_by_a_killed_process_is_no_lock(self, path: Path) -> None:
        path.with_name("journal.sqlite-lock").touch()
        JournalLock(path).release()
