"""A session in short, as a card of the overview and as the head of its own page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.reports.status import Status
from scripts.app.web.catalog import SessionEntry
from scripts.app.web.follower import Followed
from scripts.app.web.health import Health, Judged, Signs


@dataclass(frozen=True)
class Known:
    """All that is known of a session now; `answer` is what it said of itself, None if nothing."""

    entry: SessionEntry
    signs: Signs
    judged: Judged
    followed: Followed | None
    answer: Status | None
    trouble: str


def card(known: Known, now: float) -> dict[str, Any]:
    """The card; `now` is this machine's clock in seconds. Money is decimal, times are ms UTC."""
    entry, judged, signs = known.entry, known.judged, known.signs
    running = judged.health is Health.RUNNING
    status = known.answer if running else None
    recorded = None if known.followed is None else known.followed.status
    latest = status or recorded
    found = {
        "key": f"{entry.place}/{entry.session}",
        "path": entry.path,
        "session": entry.session,
        "account": entry.account or entry.profile or entry.session,
        "profile": entry.profile,
        "preset": entry.preset,
        "mode": entry.mode,
        "dry_run": entry.dry_run,
        "health": str(judged.health),
        "health_text": judged.text,
        "advice": list(judged.advice),
        "trouble": known.trouble,
        "beat_at": None if signs.beat is None else round((now - signs.age) * 1000),
        "as_of": round(now * 1000),
        "session_time": _session_time(known, ended=judged.health is Health.ENDED),
        "meters": [] if known.followed is None else known.followed.meters,
    }
    return found | ({} if latest is None else _figures(latest, recorded, known))


def _figures(latest: Status, recorded: Status | None, known: Known) -> dict[str, Any]:
    """What the session says of itself while it does, else what its records say.

    State and causes are those of the records where these are newer: a halt shows at once.
    """
    newest = recorded if recorded is not None and recorded.seq > latest.seq else latest
    ticks = [feed.last_tick for feed in latest.feeds.values()]
    recorded_tick = 0 if known.followed is None else known.followed.last_tick
    profits = [position.profit for position in latest.positions]
    return {
        "state": newest.state,
        "causes": list(newest.causes),
        "link": str(newest.link),
        "currency": latest.currency,
        "equity": latest.account.equity,
        "balance": latest.account.balance,
        "positions": [msgspec.to_builtins(position) for position in newest.positions],
        "external": [msgspec.to_builtins(item) for item in newest.external],
        "floating": None if None in profits else sum(filter(None, profits)),
        "orders": len(newest.orders),
        "unresolved": list(newest.unresolved),
        "last_tick": max([recorded_tick, *ticks]) or None,
        "feeds": {
            name: str(feed.state) for name, feed in latest.feeds.items() if feed.state is not None
        },
        "degraded": dict(latest.degraded),
        "loss_buffer": latest.loss_buffer,
        "started_at": latest.started_at,
        "seq": newest.seq,
    }


def _session_time(known: Known, *, ended: bool) -> int | None:
    """The session's own clock, which is its market's and goes on without it."""
    beat = known.signs.beat
    times = []
    if beat is not None and not ended:
        times.append(beat.time + round(known.signs.age * 1000))
    if known.followed is not None:
        times.append(known.followed.time)
    return max(times, default=None)
