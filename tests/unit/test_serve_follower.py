"""A session that is followed: what of a long journal is not read changes nothing that is shown."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("plotly")

from engine import events as ev
from engine.result.build import result_of
from engine.result.coverage import GRAVITY
from scripts.app.web import follower
from tests.journals import stored
from tests.reruns import recorded

MINUTE = 60_000


def watched_days(seed: int) -> list[ev.Record]:
    """A session with many ticks, seldom anything else, and silences of every length."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    first = recorded(2)[0]
    assert isinstance(first.event, ev.SessionStarted)
    found, time = [first], first.time
    symbol = first.event.symbols[0].name
    for number in range(2, 1_200):
        time += chance.choice(
            (1_000, 1_000, MINUTE, 14 * MINUTE, 15 * MINUTE, 16 * MINUTE, 400 * MINUTE)
        )
        event: ev.Event | ev.Input = ev.Tick(symbol, 110_000, 110_002)
        if chance.random() < 0.03:
            event = ev.LinkChanged(up=chance.random() < 0.7, detail="")
        found.append(
            msgspec.structs.replace(first, seq=number, time=time, event=event, metadata=None)
        )
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_journal_has_the_heartbeat_of_all_its_records(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many ticks only some are read: every silence and every lost link is shown as it was."""
    monkeypatch.setattr(follower, "_BACKLOG", 100)
    monkeypatch.setattr(follower, "_LAST_TICKS", 20)
    records = watched_days(seed)
    asyncio.run(stored(tmp_path / "journal.sqlite", records))
    followed = follower.Follower(tmp_path).read()
    assert followed is not None
    whole = result_of(records).coverage
    assert followed.content.tables["coverage"].rows == [
        [part.first, GRAVITY[part.state]] for part in whole
    ]
    assert len(whole) > 50
