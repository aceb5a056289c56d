"""How much room an account has left: what a trader wants to know before the next order."""

from __future__ import annotations

from engine.events import Account, Headroom
from engine.rules import Measured, RuleSet
from engine.types import Cents, Millis
from risk import objectives as obj


class Seen:
    """Extremes of one attempt: the smallest room to a limit and when, and the day's lowest equity.

    They move at equity tests only.
    """

    def __init__(self, room: Cents, equity: Cents, now: Millis) -> None:
        self.least_room = room
        self.least_room_at = now
        self.worst_today = equity

    def test(self, room: Cents, equity: Cents, now: Millis) -> None:
        """Take one equity test into account."""
        if room < self.least_room:
            self.least_room, self.least_room_at = room, now
        if equity < self.worst_today:
            self.worst_today = equity


def rooms(
    rules: RuleSet, standing: obj.Standing, balance: Cents, equity: Cents
) -> tuple[Cents, Cents]:
    """Room to the day's limit and to the overall one, each of the figure that its rule measures."""
    daily = equity if rules.daily.measured_on is Measured.EQUITY else balance
    overall = equity if rules.maximum.measured_on is Measured.EQUITY else balance
    return daily - standing.day_limit, overall - standing.max_limit


def headroom(
    rules: RuleSet,
    standing: obj.Standing,
    seen: Seen,
    account: Account,
    *,
    attempt: int,
    order_risk: Cents,
    reset_in: Millis,
    flat: bool,
) -> Headroom:
    """The whole picture of one moment. `order_risk` is what an order of the current size may lose.

    Limits below which nothing is left show as negative room and no orders.
    """
    today, overall = rooms(rules, standing, account.balance, account.equity)
    wanted = obj.target(rules.phases[standing.phase], standing.initial)
    progress = None
    if wanted is not None:
        progress = (account.balance - standing.initial) / (wanted - standing.initial)
    return Headroom(
        attempt=attempt,
        phase=standing.phase + 1,
        date=standing.date,
        today=today,
        overall=overall,
        order_risk=order_risk,
        orders_today=_orders(min(today, overall), order_risk),
        orders_overall=_orders(overall, order_risk),
        reset_in=reset_in,
        to_target=None if wanted is None else max(0, wanted - account.balance),
        progress=progress,
        missing=obj.missing(rules, standing, account.balance, flat=flat),
        days=standing.days,
        trading_days=standing.trading_days,
        best_day_share=obj.best_day_share(standing, account.balance),
        requests_today=standing.requests,
        positions_today=standing.positions,
        least_room=seen.least_room,
        least_room_at=seen.least_room_at,
        worst_today=seen.worst_today,
    )


def _orders(room: Cents, order_risk: Cents) -> int:
    return max(0, room) // order_risk if order_risk > 0 else 0
