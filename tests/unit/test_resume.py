"""Going on with a session: only where it was, as what it was, with what it began with."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.bars import sample
from adapters.journal import SqliteJournal, StoredJournal
from adapters.journal.lock import JournalLock
from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.journal import JournalDamaged
from scripts.app.errors import AppError
from scripts.app.sessions.live import SessionContext
from scripts.app.sessions.resume import PreviousRun, account_mark, previous_run
from scripts.app.terms.objectives import about_rules, as_recorded, resolve
from tests.builders import started

ACCOUNT = mt5.AccountInfo.of(login=7, server="Demo")
METADATA = {"account": "7@Demo", "account_profile": "P", "dry_run": True, "session_id": "first"}
TICK = ev.Tick("EURUSD", 110_000, 110_010)


def written(results: Path, *events: Any, metadata: dict[str, Any] | None = None) -> Path:
    """A journal of these events, a second apart."""
    folder = results / "sessions" / "it"
    folder.mkdir(parents=True)

    async def write() -> None:
        journal = SqliteJournal(folder / "journal.sqlite", power_safe=False)
        for seq, event in enumerate(events, 1):
            journal.append(
                ev.Record(
                    seq, seq * 1000, None, event, (metadata or METADATA) if seq == 1 else None
                )
            )
        await journal.close()

    asyncio.run(write())
    return folder


def earlier(results: Path, **terms: Any) -> PreviousRun:
    written(results, started(mode="shadow", **terms), TICK, ev.AccountSeen(1, 2, 3), TICK)
    return previous_run(results, "it")


def test_it_is_found_by_id_and_by_path(tmp_path: Path) -> None:
    folder = written(tmp_path, started(mode="shadow"))
    for name in ("it", str(folder), str(folder / "journal.sqlite")):
        assert previous_run(tmp_path, name).folder.path == folder


def test_ticks_are_not_read_back(tmp_path: Path) -> None:
    assert [type(item.event) for item in earlier(tmp_path).records] == [
        ev.SessionStarted, ev.AccountSeen,
    ]  # fmt: skip


def test_the_session_keeps_its_name_when_its_folder_was_renamed(tmp_path: Path) -> None:
    """Its orders at the venue carry a mark that was made of the name."""
    past = earlier(tmp_path)
    nothing: Any = None
    context = SessionContext(past.folder, nothing, nothing, nothing, {}, past.records)
    assert past.folder.session_id == "it"
    assert context.session_id == "first"
    assert SessionContext(past.folder, nothing, nothing, nothing, {}).session_id == "it"


@pytest.mark.parametrize(
    ("account", "mode", "words"),
    [
        (ACCOUNT._with(login=8), "shadow", "was on account 7@Demo, the terminal has 8@Demo"),
        (ACCOUNT._with(server="Other"), "shadow", "the terminal has 7@Other"),
        (ACCOUNT, "signals", "is a shadow session, not signals"),
    ],
)
def test_another_account_or_kind_is_refused(
    tmp_path: Path, account: mt5.AccountInfo, mode: str, words: str
) -> None:
    past = earlier(tmp_path)
    past.insist_on(ACCOUNT, "shadow")
    with pytest.raises(AppError, match=words):
        past.insist_on(account, mode)


OTHER_BARS = ev.DataRef(
    symbol="EURUSD", sha256="00", rows=1, period=900, first=0, last=0, clock=sample.CLOCK
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "mine"}, "give the preset as"),
        ({"parameters": {"sma_fast": 21}}, "give the preset's parameters as"),
        ({"data": [OTHER_BARS]}, "give the bars as"),
        ({"dry_run": False}, "give --dry-run or --no-dry-run as"),
    ],
)
def test_other_terms_are_refused_with_the_option_that_differs(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    past = earlier(tmp_path, preset="ftmo_m15", parameters={"sma_fast": 20})
    terms = {
        "preset": "ftmo_m15", "parameters": {"sma_fast": 20}, "data": (), "dry_run": True,
    }  # fmt: skip
    past.insist_on_terms(**terms)  # type: ignore[arg-type]
    with pytest.raises(AppError, match=words):
        past.insist_on_terms(**{**terms, **changes})


@pytest.mark.parametrize(
    ("began", "now", "words"),
    [
        ("signals", "ftmo_m15", "give --signals FILE as"),
        ("ftmo_m15", "signals", "give --preset ftmo_m15, without --signals, as"),
    ],
)
def test_a_session_of_signals_names_the_right_option(
    tmp_path: Path, began: str, now: str, words: str
) -> None:
    past = earlier(tmp_path, preset=began, parameters={})
    with pytest.raises(AppError, match=words):
        past.insist_on_terms(now, {}, (), dry_run=True)


def test_it_goes_on_with_the_firms_rules_and_what_they_leave_out(tmp_path: Path) -> None:
    """What the firm judges by itself is named with a pass, in a session that goes on too."""
    challenge = resolve("ftmo_2step", None, None)
    assert challenge is not None
    assert challenge.rules.left_out
    terms = started(mode="shadow", objectives=as_recorded(challenge))
    written(tmp_path, terms, metadata={**METADATA, **about_rules(challenge)})
    assert previous_run(tmp_path, "it").challenge == challenge


def test_a_damaged_journal_is_named_and_left_alone(tmp_path: Path) -> None:
    journal = written(tmp_path, started(mode="shadow"), TICK) / "journal.sqlite"
    damaged = bytearray(journal.read_bytes())
    damaged[len(damaged) // 2 :] = b"\0" * (len(damaged) - len(damaged) // 2)
    journal.write_bytes(damaged)
    with pytest.raises(AppError, match=r"journal\.sqlite.*nothing was changed"):
        previous_run(tmp_path, "it").insist_on(ACCOUNT, "shadow")
    assert journal.read_bytes() == damaged


def test_a_journal_without_a_record_is_no_session_to_go_on_with(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(AppError, match="ended before its first record"):
        previous_run(tmp_path, "it")


def test_the_mark_of_an_account_is_its_login_and_server() -> None:
    assert account_mark(ACCOUNT) == "7@Demo"


def cut_off_in_a_write(journal: Path) -> None:
    """Make `journal` what a process leaves that is killed while it changes the file in place."""
    source = journal.with_name("source.sqlite")
    if journal.exists():
        journal.rename(source)
    with closing(sqlite3.connect(source, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size=1")  # so that changes reach the file at once
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE half (written BLOB)")
        for _ in range(20):
            connection.execute("INSERT INTO half VALUES (zeroblob(4000))")
        for end in ("", "-journal"):
            shutil.copy(f"{source}{end}", f"{journal}{end}")
        connection.execute("ROLLBACK")
    source.unlink()


def test_what_a_kill_left_half_written_is_undone_before_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, started(mode="shadow"), ev.AccountSeen(1, 2, 3)) / "journal.sqlite"
    cut_off_in_a_write(path)
    with pytest.raises(JournalDamaged, match="killed in the middle of a write, which --resume"):
        StoredJournal(path)
    assert len(previous_run(tmp_path, "it").records) == 2
    assert sorted(item.name for item in path.parent.iterdir()) == ["journal.sqlite"]


def test_a_kill_while_the_file_was_made_left_nothing_to_go_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "it"
    folder.mkdir(parents=True)
    cut_off_in_a_write(folder / "journal.sqlite")
    with pytest.raises(AppError, match="it is empty: its session ended before its first"):
        previous_run(tmp_path, "it")


def test_a_session_that_is_still_written_is_not_gone_on_with(tmp_path: Path) -> None:
    path = written(tmp_path, started(mode="shadow")) / "journal.sqlite"
    lock = JournalLock(path)
    with pytest.raises(AppError, match="another process is writing to it"):
        previous_run(tmp_path, "it")
    lock.release()


def test_the_initial_balance_of_its_objectives_stays_what_it_was(tmp_path: Path) -> None:
    """Given again it must be the same; floors are not moved by going on."""
    named = resolve("ftmo_2step", None, None, 100_000.0)
    went = earlier(tmp_path, objectives=as_recorded(named))
    went.insist_on_initial(named)
    with pytest.raises(AppError, match=r"session it began with 100000\.00 USD and keeps that"):
        went.insist_on_initial(resolve("ftmo_2step", None, None, 90_000.0))
