"""The spread that a replay models beside the one that a live run paid. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.reports.compare import Pair
from adapters.reports.page.sections import Cell, Table
from adapters.reports.page.words import money, number, unit
from engine.result import RunResult, TradeRecord
from engine.result.costs import spread_cost
from engine.types import Cents

_TITLE: Final = "Spread at the openings: a replay's is modelled, a live run's was paid"


def spreads(pairs: Sequence[Pair], a: RunResult, b: RunResult) -> Table:
    """Of the trades of both whose spread both know; without rows where there are none."""
    one, other = _known(pairs, a, b)
    head = ("", "A", "B", "B \u2212 A")
    if not one:
        return Table("compare-spread", _TITLE, head, [])
    x, y = ([trade.spread or 0 for trade in trades] for trades in (one, other))
    means = sum(x) / len(x), sum(y) / len(y)
    rows = [
        _row("points a trade", *map(number, (*means, means[1] - means[0]))),
        _row("widest, in points", *(f"{value:,}" for value in (max(x), max(y), max(y) - max(x)))),
    ]
    paid, charged = _cost(one, a), _cost(other, b)
    if paid is not None and charged is not None:
        amounts = (-paid, -charged, paid - charged)
        rows.append(
            _row(" ".join(f"in {unit()} money (part of gross)".split()), *map(money, amounts))
        )
    note = f"the {len(one):,} trades of both whose spread both know"
    return Table("compare-spread", _TITLE, head, rows, note)


def _row(name: str, *texts: str) -> list[Cell]:
    return [Cell(name, number=False), *map(Cell, texts)]


def _known(
    pairs: Sequence[Pair], a: RunResult, b: RunResult
) -> tuple[list[TradeRecord], list[TradeRecord]]:
    first, second = ({str(trade.position): trade for trade in run.trades} for run in (a, b))
    one, other = [], []
    for pair in pairs:
        x = first.get(pair.a.ticket) if pair.a else None
        y = second.get(pair.b.ticket) if pair.b else None
        if x is not None and y is not None and x.spread is not None and y.spread is not None:
            one.append(x)
            other.append(y)
    return one, other


def _cost(trades: Sequence[TradeRecord], run: RunResult) -> Cents | None:
    """What the spreads cost; None where that of any trade is not known."""
    specs, whole = run.terms.symbols, 0
    for trade in trades:
        cost = spread_cost(trade, specs[trade.symbol]) if trade.symbol in specs else None
        if cost is None:
            return None
        whole += cost
    return whole
