"""What a comparison says of two runs."""

from __future__ import annotations

import pytest

from adapters.reports.compare import Aspect, RunComparison, RunDifference, Tolerances, compare
from adapters.reports.divergence import differing_terms, known_reasons
from adapters.reports.projection import Row
from tests.logs_of_runs import closed, denied, opened, row, run_of, trade


def compared(a: list[Row], b: list[Row], **tolerances: int) -> RunComparison:
    return compare(run_of(a), run_of(b), Tolerances(**tolerances))


def texts(result: RunComparison) -> list[str]:
    return [difference.text for difference in result.differences]


class TestFirstDivergence:
    """The earliest difference, with its cause in words."""

    @pytest.mark.parametrize(
        ("b", "text"),
        [
            ([denied(60, 2)], "denied as max_positions in B"),
            ([row(60, "REJECT", reason="10016")], "rejected with 10016 in B"),
            ([row(60, "UNKNOWN", reason="unknown_outcome")], "of unknown outcome in B"),
            ([row(50, "HALT", symbol="", direction="", reason="link")], "trading halted (link)"),
            ([opened(60, 2), closed(70, 2, reason="SL")], "closed by TP in A, SL in B"),
            ([opened(60, 2)], "closed by TP in A, still open in B"),
            ([opened(60, 2, price="1.10003"), closed(90, 2)], "open price differs by 3 points"),
            ([opened(60, 2, volume="0.90"), closed(90, 2)], "volume 1.00 in A, 0.90 in B"),
            ([opened(60, 2, stop_loss="1.09899"), closed(90, 2)], "stop differs by 1 point"),
            ([opened(61, 2), closed(90, 2)], "open is 60 s later in B"),
            ([opened(60, 2), closed(89.99, 2)], "close is 0.6 s earlier in B"),
            ([opened(60, 2), closed(90, 2, profit="199.98")], "result 195.00 in A, 194.98 in B"),
            ([], "missing in B"),
        ],
    )
    def test_it_names_what_happened_to_the_second_of_three_trades(
        self, b: list[Row], text: str
    ) -> None:
        before, after = trade(0, 1), trade(120, 3)
        result = compared([*before, *trade(60, 2), *after], [*before, *b, *after])
        assert result.first is not None
        assert result.first.text.startswith(text)
        assert not result.equal

    def test_a_trade_that_only_b_has_is_told_the_same_way(self) -> None:
        result = compared([*trade(0, 1), denied(60, 2, "margin")], [*trade(0, 1), *trade(60, 2)])
        assert texts(result) == ["denied as margin in A"]

    def test_a_log_that_ends_early_is_told_from_one_that_lacks_a_trade(self) -> None:
        result = compared([*trade(0, 1), *trade(60, 2)], trade(0, 1))
        assert texts(result) == ["missing in B, whose log ends before it"]
        result = compared(trade(0, 1), [])
        assert texts(result) == ["missing in B, whose log is empty"]
        result = compared([*trade(-60, 1), *trade(0, 2)], trade(0, 2))
        assert texts(result) == ["missing in B, whose log begins after it"]

    def test_a_halt_explains_what_is_missing_after_it(self) -> None:
        halt = row(50, "HALT", symbol="", direction="", reason="daily_loss")
        resume = row(100, "RESUME", symbol="", direction="", reason="reset")
        a = [*trade(0, 1), *trade(60, 2), *trade(120, 3)]
        result = compared(a, [*trade(0, 1), halt, resume, *trade(120, 3)])
        assert texts(result) == [
            "missing in B: trading was halted there (daily_loss)",
            "trading halted (daily_loss) in B only",
        ]
        assert result.first is not None
        assert result.first.aspect is Aspect.HALT


class TestPairing:
    def test_without_common_ids_the_nearest_of_symbol_and_side_belong_together(self) -> None:
        a = [opened(0, 1), opened(60, 2), opened(60, 3, direction="short")]
        b = [
            opened(58, 7, signal_id="y:7", direction="short"),
            opened(59, 8, signal_id="y:8"),
            opened(1, 9, signal_id="y:9"),
        ]
        result = compared(a, b)
        found = {(pair.a and pair.a.ticket, pair.b and pair.b.ticket) for pair in result.pairs}
        assert found == {("1", "9"), ("2", "8"), ("3", "7")}

    def test_beyond_the_window_nothing_belongs_together(self) -> None:
        a, b = [*trade(0, 1), *trade(300, 2)], [opened(30, 7, signal_id="y"), *trade(300, 2)]
        far = compared(a, b, window=29 * 60_000)
        assert [item.aspect for item in far.differences] == [Aspect.MISSING] * 2
        assert "open is 1800 s later in B" in texts(compared(a, b, window=30 * 60_000))

    def test_runs_of_different_times_are_not_paired_at_all(self) -> None:
        """January of one year is not laid on January of another."""
        result = compared(trade(0, 1), trade(525_600, 1))
        assert result.apart
        assert not result.pairs
        assert not result.equal
        assert [item.aspect for item in result.differences] == [Aspect.PERIOD]
        assert "no time in common, nothing is paired" in texts(result)[0]
        (reason,) = known_reasons(run_of(trade(0, 1)), run_of(trade(525_600, 1)), result, {})
        assert reason.startswith("periods: ")

    def test_runs_that_played_the_same_time_are_paired_wherever_they_traded(self) -> None:
        a, b = run_of(trade(0, 1)), run_of(trade(600, 2))
        b.played(a.first, b.last)
        result = compare(a, b, Tolerances())
        assert not result.apart
        assert len(result.pairs) == 2

    def test_signals_that_are_sent_later_are_paired_in_order_with_openings_laid_together(
        self,
    ) -> None:
        later = {"signal_id": "y", "direction": "long", "data_mode": "signals"}
        b = [
            opened(9_000, 7, price="1.20000", stop_loss="1.19900", take_profit="1.20200", **later),
            closed(9_030, 7, price="1.20195", **later),
        ]
        result = compared(trade(0, 1), b)
        assert result.in_order
        assert texts(result) == ["close price differs by 5 points"]


class TestDenials:
    def test_they_stand_side_by_side_by_reason(self) -> None:
        a = [denied(0, 1), denied(1, 2), denied(2, 3, "margin")]
        b = [denied(0, 1), denied(1, 2, "margin"), denied(2, 3, "margin")]
        result = compared(a, b)
        assert result.denied == {"margin": (1, 2), "max_positions": (2, 1)}
        assert texts(result) == ["denied as max_positions in A, denied as margin in B"]

    def test_one_that_only_one_run_has_is_a_difference(self) -> None:
        assert texts(compared([*trade(0, 1), denied(60, 2)], trade(0, 1))) == [
            "denied as max_positions in A only"
        ]

    def test_those_during_a_halt_are_counted_though_no_log_has_them(self) -> None:
        a, b = run_of(trade(0, 1)), run_of(trade(0, 1))
        a.unlogged, b.unlogged = 3, 1
        result = compare(a, b, Tolerances())
        assert texts(result) == ["3 denied as halted in A, 1 in B"]


class TestFigures:
    def test_slippage_is_positive_where_b_is_worse_in_points_and_in_r(self) -> None:
        b = [opened(0, 1, price="1.10010"), closed(30, 1, price="1.10195")]
        (pair,) = compared(trade(0, 1), b).pairs
        assert (pair.open_slippage, pair.close_slippage) == (10, 5)
        assert (pair.in_r(10), pair.in_r(None)) == (0.1, None)
        short = {"direction": "short", "stop_loss": "1.10100"}
        a, b = [opened(0, 1, **short)], [opened(0, 1, price="1.09990", **short)]
        (pair,) = compared(a, b).pairs
        assert (pair.open_slippage, pair.close_slippage) == (10, None)

    def test_sums_count_closed_trades_and_take_the_whole_result_for_a_win(self) -> None:
        even = [opened(60, 2), closed(90, 2, profit="5.00", swap="-1.00")]
        sums = compared([*trade(0, 1), *even, opened(99, 3)], []).a
        assert (sums.trades, sums.still_open, sums.win_rate) == (2, 1, 0.5)
        assert (sums.net, sums.commission, sums.swap) == (19_500 - 100 - 250, -1_250, -100)

    def test_differences_within_the_tolerances_are_none(self) -> None:
        b = [
            opened(0.5, 1, price="1.10003", volume="1.01", stop_loss="1.09902"),
            closed(29.5, 1, price="1.10197", volume="1.01", profit="199.00"),
        ]
        assert compared(trade(0, 1), b, points=3, time=30_000, money=100, volume=100).equal
        for name, least in (("points", 2), ("time", 29_999), ("money", 99), ("volume", 99)):
            most = {"points": 3, "time": 30_000, "money": 100, "volume": 100, name: least}
            assert not compared(trade(0, 1), b, **most).equal


class TestKnownReasons:
    def reasons(self, b: list[Row], mode: str, **terms: tuple[int, int]) -> str:
        first, second = run_of(trade(0, 1)), run_of([{**item, "data_mode": mode} for item in b])
        result = compare(first, second, Tolerances())
        return "\n".join(known_reasons(first, second, result, terms))

    @pytest.mark.parametrize(
        ("b", "words"),
        [
            ([opened(0, 1, price="1.10002"), closed(30, 1)], ("spread model", "slippage")),
            ([opened(0.1, 1), closed(30, 1)], ("latency",)),
            ([opened(0, 1), closed(30, 1, reason="SL")], ("server-side fills", "missing ticks")),
            ([opened(0, 1), closed(30, 1, commission="-3.00")], ("costs",)),
            ([opened(0, 1, volume="2.00"), closed(30, 1, volume="2.00")], ("size",)),
            ([denied(0, 1)], ("limits",)),
        ],
    )
    def test_a_replay_against_a_terminal_is_told_why_it_may_differ_so(
        self, b: list[Row], words: tuple[str, ...]
    ) -> None:
        text = self.reasons(b, "signals")
        assert all(f"{word}:" in text for word in words)
        assert "latency" in words or "latency" not in text

    def test_a_resumed_session_is_told_to_have_missed_days_and_drawdown(self) -> None:
        """Only where these differ: trades are made up for, and have no such excuse."""
        same, other = run_of(trade(0, 1)), run_of([opened(0, 1), closed(30, 1, reason="SL")])
        for b, aspect, told in (
            (same, Aspect.DAY, True),
            (same, Aspect.DRAWDOWN, True),
            (other, Aspect.CLOSE_REASON, False),
        ):
            result = compare(same, b, Tolerances())
            result.differences += [RunDifference(0, aspect, "day", "x")]
            for resumed in (True, False):
                reasons = known_reasons(same, b, result, {}, resumed=resumed)
                said = any(reason.startswith("resumed: ") for reason in reasons)
                assert said is (told and resumed)

    def test_two_replays_have_no_excuse_but_other_terms(self) -> None:
        b = [opened(0, 1, price="1.10002"), closed(30, 1)]
        assert self.reasons(b, "replay").startswith("none is known")
        assert self.reasons(b, "replay", limit=(1, 2)).startswith("terms:")

    def test_equal_runs_need_no_reason(self) -> None:
        assert self.reasons(trade(0, 1), "signals", limit=(1, 2)) == ""

    def test_terms_differ_leaf_by_leaf(self) -> None:
        a = {"limits": {"most": 2, "zone": "x"}, "data": [{"rows": 1}]}
        b = {"limits": {"most": 3, "zone": "x"}, "data": [{"rows": 1}, {"rows": 5}]}
        assert differing_terms(a, b) == {"limits.most": (2, 3), "data.1.rows": (None, 5)}
