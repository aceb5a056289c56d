"""What a person sees of a session at its end: a short summary."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.types import USD, grouped, plain
from scripts.app.session_folder import THROUGH_MT5
from scripts.view.objectives import objective_lines

if TYPE_CHECKING:
    from engine.result import RunResult
    from engine.result.hindsight import Hindsight
    from scripts.app.operations.finished import FinishedSession
    from scripts.app.session_folder import SessionFolder


def summary_lines(
    session: FinishedSession, hindsight: Hindsight | None = None, page: Path | None = None
) -> list[str]:
    """The lines of the short summary; `page` is the report that was written."""
    summary, folder = session.summary, session.folder
    denied = {name: count for name, count in summary["filtered"].items() if count}
    denials = ", ".join(f"{name} {count:,}" for name, count in denied.items()) or "none"
    halted = f" ({summary['halt_reason']})" if summary["halt_reason"] else ""
    return [
        f"{summary['preset']} {summary['outcome']}: {_period(session)}",
        *_holes(summary["data"]),
        *_equity(summary),
        f"  trades     {summary['number_of_trades']:,} closed, {summary['win_rate']:.1%} won, "
        f"{summary['open_positions']} left open",
        f"  drawdown   {summary['max_drawdown_fraction']:.2%} at most, "
        f"{summary['max_daily_loss_fraction']:.2%} in a day",
        f"  denied     {denials}",
        *_nothing_opened(summary, denied),
        *_verdict(session.result, hindsight),
        *_halts(session.result),
        f"  trading    {summary['trading_state']}{halted}",
        *_unresolved_lines(summary),
        *external_lines(summary),
        *objective_lines(summary),
        f"  event log  {folder.latest_event_log}",
        f"  session    {folder.path}",
        *ways_on(folder, page),
    ]


def ways_on(folder: SessionFolder, page: Path | None = None) -> list[str]:
    """How the run is seen, and one on an account laid beside the replay of its own bars."""
    lines = [f"  report     {page or f'butler report {folder.named} --open'}"]
    if folder.kind == THROUGH_MT5:
        lines.append(f"  mirror     butler mirror {folder.named} --open")
    return lines


def _equity(summary: dict[str, Any]) -> list[str]:
    """What the account came to; fresh balances of later attempts are no gain."""
    first, final, change = (
        summary[name] for name in ("initial_equity", "final_equity", "total_pnl")
    )
    unit = _currency(summary)
    first, final, change = plain(first, unit), plain(final, unit), grouped(change, unit, "+")
    accounts = len(summary["attempts"] or ())
    if accounts > 1:
        return [
            f"  accounts   {accounts} of {first}, together {change}; the last one stands at {final}"
        ]
    return [f"  equity     {first} -> {final}  ({change})"]


def _nothing_opened(summary: dict[str, Any], denied: dict[str, int]) -> list[str]:
    """Said where signals came and not one became a position."""
    if not summary["signals"] or summary["number_of_trades"] or summary["open_positions"]:
        return []
    if not denied:
        return [f"  note       {summary['signals']:,} signals, and none became a position"]
    name, count = max(denied.items(), key=lambda item: item[1])
    return [
        f"  note       no signal became a position: of {summary['signals']:,} denied, most "
        f"({count:,}) as {name}"
    ]


def _verdict(result: RunResult | None, hindsight: Hindsight | None) -> list[str]:
    """How the run stands under the rules that it followed, or what others would have made of it."""
    if result is None:
        return []
    if not result.attempts and (hindsight is None or not hindsight.rule):
        return []
    from adapters.reports.page.first_screen import RULES, verdict

    if hindsight is None or result.attempts:
        told = verdict(result, None)
        return [f"  verdict    {told.head}{told.text}".replace("\u2264", "<=")]
    zone = ZoneInfo(hindsight.rules.reset_zone)
    day = dt.datetime.fromtimestamp(hindsight.time / 1000, zone).date()
    return [
        f"  verdict    under {hindsight.rules.title} this account would have been lost on {day} "
        f"({RULES.get(hindsight.rule, hindsight.rule)})"
    ]


def _halts(result: RunResult | None) -> list[str]:
    """How often new orders were stopped, by cause: a replay shows the first of each only."""
    counts = Counter(
        item.cause for item in (result.operations if result else ()) if item.kind == "halt"
    )
    told = ", ".join(
        f"{cause} {count:,} times" if count > 1 else f"{cause} once"
        for cause, count in counts.most_common()
    )
    return [f"  halts      {told}"] if told else []


def _unresolved_lines(summary: dict[str, Any]) -> list[str]:
    """Each order whose outcome nobody knows: the user must look for it at the terminal."""
    return [
        f"  UNRESOLVED order {order['order_id']}: {order['message']}; look for it at the terminal"
        for order in summary.get("unresolved_orders", ())
    ]


def external_lines(summary: dict[str, Any]) -> list[str]:
    """What stands beside the session's own positions: no count of these holds it."""
    return [
        f"  EXTERNAL   {item['ticket']} {item['symbol']} {item['side']} {item['volume']:.2f} lots: "
        + (
            "carries the session's mark, but no order explains it"
            if item["marked"]
            else "not the session's, left alone"
        )
        for item in summary.get("external", ())
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


def _currency(summary: dict[str, Any]) -> str:
    """The account's; summaries of earlier programs name none, as all were in USD."""
    return str(summary.get("currency", USD))


def _period(session: FinishedSession) -> str:
    """What was played: of the files only the part that the run came to."""
    summary, data = session.summary, session.summary["data"]
    played = f"{summary['played_from'][:10]} to {_last_day(summary['played_to'])}"
    if not data:
        return f"on a live feed, {played}"
    symbols = ", ".join(item["symbol"] for item in data)
    if summary["mode"] != "replay":
        return f"{symbols} on recorded bars, {played}"
    bars = sum(item["rows"] for item in data)
    if session.result is not None:
        bars = sum(len(it) + it.left_out for it in session.result.prices.values()) or bars
    return f"{symbols}, {bars:,} bars, {played}"


def _last_day(moment: str | None) -> str:
    """The date of the last moment played; the end of a day belongs to it."""
    if moment is None:
        return "now"
    return str((dt.datetime.fromisoformat(moment) - dt.timedelta(milliseconds=1)).date())
