"""A session that is followed: what of a long journal is not read changes nothing that is shown."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

pytest.importorskip("plotly")

from adapters.reports.page.live import LiveLine, LivePage
from engine import events as ev
from engine.result.build import result_of
from engine.result.coverage import GRAVITY
from scripts.app.web import follower
from tests.builders import ONE_OF_EACH
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


def test_denials_are_counted_and_not_kept_one_by_one(tmp_path: Path) -> None:
    """A strategy that is denied at every tick costs the page no memory, and no figure of it."""
    first = recorded(2)[0]
    denied = next(event for event in ONE_OF_EACH if isinstance(event, ev.OrderDenied))
    records = [first] + [
        msgspec.structs.replace(
            first, seq=number, time=first.time + number, event=denied, metadata=None
        )
        for number in range(2, 302)
    ]
    asyncio.run(stored(tmp_path / "journal.sqlite", records))
    reader = follower.Follower(tmp_path)
    followed = reader.read()
    assert followed is not None
    kept = reader._folds.result()
    assert kept.denials == ()
    whole = result_of(records)
    assert len(whole.denials) == sum(kept.funnel.denied.values()) == 300
    assert kept.funnel == whole.funnel
    lines = [LiveLine(seq=row[0], time=row[1], text=row[2])
             for row in followed.content.tables["lines"].rows]  # fmt: skip
    content = LivePage().content(followed.content.seq, followed.time, whole, lines)
    assert followed.content.since(0) == content.since(0)
