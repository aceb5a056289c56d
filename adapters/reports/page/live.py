"""The first screen, chart, trades and operations of a session that runs, as changes.

Every item knows the record that changed it last. What a viewer lacks since any record is found by
that alone: nothing is kept for a viewer, nothing is sent twice, and nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from adapters.reports.page import first_screen, sections
from adapters.reports.page.document import attempt_entry
from adapters.reports.page.first_screen import Meter, day_limit
from adapters.reports.page.heartbeat import state_words
from adapters.reports.page.words import amount, in_its_currency, money, percent, place
from engine.calendar import resets, trading_date
from engine.result import RunResult, TradeRecord
from engine.result.coverage import GRAVITY
from engine.result.statistics import figures_of
from engine.types import Cents, Millis, decimals

Row = list[Any]

_KNOWN: Final = 32
"""Viewers that came equally far share one message; so many of them are kept."""


class LiveLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the event log: the number of its record, its time (ms UTC), its text."""

    seq: int
    time: Millis
    text: str


@dataclass(frozen=True)
class _Value:
    """One value, and the record at which it became what it is."""

    value: Any
    changed: int


@dataclass(frozen=True)
class _Rows:
    """Rows of which any may change, each with the record that changed it last."""

    rows: list[Row]
    changed: npt.NDArray[np.int64]
    newest: int

    def since(self, after: int) -> dict[str, Any] | None:
        """How many there are now, and those that changed after a record with their places."""
        if self.newest <= after:
            return None
        found = np.nonzero(self.changed > after)[0].tolist()
        return {"count": len(self.rows), "rows": [[at, self.rows[at]] for at in found]}


@dataclass(frozen=True)
class LiveContent:
    """What the page shows after the record `seq`; `time` (ms UTC) is that of the record."""

    seq: int
    time: Millis
    values: Mapping[str, _Value]
    tables: Mapping[str, _Rows]
    _messages: dict[int, bytes] = field(default_factory=dict)

    def since(self, after: int) -> bytes | None:
        """A viewer's message who has everything up to the record `after`; None when nothing is new.

        One who has never had anything says 0. Who claims more than there is gets all of it again.
        """
        if after == self.seq:
            return None
        if not 0 <= after < self.seq:
            after = 0
        known = self._messages.get(after)
        if known is None:
            if len(self._messages) >= _KNOWN:
                self._messages.clear()
            known = self._messages[after] = msgspec.json.encode(self._message(after))
        return known

    def _message(self, after: int) -> dict[str, Any]:
        message: dict[str, Any] = {"after": after, "seq": self.seq, "time": self.time}
        for name, item in self.values.items():
            if item.changed > after:
                message[name] = item.value
        tables = {name: rows.since(after) for name, rows in self.tables.items()}
        message["tables"] = {name: rows for name, rows in tables.items() if rows is not None}
        return message


class LivePage:
    """Makes the content of a session's page again and again, and remembers what changed when."""

    def __init__(self) -> None:
        self._values: dict[str, _Value] = {}
        self._tables: dict[str, _Rows] = {}

    def content(
        self, seq: int, time: Millis, result: RunResult, lines: Sequence[LiveLine]
    ) -> LiveContent:
        """The content after the record `seq` (ms UTC `time`); `lines` are those of its log."""
        figures = figures_of(result.trades)
        values = {
            "doc": _document(result),
            "screen": {
                "identity": first_screen.identity(result, None),
                "verdict": msgspec.to_builtins(first_screen.verdict(result, None)),
                "meters": [msgspec.to_builtins(meter) for meter in live_meters(result, time)],
                "figures": [msgspec.to_builtins(i) for i in first_screen.eight(result, figures)],
                "warnings": list(sections.warnings(result, figures)),
            },
        }
        tables = {
            "points": _points(result),
            "trades": [_trade(trade) for trade in result.trades],
            "operations": [[cell.text for cell in row] for row in sections.operations(result).rows],
            "lines": [[line.seq, line.time, line.text] for line in lines],
            "coverage": [[part.first, GRAVITY[part.state]] for part in result.coverage],
        } | _bars(result)
        for name, value in values.items():
            self._values[name] = _changed_value(self._values.get(name), value, seq)
        for name, rows in tables.items():
            self._tables[name] = _changed_rows(self._tables.get(name), rows, seq)
        return LiveContent(seq, time, dict(self._values), dict(self._tables))


def _changed_value(known: _Value | None, value: Any, seq: int) -> _Value:
    return known if known is not None and known.value == value else _Value(value, seq)


def _changed_rows(known: _Rows | None, rows: list[Row], seq: int) -> _Rows:
    changed = np.full(len(rows), seq, dtype=np.int64)
    if known is None:
        return _Rows(rows, changed, seq)
    both = min(len(rows), len(known.rows))
    same = [one == other for one, other in zip(rows, known.rows, strict=False)]
    kept = np.array(same, dtype=bool)
    changed[:both][kept] = known.changed[:both][kept]
    if len(rows) == len(known.rows) and kept.all():
        return known
    return _Rows(rows, changed, seq)


# --- meters of the moment ---


@in_its_currency
def live_meters(result: RunResult, now: Millis) -> list[Meter]:
    """Overall loss, today, target and the next order as they stand; of an ended run, its own."""
    if result.outcome is not None:
        return first_screen.meters(result, result.curve, None)
    if not len(result.curve):
        return []
    curve, equity = result.curve, result.account.equity
    initial = result.attempts[-1].balance if result.attempts else result.terms.start.balance
    overall, today = int(curve.overall_floor[-1]), int(curve.day_floor[-1])
    known = [
        _buffer("overall", "Overall loss", equity, overall, initial - overall),
        _buffer("today", "Today", equity, today, day_limit(result, today), _reset(result, now)),
        _target(equity, int(curve.target[-1]), initial),
        _next_order(result),
    ]
    return [meter for meter in known if meter is not None]


def _buffer(
    key: str, name: str, equity: Cents, floor: Cents, limit: Cents, until: Millis = 0
) -> Meter | None:
    """What is left above a floor; None where there is no floor."""
    if floor <= 0 or limit <= 0:
        return None
    left = equity - floor
    used = min(1.0, max(0.0, 1 - left / limit))
    text = f"{money(max(0, left))} left \u00b7 {percent(used, 0)} used"
    return Meter(key, f"{name} (limit {amount(limit)})", used, text, until=until)


def _target(equity: Cents, target: Cents, initial: Cents) -> Meter | None:
    if target <= initial:
        return None
    gained, wanted = equity - initial, target - initial
    text = f"{money(gained, sign=True)} of {money(wanted)}"
    part = min(1.0, max(0.0, gained / wanted))
    return Meter("target", f"Target ({amount(target)})", part, text)


def _next_order(result: RunResult) -> Meter:
    """What the next order may risk, and the days of this attempt with an entry so far."""
    share = float(result.terms.limits.get("per_trade_risk_fraction", 0.0))
    zone, hour = result.terms.day_zone, result.terms.day_hour
    attempt = result.attempts[-1].attempt if result.attempts else 0
    days = {
        trading_date(zone, hour, trade.opened)
        for trade in result.trades
        if trade.attempt == attempt
    }
    words = "trading day" if len(days) == 1 else "trading days"
    risk = amount(int(share * result.account.balance))
    return Meter("next", "Next order", None, f"may risk {risk}; {len(days)} {words}")


def _reset(result: RunResult, now: Millis) -> Millis:
    """When the trading day turns, in ms UTC of the session's clock."""
    moment, _ = next(resets(result.terms.day_zone, now, result.terms.day_hour))
    return moment


# --- what the script draws ---


def _document(result: RunResult) -> dict[str, Any]:
    terms, found = result.terms, first_screen.verdict(result, None)
    return {
        "session": terms.session_id,
        "mode": terms.mode,
        "period": result.curve.period,
        "start": terms.start.equity,
        "currency": terms.currency,
        "decimals": decimals(terms.currency),
        "zone": terms.day_zone,
        "place": place(terms.day_zone),
        "lost": found.lost,
        "ended": "" if result.outcome is None else str(result.outcome),
        "states": state_words(),
        "state": result.trading_state,
        "cause": result.halt_cause,
        "attempts": [attempt_entry(item) for item in result.attempts],
        "symbols": [
            {"name": name, "digits": terms.symbols[name].digits, "period": bars.period}
            for name, bars in result.prices.items()
            if len(bars) and name in terms.symbols
        ],
        "digits": {name: spec.digits for name, spec in terms.symbols.items()},
    }


def _points(result: RunResult) -> list[Row]:
    curve = result.curve
    columns = (
        curve.time // 1000, curve.balance, curve.equity, curve.worst, curve.best,
        curve.day_floor, curve.overall_floor, curve.target,
    )  # fmt: skip
    rows: list[Row] = np.stack(columns, axis=1).tolist()
    return rows


def _bars(result: RunResult) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for name, bars in result.prices.items():
        if len(bars) and name in result.terms.symbols:
            columns = (bars.time // 1000, bars.open, bars.high, bars.low, bars.close)
            found[f"bars {name}"] = np.stack(columns, axis=1).tolist()
    return found


def _trade(trade: TradeRecord) -> Row:
    """In the order in which `live.js` reads it; times in seconds, prices in points."""
    close, ratio = trade.close_price, trade.r
    levels = [
        item
        for level in trade.levels[1:]
        for item in ((level.time - trade.opened) // 1000, level.stop_loss, level.take_profit)
    ]
    return [
        trade.position,
        int(trade.side),
        trade.volume,
        trade.opened // 1000,
        None if trade.closed is None else trade.closed // 1000,
        trade.open_price,
        None if close is None else round(close),
        trade.stop_loss,
        trade.take_profit,
        trade.net if trade.parts else None,
        None if ratio is None else round(ratio * 1000),
        trade.symbol,
        trade.close_reason,
        trade.variant,
        levels,
    ]
