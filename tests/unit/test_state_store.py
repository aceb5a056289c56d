"""The account's store: kept across sessions and crashes, refused when it cannot be trusted."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from adapters.state.damage import set_aside
from adapters.state.errors import StateFailed
from adapters.state.store import FILE, AccountHalt, AccountStore, SessionRow
from engine.account.history import HistoryDeal, Observation, PastOrder

DEAL = HistoryDeal(ticket=2, time_msc=1_000, type=0, profit=1.5, symbol="EURUSD", comment="a")


def opened(folder: Path) -> AccountStore:
    return AccountStore(folder, 531, "FTMO-Server")


def session(name: str = "a", tag: int = 7, started: int = 10) -> SessionRow:
    return SessionRow(
        id=name, folder="r/a", tag=tag, mode="shadow", dry=False, terms="t", started=started,
        beat=started,
    )  # fmt: skip


def test_deals_are_kept_as_they_were_first_told(tmp_path: Path) -> None:
    """The same again is nothing new; another content is told and the first one stays."""
    with opened(tmp_path) as store:
        assert store.add_history([DEAL], [], at=5) == ()
        assert store.add_history([DEAL], [], at=6) == ()
        changed = msgspec.structs.replace(DEAL, profit=2.5)
        assert store.add_history([changed], [], at=7) == (2,)
    with opened(tmp_path) as store:
        assert store.deals() == (DEAL,)
        assert store.deals(1_001) == ()
        store.settle(100, at=8)
        store.accept_history([changed], at=9)
        assert store.deals() == (changed,)
        assert store.opening() is None


def test_orders_are_kept(tmp_path: Path) -> None:
    order = PastOrder(ticket=9, time_msc=500, magic=1)
    with opened(tmp_path) as store:
        store.add_history([], [order], at=5)
        assert store.orders() == (order,)


def test_what_sessions_did_counts_for_the_next_one(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add_request("a", 1, 100)
        store.add_request("a", 1, 100)
        store.add_request("a", 2, 200)
        store.add_approval("a", 1, 100, "s-1", "EURUSD")
        store.add_figure(Observation(at=50, balance=1, equity=2), "a")
        store.set_baseline(10_000_000, 30, "first session")
    with opened(tmp_path) as store:
        assert store.requests(100) == (100, 200)
        assert store.requests(101) == (200,)
        assert store.approvals(0) == (100,)
        assert store.known_signals(100) == {"s-1"}
        assert store.known_signals(101) == frozenset()
        assert store.figures() == (Observation(at=50, balance=1, equity=2),)
        assert store.approved_symbols(100) == {"EURUSD": 1}
        assert store.approved_symbols(101) == {}
        assert store.baseline() == (30, 10_000_000)
        store.set_baseline(9_000_000, 80, "rebase")
        assert store.baseline() == (80, 9_000_000)


def test_spans_that_follow_one_another_are_one(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.begin(session())
        for low, high in ((10, 20), (20, 30), (30, 30), (40, 50)):
            store.watch("a", low, high)
        store.watch("b", 45, 60)
        assert store.watched() == ((10, 30), (40, 50), (45, 60))
        assert store.watched(31) == ((40, 50), (45, 60))
        assert store.sessions()[0].beat == 50


def test_a_halt_outlives_its_session_until_it_is_over_or_released(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.halt(AccountHalt(cause="day_limit", since=10, until=100, session="a"))
        store.halt(AccountHalt(cause="limit", since=20, until=None, session="a"))
    with opened(tmp_path) as store:
        assert [halt.cause for halt in store.halts(50)] == ["day_limit", "limit"]
        assert [halt.cause for halt in store.halts(100)] == ["limit"]
        assert store.release("limit", 110, "looked at it")
        assert not store.release("limit", 111, "again")
        assert store.halts(110) == ()


def test_a_halt_that_comes_back_in_the_moment_of_its_release_is_in_force(tmp_path: Path) -> None:
    """A user resumes below the floor: the same moment latches again, for the next session too."""
    latch = AccountHalt(cause="max_loss", since=20, until=None, session="a")
    with opened(tmp_path) as store:
        store.halt(latch)
        store.release("max_loss", 20, "looked at it")
        store.halt(latch)
        assert store.halts(21) == (latch,)


def test_sessions_are_found_by_their_tag_which_is_used_once(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.begin(session())
        with pytest.raises(StateFailed, match="tag 000007 was used on this account before"):
            store.begin(session("b"))
        store.begin(session("b", tag=8, started=20))
        store.end("a", 30, "interrupted")
        assert [(one.id, one.how) for one in store.sessions()] == [
            ("b", None),
            ("a", "interrupted"),
        ]
        store.resumed("a", 40)
        assert store.session_of(7) == session()
        assert store.session_of(9) is None
        assert (store.resumes("a", 40), store.resumes("a", 41)) == (1, 0)


def test_the_clock_keeps_its_changes(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.note_clock("utc", 0)
        store.note_clock("utc", 5)
        store.note_clock("new-york+7", 9)
        assert store.clock() == ((0, "utc"), (9, "new-york+7"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.add_request("a", 1, 1)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes
    assert set(modes.values()) == {0o600}


# --- what cannot be trusted ---


@pytest.mark.parametrize("damage", ["text", "cut", "middle"])
def test_a_damaged_file_is_refused_with_its_remedy_and_can_be_set_aside(
    tmp_path: Path, damage: str
) -> None:
    with opened(tmp_path) as store:
        store.add_history([msgspec.structs.replace(DEAL, ticket=n) for n in range(500)], [], at=1)
    file = tmp_path / FILE
    whole = file.read_bytes()
    damaged = {
        "text": b"this is no database, it only looks for trouble" * 50,
        "cut": whole[: len(whole) // 2],
        "middle": whole[:8192] + b"\xff" * 4096 + whole[12288:],
    }
    file.write_bytes(damaged[damage])
    with pytest.raises(StateFailed, match="--accept-history") as caught:
        opened(tmp_path)
    assert caught.value.damaged
    assert str(file) in str(caught.value)
    assert file.read_bytes() == damaged[damage]
    moved = set_aside(tmp_path, "2026-11-30")
    assert moved == tmp_path / f"{FILE}.damaged-2026-11-30"
    with opened(tmp_path) as store:
        assert store.deals() == ()


def test_a_file_of_a_newer_version_or_another_account_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(StateFailed, match="belongs to 531 at FTMO-Server, not to 7 at Other"):
        AccountStore(tmp_path, 7, "Other")
    AccountStore(tmp_path, 531, "ftmo-server").close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StateFailed, match=r"newer Butler \(version 99"):
        opened(tmp_path)


def test_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(StateFailed, match="is no account's ledger"):
        opened(tmp_path)


KILLED = """
import sys
from pathlib import Path
from adapters.state.store import AccountStore
store = AccountStore(Path(sys.argv[1]), 531, "FTMO-Server")
number = len(store.requests(0))
while True:
    number += 1
    store.add_request("a", number, number)
    print(number, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_what_was_said_to_be_kept_is_there_after_a_kill(tmp_path: Path) -> None:
    """Killed at any moment: every request that was counted stays counted."""
    root = Path(__file__).resolve().parents[2]
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        ) as process:
            assert process.stdout is not None
            for _ in range(20):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            said = [line for line in process.stdout.read().splitlines() if line]
        with opened(tmp_path) as store:
            kept = store.requests(0)
        assert kept == tuple(range(1, len(kept) + 1))
        assert len(kept) >= int(said[-1] if said else 20)


def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """Version 1 kept no symbol of an entry: such entries count for the day, on no symbol."""
    opened(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.executescript(
            "ALTER TABLE approvals DROP COLUMN symbol; CREATE TABLE day_starts (reset INTEGER);"
            "CREATE TABLE cool_down (last_loss INTEGER); DROP TABLE told; PRAGMA user_version=1;"
            "INSERT INTO approvals VALUES ('a', 1, 100, 's-1');"
        )
    connection.close()
    with opened(tmp_path) as store:
        store.add_approval("a", 2, 200, "s-2", "EURUSD")
        assert store.approvals(0) == (100, 200)
        assert store.approved_symbols(0) == {"EURUSD": 1}
        assert store.is_news("a line", 300, 10)
    opened(tmp_path).close()


def test_a_line_is_news_once_within_a_time(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.is_news("a", 100, 50)
        assert not store.is_news("a", 149, 50)
        assert store.is_news("b", 149, 50)
        assert store.is_news("a", 150, 50)


def test_jobs_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(ZeroDivisionError):
            store.do([lambda one: one.add_request("a", 1, 1), lambda _: 1 // 0])
        assert store.requests(0) == ()
        store.do([lambda one: one.add_request("a", 1, 1), lambda one: one.beat("a", 2)])
        assert store.requests(0) == (1,)
