"""Small markets made by hand, and what a replay makes of signals that are given on them.

Bars are M15 on the UTC clock from `START` on, prices are points, and unless a test says otherwise
the spread is 10 points at any hour, so that every figure can be worked out on paper.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from config.loader import load_symbols
from engine import events as ev
from engine.journal import MemoryJournal
from engine.types import Limits, Millis
from scripts.app.sessions.replay import concluding, connect, replay_feed, started
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest

START = datetime(2024, 3, 4, 8, tzinfo=UTC)
"""A Monday morning, in no clock's first hour of the day."""

PERIOD: Millis = 900_000
SPREAD = 10

Ohlc = tuple[int, int, int, int]
E = TypeVar("E")


def at(place: float, start: datetime = START) -> Millis:
    """When bar `place` (from 0) opens, ms UTC; a fraction lies inside it."""
    return round(start.timestamp() * 1000 + place * PERIOD)


def iso(moment: Millis) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat()


def flat(count: int, price: int = 108_000) -> list[Ohlc]:
    """Bars that open and close at `price` and reach 5 points to both sides."""
    return [(price, price + 5, price - 5, price)] * count


def bar_file(
    folder: Path, symbol: str, bars: Sequence[Ohlc | None], start: datetime = START
) -> Path:
    """A CSV file of the bars; None leaves a bar out."""
    digits = load_symbols()[symbol].digits
    lines = ["time,open,high,low,close,spread"]
    for place, bar in enumerate(bars):
        if bar is not None:
            prices = ",".join(f"{price / 10**digits:.{digits}f}" for price in bar)
            lines.append(f"{at(place, start) // 1000},{prices},0")
    path = folder / f"{symbol}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def signal_file(folder: Path, signals: Iterable[dict[str, Any]]) -> Path:
    """A file of JSON lines; times are ms UTC here and ISO texts there."""
    path = folder / "signals.jsonl"
    lines = (
        {key: iso(value) if key in _TIMES else value for key, value in signal.items()}
        for signal in signals
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


_TIMES = ("time", "exit_time", "expires")


def terms_of(
    files: Mapping[str, Path],
    signals: Path | None,
    limits: dict[str, Any] | None = None,
    **more: Any,
) -> Terms:
    """What `butler replay` would run: `more` are further options as they are typed."""
    options: dict[str, Any] = {"clock": "utc", "spread_floor": [str(SPREAD)], **more}
    request = ReplayRequest(
        bars=[f"{symbol}={path}" for symbol, path in files.items()],
        signals=signals,
        limits=limits or {},
        **options,
    )
    return resolve_terms(request)[0]


def with_limits(terms: Terms, **changes: Any) -> Terms:
    """The terms with limits that no option sets."""
    return replace(terms, limits=Limits(**{**_fields(terms.limits), **changes}))


def _fields(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in limits.__struct_fields__}


@dataclass(frozen=True)
class Told:
    """The records of a finished session."""

    records: list[ev.Record]

    def of(self, kind: type[E]) -> list[E]:
        return [item.event for item in self.records if isinstance(item.event, kind)]

    def timed(self, kind: type[E]) -> Iterator[tuple[Millis, E]]:
        for item in self.records:
            if isinstance(item.event, kind):
                yield item.time, item.event

    def only(self, kind: type[E]) -> E:
        """The one event of its kind."""
        (event,) = self.of(kind)
        return event

    @property
    def end(self) -> ev.SessionEnded:
        return self.only(ev.SessionEnded)


def played(terms: Terms, *, by_requests: bool = False) -> Told:
    """Run the session with all its actors, its journal in memory and no files."""
    journal = MemoryJournal()
    parts = connect(journal, terms, by_requests=by_requests)
    feed = replay_feed(parts, terms)
    parts.bus.time = min(item.ref.first for item in terms.inputs)
    parts.bus.publish(started(terms))

    async def run() -> None:
        async for _ in feed.slices():
            await parts.bus.flush()

    asyncio.run(run())
    parts.bus.conclude(
        concluding(parts.portfolio, parts.risk, parts.challenge_actor)(ev.SessionOutcome.DONE, "")
    )
    return Told(journal.records)


def replayed(
    folder: Path,
    bars: Mapping[str, Sequence[Ohlc | None]],
    signals: Iterable[dict[str, Any]],
    *,
    start: datetime = START,
    limits: dict[str, Any] | None = None,
    **more: Any,
) -> Told:
    """What a replay of hand-made bars makes of the signals."""
    files = {name: bar_file(folder, name, content, start) for name, content in bars.items()}
    return played(terms_of(files, signal_file(folder, signals), limits, **more))
