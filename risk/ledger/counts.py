"""What our own limits and the firm's counts take from the account's history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.account.history import SERVER_REASONS
from engine.fields import OwnFigures
from engine.types import Cents, Millis
from risk.ledger.booking import Balances, BookedDeal, DealClass, moment
from risk.ledger.days import last_reset
from risk.ledger.inputs import LedgerInputs
from risk.ledger.lives import PositionLives

HOUR: Millis = 3_600_000


def own_figures(
    inputs: LedgerInputs,
    history: Sequence[BookedDeal],
    balances: Balances,
    lives: PositionLives,
    kinds: Sequence[DealClass],
) -> OwnFigures:
    """The account's day by our own reset; all hands' deals, our own entries."""
    reset = last_reset(inputs.own_day.zone, inputs.own_day.hour, inputs.now)
    place = balances.place(reset)
    paid = sum(
        history[at].net for at in range(place, len(history)) if kinds[at] is DealClass.CAPITAL
    )
    return OwnFigures(
        day_start=balances.before(place) + paid,
        orders_today=_entries(inputs, lives, reset),
        orders_hour=_entries(inputs, lives, inputs.now - HOUR + 1),
        last_loss=lives.last_loss,
        opened_by_symbol=_by_symbol(inputs, history, lives, reset),
    )


def moved_baseline(
    inputs: LedgerInputs,
    history: Sequence[BookedDeal],
    balances: Balances,
    kinds: Sequence[DealClass],
    resets: Sequence[int],
) -> Cents | None:
    """What the largest loss counts from now: every payment since moves it along.

    Where the balance was set back, the account begins anew with what it was set to.
    """
    if inputs.baseline is None:
        return None
    since, amount = inputs.baseline
    begins = set(resets)
    for place in range(balances.place(since + 1), len(history)):
        if place in begins:
            amount = balances.after(place)
        elif kinds[place] is DealClass.CAPITAL:
            amount += history[place].net
    return amount


def _by_symbol(
    inputs: LedgerInputs, history: Sequence[BookedDeal], lives: PositionLives, since: Millis
) -> dict[str, int]:
    """Orders of ours that opened something from a moment on, by the terminal's symbol."""
    opened = {
        (history[opening.place].deal.symbol, opening.order)
        for opening in lives.openings
        if opening.at >= since and opening.magic == inputs.magic
    }
    return dict(sorted(Counter(symbol for symbol, _ in opened).items()))


def _entries(inputs: LedgerInputs, lives: PositionLives, since: Millis) -> int:
    """Entries of ours from a moment on: those approved, or those that opened something, if more."""
    approved = sum(since <= at <= inputs.now for at in inputs.approvals)
    opened = {
        opening.order
        for opening in lives.openings
        if opening.at >= since and opening.magic == inputs.magic
    }
    return max(approved, len(opened))


def requests_since(inputs: LedgerInputs, history: Sequence[BookedDeal], reset: Millis) -> int:
    """Requests of the day: ours, and those of others that an order in the history tells of.

    A lower bound: what others changed or had refused leaves no order behind.
    """
    others = {
        item.deal.order
        for item in history
        if item.at >= reset
        and item.deal.trade
        and item.deal.order
        and item.deal.magic != inputs.magic
        and item.deal.reason not in SERVER_REASONS
    }
    others.update(
        order.ticket
        for order in inputs.orders
        if order.magic != inputs.magic
        and order.reason not in SERVER_REASONS
        and moment(order.time_msc, inputs.clock) >= reset
    )
    return sum(reset <= at <= inputs.now for at in inputs.requests) + len(others)
