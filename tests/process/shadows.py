"""`butler shadow` on the paper account as a process of its own: started, awaited, killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters.bars import sample
from adapters.journal import StoredJournal
from engine import events as ev
from scripts.app.sessions.paper import LOGIN, SERVER
from tests import synthetic
from tests.commands import butler
from tests.process.cli import COMMAND, ROOT, SECONDS, environment

Arguments = tuple[object, ...]

PATIENCE = 5 * SECONDS
"""A deadline for a whole session, which is a hundred times as much work as another command."""


def sample_bars(folder: Path, first: int, end: int) -> Arguments:
    """The shipped sample's bars between two moments (server seconds), as an option."""
    table = pq.read_table(sample.SAMPLE)
    times = pc.cast(table["time"], "int64")
    part = table.filter(pc.and_(pc.greater_equal(times, first), pc.less(times, end)))
    path = folder / "EURUSD.parquet"
    pq.write_table(part, path)
    return ("--bars", f"EURUSD={path}")


def synthetic_bars(
    folder: Path, *symbols: str, seed: int, days: int, first: int = synthetic.SPRING
) -> Arguments:
    """Made-up bars of some symbols, as options."""
    made = synthetic.feed(seed, days=days, first=first)
    paths = {name: synthetic.write_parquet(made[name], folder / f"{name}.parquet") for name in made}
    return tuple(part for name in symbols for part in ("--bars", f"{name}={paths[name]}"))


def replayed(results: Path, bars: Arguments) -> str:
    """A replay of the bars; returns its session id."""
    said = butler("replay", *bars, "--results-dir", results, "--session-id", "replayed", "--quiet")
    assert said.code == 0, said
    return "replayed"


def assert_same_trades(results: Path, one: str, other: str, *, killed: bool = False) -> None:
    """`butler compare` finds no difference between two sessions.

    One that was `killed` has not seen the account meanwhile: its days and drawdown may differ,
    and then this is said.
    """
    said = butler("compare", one, other, "--results-dir", results, "--json")
    told = json.loads("\n".join(said.out))
    unseen = {"day", "drawdown"} if killed else set()
    found = [item for item in told["differences"] if item["aspect"] not in unseen]
    assert not found, found
    if told["differences"]:
        reasons = told["may_differ_because"]
        assert any(reason.startswith("resumed: ") for reason in reasons), reasons


@contextmanager
def shadow_process(results: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """`butler shadow` on PAPER; killed at the end if it still runs."""
    command = [
        *COMMAND, "shadow", "--account-profile", "PAPER", "--no-view",
        "--results-dir", str(results), *map(str, arguments),
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def finished(results: Path, *arguments: object, seconds: float = PATIENCE) -> tuple[int, str]:
    """`butler shadow` to its end: its exit code and what it said on stderr."""
    with shadow_process(results, *arguments) as process:
        _, said = process.communicate(timeout=seconds)
    return process.returncode, said


def played(results: Path, *arguments: object) -> tuple[int, str]:
    """As `finished`, in this process: for what does not depend on having one of its own."""
    said = butler(
        "shadow", "--account-profile", "PAPER", "--no-view", "--results-dir", results, *arguments
    )
    return said.code, "\n".join(said.err)


def books_of(results: Path, session: str, how: str) -> Path:
    """Where PAPER's market keeps its time: a dry session's own, or the account's (`how`)."""
    if how == "--dry-run":
        return results / "sessions" / session / "paper_market.json"
    return results / "accounts" / f"{SERVER.lower()}-{LOGIN}" / "paper_account.json"


def kill_at(
    process: subprocess.Popen[str], books: Path, moment: int, journal: Path | None = None
) -> None:
    """Kill a session in lockstep once its market's clock shows `moment` (server seconds).

    Its `journal` lies beside its market's books unless that is given.

    Where processes can be stopped, not while an order is under way: its outcome would be unknown,
    and trading latched until the user has looked (`tests/deep/test_kill_engine.py` kills there).
    """
    wait_until(process, books, moment)
    while hasattr(signal, "SIGSTOP"):
        process.send_signal(signal.SIGSTOP)
        if not _under_way(journal or books.parent / "journal.sqlite"):
            break
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    assert process.poll() is None, "it played to its end before it could be killed: give it days"
    process.kill()
    process.communicate()


def _under_way(journal: Path) -> bool:
    """Whether the journal has an order submitted whose reply it has not."""
    with StoredJournal(journal) as stored:
        told = [
            record.event for record in stored.records(kinds={"order_submitted", "venue_replied"})
        ]
    return bool(told) and isinstance(told[-1], ev.OrderSubmitted)


def wait_until(process: subprocess.Popen[str], books: Path, moment: int) -> None:
    """Return once the market whose `books` these are has come to `moment` (server seconds)."""
    deadline = time.monotonic() + PATIENCE
    while _now(books) < moment * 1000:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"the market never came to {moment}"
        time.sleep(0.02)


def _now(books: Path) -> int:
    try:
        return int(json.loads(books.read_bytes())["now"])
    except FileNotFoundError:
        return 0


def moments(rng: np.random.Generator, first: int, end: int, count: int) -> list[int]:
    """Seeded moments between two, in order."""
    return sorted(int(moment) for moment in rng.integers(first, end, count))
