"""A session's status in lines for people."""

from __future__ import annotations

from typing import Final

from adapters.reports.external import ExternalStatus
from adapters.reports.projection import iso
from adapters.reports.status import OrderStatus, PositionStatus, Status
from engine.types import grouped, plain
from scripts.view.printable import printable


def status_lines(status: Status) -> list[str]:
    """The status as plain text, the most important first."""
    lines = [headline(status), account_line(status), *clock_lines(status)]
    lines += [f"  halted     {text}" for text in halt_texts(status)]
    if status.loss_buffer:
        lines.append(f"  buffers    {buffers_text(status)}")
    lines += [f"  position   {position_text(status, item)}" for item in status.positions]
    lines += [f"  external   {external_text(status, item)}" for item in status.external]
    lines += [f"  order      {order_text(item)}" for item in status.orders]
    if status.unresolved:
        ids = ", ".join(map(str, status.unresolved))
        lines.append(f"  unknown    the outcome of order {ids}: look at the terminal")
    if status.to_close:
        lines.append(f"  closing    {closing_text(status)}")
    lines += [f"  feed       {feed_text(status, name)}" for name in status.feeds if status.running]
    lines += [f"  degraded   {name}: {why}" for name, why in status.degraded.items()]
    lines.append(f"  link       {link_text(status)}")
    lines += [f"  {iso(line.time)}  {line.text}" for line in status.last_events]
    return [printable(line) for line in lines]


def headline(status: Status) -> str:
    """Session, mode and trading state."""
    return f"{life_text(status)}; {trading_text(status)}"


def life_text(status: Status) -> str:
    """The session, its mode, and for how long it runs."""
    dry = ", dry run" if status.dry_run else ""
    return f"{status.session_id}: {status.mode}{dry}, {status.life}"


def trading_text(status: Status) -> str:
    """Whether it trades, and what halts it."""
    why = f" ({', '.join(status.causes)})" if status.causes else ""
    return f"trading {status.state}{why}"


def account_line(status: Status) -> str:
    """The account's figures, the day's before the margin, which a narrow screen may cut."""
    account = status.account
    unit = status.currency
    today = "" if status.today is None else f", today {plain(status.today, unit, '+')}"
    return (
        f"  account    balance {plain(account.balance, unit)}, equity "
        f"{plain(account.equity, unit)}{today}, margin {grouped(account.margin, unit)}"
    )


def clock_lines(status: Status) -> list[str]:
    """The session's time (the market's, where that is recorded bars) and the day's next turn."""
    if not status.now or not status.reset_at:
        return []
    minutes = (status.reset_at - status.now) // 60_000
    return [
        f"  time       {iso(status.now)[:16].replace('T', ' ')} UTC; the day turns at "
        f"{iso(status.reset_at)[11:16]} UTC, in {minutes // 60} h {minutes % 60:02} min"
    ]


_BUFFERS: Final[dict[str, str]] = {
    "today": "{money} left today",
    "overall": "{money} left overall",
    "orders_today": "room for {:,.0f} orders",
    "days": "day {:,.0f}",
    "trading_days": "{:,.0f} trading days",
    "requests_today": "{:,.0f} requests today",
    "min_buffer": "{money} at the smallest",
    "to_target": "{money} to the target",
    "best_day_share": "best day {:.0%} of the profit",
}


def buffers_text(status: Status) -> str:
    """What may still be lost before each limit, and how far the phase has come, in words."""
    told = [
        _BUFFERS.get(name, f"{name.replace('_', ' ')} {{money}}").format(
            value, money=grouped(value, status.currency)
        )
        for name, value in (status.loss_buffer or {}).items()
        if name != "reset_in_hours"  # shown as a clock
    ]
    return ", ".join(told)


def price_text(status: Status, symbol: str, price: float) -> str:
    """A price with its symbol's digits."""
    feed = status.feeds.get(symbol)
    digits = None if feed is None else feed.digits
    return f"{price:g}" if digits is None else f"{price:.{digits}f}"


def position_text(status: Status, item: PositionStatus) -> str:
    """A position with what it is worth now."""
    profit = "" if item.profit is None else f", {grouped(item.profit, status.currency, '+')}"
    entry, stop, target = (
        price_text(status, item.symbol, price) if price else "none"
        for price in (item.entry, item.stop_loss, item.take_profit)
    )
    deal = f"{item.ticket} {item.symbol} {item.side} {item.volume:.2f} at {entry}"
    mark = ", unexplained: it carries the session's mark" if item.mismatches else ""
    return f"{deal}, stop {stop}, target {target}{profit}{mark}"


def external_text(status: Status, item: ExternalStatus) -> str:
    """What is not the session's, with what it may cost the account."""
    what = f"{item.ticket} {item.symbol} {item.side} {item.volume:.2f} lots"
    risk = f"{item.risk:,.2f} {status.currency}"
    return f"{what}, may lose {risk}: not the session's, counted as risk and left alone"


def halt_texts(status: Status) -> list[str]:
    """Each cause that halts trading, and what holds of it now."""
    return [f"{cause}: {why}" for cause, why in status.why.items() if why]


def link_text(status: Status) -> str:
    """How the link stands, and how often it was brought back."""
    logins = f", {status.logins} logins tried" if status.logins else ""
    return f"{status.link}, {status.reconnects} reconnects{logins}"


def closing_text(status: Status) -> str:
    """What stands although it must be closed, and what becomes of it."""
    tickets = ", ".join(map(str, status.to_close))
    what = "position" if len(status.to_close) == 1 else "positions"
    asked = "asked for again until the account shows it" if status.running else "by --resume"
    return f"{what} {tickets} must be closed: {asked}"


def order_text(item: OrderStatus) -> str:
    waits = f" waits at {item.entry_price}" if item.entry_price else ""
    return f"{item.order_id} {item.action} {item.symbol} {item.side} {item.volume:.2f}{waits}"


def feed_text(status: Status, symbol: str) -> str:
    feed = status.feeds[symbol]
    seen = "no price yet"
    if feed.last_tick:
        bid, ask = (price_text(status, symbol, price) for price in (feed.bid, feed.ask))
        seen = f"{bid}/{ask} at {iso(feed.last_tick)}"
    return f"{symbol} {feed.state}, {seen}" if feed.state else f"{symbol} {seen}"
