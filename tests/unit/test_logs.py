"""The session's log: a line for what a person must know, and no file when there is nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.services.logs import LogSink, SessionLog
from config.secrets import Secret
from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.trading import HaltCause, TradingState
from engine.types import Side
from tests.builders import account, closed, ended, halted, opened
from tests.sessions import edges

NOON = 1_736_251_200_000
AT = "2025-01-07T12:00:00+00:00"

REJECTED = ev.OrderRejected(
    order_id=3, symbol="EURUSD", side=Side.LONG, retcode=10_018, message="the market is closed",
    account=account(),
)  # fmt: skip
UNKNOWN = ev.OrderUnknown(
    order_id=4, symbol="EURUSD", side=Side.LONG, message="timed out", account=account()
)


class Written:
    """A log in a folder, with what it said on the console."""

    def __init__(self, folder: Path, *, quiet: bool = False) -> None:
        self.file = folder / "log.jsonl"
        self.said: list[str] = []
        say = None if quiet else self.said.append
        self.log = SessionLog(self.file, "2025-a", lambda: NOON + 5_000, say=say)

    def lines(self) -> list[dict[str, Any]]:
        self.log.close()
        text = self.file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    async def take(self, *events: ev.Event) -> None:
        bus = Bus(MemoryJournal())
        bus.time = NOON
        sink = LogSink(self.log)
        with edges(bus, sink.kinds) as (subscription,):
            for event in events:
                bus.publish(event)
            await bus.flush()
            bus.close_subscriptions()
            await sink.run(subscription)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_a_line_is_json_with_session_level_time_and_facts(written: Written) -> None:
    written.log.info("something", symbol="EURUSD", count=3)
    assert written.lines() == [
        {"session": "2025-a", "event": "something", "level": "info", "symbol": "EURUSD",
         "count": 3, "at": "2025-01-07T12:00:05+00:00"}
    ]  # fmt: skip
    assert written.said == []


def test_a_warning_also_goes_to_the_console_with_the_facts_that_say_something(
    written: Written,
) -> None:
    written.log.warn("orders stopped", cause="user", detail="")
    assert written.said == ["orders stopped cause=user"]
    assert written.lines()[0]["level"] == "warning"


def test_the_console_may_be_kept_quiet(tmp_path: Path) -> None:
    written = Written(tmp_path, quiet=True)
    written.log.warn("orders stopped")
    assert [line["event"] for line in written.lines()] == ["orders stopped"]


def test_without_a_line_there_is_no_file(written: Written) -> None:
    written.log.close()
    assert not written.file.exists()


def test_text_of_any_script_survives(written: Written) -> None:
    written.log.info("línea", why="Zeile\nüber zwei")
    assert written.lines()[0]["why"] == "Zeile\nüber zwei"


def test_a_full_file_moves_aside_and_only_so_many_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    log = SessionLog(file, "2025-a", lambda: NOON, say=None, largest=300, keep=2)
    for number in range(20):
        log.info("line", number=number)
    log.close()
    parts = [tmp_path / "log.jsonl.2", tmp_path / "log.jsonl.1", file]
    assert sorted(tmp_path.iterdir()) == sorted(parts)
    assert all(part.stat().st_size <= 300 for part in parts)
    numbers = [
        json.loads(line)["number"] for part in parts for line in part.read_text().splitlines()
    ]
    assert numbers == list(range(numbers[0], 20))


def test_a_log_that_is_opened_again_goes_on_where_it_ended(tmp_path: Path) -> None:
    for number in range(6):
        log = SessionLog(
            tmp_path / "log.jsonl", "2025-a", lambda: NOON, say=None, largest=300, keep=9
        )
        log.info("line", number=number)
        log.close()
    assert len(list(tmp_path.iterdir())) > 1
    assert all(part.stat().st_size <= 300 for part in tmp_path.iterdir())


def test_a_part_that_cannot_be_moved_costs_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(_self: Path, _target: Path) -> Path:
        raise PermissionError(13, "used by another process")

    monkeypatch.setattr(Path, "replace", locked)
    log = SessionLog(tmp_path / "log.jsonl", "2025-a", lambda: NOON, say=None, largest=300)
    for number in range(20):
        log.info("line", number=number)
    log.close()
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(20))


def test_an_exception_is_logged_without_what_its_frames_hold(written: Written) -> None:
    secret = Secret("hunter2")
    try:
        password = secret.reveal()
        raise ValueError(f"bad login of {len(password)} characters")
    except ValueError as error:
        written.log.warn("failed", error=error, exc_info=True, stack_info=True, password=secret)
    (line,) = written.lines()
    assert line["error"] == "ValueError: bad login of 7 characters"
    assert "hunter2" not in written.file.read_text() + "".join(written.said)
    assert "Traceback" not in written.file.read_text()


def test_nothing_global_is_set_up(written: Written) -> None:
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    written.log.warn("orders stopped")
    assert not structlog.is_configured()
    assert (list(root.handlers), root.level) == before
    written.log.close()


@pytest.mark.asyncio
class TestSink:
    async def test_a_halt_is_logged_with_its_reason_and_the_records_time(
        self, written: Written
    ) -> None:
        await written.take(halted())
        assert written.lines() == [
            {"session": "2025-a", "event": "new orders stopped", "level": "warning", "at": AT,
             "state": "until_reset", "cause": "daily_loss", "equity": "97900.00",
             "currency": "USD", "detail": "equity at or below 9800000 cents"}
        ]  # fmt: skip
        assert len(written.said) == 1
        assert "cause=daily_loss" in written.said[0]

    async def test_an_order_of_the_user_is_noted_with_its_reason(self, written: Written) -> None:
        await written.take(ev.UserCommanded(action=ev.UserAction.FLATTEN, reason="news"))
        (line,) = written.lines()
        assert (line["event"], line["action"], line["why"]) == ("user's order", "flatten", "news")

    async def test_a_rejection_is_logged_with_the_venues_reason(self, written: Written) -> None:
        await written.take(REJECTED)
        (line,) = written.lines()
        assert (line["event"], line["level"], line["at"]) == ("order rejected", "warning", AT)
        assert (line["order"], line["symbol"], line["retcode"], line["why"]) == (
            3, "EURUSD", 10_018, "the market is closed",
        )  # fmt: skip

    async def test_an_unknown_outcome_is_logged_with_what_is_known(self, written: Written) -> None:
        await written.take(UNKNOWN)
        (line,) = written.lines()
        assert (line["level"], line["order"], line["why"]) == ("warning", 4, "timed out")

    async def test_a_close_that_could_not_be_sent_is_told_and_no_other_cancelled_order(
        self, written: Written
    ) -> None:
        await written.take(
            ev.OrderCancelled(order_id=5, reason="expired"),
            ev.OrderCancelled(order_id=6, reason="never sent: -10004", unsent=True),
        )
        (line,) = written.lines()
        assert (line["level"], line["order"], line["why"]) == ("warning", 6, "never sent: -10004")

    async def test_a_release_is_noted_without_disturbing_anyone(self, written: Written) -> None:
        freed = halted(None, state=TradingState.ACTIVE, detail="a new trading day")
        await written.take(freed)
        (line,) = written.lines()
        assert (line["level"], line["state"], line["why"]) == (
            "info", "active", "a new trading day",
        )  # fmt: skip
        assert written.said == []

    async def test_an_end_that_was_not_planned_is_noted(self, written: Written) -> None:
        await written.take(ended(ev.SessionOutcome.FAILED, detail="the disk is gone"))
        (line,) = written.lines()
        assert (line["outcome"], line["why"]) == ("failed", "the disk is gone")

    async def test_what_somebody_does_by_hand_is_told(self, written: Written) -> None:
        manual = ev.ExternalExposure(
            ticket=50, symbol="GBPUSD", side=Side.SHORT, volume=3_000, risk=12_345
        )
        await written.take(
            closed(reason=ev.BY_HAND),
            ev.ReconciliationMismatch(external=(manual,)),
            ev.ReconciliationMismatch(),
        )
        by_hand, external_item, gone = written.lines()
        assert (by_hand["event"], by_hand["position"]) == ("position closed by hand", 7)
        assert external_item["external"] == "50 GBPUSD short 0.3 lots"
        assert gone["external"] == "nothing any more"
        assert len(written.said) == 3

    async def test_a_quiet_session_leaves_no_file(self, written: Written) -> None:
        await written.take(opened(), closed(), ended())
        written.log.close()
        assert not written.file.exists()

    async def test_lines_come_in_the_order_of_the_records(self, written: Written) -> None:
        await written.take(REJECTED, halted(HaltCause.REJECTION), UNKNOWN)
        assert [line["event"] for line in written.lines()] == [
            "order rejected", "new orders stopped", "outcome of an order unknown",
        ]  # fmt: skip


def test_lines_written_apart_are_in_the_file_before_the_process_may_be_ended(
    tmp_path: Path,
) -> None:
    """`written` waits for them: a process that is ended at once takes no queue with it."""
    file = tmp_path / "log.jsonl"
    log = SessionLog(file, "2025-a", lambda: NOON, say=None, apart=True)
    for number in range(500):
        log.warn("the session hangs", number=number)
    log.written(60)
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [*range(500)]
    log.close()
