"""Rows of the event log as lines of its file.

Most of a long log are openings and closings: their lines are written in one step, from the form
that a symbol's lines have. All other rows, and those two where something is unusual about them,
are made cell by cell; a text that needs quotes or begins as a formula does is found in the whole of
what is to be written, and then each cell is looked at.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from adapters.reports.projection import (
    LOG_COLUMNS,
    WORDS,
    LogProjection,
    Row,
    iso,
    never_computed,
)
from engine import events as ev
from engine.types import UNITS_PER_LOT, Millis, decimals

_KNOWN: Final = frozenset(LOG_COLUMNS)
_BLANKS: Final = ("",) * len(LOG_COLUMNS)
_COMMAS: Final = len(LOG_COLUMNS) - 1
_MAY_BE_FORMULA: Final = re.compile(r"(?:^|,)(?:[=+@\t\r]|-(?!\d+(?:\.\d+)?(?:,|$)))").search
"""In a row: a cell that begins as a formula does. Negative amounts do not: most rows have one."""
_TO_BE_QUOTED: Final = re.compile(r'["\r\n]').search
_NEGATIVE: Final = re.compile(r"-(?<=[,\n]-)(?!\d+(?:\.\d+)?[,\n])").search
"""It begins with the sign itself, which is found faster than what may stand before it."""


def csv_bytes(rows: list[Row], *, header: bool) -> bytes:
    """Rows of the event log as UTF-8 CSV with `\\n` line ends."""
    cells = list(map(_cells, rows))
    text = "\n".join(["", *map(",".join, cells), ""])
    if not _stands(text, len(rows)):
        text = "\n" + "".join(map(_line, cells))
    return (_line(LOG_COLUMNS) * header + text[1:]).encode()


class LogLines:
    """The event log of a session, from its records one after the other."""

    def __init__(self) -> None:
        self._projection = LogProjection()
        self._forms: dict[str, _Forms] = {}
        self._makers: dict[type, Callable[[Any, Millis], str | None]] = {
            ev.PositionOpened: self._opened,
            ev.PositionClosed: self._closed,
        }

    def content(self, records: Iterable[ev.Record]) -> bytes:
        """The lines that `records` add; the same as `csv_bytes` makes of their rows."""
        lines: list[str] = [""]
        found: list[Row | ev.Record] = []
        projection, makers = self._projection, self._makers
        for record in records:
            event: Any = record.event
            make = makers.get(type(event))
            line = None if make is None else make(event, record.time)
            if line is not None:
                projection.take_deal(event)
                lines.append(line)
                found.append(record)
            elif row := projection.row(record):
                lines.append(",".join(_cells(row)))
                found.append(row)
            elif type(event) is ev.SessionStarted:
                self._forms = _forms_of(record, event)
        text = "\n".join([*lines, ""])
        if _stands(text, len(found)):
            return text[1:].encode()
        rows = (it if isinstance(it, dict) else projection.deal(it) for it in found)
        return "".join(map(_line, map(_cells, rows))).encode()

    def _opened(self, event: ev.PositionOpened, time: Millis) -> str | None:
        forms = self._forms.get(event.symbol)
        if forms is None or not (event.volume and event.price) or event.asked is not msgspec.UNSET:
            return None
        scale, price, opening, _ = forms
        account, stop, target = event.account, event.stop_loss, event.take_profit
        return opening % (
            iso(time), event.position, WORDS[event.side], event.volume / UNITS_PER_LOT,
            event.price / scale, event.reason, account.equity / 100, event.strategy_id,
            event.signal_id, price % (stop / scale) if stop else "",
            price % (target / scale) if target else "", event.commission / 100,
            account.balance / 100,
        )  # fmt: skip

    def _closed(self, event: ev.PositionClosed, time: Millis) -> str | None:
        forms = self._forms.get(event.symbol)
        if forms is None or not (event.volume and event.price):
            return None
        scale, _, _, closing = forms
        account = event.account
        return closing % (
            iso(time), event.position, WORDS[event.side], event.volume / UNITS_PER_LOT,
            event.price / scale, event.reason, account.equity / 100, event.strategy_id,
            event.signal_id, event.profit / 100, event.commission / 100, event.swap / 100,
            account.balance / 100,
        )  # fmt: skip


class _Forms(NamedTuple):
    """How lines of one symbol are written; `scale` is the points in one unit of price."""

    scale: float
    price: str
    opening: str
    closing: str


def _forms_of(record: ev.Record, started: ev.SessionStarted) -> dict[str, _Forms]:
    """The forms by symbol; none where money has no decimals, which is rounded as it is booked."""
    if not decimals(started.currency):
        return {}
    session, mode = _literal((record.metadata or {}).get("session_id", "")), _literal(started.mode)
    forms = {}
    for spec in started.symbols:
        price, symbol = f"%.{spec.digits}f", _literal(spec.name)
        begin, deal = f"{symbol},%s,%.2f,{price},%s,%.2f,%s,%s,{session}", f"%.2f,{mode}"
        forms[spec.name] = _Forms(
            scale=float(10**spec.digits),
            price=price,
            opening=f"%s,OPEN,%d,{begin},%s,%s,,%.2f,,{deal},",
            closing=f"%s,CLOSE,%d,{begin},,,%.2f,%.2f,%.2f,{deal},",
        )
    return forms


def _literal(text: object) -> str:
    """A text as it stands within a form."""
    return str(text).replace("%", "%%")


def _stands(text: str, rows: int) -> bool:
    """Whether no cell of the rows, each behind a line's end, needs quotes or to be made a text."""
    return (
        text.count("\n") == rows + 1
        and text.count(",") == rows * _COMMAS
        and '"' not in text
        and "\r" not in text
        and not any(map(partial(_begins_a_cell, text), "=+@\t"))
        and not _NEGATIVE(text)
    )


def _begins_a_cell(text: str, sign: str) -> bool:
    """Whether any cell begins with `sign`; most signs are nowhere, which is seen fastest."""
    return sign in text and (f",{sign}" in text or f"\n{sign}" in text)


def _line(cells: Iterable[str]) -> str:
    """A row of the file; the general way where anything in it may need quotes."""
    cells = tuple(cells)
    line = ",".join(cells)
    if line.count(",") != _COMMAS or _MAY_BE_FORMULA(line):  # a comma of its own: look at each
        cells = tuple(map(never_computed, cells))
        line = ",".join(cells)
    if line.count(",") == _COMMAS and not _TO_BE_QUOTED(line):
        return line + "\n"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _cells(row: Row) -> tuple[str, ...]:
    """The row in the order of the columns, blank where it says nothing."""
    if tuple(row) == LOG_COLUMNS:
        return tuple(row.values())
    if not row.keys() <= _KNOWN:
        raise ValueError(f"no column of the event log: {', '.join(row.keys() - _KNOWN)}")
    return tuple(map(row.get, LOG_COLUMNS, _BLANKS))
