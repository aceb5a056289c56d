"""Which session a start goes on with: every situation has one answer and one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.services.last_cause import (
    CUT_OFF,
    FAILED,
    GOES_ON,
    HANGS,
    TURNS_AGAIN,
    ended_by_watchdog,
    last_cause,
)
from adapters.services.watchdog import NOTHING_RAN
from adapters.state.resuming import (
    AUTO,
    LAST,
    NEVER,
    Choice,
    Holding,
    Start,
    StartAction,
    choose,
    terms_text,
)
from adapters.state.store import SessionRow

TERMS = {"preset": "p1", "limits": "l1"}
NOW = 10_000_000
START = Start(wanted=AUTO, mode="shadow", dry=False, terms=TERMS, now=NOW, account_name="FTMO",
              symbols=frozenset({"EURUSD"}))  # fmt: skip


def session(name: str = "A", tag: int = 1, **given: Any) -> SessionRow:
    row = SessionRow(
        id=name, folder="r", tag=tag, mode="shadow", dry=False, terms=terms_text(TERMS),
        started=tag, beat=43_380_000,
    )  # fmt: skip
    return msgspec.structs.replace(row, **given)


def holding(tag: int = 1, ticket: int = 21, opened: int = 0) -> Holding:
    return Holding(ticket=ticket, tag=tag, words="EURUSD long 0.04", opened=opened, symbol="EURUSD")


def start(**given: object) -> Start:
    return msgspec.structs.replace(START, **given)


OTHER: dict[str, Any] = {"terms": terms_text({**TERMS, "preset": "p2"})}


def test_without_an_unfinished_session_a_new_one_begins() -> None:
    assert choose(START, [], []) == Choice(kind=StartAction.NEW)
    ended = session(ended=5, how="duration")
    assert choose(START, [ended], []) == Choice(kind=StartAction.NEW)


@pytest.mark.parametrize("how", [None, "interrupted", "internal_error"])
def test_the_newest_unfinished_session_goes_on_whether_it_holds_or_not(how: str | None) -> None:
    row = session(ended=None if how is None else 5, how=how)
    empty = choose(START, [row], [])
    assert (empty.kind, empty.session) == (StartAction.RESUME, "A")
    assert empty.line == "going on with A (cut off 12:03 UTC)"
    holds = choose(START, [row], [holding()])
    assert holds.kind is StartAction.RESUME
    assert "1 position or order open" in holds.line


def test_another_preset_gives_up_a_session_that_holds_nothing() -> None:
    choice = choose(START, [session(**OTHER)], [])
    assert (choice.kind, choice.given_up) == (StartAction.NEW, ("A",))
    assert choice.line == "A began with other terms (preset): a new session"


def test_another_preset_does_not_leave_a_position_behind() -> None:
    choice = choose(START, [session(**OTHER)], [holding()])
    assert choice.kind is StartAction.REFUSE
    assert choice.line == (
        "A holds EURUSD long 0.04 and began with other terms (preset): --resume A with its terms, "
        "--adopt, or butler flatten --account-profile FTMO"
    )
    adopted = choose(start(adopt=True), [session(**OTHER)], [holding()])
    assert (adopted.kind, adopted.adopted) == (StartAction.NEW, (holding(),))


def test_an_older_unfinished_session_that_holds_is_an_orphan() -> None:
    rows = [session("B", 2), session("A", 1)]
    choice = choose(START, rows, [holding(1)])
    assert choice.kind is StartAction.REFUSE
    assert choice.line == (
        "the Butler opened 21 EURUSD long 0.04 (session A), which nobody manages: "
        "--adopt, --resume A, or butler flatten --account-profile FTMO"
    )
    taken = choose(start(adopt=True), rows, [holding(1), holding(2, ticket=22)])
    assert (taken.kind, taken.session, taken.adopted) == (StartAction.RESUME, "B", (holding(1),))


def test_a_damaged_journal_is_refused_only_where_something_is_open() -> None:
    broken = start(unreadable={"A": "row 7"})
    assert choose(broken, [session()], [holding()]).kind is StartAction.DAMAGED
    free = choose(broken, [session()], [])
    assert (free.kind, free.given_up) == (StartAction.NEW, ("A",))
    assert "cannot be read back (row 7)" in free.line


def test_what_failed_three_times_is_not_tried_for_ever() -> None:
    assert choose(start(failed={"A": 2}), [session()], []).kind is StartAction.RESUME
    choice = choose(start(failed={"A": 3}), [session()], [])
    assert choice.kind is StartAction.REFUSE
    assert choice.line == "A failed 3 times: --resume never begins anew"
    told = choose(start(failed={"A": 3}, causes={"A": "the disk is full"}), [session()], [])
    assert told.line == (
        "A failed 3 times, the last time because of this: the disk is full: "
        "--resume never begins anew"
    )


def test_never_begins_anew_but_leaves_nothing_behind() -> None:
    assert choose(start(wanted=NEVER), [session()], []) == Choice(kind=StartAction.NEW)
    assert choose(start(wanted=NEVER), [session()], [holding()]).kind is StartAction.REFUSE


def test_last_and_a_name_insist() -> None:
    assert choose(start(wanted=LAST), [], []).line == "no unfinished session of this account"
    assert choose(start(wanted=LAST), [session(**OTHER)], []).kind is StartAction.REFUSE
    assert choose(start(wanted="A"), [session(ended=5, how="duration")], []).session == "A"
    assert choose(start(wanted="X"), [session()], []).kind is StartAction.WAIT


def test_a_dry_session_leaves_alone_what_is_open() -> None:
    choice = choose(start(dry=True), [session()], [holding()])
    assert (choice.kind, choice.left_alone, choice.given_up) == (StartAction.NEW, (holding(),), ())


def test_an_unknown_tag_is_another_butler_while_it_is_young_and_an_orphan_later() -> None:
    young = choose(START, [], [holding(0x3FA9C1, opened=NOW - 599_999)])
    assert young.kind is StartAction.WAIT
    assert young.line == "another Butler works on this account (tag 3fa9c1): stop it first"
    old = choose(START, [], [holding(0x3FA9C1, opened=NOW - 600_000)])
    assert old.kind is StartAction.REFUSE
    assert "(an unknown session), which nobody manages: --adopt, or butler flatten" in old.line


def test_an_entry_with_an_unknown_tag_is_another_butlers_even_when_it_is_closed_again() -> None:
    """Between two of its trades nothing of another Butler is open."""
    young = holding(0x3FA9C1, opened=NOW - 599_999)
    choice = choose(start(recent=(young,)), [], [])
    assert choice.kind is StartAction.WAIT
    assert "another Butler works on this account (tag 3fa9c1)" in choice.line
    for quiet in (
        start(recent=(holding(0x3FA9C1, opened=NOW - 600_000),)),
        start(recent=(young,), dry=True),
    ):
        assert choose(quiet, [], []).kind is StartAction.NEW
    assert choose(start(recent=(holding(1, opened=NOW),)), [session()], []).kind is (
        StartAction.RESUME
    )


def test_only_positions_on_the_sessions_own_symbols_are_taken_over() -> None:
    """A waiting order would fill later, with nobody's stop; another symbol has no prices here."""
    rows = [session(ended=5, how="done")]
    waits = msgspec.structs.replace(holding(), waits=True)
    choice = choose(start(adopt=True), rows, [waits])
    assert choice.kind is StartAction.REFUSE
    assert (
        "order 21 EURUSD long 0.04 of A waits at the venue and cannot be taken over" in choice.line
    )
    other = msgspec.structs.replace(holding(), symbol="GBPUSD")
    choice = choose(start(adopt=True), rows, [other])
    assert choice.kind is StartAction.REFUSE
    assert "add the symbol, --resume A, or butler flatten" in choice.line


LOG_LINE = '{"event":"%s","why":"%s"}\n'
SAYS = {
    "": CUT_OFF,
    LOG_LINE % (FAILED, "the disk is full; the session stopped, everything up to then is in r"): (
        "the disk is full"
    ),
    LOG_LINE % (HANGS, "no turn for 10 s"): "no turn for 10 s",
    '{"event":"the start hangs: not over after 10 s"}\n': "the start hangs: not over after 10 s",
    LOG_LINE % (FAILED, "of the run before") + LOG_LINE % (GOES_ON, ""): CUT_OFF,
    LOG_LINE % (HANGS, "no turn for 10 s") + LOG_LINE % (TURNS_AGAIN, "its loop turns"): CUT_OFF,
    LOG_LINE % (FAILED, "whole")
    + '\x1b{"event":\n{"event": 5}\n{"event":"the session fai': "whole",
}


@pytest.mark.parametrize("content", SAYS)
def test_a_log_tells_why_the_last_run_of_its_session_ended(tmp_path: Path, content: str) -> None:
    """What nobody could write down was cut off, whatever the run before it ended by."""
    log = tmp_path / "log.jsonl"
    assert last_cause(log) == CUT_OFF
    log.write_bytes(b"\xff" * 70_000 + b"\n" + content.encode())
    assert last_cause(log) == SAYS[content]


STACKS = {
    "the loop did not turn for 31 s\n  File x\n": "the loop did not turn for 31 s",
    "the loop did not turn for 31 s\nTimeout (0:00:42)!\n  File x\n": (
        f"the loop did not turn for 0:00:42 (h:m:s); it hung, or {NOTHING_RAN}"
    ),
}


@pytest.mark.parametrize("stacks", STACKS)
def test_what_ended_a_process_that_could_not_write_is_told_by_its_stacks(
    tmp_path: Path, stacks: str
) -> None:
    """The newest of them, and only until a run after it has written a line."""
    log, hangs = tmp_path / "log.jsonl", tmp_path / "hangs.txt"
    hangs.write_text(stacks)
    assert ended_by_watchdog(log), "it had written no line yet"
    log.write_text(LOG_LINE % (GOES_ON, ""))
    os.utime(hangs, (NOW, NOW))
    os.utime(log, (NOW - 30, NOW - 30))
    assert ended_by_watchdog(log) == f"its watchdog ended it: {STACKS[stacks]}, see {hangs}"
    assert last_cause(log) == ended_by_watchdog(log)
    os.utime(log, (NOW + 2, NOW + 2))
    assert (ended_by_watchdog(log), last_cause(log)) == ("", CUT_OFF)


@pytest.mark.parametrize("spoilt", [b"", b"\xff" * 100])
def test_a_file_of_stacks_that_tells_nothing_is_no_cause(tmp_path: Path, spoilt: bytes) -> None:
    log = tmp_path / "log.jsonl"
    assert ended_by_watchdog(log) == ""
    (tmp_path / "hangs.txt").write_bytes(spoilt)
    assert ended_by_watchdog(log) == ""
