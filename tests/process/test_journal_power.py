"""Power cuts: what `durable` confirmed is on the disk, and without synchronisation it is not.

That a killed process loses nothing proves nothing about power: the system still has its writes.
So a real writer's system calls are observed, and the disk is put together as it would be had the
power gone at each of them; see `tests.process.power`. The second half needs no such tool and cuts
the write-ahead log at the length that it had when a record was confirmed.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import anyio
import anyio.to_thread
import pytest

from adapters.journal import SqliteJournal, StoredJournal
from adapters.journal.store import Store
from engine.journal import JournalDamaged
from tests.journals import contents, read_back, stored, unseal
from tests.process import journal_main
from tests.process.power import Call, Disk, observed, why_not_observed

RECORDS = 9
SEED = 20250107

Cut = Callable[[Disk], dict[str, bytes]]


def synchronised_only(disk: Disk) -> dict[str, bytes]:
    return disk.after_power_cut(None)


def at_random(seed: int) -> Cut:
    chance = Random(seed)  # noqa: S311  # a test's variety, no secret
    return lambda disk: disk.after_power_cut(chance)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("power")
    if why := why_not_observed(folder):
        pytest.skip(why)
    return folder


@dataclass(frozen=True)
class Observed:
    """What a writer did to its folder, which held `before` with so many records confirmed."""

    folder: Path
    before: dict[str, bytes]
    confirmed: int
    calls: list[Call]


def observe(folder: Path, *words: str, old: int = 0) -> Observed:
    """A writer in a process of its own, on a journal that has `old` records already."""
    folder.mkdir()
    path = folder / "journal.sqlite"
    if "reopen" in words:
        records = [journal_main.record(seq) for seq in range(1, old + 1)]
        unseal(asyncio.run(stored(path, records, power_safe=True)))
    before = contents(folder)
    trace = folder.with_suffix(".trace")
    calls = observed(trace, "tests.process.journal_main", path, RECORDS, *words)
    return Observed(folder, before, old, calls)


@pytest.fixture(scope="module")
def synchronised(scratch: Path) -> Observed:
    return observe(scratch / "synchronised", "power-safe")


@pytest.fixture(scope="module")
def reopened(scratch: Path) -> Observed:
    """A journal that a process left behind is continued."""
    return observe(scratch / "reopened", "power-safe", "reopen", old=4)


@pytest.fixture(scope="module")
def unsynchronised(scratch: Path) -> Observed:
    return observe(scratch / "unsynchronised")


def losses(seen: Observed, cut: Cut, tmp_path: Path) -> list[str]:
    """Each moment at which the power could go so that a confirmed record is not read back."""
    disk, confirmed, found = Disk(seen.folder, seen.before), seen.confirmed, []
    for number, call in enumerate(seen.calls):
        if call.path == "stdout":
            word, _, count = call.data.decode().partition(" ")
            confirmed = int(count) if word == "durable" else confirmed
        else:
            disk.apply(call)
        if confirmed and (missing := lost(cut(disk), confirmed, tmp_path / str(number))):
            found.append(f"after call {number} ({call.name} {call.path}): {missing}")
    assert confirmed == RECORDS
    return found


def lost(image: dict[str, bytes], confirmed: int, folder: Path) -> str | None:
    """What a session that is resumed on `image` would miss of the `confirmed` records."""
    folder.mkdir()
    for name, content in image.items():
        (folder / name).write_bytes(content)
    path = folder / "journal.sqlite"
    try:
        if path.with_name("journal.sqlite-journal").exists():
            Store.reopen(path, power_safe=False).close()  # as recovery does; a reader may not
        records = read_back(path)
        with StoredJournal(path) as back:
            back.check()
    except JournalDamaged as error:
        return str(error)
    finally:
        shutil.rmtree(folder)
    if len(records) < confirmed:
        return f"{len(records)} of {confirmed} records"
    assert records == [journal_main.record(seq) for seq in range(1, len(records) + 1)]
    return None


CUTS: dict[str, Callable[[], Cut]] = {
    "only what was synchronised": lambda: synchronised_only,
    "some of the rest, torn or zeroed": lambda: at_random(1),
    "others of the rest": lambda: at_random(2),
    "everything (a killed process)": lambda: Disk.after_kill,
}


def cuts(*by_default: str) -> list[Any]:
    """All cuts; those not named only run with --deep."""
    return [
        pytest.param(kind, marks=() if kind in by_default else pytest.mark.deep) for kind in CUTS
    ]


@pytest.mark.parametrize("cut", cuts(*list(CUTS)[:2]))
def test_whatever_is_left_every_confirmed_record_is_read_back(
    synchronised: Observed, cut: str, tmp_path: Path
) -> None:
    assert losses(synchronised, CUTS[cut](), tmp_path) == []


@pytest.mark.parametrize("cut", cuts(*list(CUTS)[:1]))
def test_no_record_is_lost_while_an_old_journal_is_brought_to_today_and_continued(
    reopened: Observed, cut: str, tmp_path: Path
) -> None:
    assert losses(reopened, CUTS[cut](), tmp_path) == []


def test_without_synchronisation_a_power_cut_loses_confirmed_records(
    unsynchronised: Observed, tmp_path: Path
) -> None:
    """The same check, on a journal that need not be power-safe: so the check can fail."""
    found = losses(unsynchronised, synchronised_only, tmp_path)
    assert len(found) > RECORDS // journal_main.EVERY


def test_without_synchronisation_a_killed_process_loses_nothing(
    unsynchronised: Observed, tmp_path: Path
) -> None:
    assert losses(unsynchronised, Disk.after_kill, tmp_path) == []


def test_every_confirmation_follows_a_synchronisation_of_what_was_written(
    synchronised: Observed, unsynchronised: Observed
) -> None:
    """Between a record's write and the word that it is durable; never without `power_safe`."""
    assert unconfirmed_writes(synchronised.calls) == [0, 0, 0]
    assert all(count > 0 for count in unconfirmed_writes(unsynchronised.calls))


def unconfirmed_writes(calls: list[Call]) -> list[int]:
    """How many writes to the write-ahead log were not synchronised at each confirmation."""
    counts, waiting = [], 0
    for call in calls:
        if call.path.endswith("-wal"):
            waiting = waiting + 1 if call.name == "pwrite64" else 0
        elif call.path == "stdout" and call.data.startswith(b"durable"):
            counts.append(waiting)
    return counts


Tail = Callable[[bytes], bytes]

TAILS: dict[str, Tail] = {
    "cut off there": lambda tail: tail[:0],
    "zeros behind it": lambda tail: bytes(len(tail) + 4096),
    "garbage behind it": lambda tail: Random(SEED).randbytes(len(tail) + 4096),  # noqa: S311
    "half of what came later": lambda tail: tail[: len(tail) // 2],
    "what came later, its first byte changed": lambda tail: b"\x55" + tail[1:],
}


@pytest.mark.parametrize("kind", TAILS)
def test_the_log_as_long_as_it_was_at_a_confirmation_holds_what_was_confirmed(
    kind: str, tmp_path: Path
) -> None:
    """Whatever stands behind it does no harm; on every system, without observing the disk."""
    path = tmp_path / "journal.sqlite"
    sizes = anyio.run(sizes_at_confirmations, path, 6)
    log = (tmp_path / "kept-wal").read_bytes()
    for seq, size in sizes.items():
        cut = tmp_path / str(seq) / "journal.sqlite"
        cut.parent.mkdir()
        shutil.copy(tmp_path / "kept", cut)
        cut.with_name("journal.sqlite-wal").write_bytes(log[:size] + TAILS[kind](log[size:]))
        records = read_back(cut)
        assert records == [journal_main.record(number) for number in range(1, len(records) + 1)]
        assert len(records) >= seq


async def sizes_at_confirmations(path: Path, last: int) -> dict[int, int]:
    """How long the write-ahead log was when each record was durable; leaves copies as `kept`."""
    journal, found = SqliteJournal(path, power_safe=True), {}
    log = path.with_name("journal.sqlite-wal")
    for seq in range(1, last + 1):
        journal.append(journal_main.record(seq))
        await journal.durable(seq)
        found[seq] = log.stat().st_size
    await anyio.to_thread.run_sync(shutil.copy, path, path.with_name("kept"))
    await anyio.to_thread.run_sync(shutil.copy, log, path.with_name("kept-wal"))
    await journal.close()
    return found
