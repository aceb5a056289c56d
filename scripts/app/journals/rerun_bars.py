"""A replay once more: the same files under the same terms, through today's actors."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from adapters.bars import sample
from adapters.bars.symbol_names import known_signals
from engine import events as ev
from engine.bus import HandlerFailed
from engine.clock import SystemClock
from engine.decoding import converted
from engine.rerun import RerunComparison, RerunCounts
from engine.session import Session
from engine.types import Limits
from scripts.app.errors import BadData
from scripts.app.sessions.replay import begin, concluding, connect, replay_feed
from scripts.app.terms.bars import BarInput, Window, open_input
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.replay_terms import Terms
from scripts.app.terms.strategies import load_again
from scripts.app.terms.user_signals import UserSignalFile, open_signals


@dataclass(frozen=True)
class SourceFiles:
    """Where a session's files may be: its folder, and what the user says of moved ones."""

    folder: Path
    bars: dict[str, Path] = field(default_factory=dict)
    signals: Path | None = None


def terms_again(started: ev.SessionStarted, metadata: dict[str, Any], places: SourceFiles) -> Terms:
    """The terms of a recorded replay; raises AppError for a file that is gone or changed."""
    factory, timeframes = load_again(started, metadata.get("strategy_file", ""))
    signal_file = _signals(started, metadata, places)
    try:
        limits = converted(started.limits, Limits)
    except msgspec.ValidationError as error:
        raise BadData(f"the session's limits cannot be read: {error}") from error
    return Terms(
        inputs=inputs_again(started, metadata, places),
        preset=started.preset,
        parameters=started.parameters,
        factory=factory,
        timeframes=timeframes,
        limits=limits,
        starting_balance=started.account.balance,
        limit_trades=started.limit_trades,
        slippage=started.costs.get("slippage_points", 0),
        signals=_meant(signal_file, started),
        signals_sha256=signal_file.sha256 if signal_file else "",
        strategy=started.strategy,
        objectives=challenge_of(started),
        currency=started.currency,
    )


def inputs_again(
    started: ev.SessionStarted, metadata: dict[str, Any], places: SourceFiles
) -> list[BarInput]:
    """The bars of a recorded replay; raises BadData for a file that is gone or changed."""
    specs = {spec.name: spec for spec in started.symbols}
    now = SystemClock().now() // 1000
    inputs = []
    for ref in started.data:
        path = _unchanged(
            f"bars of {ref.symbol}",
            ref.sha256,
            _bar_files(ref.symbol, metadata, places),
            remedy=f"give the file with --bars {ref.symbol}=FILE",
        )
        cold = not metadata.get("warm_up", False)
        window = Window(ref.first // 1000, ref.last // 1000 + 1, cold)
        spec = specs[ref.symbol]
        item, _ = open_input(spec, path, ref.clock, window, now, mend=ref.repaired, settled=True)
        inputs.append(item)
    return inputs


def _bar_files(symbol: str, metadata: dict[str, Any], places: SourceFiles) -> list[Path]:
    """Where a symbol's bars may be: only where the user says, or where they were, or came with."""
    if symbol in places.bars:
        return [places.bars[symbol]]
    files = [Path(metadata["paths"][symbol])] if symbol in metadata.get("paths", {}) else []
    name = metadata.get("files", {}).get(symbol)
    if name:
        files.append(places.folder / name)
    if name == sample.SAMPLE.name:
        files.append(sample.SAMPLE)
    return files


def _signals(
    started: ev.SessionStarted, metadata: dict[str, Any], places: SourceFiles
) -> UserSignalFile | None:
    if not started.signals_sha256:
        return None
    recorded = metadata.get("signals_file")
    known = [Path(recorded)] if recorded else []
    path = _unchanged(
        "signals",
        started.signals_sha256,
        [places.signals] if places.signals else known,
        remedy="give the file with --signals FILE",
    )
    return open_signals(path)


def _meant(
    signal_file: UserSignalFile | None, started: ev.SessionStarted
) -> tuple[ev.UserSignal, ...]:
    """The signals with the symbols that the session took them for."""
    if signal_file is None:
        return ()
    return known_signals(signal_file.signals, [spec.name for spec in started.symbols])[0]


def _unchanged(what: str, sha256: str, files: list[Path], *, remedy: str) -> Path:
    """The first of `files` with the recorded hash; raises AppError when there is none."""
    found: dict[Path, str] = {}
    for path in files:
        if path.is_file():
            with path.open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
            if found[path] == sha256:
                return path
    if found:
        path, actual = next(iter(found.items()))
        raise BadData(
            f"{path}: its SHA-256 is {actual}, the session read {what} of {sha256}: "
            f"the file was changed; {remedy} as it was"
        )
    where = f"{files[0]} is not there" if files else "the session does not say where they were"
    raise BadData(f"{what}: {where}; {remedy} (SHA-256 {sha256})")


class BarRerun:
    """Runs a replay anew and compares each record with the journal's, as they come."""

    def __init__(self, records: Iterable[ev.Record], terms: Terms) -> None:
        self._recorded = iter(records)
        self._next = next(self._recorded, None)
        self._comparison = RerunComparison()
        parts = connect(self._comparison, terms)
        self._session = Session(
            parts.bus,
            self._comparison,
            replay_feed(parts, terms),
            [],
            conclude=concluding(parts.portfolio, parts.risk, parts.challenge_actor),
            end_metadata=dict,
            on_slice=self._compare,
        )
        begin(parts, terms)

    def run(self) -> RerunCounts:
        """Compare until the first difference or the end of the bars; raises BarFileError."""
        totals = self._comparison.totals
        try:
            asyncio.run(self._session.run())
        except HandlerFailed as error:
            self._comparison.failure = f"{error.handler} fails: {error.__cause__!r}"
        if totals.difference is None:
            self._compare()
        if totals.difference is None and self._next is not None:
            self._comparison.compare(self._next)
        if totals.difference is None:
            self._comparison.cut()
        return totals

    def _compare(self) -> None:
        """Compare what today's run has so far; at a difference it need not go on."""
        if self._next is None:
            self._comparison.cut()
        while self._comparison.waiting and self._next is not None:
            if _broke_off(self._next):
                self._next = None
            elif self._comparison.compare(self._next):
                self._next = next(self._recorded, None)
            else:
                self._session.request_stop()
                return


def _broke_off(record: ev.Record) -> bool:
    """Whether the recorded run ended here, before its bars did."""
    event = record.event
    return isinstance(event, ev.SessionEnded) and event.outcome is not ev.SessionOutcome.DONE
