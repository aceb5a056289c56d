"""An account whose sessions are divided by kills and new starts lives as an undivided one does."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.journal import StoredJournal
from adapters.state.store import AccountStore
from engine import events as ev
from scripts.app.session_folder import tag_number
from scripts.app.sessions.paper import LOGIN, SERVER
from scripts.app.sessions.replay import MAGIC
from signals.market_data.clocks import utc_of
from tests import synthetic
from tests.commands import butler
from tests.process.shadows import (
    Arguments,
    books_of,
    finished,
    shadow_process,
    synthetic_bars,
)

pytestmark = pytest.mark.deep

DAYS = 2
SECONDS = 900.0
SENDING: Arguments = ("--no-dry-run", "--speed", "max", "--quiet")
TIGHT: Arguments = ("--daily-loss-fraction", "0.006", "--max-positions", "1")
"""So that the day's loss and what is open deny entries."""
KILLS = int(os.environ.get("KILLS", "200"))
SEED = int(os.environ.get("SEED", "7"))


def events(results: Path, session: str, *kinds: str) -> list[Any]:
    with StoredJournal(results / "sessions" / session / "journal.sqlite") as stored:
        return [record.event for record in stored.records(kinds=set(kinds))]


def closings(results: Path, sessions: list[str]) -> list[tuple[object, ...]]:
    return [
        (item.position, item.symbol, item.price, item.reason, item.net, item.account.balance)
        for session in sessions
        for item in events(results, session, "position_closed")
    ]


def denials(results: Path, sessions: list[str]) -> list[tuple[str, str]]:
    """Which signals were denied, and why."""
    return [
        (item.order.terms.signal_id, str(item.reason))
        for session in sessions
        for item in events(results, session, "order_denied")
        if isinstance(item, ev.OrderDenied)
    ]


def standing(results: Path) -> dict[str, Any]:
    said = butler(
        "account", "PAPER", "--objectives", "ftmo_2step", "--json", "--results-dir", results
    )
    assert said.code == 0, said
    figures: dict[str, Any] = json.loads("\n".join(said.out))["figures"]
    # Whether somebody watched at every moment is what a kill changes.
    return {name: value for name, value in figures.items() if name != "past"}


def divided(results: Path, bars: Arguments, ends: list[str]) -> list[str]:
    """Sessions one after another, each up to its own end, the last one to that of the bars."""
    names = [f"part-{number}" for number in range(len(ends) + 1)]
    for name, end in zip(names, (*ends, None), strict=True):
        until = () if end is None else ("--to", end)
        how = ("--resume", "never", "--adopt", "--session-id", name)
        code, said = finished(results, *bars, *until, *how, seconds=SECONDS)
        assert code == 0, said
    return names


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_account_with_several_sessions_is_the_one_with_an_undivided_one(
    tmp_path: Path, seed: int
) -> None:
    """Each part is a session of its own, which takes over what the one before has left: trades,
    denials and standing are the same to the cent.
    """
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    bars = (*synthetic_bars(tmp_path, "EURUSD", "USDJPY", seed=seed, days=DAYS), *SENDING, *TIGHT)
    code, said = finished(whole, *bars, "--session-id", "all", seconds=SECONDS)
    assert code == 0, said
    rng = np.random.default_rng(seed)
    ends = sorted(rng.choice(quiet_moments(whole), size=3, replace=False).tolist())
    names = divided(parts, bars, [shown(end) for end in ends])
    assert closings(parts, names) == closings(whole, ["all"])
    assert denials(parts, names) == denials(whole, ["all"])
    assert closings(whole, ["all"]), "it trades"
    assert standing(parts) == standing(whole)


def quiet_moments(whole: Path) -> list[int]:
    """Quarters of an hour (UTC) at which no strategy wants anything: a session that begins then
    takes the bar that has just closed for the past.
    """
    wanted = {int(item.terms.signal_id.split(":")[3]) + 900 for item in signals(whole)}
    server = (synthetic.SPRING + number * 900 for number in range(8, DAYS * 96 - 12))
    return [at for at in (utc_of("new-york+7", second) for second in server) if at not in wanted]


def signals(whole: Path) -> list[Any]:
    """What the strategy raised, marked with the opening of its bar."""
    raised = events(whole, "all", "signal")
    return [item for item in raised if item.terms.signal_id.count(":") == 3]


def shown(utc: int) -> str:
    """A moment as `--to` takes it."""
    return f"{dt.datetime.fromtimestamp(utc, dt.UTC):%Y-%m-%dT%H:%M}"


def test_many_kills_leave_nothing_that_no_session_manages(tmp_path: Path) -> None:
    """A service is killed at any moment and started with the same command, again and again.

    Every start begins or goes on, and what stands at the venue in the end is the session's own.
    """
    rng = random.Random(SEED)  # noqa: S311 - a seed, no secret
    books = books_of(tmp_path, "any", "--no-dry-run")
    for number in range(KILLS):
        with shadow_process(tmp_path, *SENDING) as process:
            moved = market(books)
            deadline = time.monotonic() + SECONDS
            while market(books) == moved and process.poll() is None:
                assert time.monotonic() < deadline, f"kill {number}: the market does not move"
                time.sleep(0.01)
            time.sleep(rng.random() / 4)
            code = process.poll()
            assert code is None, (number, code, process.communicate())
            process.kill()
            process.communicate()
    with AccountStore(tmp_path / "accounts" / f"{SERVER.lower()}-{LOGIN}", LOGIN, SERVER) as store:
        rows = store.sessions()
    (row,) = [one for one in rows if one.unfinished]
    tags = Counter(str(item["comment"])[:6] for item in open_at(books))
    assert set(tags) <= {f"{tag_number(row.id):06x}"}
    again = finished(tmp_path, *SENDING, "--duration", "1h", seconds=SECONDS)
    assert again[0] == 0, again
    opened = events(tmp_path, row.id, "position_opened")
    print(f"{KILLS} kills, {len(rows)} sessions, {len(opened)} positions opened")
    assert opened, "without a position nothing could be left"


def market(books: Path) -> int:
    try:
        return int(json.loads(books.read_bytes())["now"])
    except FileNotFoundError:
        return 0


def open_at(books: Path) -> list[dict[str, Any]]:
    told = json.loads(books.read_bytes())
    return [item for item in (*told["positions"], *told["orders"]) if item["magic"] == MAGIC]
