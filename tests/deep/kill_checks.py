"""What must hold of a session whose engine or host was killed, however often."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.trading import TradingState
from engine.types import Cents, Points, Side, Units
from scripts.cli.shared.exit_codes import ExitCode
from tests.deep.kill_sessions import Story, ours
from tests.process.kill_feed import PLANS

BALANCE = 10_000_000
"""What the account begins with, in cents."""

_MARKS = [plan.mark for plan in PLANS]


class Trade(NamedTuple):
    """A position's life without its times and numbers, which differ from run to run."""

    side: Side
    volume: Units
    entry: Points
    leaving: Points
    reason: str
    net: Cents


def trades(story: Story) -> dict[str, Trade]:
    """The trades that the journal tells as closed, by the plan that made them."""
    opened = {item.position: item for item in story.of(ev.PositionOpened)}
    found = {}
    for closed in story.of(ev.PositionClosed):
        entry = opened[closed.position]
        assert entry.strategy_id not in found, f"{entry.strategy_id} traded twice"
        assert not closed.remaining, closed
        found[entry.strategy_id] = Trade(
            entry.side, closed.volume, entry.price, closed.price, closed.reason, closed.net
        )
    return found


def check(story: Story, undisturbed: Story) -> None:
    """Every promise of a session that was killed and went on."""
    _the_journal_is_whole(story)
    _the_files_are_the_journals(story)
    _no_order_dealt_twice(story)
    _nothing_opens_after_a_halt(story)
    _engine_and_venue_agree(story)
    _the_money_is_the_venues(story)
    _every_order_has_one_end(story)
    _every_plan_is_accounted_for(story, undisturbed)


def _the_journal_is_whole(story: Story) -> None:
    """Sealed, without a gap, and told as resumed once for each later life."""
    assert story.sealed
    assert [record.seq for record in story.records] == list(range(1, len(story.records) + 1))
    times = [record.time for record in story.records]
    assert times == sorted(times)
    assert isinstance(story.records[0].event, ev.SessionStarted)
    assert isinstance(story.records[-1].event, ev.SessionEnded)
    assert len(story.of(ev.SessionStarted)) == 1
    assert len(story.of(ev.SessionResumed)) <= story.lives - 1


def _the_files_are_the_journals(story: Story) -> None:
    for path in (story.folder.event_log, story.folder.summary):
        assert path.read_bytes() == story.exported[path.name], path.name
    for latest in (story.folder.latest_event_log, story.folder.latest_summary):
        assert latest.read_bytes() == story.exported[latest.name], latest


def _no_order_dealt_twice(story: Story) -> None:
    """A comment names one order of the engine: one order at the venue, one way in or out."""
    submitted = {f"{order.order_id}" for order in story.of(ev.OrderSubmitted)}
    placed = ours((*story.venue.orders, *story.venue.old_orders))
    marks = Counter(item.comment for item in placed if not item.comment.startswith("["))
    assert all(count == 1 for count in marks.values()), marks
    assert {mark.rpartition("-")[2] for mark in marks} <= submitted
    entered: defaultdict[str, set[int]] = defaultdict(set)
    for deal in ours(story.venue.deals):
        if deal.entry == mt5.DEAL_ENTRY_IN:
            entered[deal.comment].add(deal.order)
    assert all(len(orders) == 1 for orders in entered.values()), entered


def _nothing_opens_after_a_halt(story: Story) -> None:
    state = TradingState.ACTIVE
    for record in story.records:
        match record.event:
            case ev.TradingStateChanged():
                state = record.event.state
            case ev.OrderSubmitted(terms=terms) if terms.action is ev.Action.OPEN:
                assert state is TradingState.ACTIVE, record


def _engine_and_venue_agree(story: Story) -> None:
    """What stands at the venue is known, or the session says what to look at."""
    standing = {item.ticket for item in ours(story.venue.positions)}
    end = story.records[-1].event
    assert isinstance(end, ev.SessionEnded)
    assert set(end.open_positions) == standing
    volumes = {item.ticket: round(item.volume * 10_000) for item in story.venue.positions}
    known = {
        item.position: item.volume
        for item in story.of(ev.PositionOpened)
        if item.position in end.open_positions
    }
    assert known == {ticket: volumes[ticket] for ticket in standing}
    waiting = ours(story.venue.orders)
    if standing or waiting or open_orders(story):
        assert "in the terminal" in story.note.err, story.note
        assert story.note.code == ExitCode.TERMINAL


def _the_money_is_the_venues(story: Story) -> None:
    """To the cent: deals sum to the balance, and the engine booked those same deals."""
    deals = story.venue.deals
    booked = sum(round((deal.profit + deal.commission + deal.swap) * 100) for deal in deals)
    assert booked == round(story.venue.balance * 100)
    told = sum(item.commission for item in story.of(ev.PositionOpened))
    for closed in story.of(ev.PositionClosed):
        told += closed.profit + closed.commission + closed.swap
    assert told == booked - BALANCE
    if not story.venue.positions:
        assert sum(item.net for item in story.of(ev.PositionClosed)) == booked - BALANCE


def open_orders(story: Story) -> set[int]:
    """The orders that have no end: of unknown outcome, or still at the venue."""
    return {order_id for order_id, ends in _ends(story).items() if not ends}


def _ends(story: Story) -> dict[int, list[str]]:
    ends: dict[int, list[str]] = {}
    for record in story.records:
        match record.event:
            case ev.OrderIntent(order_id=order_id):
                ends[order_id] = []
            case ev.OrderDenied(order=order):
                ends[order.order_id].append("denied")
            case ev.OrderRejected(order_id=order_id) | ev.OrderCancelled(order_id=order_id):
                ends[order_id].append("ended")
            case ev.OrderFilled(order_id=order_id, complete=True):
                ends[order_id].append("filled")
            case ev.StopModified(order_id=order_id) if order_id:
                ends[order_id].append("modified")
    return ends


def _every_order_has_one_end(story: Story) -> None:
    """Every signal became an order or was dropped; no order ends twice."""
    raised = len(story.of(ev.SignalRaised))
    assert raised == len(story.of(ev.OrderIntent)) + len(story.of(ev.SignalDropped))
    unknown = {item.order_id for item in story.of(ev.OrderUnknown)}
    for order_id, ends in _ends(story).items():
        assert len(ends) == 1 or (not ends and order_id in unknown), (order_id, ends)


def _every_plan_is_accounted_for(story: Story, undisturbed: Story) -> None:
    """A trade is that of the undisturbed run; one that is missing has a reason on record."""
    expected, found = trades(undisturbed), trades(story)
    entries = [item for item in story.of(ev.SignalRaised) if item.terms.action is ev.Action.OPEN]
    raised = [item.terms.strategy_id for item in entries]
    assert raised == _MARKS[: len(raised)]
    halted = any(item.state is TradingState.LATCHED for item in story.of(ev.TradingStateChanged))
    assert len(raised) == len(_MARKS) or halted
    unfilled = {
        order.terms.strategy_id
        for order in story.of(ev.OrderIntent)
        if order.order_id in open_orders(story) | _cancelled(story)
    }
    for mark in raised:
        if mark in found:
            assert found[mark] == expected[mark], mark
        else:
            assert mark in unfilled, f"{mark} is lost"
    if not story.of(ev.OrderUnknown) and not _cancelled(story):
        assert found == expected
        assert story.note.code == ExitCode.DONE


def _cancelled(story: Story) -> set[int]:
    return {item.order_id for item in story.of(ev.OrderCancelled)}
