"""`python -m tests.simulation`: whole sessions, each from a seed, at which things go wrong."""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from typing import Annotated, Any

import msgspec
import typer

from scripts.app.errors import WrongUsage
from scripts.cli.shared.command_line import make_app, run
from scripts.cli.shared.exit_codes import ExitCode
from scripts.cli.shared.interrupts import orderly_stop

_MOST_SEEDS = 10_000_000


class Total:
    """The figures of many seeds."""

    def __init__(self) -> None:
        self.seeds = self.records = self.trades = self.crashes = self.restarts = 0
        self.sessions = 0
        self.faults: Counter[str] = Counter()
        self.broken: list[dict[str, Any]] = []

    def take(self, result: Any) -> None:
        """Add a seed's `tests.simulation.run.Result`."""
        self.seeds += 1
        self.records += result.records
        self.trades += result.trades
        self.crashes += result.crashes
        self.restarts += result.starts - 1
        self.sessions += result.sessions
        self.faults.update(result.faults)
        if result.broken:
            invariant, _, detail = result.broken.partition(": ")
            self.broken.append({"seed": result.seed, "invariant": invariant, "detail": detail})

    def summary(self, seconds: float) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "seeds": self.seeds,
            "broken": sorted(self.broken, key=lambda item: item["seed"]),
            "records": self.records,
            "trades": self.trades,
            "crashes": self.crashes,
            "restarts": self.restarts,
            "sessions": self.sessions,
            "faults": dict(sorted(self.faults.items())),
            "seconds": round(seconds, 1),
            "seeds_per_second": round(self.seeds / seconds, 1) if seconds else None,
        }


def simulate(
    seeds: Annotated[
        str, typer.Option("--seeds", help="One seed, such as 7, or a range such as 1..1000.")
    ] = "1..200",
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=256, help="Processes; default: every core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Figures as JSON.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print the records of the one seed that is given.")
    ] = False,
) -> int:
    """Run sessions with crashes and faults, one a seed, and check what must hold after each event.

    Exit code 0 when all of it holds for every seed, 1 otherwise.
    """
    chosen = seeds_of(seeds)
    if show:
        return _show(seeds, chosen, as_json=as_json)
    total = Total()
    began = time.monotonic()
    code = _run(chosen, jobs or os.cpu_count() or 1, total, as_json=as_json)
    summary = total.summary(time.monotonic() - began)
    print(json.dumps(summary, indent=2) if as_json else _closing(summary), flush=True)
    return code


def seeds_of(text: str) -> range:
    """The seeds that `--seeds` names; raises AppError for anything else."""
    found = re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", text.strip(), re.ASCII)
    first = int(found[1]) if found else 0
    last = int(found[2] or found[1]) if found else 0
    if found is None or last < first or last - first >= _MOST_SEEDS:
        raise WrongUsage(
            f"--seeds {text}: write one seed such as 7, or a range such as 1..1000 "
            f"(at most {_MOST_SEEDS} seeds)"
        )
    return range(first, last + 1)


def _run(seeds: range, jobs: int, total: Total, *, as_json: bool) -> int:
    from tests.simulation.pool import results_of

    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True

    with orderly_stop(stop):
        for result in results_of(seeds, jobs, lambda: stopping):
            total.take(result)
            if result.broken and not as_json:
                print(f"seed {result.seed}: {result.broken}", flush=True)
    if stopping:
        return ExitCode.INTERRUPTED
    return ExitCode.INTERNAL if total.broken else ExitCode.DONE


def _show(text: str, seeds: range, *, as_json: bool) -> int:
    """One seed with its records, as lines or as JSON."""
    if len(seeds) != 1:
        raise WrongUsage(f"--seeds {text}: --show takes one seed, such as 7")
    from engine.journal import encode
    from tests.simulation.run import run_and_keep

    result, records = run_and_keep(seeds[0])
    lines = [encode(record).decode() for record in records]
    if as_json:
        shown = {**msgspec.to_builtins(result), "journal": [json.loads(line) for line in lines]}
        print(json.dumps(shown, indent=2))
    else:
        print("\n".join(lines))
        print(f"seed {result.seed}: {result.broken or 'holds'}; {result.starts} starts, ", end="")
        print(f"{result.crashes} crashes, journal hash {result.journal_hash}")
    return ExitCode.INTERNAL if result.broken else ExitCode.DONE


def _closing(summary: dict[str, Any]) -> str:
    faults = ", ".join(f"{kind} {count}" for kind, count in summary["faults"].items())
    return (
        f"{summary['seeds']} seeds, {len(summary['broken'])} broken; {summary['records']} records, "
        f"{summary['trades']} closings, {summary['crashes']} crashes, "
        f"{summary['restarts']} restarts, {summary['sessions']} sessions; "
        f"{summary['seconds']} s, "
        f"{summary['seeds_per_second']} seeds/s\nfaults: {faults or 'none'}"
    )


if __name__ == "__main__":
    app = make_app("Whole sessions, each from a seed, at which things go wrong.")
    app.command()(simulate)
    run(app)
