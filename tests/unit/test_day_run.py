"""A replay in memory: the hash of its records, and bars that its trials share."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from engine.journal import MemoryJournal, encode_lines
from engine.session import Session
from engine.types import Side
from scripts.app.errors import AppError
from scripts.app.sessions.replay import begin, concluding, connect, replay_feed
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.base import base_of, source_of_preset, trial_terms
from scripts.app.trials.day_run import run_days
from scripts.app.trials.errors import explained_replay
from tests.commands import butler
from tests.unit.test_strategy_check import HEAD, SCAN
from tests.unit.test_user_strategy import PRESET


def trial(preset: str, **settings: object) -> Terms:
    """Two weeks of the sample, read once for all replays of the terms."""
    request = ReplayRequest(preset=preset, end="2023-01-14")
    return trial_terms(base_of(source_of_preset(request, None)), settings)


def recorded(terms: Terms) -> MemoryJournal:
    """All records of the same replay."""

    async def run() -> MemoryJournal:
        journal = MemoryJournal()
        parts = connect(journal, terms)
        conclude = concluding(parts.portfolio, parts.risk)
        session = Session(
            parts.bus, journal, replay_feed(parts, terms), [], conclude=conclude, end_metadata=dict
        )
        begin(parts, terms)
        await session.run()
        return journal

    return asyncio.run(run())


def test_the_hash_of_a_trial_is_that_of_all_its_records() -> None:
    """In their order, the last ones included, and the same in a second run over shared bars."""
    asked = trial("sma_cross", sma_fast=5)
    records = recorded(asked).records
    assert len(records) > 200
    whole = hashlib.sha256(encode_lines(records)).hexdigest()
    assert run_days(asked, hashed=True).journal == whole
    assert run_days(asked, hashed=True).journal == whole
    assert run_days(asked).journal == ""


def test_trials_share_what_is_looked_up_in_their_bars_and_none_can_write_to_it() -> None:
    """It is made once, not once a trial; each has a copy of the chunk for its own scan."""
    (item,) = trial("sma_cross").inputs
    one, other = (list(item.prepared(("M15",))) for _ in range(2))
    assert one
    for bars, again in zip(one, other, strict=True):
        assert bars is not again
        assert all(bars.ranges(side) is again.ranges(side) for side in Side)
        assert not any(prices.flags.writeable for prices in again.ask_range())
        assert all(column.readonly for closed in again.closings for column in closed.read())


def test_no_strategy_can_write_to_the_bars_that_all_share(tmp_path: Path) -> None:
    """The next trial would trade at prices that there never were, and a replay fill at them."""
    code = SCAN.format(body="bars = self.m15.close; bars[index] = 1; return None")
    (tmp_path / "mine.py").write_text(HEAD + code, "utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(PRESET.format(name="own", strategy="mine.py:Mine", parameters="{}"), "utf-8")
    with pytest.raises(AppError, match="bars cannot be written to"), explained_replay():
        run_days(trial(str(own)))
    said = butler("replay", "--preset", own, "--to", "2023-01-14", "--results-dir", tmp_path / "r")
    assert said.code != 0
    assert "bars cannot be written to, work on a copy of the column (mine.py" in said.line
