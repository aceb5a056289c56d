"""Event logs made up row by row, for tests that read them."""

from __future__ import annotations

from adapters.reports.projection import LOG_COLUMNS, Row, iso
from adapters.reports.runs import Run, digits_of, parse_log, read_run
from adapters.reports.sinks import csv_bytes

NOON = 1_736_251_200_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def row(minute: float, event: str, **cells: str) -> Row:
    """A row so many minutes after noon."""
    usual = {"symbol": "EURUSD", "direction": "long", "session_id": "s", "data_mode": "replay"}
    return {
        **dict.fromkeys(LOG_COLUMNS, ""),
        **usual,
        "timestamp": iso(NOON + round(minute * MINUTE)),
        "event": event,
        **cells,
    }


def opened(minute: float, ticket: int, **cells: str) -> Row:
    """An opening at 1.10000 with its stop 100 points below."""
    usual = {
        "ticket": str(ticket), "signal_id": f"x:{ticket}", "volume": "1.00", "price": "1.10000",
        "reason": "tag", "stop_loss": "1.09900", "take_profit": "1.10200", "commission": "-2.50",
    }  # fmt: skip
    return row(minute, "OPEN", **{**usual, **cells})


def closed(minute: float, ticket: int, **cells: str) -> Row:
    """A closing at the target."""
    usual = {
        "ticket": str(ticket), "signal_id": f"x:{ticket}", "volume": "1.00", "price": "1.10200",
        "reason": "TP", "profit": "200.00", "commission": "-2.50", "swap": "0.00",
    }  # fmt: skip
    return row(minute, "CLOSE", **{**usual, **cells})


def denied(minute: float, number: int, reason: str = "max_positions", **cells: str) -> Row:
    """An entry that risk denied."""
    return row(minute, "FILTER", **{"signal_id": f"x:{number}", "reason": reason, **cells})


def trade(minute: float, ticket: int) -> list[Row]:
    """A position that reaches its target after half an hour."""
    return [opened(minute, ticket), closed(minute + 30, ticket)]


def text_of(rows: list[Row]) -> str:
    """The rows as a file has them."""
    return csv_bytes(rows, header=True).decode()


def run_of(rows: list[Row]) -> Run:
    """The run in these rows, by way of the file's text."""
    lines = parse_log(text_of(rows), "log.csv")
    return read_run(lines, digits_of(lines))
