"""A sweep's result folder: a line for each finished trial at once, tables at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.system.atomic_files import replace_file
from engine.decoding import from_json
from scripts.app.errors import BadData, WrongUsage

if TYPE_CHECKING:
    from scripts.app.sweep.trial import TrialRow

_DONE = "done.jsonl"
_ASKED = "sweep.json"
SUMMARY = "summary.json"
TRIALS = "trials.parquet"
DAYS = "days.parquet"
PAGE = "report.html"
_APART = ("days", "seconds", "worker", "place", "span_odds")


class SweepFolder:
    """The files of one sweep. `trials.parquet`, `days.parquet` and `summary.json` are the same
    however many workers there were; seconds and workers stand in `done.jsonl`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, asked: dict[str, Any]) -> None:
        """Make the folder and note what was asked; raises WrongUsage where it holds a sweep."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if (self.path / _ASKED).exists():
                raise WrongUsage(
                    f"--out {self.path}: a sweep is in it; go on with it by --resume, or name "
                    "another folder"
                )
            replace_file(self.path / _ASKED, _json(asked))
        except OSError as error:
            raise WrongUsage(f"{self.path}: cannot be written ({error.strerror})") from error

    @property
    def holds_sweep(self) -> bool:
        """Whether a sweep was begun in it."""
        return (self.path / _ASKED).is_file()

    def asked(self) -> dict[str, Any]:
        """What the sweep in this folder was asked for; raises BadData where there is none."""
        file = self.path / _ASKED
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise BadData(f"{file}: no sweep to go on with ({error})") from error
        if not isinstance(found, dict):
            raise BadData(f"{file}: it describes no sweep")
        return found

    def done(self) -> dict[str, TrialRow]:
        """Finished trials by key; a last line that was cut off is left out."""
        from scripts.app.sweep.trial import TrialRow  # not for a look whether this is a sweep

        file = self.path / _DONE
        if not file.is_file():
            return {}
        found: dict[str, TrialRow] = {}
        lines = file.read_bytes().split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            try:
                row = from_json(line, TrialRow)
            except msgspec.DecodeError as error:
                raise BadData(f"{file}: line {number} is damaged ({error})") from error
            found[row.key] = row
        if lines[-1]:  # the process was ended in the middle of it
            file.write_bytes(b"\n".join([*lines[:-1], b""]))
        return found

    def note(self, row: TrialRow) -> None:
        """Write a finished trial's line, and see it out to the system."""
        with (self.path / _DONE).open("ab") as stream:
            stream.write(msgspec.json.encode(row) + b"\n")

    def write_page(self, text: str, out: Path | None = None) -> Path:
        """Write the page that shows the sweep, here or to `out`; raises WrongUsage."""
        path = out or self.path / PAGE
        try:
            replace_file(path, text.encode())
        except OSError as error:
            raise WrongUsage(f"{path}: cannot be written ({error.strerror})") from error
        return path

    def write(self, rows: Sequence[TrialRow], summary: dict[str, Any]) -> None:
        """Write the tables, in the order of trials."""
        import pyarrow as pa

        ordered = sorted(rows, key=lambda row: row.number)
        _write(self.path / TRIALS, pa.Table.from_pylist([_flat(row) for row in ordered]))
        _write(self.path / DAYS, pa.Table.from_pylist(list(_days(ordered)), schema=_day_schema()))
        replace_file(self.path / SUMMARY, _json(summary))


def sweep_folder(results: Path, name: str) -> SweepFolder | None:
    """The folder of a sweep that is named by its path, or by its name in the results; else None."""
    for path in (Path(name), results / "sweeps" / name):
        folder = SweepFolder(path)
        if folder.holds_sweep:
            return folder
    return None


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"


def _flat(row: TrialRow) -> dict[str, Any]:
    """A row of the table: settings and denials as JSON, so that columns do not depend on them."""
    found: dict[str, Any] = msgspec.to_builtins(row)
    for name in _APART:
        del found[name]
    for name in ("settings", "denied"):
        found[name] = json.dumps(found[name], sort_keys=True)
    return {**found, "odds": float("nan") if row.odds is None else row.odds}


def _day_schema() -> Any:
    import pyarrow as pa

    return pa.schema(
        [
            ("trial", pa.int32()), ("date", pa.string()), ("result", pa.float64()),
            ("lowest", pa.float64()),
        ]
    )  # fmt: skip


def _days(rows: Iterable[TrialRow]) -> Iterable[dict[str, Any]]:
    for row in rows:
        for date, result, lowest in zip(
            row.days.dates, row.days.results, row.days.lowest, strict=True
        ):
            yield {"trial": row.number, "date": date, "result": result, "lowest": lowest}


def _write(file: Path, table: Any) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    replace_file(file, sink.getvalue().to_pybytes())
