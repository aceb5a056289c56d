"""What the journal says of a firm's objectives and of each day, for the summary. Pure folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adapters.reports.projection import iso
from engine import events as ev
from engine.calendar import trading_date
from engine.types import USD, Cents, Millis, booked

Units = Callable[[Cents | None], float | None]


def units_in(currency: str) -> Units:
    """What gives cents as units of the account's currency: whole ones where it has no decimals."""

    def units(amount: Cents | None) -> float | None:
        return None if amount is None else booked(amount, currency) / 100

    return units


_GOES_ON = (
    ev.AttemptOutcome.PHASE_PASSED,
    ev.AttemptOutcome.PHASE_NOT_PROVEN,
    ev.AttemptOutcome.REWARDED,
)


class AttemptsProjection:
    """The attempts at the objectives, one entry each: its phases together."""

    KINDS: frozenset[type] = frozenset(
        {ev.AttemptStarted, ev.AttemptEnded, ev.RuleViolated, ev.SessionEnded}
    )

    def __init__(self) -> None:
        self._rules: dict[str, Any] = {}
        self._attempts: list[dict[str, Any]] = []
        self._loss_buffer: ev.LossBuffer | None = None
        self._units = units_in(USD)
        self.deposits: Cents = 0
        """What all fresh balances took together: no result of trading."""

    def begin(self, started: ev.SessionStarted) -> None:
        self._rules = started.objectives
        self._units = units_in(started.currency)

    def take(self, record: ev.Record) -> None:
        event = record.event
        match event:
            case ev.AttemptStarted():
                self._started(event, record.time)
            case ev.AttemptEnded():
                self._ended(event, record.time)
            case ev.RuleViolated():
                self._violated(event, record.time)
            case ev.SessionEnded():
                self._loss_buffer = event.loss_buffer
                self._unfinished(event, record.time)
            case _:
                pass

    def _started(self, event: ev.AttemptStarted, time: Millis) -> None:
        self.deposits += event.deposit
        if self._attempts and self._attempts[-1]["attempt"] == event.attempt:
            self._attempts[-1] |= {"phase": event.phase, "phase_name": event.name}
            return
        self._attempts.append(
            {
                "attempt": event.attempt,
                "start": iso(time),
                "end": None,
                "days": 0,
                "trading_days": 0,
                "outcome": "unfinished",
                "cause": "",
                "detail": "",
                "phase": event.phase,
                "phase_name": event.name,
                "phases_passed": 0,
                "rewards": 0,
                "min_buffer": None,
                "min_buffer_at": None,
                "final_balance": None,
                "violations": [],
            }
        )

    def _violated(self, event: ev.RuleViolated, time: Millis) -> None:
        self._attempts[-1]["violations"].append(
            {
                "time": iso(time),
                "since": iso(event.since),
                "rule": event.rule,
                "cause": event.cause,
                "symbol": event.symbol,
                "position": event.position,
                "detail": event.detail,
            }
        )

    def _ended(self, event: ev.AttemptEnded, time: Millis) -> None:
        attempt = self._attempts[-1]
        passed = event.outcome in (ev.AttemptOutcome.PHASE_PASSED, ev.AttemptOutcome.PASSED)
        attempt["phases_passed"] += passed
        attempt["rewards"] += event.outcome is ev.AttemptOutcome.REWARDED
        attempt["trading_days"] += event.trading_days
        attempt |= {
            "end": iso(time),
            "outcome": "unfinished" if event.outcome in _GOES_ON else str(event.outcome),
            "cause": event.cause,
            "detail": event.detail,
            "final_balance": self._units(event.account.balance),
        }
        self._least(event.min_buffer, event.min_buffer_at, event.days)

    def _least(self, room: Cents, at: Millis, days: int) -> None:
        attempt = self._attempts[-1]
        attempt["days"] += days
        least = self._units(room) or 0.0
        if attempt["min_buffer"] is None or least < attempt["min_buffer"]:
            attempt |= {"min_buffer": least, "min_buffer_at": iso(at)}

    def _unfinished(self, event: ev.SessionEnded, time: Millis) -> None:
        room = event.loss_buffer
        if room is None or not self._attempts or self._attempts[-1]["outcome"] != "unfinished":
            return
        self._attempts[-1]["trading_days"] += room.trading_days
        self._attempts[-1] |= {
            "end": iso(time),
            "final_balance": self._units(event.account.balance),
        }
        self._least(room.min_buffer, room.min_buffer_at, room.days)

    def summary(self, not_modelled: Sequence[str]) -> dict[str, Any]:
        """The keys `objectives`, `attempts` and `loss_buffer`; null or empty without objectives.

        `not_modelled` are the rules that the firm alone judges.
        """
        counts = self._counts_of() if self._rules else None
        return {
            "objectives": counts and {**counts, "not_modelled": list(not_modelled)},
            "attempts": [dict(attempt) for attempt in self._attempts],
            "loss_buffer": None
            if self._loss_buffer is None
            else _room(self._loss_buffer, self._units),
        }

    def _counts_of(self) -> dict[str, Any]:
        outcomes = [attempt["outcome"] for attempt in self._attempts]
        passed = outcomes.count("passed")
        unfinished, not_proven = outcomes.count("unfinished"), outcomes.count("not_proven")
        decided = len(outcomes) - unfinished - not_proven
        return {
            "name": self._rules["rules"]["name"],
            "title": self._rules["rules"]["title"],
            "passed": passed,
            "failed": decided - passed,
            "not_proven": not_proven,
            "unfinished": unfinished,
            "pass_rate": passed / decided if decided else None,
        }


def _room(room: ev.LossBuffer, units: Units) -> dict[str, Any]:
    return {
        "attempt": room.attempt,
        "phase": room.phase,
        "today": units(room.today),
        "overall": units(room.overall),
        "order_risk": units(room.order_risk),
        "orders_today": room.orders_today,
        "orders_overall": room.orders_overall,
        "reset_in_hours": room.reset_in / 3_600_000,
        "to_target": units(room.to_target),
        "progress": room.progress,
        "missing": list(room.missing),
        "days": room.days,
        "trading_days": room.trading_days,
        "best_day_share": room.best_day_share,
        "requests_today": room.requests_today,
        "positions_today": room.positions_today,
        "min_buffer": units(room.min_buffer),
        "min_buffer_at": iso(room.min_buffer_at),
    }


class DaysProjection:
    """One entry for each trading day on which something happened.

    `worst_equity` is known where objectives are followed, else null.
    """

    KINDS: frozenset[type] = frozenset(
        {
            ev.OrderDenied,
            ev.PositionOpened,
            ev.PositionClosed,
            ev.DayRolled,
            ev.AttemptStarted,
            ev.SessionEnded,
        }
    )

    def __init__(self) -> None:
        self._days: list[dict[str, Any]] = []
        self._units = units_in(USD)
        self._date = ""
        self._day_start: Cents = 0
        self._start: Cents = 0
        self._opened = 0
        self._trades = 0
        self._denials = 0

    def begin(self, started: ev.SessionStarted, time: Millis) -> None:
        zone = started.limits.get("reset_zone", "UTC")
        self._units = units_in(started.currency)
        self._date = trading_date(zone, started.limits.get("reset_hour", 0), time)
        self._day_start = self._start = started.account.balance

    def take(self, record: ev.Record) -> None:
        event = record.event
        match event:
            case ev.OrderDenied():
                self._denials += 1
            case ev.PositionOpened():
                self._opened += 1
            case ev.PositionClosed():
                self._trades += not event.remaining
            case ev.AttemptStarted():
                self._start += event.deposit
            case ev.DayRolled():
                self._end(event.account, event.worst)
                self._date, self._day_start = event.date, event.day_start
                self._start = event.account.balance
            case ev.SessionEnded():
                room = event.loss_buffer
                self._end(event.account, None if room is None else room.worst_today)
            case _:
                pass

    def _end(self, account: ev.Account, worst: Cents | None) -> None:
        realised = account.balance - self._start
        if realised or self._opened or self._trades or self._denials:
            self._days.append(
                {
                    "date": self._date,
                    "anchor": self._units(self._day_start),
                    "realised": self._units(realised),
                    "end_equity": self._units(account.equity),
                    "worst_equity": self._units(worst),
                    "opened": self._opened,
                    "trades": self._trades,
                    "denials": self._denials,
                }
            )
        self._opened = self._trades = self._denials = 0

    def summary(self) -> dict[str, Any]:
        """The key `daily`."""
        return {"daily": list(self._days)}
