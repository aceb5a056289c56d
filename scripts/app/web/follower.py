"""A session followed by its journal: read in short looks, so that nothing waits for a reader.

The file is open for no longer than one look takes. A reader that stayed would keep the session from
merging its write-ahead log at its end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from adapters.journal import StoredJournal
from adapters.reports.page.live import LiveContent, LiveLine, LivePage
from adapters.reports.status import Status, StatusFold
from engine import events as ev
from engine.journal import FREQUENT, KINDS, JournalDamaged
from engine.result import RunResult
from engine.result.build import finished
from engine.result.coverage import QUIET_AFTER
from engine.result.fold import ResultFold
from engine.types import Millis
from risk.hindsight import FirmLimitHistory
from scripts.app.session_folder import JOURNAL
from scripts.app.terms.objectives import challenge_of

_BACKLOG: Final = 5_000
"""So many records at once are read without those that come in masses."""

_LAST_TICKS: Final = 2_000
_LINES: Final = 200
_SHARE: Final = 10.0
"""A page that takes long to make is made so much more seldom, by its own time."""

_MADE_SECONDS: Final = 0.25
"""A page is made at most every so often; what a card says needs no page."""

_RECHECK_SECONDS: Final = 5.0
_WITHOUT_TICKS: Final = KINDS - FREQUENT
_EVENTS: Final = frozenset(get_args(ev.Event))


@dataclass
class _Folds:
    """What the records so far add up to."""

    result_fold: ResultFold = field(default_factory=lambda: ResultFold(keeps_denials=False))
    status: StatusFold = field(default_factory=StatusFold)
    page: LivePage = field(default_factory=LivePage)
    lines: deque[LiveLine] = field(default_factory=lambda: deque(maxlen=_LINES))
    seq: int = 0
    time: Millis = 0
    tick_time: Millis = 0
    market_time: Millis = 0

    def take(self, record: ev.Record) -> None:
        self.time = max(self.time, record.time)
        if isinstance(record.event, ev.Tick | ev.BarClosed):
            self.market_time = max(self.market_time, record.time)
        if isinstance(record.event, ev.Tick):
            # Of prices only their time is shown: excursions are the report's business.
            self.tick_time = max(self.tick_time, record.time)
            self.result_fold.watched(record.time)
            return
        if isinstance(record.event, ev.SessionStarted):
            course = challenge_of(record.event)
            self.result_fold.limits = None if course is None else FirmLimitHistory(course.rules)
        self.result_fold.take(record)
        if type(record.event) in _EVENTS:
            self.status.take(record)
            self._line()

    def result(self) -> RunResult:
        """The run so far, its curve as far as the market has come.

        An account is looked at when it changes; what it was last, it still is.
        """
        known = self.result_fold.account
        if self.market_time:
            self.result_fold.observed.figures(self.market_time, known.balance, known.equity)
        return finished(self.result_fold)

    def _line(self) -> None:
        line = self.status.last_line
        if line is not None and (not self.lines or line.seq > self.lines[-1].seq):
            self.lines.append(LiveLine(seq=line.seq, time=line.time, text=line.text))


@dataclass(frozen=True)
class Followed:
    """What a look at a journal gives: the status that records tell, and the page's content.

    `content` is not of the last record where it was made a moment ago.
    """

    content: LiveContent
    status: Status
    last_tick: Millis
    time: Millis

    @property
    def meters(self) -> Any:
        """Those of the first screen."""
        return self.content.values["screen"].value["meters"]


class Follower:
    """Reads a session's journal on. Used by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = folder / JOURNAL
        # Kept: the parts of a path are interned, and so many looks an hour with names of their own
        # would let Python's table of names grow.
        self._files = (self._journal, self._journal.with_name(f"{JOURNAL}-wal"))
        self._folds = _Folds()
        self._stamp: tuple[int, ...] = ()
        self._looked = 0.0
        self._made = 0.0
        self._cost = 0.0
        self._shown = 0
        self._told = 0
        self._content: LiveContent | None = None

    def read(self) -> Followed | None:
        """What is new, None when nothing is (or not yet, after a page that took long to make).

        Raises JournalDamaged for a journal that cannot be read now, OSError for one that is gone.
        """
        try:
            self._read_on()
        except (JournalDamaged, OSError):
            raise
        except Exception:
            # Half a record may have been taken: from the beginning next time.
            self._folds, self._content, self._stamp = _Folds(), None, ()
            raise
        folds = self._folds
        if folds.result_fold.terms is None:
            return None
        made = self._make_sometimes()
        if self._content is None or not (made or folds.seq != self._told):
            return None
        self._told = folds.seq
        return Followed(self._content, folds.status.recorded(), folds.tick_time, folds.time)

    def _make_sometimes(self) -> bool:
        """Make the content anew, unless nothing is new or the last one was made just now."""
        folds, now = self._folds, time.monotonic()
        if self._content is not None and folds.seq == self._shown:
            return False
        soon = now - self._made < max(_MADE_SECONDS, _SHARE * self._cost)
        if self._content is not None and soon and folds.result_fold.ended is None:
            return False
        self._content = folds.page.content(
            folds.seq, folds.time, folds.result(), tuple(folds.lines)
        )
        self._shown, self._made = folds.seq, time.monotonic()
        self._cost = self._made - now
        return True

    def _read_on(self) -> None:
        stamp, now = _stamp(self._files), time.monotonic()
        if stamp == self._stamp and now - self._looked < _RECHECK_SECONDS:
            return
        with StoredJournal(self._journal) as stored:
            last = stored.last_seq
            if last < self._folds.seq:  # another journal of the same name
                self._folds, self._content = _Folds(), None
            self._take(stored, last)
        self._stamp, self._looked = stamp, now

    def _take(self, stored: StoredJournal, last: int) -> None:
        folds = self._folds
        first = folds.seq + 1
        if last - folds.seq > _BACKLOG:
            _take_many(folds, stored, first, last)
        else:
            for record in stored.records(first, last):
                folds.take(record)
                folds.seq = record.seq
        folds.seq = max(folds.seq, last)


def _take_many(folds: _Folds, stored: StoredJournal, first: int, last: int) -> None:
    """All but the ticks, of which the newest are enough, and some that tell when there were any."""
    before = _Place(folds.seq, folds.time)
    for record in stored.records(first, last, kinds=_WITHOUT_TICKS):
        before = _watch(folds, stored, before, _Place(record.seq, record.time))
        folds.take(record)
        folds.seq = record.seq
    if before.seq < last:
        (newest,) = stored.records(last, last)
        _watch(folds, stored, before, _Place(newest.seq, newest.time))
    for record in stored.records(max(first, last - _LAST_TICKS), last, kinds=FREQUENT):
        folds.take(record)


def _watch(folds: _Folds, stored: StoredJournal, a: _Place, b: _Place) -> _Place:
    """Tell the heartbeat of the ticks between two records, so many that none more would matter."""
    for moment in _ticks_within(stored, a, b):
        folds.result_fold.watched(moment)
    return b


class _Place(NamedTuple):
    """A record's number and its time (ms UTC)."""

    seq: int
    time: Millis


def _ticks_within(stored: StoredJournal, a: _Place, b: _Place) -> Iterator[Millis]:
    """Times of ticks between two records; all of them would leave the same gaps.

    Records less than `QUIET_AFTER` apart have no gap between them: nothing there need be read.
    """
    if not a.seq or b.time - a.time <= QUIET_AFTER or b.seq - a.seq < 2:
        return
    middle = (a.seq + b.seq) // 2
    (record,) = stored.records(middle, middle)
    here = _Place(record.seq, record.time)
    yield from _ticks_within(stored, a, here)
    yield here.time
    yield from _ticks_within(stored, here, b)


def _stamp(files: Iterable[Path]) -> tuple[int, ...]:
    """Changes whenever something was written to the journal; `files` are itself and its log."""
    found: list[int] = []
    for file in files:
        try:
            known = file.stat()
        except FileNotFoundError:
            continue
        if known.st_size:  # an empty log is what a reader leaves
            found += [known.st_mtime_ns, known.st_size, known.st_ino]
    return tuple(found)
