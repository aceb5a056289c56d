"""How an account may be used beside money: counts, the hours before a closure, news.

Pure functions of the rules, the calendar and the moment (ms UTC).
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.events import DenyReason
from engine.rules import Calendar, Closure, News, Phase, RuleSet, TradingRestrictions, WeeklyClosure
from engine.types import Millis, SymbolSpec
from risk.objectives import ChallengeState

MINUTE: Millis = 60_000
Objection = tuple[DenyReason, str]


def weekly(week: WeeklyClosure, after: Millis) -> Iterator[Closure]:
    """The weekly closures that end later than `after`, by the zone's own clock, without end."""
    day = dt.datetime.fromtimestamp(after / 1000, ZoneInfo(week.zone)).date()
    monday = day - dt.timedelta(days=day.weekday() + 7)
    while True:
        closure = _closure(week, monday)
        if closure.end > after:
            yield closure
        monday += dt.timedelta(days=7)


def first_weekly(week: WeeklyClosure, after: Millis) -> Closure:
    """The first of `weekly`, looked up: every order asks for it."""
    ends, closures = _around(week, dt.datetime.fromtimestamp(after / 1000, dt.UTC).year)
    return closures[bisect_right(ends, after)]


@lru_cache(maxsize=256)
def _around(week: WeeklyClosure, year: int) -> tuple[list[Millis], list[Closure]]:
    """The closures of a year with some weeks on either side, and when each is over."""
    monday = dt.date(year, 1, 1) - dt.timedelta(days=28)
    monday -= dt.timedelta(days=monday.weekday())
    found = [_closure(week, monday + dt.timedelta(weeks=number)) for number in range(62)]
    return [closure.end for closure in found], found


@lru_cache(maxsize=8_192)
def _closure(week: WeeklyClosure, monday: dt.date) -> Closure:
    """The closure that begins in the week of `monday`."""
    zone = ZoneInfo(week.zone)
    later = monday if week.opens > week.closes else monday + dt.timedelta(days=7)
    return Closure(start=_moment(zone, monday, week.closes), end=_moment(zone, later, week.opens))


def _moment(zone: ZoneInfo, monday: dt.date, minutes: int) -> Millis:
    days, rest = divmod(minutes, 24 * 60)
    local = dt.datetime.combine(
        monday + dt.timedelta(days=days), dt.time(rest // 60, rest % 60), zone
    )
    return round(local.timestamp()) * 1000


def next_closure(
    restrictions: TradingRestrictions, calendar: Calendar, now: Millis
) -> Closure | None:
    """The first closure of the rules' length that is not over: weekly, or from the calendar."""
    least = restrictions.closure_minutes * MINUTE
    found = [
        item for item in calendar.closures if item.end > now and item.end - item.start >= least
    ]
    if restrictions.week is not None:
        found.append(first_weekly(restrictions.week, now))
    return min(found, key=lambda item: item.start, default=None)


def gap_objection(
    restrictions: TradingRestrictions, calendar: Calendar, now: Millis
) -> Objection | None:
    """Nothing is opened shortly before a closure (gap trading), nor inside it."""
    if not restrictions.gap_minutes:
        return None
    closure = next_closure(restrictions, calendar, now)
    if closure is None or now < closure.start - restrictions.gap_minutes * MINUTE:
        return None
    left = max(0, closure.start - now) // MINUTE
    return (
        DenyReason.GAP_WINDOW,
        f"the market closes in {left} minutes; nothing is opened {restrictions.gap_minutes} "
        "minutes before a closure",
    )


def news_objection(
    phase: Phase, calendar: Calendar, spec: SymbolSpec, now: Millis
) -> Objection | None:
    """Nothing is opened around listed news that move the symbol; both edges belong to it."""
    item = next(news_between(phase, calendar, spec, now, now), None)
    if item is None:
        return None
    return (
        DenyReason.NEWS_WINDOW,
        f"news for {moved_by(item)} within {phase.news_minutes} minutes",
    )


def news_between(
    phase: Phase, calendar: Calendar, spec: SymbolSpec, since: Millis, until: Millis
) -> Iterator[News]:
    """The releases, in order, that move the symbol and whose windows meet this time.

    A window reaches the phase's minutes before and after its release; both edges belong to it.
    """
    if not phase.news_minutes:
        return
    reach = phase.news_minutes * MINUTE
    news = calendar.news
    first = bisect_left(news, since - reach, key=lambda item: item.time)
    last = bisect_right(news, until + reach, key=lambda item: item.time)
    for item in news[first:last]:
        if not item.currencies or {spec.base, spec.quote} & set(item.currencies):
            yield item


def news_over(phase: Phase, calendar: Calendar, spec: SymbolSpec, now: Millis) -> Millis:
    """The first moment from `now` on that lies in no such window: windows may follow closely."""
    moment = now
    while True:
        items = list(news_between(phase, calendar, spec, moment, moment))
        if not items:
            return moment
        moment = items[-1].time + phase.news_minutes * MINUTE + 1


def instant(moment: Millis) -> str:
    """A moment as a person reads it, UTC."""
    return f"{dt.datetime.fromtimestamp(moment / 1000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def moved_by(item: News) -> str:
    """What a release moves, in words."""
    return "/".join(item.currencies) or "every symbol"


def count_objection(
    restrictions: TradingRestrictions, state: ChallengeState, positions: int, in_flight: int
) -> Objection | None:
    """The counts of a day and of what is open at once; the limit itself is still allowed.

    `positions` are open ones; orders `in_flight` count as if they were positions already.
    """
    for reason, count, limit in (
        (DenyReason.OPEN_ORDERS, positions + in_flight, restrictions.open_orders),
        (DenyReason.POSITIONS_PER_DAY, state.positions + in_flight, restrictions.positions_a_day),
        (DenyReason.REQUESTS_PER_DAY, state.requests, restrictions.requests_a_day),
    ):
        if limit is not None and count >= limit:
            return reason, f"{count} so far, limit {limit}"
    return None


def flat_due(
    rules: RuleSet, phases: Iterable[Phase], after: Millis
) -> Iterator[tuple[Millis, Millis]]:
    """When what is open must be looked at before a weekend, each with the moment the week closes.

    First the time at which it is to be closed, then the closing of the week itself; without end,
    and nothing where none of the `phases` has the rule.
    """
    leads = {phase.flat_minutes for phase in phases if phase.flat_minutes}
    week = rules.restrictions.week
    if week is None or not leads:
        return
    for closure in weekly(week, after):
        for minutes in (*sorted(leads, reverse=True), 0):
            moment = closure.start - minutes * MINUTE
            if moment > after:
                yield moment, closure.start
