"""A comparison of two runs as a part of the page: sums, denials, slippage, each differing trade."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from adapters.reports.compare import Pair, RunComparison, described
from adapters.reports.page.other_run import OtherRun
from adapters.reports.page.sections import Cell, Table
from adapters.reports.page.words import (
    amount,
    amounts_in,
    money,
    number,
    of_money,
    percent,
    tone_of,
    when,
)
from adapters.reports.runs import Fill, Trade
from adapters.reports.spread_table import spreads
from engine.result import RunResult
from engine.types import Cents, Points

Price = Callable[[str, Points], str]
"""A symbol's points as a decimal price."""

_B_LESS_A: Final = "B \u2212 A"

_SHOWN: Final = 300
"""Differing trades on the page; the rest are counted."""


def other_run_of(
    name: str,
    comparison: RunComparison,
    price: Price,
    *,
    other: RunResult,
    results: tuple[RunResult, RunResult],
    currency: str = "",
    reasons: Sequence[str] = (),
    terms: Mapping[str, tuple[Any, Any]] | None = None,
    why: Mapping[int, str] | None = None,
) -> OtherRun:
    """What a run's page says of the `other` one; `results` are those of A and B.

    `why` explains pairs (by their place) further; `currency` is that of the amounts, or both where
    they are of two.
    """
    differing = [
        (pair, (why or {}).get(place, ""))
        for place, pair in enumerate(comparison.pairs)
        if pair.differences
    ]
    with amounts_in(currency):
        tables = [sums(comparison), denials(comparison), slippages(comparison)]
        tables += [spreads(comparison.pairs, *results), _trades(differing, price)]
        head, text, tone = verdict(comparison)
    if terms:
        tables.append(_terms(terms))
    return OtherRun(
        name=name,
        head=head,
        text=text,
        tone=tone,
        curve=None if comparison.apart else other.curve,
        start=other.terms.start.equity,
        tables=[table for table in tables if table.rows],
        notes=reasons,
    )


def verdict(comparison: RunComparison) -> tuple[str, str, str]:
    """One sentence: equal, or how often they differ and where first, with its cause."""
    first = comparison.first
    if first is None:
        count = len(comparison.pairs)
        return "Equal", f": A and B agree in {count:,} trades, within the tolerances", "pass"
    if comparison.apart:
        return "Not comparable", f": {first.text}", "fail"
    count, cost = len(comparison.differences), amount(cost_of(comparison), sign=True)
    return (
        "Different",
        f" in {count:,} place{'s' if count != 1 else ''}, by {cost} from A to B; first "
        f"{when(first.time, 'UTC')}: {first.subject}: {first.text}",
        "fail",
    )


def cost_of(comparison: RunComparison) -> Cents:
    """What all trades of B made beyond those of A; negative where B is worse."""
    return comparison.b.net - comparison.a.net


def difference_of(pair: Pair) -> Cents:
    """What a trade made in B beyond A; one that a run lacks made nothing there."""
    return (pair.b.net if pair.b else 0) - (pair.a.net if pair.a else 0)


def _money(cents: Cents) -> Cell:
    return Cell(money(cents), tone_of(cents))


def _count(value: int) -> Cell:
    return Cell(number(value, 0))


def _name(text: str) -> Cell:
    return Cell(text, number=False)


def sums(comparison: RunComparison) -> Table:
    """Both runs' sums."""
    a, b = comparison.a, comparison.b
    counts = (("trades closed", a.trades, b.trades), ("left open", a.still_open, b.still_open))
    amounts = (
        ("profit or loss", a.net, b.net),
        ("commission", a.commission, b.commission),
        ("swap", a.swap, b.swap),
    )
    rows = [[_name(name), *map(_count, (x, y, y - x))] for name, x, y in counts]
    rows += [[_name(of_money(name)), *map(_money, (x, y, y - x))] for name, x, y in amounts]
    rates = (a.win_rate, b.win_rate, b.win_rate - a.win_rate)
    rows.append([_name("won"), *(Cell(percent(rate)) for rate in rates)])
    return Table("compare-sums", "A and B", ("", "A", "B", _B_LESS_A), rows)


def denials(comparison: RunComparison) -> Table:
    """Entries denied by reason in either."""
    rows = [
        [_name(reason.replace("_", " ")), *map(_count, (a, b, b - a))]
        for reason, (a, b) in comparison.denied.items()
    ]
    return Table("compare-denied", "Denied in A and B", ("", "A", "B", _B_LESS_A), rows)


def slippages(comparison: RunComparison) -> Table:
    """What slipped and what it cost, and what one of the runs did not trade at all."""
    pairs = comparison.pairs
    both = [pair for pair in pairs if pair.a and pair.b]
    only_a = [pair for pair in pairs if not pair.b]
    only_b = [pair for pair in pairs if not pair.a]
    rows = [
        [_name(f"{word} worse in B, points a fill"), *_points(slips)]
        for word, slips in (
            ("openings", [pair.open_slippage for pair in both]),
            ("closings", [pair.close_slippage for pair in both]),
        )
    ]
    for name, found in (
        ("trades of both: B beyond A", both),
        ("trades of A alone: missed in B", only_a),
        ("trades of B alone", only_b),
    ):
        if found:
            gained = sum(difference_of(pair) for pair in found)
            rows.append([_name(name), Cell(f"{len(found):,}"), _money(gained)])
    head = ("", "mean, or trades", of_money("worst, or money"))
    return Table("compare-slippage", "What slipped, and what it cost", head, rows)


def _points(slips: Sequence[Points | None]) -> tuple[Cell, Cell]:
    known = [points for points in slips if points is not None]
    if not known:
        return Cell("\u2013"), Cell("\u2013")
    return Cell(number(sum(known) / len(known))), _count(max(known))


def _trades(differing: Sequence[tuple[Pair, str]], price: Price) -> Table:
    rows = [list(_row(pair, price, why)) for pair, why in differing[:_SHOWN]]
    left = len(differing) - len(rows)
    note = f"{left:,} more differ" if left else ""
    head = (
        "opened (UTC)",
        "trade",
        "A",
        "B",
        of_money("result A"),
        of_money("result B"),
        _B_LESS_A,
        "why",
    )
    return Table("compare-trades", "Trades that differ", head, rows, note)


def _row(pair: Pair, price: Price, why: str) -> Iterator[Cell]:
    yield _name(when(pair.known.time, "UTC"))
    yield _name(described(pair.known))
    for trade in (pair.a, pair.b):
        yield _name(_life(trade, price))
    for trade in (pair.a, pair.b):
        yield Cell("\u2013") if trade is None else _money(trade.net)
    yield _money(difference_of(pair))
    texts = [difference.text for difference in pair.differences]
    yield _name("; ".join([*texts, why] if why else texts))


def _life(trade: Trade | None, price: Price) -> str:
    if trade is None:
        return "\u2013"
    return " → ".join(_fill(trade.symbol, fill, price) for fill in (trade.opening, trade.closing))


def _fill(symbol: str, fill: Fill | None, price: Price) -> str:
    return "open" if fill is None else f"{price(symbol, fill.price)} ({fill.reason})"


def _terms(terms: Mapping[str, tuple[Any, Any]]) -> Table:
    rows = [[_name(path), _name(_short(a)), _name(_short(b))] for path, (a, b) in terms.items()]
    return Table("compare-terms", "Terms that differ", ("", "A", "B"), rows)


def _short(value: Any) -> str:
    return "none" if value is None else str(value)[:200]
