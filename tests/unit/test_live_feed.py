"""The live feed over a paper terminal: bars told once and in order, days turned, links brought
back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from adapters.mt5.api.errors import ArgumentsRefused, LinkDown
from adapters.mt5.execution.observation import base_seconds
from adapters.mt5.live.server_clock import ServerClock
from engine import events as ev
from engine.trading import HaltCause
from engine.types import Side
from signals.market_data.bars import TIMEFRAME_SECONDS
from tests.builders import LOT, of_kind, opened
from tests.live_scene import M15, MONDAY, Scene, rates, watch


class TestBarWatch:
    def test_a_bar_is_closed_once_the_next_one_opens_and_told_once(self) -> None:
        watching, every = watch(), rates(3)
        assert list(watching.closed(every[:1])) == []
        (first,) = watching.closed(every[:2])
        assert (first.timeframe, first.time, first.late) == ("M15", MONDAY * 1000, False)
        assert list(watching.closed(every[:2])) == []
        assert watching.request.opened == MONDAY + M15

    def test_the_longer_bar_comes_before_the_one_that_closes_with_it(self) -> None:
        watching, every = watch(), rates(5)
        told = [bar for row in range(1, 6) for bar in watching.closed(every[:row])]
        assert [(bar.timeframe, bar.time // 1000 - MONDAY) for bar in told] == [
            ("M15", 0), ("M15", 900), ("M15", 1800), ("H1", 0), ("M15", 2700),
        ]  # fmt: skip

    @pytest.mark.parametrize("split", range(1, 12))
    def test_missed_bars_are_the_same_as_bars_seen_one_by_one_but_late(self, split: int) -> None:
        every = rates(12)
        one_by_one = watch()
        expected = [bar for row in range(1, 13) for bar in one_by_one.closed(every[:row])]
        watching = watch()
        found = [*watching.closed(every[:split]), *watching.closed(every[split - 1 :])]
        assert [bar.time for bar in found] == [bar.time for bar in expected]
        assert [bar.close for bar in found] == [bar.close for bar in expected]
        newest = expected[-1].time
        late = [bar for bar in found if bar.late]
        assert all(bar.time < newest for bar in late)
        assert len([bar for bar in found if not bar.late]) <= 2 + (split > 1)


@pytest.mark.parametrize(
    ("timeframes", "seconds"),
    [
        (("M15", "H1"), 900),
        (("H4",), 900),
        (("M30",), 900),
        (("M5", "H1"), 300),
        (("M1", "D1"), 60),
    ],
)
def test_the_longest_bars_that_all_can_be_aggregated_from_are_fetched(
    timeframes: tuple[str, ...], seconds: int
) -> None:
    """Never longer ones under another name."""
    assert base_seconds(TIMEFRAME_SECONDS[name] for name in timeframes) == seconds


def test_what_no_fetched_bar_divides_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be aggregated"):
        base_seconds([90])


class TestBars:
    def test_bars_of_the_past_only_warm_up(self) -> None:
        scene = Scene(12)
        scene.play(scene.to(5))
        assert scene.bars() == []
        (warm,) = scene.of(ev.WarmedUp)
        assert [bar[0] for bar in warm.bars].count("M15") == 5

    def test_each_bar_is_told_when_the_next_one_opens(self) -> None:
        scene = Scene(12)
        scene.play(*(scene.to(bar) for bar in (3, 4, 4, 5, 6)))
        assert scene.bars() == [(3, False), (4, False), (5, False)]

    def test_bars_missed_in_an_outage_are_told_late_but_the_newest(self) -> None:
        scene = Scene(12)
        scene.play(scene.to(3), scene.to(8))
        assert scene.bars() == [(3, True), (4, True), (5, True), (6, True), (7, False)]

    def test_a_resumed_session_is_told_the_bars_after_the_last_one_that_it_knows(self) -> None:
        known = {("EURUSD", "M15"): (MONDAY + 2 * M15) * 1000}
        scene = Scene(12, told=known)
        scene.play(scene.to(5), scene.to(6))
        assert scene.bars() == [(3, True), (4, False), (5, False)]
        (warm,) = scene.of(ev.WarmedUp)
        assert (
            max(time for timeframe, time, *_ in warm.bars if timeframe == "M15")
            == known["EURUSD", "M15"]
        )


class TestValues:
    def test_what_a_symbol_is_worth_is_told_after_its_price_and_before_anything_can_be_opened(
        self,
    ) -> None:
        scene = Scene(12)
        scene.play(scene.to(2), scene.to(3))
        kinds = [type(item) for item in scene.fed]
        assert kinds.index(ev.Tick) < kinds.index(ev.SymbolValuation) < kinds.index(ev.WarmedUp)
        (worth,) = scene.of(ev.SymbolValuation)
        assert (worth.symbol, worth.time) == ("EURUSD", (MONDAY + 2 * M15) * 1000)
        assert scene.live.parts.portfolio.valuations == {"EURUSD": worth}

    def test_it_is_asked_for_again_after_an_hour(self) -> None:
        scene = Scene(12)
        scene.play(*(scene.to(bar) for bar in range(2, 9)))
        assert [(item.time // 1000 - MONDAY) // M15 for item in scene.of(ev.SymbolValuation)] == [
            2,
            6,
        ]

    def test_while_the_terminal_cannot_tell_the_session_goes_on_and_asks_again(self) -> None:
        scene = Scene(12)
        reckon = scene.client.terminal.order_calc_profit

        def mute() -> None:
            scene.to(2)()
            scene.client.terminal.order_calc_profit = lambda *_: None  # type: ignore[method-assign]

        def speak() -> None:
            scene.to(4)()
            scene.client.terminal.order_calc_profit = reckon  # type: ignore[method-assign]

        scene.play(mute, scene.to(3), speak)
        (worth,) = scene.of(ev.SymbolValuation)
        assert worth.time == (MONDAY + 4 * M15) * 1000
        assert scene.bars() == [(2, False), (3, False)]


class TestSwap:
    def test_what_a_position_of_ours_accrues_is_told_when_it_changes(self) -> None:
        scene = Scene(12)
        scene.live.parts.bus.publish(opened(1))
        deal = scene.account.open("EURUSD", Side.LONG, LOT, 109_910, 110_210, 26, "ab-1")
        others = scene.account.open("EURUSD", Side.LONG, LOT, 109_910, 110_210, 99, "")

        def night() -> None:
            scene.to(2)()
            for ticket in (deal.position, others.position):
                scene.account.positions[ticket].swap = -650

        scene.play(scene.to(1), night, scene.to(3))
        assert scene.of(ev.SwapSeen) == [ev.SwapSeen(1, -650)]


class TestDays:
    def test_days_that_began_meanwhile_are_turned_before_anything_else(self) -> None:
        begun = iter([(MONDAY * 1000 - 5, "2025-01-05"), (MONDAY * 1000, "2025-01-06"),
                      (1 << 60, "")])  # fmt: skip
        scene = Scene(12, resets=begun)
        scene.play(scene.to(2))
        kinds = [type(item) for item in scene.fed]
        assert [item.date for item in scene.of(ev.ResetDue)] == ["2025-01-05", "2025-01-06"]
        assert kinds.index(ev.ResetDue) < kinds.index(ev.Tick)


class TestLinks:
    def test_a_lost_link_suspends_trading_and_is_brought_back(self) -> None:
        scene = Scene(12)

        def lose() -> None:
            scene.to(3)()
            scene.client.down = 2

        scene.play(scene.to(2), lose, scene.to(3))
        assert [item.up for item in scene.of(ev.LinkChanged)] == [True, False, True]
        assert scene.bars() == [(2, False)]

    def test_an_account_without_figures_is_no_loss_but_no_look(self) -> None:
        """A terminal that is just logging in may tell balance and equity 0: nothing is halted for
        a loss by that, and nothing new leaves until it tells them."""
        scene = Scene(12)
        figures = scene.account.balance

        def forget() -> None:
            scene.account.balance = 0

        def remember() -> None:
            scene.account.balance = figures

        seen: list[ev.AccountSeen] = []
        scene.live.parts.bus.attach({ev.AccountSeen: seen.append})
        scene.on_wait = remember
        scene.play(scene.to(2), forget, scene.to(3))
        first, lost, *_, last = scene.of(ev.LinkChanged)
        assert (first.up, lost.up, last.up) == (True, False, True)
        assert "without balance and equity" in lost.detail
        assert {item.balance for item in seen} == {figures}

    def test_each_failed_attempt_is_told_before_the_next_one_is_waited_for(self) -> None:
        scene = Scene(12)

        def lose() -> None:
            scene.client.down = 20

        scene.play(scene.to(2), lose)
        assert len(scene.waited) >= 1
        assert scene.slices > 2 + len(scene.waited)

    def test_a_stop_ends_the_attempts(self) -> None:
        scene = Scene(12)

        def lose() -> None:
            scene.client.down = 1 << 30
            scene.stops = True

        with pytest.raises(LinkDown):
            scene.play(scene.to(2), lose)

    def test_the_end_of_its_time_ends_the_attempts_in_order(self) -> None:
        """Whatever the link does: no failure, and nothing is asked any more."""
        scene = Scene(12)

        def lose() -> None:
            scene.client.down = 1 << 30
            scene.out_of_time = True

        scene.play(scene.to(2), lose)
        assert len(scene.waited) <= 1

    def test_an_attempt_that_gets_no_answer_outlasts_no_session(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A terminal that never comes back must not keep a session from its summary."""
        scene = Scene(12)
        given_up: list[bool] = []

        async def mute(_gateway: object) -> None:
            scene.out_of_time = True
            try:
                await asyncio.sleep(30)
            finally:
                given_up.append(True)
            raise AssertionError("nobody gave it up")

        def lose() -> None:
            monkeypatch.setattr(scene.venue, "recover", mute)
            scene.client.down = 1 << 30

        scene.play(scene.to(2), lose)
        assert given_up

    @pytest.mark.parametrize("lockstep", [True, False])
    @pytest.mark.parametrize("function", ["symbol_info_tick", "terminal_info", "symbol_info"])
    def test_looks_that_fail_although_the_account_answers_are_not_passed_over(
        self, function: str, lockstep: bool
    ) -> None:
        """The first is told, the second in a row suspends with its cause until a whole look comes:
        the account alone shows no price, and the session would trade on without seeing any."""
        said: list[str] = []
        server = None if lockstep else ServerClock({"utc": lambda utc: utc})
        scene = Scene(12, warn=said.append, server=server)
        trading = scene.live.parts.risk
        causes: list[tuple[HaltCause, ...]] = []

        def look(failing: str) -> Callable[[], None]:
            def step() -> None:
                causes.append(trading.trading.causes)
                scene.client.failing = failing

            return step

        steps = [look(name) for name in (function, function, function, "", "")]
        scene.play(scene.to(2), *steps, look(""))
        (failed,) = said
        assert f"{function}" in failed
        assert "-1, 'Terminal: Call failed'" in failed
        feed = [HaltCause.FEED in held for held in causes]
        assert feed == [False, False, True, True, False, False]
        halts = of_kind(scene.live.parts.journal, ev.TradingStateChanged)
        (stopped,) = [halt for halt in halts if halt.cause is HaltCause.FEED]
        assert stopped.detail.startswith(f"no look at the market: {function}")

    def test_arguments_that_the_package_refuses_end_the_session_and_are_no_lost_link(self) -> None:
        scene = Scene(12)

        def refuse() -> None:
            scene.client.refused = "positions_get"

        with pytest.raises(ArgumentsRefused, match=r"positions_get\(\): SystemError: no C long"):
            scene.play(scene.to(2), refuse, scene.to(3))
        assert [item.up for item in scene.of(ev.LinkChanged)] == [True]


class TestTheEnd:
    """A session ends with what the venue shows then, not with what it showed at the last look."""

    def ending(self, **options: Any) -> Scene:
        return Scene(12, server=ServerClock({"utc": lambda utc: utc}), **options)

    def test_money_that_shows_up_after_the_last_look_is_told(self) -> None:
        scene = self.ending()

        def pay() -> None:
            scene.account.balance += 12_345

        scene.at_the_end = pay
        scene.play(scene.to(2), scene.to(3))
        assert scene.live.parts.portfolio.account.figures.balance == scene.account.balance

    def test_a_position_that_is_gone_after_the_last_look_is_told_as_closed(self) -> None:
        scene = self.ending()
        scene.live.parts.bus.publish(opened(1))
        deal = scene.account.open("EURUSD", Side.LONG, LOT, 109_910, 110_210, 26, "ab-1")

        def close() -> None:
            scene.account.close(scene.account.positions[deal.position], 26, "by hand")

        scene.at_the_end = close
        scene.play(scene.to(2), scene.to(3))
        (closed,) = of_kind(scene.live.parts.journal, ev.PositionClosed)
        assert closed.position == deal.position
        assert scene.live.parts.portfolio.account.figures.balance == scene.account.balance

    def test_an_end_without_news_adds_no_record(self) -> None:
        counts = []
        for at_the_end in (None, lambda: None):
            scene = self.ending()
            scene.at_the_end = at_the_end
            counts.append(len(scene.play(scene.to(2), scene.to(3))))
        assert counts[0] == counts[1]

    def test_in_lockstep_nothing_is_looked_at_again(self) -> None:
        scene = Scene(12)

        def pay() -> None:
            scene.account.balance += 12_345

        scene.at_the_end = pay
        scene.play(scene.to(2), scene.to(3))
        figures = scene.live.parts.portfolio.account.figures
        assert figures.balance == scene.account.balance - 12_345

    def test_a_look_that_fails_at_the_end_is_told(self) -> None:
        scene = self.ending()

        def lose() -> None:
            scene.client.down = 1

        scene.at_the_end = lose
        scene.play(scene.to(2), scene.to(3))
        last = scene.of(ev.LinkChanged)[-1]
        assert not last.up
        assert "when the session ended" in last.detail


def test_a_symbol_without_a_price_yet_is_waited_for() -> None:
    scene = Scene(12)
    scene.account.bids["EURUSD"] = scene.account.asks["EURUSD"] = 0
    scene.play(lambda: None)
    assert scene.of(ev.Tick) == []
