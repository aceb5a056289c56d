"""The runs as a Markdown table."""

from __future__ import annotations

from statistics import median

from tests.bench.peers.runs import Runs

HEAD = (
    "engine", "runs", "bars/s", "round trips/s", "trades", "last trade", "end balance",
    "processor s", "clock s", "start-up s", "peak MiB", "x bare loop",
)  # fmt: skip


def table(programs: list[Runs]) -> str:
    """Medians of each program; the ratio is of processor time to the first program's."""
    rows = [HEAD, tuple("---" if place == 0 else "---:" for place in range(len(HEAD)))]
    bare = programs[0].middle("processor") if programs[0].answers else None
    rows += [_row(runs, bare) for runs in programs]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def whole_processes(programs: list[Runs]) -> str:
    """Medians from the start of a process to its exit, and the ratio to the first program's."""
    known = [runs for runs in programs if runs.wholes]
    lines = ["| engine | whole process s | x first |", "| --- | ---: | ---: |"]
    for runs in known:
        took, first = median(runs.wholes), median(known[0].wholes)
        lines.append(f"| {runs.peer.name} | {took:.2f} | {took / first:.1f} |")
    return "\n".join(lines)


def _row(runs: Runs, bare: float | None) -> tuple[str, ...]:
    if not runs.answers:
        return (runs.peer.name, f"none: {runs.failure}", *("" for _ in HEAD[2:]))
    answer, work = runs.answers[0], runs.middle("processor")
    return (
        f"{runs.peer.name} {answer.version}",
        str(len(runs.answers)),
        f"{answer.bars / work:,.0f}",
        f"{answer.trades / work:,.0f}",
        f"{answer.trades:,}",
        answer.last[:10],
        f"{answer.balance:,.2f}",
        f"{work:.2f}",
        f"{runs.middle('seconds'):.2f}",
        f"{runs.middle('startup'):.2f}",
        f"{runs.middle('peak') / 2**20:.0f}" if answer.peak else "-",
        "-" if bare is None else f"{work / bare:.1f}",
    )
