"""The odds of a challenge: the probability to pass with its interval, causes of failure, days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec
import numpy as np

from risk.odds.blocks import mean_block
from risk.odds.days import FirmDay
from risk.odds.draws import StationaryOrder
from risk.odds.history import history
from risk.odds.interval import Interval, double_bootstrap, hull, quantiles, wilson
from risk.odds.paths import Cause, Played
from risk.odds.play import HORIZON, play
from risk.odds.table import DayTable, Ints, Sizing, table_of
from risk.odds.terms import OddsTerms

BLOCKS = (1.0, 5.0, 20.0, 40.0)
"""Mean blocks, in days, at which the estimate is shown beside its own."""

SPREAD = 0.05
"""Estimates that differ by more over these blocks come from days that depend on each other."""

_QUANTILES = (0.1, 0.5, 0.9)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How much is drawn. `block` is a mean block in days that the user asks for (None: measured).

    `paths_by_block` are drawn for each estimate at another mean block: enough to see a spread.
    """

    seed: int = 1
    paths: int = 10_000
    paths_by_block: int = 2_500
    histories: int = 200
    paths_in_each: int = 200
    horizon: int = HORIZON
    block: float | None = None


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """What came of some attempts, as shares of all of them.

    `phases[k]` passed phase k (from 0), so the last one is the share that passed. `days_to_pass`
    are the 10, 50 and 90 % quantiles of the firm days of those that passed, None when none did.
    """

    attempts: int
    phases: tuple[float, ...]
    daily_loss: float
    max_loss: float
    max_days: float
    inactivity: float
    undecided: float
    days_to_pass: tuple[int, int, int] | None

    @property
    def passed(self) -> float:
        """The share that passed every phase."""
        return self.phases[-1]


class Odds(msgspec.Struct, frozen=True, kw_only=True):
    """The estimate and what it stands on.

    `calendar_ratio` turns firm days into calendar days. `by_block` holds the estimate at other mean
    blocks.
    """

    days: int
    flat_starts: int
    mean_block: float
    sizing: Sizing
    estimate: Shares
    interval: Interval
    from_history: Interval
    from_bootstrap: Interval
    history: Shares
    history_passes: int
    history_decided: int
    independent: float
    by_block: tuple[tuple[float, float], ...]
    calendar_ratio: float

    @property
    def passed(self) -> float:
        """The probability to pass, the best single figure."""
        return self.estimate.passed

    @property
    def lowest_by_block(self) -> float | None:
        """The lowest estimate over the blocks, where they spread so far that it is to be taken."""
        figures = [share for _, share in self.by_block]
        return min(figures) if figures and max(figures) - min(figures) > SPREAD else None

    def calendar_days(self, firm_days: int) -> int:
        """About how many calendar days these firm days take."""
        return round(firm_days * self.calendar_ratio)


def shares_of(played: Played) -> Shares:
    """What came of these attempts; all zero when there are none."""
    count = len(played.outcome)
    whole = max(1, count)
    phases = played.days.shape[1]
    reached = [int((played.phase > k).sum()) for k in range(1, phases)]
    passed = int(played.passed.sum())
    causes = {cause: int(played.ended_by(cause).sum()) / whole for cause in Cause}
    return Shares(
        attempts=count,
        phases=tuple(number / whole for number in [*reached, passed]),
        daily_loss=causes[Cause.DAILY_LOSS],
        max_loss=causes[Cause.MAX_LOSS],
        max_days=causes[Cause.MAX_DAYS],
        inactivity=causes[Cause.INACTIVITY],
        undecided=(count - int(played.decided.sum())) / whole,
        days_to_pass=_days(played.elapsed[played.passed]),
    )


def _days(elapsed: Ints) -> tuple[int, int, int] | None:
    if not len(elapsed):
        return None
    low, middle, high = np.quantile(elapsed, _QUANTILES, method="inverted_cdf")
    return int(low), int(middle), int(high)


def calendar_ratio(days: Sequence[FirmDay]) -> float:
    """Calendar days for each firm day of a record."""
    first, last = (dt.date.fromisoformat(days[i].date) for i in (0, -1))
    return ((last - first).days + 1) / len(days)


def odds(
    days: Sequence[FirmDay], terms: OddsTerms, sizing: Sizing, settings: Settings | None = None
) -> Odds:
    """The odds that days like these pass.

    The same record and settings give the same figures. Raises BadDays for a record that
    contradicts itself, and NoFlatStart for one on which no attempt can begin.
    """
    settings = settings or Settings()
    table = table_of(days)
    block = mean_block(table) if settings.block is None else settings.block
    paths, outer, inner, others = (_generator(settings.seed, k) for k in range(4))
    order = StationaryOrder(table, block, settings.paths, paths)
    estimate = shares_of(play(table, terms, sizing, order, settings.horizon))
    record = history(table, terms, sizing)
    from_history = wilson(record.pass_share, record.independent)
    from_bootstrap = quantiles(
        double_bootstrap(
            table, terms, sizing, block, (outer, inner),
            histories=settings.histories, paths=settings.paths_in_each, horizon=settings.horizon,
        )
    )  # fmt: skip
    # The point belongs to what is possible, whatever the two intervals say.
    point = Interval(estimate.passed, estimate.passed)
    return Odds(
        days=len(table),
        flat_starts=len(record.starts),
        mean_block=block,
        sizing=sizing,
        estimate=estimate,
        interval=hull(from_history, from_bootstrap, point),
        from_history=from_history,
        from_bootstrap=from_bootstrap,
        by_block=_by_block(table, terms, sizing, settings, others),
        calendar_ratio=calendar_ratio(days),
        history=shares_of(record.played),
        history_passes=record.passes,
        history_decided=record.decided,
        independent=record.independent,
    )


def pass_probability(
    days: Sequence[FirmDay], terms: OddsTerms, sizing: Sizing, *, seed: int = 1, paths: int = 2_000
) -> float:
    """The point estimate alone: what a search may compare many records by.

    Raises as `odds` does.
    """
    table = table_of(days)
    order = StationaryOrder(table, mean_block(table), paths, _generator(seed, 0))
    return float(play(table, terms, sizing, order).passed.mean())


def _by_block(
    table: DayTable,
    terms: OddsTerms,
    sizing: Sizing,
    settings: Settings,
    generator: np.random.Generator,
) -> tuple[tuple[float, float], ...]:
    found = []
    for block in BLOCKS:
        order = StationaryOrder(table, block, settings.paths_by_block, generator)
        played = play(table, terms, sizing, order, settings.horizon)
        found.append((block, float(played.passed.mean())))
    return tuple(found)


def _generator(seed: int, purpose: int) -> np.random.Generator:
    """A stream of its own for each purpose: more of one draws nothing from another."""
    child = np.random.SeedSequence(seed).spawn(purpose + 1)[purpose]
    return np.random.Generator(np.random.PCG64(child))
