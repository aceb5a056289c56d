"""Replays of the engine and of the reference program, told in the same lines so that they compare.

The engine's lines come from what it leaves on disk: its event log, its summary and its journal.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from adapters.bars.reader import concat, open_bars
from adapters.journal import StoredJournal
from engine import events as ev
from scripts.app.session_folder import SIMULATED, SessionFolder
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.cli.replay import Screen, run_replay
from tests.reference.preset_bars import TABLE, Clock, Columns
from tests.reference.preset_page import Outcome, Row, run

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What to replay: a bar file per symbol, and what differs from the defaults."""

    files: dict[str, Path]
    clock: Clock = "new-york+7"
    limits: dict[str, float | int] = field(default_factory=dict)
    limit_trades: int | None = None
    starting_equity: float = 100_000.0
    costs: dict[str, Any] = field(default_factory=dict)
    """Options of the command line that the page knows nothing of."""

    def terms(self) -> Terms:
        """As the command line would resolve them."""
        request = ReplayRequest(
            bars=[f"{symbol}={path}" for symbol, path in self.files.items()],
            clock=self.clock,
            limits=dict(self.limits),
            limit_trades=self.limit_trades,
            starting_equity=self.starting_equity,
            **self.costs,
        )
        return resolve_terms(request)[0]


class Line(NamedTuple):
    """A row of the event log in seconds, hundredths of a lot, points and cents.

    Tickets are numbered anew, in the order in which positions open. A denied entry has no volume,
    as most are denied before they are sized; a RESUME has no reason, as it is a remark for people.
    """

    time: int
    event: str
    ticket: int
    symbol: str
    direction: str
    lots: int
    price: int
    reason: str
    profit: int
    commission: int
    balance: int


class Halted(NamedTuple):
    """An entry denied because trading was halted: seconds and points."""

    time: int
    symbol: str
    direction: str
    price: int


@dataclass(frozen=True)
class Told:
    """All that can be compared of a replay. `days` are the resets: seconds and anchor in cents."""

    lines: list[Line]
    halted: list[Halted]
    days: list[tuple[int, int]]
    figures: dict[str, Any]


# ---- The engine


def replayed(terms: Terms, results: Path, session_id: str = "golden") -> SessionFolder:
    """Runs the whole session as the command does, and says nothing."""
    folder = SessionFolder(results, session_id, SIMULATED)
    folder.create()
    assert run_replay(terms, folder, Screen(quiet=True)) == 0
    return folder


def told_by_the_engine(folder: SessionFolder) -> Told:
    """What a finished session left in its folder."""
    with folder.event_log.open(encoding="utf-8", newline="") as file:
        lines = list(_engine_lines(csv.DictReader(file)))
    halted: list[Halted] = []
    days: list[tuple[int, int]] = []
    left = 0
    stored = StoredJournal(folder.journal)
    for record in stored.records():
        match record.event:
            case ev.OrderDenied(reason=ev.DenyReason.HALTED, order=o):
                halted.append(
                    Halted(_seconds(record.time), o.terms.symbol, o.terms.side.word, o.terms.price)
                )
            case ev.DayRolled(day_start=day_start):
                days.append((_seconds(record.time), day_start))
            case ev.SessionEnded(open_positions=positions):
                left = len(positions)
            case _:
                pass
    stored.close()
    summary = json.loads(folder.summary.read_text(encoding="utf-8"))
    return Told(lines, halted, days, _engine_figures(summary, left))


def _engine_lines(rows: Iterator[dict[str, str]]) -> Iterator[Line]:
    tickets: dict[str, int] = {"": 0}
    for row in rows:
        if row["event"] == "OPEN":
            tickets[row["ticket"]] = len(tickets)
        symbol = row["symbol"]
        yield Line(
            _stamp(row["timestamp"]),
            row["event"],
            tickets[row["ticket"]],
            symbol,
            row["direction"],
            _scaled(row["volume"], 2),
            _scaled(row["price"], TABLE[symbol].digits if symbol else 0),
            row["reason"] if row["event"] != "RESUME" else "",
            _scaled(row["profit"], 2),
            _scaled(row["commission"], 2),
            _scaled(row["balance"], 2),
        )


def _engine_figures(summary: dict[str, Any], left: int) -> dict[str, Any]:
    assert summary["open_positions"] == left
    assert summary["dry_run"] is True
    cents = {name: _cents(summary[name]) for name in ("final_balance", "final_equity")}
    return {
        **cents,
        "pnl": _cents(summary["total_pnl"]),
        "lost_today": _cents(summary["daily_realized_loss"]),
        "denied": {reason: count for reason, count in summary["filtered"].items() if count},
        "signals": summary["signals"],
        "trades": summary["number_of_trades"],
        "win_rate": summary["win_rate"],
        "drawdown": summary["max_drawdown_fraction"],
        "daily_loss": summary["max_daily_loss_fraction"],
        "open": summary["open_positions"],
        "halts": summary["halt_reason"],
    }


def _seconds(moment: int) -> int:
    assert moment % 1000 == 0
    return moment // 1000


def _stamp(text: str) -> int:
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() is not None, f"{text} has no offset"
    return int(moment.timestamp())


def _scaled(text: str, digits: int) -> int:
    """A decimal text in units of its last digit, 0 when it is empty; it must have all `digits`."""
    if not text:
        return 0
    number = Decimal(text)
    assert number.as_tuple().exponent == -digits, f"{text} should have {digits} decimals"
    return int(number.scaleb(digits))


def _cents(amount: float) -> int:
    return round(amount * 100)


# ---- The reference


def told_by_the_page(case: Case) -> Told:
    """What the reference program makes of the same bars."""
    outcome = run(
        {symbol: columns(path) for symbol, path in case.files.items()},
        clock=case.clock,
        limit_trades=case.limit_trades,
        starting_cents=round(case.starting_equity * 100),
        **case.limits,  # type: ignore[arg-type]
    )
    days = [(row.time, row.balance) for row in outcome.log if row.event == "RESET"]
    halted = [
        Halted(row.time, row.symbol, row.direction, row.price)
        for row in outcome.log
        if row.reason == "halted"
    ]
    lines, halts = [], set()
    for row in outcome.log:
        if row.event == "HALT":
            halts.add(row.reason)
        if row.event == "RESET":
            if halts == {"daily_loss"}:
                lines.append(_page_line(row)._replace(event="RESUME"))
            halts.discard("daily_loss")
        elif row.reason != "halted":
            lines.append(_page_line(row))
    return Told(lines, halted, days, _page_figures(case, outcome, halts))


def columns(path: Path) -> Columns:
    """A bar file for the reference program, which reads no files."""
    bars = concat(open_bars(path).chunks())
    return Columns(bars.time, bars.open, bars.high, bars.low, bars.close, bars.spread)


def _page_line(row: Row) -> Line:
    hundredths = 0 if row.event == "FILTER" else round(row.lots * 100)
    return Line(*row[:5], hundredths, *row[6:])


def _page_figures(case: Case, outcome: Outcome, halts: set[str]) -> dict[str, Any]:
    return {
        "final_balance": outcome.balance,
        "final_equity": outcome.equity,
        "pnl": outcome.equity - round(case.starting_equity * 100),
        "lost_today": outcome.daily_realized_loss,
        "denied": dict(outcome.denials),
        "signals": outcome.signals,
        "trades": outcome.trades,
        "win_rate": outcome.wins / outcome.trades if outcome.trades else 0.0,
        "drawdown": outcome.max_drawdown_fraction,
        "daily_loss": outcome.max_daily_loss_fraction,
        "open": len(outcome.open_positions),
        "halts": next((cause for cause in ("max_loss", "daily_loss") if cause in halts), None),
    }


def first_difference(engine: list[Any], page: list[Any]) -> str:
    """The first place where two lists part, in words; "" when they are equal."""
    if engine == page:
        return ""
    for place, (one, other) in enumerate(zip(engine, page, strict=False)):
        if one != other:
            return f"entry {place}:\nengine {one}\npage   {other}"
    return f"the engine has {len(engine)} entries, the page {len(page)}"
