"""The account's standing as its ledger tells it: what an event can carry to every actor.

An account outlives the sessions that trade on it. What follows from its history - where its
challenge began, the day's starting balance, days, floors, breaches - is computed from the deals by
`risk.ledger` and handed on in this form. Money is integer cents, moments are ms UTC.
"""

from __future__ import annotations

import enum

import msgspec

from engine.types import Cents, Millis


class PastVerdict(enum.StrEnum):
    """What is known about breaches before this moment."""

    CLEAN = "clean"  # somebody of ours watched whenever something was open
    CLEAN_BOUNDED = "clean_bounded"  # even the worst prices of the bars broke no limit
    UNKNOWN = "unknown"
    BREACHED_BOUNDED = "breached_bounded"  # even the best prices of a bar broke a limit
    BREACHED = "breached"  # proved by deals or by our own journal


class Proof(enum.StrEnum):
    """How sure the day's starting figure is."""

    PROVED = "proved"
    BOUNDED = "bounded"  # the upper bound that bars give: the strict side
    UNKNOWN = "unknown"


class LedgerOutcome(enum.StrEnum):
    """What a session that sends orders may do, from best to worst."""

    OK = "ok"
    WARN = "warn"
    SUSPEND = "suspend"
    REFUSE = "refuse"


class PastBreach(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that the account broke: the figure measured and the limit it had to keep above."""

    rule: str
    at: Millis
    figure: Cents
    limit: Cents


class OwnFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What our own limits need to know of the account's day.

    `day_start` is the balance at our reset plus what was paid in or out since; `orders_*` count the
    entries that were approved or opened something; `last_loss` is when a position of ours last
    ended with a loss over its whole life.
    """

    day_start: Cents | None
    orders_today: int | None
    orders_hour: int | None
    last_loss: Millis | None


class LedgerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The account's standing. What cannot be known, or was not computed, is None.

    `opening` is what the visible history does not explain of the balance; `transfers` what was
    paid in and out since the first trade; `day_start`, `high_water` and the floors are those in
    force now. `trading_days`, `best_day`, `good_days` (the sum of all profitable days) and
    `profitable_days` include today as if it ended now.
    """

    opening: Cents
    complete: bool
    source: str | None = None
    initial: Cents | None = None
    phase: str | None = None
    started: str | None = None
    date: str | None = None
    transfers: Cents | None = None
    transfers_today: Cents | None = None
    closed_today: Cents | None = None
    positions_today: int | None = None
    requests_today: int | None = None
    high_water: Cents | None = None
    day_start: Cents | None = None
    day_start_proof: Proof | None = None
    floor_today: Cents | None = None
    floor_overall: Cents | None = None
    floor: Cents | None = None
    target: Cents | None = None
    trading_days: int | None = None
    best_day: Cents | None = None
    good_days: Cents | None = None
    profitable_days: int | None = None
    breaches: tuple[PastBreach, ...] | None = None
    past: PastVerdict | None = None
    own: OwnFigures | None = None

    @property
    def best_day_share(self) -> float | None:
        """The best day's part of the profit of all profitable days; None while there is none."""
        if not self.good_days or self.best_day is None:
            return None
        return self.best_day / self.good_days
