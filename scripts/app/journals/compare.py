"""Two runs that a user names, trade by trade, with what of their terms differs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.journal import StoredJournal
from adapters.reports.compare import RunComparison, Tolerances, compare
from adapters.reports.compare_days import figures_that_differ
from adapters.reports.divergence import differing_terms, known_reasons
from engine.journal import JournalDamaged
from engine.types import UNITS_PER_LOT
from scripts.app.errors import WrongUsage
from scripts.app.journals.run_files import Source, load_both
from scripts.app.session_folder import JOURNAL

_NAMES = ("session_id", "files", "holes")


@dataclass(frozen=True)
class ComparedRuns:
    """Both runs, the comparison, the terms that differ and why the runs may."""

    a: Source
    b: Source
    result: RunComparison
    terms: dict[str, tuple[Any, Any]]
    reasons: list[str]
    tolerances: Tolerances

    @property
    def currency(self) -> str:
        """What the amounts are in: one currency, or that of each; of an old run it is not known."""
        known = self.a.run.currency, self.b.run.currency
        return known[0] if known[0] == known[1] else "/".join(known)


def compare_files(
    results: Path,
    run_a: str,
    run_b: str,
    *,
    price_points: int,
    time_seconds: float,
    money: float,
    volume: float,
    match_seconds: float,
) -> ComparedRuns:
    """Compare two runs within these tolerances (`volume` in lots); raises AppError."""
    tolerances = Tolerances(
        points=price_points,
        time=scaled("--time-seconds", time_seconds, 1000),
        money=scaled("--money", money, 100),
        volume=scaled("--volume", volume, UNITS_PER_LOT),
        window=scaled("--match-seconds", match_seconds, 1000),
    )
    a, b = load_both(results, run_a, run_b)
    result = compare(a.run, b.run, tolerances)
    add_figures(result, a, b, tolerances)
    terms = differing_terms(*_terms(a, b))
    resumed = not result.equal and any(map(was_resumed, (a, b)))
    reasons = known_reasons(a.run, b.run, result, terms, resumed=resumed)
    return ComparedRuns(a, b, result, terms, reasons, tolerances)


def was_resumed(source: Source) -> bool:
    """Whether the session went on after it had not run, as far as its journal is there to tell."""
    journal = source.log.parent / JOURNAL
    if not journal.is_file():
        return False
    try:
        with StoredJournal(journal) as stored:
            return next(stored.records(kinds={"session_resumed"}), None) is not None
    except JournalDamaged:
        return False


def add_figures(result: RunComparison, a: Source, b: Source, tolerances: Tolerances) -> None:
    """What no trade shows, where both runs are over the same time: their days and drawdowns."""
    if not result.in_order and not result.apart:
        end = max(a.run.last, b.run.last)
        result.differences += figures_that_differ(a.summary, b.summary, end, tolerances)


def scaled(option: str, value: float, factor: int) -> int:
    """An option's value in the engine's units; raises WrongUsage for one beyond all sense."""
    if not value < 10**9:
        raise WrongUsage(f"{option} {value}: must be below a billion")
    return round(value * factor)


def _terms(a: Source, b: Source) -> tuple[Any, Any]:
    """The inputs of both runs, from the same kind of file of each."""
    if a.configuration and b.configuration:
        return _told(a.configuration), _told(b.configuration)
    return a.stated, b.stated


def _told(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what names the run itself."""
    return {name: value for name, value in configuration.items() if name not in _NAMES}
