"""What Python programs and notebooks use of this program; `butler.py` gives it its public names.

Everything heavy is imported when it is used: to import this takes a moment only.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.types import grouped
from scripts.app.errors import AppError as Problem
from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import pyarrow as pa

    from engine.result import RunResult
    from engine.result.hindsight import Hindsight

__all__ = ["FinishedRun", "Problem", "load", "replay"]

_LISTS = ("bars", "digits", "spread_floor", "commission", "swap")
"""Options that may be given as one text or as several."""


class FinishedRun:
    """What a run came to: tables, figures, verdict and page, each made when it is asked for.

    Money is in the account's currency, times are UTC, prices decimal. `result` is the whole of it
    in the engine's own units.
    """

    def __init__(self, result: RunResult, objectives: str | None = None) -> None:
        self.result = result
        self._objectives = objectives

    def __repr__(self) -> str:
        result = self.result
        return (
            f"<butler.Run {result.terms.preset}, {len(result.closed):,} trades, "
            f"{grouped(result.net / 100, result.terms.currency, '+')}>"
        )

    @cached_property
    def trades(self) -> pa.Table:
        """One row a position; the columns are those of `*_trades.csv`."""
        from adapters.reports.tables import trades_table

        return trades_table(self.result)

    @cached_property
    def equity(self) -> pa.Table:
        """One row a bar; the columns are those of `*_equity.csv`."""
        from adapters.reports.tables import equity_table

        return equity_table(self.result)

    @cached_property
    def daily(self) -> pa.Table:
        """One row for each trading day on which something happened."""
        from adapters.reports.tables import daily_table

        return daily_table(self.result)

    @cached_property
    def figures(self) -> dict[str, float | int | None]:
        """Net, profit factor, R a trade, share won, drawdown, trades, costs and gross."""
        from adapters.reports.page.first_screen import eight
        from engine.result.statistics import figures_of

        money = {"net", "costs", "gross"}
        shown = eight(self.result, figures_of(self.result.trades))
        return {
            item.key: item.value / 100 if item.key in money and item.value is not None
            else item.value
            for item in shown
        }  # fmt: skip

    @property
    def verdict(self) -> str:
        """One sentence: how the run stands under the firm's rules, or would have stood."""
        from adapters.reports.page.first_screen import verdict

        told = verdict(self.result, self._hindsight)
        return told.head + told.text

    @cached_property
    def _hindsight(self) -> Hindsight | None:
        from scripts.app.results.verdict import hindsight_of

        return hindsight_of(self.result, self._objectives)

    def figure(self, name: str = "equity") -> go.Figure:
        """A plotly figure: `equity`, `underwater`, `daily` or `r`; raises Problem for others."""
        from adapters.reports.figures import FIGURES

        if name not in FIGURES:
            raise WrongUsage(f"figure {name!r}: there is none; one of {', '.join(FIGURES)}")
        return FIGURES[name](self.result)

    def report(self, path: str | Path) -> Path:
        """Write the run as one offline page; returns the path. Raises Problem."""
        from scripts.app.results.pages import PageFile

        PageFile(Path(path)).write(self.result, self._hindsight)
        return Path(path)


def replay(**options: Any) -> FinishedRun:
    """Replay bars in memory: no file, no journal, no screen; blocks until it is done.

    Options are those of `butler replay` with underscores: preset, bars, clock, start and end (for
    --from and --to), starting_equity, slippage_points, commission, objectives, attempts,
    max_positions and so on. Without bars the shipped sample is played. Raises Problem with the line
    that the command would show.
    """
    from adapters.bars.errors import BarFileError
    from engine.bus import HandlerFailed
    from scripts.app.errors import BadData, InternalFault
    from scripts.app.journals.results import replay_in_memory
    from scripts.app.terms.replay_terms import resolve_terms
    from scripts.app.terms.request import followed

    request = _request(options)
    terms, _notes = resolve_terms(request)
    try:
        result = replay_in_memory(terms)
    except BarFileError as error:
        raise BadData(str(error)) from error
    except HandlerFailed as error:
        raise InternalFault(f"{error}: {error.__cause__}") from error
    named = options.get("objectives")
    return FinishedRun(result, named if followed(named) is None else None)


def _request(options: dict[str, Any]) -> Any:
    from dataclasses import fields

    from scripts.app.terms.request import LIMIT_OPTIONS, ReplayRequest, followed

    own = {item.name for item in fields(ReplayRequest)} - {"limits", "initial_balance"}
    unknown = sorted(set(options) - own - set(LIMIT_OPTIONS))
    if unknown:
        known = ", ".join(sorted(own | set(LIMIT_OPTIONS)))
        raise WrongUsage(f"replay has no option {unknown[0]!r}; it has {known}")
    chosen = {name: value for name, value in options.items() if name in own and value is not None}
    for name in _LISTS:
        if isinstance(chosen.get(name), str | Path):
            chosen[name] = [str(chosen[name])]
    for name in ("signals", "calendar"):
        if name in chosen:
            chosen[name] = Path(chosen[name])
    if "symbol_spec" in chosen:
        given = chosen["symbol_spec"]
        several = [given] if isinstance(given, str | Path) else given
        chosen["symbol_spec"] = [Path(item) for item in several]
    if "objectives" in chosen:
        chosen["objectives"] = followed(chosen["objectives"])
    limits = {name: options.get(name) for name in LIMIT_OPTIONS}
    return ReplayRequest(limits=limits, **chosen)


def load(
    session: str | Path = "last",
    *,
    results: str | Path | None = None,
    bars: list[str] | None = None,
    objectives: str | None = None,
) -> FinishedRun:
    """What a session came to, from its journal; of one that still runs, so far.

    `session` is an id, a folder, an event log, a summary, or `last`; `results` the folder of all
    results, `bars` says as SYMBOL=FILE where a replay's moved files are. Raises Problem.
    """
    from scripts.app.journals.recorded import find_run, recorded_run
    from scripts.app.session_folder import results_folder

    folder = results_folder(None if results is None else Path(results))
    run = recorded_run(find_run(folder, str(session)), bars)
    return FinishedRun(run.result, objectives)
