"""The screen of a running session: tables on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from adapters.mt5.live.feed_watch import FeedState
from adapters.reports.projection import iso
from adapters.reports.status import LinkState, Status
from engine.trading import TradingState
from engine.types import grouped, plain
from scripts.view.live_lines import lines_above
from scripts.view.printable import printable
from scripts.view.status_text import (
    account_line,
    buffers_text,
    clock_lines,
    closing_text,
    external_text,
    halt_texts,
    life_text,
    link_text,
    order_text,
    price_text,
    trading_text,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_REFRESH_SECONDS = 0.5
_LINE_SECONDS = 60.0
_STATE_STYLES = {TradingState.ACTIVE: "green", TradingState.SUSPENDED: "yellow"}
_FEED_STYLES = {FeedState.OPEN: "green", FeedState.MUTE: "bold red", FeedState.CLOSED: "dim"}


def view(status: Status) -> RenderableType:
    """The whole screen of a status; it looks at nothing else."""
    from rich.console import Group

    style = _STATE_STYLES.get(TradingState(status.state), "bold red")
    # What matters most comes first: a narrow screen cuts the ends of lines.
    head = f"{trading_text(status)}; {life_text(status)}"
    parts: list[RenderableType] = [_text(head, style), _text(account_line(status))]
    parts += map(_text, clock_lines(status))
    parts += [_text(f"  halted {text}", "yellow") for text in halt_texts(status)]
    if status.loss_buffer:
        parts.append(_text(f"  buffers    {buffers_text(status)}"))
    parts += [_prices(status), _positions(status)]
    parts += [_text(f"  external {external_text(status, item)}") for item in status.external]
    parts += [_text(f"  order {order_text(item)}", "cyan") for item in status.orders]
    if status.unresolved:
        ids = ", ".join(map(str, status.unresolved))
        parts.append(_text(f"  outcome of order {ids} unknown", "bold red"))
    if status.to_close:
        parts.append(_text(f"  closing {closing_text(status)}", "bold red"))
    parts += [
        _text(f"  degraded {name}: {why}", "bold red") for name, why in status.degraded.items()
    ]
    parts += [_events(status), _text(_health(status), _health_style(status))]
    return Group(*parts)


def _text(content: str, style: str = "") -> Any:
    """Content for rich, which would take brackets in a bare string for markup."""
    from rich.text import Text

    return Text(printable(content), style, no_wrap=True, overflow="ellipsis")


def _row(table: Any, *cells: str, style: str = "") -> None:
    table.add_row(*map(_text, cells), style=style)


def _table(*columns: str, numbers: frozenset[str] = frozenset()) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(_text(column), justify="right" if column in numbers else "left")
    return table


def _prices(status: Status) -> Any:
    table = _table("symbol", "bid", "ask", "last tick", "feed", numbers=frozenset({"bid", "ask"}))
    for name, feed in status.feeds.items():
        seen = iso(feed.last_tick)[11:19] if feed.last_tick else "never"
        style = "" if feed.state is None else _FEED_STYLES[feed.state]
        bid, ask = (price_text(status, name, price) for price in (feed.bid, feed.ask))
        _row(table, name, bid, ask, seen, str(feed.state or ""), style=style)
    return table


def _positions(status: Status) -> Any:
    gain = f"profit {status.currency}"
    numbers = frozenset({"lots", "entry", "stop", "target", gain})
    names = ("position", "symbol", "side", "lots", "entry", "stop", "target", gain)
    table = _table(*names, numbers=numbers)
    for item in status.positions:
        profit = "" if item.profit is None else plain(item.profit, status.currency, "+")
        _row(
            table, str(item.ticket), item.symbol, item.side, f"{item.volume:.2f}",
            *(price_text(status, item.symbol, price) if price else "none"
              for price in (item.entry, item.stop_loss, item.take_profit)), profit,
            style="red" if (item.profit or 0) < 0 else "",
        )  # fmt: skip
    return table


def _events(status: Status) -> Any:
    table = _table("time", "event")
    for line in status.last_events:
        _row(table, iso(line.time)[11:19], line.text)
    return table


def _health(status: Status) -> str:
    full = ", ".join(f"{name} {waiting}" for name, waiting in status.queues.items() if waiting)
    return f"  link {link_text(status)}; record {status.seq}; waiting: {full or 'nothing'}"


def _health_style(status: Status) -> str:
    return "bold red" if status.link is LinkState.DOWN else "dim"


def plain_line(status: Status) -> str:
    """One line for a log: state, account, positions, link."""
    account = status.account
    causes = f" ({', '.join(status.causes)})" if status.causes else ""
    mute = [name for name, feed in status.feeds.items() if feed.state is FeedState.MUTE]
    return (
        f"trading {status.state}{causes}, equity {plain(account.equity, status.currency)}, balance "
        f"{grouped(account.balance, status.currency)}, {len(status.positions)} positions, "
        f"{len(status.orders)} orders, link {status.link}"
        + (f", {len(status.external)} external" if status.external else "")
        + (f", mute: {', '.join(mute)}" if mute else "")
    )


async def _at_once(draw: Callable[[], None]) -> None:
    draw()


class LiveView:
    """Keeps the screen up to date; `run` until cancelled."""

    def __init__(
        self,
        status: Callable[[], Status | None],
        console: Console,
        *,
        every: float | None = None,
        stamp: Callable[[], str] = lambda: time.strftime("%H:%M:%S"),
        drawn: Callable[[Callable[[], None]], Awaitable[None]] | None = None,
    ) -> None:
        """`drawn` carries out the drawing, somewhere where it may hang; by default at once.

        `every` seconds it is renewed; by default oftener on a terminal than in a log."""
        self._status = status
        self._console = console
        # A dumb terminal (an editor's shell) cannot be drawn on: it gets lines, as a log does.
        self._draws = console.is_terminal and not console.is_dumb_terminal
        self._every = every or (_REFRESH_SECONDS if self._draws else _LINE_SECONDS)
        self._stamp = stamp
        self._drawn = drawn or _at_once

    async def run(self) -> None:
        with self._shown() as show:
            while True:
                await anyio.sleep(self._every)
                if (status := self._status()) is not None:
                    # A console that takes nothing (Ctrl+S, a full pipe) holds up its thread alone.
                    await self._drawn(partial(show, status))

    @contextmanager
    def _shown(self) -> Iterator[Callable[[Status], None]]:
        if not self._draws:
            yield lambda status: self._console.print(
                _text(f"{self._stamp()} {plain_line(status)}"), highlight=False, soft_wrap=True
            )
            return
        from rich.live import Live

        # Renewed by us alone: a thread of rich's own would draw while the loop hangs. Lines that
        # others write meanwhile go above it, and what a narrower window has wrapped is cleared.
        console, size = self._console, self._console.size
        live = Live(
            console=console, auto_refresh=False, transient=True, vertical_overflow="crop",
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        ended = False

        def show(status: Status) -> None:
            nonlocal size
            with lines.drawing:
                if ended:
                    return  # a terminal that takes again what it did not take for a while
                if console.size != size:
                    size = console.size
                    console.clear()
                live.start()
                live.update(view(status), refresh=True)

        with lines_above(console) as lines:
            try:
                yield show
            finally:
                ended = True
                lines.finish(live.stop)
