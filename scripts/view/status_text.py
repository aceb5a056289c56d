"""A session's status in lines for people."""

from __future__ import annotations

from adapters.reports.projection import iso
from adapters.reports.status import OrderStatus, PositionStatus, Status
from scripts.view.printable import printable


def status_lines(status: Status) -> list[str]:
    """The status as plain text, the most important first."""
    lines = [headline(status), account_line(status)]
    lines += [f"  halted     {text}" for text in halt_texts(status)]
    if status.loss_buffer is not None:
        lines.append(f"  buffers    {', '.join(buffer_texts(status))}")
    lines += [f"  position   {position_text(item, status.currency)}" for item in status.positions]
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
    why = f" ({', '.join(status.causes)})" if status.causes else ""
    dry = ", dry run" if status.dry_run else ""
    return f"{status.session_id}: {status.mode}{dry}, {status.life}; trading {status.state}{why}"


def account_line(status: Status) -> str:
    account = status.account
    return (
        f"  account    balance {account.balance:,.2f}, equity {account.equity:,.2f}, "
        f"margin {account.margin:,.2f} {status.currency}"
    )


_NO_MONEY = frozenset(
    {
        "orders_today", "reset_in_hours", "days", "trading_days", "requests_today",
        "best_day_share",
    }
)  # fmt: skip


def buffer_texts(status: Status) -> list[str]:
    """Each loss buffer by its name; amounts of money with their currency."""
    return [
        f"{name} {left:,.2f}" + ("" if name in _NO_MONEY else f" {status.currency}")
        for name, left in (status.loss_buffer or {}).items()
    ]


def position_text(item: PositionStatus, currency: str) -> str:
    """A position with what it is worth now."""
    profit = "" if item.profit is None else f", {item.profit:+,.2f} {currency}"
    stop, target = item.stop_loss or "none", item.take_profit or "none"
    deal = f"{item.ticket} {item.symbol} {item.side} {item.volume:.2f} at {item.entry}"
    mark = ", unexplained: it carries the session's mark" if item.mismatches else ""
    return f"{deal}, stop {stop}, target {target}{profit}{mark}"


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
    seen = f"{feed.bid}/{feed.ask} at {iso(feed.last_tick)}" if feed.last_tick else "no price yet"
    return f"{symbol} {feed.state}, {seen}" if feed.state else f"{symbol} {seen}"
