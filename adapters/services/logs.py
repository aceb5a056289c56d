"""The session's log: what happened that a person must know, through structlog.

Lines go to a JSON file in the session's folder, which is bounded in size, and, warnings and worse,
to the console. structlog is set up for this log only (nothing global is changed) and imported with
the first line: a quiet session does not pay for it. Of an exception a line keeps kind and message,
never a traceback: locals may hold a secret.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO, cast

from adapters.reports.projection import iso
from adapters.system.outbox import Outbox
from adapters.system.rotation import RotatingText
from adapters.system.threads import in_daemon
from engine import events as ev
from engine.bus import Subscription
from engine.types import USD, Millis, figure, lots

_WAITING: Final = 1024
_LAST_SECONDS: Final = 5.0


class _Reopened:
    """Where lines are written; a file that failed is opened anew for the next line."""

    def __init__(self, path: Path, largest: int, keep: int) -> None:
        self._path, self._largest, self._keep = path, largest, keep
        self._file: RotatingText | None = None
        self._partial = self._ended = False

    def write(self, text: str) -> None:
        if self._ended:  # a line that hung until the session was over
            return
        file = self._file
        if file is None:
            file = RotatingText(self._path, largest=self._largest, keep=self._keep)
            self._file = file
        try:
            file.write(f"\n{text}" if self._partial else text)
            file.flush()
        except (OSError, ValueError):
            self._partial = True  # a part of the line may be in the file
            self.close()
            raise
        self._partial = False

    def flush(self) -> None:
        """Every line is flushed as it is written."""

    def end(self) -> None:
        self._ended = True
        self.close()

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError, ValueError):
                file.close()


class SessionLog:
    """Writes log lines of one session; `now` stamps those that no record has a time for.

    A line that cannot be written ends nothing: it is counted, and `trouble` says why until lines
    can be written again. May be used from any thread.
    """

    def __init__(
        self,
        file: Path,
        session_id: str,
        now: Callable[[], Millis],
        *,
        say: Callable[[str], None] | None,
        largest: int = 8_000_000,
        keep: int = 4,
        apart: bool = False,
    ) -> None:
        """`say` shows a warning to the user; None keeps the console quiet.

        `largest` bytes go into one file; `keep` older ones are kept beside it. `apart` writes and
        shows lines in a thread of their own, so that neither a disk nor a console that hangs holds
        up a session on an account.
        """
        self._file = _Reopened(file, largest, keep)
        self._session_id = session_id
        self._now = now
        self._say = say
        self._apart = apart
        self._queue: Outbox[Callable[[], None]] | None = None
        self._one_at_a_time = threading.Lock()
        self._log: Any = None
        self.trouble: str | None = None

    def info(self, message: str, **facts: Any) -> None:
        """A line for the file."""
        self._put("info", message, facts)

    def warn(self, message: str, **facts: Any) -> None:
        """A line for the file and the console."""
        self._put("warning", message, facts)

    def written(self, seconds: float) -> None:
        """Wait, at most `seconds`, until the lines so far are written (before a process ends)."""
        if self._queue is not None:
            self._queue.delivered(seconds)

    def close(self) -> None:
        """The last thing that a session does. What finds no room even now hides no other error."""
        if self._queue is not None:
            self._queue.finish(_LAST_SECONDS)
        self._file.end()

    def _put(self, level: str, message: str, facts: dict[str, Any]) -> None:
        line = {"at": iso(self._now()), **facts} if self._apart else facts
        if not self._apart:
            self._write(level, message, line, facts)
            return
        if self._queue is None:
            self._queue = Outbox("log", lambda write: write(), room=_WAITING)
        self._queue.put(lambda: self._write(level, message, line, facts))

    def _write(self, level: str, message: str, line: dict[str, Any], facts: dict[str, Any]) -> None:
        with self._one_at_a_time:
            try:
                getattr(self._logger(), level)(message, **line)
            except (OSError, ValueError) as error:
                self._failed(error)
            else:
                self.trouble = None
            if self._say is not None and level == "warning":
                details = " ".join(f"{name}={value}" for name, value in facts.items() if value)
                self._say(f"{message} {details}".rstrip())

    def _failed(self, error: Exception) -> None:
        """Said once, where it still can be."""
        why = getattr(error, "strerror", None) or str(error)
        if self.trouble is None and self._say is not None:
            self._say(f"log: degraded, lines are lost ({why}); the session goes on")
        self.trouble = f"lines are lost ({why})"

    def _logger(self) -> Any:
        if self._log is None:
            import structlog

            self._log = structlog.wrap_logger(
                structlog.WriteLogger(cast("TextIO", self._file)),  # it writes and flushes only
                processors=[
                    structlog.processors.add_log_level,
                    _without_tracebacks,
                    self._stamp,
                    structlog.processors.JSONRenderer(),
                ],
                session=self._session_id,
            )
        return self._log

    def _stamp(
        self, _logger: Any, _name: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        line.setdefault("at", iso(self._now()))
        return line


def _without_tracebacks(
    _logger: Any, _name: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name in ("exc_info", "stack_info", "exception", "stack"):
        line.pop(name, None)
    for name, value in line.items():
        if isinstance(value, BaseException):
            line[name] = f"{type(value).__name__}: {value}"
    return line


class LogSink:
    """The I/O actor that logs why trading stopped, what was refused, what somebody did by hand and
    how the session ended."""

    name = "log"
    kinds: frozenset[type] = frozenset(
        {
            ev.SessionStarted,
            ev.TradingStateChanged,
            ev.UserCommanded,
            ev.RuleViolated,
            ev.OrderRejected,
            ev.OrderUnknown,
            ev.OrderCancelled,
            ev.PositionClosed,
            ev.StopModified,
            ev.ReconciliationMismatch,
            ev.SessionEnded,
        }
    )

    def __init__(
        self, log: SessionLog, *, live: bool = True, past: Sequence[ev.Record] = ()
    ) -> None:
        """A replay meets the same halts again and again: it shows the first of each cause.

        `past` is the session's journal so far, whose first record names the account's currency.
        """
        started = past[0].event if past else None
        self._currency = started.currency if isinstance(started, ev.SessionStarted) else USD
        self._log = log
        self._live = live
        self._shown: set[str] = set()

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            told = [record for record in batch if _is_told(record.event)]
            if told:
                await in_daemon(partial(self._lines, told))

    def _lines(self, batch: list[ev.Record]) -> None:
        for record in batch:
            self._line(record)

    def _line(self, record: ev.Record) -> None:
        event, at = record.event, iso(record.time)
        match event:
            case ev.SessionStarted():
                self._currency = event.currency
            case ev.TradingStateChanged() if event.cause is not None:
                self._halted(event, at)
            case ev.TradingStateChanged():
                self._log.info("trading freer", at=at, state=str(event.state), why=event.detail)
            case ev.UserCommanded():
                self._log.info("user's order", at=at, action=str(event.action), why=event.reason)
            case ev.RuleViolated():
                self._log.warn(f"a rule of the firm was violated: {event.detail}", at=at)
            case ev.OrderRejected():
                self._log.warn(
                    "order rejected",
                    at=at,
                    order=event.order_id,
                    symbol=event.symbol,
                    retcode=event.retcode,
                    why=event.message,
                )
            case ev.OrderUnknown():
                self._log.warn(
                    "outcome of an order unknown",
                    at=at,
                    order=event.order_id,
                    symbol=event.symbol,
                    why=event.message,
                )
            case ev.OrderCancelled():
                self._log.warn(
                    "a close could not be sent: it leaves once link and account are proved",
                    at=at,
                    order=event.order_id,
                    why=event.reason,
                )
            case ev.SessionEnded() if event.outcome is not ev.SessionOutcome.DONE:
                self._log.info("session ended", at=at, outcome=str(event.outcome), why=event.detail)
            case _:
                self._by_hand(event, at)

    def _halted(self, event: ev.TradingStateChanged, at: str) -> None:
        cause = str(event.cause)
        say = self._log.info if cause in self._shown else self._log.warn
        if not self._live:
            self._shown.add(cause)
        say(
            "new orders stopped",
            at=at,
            state=str(event.state),
            cause=cause,
            equity=figure(event.account.equity, self._currency),
            currency=self._currency,
            detail=event.detail,
        )

    def _by_hand(self, event: ev.Event | ev.Input, at: str) -> None:
        """What somebody else did at the terminal."""
        match event:
            case ev.PositionClosed() | ev.StopModified() if event.reason == ev.BY_HAND:
                closed = isinstance(event, ev.PositionClosed)
                self._log.warn(
                    "position closed by hand" if closed else "stop or target moved by hand",
                    at=at,
                    position=event.position,
                    symbol=event.symbol,
                )
            case ev.ReconciliationMismatch():
                self._log.warn(
                    "beside this session's own, counted as risk and left alone",
                    at=at,
                    external=", ".join(map(_stranger, event.external)) or "nothing any more",
                    mismatches="; ".join(event.mismatches),
                )
            case _:
                pass


def _is_told(event: ev.Event | ev.Input) -> bool:
    """Of what happens to positions only what somebody else did at the terminal, and of orders that
    ended without a fill only those that stay wanted.
    """
    if isinstance(event, ev.OrderCancelled):
        return event.unsent
    if isinstance(event, ev.PositionClosed | ev.StopModified):
        return event.reason == ev.BY_HAND
    return True


def _stranger(item: ev.ExternalExposure) -> str:
    return f"{item.ticket} {item.symbol} {item.side.word} {lots(item.volume)} lots"
