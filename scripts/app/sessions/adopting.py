"""What the Butler has open on an account, whose session that was, and how it is taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from adapters.mt5.execution.snapshot import BUYING
from adapters.state.resuming import Holding
from adapters.state.store import SessionRow
from engine import events as ev
from engine.account.history import DealEntry, HistoryDeal
from engine.portfolio import ADOPTED
from engine.types import Cents, Millis, Side, Units, units
from risk.ledger.booking import net_cents
from scripts.app.errors import AppError
from scripts.app.sessions.replay import MAGIC
from scripts.app.sessions.resume import PreviousRun, previous_run

_TAG_DIGITS = 6


def holdings(
    positions: Sequence[mt5.TradePosition],
    orders: Sequence[mt5.TradeOrder],
    at: Callable[[Millis], Millis],
) -> tuple[Holding, ...]:
    """What the Butler has open, as the terminal shows it; `at` reads a server's time (ms) in UTC.

    A comment without a session's tag counts as tag -1, which no session has.
    """
    opened = [
        _holding(item.ticket, item.comment, item.symbol, item.type, item.volume, at(item.time_msc))
        for item in positions
        if item.magic == MAGIC
    ]
    waiting = [
        _holding(
            item.ticket, item.comment, item.symbol, item.type, item.volume_current,
            at(item.time_setup_msc), waits=True,
        )
        for item in orders
        if item.magic == MAGIC
    ]  # fmt: skip
    return (*opened, *waiting)


def entered(deals: Iterable[HistoryDeal], at: Callable[[Millis], Millis]) -> tuple[Holding, ...]:
    """The Butler's entries by an account's deals, whatever became of them."""
    return tuple(
        _holding(
            deal.position_id, deal.comment, deal.symbol, deal.type, deal.volume, at(deal.time_msc)
        )
        for deal in deals
        if deal.trade and deal.magic == MAGIC and deal.entry == DealEntry.IN
    )


def _holding(
    ticket: int,
    comment: str,
    symbol: str,
    kind: int,
    volume: float,
    opened: Millis,
    *,
    waits: bool = False,
) -> Holding:
    words = f"{symbol} {'long' if kind in BUYING else 'short'} {volume:g}"
    return Holding(
        ticket=ticket, tag=_tag_of(comment), words=words, opened=opened, symbol=symbol, waits=waits
    )


def _tag_of(comment: str) -> int:
    tag = comment.partition("-")[0]
    try:
        return int(tag, 16) if len(tag) == _TAG_DIGITS else -1
    except ValueError:
        return -1


# --- taking over ---


@dataclass(frozen=True, kw_only=True)
class Adopter:
    """What a session that takes over is like: its results, symbols, preset and parameters."""

    results: Path
    instruments: Mapping[str, Instrument]
    preset: str
    parameters: Mapping[str, Any]


def adopted(
    adopter: Adopter,
    orphans: Sequence[Holding],
    positions: Sequence[mt5.TradePosition],
    deals: Sequence[HistoryDeal],
    sessions: Sequence[SessionRow],
) -> ev.OrphansAdopted:
    """The positions to take over, with what their own sessions' journals tell of them."""
    standing = {item.ticket: item for item in positions}
    owners = {row.tag: row for row in sessions}
    journals: dict[str, PreviousRun | None] = {}
    taken = []
    for orphan in orphans:
        row = owners.get(orphan.tag)
        if row is not None and row.id not in journals:
            journals[row.id] = _journal(adopter.results, row)
        run = None if row is None else journals[row.id]
        taken.append(_adopted(adopter, standing[orphan.ticket], deals, row, run))
    return ev.OrphansAdopted(positions=tuple(taken))


def _journal(results: Path, row: SessionRow) -> PreviousRun | None:
    """The journal of a session; None where it cannot be read, which keeps nobody from taking over
    what stands at the venue."""
    for place in (row.folder, row.id):  # its results may have been moved since
        try:
            return previous_run(results, place or row.id)
        except AppError:
            continue
    return None


def _adopted(
    adopter: Adopter,
    position: mt5.TradePosition,
    deals: Sequence[HistoryDeal],
    row: SessionRow | None,
    run: PreviousRun | None,
) -> ev.AdoptedPosition:
    ours, instrument = next(
        (ours, item) for ours, item in adopter.instruments.items() if item.name == position.symbol
    )
    points = instrument.spec.points
    stop = points(position.sl)
    opened = None if run is None else _opening(run, position)
    own = [deal for deal in deals if deal.position_id == position.identifier]
    volume = max(units(position.volume), _left(own))
    commission = _commission(volume, own)
    managed = run is not None and opened is not None and _same_strategy(adopter, run)
    return ev.AdoptedPosition(
        ticket=position.ticket,
        symbol=ours,
        side=Side.LONG if position.type in BUYING else Side.SHORT,
        volume=volume,
        entry=points(position.price_open),
        first_stop=stop if opened is None else opened.stop_loss,
        stop_loss=stop,
        take_profit=points(position.tp),
        signal_id=position.comment if opened is None else opened.signal_id,
        strategy_id=opened.strategy_id if managed and opened is not None else ADOPTED,
        commission=commission,
        realized=sum(map(net_cents, own)) - commission,
        exit_time=None if opened is None or run is None else _exit_time(run, opened.signal_id),
        session="" if row is None else row.id,
    )


def _opening(run: PreviousRun, position: mt5.TradePosition) -> ev.PositionOpened | None:
    tickets = (position.ticket, position.identifier)
    for record in run.records:
        if isinstance(record.event, ev.PositionOpened) and record.event.position in tickets:
            return record.event
    return None


def _same_strategy(adopter: Adopter, run: PreviousRun) -> bool:
    """Whether the rules of the strategy that opened it go on: same preset, same parameters."""
    began = run.started
    return began.preset == adopter.preset and dict(began.parameters) == dict(adopter.parameters)


def _exit_time(run: PreviousRun, signal_id: str) -> Millis | None:
    """When the user's signal wants its position closed; or what was taken over with one."""
    for record in run.records:
        event = record.event
        if isinstance(event, ev.SignalDue) and event.signal.signal_id == signal_id:
            return event.signal.exit_time
        if isinstance(event, ev.OrphansAdopted):
            for item in event.positions:
                if item.signal_id == signal_id:
                    return item.exit_time
    return None


def _left(deals: Sequence[HistoryDeal]) -> Units:
    """What is left of a position by its deals; 0 where they do not begin with its entry.

    They were read before the positions. What was closed in between is not among them: taken over
    with what they leave, the position is found reduced by the session's first look, which reads
    the deals that did it.
    """
    return sum(units(deal.volume) * (1 if _is_entry(deal) else -1) for deal in deals)


def _is_entry(deal: HistoryDeal) -> bool:
    return deal.entry == DealEntry.IN


def _commission(volume: Units, deals: Sequence[HistoryDeal]) -> Cents:
    """What was paid for the part that is still open, as the entry's deals tell it."""
    entries = list(filter(_is_entry, deals))
    entered = sum(units(deal.volume) for deal in entries)
    if not entered:
        return 0
    paid = sum(
        (Decimal(repr(deal.commission)) + Decimal(repr(deal.fee)) for deal in entries), Decimal()
    )
    return int((paid * 100 * volume / entered).to_integral_value())


def adoption_lines(taken: ev.OrphansAdopted, instruments: Mapping[str, Instrument]) -> list[str]:
    """What a session says of what it takes over, position by position."""
    return [_line(item, instruments[item.symbol]) for item in taken.positions]


def _line(item: ev.AdoptedPosition, instrument: Instrument) -> str:
    spec = instrument.spec
    stop, target = (
        f"{spec.price(level):.{spec.digits}f}" if level else "none"
        for level in (item.stop_loss, item.take_profit)
    )
    side = "long" if item.side is Side.LONG else "short"
    volume = f"{item.volume / units(1.0):g}"
    trail = f"managed as in {item.session}" if item.strategy_id != ADOPTED else "no trail"
    warning = "" if item.stop_loss else "; without a stop nothing new is opened"
    return (
        f"took over {item.ticket} {item.symbol} {side} {volume} of "
        f"{item.session or 'an unknown session'}: stop {stop}, target {target}, {trail}{warning}"
    )
