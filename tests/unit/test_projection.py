"""The event log, cell by cell, as the page of outputs gives it."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.reports.projection import LOG_COLUMNS, LogProjection, Row, cash_in, iso
from engine import events as ev
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import ONE_OF_EACH, account, closed, halted, intent, opened, started

NOON = 1_736_251_200_000
METADATA = {"session_id": "2025-a", "started_at": "2025-01-07T12:00:00+00:00", "version": "0.1.0"}


def record(event: ev.Event, seq: int = 2, time: int = NOON, metadata: Any = None) -> ev.Record:
    return ev.Record(seq, time, None, event, metadata)


def row_of(event: ev.Event) -> Row | None:
    """The row that `event` adds to the log of a session that has begun."""
    log = LogProjection()
    assert log.row(record(started(), 1, metadata=METADATA)) is None
    return log.row(record(event))


def cells(event: ev.Event) -> Row:
    row = row_of(event)
    assert row is not None
    assert set(row) <= set(LOG_COLUMNS)
    return row


class TestFormats:
    def test_the_first_nine_columns_are_fixed(self) -> None:
        assert LOG_COLUMNS[:9] == (
            "timestamp", "event", "ticket", "symbol", "direction", "volume", "price", "reason",
            "equity",
        )  # fmt: skip
        assert len(set(LOG_COLUMNS)) == len(LOG_COLUMNS)

    @pytest.mark.parametrize(
        ("moment", "text"),
        [
            (NOON, "2025-01-07T12:00:00+00:00"),
            (NOON + 1, "2025-01-07T12:00:00.001+00:00"),
            (NOON + 999, "2025-01-07T12:00:00.999+00:00"),
            (0, "1970-01-01T00:00:00+00:00"),
        ],
    )
    def test_times_are_iso_8601_in_utc_with_their_offset(self, moment: int, text: str) -> None:
        assert iso(moment) == text

    @pytest.mark.parametrize(
        ("cents", "text", "yen"),
        [
            (0, "0.00", "0"),
            (5, "0.05", "0"),
            (-5, "-0.05", "0"),
            (50, "0.50", "1"),
            (-150, "-1.50", "-2"),
            (10_000_000, "100000.00", "100000"),
            (-123_456, "-1234.56", "-1235"),
        ],
    )
    def test_money_has_the_decimals_of_the_account(self, cents: int, text: str, yen: str) -> None:
        """As the account books it: yen have none, and half a yen goes away from zero."""
        assert {cash_in(currency)(cents) for currency in ("USD", "EUR", "CZK")} == {text}
        assert cash_in("JPY")(cents) == yen


class TestRows:
    @pytest.mark.parametrize("event", [opened(7), closed(7)])
    def test_a_row_of_a_deal_has_all_columns_in_their_order(self, event: ev.Event) -> None:
        """So that it is written as it is: most of a long log are these two."""
        assert tuple(row_of(event) or ()) == LOG_COLUMNS

    def test_an_opened_position(self) -> None:
        row = cells(opened(7))
        assert {name: text for name, text in row.items() if text} == {
            "timestamp": "2025-01-07T12:00:00+00:00", "event": "OPEN", "ticket": "7",
            "symbol": "EURUSD", "direction": "long", "volume": "1.00", "price": "1.10010",
            "reason": "tag", "equity": "99987.50", "strategy_id": "s", "signal_id": "s:1",
            "session_id": "2025-a", "stop_loss": "1.09910", "take_profit": "1.10210",
            "commission": "-2.50", "balance": "99997.50", "data_mode": "replay",
        }  # fmt: skip

    def test_a_closed_position_shows_its_closing_deal(self) -> None:
        row = cells(closed(7, side=Side.SHORT, swap=-31))
        assert row["event"] == "CLOSE"
        assert (row["ticket"], row["direction"], row["reason"]) == ("7", "short", "TP")
        assert (row["price"], row["profit"], row["commission"], row["swap"]) == (
            "1.10210", "200.00", "-2.50", "-0.31",
        )  # fmt: skip
        assert row["equity"] == row["balance"] == "100195.00"

    def test_prices_have_the_symbols_digits_and_volumes_two_decimals(self) -> None:
        yen = cells(opened(7, symbol="USDJPY", price=150_010, stop_loss=149_000, volume=12_300))
        assert (yen["price"], yen["stop_loss"], yen["volume"]) == ("150.010", "149.000", "1.23")
        gold = cells(opened(7, symbol="XAUUSD", price=265_020, take_profit=0, volume=100))
        assert (gold["price"], gold["take_profit"], gold["volume"]) == ("2650.20", "", "0.01")

    def test_a_moved_stop_shows_the_new_stop_as_its_price(self) -> None:
        row = cells(
            ev.StopModified(
                order_id=3, position=7, symbol="EURUSD", side=Side.LONG, volume=300,
                stop_loss=110_020, take_profit=110_210, reason="TRAIL", account=account(),
            )
        )  # fmt: skip
        assert (row["event"], row["ticket"], row["price"], row["reason"]) == (
            "MODIFY", "7", "1.10020", "TRAIL",
        )  # fmt: skip
        assert (row["stop_loss"], row["take_profit"]) == ("1.10020", "1.10210")

    def test_a_denied_entry_shows_the_name_of_the_check(self) -> None:
        order = intent(3, side=Side.SHORT, signal_id="s:3")
        row = cells(
            ev.OrderDenied(order=order, reason=ev.DenyReason.MAX_POSITIONS,
                           detail="2 open or in flight, limit 2", account=account())
        )  # fmt: skip
        assert (row["event"], row["reason"], row["direction"]) == (
            "FILTER", "max_positions", "short",
        )  # fmt: skip
        assert (row["signal_id"], row["detail"]) == ("s:3", "2 open or in flight, limit 2")
        assert "ticket" not in row

    def test_entries_denied_while_halted_are_not_repeated_in_the_log(self) -> None:
        denied = ev.OrderDenied(
            order=intent(), reason=ev.DenyReason.HALTED, detail="halted", account=account()
        )
        assert row_of(denied) is None

    def test_a_rejection_and_an_unknown_outcome(self) -> None:
        rejected = cells(
            ev.OrderRejected(order_id=3, symbol="EURUSD", side=Side.LONG, retcode=10_018,
                             message="the market is closed", account=account())
        )  # fmt: skip
        assert (rejected["event"], rejected["reason"], rejected["detail"]) == (
            "REJECT", "10018", "the market is closed",
        )  # fmt: skip
        unknown = cells(
            ev.OrderUnknown(order_id=3, symbol="EURUSD", side=Side.LONG, message="timed out",
                            account=account())
        )  # fmt: skip
        assert (unknown["event"], unknown["detail"]) == ("UNKNOWN", "timed out")

    def test_a_halt_shows_its_cause_and_a_resumption_that_trading_is_free(self) -> None:
        row = cells(halted())
        assert (row["event"], row["reason"]) == ("HALT", "daily_loss")
        assert (row["detail"], row["equity"]) == ("equity at or below 9800000 cents", "97900.00")
        freed = halted(state=TradingState.ACTIVE, cause=None, causes=(), detail="a new trading day")
        assert (cells(freed)["event"], cells(freed)["reason"]) == ("RESUME", "a new trading day")

    def test_a_halt_that_becomes_less_grave_is_no_resumption(self) -> None:
        eased = halted(state=TradingState.LATCHED, cause=None, causes=(HaltCause.MAX_LOSS,))
        assert row_of(eased) is None

    @pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
    def test_a_kind_adds_a_row_only_if_the_log_asks_for_it(self, event: ev.Event) -> None:
        row = row_of(event)
        assert row is None or type(event) in LogProjection.KINDS
