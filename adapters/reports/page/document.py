"""The page as a whole: its parts, its data and its policy, rendered into one file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.reports.page import first_screen, heartbeat, sections
from adapters.reports.page.other_run import OtherRun, laid_on
from adapters.reports.page.packing import differences, packed, price_columns
from adapters.reports.page.plotly_js import PlotlyMissing, csp_hash, plotly_script
from adapters.reports.page.words import in_its_currency, place
from engine.result import AttemptRecord, RunResult, TradeRecord
from engine.result.curve import EquityCurve
from engine.result.hindsight import Hindsight
from engine.result.statistics import by_day, figures_of
from engine.types import decimals

Ints = npt.NDArray[np.int64]

_SCRIPTS = ("data.js", "format.js", "chart.js", "layers.js", "trades.js", "panels.js", "main.js")


@dataclass(frozen=True)
class PageOptions:
    """How the page is made.

    `shared_script` names the chart library's file beside the page, `beside` is a second run on it.
    """

    title: str = ""
    shared_script: str = ""
    beside: OtherRun | None = None


def page_of(
    result: RunResult, hindsight: Hindsight | None = None, options: PageOptions | None = None
) -> bytes:
    """The page of a run as UTF-8 HTML; raises PlotlyMissing without the packages that it needs."""
    chosen = options or PageOptions()
    context = _context(result, hindsight)
    curve = context.pop("curve")
    script = "\n".join(page_text(name) for name in _SCRIPTS)
    script = f"(() => {{\n'use strict';\n{script}\n}})();"
    library = "" if chosen.shared_script else plotly_script()
    sources = [csp_hash(script), "file:" if chosen.shared_script else csp_hash(library)]
    html = _template().render(
        title=chosen.title or f"{result.terms.preset} {result.terms.session_id}".strip(),
        policy=_policy(sources),
        style=page_text("page.css"),
        library=library,
        shared_script=chosen.shared_script,
        script=script,
        data=packed(
            _document(result, curve, context["verdict"], hindsight, chosen.beside),
            _columns(result, curve, chosen.beside),
        ),
        beside=chosen.beside,
        **context,
    )
    return str(html).encode("utf-8", "replace")


def _policy(scripts: list[str]) -> str:
    """No request of any kind; only these scripts run."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(scripts)}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


@in_its_currency
def _context(result: RunResult, hindsight: Hindsight | None) -> dict[str, Any]:
    """Everything that is text on the page."""
    curve = hindsight.curve if hindsight is not None else result.curve
    figures = figures_of(result.trades)
    days = by_day(result)
    squares, months = sections.calendar(days)
    return {
        "curve": curve,
        "identity": first_screen.identity(result, hindsight),
        "verdict": first_screen.verdict(result, hindsight),
        "meters": first_screen.meters(result, curve, hindsight),
        "figures": first_screen.eight(result, figures),
        "zone": place(result.terms.day_zone),
        "currency": result.terms.currency,
        "days": squares,
        "day_months": months,
        "weeks": 1 + max((day.column for day in squares), default=0),
        "months": sections.months(days),
        "groups": sections.group_tables(result),
        "funnel": sections.funnel(result),
        "execution": sections.execution(result),
        "heartbeat": heartbeat.strip(result),
        "operations": sections.operations(result),
        "attempts": sections.attempts(result) if result.attempts else None,
        "all_figures": sections.figures(result, figures),
        "terms": sections.terms(result),
        "warnings": sections.warnings(result, figures),
        "symbols": [name for name in result.prices if len(result.prices[name])],
        "count": len(result.trades),
        "closed": len(result.closed),
    }


# --- what the script draws ---


def _document(
    result: RunResult,
    curve: EquityCurve,
    verdict: first_screen.RunVerdict,
    seen: Hindsight | None,
    beside: OtherRun | None,
) -> dict[str, Any]:
    zone = seen.rules.reset_zone if seen is not None else result.terms.day_zone
    texts = _Texts()
    traded = {
        name: [texts.index(getattr(trade, name)) for trade in result.trades]
        for name in ("symbol", "close_reason", "variant", "strategy_id", "signal_id")
    }
    return {
        "period": curve.period,
        "start": result.terms.start.equity,
        "currency": result.terms.currency,
        "decimals": decimals(result.terms.currency),
        "zone": zone,
        "place": place(zone),
        "lost": verdict.lost,
        "beside": beside.name if beside is not None else "",
        "lost_text": verdict.text.removeprefix(": "),
        "attempts": [attempt_entry(item) for item in result.attempts],
        "symbols": [
            {
                "name": name,
                "digits": result.terms.symbols[name].digits,
                "period": bars.period,
            }
            for name, bars in result.prices.items()
            if len(bars) and name in result.terms.symbols
        ],
        "texts": texts.known,
        "traded": traded,
        "levels": [_levels(trade) for trade in result.trades],
        "digits": {name: spec.digits for name, spec in result.terms.symbols.items()},
    }  # fmt: skip


def attempt_entry(item: AttemptRecord) -> dict[str, Any]:
    """An attempt as the page's script reads it."""
    return {
        "started": item.started,
        "ended": item.ended,
        "outcome": item.outcome,
        "attempt": item.attempt,
        "phase": item.name,
        "balance": item.balance,
    }


class _Texts:
    """Each text once; trades name it by its place."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._places: dict[str, int] = {}

    def index(self, text: str) -> int:
        found = self._places.get(text)
        if found is None:
            found = self._places[text] = len(self.known)
            self.known.append(text)
        return found


def _levels(trade: TradeRecord) -> list[int]:
    """Each change of the stop after the opening: seconds since it, stop, target."""
    return [
        item
        for level in trade.levels[1:]
        for item in ((level.time - trade.opened) // 1000, level.stop_loss, level.take_profit)
    ]


def _columns(result: RunResult, curve: EquityCurve, beside: OtherRun | None) -> dict[str, Ints]:
    other = laid_on(curve, beside)
    columns = {} if other is None else {"beside": differences(other)}
    columns |= {
        "time": differences(curve.time // 1000),
        "balance": differences(curve.balance),
        "equity": curve.equity - curve.balance,
        "worst": np.minimum(curve.equity, curve.balance) - curve.worst,
        "best": curve.best - np.maximum(curve.equity, curve.balance),
        "day_floor": differences(curve.day_floor),
        "overall_floor": differences(curve.overall_floor),
        "target": differences(curve.target),
    }
    for name, bars in result.prices.items():
        if len(bars) and name in result.terms.symbols:
            columns |= price_columns(f"price.{name}", bars)
    return columns | _trade_columns(result.trades)


_ABSENT = -(1 << 31)
"""Stands for no value in a column of the page."""


def _trade_columns(trades: tuple[TradeRecord, ...]) -> dict[str, Ints]:
    def column(values: list[int | None]) -> Ints:
        return np.array([_ABSENT if item is None else item for item in values], dtype=np.int64)

    def thousandths(values: list[float | None]) -> Ints:
        return column([None if item is None else round(item * 1000) for item in values])

    closed = [trade.closed for trade in trades]
    return {
        "trade.position": column([trade.position for trade in trades]),
        "trade.side": column([int(trade.side) for trade in trades]),
        "trade.volume": column([trade.volume for trade in trades]),
        "trade.opened": differences(column([trade.opened // 1000 for trade in trades])),
        "trade.held": column(
            [
                None if end is None else (end - trade.opened) // 1000
                for end, trade in zip(closed, trades, strict=True)
            ]
        ),
        "trade.open": column([trade.open_price for trade in trades]),
        "trade.close": column(
            [None if t.close_price is None else round(t.close_price) for t in trades]
        ),
        "trade.stop": column([trade.stop_loss for trade in trades]),
        "trade.target": column([trade.take_profit for trade in trades]),
        "trade.net": column([trade.net if trade.parts else None for trade in trades]),
        "trade.r": thousandths([trade.r for trade in trades]),
        "trade.mae": thousandths([trade.mae_r for trade in trades]),
        "trade.mfe": thousandths([trade.mfe_r for trade in trades]),
    }


# --- files of this package ---


@cache
def page_text(name: str) -> str:
    """One of the page's own files: a script, a style, the template."""
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


_DATE = re.compile(r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d)?)")


def _dated(text: str, jinja2: Any) -> Any:
    """Escaped text in which no date is broken at a line's end."""
    escape = jinja2.filters.do_forceescape
    parts = _DATE.split(text)
    dates = jinja2.utils.markupsafe.Markup("<time>{}</time>")
    return escape("").join(
        dates.format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


@cache
def _template() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise PlotlyMissing from error
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["dated"] = lambda text: _dated(text, jinja2)
    return environment.from_string(page_text("page.html"))
