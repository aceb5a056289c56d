"""Turning the days of a session on a terminal: resets, and the ends of weeks."""

from __future__ import annotations

from collections.abc import Iterator

from engine import events as ev
from engine.bus import Bus
from engine.types import Millis


class Days:
    """Puts resets and weekends on the bus once their time has come, each once and in order.

    `resets` gives the beginnings of trading days with their dates, without end; `weekends` when
    something is due before a week closes, with the moment of its closing.
    """

    def __init__(
        self,
        bus: Bus,
        resets: Iterator[tuple[Millis, str]],
        weekends: Iterator[tuple[Millis, Millis]] = iter(()),  # noqa: B008 - nothing to share
    ) -> None:
        self._bus = bus
        self._resets = resets
        self._next_reset = next(resets)
        self._weekends = weekends
        self._next_weekend = next(weekends, None)

    def is_due(self, until: Millis) -> bool:
        """Whether a trading day begins by `until` that was not turned yet."""
        return self._next_reset[0] <= until

    @property
    def next_due(self) -> Millis:
        """When the next of them is due."""
        weekend = self._next_weekend
        return self._next_reset[0] if weekend is None else min(self._next_reset[0], weekend[0])

    def turn(self, until: Millis, account: ev.AccountSeen) -> None:
        """What was due by `until`, with the account's figures of now; at one instant the reset
        comes last."""
        while (moment := self.next_due) <= until:
            weekend = self._next_weekend
            if weekend is not None and weekend[0] == moment:
                self._bus.feed(ev.WeekendDue(weekend[1]))
                self._next_weekend = next(self._weekends, None)
                continue
            _, date = self._next_reset
            self._bus.feed(ev.ResetDue(date, account.balance, account.equity, account.margin))
            self._next_reset = next(self._resets)
