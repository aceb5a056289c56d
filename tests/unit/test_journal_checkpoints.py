"""A long journal goes on after a look at what the session builds on, not at each of its ticks."""

# Statements hold numbers of this file only.
# ruff: noqa: S608

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from adapters.journal import StoredJournal
from adapters.journal.chain import Row
from adapters.journal.checking import Whole
from adapters.journal.store import Store
from engine import events as ev
from engine.journal import PAGE, JournalDamaged, row_of
from tests.journals import connected, spoil

LAST = 2 * PAGE + 1_000
_BLOCK = 1_000  # no divisor of a page, so that the end of a page lies within a commit
_RARE_EVERY = 500


def row(seq: int) -> Row:
    """A tick, or now and then a record that a session reads back."""
    item = ev.Record(seq, seq * 1_000, None, ev.Tick("EURUSD", 110_000 + seq % 97, 110_010))
    if seq % _RARE_EVERY == 0:
        event = ev.OrderCancelled(order_id=seq, reason="withdrawn")
        item = ev.Record(seq, seq * 1_000, None, event, {"note": f"about {seq}"})
    return row_of(item)


def write(store: Store, first: int, last: int) -> None:
    rows: Iterator[Row] = (row(seq) for seq in range(first, last + 1))
    while block := list(islice(rows, _BLOCK)):
        store.write(block)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sealed journal of more than two pages."""
    path = tmp_path_factory.mktemp("long") / "journal.sqlite"
    store = Store.create(path, power_safe=False)
    write(store, 1, LAST)
    store.seal()
    store.close()
    return path


@pytest.fixture
def path(long: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(long, tmp_path))


def checked(path: Path) -> Whole:
    with StoredJournal(path) as back:
        return back.check(decoding=False)


def checked_to_go_on(path: Path) -> Whole:
    with StoredJournal(path) as back:
        return back.check_to_go_on()


def test_both_looks_find_the_same(long: Path) -> None:
    whole, quick = checked(long), checked_to_go_on(long)
    assert (quick.records, quick.blocks, quick.sealed) == (LAST, whole.blocks, True)
    assert quick.chain.seal() == whole.chain.seal()


def test_a_checkpoint_stands_at_the_end_of_each_page_and_ends_a_block(long: Path) -> None:
    with connected(long) as connection:
        ends = connection.execute("SELECT last FROM checkpoints ORDER BY last").fetchall()
        blocks = set(connection.execute("SELECT last FROM blocks").fetchall())
    assert ends == [(PAGE,), (2 * PAGE,)]
    assert set(ends) < blocks


def test_a_journal_that_goes_on_past_a_checkpoint_is_the_one_written_at_once(
    path: Path, tmp_path: Path
) -> None:
    """Whichever way it was written: hash, chain and checkpoints are the same."""
    spoil(path, "DELETE FROM info")
    store = Store.reopen(path, power_safe=False)
    write(store, LAST + 1, 3 * PAGE + 10)
    store.close()
    other = tmp_path / "at-once.sqlite"
    store = Store.create(other, power_safe=False)
    write(store, 1, LAST)
    write(store, LAST + 1, 3 * PAGE + 10)
    store.close()
    assert checked(path).chain.seal() == checked(other).chain.seal()
    marks = []
    for file in (path, other):
        with connected(file) as connection:
            marks.append(connection.execute("SELECT * FROM checkpoints").fetchall())
    assert marks[0] == marks[1]
    assert len(marks[0]) == 3


def test_only_records_since_the_last_checkpoint_and_those_read_back_are_looked_at(
    path: Path,
) -> None:
    """An old tick is not; the whole check finds it."""
    spoil(path, "UPDATE records SET payload = x'00' WHERE seq = 7")
    assert checked_to_go_on(path).records == LAST
    with pytest.raises(JournalDamaged, match="block of records 1 to 1000 was changed"):
        checked(path)


OLD = "before the checkpoint after 65536; `butler journal verify` tells which"
DAMAGE = {
    "an old record's payload": (
        f"UPDATE records SET payload = x'00' WHERE seq = {_RARE_EVERY}",
        OLD,
    ),
    "an old record's about": (f"UPDATE records SET about = NULL WHERE seq = {_RARE_EVERY}", OLD),
    "an old record that is gone": (f"DELETE FROM records WHERE seq = {_RARE_EVERY}", OLD),
    "an old record that is called a tick": (
        f"UPDATE records SET kind = 'tick' WHERE seq = {_RARE_EVERY}",
        OLD,
    ),
    "an old tick that is called a signal": (
        "UPDATE records SET kind = 'signal' WHERE seq = 7",
        OLD,
    ),
    "a new tick": (
        f"UPDATE records SET payload = x'00' WHERE seq = {LAST}",
        "was changed",
    ),
    "a missing tick": (f"DELETE FROM records WHERE seq = {LAST - 5}", "is missing"),
    "a missing end": (f"DELETE FROM records WHERE seq > {2 * PAGE}", "is missing"),
    "the checkpoint's journal hash": (
        f"UPDATE checkpoints SET journal = zeroblob(32) WHERE last = {2 * PAGE}",
        f"checkpoint after {2 * PAGE} was changed",
    ),
    "the hash of what is read back": (
        f"UPDATE checkpoints SET read_back = zeroblob(32) WHERE last = {PAGE}",
        OLD,
    ),
    "the hash of what comes in masses": (
        f"UPDATE checkpoints SET frequent = zeroblob(32) WHERE last = {PAGE}",
        f"checkpoint after {PAGE} was changed",
    ),
    "the hash of what is beside the records": (
        f"UPDATE checkpoints SET about = zeroblob(32) WHERE last = {PAGE}",
        OLD,
    ),
    "a checkpoint that is gone": (
        f"DELETE FROM checkpoints WHERE last = {PAGE}",
        f"checkpoint after {PAGE} is missing",
    ),
    "the block at the checkpoint": (
        f"UPDATE blocks SET sha256 = zeroblob(32) WHERE last = {2 * PAGE}",
        "was changed",
    ),
    "the block at the checkpoint holds text": (
        f"UPDATE blocks SET sha256 = 'x' WHERE last = {2 * PAGE}",
        f"block that ends with {2 * PAGE} is missing",
    ),
    "the block at the checkpoint is gone": (
        f"DELETE FROM blocks WHERE last = {2 * PAGE}",
        f"block that ends with {2 * PAGE} is missing",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_of_what_a_session_builds_on_is_found_before_it_goes_on(
    path: Path, kind: str
) -> None:
    statement, message = DAMAGE[kind]
    spoil(path, statement)
    with pytest.raises(JournalDamaged, match=message):
        checked_to_go_on(path)
    with pytest.raises(JournalDamaged):
        checked(path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (f"DELETE FROM checkpoints WHERE last = {PAGE}", f"checkpoint after {PAGE} is missing"),
        (
            f"UPDATE checkpoints SET journal = zeroblob(32) WHERE last = {PAGE}",
            f"checkpoint after {PAGE} is missing or changed",
        ),
        (f"DELETE FROM checkpoints WHERE last = {2 * PAGE}", "is missing or changed"),
        (
            f"INSERT INTO checkpoints SELECT {3 * PAGE}, journal, read_back, frequent, about "
            "FROM checkpoints LIMIT 1",
            f"checkpoint after {3 * PAGE} is out of place",
        ),
    ],
)
def test_the_whole_check_looks_at_each_checkpoint(path: Path, statement: str, message: str) -> None:
    spoil(path, statement)
    with pytest.raises(JournalDamaged, match=message):
        checked(path)


def test_without_its_last_checkpoint_it_is_looked_at_from_the_one_before(path: Path) -> None:
    spoil(path, f"DELETE FROM checkpoints WHERE last = {2 * PAGE}")
    assert checked_to_go_on(path).records == LAST
    spoil(path, f"UPDATE records SET payload = x'00' WHERE seq = {PAGE + 7}")
    with pytest.raises(JournalDamaged, match="was changed"):
        checked_to_go_on(path)
