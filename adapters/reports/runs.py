"""A run as its event log tells it: trades, refusals and halts, in the engine's units. Pure."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from engine import money
from engine.events import DenyReason
from engine.types import UNITS_PER_LOT, Cents, Millis, Points, Side, Units

_SIDES = {side.word: side for side in Side}
_REFUSALS = {"FILTER": "denied as", "REJECT": "rejected with", "UNKNOWN": "of"}
_PRICES = ("price", "stop_loss", "take_profit")
HALTED = str(DenyReason.HALTED)
"""The reason of denials during a halt, which summaries count and logs do not repeat."""

READ_COLUMNS = (
    "timestamp", "event", "ticket", "symbol", "direction", "volume", "price", "reason",
    "signal_id", "session_id", "stop_loss", "take_profit", "profit", "commission", "swap",
    "data_mode",
)  # fmt: skip
"""What is read of an event log. Logs of older programs have fewer columns, and newer ones more."""

_DIGITS = 15


class RunUnreadable(Exception):
    """Raised when a file is no event log or a cell cannot be understood; names file and line."""


class LogLine(NamedTuple):
    """A row of an event log and where it is."""

    file: str
    line: int
    cells: Mapping[str, str]

    def bad(self, column: str, wanted: str) -> RunUnreadable:
        """What to raise for a cell that is not what is `wanted`."""
        shown = self.cells[column][:40]
        return RunUnreadable(f"{self.file}: line {self.line}: {column} {shown!r}: {wanted}")


class Fill(NamedTuple):
    """An opening or closing: when, at which price, and why."""

    time: Millis
    price: Points
    reason: str


@dataclass(frozen=True, kw_only=True)
class Trade:
    """A position's life.

    `opening` is None when the log knows only its end, `closing` while any of it is open: then the
    price is the average of the parts, time and reason are those of the last. `stop` and `target`
    are those of the opening, `last_stop` the one it ended with; 0 for none.
    """

    ticket: str
    signal_id: str
    symbol: str
    side: Side
    volume: Units
    opening: Fill | None
    closing: Fill | None
    stop: Points = 0
    target: Points = 0
    last_stop: Points = 0
    net: Cents = 0
    commission: Cents = 0
    swap: Cents = 0

    @property
    def time(self) -> Millis:
        """When it was opened, as far as the log knows."""
        known = self.opening or self.closing
        return known.time if known else 0

    @property
    def risk(self) -> Points:
        """Points between opening and initial stop (1 R); 0 when unknown."""
        return abs(self.opening.price - self.stop) if self.opening and self.stop else 0


class Refusal(NamedTuple):
    """An order that did not become a deal: FILTER (denied), REJECT or UNKNOWN."""

    time: Millis
    kind: str
    signal_id: str
    symbol: str
    side: Side
    reason: str

    @property
    def words(self) -> str:
        """Such as "denied as max_positions"."""
        return f"{_REFUSALS[self.kind]} {self.reason.replace('unknown_outcome', 'unknown outcome')}"


class Halt(NamedTuple):
    """Trading stopped for a cause, or (`resumed`) went on."""

    time: Millis
    reason: str
    resumed: bool


@dataclass
class Run:
    """All that an event log says; `mode` is its data_mode, `skipped` counts rows of other kinds.

    `unlogged` are denials that only a summary knows: those during a halt. `currency` is the
    account's where a summary or journal beside the log tells it.
    """

    session_id: str = ""
    mode: str = ""
    currency: str = ""
    trades: list[Trade] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unlogged: int = 0
    first: Millis = 0
    last: Millis = 0

    def played(self, first: Millis, last: Millis) -> None:
        """Widen the run's times to what it played, also where nothing happened."""
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)

    @property
    def denied(self) -> Counter[str]:
        """Entries that risk denied, by reason."""
        counts = Counter(item.reason for item in self.refusals if item.kind == "FILTER")
        counts[HALTED] += self.unlogged
        return counts

    @property
    def empty(self) -> bool:
        """Whether nothing is known of the run: its log has no row."""
        return not self.last


def parse_log(text: str, file: str) -> list[LogLine]:
    """The rows of an event log; raises RunUnreadable for anything else."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = [name for name in READ_COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise RunUnreadable(
            f"{file}: line 1: not an event log, it has no column {missing[0]!r}; "
            "give an event log as runs write it"
        )
    lines = []
    try:
        for cells in reader:
            if None in cells or None in cells.values():
                raise RunUnreadable(
                    f"{file}: line {reader.line_num}: has not the number of cells of the header"
                )
            lines.append(LogLine(file, reader.line_num, cells))
    except csv.Error as error:
        raise RunUnreadable(f"{file}: line {reader.line_num}: {error}") from error
    return lines


def digits_of(lines: Iterable[LogLine]) -> dict[str, int]:
    """The decimals of each symbol's prices: what a point is."""
    digits: dict[str, int] = {}
    for line in lines:
        for column in _PRICES:
            decimals = len(line.cells[column].partition(".")[2])
            symbol = line.cells["symbol"]
            digits[symbol] = max(digits.get(symbol, 0), decimals)
    return digits


def read_run(lines: Iterable[LogLine], digits: Mapping[str, int]) -> Run:
    """The run in these rows, prices in points of `digits`; raises RunUnreadable."""
    run = Run()
    positions: dict[str, _Position] = {}
    every: list[_Position] = []
    for line in lines:
        moment = _moment(line)
        run.session_id, run.mode = line.cells["session_id"], line.cells["data_mode"]
        run.first, run.last = run.first or moment, max(run.last, moment)
        kind, ticket = line.cells["event"], line.cells["ticket"]
        if kind == "OPEN" or (kind == "CLOSE" and ticket not in positions):
            positions[ticket] = _Position(line, digits)
            every.append(positions[ticket])
        if kind in ("OPEN", "CLOSE"):
            positions[ticket].take(line, moment)
        elif kind == "MODIFY" and ticket in positions:
            positions[ticket].last_stop = positions[ticket].points(line, "stop_loss")
        elif kind in _REFUSALS:
            run.refusals.append(_refusal(line, moment))
        elif kind in ("HALT", "RESUME"):
            run.halts.append(Halt(moment, line.cells["reason"], kind == "RESUME"))
        else:
            run.skipped[kind] += 1
    run.trades = [position.trade() for position in every]
    return run


class _Position:
    """A trade that is being read."""

    def __init__(self, line: LogLine, digits: Mapping[str, int]) -> None:
        self._cells = line.cells
        self._scale = Decimal(10) ** digits[line.cells["symbol"]]
        self._side = _side(line)
        self._volume = 0
        self._left = 0
        self._paid = 0  # points times units of what was closed
        self._opening: Fill | None = None
        self._last: Fill | None = None
        self._stop = self._target = self.last_stop = 0
        self._net = self._commission = self._swap = 0

    def points(self, line: LogLine, column: str) -> Points:
        return int((_number(line, column) * self._scale).to_integral_value())

    def take(self, line: LogLine, moment: Millis) -> None:
        """Add an OPEN or CLOSE row."""
        fill = Fill(moment, self.points(line, "price"), line.cells["reason"])
        volume = int((_number(line, "volume") * UNITS_PER_LOT).to_integral_value())
        if volume <= 0:
            raise line.bad("volume", "must be above 0")
        costs = _cents(line, "commission"), _cents(line, "swap")
        self._commission += costs[0]
        self._swap += costs[1]
        self._net += _cents(line, "profit") + sum(costs)
        if line.cells["event"] == "OPEN":
            self._opening, self._volume, self._left = fill, volume, volume
            self._stop, self._target = (self.points(line, it) for it in ("stop_loss", _PRICES[2]))
            self.last_stop = self._stop
            return
        if self._opening is None:
            self._volume += volume
        else:
            self._left -= volume
        self._paid += fill.price * volume
        self._last = fill

    def trade(self) -> Trade:
        closing = None
        if self._last is not None and self._left <= 0:
            closed = self._volume - self._left
            closing = self._last._replace(price=money.ratio(self._paid, closed))
        return Trade(
            ticket=self._cells["ticket"],
            signal_id=self._cells["signal_id"],
            symbol=self._cells["symbol"],
            side=self._side,
            volume=self._volume,
            opening=self._opening,
            closing=closing,
            stop=self._stop,
            target=self._target,
            last_stop=self.last_stop,
            net=self._net,
            commission=self._commission,
            swap=self._swap,
        )


def _refusal(line: LogLine, moment: Millis) -> Refusal:
    cells = line.cells
    kind, reason = cells["event"], cells["reason"]
    return Refusal(moment, kind, cells["signal_id"], cells["symbol"], _side(line), reason)


def _moment(line: LogLine) -> Millis:
    try:
        stamp = dt.datetime.fromisoformat(line.cells["timestamp"])
    except ValueError:
        raise line.bad("timestamp", "must be ISO-8601") from None
    if stamp.tzinfo is None:
        raise line.bad("timestamp", "must have an offset from UTC")
    return round(stamp.timestamp() * 1000)


def _side(line: LogLine) -> Side:
    try:
        return _SIDES[line.cells["direction"]]
    except KeyError:
        raise line.bad("direction", "must be long or short") from None


def _number(line: LogLine, column: str) -> Decimal:
    """A cell's number; an empty cell is 0."""
    try:
        number = Decimal(line.cells[column] or "0")
    except InvalidOperation:
        raise line.bad(column, "must be a number") from None
    # By its exponent: arithmetic on a number that is too large raises an error of its own.
    if not number.is_finite() or number.adjusted() >= _DIGITS:
        raise line.bad(column, "must be a number")
    return number


def _cents(line: LogLine, column: str) -> Cents:
    return int((_number(line, column) * 100).to_integral_value())
