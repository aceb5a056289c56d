"""Firm days from a session's events: attached to a replay, or fed from the records of a session.

The base of odds is a session under the firm's conduct rules and calendar, but without ends: limits
and target off. What is open is known from the events themselves, as the rules see it: nothing open
means no position and no margin.
"""

from __future__ import annotations

from collections.abc import Callable

from engine import events as ev
from engine.calendar import trading_date
from engine.types import Cents, Millis
from risk.odds.days import FirmDay, without_idle_weekends
from risk.odds.recorder import DayRecorder


class DayFold:
    """Follows one session from its start; `trades` counts the positions that were closed."""

    def __init__(self, zone: str, hour: int, now: Callable[[], Millis]) -> None:
        """Days turn at `hour` o'clock in `zone`, as the rules say; `now` is the event's moment."""
        self._zone, self._hour = zone, hour
        self._now = now
        self._open: set[int] = set()
        self._recorder: DayRecorder | None = None
        self.trades = 0

    def routes(self) -> ev.Routes:
        """For a session that runs."""
        return {**self._common(), ev.ResetDue: self.on_reset}

    def recorded_routes(self) -> ev.Routes:
        """For records of a session, in which a reset stands as the day that it began.

        The look at the account that follows our own deals is none of them: the deals have it.
        """
        return {
            **self._common(),
            ev.DayRolled: self.on_day_rolled,
            ev.PositionOpened: self.on_recorded_opening,
            ev.PositionClosed: self.on_recorded_closing,
        }

    def _common(self) -> ev.Routes:
        return {
            ev.SessionStarted: self.on_started,
            ev.AccountSeen: self.on_account,
            ev.PositionOpened: self.on_opened,
            ev.PositionClosed: self.on_closed,
        }

    def on_started(self, started: ev.SessionStarted) -> None:
        date = trading_date(self._zone, self._hour, self._now())
        self._recorder = DayRecorder(date, started.account.balance)

    @property
    def _days(self) -> DayRecorder:
        if self._recorder is None:
            raise RuntimeError("an account's figures came before the session started")
        return self._recorder

    def _flat(self, margin: Cents) -> bool:
        return not self._open and not margin

    def on_account(self, seen: ev.AccountSeen) -> None:
        days = self._recorder or self._days
        days.seen(seen.balance, seen.equity, flat=not (self._open or seen.margin))

    def on_opened(self, opened: ev.PositionOpened) -> None:
        self._open.add(opened.position)
        if opened.order_id:  # what was taken over was opened before
            self._days.opened()

    def on_closed(self, closed: ev.PositionClosed) -> None:
        if not closed.remaining:
            self._open.discard(closed.position)
            self.trades += 1

    def on_recorded_opening(self, opened: ev.PositionOpened) -> None:
        self.on_opened(opened)
        self._after_a_deal(opened)

    def on_recorded_closing(self, closed: ev.PositionClosed) -> None:
        self.on_closed(closed)
        self._after_a_deal(closed)

    def _after_a_deal(self, dealt: ev.PositionOpened | ev.PositionClosed) -> None:
        if dealt.order_id:
            self.on_account(ev.AccountSeen.of(dealt.account))

    def on_reset(self, reset: ev.ResetDue) -> None:
        flat = self._flat(reset.margin)
        self._days.reset(reset.date, reset.balance, reset.equity, flat=flat)

    def on_day_rolled(self, rolled: ev.DayRolled) -> None:
        account = rolled.account
        flat = self._flat(account.margin)
        self._days.reset(rolled.date, account.balance, account.equity, flat=flat)

    def days(self) -> list[FirmDay]:
        """All firm days, once the session is over."""
        recorded = self._days.finish(flat=not self._open)
        return without_idle_weekends(recorded)
