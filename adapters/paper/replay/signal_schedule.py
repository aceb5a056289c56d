"""When a replay acts on the user's signals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from adapters.paper.replay.cursor import NEVER
from engine import events as ev
from engine.types import Millis

_SIGNAL_LIFE: Millis = 900_000  # one M15 bar


class HeldExits(Protocol):
    """Exits that wait for the end of a window (`risk.news.NewsRestriction`)."""

    def next_time(self, symbol: str) -> Millis:
        """When one of `symbol` is held no longer."""

    def due(self, symbol: str, now: Millis) -> Iterator[ev.HeldExitDue]:
        """Those that are held no longer."""


class SignalSchedule:
    """What is to happen at given times: inputs by symbol, each at the first opening from then on.

    `first` are those that can be published before any bar, `last` those that no opening came for.
    """

    def __init__(
        self,
        first: Iterable[ev.SignalDue] = (),
        due: Iterable[tuple[str, Millis, ev.SignalDue | ev.ExitDue]] = (),
        held: HeldExits | None = None,
    ) -> None:
        self._held = held
        self.first = list(first)
        self._due: dict[str, deque[tuple[Millis, ev.SignalDue | ev.ExitDue]]] = {}
        for symbol, moment, item in sorted(due, key=lambda entry: entry[1]):
            self._due.setdefault(symbol, deque()).append((moment, item))

    @property
    def in_use(self) -> bool:
        """Whether anything can be due at an opening at all, now or later."""
        return bool(self._due) or self._held is not None

    def next_time(self, symbol: str) -> Millis:
        """When something is due next for `symbol`; NEVER when nothing is."""
        waiting = self._due.get(symbol)
        moment = waiting[0][0] if waiting else NEVER
        return moment if self._held is None else min(moment, self._held.next_time(symbol))

    def due(self, symbol: str, now: Millis) -> Iterator[ev.SignalDue | ev.ExitDue | ev.HeldExitDue]:
        """Take what is due by `now`; a signal that waited longer than a bar has expired."""
        waiting = self._due.get(symbol)
        while waiting and waiting[0][0] <= now:
            moment, item = waiting.popleft()
            if isinstance(item, ev.SignalDue) and now > moment + _SIGNAL_LIFE:
                item = ev.SignalDue(item.signal, item.problem or ev.DenyReason.EXPIRED)
            yield item
        if self._held is not None:
            yield from self._held.due(symbol, now)

    def last(self) -> Iterator[ev.SignalDue]:
        """Take the signals that are left when the bars have ended."""
        for waiting in self._due.values():
            while waiting:
                _, item = waiting.popleft()
                if isinstance(item, ev.SignalDue):
                    yield ev.SignalDue(item.signal, item.problem or ev.DenyReason.OUTSIDE_DATA)
