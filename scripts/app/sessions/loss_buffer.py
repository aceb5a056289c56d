"""What services ask of a session's actors: its loss buffers, and what the user cannot resume."""

from __future__ import annotations

from collections.abc import Callable

from adapters.mt5.live.feed_watch import FeedState
from engine.trading import HaltCause, Trading
from scripts.app.sessions.live_actors import Deciders, LiveActors
from scripts.app.sessions.services import SessionQueries


def buffers_left(actors: LiveActors) -> dict[str, float] | None:
    """Money, orders and progress by name, in the account's currency; own limits without a firm's.

    None before the first figures.
    """
    if not actors.risk.losses.day_start:
        return None
    account = actors.portfolio.account.figures
    if actors.challenge_actor is None:
        floors = actors.risk.losses.floors
        return {name: (account.equity - floor) / 100 for name, floor in floors.items()}
    room = actors.challenge_actor.loss_buffer(account, actors.risk.risk_of_one_order)
    told = {
        "today": room.today / 100,
        "overall": room.overall / 100,
        "orders_today": float(room.orders_today),
        "reset_in_hours": room.reset_in / 3_600_000,
        "days": float(room.days),
        "trading_days": float(room.trading_days),
        "requests_today": float(room.requests_today),
        "min_buffer": room.min_buffer / 100,
    }
    if room.to_target is not None:
        told["to_target"] = room.to_target / 100
    if room.best_day_share is not None:
        told["best_day_share"] = room.best_day_share
    return told


def final_breach(trading: Trading) -> str | None:
    """Why the user may not resume any more, or None."""
    if HaltCause.FIRM_BREACH in trading.causes:
        return "a rule of the firm is broken"
    return None


def unseen(actors: Deciders) -> str | None:
    """Why nobody can say yet that an order of unknown outcome was never executed, or None.

    Resuming declares it so. That takes a look at the account that found no trace of it, and a link
    that has not been lost since.
    """
    unresolved = [order.order_id for order in actors.gateway.unresolved]
    down = HaltCause.LINK in actors.risk.trading.causes
    waiting = unresolved if down else actors.gateway.reconciler.not_looked_for
    if not waiting:
        return None
    ids = ", ".join(map(str, waiting))
    why = "the link is down" if down else "the terminal was not looked at since"
    return f"the outcome of order {ids} is unknown and {why}"


def queries_of(
    actors: LiveActors,
    request_stop: Callable[[], None],
    feed_state: Callable[[], FeedState] | None = None,
) -> SessionQueries:
    """What the services ask of the session's actors; a feed without a state has none to tell."""

    def feeds() -> dict[str, FeedState]:
        return {} if feed_state is None else dict.fromkeys(actors.portfolio.specs, feed_state())

    return SessionQueries(
        trading=lambda: actors.risk.trading,
        request_stop=request_stop,
        loss_buffer=lambda: buffers_left(actors),
        day_start=lambda: actors.risk.losses.day_start or None,
        final=lambda: final_breach(actors.risk.trading),
        unseen=lambda: unseen(actors),
        feeds=feeds,
    )
