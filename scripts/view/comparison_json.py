"""A comparison as a JSON document."""

from __future__ import annotations

from typing import Any

from adapters.reports.compare import Pair, RunDifference, Sums
from adapters.reports.projection import iso
from adapters.reports.runs import Fill, Trade
from engine.types import UNITS_PER_LOT
from scripts.app.journals.compare import ComparedRuns
from scripts.app.journals.run_files import Source


def document_of(compared: ComparedRuns) -> dict[str, Any]:
    """Everything that is known of the comparison; money and lots as decimal numbers."""
    a, b, result, tolerances = compared.a, compared.b, compared.result, compared.tolerances
    first = result.first
    return {
        "equal": result.equal,
        "a": {**_side(a), **_sums(result.a)},
        "b": {**_side(b), **_sums(result.b)},
        "tolerances": {
            "price_points": tolerances.points,
            "time_seconds": tolerances.time / 1000,
            "money": tolerances.money / 100,
            "volume": tolerances.volume / UNITS_PER_LOT,
            "match_seconds": tolerances.window / 1000,
        },
        "denied": {reason: {"a": x, "b": y} for reason, (x, y) in result.denied.items()},
        "first_divergence": first and _difference(first),
        "differences": [_difference(item) for item in result.differences],
        "paired_in_order": result.in_order,
        "nothing_in_common": result.apart,
        "terms_that_differ": {path: {"a": x, "b": y} for path, (x, y) in compared.terms.items()},
        "may_differ_because": compared.reasons,
        "trades": [_pair(a, b, pair) for pair in result.pairs],
    }


def _side(source: Source) -> dict[str, Any]:
    run = source.run
    return {
        "event_log": str(source.log),
        "session_id": run.session_id or None,
        "data_mode": run.mode or None,
        "rows_not_compared": dict(run.skipped),
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "number_of_trades": sums.trades,
        "open_positions": sums.still_open,
        "profit": sums.net / 100,
        "commission": sums.commission / 100,
        "swap": sums.swap / 100,
        "win_rate": sums.win_rate,
    }


def _difference(difference: RunDifference) -> dict[str, Any]:
    return {
        "time": iso(difference.time),
        "aspect": str(difference.aspect),
        "metadata": difference.subject,
        "text": difference.text,
    }


def _pair(a: Source, b: Source, pair: Pair) -> dict[str, Any]:
    return {
        "symbol": pair.known.symbol,
        "direction": pair.known.side.word,
        "signal_id": pair.known.signal_id,
        "a": pair.a and _trade(a, pair.a),
        "b": pair.b and _trade(b, pair.b),
        "open_slippage_points": pair.open_slippage,
        "open_slippage_r": pair.in_r(pair.open_slippage),
        "close_slippage_points": pair.close_slippage,
        "close_slippage_r": pair.in_r(pair.close_slippage),
        "differences": [item.text for item in pair.differences],
    }


def _trade(source: Source, trade: Trade) -> dict[str, Any]:
    return {
        "ticket": trade.ticket,
        "volume": trade.volume / UNITS_PER_LOT,
        "opened": _fill(source, trade, trade.opening),
        "closed": _fill(source, trade, trade.closing),
        "result": trade.net / 100,
    }


def _fill(source: Source, trade: Trade, fill: Fill | None) -> dict[str, Any] | None:
    if fill is None:
        return None
    price = float(source.price(trade.symbol, fill.price))
    return {"time": iso(fill.time), "price": price, "reason": fill.reason}
