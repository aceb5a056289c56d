"""The report of any run, with a second one beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.reports.compare import Tolerances, compare
from adapters.reports.divergence import differing_terms, known_reasons
from adapters.reports.page.other_run import OtherRun
from adapters.reports.side_by_side import other_run_of
from scripts.app.journals.compare import ComparedRuns, add_figures
from scripts.app.journals.recorded import RecordedRun, comparable, find_run, recorded_run
from scripts.app.journals.run_files import Source
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
    beside = None
    if other is not None:
        compared = compared_recorded(run, other, Tolerances())
        beside = compared_with(compared, "B", (run, other))
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


def compared_recorded(a: RecordedRun, b: RecordedRun, tolerances: Tolerances) -> ComparedRuns:
    """Two runs out of their journals, as `butler compare` compares event logs."""
    (first, second), digits = comparable(a, b)
    one, other = (
        Source(Path(run.name), run.lines, run.rows.summary, run=found, digits=digits)
        for run, found in ((a, first), (b, second))
    )
    result = compare(first, second, tolerances)
    add_figures(result, one, other, tolerances)
    terms = differing_terms(_terms(a), _terms(b))
    resumed = bool(a.rows.pauses or b.rows.pauses)
    reasons = known_reasons(first, second, result, terms, resumed=resumed)
    return ComparedRuns(one, other, result, terms, reasons, tolerances)


def compared_with(
    compared: ComparedRuns,
    called: str,
    runs: tuple[RecordedRun, RecordedRun],
    why: Mapping[int, str] | None = None,
) -> OtherRun:
    """The one that is `called` A or B of two compared runs (A, B), for the page of the other."""
    other = runs["AB".index(called)]
    return other_run_of(
        f"{called}: {other.name}",
        compared.result,
        compared.a.price,
        other=other.result,
        results=(runs[0].result, runs[1].result),
        currency=compared.currency,
        reasons=compared.reasons,
        terms=compared.terms,
        why=why,
    )


def _terms(run: RecordedRun) -> dict[str, object]:
    """The terms of the run in plain values."""
    import msgspec

    told: dict[str, object] = msgspec.to_builtins(run.started)
    return {"terms": told, "warm_up": run.about.get("warm_up")}
