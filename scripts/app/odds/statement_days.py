"""Firm days from a statement: closed deals alone, so what floated between them is not known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from adapters.statements.reader import read_statement
from adapters.statements.shape import DealKind, Statement, StatementDeal, StatementError
from engine.calendar import resets, trading_date
from engine.rules import RuleSet
from engine.types import Cents, ClockName, Millis
from risk.odds.days import FirmDay, Segment, scaled_down, without_idle_weekends
from risk.odds.recorder import DayRecorder
from scripts.app.errors import BadData, WrongUsage
from scripts.app.odds.records import OddsRecord
from scripts.app.trials.day_run import DayRun
from signals.market_data.clocks import utc_of

_IN, _OUT, _TURN, _BY = "in", "out", "in/out", "out by"


class _Step(msgspec.Struct, frozen=True):
    """What one row does: to the balance, to what is open, and what is paid in or out."""

    time: Millis
    net: Cents = 0
    opened: bool = False
    closed: bool = False
    flat: bool = True
    paid: Cents = 0


def statement_record(
    file: Path, rules: RuleSet, clock: ClockName, *, scale: float | None, initial: Cents | None
) -> OddsRecord:
    """The record of a statement whose times `clock` showed; `initial` where it names no balance.

    Raises BadData for a file that is no statement, or tells too little.
    """
    try:
        statement = read_statement(file)
    except StatementError as error:
        raise BadData(str(error)) from error
    steps = sorted(_steps(statement, clock), key=lambda step: step.time)
    first = next((i for i, step in enumerate(steps) if step.opened or step.net), None)
    if first is None:
        raise BadData(f"{file}: it holds no closed trade; give a report of the account's history")
    start = _opening(statement, steps[:first], initial)
    days = without_idle_weekends(_days(steps[first:], rules, start))
    if scale is not None:
        days = scaled_down(days, scale)
    run = DayRun(
        days=tuple(days),
        trades=sum(step.closed for step in steps),
        initial=start,
        final=start + sum(step.net for step in steps),
        currency=statement.account.currency or "",
        fixed=1,
    )
    return OddsRecord(
        run=run, preset=file.name, symbols=_symbols(statement), mode="statement",
        closed_deals_only=True,
    )  # fmt: skip


def _symbols(statement: Statement) -> tuple[str, ...]:
    named = {deal.symbol for deal in statement.deals}
    named |= {position.symbol for position in statement.positions}
    return tuple(sorted(named - {""}))


def _opening(statement: Statement, before: list[_Step], initial: Cents | None) -> Cents:
    """The balance when the first trade was opened."""
    if initial is not None:
        return initial
    start = (statement.opening or 0) + sum(step.paid for step in before)
    if start <= 0:
        raise WrongUsage(
            f"{statement.path}: it does not tell the balance that it began with; give it with "
            "--starting-equity"
        )
    return start


def _steps(statement: Statement, clock: ClockName) -> Iterator[_Step]:
    trades = [deal for deal in statement.deals if deal.kind is DealKind.TRADE]
    if trades and all(deal.entry in (_IN, _OUT, _TURN, _BY) for deal in trades):
        yield from _steps_of_deals(statement.deals, clock)
    elif statement.positions:
        yield from _steps_of_positions(statement, clock)
    else:
        raise BadData(
            f"{statement.path}: it does not tell which deals open and which close a position; "
            "give the report with its table of positions"
        )


def _utc(clock: ClockName, server: Millis) -> Millis:
    return utc_of(clock, server // 1000) * 1000 + server % 1000


def _steps_of_deals(deals: tuple[StatementDeal, ...], clock: ClockName) -> Iterator[_Step]:
    """Deals in order; what is open is known by the volumes that went in and came out."""
    standing: dict[str, int] = defaultdict(int)
    for deal in sorted(deals, key=lambda deal: (deal.time, deal.ticket)):
        at = _utc(clock, deal.time)
        if deal.kind is not DealKind.TRADE:
            capital = deal.kind is not DealKind.OTHER
            flat = not any(standing.values())
            paid = deal.net if capital else 0
            yield _Step(at, net=deal.net - paid, flat=flat, paid=paid)
            continue
        if deal.entry == _IN:
            standing[deal.symbol] += deal.volume
        elif deal.entry == _TURN:  # closes what stood and opens the rest the other way
            standing[deal.symbol] = abs(deal.volume - standing[deal.symbol])
        else:
            standing[deal.symbol] = max(0, standing[deal.symbol] - deal.volume)
        yield _Step(
            at,
            net=deal.net,
            opened=deal.entry in (_IN, _TURN),
            closed=deal.entry != _IN,
            flat=not any(standing.values()),
        )


def _steps_of_positions(statement: Statement, clock: ClockName) -> Iterator[_Step]:
    """Openings and closings of whole positions, and what was paid in or out beside them."""
    moments: list[tuple[Millis, int, Cents]] = []
    for position in statement.positions:
        moments.append((_utc(clock, position.opened), 1, 0))
        if position.closed is not None:
            moments.append((_utc(clock, position.closed), -1, position.net))
    standing = 0
    # What closes at the moment at which another opens closes first.
    for at, change, net in sorted(moments):
        standing += change
        yield _Step(at, net=net, opened=change > 0, closed=change < 0, flat=not standing)
    for deal in statement.deals:
        if deal.kind is DealKind.CAPITAL:
            yield _Step(_utc(clock, deal.time), paid=deal.net)


def _days(steps: list[_Step], rules: RuleSet, start: Cents) -> list[FirmDay]:
    """Days by results alone; what was paid in or out moves the level of the days after it."""
    zone, hour = rules.reset_zone, rules.reset_hour
    first = trading_date(zone, hour, steps[0].time)
    recorder = DayRecorder(first, start)
    turns = resets(zone, steps[0].time, hour)
    turn, date = next(turns)
    paid: dict[str, Cents] = defaultdict(int)
    balance, flat = start, True
    for step in steps:
        while step.time >= turn:
            recorder.reset(date, balance, balance, flat=flat)
            turn, date = next(turns)
        if step.paid:
            paid[date] += step.paid  # in force from the day on that begins next
            continue
        if step.opened:
            recorder.opened()
        balance, flat = balance + step.net, step.flat
        recorder.seen(balance, balance, flat=flat)
    return _levelled(recorder.finish(flat=flat), paid)


def _levelled(days: list[FirmDay], paid: dict[str, Cents]) -> list[FirmDay]:
    level, moved = 0, []
    for day in days:
        level += paid.get(day.date, 0)
        moved.append(_raised(day, level) if level else day)
    return moved


def _raised(day: FirmDay, by: Cents) -> FirmDay:
    segments = tuple(
        Segment(
            s.lowest + by,
            None if s.balance is None else s.balance + by,
            s.opened,
            None if s.lowest_balance is None else s.lowest_balance + by,
        )
        for s in day.segments
    )
    return msgspec.structs.replace(
        day, start=day.start + by, balance=day.balance + by, equity=day.equity + by,
        segments=segments,
    )  # fmt: skip
