"""`python -m tests.bench journal [RECORDS]`: the journal's speed, size and time to read back.

RECORDS is the length of the long journal, 5,000,000 by default: what 60 days of one liquid symbol's
ticks come to. One record in fifty is of another kind; they are what a recovery reads.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from adapters.journal import SqliteJournal, StoredJournal
from adapters.journal.chain import Row
from adapters.journal.store import Store
from engine import events as ev
from engine.journal import FREQUENT, KINDS, encode, kind_of
from tests.bench.machine import machine
from tests.builders import ONE_OF_EACH

DAYS = 60
LONG = 5_000_000
ONE_OTHER_IN = 50
BATCHED = 200_000
DURABLE = 300
FIRST_MOMENT = 1_736_251_200_000


def main() -> None:
    records = int(sys.argv[1]) if len(sys.argv) > 1 else LONG
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        print(machine())
        print("\nwriting, with the disk under the temporary folder")
        print(f"  batched                       {batched(folder):10,.0f} records/s")
        middle, worst = durable(folder)
        print(f"  one by one, each durable      {1 / middle:10,.0f} records/s")
        print(
            f"    a confirmation: median {middle * 1e3:.2f} ms, 99th percentile {worst * 1e3:.2f}"
        )
        long_journal(folder / "long.sqlite", records)


def mixed(count: int) -> Iterator[ev.Record]:
    """Records of every kind, the SessionStarted aside, which a session has once."""
    events = ONE_OF_EACH[1:]
    for seq in range(1, count + 1):
        event = events[seq % len(events)]
        yield ev.Record(seq, FIRST_MOMENT + seq * 1_000, ("EURUSD", FIRST_MOMENT), event)


def batched(folder: Path) -> float:
    """Records a second as a replay writes them, from the first append to the sealed file."""

    async def run() -> float:
        records = list(mixed(BATCHED))
        begun = time.perf_counter()
        journal = SqliteJournal(folder / "batched.sqlite", power_safe=False)
        for record in records:
            journal.append(record)
            if record.seq % 64 == 0:
                await journal.room()
        await journal.close()
        return BATCHED / (time.perf_counter() - begun)

    return asyncio.run(run())


def durable(folder: Path) -> tuple[float, float]:
    """Median and 99th percentile of the seconds until a single record is confirmed."""

    async def run() -> list[float]:
        journal = SqliteJournal(folder / "durable.sqlite", power_safe=True)
        taken = []
        for record in mixed(DURABLE):
            begun = time.perf_counter()
            journal.append(record)
            await journal.durable(record.seq)
            taken.append(time.perf_counter() - begun)
        await journal.close()
        return taken

    taken = asyncio.run(run())
    return statistics.median(taken), statistics.quantiles(taken, n=100)[-1]


def long_journal(path: Path, records: int) -> None:
    """Write a long journal in blocks of a few records, as a live session does, and read it."""
    print(f"\na journal of {records:,} records, one in {ONE_OTHER_IN} no tick")
    store = Store.create(path, power_safe=False)
    rows = long_rows(records)
    seconds = timed(lambda: write(store, rows))
    store.close()
    size = path.stat().st_size
    print(f"  written in blocks of 64       {records / seconds:10,.0f} records/s")
    print(f"  size                          {size / 2**20:10,.0f} MiB")
    print(f"  a record                      {size / records:10,.0f} bytes")
    print(f"  one of {DAYS} days                {size / DAYS / 2**20:10,.1f} MiB")
    with StoredJournal(path) as back:
        kinds = KINDS - set(FREQUENT)
        report("read back all but the ticks", lambda: drain(back.records(kinds=kinds)))
        report("compare it with its chain", lambda: back.check(decoding=False))
    report("reopen it, to go on", lambda: Store.reopen(path, power_safe=True).close())


def long_rows(records: int) -> Iterator[Row]:
    """Rows as they are stored."""
    others = [event for event in ONE_OF_EACH if kind_of(event) not in FREQUENT]
    for seq in range(1, records + 1):
        event: ev.Event | ev.Input
        if seq % ONE_OTHER_IN == 1:
            event = others[seq // ONE_OTHER_IN % len(others)]
        else:
            event = ev.Tick("EURUSD", 110_000 + seq % 977, 110_010 + seq % 977)
        record = ev.Record(seq, FIRST_MOMENT + seq * 1_037, None, event)
        yield seq, encode(record), None, kind_of(event)


def write(store: Store, rows: Iterator[Row]) -> None:
    while block := list(islice(rows, 64)):
        store.write(block)
    store.seal()


def drain(records: Iterable[object]) -> None:
    for _ in records:
        pass


def report(what: str, work: Callable[[], object]) -> None:
    print(f"  {what:<34} {timed(work):6.2f} s")


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
