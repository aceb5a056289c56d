"""The entries that a preset would raise over bars, as a file that can be replayed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.bars.signal_files import signals_csv
from adapters.system.atomic_files import replace_file
from scripts.app.errors import WrongUsage
from scripts.app.terms import options
from scripts.app.terms.entries import entries, signal_of
from scripts.app.terms.inputs import open_inputs
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import load


@dataclass(frozen=True)
class EntrySignals:
    """The signals as CSV in order of time, how many there are, and notes on the bars."""

    content: bytes
    count: int
    notes: list[str]


def entry_signals(request: ReplayRequest) -> EntrySignals:
    """The entries of the request's preset, each as if no position were open; raises AppError."""
    loaded = load(request.preset)
    specs = options.with_digits(options.known_specs(request.symbol_spec), request.digits)
    inputs, notes = open_inputs(request, specs, loaded.timeframes)
    rows = sorted(
        (
            signal_of(entry, loaded.preset.name)
            for item in inputs
            for entry in entries(item, loaded)
        ),
        key=lambda row: row["time"],
    )
    return EntrySignals(signals_csv(rows), len(rows), notes)


def write_signals(found: EntrySignals, out: Path) -> None:
    """Write the file; raises WrongUsage when that cannot be."""
    try:
        replace_file(out, found.content)
    except OSError as error:
        raise WrongUsage(f"{out}: cannot be written ({error.strerror})") from error
