"""The loss buffer of an account: what may still be lost before a limit."""

from __future__ import annotations

from engine.events import Account, LossBuffer
from engine.rules import Measured, RuleSet
from engine.types import Cents, Millis
from risk import objectives as obj


class AttemptLows:
    """Extremes of one attempt: the smallest loss buffer and when, and the day's lowest equity.

    They move at equity tests only.
    """

    def __init__(self, room: Cents, equity: Cents, now: Millis) -> None:
        self.min_buffer = room
        self.min_buffer_at = now
        self.worst_today = equity

    def test(self, room: Cents, equity: Cents, now: Millis) -> None:
        """Take one equity test into account."""
        if room < self.min_buffer:
            self.min_buffer, self.min_buffer_at = room, now
        if equity < self.worst_today:
            self.worst_today = equity


def buffers(
    rules: RuleSet, state: obj.ChallengeState, balance: Cents, equity: Cents
) -> tuple[Cents, Cents]:
    """Loss buffer to the day's limit and to the overall one, each of the figure that its rule
    measures."""
    daily = equity if rules.daily.measured_on is Measured.EQUITY else balance
    overall = equity if rules.maximum.measured_on is Measured.EQUITY else balance
    return daily - state.day_limit, overall - state.max_limit


def loss_buffer(
    rules: RuleSet,
    state: obj.ChallengeState,
    lows: AttemptLows,
    account: Account,
    *,
    attempt: int,
    order_risk: Cents,
    reset_in: Millis,
    flat: bool,
) -> LossBuffer:
    """The whole picture of one moment. `order_risk` is what an order of the current size may lose.

    A limit that is passed shows as a negative buffer and no orders.
    """
    today, overall = buffers(rules, state, account.balance, account.equity)
    wanted = obj.target_of(rules, state)
    progress = None
    if wanted is not None:
        progress = (account.balance - state.initial) / (wanted - state.initial)
    return LossBuffer(
        attempt=attempt,
        phase=state.phase + 1,
        date=state.date,
        today=today,
        overall=overall,
        order_risk=order_risk,
        orders_today=_orders(min(today, overall), order_risk),
        orders_overall=_orders(overall, order_risk),
        reset_in=reset_in,
        to_target=None if wanted is None else max(0, wanted - account.balance),
        progress=progress,
        missing=obj.missing(rules, state, account.balance, flat=flat),
        days=state.days,
        trading_days=state.trading_days,
        best_day_share=obj.best_day_share(state, account.balance),
        requests_today=state.requests,
        positions_today=state.positions,
        min_buffer=lows.min_buffer,
        min_buffer_at=lows.min_buffer_at,
        worst_today=lows.worst_today,
    )


def _orders(room: Cents, order_risk: Cents) -> int:
    return max(0, room) // order_risk if order_risk > 0 else 0
