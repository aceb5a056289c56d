"""When a record can bear no odds at all, and when they must be read with care."""

from __future__ import annotations

import datetime as dt

import msgspec

from engine.types import Millis
from risk.odds.estimate import Odds
from risk.odds.table import DayTable

LEAST_DAYS = 60
LEAST_FLAT_STARTS = 30
LEAST_TRADES = 20

FEW_DAYS = 250
FEW_ATTEMPTS = 5
FEW_FLAT = 0.2
MANY_UNFINISHED = 0.1
ONE_DAY = 0.3


KEEPS_RESERVE = (
    "firm_reserve_fraction denies entries near the firm's floor, so days depend on how an attempt "
    "stands: set it to null, or replay every attempt with --exact"
)
"""Why there are no odds of a run whose own limit knows how far the firm's floor is."""


class DaySample(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the run behind some firm days.

    `ended_by` names what ended it or stopped its entries early (empty: nothing). `reads_balance`
    is when its strategy first decided otherwise with another balance (None: never); risk's own
    sizing is no such case. `keeps_reserve` tells that a limit of its own denies entries near the
    firm's floor.
    """

    trades: int
    ended_by: str = ""
    reads_balance: Millis | None = None
    keeps_reserve: bool = False


def refusal(table: DayTable, record: DaySample) -> str | None:
    """Why there are no odds, and the remedy, in one line; None when they can."""
    if record.ended_by:
        return (
            f"the run was ended early by {record.ended_by}, so its days are not all there: "
            "run it again without that end"
        )
    flat = len(table.flat_starts)
    few = [
        (len(table), LEAST_DAYS, "firm days", "run the replay over a longer period"),
        (flat, LEAST_FLAT_STARTS, "midnights with nothing open", "use a longer period"),
        (record.trades, LEAST_TRADES, "closed trades", "use a longer period or more signals"),
    ]
    for count, least, what, remedy in few:
        if count < least:
            return f"{count} {what}, at least {least} are needed: {remedy}"
    if record.reads_balance is not None:
        moment = dt.datetime.fromtimestamp(record.reads_balance / 1000, dt.UTC)
        return (
            "the strategy reads its balance (with another one it decides otherwise at "
            f"{moment:%Y-%m-%d %H:%M} UTC), so its trades depend on how an attempt stands: decide "
            "without the volume of the position, or replay every attempt with --exact"
        )
    if record.keeps_reserve:
        return KEEPS_RESERVE
    return None


FLOATING_UNKNOWN = "floating loss unknown: daily and overall breaches are understated"
"""What stands beside every figure that was made from closed deals alone."""


def warnings(
    table: DayTable,
    odds: Odds,
    *,
    news_without_calendar: bool = False,
    closed_deals_only: bool = False,
) -> tuple[str, ...]:
    """What to know before these odds are believed, a sentence each."""
    found = [FLOATING_UNKNOWN] if closed_deals_only else []
    if odds.days < FEW_DAYS:
        found.append(f"only {odds.days} firm days: the interval is wide; {FEW_DAYS} are a year")
    if odds.independent < FEW_ATTEMPTS:
        found.append(f"the record holds only some {odds.independent:.1f} independent attempts")
    if odds.flat_starts < FEW_FLAT * odds.days:
        found.append(
            f"only {odds.flat_starts} of {odds.days} days begin with nothing open: "
            "few places to start an attempt from"
        )
    if odds.history.undecided > MANY_UNFINISHED:
        found.append(
            f"{odds.history.undecided:.0%} of the starts in the record are unfinished: "
            "the share of passes of the others favours quick ends"
        )
    best = largest_day_share(table)
    if best is not None and best > ONE_DAY:
        found.append(f"one day made {best:.0%} of the profit of all profitable days")
    if news_without_calendar:
        found.append("the rules forbid entries around news, and no calendar was given")
    return tuple(found)


def largest_day_share(table: DayTable) -> float | None:
    """The best day's part of the profit of all profitable days; None when none was."""
    gains = table.results[table.results > 0]
    return float(gains.max() / gains.sum()) if len(gains) else None
