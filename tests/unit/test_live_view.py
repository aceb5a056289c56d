"""The screen shows what a status says; a log gets one plain line at a time."""

from __future__ import annotations

import io

import anyio
import msgspec
import pytest
from rich.console import Console, ConsoleDimensions

from adapters.reports.status import LinkState, Status
from scripts.view.live_view import LiveView, plain_line, view
from scripts.view.status_text import status_lines
from tests.statuses import STATUS

SECONDS = 60.0


def shown(status: Status, *, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, record=True, color_system=None)
    console.print(view(status))
    return console.export_text()


def test_every_part_of_a_status_is_on_the_screen() -> None:
    text = shown(STATUS)
    for part in (
        "trading active; s-1: shadow, running for 02:00 (process 77)",
        "balance 100,000.00, equity 99,987.50, margin 1,100.10 USD",
        "daily loss 1,500.25", "1.1001", "12:00:00", "mute", "never", "-12.50",
        "3 open GBPUSD short 0.10 waits at 1.26", "outcome of order 4 unknown",
        "OPEN EURUSD long 0.50 1.10010", "link up, 2 reconnects; record 9",
        "waiting: event log (CSV) 3",
    ):  # fmt: skip
        assert part in text


def test_a_halt_and_a_lost_link_are_named() -> None:
    halted = msgspec.structs.replace(
        STATUS, state="latched", causes=("paused", "link"), link=LinkState.DOWN
    )
    assert "trading latched (paused, link)" in shown(halted)
    assert "link down" in shown(halted)


def test_nothing_at_all_is_a_screen_too() -> None:
    empty = msgspec.structs.replace(
        STATUS, positions=(), orders=(), unresolved=(), feeds={}, queues={}, last_events=(),
        loss_buffer=None,
    )  # fmt: skip
    assert "waiting: nothing" in shown(empty)


def test_a_line_says_what_matters() -> None:
    assert plain_line(STATUS) == (
        "trading active, equity 99,987.50, balance 100,000.00 USD, 1 positions, 1 orders, link up, "
        "mute: GBPUSD"
    )


HOSTILE = "[/b] [red]:smile: \x1b[2J\r"
"""What rich would take for markup, and a terminal for an order."""

SHOWN = r"[/b] [red]:smile: \x1b[2J\r"


def hostile() -> Status:
    """A status whose every text is hostile."""
    (position,), (order,), (line,) = STATUS.positions, STATUS.orders, STATUS.last_events
    return msgspec.structs.replace(
        STATUS, session_id=HOSTILE, mode=HOSTILE, currency=HOSTILE, causes=(HOSTILE,),
        feeds={HOSTILE: STATUS.feeds["GBPUSD"]},
        positions=(msgspec.structs.replace(position, symbol=HOSTILE, side=HOSTILE),),
        orders=(msgspec.structs.replace(order, symbol=HOSTILE, side=HOSTILE, action=HOSTILE),),
        last_events=(msgspec.structs.replace(line, text=HOSTILE),),
        queues={HOSTILE: 1}, loss_buffer={HOSTILE: 1.0},
    )  # fmt: skip


def test_texts_from_outside_are_shown_and_never_obeyed() -> None:
    """Neither rich's markup nor a terminal's control characters work from within a text."""
    text = shown(hostile(), width=1_000)
    assert text.count(SHOWN) == 15
    assert "\x1b" not in text
    lines = "\n".join(status_lines(hostile()))
    assert lines.count(SHOWN) == 14
    assert "\x1b" not in lines


@pytest.mark.asyncio
@pytest.mark.parametrize("terminal", [False, True])
async def test_a_hostile_text_does_not_end_the_screen(terminal: bool) -> None:
    text = await drawn(hostile(), terminal=terminal)
    assert SHOWN in text
    assert HOSTILE not in text


class Statuses:
    """Gives statuses and notes when the third was asked for."""

    def __init__(self, status: Status = STATUS) -> None:
        self.status = status
        self.count = 0
        self.third = anyio.Event()

    def __call__(self) -> Status:
        self.count += 1
        if self.count == 3:
            self.third.set()
        return self.status


async def drawn(status: Status = STATUS, *, terminal: bool) -> str:
    out, statuses = io.StringIO(), Statuses(status)
    console = Console(file=out, width=200, force_terminal=terminal, color_system=None)
    screen = LiveView(statuses, console, every=0.001, stamp=lambda: "12:00:00")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(screen.run)
        with anyio.fail_after(SECONDS):
            await statuses.third.wait()
        tasks.cancel_scope.cancel()
    return out.getvalue()


@pytest.mark.asyncio
async def test_off_a_terminal_each_renewal_is_one_plain_line() -> None:
    lines = (await drawn(terminal=False)).splitlines()
    assert len(lines) >= 2
    assert set(lines) == {f"12:00:00 {plain_line(STATUS)}"}


@pytest.mark.asyncio
async def test_on_a_terminal_the_screen_is_drawn_and_taken_away_at_the_end() -> None:
    text = await drawn(terminal=True)
    assert "OPEN EURUSD long" in text
    assert text.rstrip().endswith("\x1b[2K")


def test_prices_have_the_digits_of_their_symbol() -> None:
    """A price that ends in noughts does not change its width from tick to tick."""
    feed = msgspec.structs.replace(STATUS.feeds["EURUSD"], digits=5)
    text = shown(msgspec.structs.replace(STATUS, feeds={**STATUS.feeds, "EURUSD": feed}))
    for price in ("1.10000", "1.10010", "1.09910", "1.10210"):
        assert price in text


def test_the_day_and_the_time_of_the_market_are_on_the_screen() -> None:
    """Today's result, the session's clock, and the next reset as a clock; buffers in words."""
    status = msgspec.structs.replace(
        STATUS, now=STATUS.time, reset_at=STATUS.time + 11 * 3_600_000, today=-12.5,
        loss_buffer={"today": 1_500.25, "reset_in_hours": 11.0},
    )  # fmt: skip
    text = shown(status)
    assert "today -12.50" in text
    assert "2025-01-07 12:00 UTC; the day turns at 23:00 UTC, in 11 h 00 min" in text
    assert "1,500.25 USD left today" in text
    assert "reset_in_hours" not in text


def test_a_narrow_screen_cuts_what_matters_least() -> None:
    """At 80 columns the trading state, the equity and the day's result are whole."""
    status = msgspec.structs.replace(STATUS, session_id="20261130T174731Z-a8acd3", today=-1_234.5)
    text = shown(status, width=80)
    for part in ("trading active; 20261130T174731Z-a8acd3", "equity 99,987.50", "today -1,234.50,"):
        assert part in text


@pytest.mark.asyncio
async def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be drawn on, and a screen that is only drawn would never be seen."""
    monkeypatch.setenv("TERM", "dumb")
    lines = (await drawn(terminal=True)).splitlines()
    assert set(lines) == {f"12:00:00 {plain_line(STATUS)}"}


def test_a_line_never_wraps_on_a_narrow_screen() -> None:
    """A wrapped line is what a renewed screen leaves behind: it is cut with an ellipsis instead."""
    lines = shown(STATUS, width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert any(line.rstrip().endswith("\u2026") for line in lines)


@pytest.mark.asyncio
async def test_a_resized_screen_is_cleared_before_it_is_drawn_again() -> None:
    """Else what the old width had wrapped would stay above it."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=120, height=40, legacy_windows=False)
    drawn, often = 0, anyio.Event()

    def status() -> Status:
        nonlocal drawn
        drawn += 1
        if drawn == 2:
            console.size = ConsoleDimensions(80, 30)
        if drawn == 4:
            often.set()
        return STATUS

    with anyio.move_on_after(SECONDS) as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(LiveView(status, console, every=0.001).run)
            await often.wait()
            tasks.cancel_scope.cancel()
    assert not scope.cancelled_caught
    assert file.getvalue().count("\x1b[2J") == 1
