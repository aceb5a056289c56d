"""The server's clock, told from fresh ticks: which rule, and when nothing is certain."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.live.server_clock import ServerClock
from engine.types import ClockName
from signals.market_data.clocks import SERVER_CLOCKS, server_of

CLOCKS = SERVER_CLOCKS
WINTER = int(datetime(2025, 1, 8, 12, tzinfo=UTC).timestamp())
SUMMER = int(datetime(2025, 7, 9, 12, tzinfo=UTC).timestamp())
ONLY_US = int(datetime(2025, 3, 12, 12, tzinfo=UTC).timestamp())
"""The USA have changed their clocks, Europe has not."""


def watching() -> ServerClock[ClockName]:
    return ServerClock({name: partial(server_of, name) for name in CLOCKS})


def tick(clock: ServerClock[ClockName], name: ClockName, utc: int, late: int = 0) -> None:
    """A look at `utc`: the server, whose clock is `name`, has just sent a tick, `late` seconds
    before."""
    clock.tick(server_of(name, utc - late), utc * 1000)


def look_and_tick(clock: ServerClock[ClockName], name: ClockName, utc: int, late: int = 0) -> None:
    """Two looks, a second apart: the second sees a tick that the first did not."""
    tick(clock, name, utc, late + 1)
    tick(clock, name, utc + 1, late)


class TestCertainty:
    def test_the_first_tick_proves_nothing_as_it_may_be_old(self) -> None:
        clock = watching()
        tick(clock, "eu-dst", SUMMER)
        assert not clock.certain
        assert clock.problem == "no fresh tick has come yet"

    def test_a_tick_that_came_between_two_looks_is_fresh(self) -> None:
        clock = watching()
        look_and_tick(clock, "utc", SUMMER)
        assert clock.certain
        assert clock.rule == "utc"

    def test_a_tick_after_a_long_time_without_a_look_proves_nothing(self) -> None:
        clock = watching()
        tick(clock, "utc", SUMMER)
        tick(clock, "utc", SUMMER + 3600)
        assert not clock.certain

    def test_a_closed_market_gives_no_verdict_and_takes_none_away(self) -> None:
        """All weekend the last tick stays the same, however far it falls behind."""
        clock = watching()
        look_and_tick(clock, "new-york+7", SUMMER)
        last = server_of("new-york+7", SUMMER + 1)
        for second in range(0, 2 * 86_400, 600):
            clock.tick(last, (SUMMER + second) * 1000)
            assert clock.certain

    @given(
        name=st.sampled_from(CLOCKS), late=st.integers(1, 86_400 * 3), wait=st.integers(1, 86_400)
    )
    def test_a_stale_tick_never_makes_another_rule_certain(
        self, name: ClockName, late: int, wait: int
    ) -> None:
        """A terminal that comes back may show a tick that is hours old."""
        clock = watching()
        look_and_tick(clock, name, SUMMER)
        before = clock.rule
        utc = SUMMER + late + wait
        tick(clock, name, utc - 1, late + wait)  # what it showed all the while
        tick(clock, name, utc, late)
        assert not clock.certain or clock.rule == before

    def test_a_clock_that_is_wrong_by_minutes_is_a_problem_that_names_the_machine(self) -> None:
        clock = watching()
        look_and_tick(clock, "eu-dst", SUMMER, late=600)
        assert not clock.certain
        assert "set this machine's clock" in clock.problem

    @pytest.mark.parametrize("wrong", [-2 * 3600, 4 * 3600, 1800])
    def test_an_offset_that_no_clock_has_is_a_problem(self, wrong: int) -> None:
        clock = watching()
        look_and_tick(clock, "utc", SUMMER, late=wrong)
        assert not clock.certain
        assert "no known clock" in clock.problem

    def test_fresh_ticks_that_fit_make_it_certain_again(self) -> None:
        clock = watching()
        look_and_tick(clock, "eu-dst", SUMMER)
        look_and_tick(clock, "eu-dst", SUMMER + 10, late=600)
        look_and_tick(clock, "eu-dst", SUMMER + 1000)
        assert clock.certain
        assert clock.problem == ""


class TestRules:
    @given(name=st.sampled_from(CLOCKS), utc=st.integers(WINTER, WINTER + 3 * 365 * 86_400))
    def test_one_fresh_tick_gives_the_right_time_at_this_moment(
        self, name: ClockName, utc: int
    ) -> None:
        clock = watching()
        look_and_tick(clock, name, utc)
        assert clock.at((utc + 1) * 1000) == server_of(name, utc + 1)

    def test_while_only_the_usa_have_changed_their_clocks_the_two_rules_are_told_apart(
        self,
    ) -> None:
        clock = watching()
        look_and_tick(clock, "eu-dst", WINTER)
        assert clock.rule == "new-york+7"  # in winter both explain the ticks, the usual one first
        look_and_tick(clock, "eu-dst", ONLY_US)
        assert (clock.certain, clock.rule) == (True, "eu-dst")
        look_and_tick(clock, "eu-dst", SUMMER)
        assert (clock.certain, clock.rule) == (True, "eu-dst")

    @pytest.mark.parametrize("name", CLOCKS)
    def test_a_rule_stays_through_both_changes_of_the_clocks(self, name: ClockName) -> None:
        clock = watching()
        for day in range(400):
            utc = WINTER + day * 86_400
            look_and_tick(clock, name, utc)
            assert clock.certain
            assert clock.at((utc + 1) * 1000) == server_of(name, utc + 1)

    def test_ticks_that_insist_on_another_rule_are_believed_after_three(self) -> None:
        """The profile may have been pointed at another server."""
        clock = watching()
        look_and_tick(clock, "new-york+7", SUMMER)
        for second in (10, 12):
            tick(clock, "new-york+7", SUMMER + second)  # nothing that is later than UTC's day
        certain = []
        for second in range(30_000, 30_005):
            tick(clock, "utc", SUMMER + second)
            certain.append(clock.certain)
        assert clock.rule == "utc"
        assert certain == [True, False, False, True, True]
