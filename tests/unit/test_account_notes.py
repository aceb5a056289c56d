"""What of a session outlives it, as jobs on its account's store."""

from __future__ import annotations

from pathlib import Path

from adapters.state.store import AccountStore
from engine import events as ev
from engine.trading import HaltCause, TradingState
from scripts.app.account.notes import SessionNotes
from tests.builders import account, limits

AT = 1_736_280_000_000


def changed(*causes: HaltCause) -> ev.TradingStateChanged:
    state = TradingState.LATCHED if causes else TradingState.ACTIVE
    return ev.TradingStateChanged(state=state, account=account(), causes=causes)


def record(seq: int, event: ev.Event) -> ev.Record:
    return ev.Record(seq=seq, time=AT + seq, bar=None, event=event)


def test_a_cancellation_is_a_request_though_no_record_tells_of_it(tmp_path: Path) -> None:
    """Each one, also the second for an order that the venue would not cancel; none of a dry run."""
    notes, dry = (SessionNotes("one", limits(), sends=sends) for sends in (True, False))
    for seq in (4, 9):
        notes.cancels(7, seq)
        dry.cancels(7, seq)
    assert not dry.waiting
    with AccountStore(tmp_path, 1, "Demo") as store:
        store.do(notes.due())
        assert len(store.requests(0)) == 2


def test_a_session_that_goes_on_notes_what_a_crash_kept_from_the_store(tmp_path: Path) -> None:
    """Its journal has a latch of which the account's store never heard; what the user released
    before that stays free."""
    past = [
        record(1, changed(HaltCause.LIMIT)),
        record(2, changed()),
        record(3, changed(HaltCause.LINK, HaltCause.MAX_LOSS)),
    ]
    notes = SessionNotes("one", limits(), sends=True)
    notes.recall(past)
    with AccountStore(tmp_path, 1, "Demo") as store:
        store.do(notes.due())
        assert [halt.cause for halt in store.halts(AT + 4)] == ["max_loss"]
