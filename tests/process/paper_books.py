"""Books of the PAPER account as another past would have left them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adapters.bars import sample
from adapters.bars.reader import open_bars
from adapters.mt5.api import contract as mt5
from engine.calendar import resets
from engine.clock import SystemClock
from risk.ledger.days import last_reset
from scripts.app.sessions.paper import LOGIN, SERVER
from tests.process.cli import ROOT

HOUR = 3_600_000
DAY = 24 * HOUR
ZONE = "Europe/Prague"
"""Where the day of the presets' limits turns, at midnight."""

Result = TypeVar("Result")

_NOTHING = {
    "order": 0, "position": 0, "entry": 0, "reason": 0, "symbol": "", "volume": 0, "price": 0,
    "profit": 0, "commission": 0, "swap": 0, "magic": 0, "comment": "",
}  # fmt: skip


def end_of_sample() -> int:
    """What the standing market's clock shows (ms, by the server's clock)."""
    *_, last = open_bars(sample.SAMPLE).chunks()
    return (int(last.time[-1]) + sample.PERIOD_SECONDS) * 1000


def deposit(at: int, cents: int) -> list[dict[str, Any]]:
    """Money paid in, or out where it is negative."""
    return [{**_NOTHING, "time": at, "kind": mt5.DEAL_TYPE_BALANCE, "profit": cents}]


def trade(at: int, cents: int, *, minutes: int = 10, magic: int = 0) -> list[dict[str, Any]]:
    """A buy of one lot, closed again with this result."""
    dealt = {**_NOTHING, "symbol": "EURUSD", "volume": 10_000, "magic": magic}
    return [
        {**dealt, "time": at, "kind": 0, "price": 104_000},
        {**dealt, "time": at + minutes * 60_000, "kind": 1, "entry": 1, "price": 104_001,
         "profit": cents},
    ]  # fmt: skip


def lost_today(cents: int) -> list[dict[str, Any]]:
    """A trade of this very moment, or of the beginning of our own day: at no hour of yesterday.

    The standing market shows the end of the sample for now, and what lies so long before it as the
    day's beginning lies before now was dealt then.
    """
    now = SystemClock().now()
    return trade(
        end_of_sample() - (now - last_reset(ZONE, 0, now)) // 1000 * 1000, cents, minutes=0
    )


def open_at_weekends(folder: Path) -> Path:
    """FTMO's rules without the hours before a weekend and in it, in which nothing is opened.

    The account's market stands still and is never closed, the firm's hours are those of now.
    """
    shipped = (ROOT / "config/rules/ftmo_2step.yaml").read_text(encoding="utf-8")
    file = folder / "ftmo_2step.yaml"
    before, _, rest = shipped.partition("  gap_minutes:")
    _, closes, after = rest.partition("not_modelled:")
    file.write_text(before + closes + after, encoding="utf-8")
    return file


def within_one_day(results: Path, action: Callable[[Path], Result]) -> Result:
    """What `action` finds in a folder of its own, done anew where our own day turned meanwhile."""
    turn, _ = next(resets(ZONE, SystemClock().now()))
    try:
        return action(results / "one")
    except AssertionError:
        if SystemClock().now() < turn:
            raise
        return action(results / "another")


def write_books(results: Path, *parts: Sequence[dict[str, Any]], now: int | None = None) -> Path:
    """The account's books with these deals, in the order of their times; returns the file."""
    moments = sorted((deal for part in parts for deal in part), key=lambda deal: deal["time"])
    deals: list[dict[str, Any]] = []
    for ticket, deal in enumerate(moments, start=1):
        position = deals[-1]["position"] if deal["entry"] else ticket
        numbered = {"order": ticket, "position": position} if deal["symbol"] else {}
        deals.append({**deal, "ticket": ticket, **numbered})
    books = results / "accounts" / f"{SERVER.lower()}-{LOGIN}" / "paper_account.json"
    books.parent.mkdir(parents=True)
    books.write_text(
        json.dumps(
            {
                "login": LOGIN,
                "server": SERVER,
                "now": end_of_sample() if now is None else now,
                "quotes": {},
                "deals": deals,
                "positions": [],
                "orders": [],
                "history": [],
                "calls": {},
            }
        )
    )
    return books
