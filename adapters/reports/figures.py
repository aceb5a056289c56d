"""Figures of a result for notebooks: plotly's own objects, to be shown, changed or saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from engine.result import RunResult
from engine.result.curve import NO_FLOOR, Ints
from engine.result.statistics import by_day, restarts
from engine.types import grouped

if TYPE_CHECKING:
    import plotly.graph_objects as go

_UP, _DOWN, _FLOOR, _GOLD, _GOOD, _SOFT = (
    "#0072b2", "#d55e00", "#c22f10", "#d99a00", "#1a7f37", "#80868d",
)  # fmt: skip


def equity_figure(result: RunResult) -> go.Figure:
    """Equity at the close of each bar, balance, and the floors and target in force."""
    import plotly.graph_objects as go

    curve = result.curve
    times = (curve.time + curve.period).astype("datetime64[ms]")
    figure = go.Figure()

    def line(name: str, column: Any, color: str, **more: Any) -> None:
        figure.add_trace(go.Scattergl(x=times, y=column, name=name, line={"color": color, **more}))

    line("balance", curve.balance / 100, _SOFT, width=1)
    line("equity", curve.equity / 100, _UP, width=1.5)
    for name, column, color in (
        ("daily floor", curve.day_floor, _GOLD),
        ("overall floor", curve.overall_floor, _FLOOR),
        ("target", curve.target, _GOOD),
    ):
        if np.any(column != NO_FLOOR):
            line(name, _amounts(column), color, width=1, dash="dash", shape="hv")
    return _titled(figure, result, result.terms.currency)


def _amounts(column: Ints) -> Any:
    return np.where(column == NO_FLOOR, np.nan, column / 100)


def underwater_figure(result: RunResult) -> go.Figure:
    """The depth below the highest equity so far, as a part of it."""
    import plotly.graph_objects as go

    curve = result.curve
    depth = -curve.drawdown(result.terms.start.equity, restarts(result))
    trace = go.Scattergl(
        x=(curve.time + curve.period).astype("datetime64[ms]"), y=depth, name="underwater",
        fill="tozeroy", line={"color": _DOWN, "width": 1},
    )  # fmt: skip
    figure = _titled(go.Figure(trace), result, "")
    figure.update_yaxes(tickformat=".1%")
    return figure


def daily_figure(result: RunResult) -> go.Figure:
    """Net result of each trading day, by the firm's day of the closing deal."""
    import plotly.graph_objects as go

    days = by_day(result)
    nets = [net / 100 for net in days.values()]
    colors = [_UP if net > 0 else _DOWN for net in nets]
    trace = go.Bar(x=list(days), y=nets, marker={"color": colors}, name="net")
    return _titled(go.Figure(trace), result, result.terms.currency)


def r_figure(result: RunResult) -> go.Figure:
    """How often trades made which multiple of their initial risk."""
    import plotly.graph_objects as go

    ratios = [trade.r for trade in result.closed if trade.r is not None]
    trace = go.Histogram(x=ratios, xbins={"size": 0.25}, marker={"color": _UP}, name="trades")
    return _titled(go.Figure(trace), result, "trades")


def _titled(figure: go.Figure, result: RunResult, unit: str) -> go.Figure:
    title = f"{result.terms.preset}, {grouped(result.net / 100, result.terms.currency, '+')}"
    figure.update_layout(title=title, yaxis_title=unit, template="plotly_white")
    return figure


FIGURES: Final[Mapping[str, Callable[[RunResult], Any]]] = {
    "equity": equity_figure,
    "underwater": underwater_figure,
    "daily": daily_figure,
    "r": r_figure,
}
"""The figures by their names."""
