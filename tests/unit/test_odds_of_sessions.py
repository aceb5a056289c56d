"""Odds of a session that was recorded live: its days are those of its journal, and it says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from engine import events as ev
from engine.bus import Bus
from engine.journal import Journal, MemoryJournal
from engine.session import Session
from scripts.app.odds.records import journaled
from scripts.app.sessions import replay
from scripts.app.terms.objectives import resolve
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.day_run import run_days
from tests.commands import butler
from tests.journals import stored


def as_if_live(terms: Terms, monkeypatch: pytest.MonkeyPatch) -> list[ev.Record]:
    """The records of a session that met the same market, inputs among them, as live ones have."""
    with monkeypatch.context() as patched:
        patched.setattr(replay, "Bus", lambda journal: Bus(journal, record_inputs=True))
        journal = MemoryJournal()
        asyncio.run(played(journal, terms))
    first = journal.records[0]
    live = msgspec.structs.replace(first.event, mode="live")
    return [msgspec.structs.replace(first, event=live), *journal.records[1:]]


async def played(journal: Journal, terms: Terms) -> None:
    parts = replay.connect(journal, terms)
    session = Session(
        parts.bus, journal, replay.replay_feed(parts, terms), [],
        conclude=replay.concluding(parts.portfolio, parts.risk), end_metadata=dict,
    )  # fmt: skip
    replay.begin(parts, terms)
    await session.run()


def test_a_live_sessions_odds_stand_on_its_journal_and_say_what_was_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No table over risk and no other balance. Its days are those of a replay that saw the same,
    also where one position follows another at once.
    """
    terms, _ = resolve_terms(ReplayRequest(end="2023-05-01", commission=["30"]))
    folder = tmp_path / "live" / "one"
    folder.mkdir(parents=True)
    asyncio.run(stored(folder / "journal.sqlite", as_if_live(terms, monkeypatch)))
    challenge = resolve("ftmo_2step", None, None)
    assert challenge is not None
    assert journaled(folder / "journal.sqlite", challenge).run.days == run_days(terms).days
    said = butler("odds", folder, "--paths", 100, "--json", "--results-dir", tmp_path)
    assert said.code == 0, said.err
    document = json.loads("\n".join(said.out))
    assert document["levels"] == []
    assert any(
        "there is no table over risk, and whether the strategy reads its balance was not tried"
        in note
        for note in document["notes"]
    )
    refused = butler("odds", folder, "--risk", 1, "--results-dir", tmp_path)
    assert refused.code == 2
    assert "cannot be played again at another risk" in refused.line
