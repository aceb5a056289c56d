"""The tables below the first screen: days, months, groups, funnel, execution, operations, terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.reports.page.words import (
    amount,
    in_its_currency,
    money,
    number,
    of_money,
    percent,
    place,
    span,
    tone_of,
    when,
)
from engine.events import DataRef
from engine.result import RunResult, TradeRecord
from engine.result import statistics as stats
from engine.result.costs import planned_cost, slippage_cost, spread_cost
from engine.result.statistics import Group, Key, TradeFigures
from engine.types import Cents, SymbolSpec


@dataclass(frozen=True)
class Cell:
    """One cell: its text, whether it is a number, and a tone."""

    text: str
    tone: str = ""
    number: bool = True


@dataclass(frozen=True)
class Table:
    """A table with a heading; the first column holds names."""

    key: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Day:
    """A square of the calendar: `row` is its weekday from 0, `tone` how good or bad it was."""

    date: str
    row: int
    column: int
    tone: str
    text: str


def _money(cents: Cents | None) -> Cell:
    """An amount in a column whose head names the currency."""
    return Cell(money(cents), tone_of(cents))


def _amount(cents: Cents | None) -> Cell:
    """An amount among figures of other units."""
    return Cell(amount(cents), tone_of(cents))


def _name(text: str) -> Cell:
    return Cell(text, number=False)


# --- days ---


def calendar(days: dict[str, Cents]) -> tuple[list[Day], list[tuple[int, str]]]:
    """A square for each day of trading and the months' names by column (a week each)."""
    import datetime as dt

    if not days:
        return [], []
    dates = {dt.date.fromisoformat(name): net for name, net in days.items()}
    first = min(dates)
    start = first - dt.timedelta(days=first.weekday())
    largest = sorted(abs(net) for net in dates.values())[int(0.9 * (len(dates) - 1))] or 1
    found: list[Day] = []
    months: list[tuple[int, str]] = []
    known = ""
    for day, net in sorted(dates.items()):
        column = (day - start).days // 7
        step = min(4, 1 + int(4 * abs(net) / largest)) if net else 0
        tone = f"p{step}" if net > 0 else f"n{step}" if net < 0 else "zero"
        found.append(
            Day(
                day.isoformat(),
                day.weekday(),
                column,
                tone,
                f"{day:%a %Y-%m-%d}: {amount(net, sign=True)}",
            )
        )
        if f"{day:%Y-%m}" != known:
            known = f"{day:%Y-%m}"
            if not months or column - months[-1][0] >= 3:
                months.append((column, known if not months or known.endswith("-01") else known[5:]))
    return found, months


def months(days: dict[str, Cents]) -> Table:
    """Net by month and year."""
    sums: dict[str, dict[int, Cents]] = {}
    for name, net in days.items():
        row = sums.setdefault(name[:4], {})
        row[int(name[5:7])] = row.get(int(name[5:7]), 0) + net
    rows = [
        [
            _name(year),
            *(_money(row.get(month)) for month in range(1, 13)),
            _money(sum(row.values())),
        ]
        for year, row in sorted(sums.items())
    ]
    head = ["year", *(f"{month:02}" for month in range(1, 13)), "sum"]
    return Table("months", of_money("Result by month"), head, rows)


# --- groups ---


def group_tables(result: RunResult) -> list[Table]:
    """Net and figures by what trades have in common."""
    clock = result.terms.data[0].clock if result.terms.data else "utc"
    server = _SERVERS.get(clock, "UTC")
    firm = result.terms.day_zone
    keys: list[tuple[str, str, Key]] = [
        ("symbol", "symbol", lambda trade: trade.symbol),
        ("session", "market session", stats.market_session),
        ("variant", "variant", lambda trade: trade.variant or "\u2013"),
        ("exit", "exit", lambda trade: trade.close_reason),
        ("direction", "direction", lambda trade: trade.side.word),
        ("weekday", f"weekday of entry, {place(firm)}", stats.weekday_in(firm)),
        ("hour_firm", f"hour of entry, {place(firm)}", stats.hour_in(firm)),
    ]
    if server != firm:
        keys.append(("hour_server", f"hour of entry, {place(server)}", stats.hour_in(server)))
    return [_group(key, f"By {title}", stats.grouped(result.trades, by)) for key, title, by in keys]


_SERVERS = {"new-york+7": "America/New_York", "eu-dst": "Europe/Athens", "est": "Etc/GMT+5"}
"""Zones whose wall clock turns with the server's; New York + 7 h is shown as New York's hour."""


def _group(key: str, title: str, groups: Iterable[Group]) -> Table:
    rows = [
        [
            _name(group.name.removeprefix(group.name[:2]) if key == "weekday" else group.name),
            Cell(f"{group.figures.trades:,}"),
            _money(group.figures.net),
            Cell(percent(group.figures.win_rate, 0)),
            Cell(number(group.figures.profit_factor)),
            Cell(number(group.figures.r_per_trade)),
        ]
        for group in groups
    ]
    return Table(key, title, ("", "trades", of_money("net"), "won", "PF", "R"), rows)


# --- orders ---


def funnel(result: RunResult) -> Table:
    """From signals to positions, and what was lost on the way."""
    counts = result.funnel
    reasons = sorted(counts.denied.items(), key=lambda item: (-item[1], item[0]))
    entries = [
        ("signals to enter", counts.signals),
        *((f"\u2013 denied: {name.replace('_', ' ')}", count) for name, count in reasons if count),
        ("submitted", counts.submitted),
        ("\u2013 rejected by the venue", counts.rejected),
        ("\u2013 of unknown outcome", counts.unknown),
        ("\u2013 cancelled or expired", counts.cancelled),
        ("positions opened", counts.filled),
        ("\u2013 dropped signals", counts.dropped),
    ]
    keep = ("signals to enter", "submitted", "positions opened")
    rows = [[_name(name), Cell(f"{count:,}")] for name, count in entries if count or name in keep]
    return Table("funnel", "Signals and orders", ("", "count"), rows)


def execution(result: RunResult) -> Table:
    """Fills against what was asked for."""
    specs = result.terms.symbols
    opened = [t.open_slippage for t in result.trades if t.open_slippage is not None]
    closed = [t.close_slippage for t in result.closed if t.close_slippage is not None]
    known = [t for t in result.closed if t.symbol in specs]
    slipped = [cost for t in known if (cost := slippage_cost(t, specs[t.symbol])) is not None]
    spreads = [cost for t in known if (cost := spread_cost(t, specs[t.symbol])) is not None]
    waited = sorted(t.waited for t in result.trades if t.waited is not None)
    rows = [
        [_name("slippage of openings, points a fill"), Cell(_mean(opened))],
        [_name("slippage of closings, points a fill"), Cell(_mean(closed))],
        [_name("slippage in money (part of gross)"), _amount(-sum(slipped) if slipped else None)],
        [
            _name("spread at the openings in money (part of gross)"),
            _amount(-sum(spreads) if spreads else None),
        ],
        [_name("commission"), _amount(sum(t.commission for t in result.closed))],
        [
            _name("commission as risk counted it beforehand"),
            _amount(-sum(planned_cost(t, specs[t.symbol]) for t in known)),
        ],
        [_name("swap"), _amount(sum(t.swap for t in result.closed))],
        [_name("submission to deal, median"), Cell(_at(waited, 0.5))],
        [_name("submission to deal, 95 %"), Cell(_at(waited, 0.95))],
        [_name("submission to deal, longest"), Cell(_at(waited, 1.0))],
        [_name("orders of unknown outcome"), Cell(f"{result.funnel.unknown:,}")],
    ]
    return Table("execution", "Execution and costs", ("", ""), rows)


def _mean(values: Sequence[int]) -> str:
    return number(sum(values) / len(values)) if values else "\u2013"


def _at(values: Sequence[int], part: float) -> str:
    return f"{values[int(part * (len(values) - 1))]:,} ms" if values else "\u2013"


_SHOWN = 200


@in_its_currency
def operations(result: RunResult) -> Table:
    """What happened to the session itself; repeated entries are counted."""
    zone = result.terms.day_zone
    rows: list[list[Cell]] = []
    last: tuple[str, str, str] | None = None
    counts: list[int] = []
    for item in result.operations:
        same = (item.kind, item.cause, item.detail)
        if same == last:
            counts[-1] += 1
            continue
        last = same
        counts.append(1)
        rows.append(
            [_name(when(item.time, zone)), _name(item.kind), _name(item.cause), _name(item.detail)]
        )
    for row, count in zip(rows, counts, strict=True):
        if count > 1:
            row[1] = _name(f"{row[1].text} ({count} times)")
    kinds = Counter(item.kind for item in result.operations)
    note = (
        ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "nothing happened"
    )
    if len(rows) > _SHOWN:
        note += f"; the last {_SHOWN} are shown"
    return Table(
        "operations",
        "Halts, links and commands",
        ("when", "what", "cause", "detail"),
        rows[-_SHOWN:],
        note,
    )


def attempts(result: RunResult) -> Table:
    """One row a phase."""
    zone = result.terms.day_zone
    rows = [
        [
            Cell(str(item.attempt)),
            _name(item.name),
            _name(when(item.started, zone)),
            _name(when(item.ended, zone) if item.ended else "\u2013"),
            _name((item.outcome or "unfinished").replace("_", " ")),
            _name(item.cause.replace("_", " ")),
            _money((item.final_balance - item.balance) if item.final_balance is not None else None),
            Cell(f"{item.days:,}"),
            Cell(f"{item.trading_days:,}"),
            Cell(money(item.min_buffer)),
        ]
        for item in result.attempts
    ]
    head = (
        "attempt",
        "phase",
        "started",
        "ended",
        "outcome",
        "cause",
        of_money("result"),
        "days",
        "trading days",
        of_money("least buffer"),
    )
    return Table("attempts", "Attempts", head, rows)


# --- figures and terms ---


def figures(result: RunResult, all_trades: TradeFigures) -> Table:
    """MetaTrader's names where it has them."""
    drawdown = stats.drawdown_money(result)
    extremes = result.figures
    deepest = None if extremes is None else extremes.max_drawdown_fraction
    worst_day = None if extremes is None else extremes.max_daily_loss_fraction
    recovery = all_trades.net / drawdown if drawdown else None
    pairs: list[tuple[str, Cell]] = [
        ("total net profit", _amount(all_trades.net)),
        ("gross profit", _amount(all_trades.profit)),
        ("gross loss", _amount(-all_trades.loss)),
        ("profit factor", Cell(number(all_trades.profit_factor))),
        ("recovery factor", Cell(number(recovery))),
        ("expected payoff", _amount(_rounded(all_trades.expected_payoff))),
        ("equity drawdown maximal", Cell(amount(drawdown))),
        ("equity drawdown relative", Cell(percent(deepest, 2))),
        ("largest loss of a day", Cell(percent(worst_day, 2))),
        ("largest profit trade", _amount(all_trades.best)),
        ("largest loss trade", _amount(all_trades.worst)),
        ("average profit trade", Cell(amount(_rounded(all_trades.average_win)))),
        ("average loss trade", Cell(amount(_rounded(all_trades.average_loss)))),
        ("maximum consecutive wins", Cell(f"{all_trades.longest_wins:,}")),
        ("maximum consecutive losses", Cell(f"{all_trades.longest_losses:,}")),
        ("average position holding time", Cell(span(all_trades.average_seconds))),
        ("positions open at the end", Cell(f"{len(result.trades) - all_trades.trades:,}")),
        ("deposits for fresh attempts", Cell(amount(result.deposits))),
        ("final balance", Cell(amount(result.account.balance))),
        ("final equity", Cell(amount(result.account.equity))),
    ]  # fmt: skip
    return Table("figures", "Figures", ("", ""), [[_name(name), cell] for name, cell in pairs])


def _rounded(amount: float | None) -> int | None:
    return None if amount is None else round(amount)


def terms(result: RunResult) -> Table:
    """Data with clocks and hashes, limits, costs and parameters."""
    known = result.terms
    pairs: list[tuple[str, str]] = [
        ("session", known.session_id or "\u2013"),
        ("program version", str(known.about.get("version", "\u2013"))),
        ("period played", f"{when(result.first, 'UTC')} to {when(result.last, 'UTC')}"),
        ("trading day turns", f"{known.day_hour:02}:00 {place(known.day_zone)}"),
    ]
    files = known.about.get("files", {})
    pairs += [
        (f"bars of {ref.symbol}", _bars(ref, str(files.get(ref.symbol, "")))) for ref in known.data
    ]
    pairs += [(f"costs of {name}", _costs(spec)) for name, spec in known.symbols.items()]
    pairs += [(f"cost: {name}", str(value)) for name, value in known.costs.items()]
    pairs += [(f"limit: {name}", str(value)) for name, value in known.limits.items()]
    pairs += [(f"parameter: {name}", _short(value)) for name, value in known.parameters.items()]
    return Table(
        "terms", "Data, costs and terms", ("", ""), [[_name(a), _name(b)] for a, b in pairs]
    )


def _bars(ref: DataRef, file: str) -> str:
    return (
        f"{file} {ref.rows:,} bars of {ref.period} s, {when(ref.first, 'UTC')} to "
        f"{when(ref.last, 'UTC')}, clock {ref.clock}, SHA-256 {ref.sha256}"
    ).strip()


def _costs(spec: SymbolSpec) -> str:
    return (
        f"commission {number(spec.commission / 100)} a lot and side, spread at least "
        f"{spec.spread_floor} points ({spec.spread_floor_rollover} around the roll-over), "
        f"swap {number(spec.swap_long)} / {number(spec.swap_short)} points a night"
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 400 else text[:400] + "\u2026"


def warnings(result: RunResult, all_trades: TradeFigures) -> list[str]:
    """What a careful reader would ask about."""
    found = list(result.warnings)
    if all_trades.trades >= 50 and (all_trades.win_rate or 0) > 0.9:
        found.append(f"{percent(all_trades.win_rate, 0)} won: check the strategy for look-ahead.")
    if 0 < all_trades.trades < 30:
        words = "trade was" if all_trades.trades == 1 else "trades were"
        found.append(f"Only {all_trades.trades} {words} closed: the figures say little.")
    if not all_trades.trades:
        found.append("No trade was closed.")
        top = max(result.funnel.denied.items(), key=lambda item: item[1], default=None)
        if top is not None and top[1]:
            found.append(
                f"Entries were denied, most of them as {top[0].replace('_', ' ')} ({top[1]:,})."
            )
    found += [
        f"The bars of {ref.symbol} were repaired while they were read."
        for ref in result.terms.data
        if ref.repaired
    ]
    if result.terms.about.get("warm_up") is False:
        found.append("Cold start: what decides had seen no bar before the first one played.")
    found += _holes(result)
    if result.outcome is not None and result.outcome != "done":
        found.append(f"The session did not end by itself: {result.outcome}.")
    return found


def _holes(result: RunResult) -> list[str]:
    """What is missing of the bars, as it was found when they were read."""
    told = result.terms.about.get("holes") or {}
    return [
        f"{symbol}: {item['count']:,} holes outside the market's pauses, the longest of "
        f"{item['bars']:,} bars after {str(item['longest'])[:16]}Z."
        for symbol, item in sorted(told.items())
    ]


def exits(trades: Iterable[TradeRecord]) -> list[str]:
    """The distinct reasons of closing."""
    return sorted({trade.close_reason for trade in trades if trade.close_reason})
