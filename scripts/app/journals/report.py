"""The report of any run, with a second one beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.reports.compare import Tolerances, compare
from adapters.reports.divergence import differing_terms, known_reasons
from adapters.reports.page import OtherRun
from adapters.reports.side_by_side import other_run_of
from engine.types import Points
from scripts.app.journals.recorded import RecordedRun, comparable, find_run, recorded_run
from scripts.app.results.pages import PageFile
from scripts.app.results.verdict import hindsight_of
from scripts.app.session_folder import SessionFolder, kind_of


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """What the user asked for; `bars` says where a replay's moved bar files are."""

    results: Path
    run: str
    other: str | None = None
    out: Path | None = None
    shared: bool = False
    objectives: str | None = None
    bars: list[str] | None = None


@dataclass(frozen=True)
class WrittenReport:
    """Where the page is, its size in bytes, and what it warns of."""

    path: Path
    size: int
    warnings: tuple[str, ...]


def write_report(request: ReportRequest) -> WrittenReport:
    """Write the page; raises AppError."""
    journal = find_run(request.results, request.run)
    run = recorded_run(journal, request.bars)
    other = None
    if request.other is not None:
        other = recorded_run(find_run(request.results, request.other), request.bars)
    page = page_file(request, journal, run)
    hindsight = hindsight_of(run.result, request.objectives)
    beside = None if other is None else compared_with(run, other)
    size = page.write(run.result, hindsight, beside)
    warnings = (*run.result.warnings, *(other.result.warnings if other else ()))
    return WrittenReport(page.path, size, warnings)


def page_file(request: ReportRequest, journal: Path, run: RecordedRun) -> PageFile:
    """The file that was asked for, or the one in the session's folder."""
    if request.out is not None:
        return PageFile(request.out, request.shared)
    folder = journal.parent
    home = SessionFolder(folder.parent.parent, folder.name, kind_of(run.about))
    inside = folder.parent.name == "sessions"
    return PageFile(folder / home.report.name, request.shared, home.results if inside else None)


def compared_with(a: RecordedRun, b: RecordedRun) -> OtherRun:
    """Run B for the page of run A, compared without tolerances but one cent a trade."""
    (first, second), digits = comparable(a, b)
    result = compare(first, second, Tolerances())
    terms = differing_terms(_terms(a), _terms(b))

    def price(symbol: str, points: Points) -> str:
        places = digits.get(symbol, 0)
        return f"{points / 10**places:.{places}f}"

    return other_run_of(
        f"B: {b.name}",
        result,
        price,
        curve=b.result.curve,
        start=b.result.terms.start.equity,
        reasons=known_reasons(first, second, result, terms),
        terms=terms,
    )


def _terms(run: RecordedRun) -> dict[str, object]:
    """The terms of the run in plain values."""
    import msgspec

    told: dict[str, object] = msgspec.to_builtins(run.started)
    return {"terms": told, "warm_up": run.about.get("warm_up")}
