"""The summary, figure by figure, as the page of outputs defines it."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.trading import HaltCause, Trading
from engine.types import Side
from scripts.view.summary import external_lines
from tests.builders import (
    ONE_OF_EACH,
    START,
    account,
    closed,
    ended,
    halted,
    intent,
    opened,
    signal,
    started,
    submitted,
)

NOON = 1_736_251_200_000
METADATA = {"session_id": "2025-a", "started_at": "2025-01-07T12:00:00+00:00", "version": "0.1.0"}


def record(event: ev.Event, seq: int, metadata: dict[str, Any] | None = None) -> ev.Record:
    return ev.Record(seq, NOON, None, event, metadata)


def summary_of(*events: ev.Event, metadata: dict[str, Any] | None = None) -> dict[str, Any]:
    projection = SummaryProjection()
    for seq, event in enumerate((started(), *events), start=1):
        first = {**METADATA, **(metadata or {})} if seq == 1 else None
        last = {"ended_at": "later"} if isinstance(event, ev.SessionEnded) else None
        projection.take(record(event, seq, first or last))
    return projection.summary()


NAMED_ON_THE_PAGE = (
    "dry_run initial_equity final_equity total_pnl number_of_trades win_rate max_drawdown_fraction "
    "max_daily_loss_fraction daily_realized_loss max_open_positions per_trade_risk_fraction "
    "daily_loss_fraction filtered_max_positions filtered_daily_loss filtered_invalid_stops "
    "filtered signals orders open_positions trading_state halt_reason session_id preset "
    "account_profile data started_at ended_at version"
)


class TestSummary:
    def test_it_has_every_field_of_the_page_at_any_moment(self) -> None:
        for summary in (summary_of(), summary_of(ended())):
            assert set(NAMED_ON_THE_PAGE.split()) <= set(summary)
            json.dumps(summary, allow_nan=False)

    def test_what_stands_beside_the_sessions_positions_is_named(self) -> None:
        """Its own count is 0, and something is open all the same."""
        other = ev.ExternalExposure(
            ticket=60, symbol="EURUSD", side=Side.LONG, volume=2_000, risk=1_250
        )
        mark = ev.MarkedPosition(
            ticket=61, symbol="EURUSD", side=Side.SHORT, volume=3_000, entry=110_000,
            stop_loss=110_500, take_profit=0, comment="ab-1",
        )  # fmt: skip
        ours = ev.ExternalExposure(
            ticket=61, symbol="EURUSD", side=Side.SHORT, volume=3_000, risk=150, ours=True
        )
        seen = ev.ReconciliationMismatch(external=(other, ours), marked=(mark,))
        summary = summary_of(seen, ended())
        assert summary["open_positions"] == 0
        told = [(item["ticket"], item["volume"], item["marked"]) for item in summary["external"]]
        assert told == [(60, 0.2, False), (61, 0.3, True)]
        assert external_lines(summary) == [
            "  EXTERNAL   60 EURUSD long 0.20 lots: not the session's, left alone",
            "  EXTERNAL   61 EURUSD short 0.30 lots: carries the session's mark, but no order "
            "explains it",
        ]
        assert summary_of(seen, ev.ReconciliationMismatch(), ended())["external"] == []

    def test_money_and_ratios_are_numbers(self) -> None:
        summary = summary_of(ended(account=account(10_123_456, 10_123_499)))
        assert (summary["initial_equity"], summary["final_equity"]) == (100_000.0, 101_234.99)
        assert summary["total_pnl"] == 1_234.99
        assert (summary["max_drawdown_fraction"], summary["max_daily_loss_fraction"]) == (
            0.0125, 0.01,
        )  # fmt: skip
        assert summary["daily_realized_loss"] == 123.45

    def test_what_only_the_end_knows_is_null_before_it(self) -> None:
        summary = summary_of(opened())
        for name in (
            "final_equity", "total_pnl", "max_drawdown_fraction", "max_daily_loss_fraction",
            "daily_realized_loss", "ended_at",
        ):  # fmt: skip
            assert summary[name] is None

    def test_zero_figures_are_zero_and_not_missing(self) -> None:
        nothing = ev.SessionFigures(max_drawdown_fraction=0.0, max_daily_loss_fraction=0.0,
                             daily_realized_loss=0, peak_positions=0)  # fmt: skip
        summary = summary_of(ended(figures=nothing, account=account(0, 0)))
        assert (summary["max_drawdown_fraction"], summary["daily_realized_loss"]) == (0.0, 0.0)
        assert (summary["final_equity"], summary["total_pnl"]) == (0.0, -100_000.0)

    def test_trades_are_closed_positions_and_wins_have_a_net_above_zero(self) -> None:
        events: list[ev.Event] = [opened(number) for number in range(1, 6)]
        events += [closed(1, net=1), closed(2, net=0), closed(3, net=-1), closed(4, net=500)]
        summary = summary_of(*events)
        assert (summary["number_of_trades"], summary["win_rate"]) == (4, 0.5)
        assert summary["open_positions"] == 1
        assert summary_of()["win_rate"] == 0.0

    def test_a_position_closed_in_parts_is_one_trade_with_the_sum_of_its_parts(self) -> None:
        parts = (closed(1, net=900, volume=5_000, remaining=5_000), closed(1, net=-100))
        summary = summary_of(opened(1), *parts)
        assert (summary["number_of_trades"], summary["win_rate"]) == (1, 1.0)
        assert summary_of(opened(1), *reversed(parts[:1]))["number_of_trades"] == 0

    def test_every_reason_to_deny_has_its_count(self) -> None:
        reasons = [ev.DenyReason.HALTED, ev.DenyReason.MAX_POSITIONS, ev.DenyReason.MAX_POSITIONS,
                   ev.DenyReason.DAILY_LOSS, ev.DenyReason.INVALID_STOPS]  # fmt: skip
        summary = summary_of(
            *(ev.OrderDenied(order=intent(), reason=reason, detail="", account=account())
              for reason in reasons)
        )  # fmt: skip
        assert set(summary["filtered"]) == {str(reason) for reason in ev.DenyReason}
        assert {name: count for name, count in summary["filtered"].items() if count} == {
            "halted": 1, "max_positions": 2, "daily_loss": 1, "invalid_stops": 1,
        }  # fmt: skip
        assert (
            summary["filtered_max_positions"],
            summary["filtered_daily_loss"],
            summary["filtered_invalid_stops"],
        ) == (2, 1, 1)

    def test_signals_and_orders_count_entries_that_were_not_dropped(self) -> None:
        moved = submitted(action=ev.Action.MODIFY)
        summary = summary_of(
            signal("s:1"), signal("s:2"), signal("s:3", action=ev.Action.CLOSE),
            ev.SignalDropped(signal_id="s:2", symbol="EURUSD", reason="limit_trades"),
            submitted(), moved,
        )  # fmt: skip
        assert (summary["signals"], summary["orders"]) == (1, 1)

    def test_the_state_at_the_end_and_its_gravest_reason(self) -> None:
        assert summary_of()["trading_state"] == "active"
        assert summary_of()["halt_reason"] is None
        both = Trading((HaltCause.DAILY_LOSS, HaltCause.MAX_LOSS))
        summary = summary_of(
            halted(),
            halted(HaltCause.MAX_LOSS, state=both.state, causes=both.causes),
        )
        assert (summary["trading_state"], summary["halt_reason"]) == ("latched", "max_loss")

    def test_the_terms_are_those_of_the_session(self) -> None:
        summary = summary_of()
        assert (
            summary["max_open_positions"],
            summary["per_trade_risk_fraction"],
            summary["daily_loss_fraction"],
            summary["preset"],
        ) == (2, 0.004, 0.02, "ftmo_m15")

    def test_what_the_journal_keeps_beside_its_hash_is_shown(self) -> None:
        summary = summary_of(ended(), metadata={"account_profile": "demo", "dry_run": False})
        assert (summary["session_id"], summary["account_profile"]) == ("2025-a", "demo")
        assert summary["dry_run"] is False
        assert (summary["started_at"], summary["ended_at"], summary["version"]) == (
            "2025-01-07T12:00:00+00:00", "later", "0.1.0",
        )  # fmt: skip

    def test_data_are_named_with_their_hashes(self) -> None:
        projection = SummaryProjection()
        reference = ev.DataRef(symbol="EURUSD", sha256="ab", rows=3, period=900, first=NOON,
                               last=NOON + 900_000, clock="utc")  # fmt: skip
        metadata = {"files": {"EURUSD": "bars.csv"}}
        projection.take(record(started(data=(reference,)), 1, metadata))
        (data,) = projection.summary()["data"]
        assert (data["symbol"], data["file"], data["sha256"], data["rows"]) == (
            "EURUSD", "bars.csv", "ab", 3,
        )  # fmt: skip
        assert data["last"] == "2025-01-07T12:15:00+00:00"

    def test_there_is_no_summary_before_the_start(self) -> None:
        with pytest.raises(ValueError, match="the journal has no start of a session"):
            SummaryProjection().summary()

    def test_kinds_that_it_does_not_ask_for_change_nothing(self) -> None:
        others = [event for event in ONE_OF_EACH if type(event) not in SummaryProjection.KINDS]
        assert len(others) == len(get_args(ev.Event)) - len(SummaryProjection.KINDS)
        assert summary_of(*others) == summary_of()


def test_the_starting_balance_is_the_initial_equity() -> None:
    assert summary_of()["initial_equity"] == START / 100
