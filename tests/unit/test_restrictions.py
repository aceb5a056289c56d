"""How an account may be used beside money: closures, news, counts, weekends."""

from __future__ import annotations

import datetime as dt
from itertools import islice

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.rules import load_rules
from engine.events import DenyReason
from engine.rules import Calendar, Closure, News, TradingRestrictions, WeeklyClosure
from risk import objectives as obj
from risk import restrictions
from tests.builders import EURUSD, START, USDJPY, XAUUSD

RULES = load_rules("ftmo_2step")
CONDUCT = RULES.restrictions
FUNDED = RULES.phases[2]
NONE = Calendar()


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


class TestClosures:
    @pytest.mark.parametrize(
        ("after", "closes", "opens"),
        [
            ("2026-01-14T12:00Z", "2026-01-16T22:00Z", "2026-01-18T22:00Z"),
            ("2026-07-15T12:00Z", "2026-07-17T21:00Z", "2026-07-19T21:00Z"),
            # The clocks of New York change inside the weekend, in March and in November.
            ("2026-03-06T12:00Z", "2026-03-06T22:00Z", "2026-03-08T21:00Z"),
            ("2026-10-30T12:00Z", "2026-10-30T21:00Z", "2026-11-01T22:00Z"),
            # Within the closure it is still the next one that ends.
            ("2026-01-17T12:00Z", "2026-01-16T22:00Z", "2026-01-18T22:00Z"),
        ],
    )
    def test_the_week_closes_by_the_zones_own_clock(
        self, after: str, closes: str, opens: str
    ) -> None:
        assert CONDUCT.week is not None
        (first,) = islice(restrictions.weekly(CONDUCT.week, at(after)), 1)
        assert first == Closure(start=at(closes), end=at(opens))

    @given(
        st.datetimes(dt.datetime(2019, 12, 1), dt.datetime(2021, 2, 1), timezones=st.just(dt.UTC)),
        st.integers(0, 7 * 24 * 60 - 1), st.integers(0, 7 * 24 * 60 - 1),
    )  # fmt: skip
    def test_the_first_one_is_looked_up_as_it_is_counted(
        self, moment: dt.datetime, closes: int, opens: int
    ) -> None:
        """At every turn of a year, for weeks that close before or after they open."""
        week = WeeklyClosure(zone="America/New_York", closes=closes, opens=opens)
        after = round(moment.timestamp()) * 1000
        assert restrictions.first_weekly(week, after) == next(restrictions.weekly(week, after))

    @pytest.mark.parametrize(
        ("moment", "denied"),
        [
            ("2026-01-16T19:59:59Z", False),
            ("2026-01-16T20:00Z", True),
            ("2026-01-16T21:59Z", True),
            ("2026-01-17T12:00Z", True),
            ("2026-01-18T22:00Z", False),
        ],
    )
    def test_nothing_is_opened_within_two_hours_before_it(self, moment: str, denied: bool) -> None:
        found = restrictions.gap_objection(CONDUCT, NONE, at(moment))
        assert (found is not None and found[0] is DenyReason.GAP_WINDOW) is denied

    def test_a_holiday_of_the_calendar_closes_too_and_a_short_break_does_not(self) -> None:
        calendar = Calendar(
            closures=(
                Closure(start=at("2026-01-13T22:00Z"), end=at("2026-01-13T23:59Z")),
                Closure(start=at("2026-01-14T18:00Z"), end=at("2026-01-14T20:00Z")),
            )
        )
        assert restrictions.gap_objection(CONDUCT, calendar, at("2026-01-13T21:30Z")) is None
        assert restrictions.gap_objection(CONDUCT, calendar, at("2026-01-14T15:59Z")) is None
        assert restrictions.gap_objection(CONDUCT, calendar, at("2026-01-14T16:00Z")) is not None
        assert restrictions.gap_objection(CONDUCT, calendar, at("2026-01-14T19:59Z")) is not None
        assert (
            restrictions.gap_objection(CONDUCT, calendar, at("2026-01-14T20:00Z")) is None
        )  # over

    def test_without_such_a_rule_there_is_no_objection(self) -> None:
        assert (
            restrictions.gap_objection(TradingRestrictions(), NONE, at("2026-01-16T21:59Z")) is None
        )
        assert restrictions.next_closure(TradingRestrictions(), NONE, 0) is None


class TestNews:
    CALENDAR = Calendar(
        news=(
            News(time=at("2026-06-05T12:30Z"), currencies=("USD",)),
            News(time=at("2026-06-05T14:00Z")),
        )
    )

    @pytest.mark.parametrize(
        ("moment", "denied"),
        [
            ("2026-06-05T12:27:59Z", False),
            ("2026-06-05T12:28Z", True),
            ("2026-06-05T12:32Z", True),
            ("2026-06-05T12:32:01Z", False),
        ],
    )
    def test_the_window_holds_both_its_edges(self, moment: str, denied: bool) -> None:
        found = restrictions.news_objection(FUNDED, self.CALENDAR, EURUSD, at(moment))
        assert (found is not None and found[0] is DenyReason.NEWS_WINDOW) is denied

    def test_only_symbols_of_the_releases_currencies_are_kept_back(self) -> None:
        other = msgspec.structs.replace(EURUSD, name="EURGBP", base="EUR", quote="GBP")
        moment = at("2026-06-05T12:30Z")
        assert restrictions.news_objection(FUNDED, self.CALENDAR, other, moment) is None
        for spec in (USDJPY, XAUUSD):
            assert restrictions.news_objection(FUNDED, self.CALENDAR, spec, moment) is not None
        for spec in (other, EURUSD):
            late = at("2026-06-05T14:01Z")
            assert restrictions.news_objection(FUNDED, self.CALENDAR, spec, late) is not None

    def test_an_evaluation_phase_has_no_such_window(self) -> None:
        moment = at("2026-06-05T12:30Z")
        assert restrictions.news_objection(RULES.phases[0], self.CALENDAR, EURUSD, moment) is None


class TestCounts:
    TERMS = TradingRestrictions(open_orders=3, positions_a_day=5, requests_a_day=10)

    @pytest.mark.parametrize(
        ("today", "positions", "in_flight", "reason"),
        [
            ({}, 2, 0, None),
            ({}, 3, 0, DenyReason.OPEN_ORDERS),
            ({}, 1, 2, DenyReason.OPEN_ORDERS),
            ({"positions": 4}, 0, 0, None),
            ({"positions": 5}, 0, 0, DenyReason.POSITIONS_PER_DAY),
            ({"positions": 3}, 0, 2, DenyReason.POSITIONS_PER_DAY),
            ({"requests": 9}, 0, 0, None),
            ({"requests": 10}, 0, 0, DenyReason.REQUESTS_PER_DAY),
        ],
    )
    def test_a_count_at_its_limit_denies_the_next_entry(
        self, today: dict[str, int], positions: int, in_flight: int, reason: DenyReason | None
    ) -> None:
        state = msgspec.structs.replace(obj.new_phase(RULES, 0, START, "2026-06-01"), **today)
        found = restrictions.count_objection(self.TERMS, state, positions, in_flight)
        assert (found and found[0]) == reason


class TestWeekend:
    def test_a_funded_phase_is_looked_at_before_and_at_every_closing_of_the_week(self) -> None:
        due = restrictions.flat_due(RULES, RULES.phases, at("2026-01-14T12:00Z"))
        assert list(islice(due, 3)) == [
            (at("2026-01-16T21:30Z"), at("2026-01-16T22:00Z")),
            (at("2026-01-16T22:00Z"), at("2026-01-16T22:00Z")),
            (at("2026-01-23T21:30Z"), at("2026-01-23T22:00Z")),
        ]

    def test_a_start_between_the_two_meets_the_second(self) -> None:
        due = restrictions.flat_due(RULES, RULES.phases, at("2026-01-16T21:45Z"))
        assert next(due) == (at("2026-01-16T22:00Z"), at("2026-01-16T22:00Z"))

    def test_evaluation_phases_may_stay_open(self) -> None:
        assert list(restrictions.flat_due(RULES, RULES.phases[:2], 0)) == []
