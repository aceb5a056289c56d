"""`python -m tests.bench peers`: a table of this replay, a bare loop and other engines.

All replay the same CSV file of EURUSD M1 bars under the rules that `programs/common.py` states,
each in a process and an environment of its own. Time counts from the reading of the file to the
result; imports count as start-up.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from adapters.bars import sample
from tests.bench.bars import REAL, Source, year
from tests.bench.machine import machine
from tests.bench.peers.document import BENCHMARKS, put, shown
from tests.bench.peers.environments import OTHERS, OURS, NotInstalled, Peer, interpreter
from tests.bench.peers.runs import Runs, in_turns
from tests.bench.peers.sweeps import sweep_table, swept
from tests.bench.peers.table import table, whole_processes

ROUNDS = 5
RULES = ("cross", "storm")
SWEEP = "sweep"
"""Not among the others: it has a table of its own."""


def main() -> None:
    options = _options()
    for rules in ([options.rules] if options.rules else RULES) if options.document else ():
        shown(BENCHMARKS, rules)  # what cannot be put there is not measured first
    if options.rules == SWEEP:
        _sweep(options)
        return
    if not (REAL.exists() or options.synthetic):
        print(f"skipped: {REAL} is not there; --synthetic makes a year of bars instead")
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = year(folder, synthetic_only=options.synthetic)
        bars = as_csv(source, folder / "bars.csv", options.bars)
        installed = [_installed(peer, options.envs or folder) for peer in _chosen(options.only)]
        print(machine())
        for rules in [options.rules] if options.rules else RULES:
            programs = [Runs(runs.peer, runs.python, failure=runs.failure) for runs in installed]
            in_turns(programs, bars, rules, options.runs, quick=options.quick)
            part = f"the last {options.bars:,} bars of " if options.bars else ""
            measured = _measured(f"{part}{source.name}", options.runs, programs)
            print(f"\n{rules}: {measured}", flush=True)
            if options.document:
                put(BENCHMARKS, rules, f"{machine()}; {measured}")


def _measured(what: str, most: int, programs: list[Runs]) -> str:
    """Both tables, each under what it shows."""
    return (
        f"{what}, medians of up to {most} runs in turns; rates and ratio are of processor time, "
        f"which others at work disturb less:\n\n{table(programs)}\n\n"
        f"From the start of each process to its exit, imports included:\n\n"
        f"{whole_processes(programs)}"
    )


def _sweep(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = Source(sample.SAMPLE, "the sample")
        bars = as_csv(source, folder / "bars.csv", options.bars)
        print(machine())
        part = f"the last {options.bars:,} bars of " if options.bars else ""
        found = sweep_table(swept(bars, options.runs, options.envs or folder))
        measured = (
            f"{part}{source.name}, medians of {options.runs} runs in turns; the ratio is of "
            f"processor time, which others at work disturb less:\n\n{found}"
        )
        print(f"\nsweep: {measured}", flush=True)
        if options.document:
            put(BENCHMARKS, SWEEP, f"{machine()}; {measured}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench peers", description=__doc__)
    parser.add_argument("--synthetic", action="store_true", help="a synthetic year of bars")
    parser.add_argument("--quick", action="store_true", help="run what is very slow only once")
    parser.add_argument("--runs", type=int, default=ROUNDS, help=f"runs of each; {ROUNDS}")
    parser.add_argument("--bars", type=int, help="only the last so many bars of the year")
    parser.add_argument("--rules", choices=(*RULES, SWEEP), help="only these rules")
    parser.add_argument("--envs", type=Path, help="keep the environments here, to use them again")
    parser.add_argument(
        "--document", action="store_true", help="put the tables into docs/benchmarks.md, too"
    )
    names = [peer.name for peer in OTHERS]
    parser.add_argument("--only", nargs="*", choices=names, help="only these other engines")
    return parser.parse_args()


def _chosen(only: list[str] | None) -> list[Peer]:
    return [*OURS, *(peer for peer in OTHERS if only is None or peer.name in only)]


def _installed(peer: Peer, folder: Path) -> Runs:
    try:
        return Runs(peer, interpreter(peer, folder))
    except NotInstalled as error:
        return Runs(peer, "", failure=f"it does not install: {error}")


def as_csv(source: Source, path: Path, last: int | None) -> Path:
    """The `last` bars (None: all), spread 0, in a layout that every engine can be told to read."""
    columns = source.columns()
    times = columns.time[-last:] if last else columns.time
    prices = (columns.open, columns.high, columns.low, columns.close)
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write("time,open,high,low,close,tick_volume,spread,real_volume\n")
        rows = zip(*(column[-len(times) :].tolist() for column in prices), strict=True)
        for moment, values in zip(times.tolist(), rows, strict=True):
            file.write(f"{moment},{','.join(f'{value:.5f}' for value in values)},1,0,0\n")
    return path


if __name__ == "__main__":
    main()
