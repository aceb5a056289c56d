"""What a person sees: progress while a replay runs, a short summary at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.currency import USD, grouped, plain
from scripts.view.objectives import objective_lines


@contextmanager
def progress_bar(total: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, told how much is done; silent when it is not `shown`."""
    if not shown:
        yield lambda _done: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("bars")
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)


def summary_lines(summary: dict[str, Any], event_log: Path, folder: Path) -> list[str]:
    """The lines of the short summary."""
    denied = {name: count for name, count in summary["filtered"].items() if count}
    denials = ", ".join(f"{name} {count}" for name, count in denied.items()) or "none"
    halted = f" ({summary['halt_reason']})" if summary["halt_reason"] else ""
    period = _period(summary["data"])
    return [
        f"{summary['preset']} {summary['outcome']}: {period}",
        *_holes(summary["data"]),
        f"  equity     {_figure(summary, 'initial_equity')} -> {_figure(summary, 'final_equity')}"
        f"  ({grouped(summary['total_pnl'], _currency(summary), '+')})",
        f"  trades     {summary['number_of_trades']:,} closed, {summary['win_rate']:.1%} won, "
        f"{summary['open_positions']} left open",
        f"  drawdown   {summary['max_drawdown_fraction']:.2%} at most, "
        f"{summary['max_daily_loss_fraction']:.2%} in a day",
        f"  denied     {denials}",
        f"  trading    {summary['trading_state']}{halted}",
        *_unresolved_lines(summary),
        *objective_lines(summary),
        f"  event log  {event_log}",
        f"  session    {folder}",
    ]


def _unresolved_lines(summary: dict[str, Any]) -> list[str]:
    """Each order whose outcome nobody knows: the user must look for it at the terminal."""
    return [
        f"  UNRESOLVED order {order['order_id']}: {order['message']}; look for it at the terminal"
        for order in summary.get("unresolved_orders", ())
    ]


def _holes(data: list[dict[str, Any]]) -> list[str]:
    """What is missing of the bars outside the market's usual pauses."""
    return [
        f"  holes      {item['symbol']}: {holes['count']:,} outside the market's pauses, the first "
        f"after {holes['first'][:16]}Z, the longest after {holes['longest'][:16]}Z "
        f"({holes['bars']:,} bars)"
        for item in data
        if (holes := item.get("holes")) is not None
    ]


def _figure(summary: dict[str, Any], name: str) -> str:
    """A figure beside one that names the currency."""
    return plain(summary[name], _currency(summary))


def _currency(summary: dict[str, Any]) -> str:
    """The account's; summaries of earlier programs name none, as all were in USD."""
    return str(summary.get("currency", USD))


def _period(data: list[dict[str, Any]]) -> str:
    if not data:
        return "on a live feed"
    symbols = ", ".join(item["symbol"] for item in data)
    first = min(item["first"] for item in data)[:10]
    last = max(item["last"] for item in data)[:10]
    return f"{symbols}, {sum(item['rows'] for item in data):,} bars, {first} to {last}"
