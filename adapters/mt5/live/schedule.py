"""The user's own signals in a live session: each at its time, or expired when that has passed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush

from engine import events as ev
from engine.types import Millis

SIGNAL_LIFE: Millis = 900_000
"""How late a signal may be acted on: within one M15 bar."""

_Due = ev.SignalDue | ev.ExitDue


class LiveSignalSchedule:
    """Signals in order of time, with the times at which their positions are to be left.

    `symbols` are the session's; `known` are ids of signals that an earlier part of the session has
    had already: of those only the time of leaving is still due.
    """

    def __init__(self, symbols: Collection[str], known: Collection[str] = ()) -> None:
        self._symbols = symbols
        self._known = known
        self._waiting: list[tuple[Millis, int, _Due]] = []
        self._added = 0
        self._left: set[tuple[str, Millis]] = set()

    def add(self, signals: Iterable[ev.UserSignal]) -> None:
        """Take more signals, in any order."""
        for signal in signals:
            if signal.signal_id not in self._known:
                self._push(signal.time, ev.SignalDue(signal))
            if signal.exit_time is not None:
                self.leave(signal.signal_id, signal.exit_time)

    def leave(self, signal_id: str, exit_time: Millis) -> None:
        """The signal's position is to be left at a moment (ms UTC); said twice it counts once."""
        if (signal_id, exit_time) not in self._left:
            self._left.add((signal_id, exit_time))
            self._push(exit_time, ev.ExitDue(signal_id, exit_time))

    def due(self, now: Millis, *, hold: bool = False) -> Iterator[_Due]:
        """What is due by `now` (ms UTC), in order of time.

        With `hold` entries wait, as they do while the link is lost: trading is suspended and may go
        on before they expire. Times of leaving never wait.
        """
        held: list[tuple[Millis, int, _Due]] = []
        while self._waiting and self._waiting[0][0] <= now:
            moment, number, item = heappop(self._waiting)
            judged = self._judged(item, moment, now)
            if hold and isinstance(judged, ev.SignalDue) and judged.problem is None:
                held.append((moment, number, item))
            else:
                yield judged
        for entry in held:
            heappush(self._waiting, entry)

    def _judged(self, item: _Due, moment: Millis, now: Millis) -> _Due:
        if isinstance(item, ev.ExitDue):
            return item
        if item.signal.symbol not in self._symbols:
            return ev.SignalDue(item.signal, ev.DenyReason.UNKNOWN_SYMBOL)
        if now > moment + SIGNAL_LIFE:
            return ev.SignalDue(item.signal, ev.DenyReason.EXPIRED)
        return item

    def _push(self, moment: Millis, item: _Due) -> None:
        self._added += 1
        heappush(self._waiting, (moment, self._added, item))
