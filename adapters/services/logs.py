"""The session's log: what happened that a person must know, through structlog.

Lines go to a JSON file in the session's folder, which is bounded in size, and, warnings and worse,
to the console. structlog is set up for this log only (nothing global is changed) and imported with
the first line: a quiet session does not pay for it. Of an exception a line keeps kind and message,
never a traceback: locals may hold a secret.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, TextIO, cast

import anyio.to_thread

from adapters.reports.projection import cash, iso
from adapters.system.rotation import RotatingText
from engine import events as ev
from engine.bus import Subscription
from engine.types import Millis, lots


class SessionLog:
    """Writes log lines of one session; `now` stamps those that no record has a time for."""

    def __init__(
        self,
        file: Path,
        session_id: str,
        now: Callable[[], Millis],
        *,
        say: Callable[[str], None] | None,
        largest: int = 8_000_000,
        keep: int = 4,
    ) -> None:
        """`say` shows a warning to the user; None keeps the console quiet.

        `largest` bytes go into one file; `keep` older ones are kept beside it.
        """
        self._file = file
        self._largest = largest
        self._keep = keep
        self._session_id = session_id
        self._now = now
        self._say = say
        self._open: RotatingText | None = None
        self._log: Any = None

    def info(self, message: str, **facts: Any) -> None:
        """A line for the file."""
        self._logger().info(message, **facts)

    def warn(self, message: str, **facts: Any) -> None:
        """A line for the file and the console."""
        self._logger().warning(message, **facts)
        if self._say is not None:
            details = " ".join(f"{name}={value}" for name, value in facts.items() if value)
            self._say(f"{message} {details}".rstrip())

    def close(self) -> None:
        """The last thing that a session does. What finds no room even now hides no other error."""
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.close()

    def _logger(self) -> Any:
        if self._log is None:
            import structlog

            self._open = RotatingText(self._file, largest=self._largest, keep=self._keep)
            self._log = structlog.wrap_logger(
                structlog.WriteLogger(cast("TextIO", self._open)),  # it writes and flushes only
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
            ev.TradingStateChanged,
            ev.UserCommanded,
            ev.OrderRejected,
            ev.OrderUnknown,
            ev.OrderCancelled,
            ev.PositionClosed,
            ev.StopModified,
            ev.ReconciliationMismatch,
            ev.SessionEnded,
        }
    )

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            told = [record for record in batch if _is_told(record.event)]
            if told:
                await anyio.to_thread.run_sync(self._lines, told)

    def _lines(self, batch: list[ev.Record]) -> None:
        for record in batch:
            self._line(record)

    def _line(self, record: ev.Record) -> None:
        event, at = record.event, iso(record.time)
        match event:
            case ev.TradingStateChanged() if event.cause is not None:
                self._log.warn(
                    "new orders stopped",
                    at=at,
                    state=str(event.state),
                    cause=str(event.cause),
                    equity=cash(event.account.equity),
                    detail=event.detail,
                )
            case ev.TradingStateChanged():
                self._log.info("trading freer", at=at, state=str(event.state), why=event.detail)
            case ev.UserCommanded():
                self._log.info("user's order", at=at, action=str(event.action), why=event.reason)
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
