"""Event log and summary rebuilt from a journal alone, with the records when they are shared."""

from __future__ import annotations

from pathlib import Path

import msgspec

from adapters.journal import StoredJournal
from adapters.reports.projection import LogProjection
from adapters.reports.sinks import csv_bytes, json_bytes
from adapters.reports.summary import SummaryProjection
from adapters.system.atomic_files import replace_file
from engine.events import Record, SessionStarted
from scripts.app.errors import WrongUsage
from scripts.app.journals.share import Mask
from scripts.app.session_folder import SIMULATED, kind_of


def json_line(record: Record) -> str:
    """One JSON object that holds everything of the record; its event names its kind."""
    return msgspec.json.encode(record, order="deterministic").decode()


def write_export(stored: StoredJournal, target: Path, *, share: bool) -> list[Path]:
    """Write the export's files to the folder `target`; raises WrongUsage when that cannot be."""
    files = exported(stored, share=share)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_file(target / name, content)
    except OSError as error:
        raise WrongUsage(
            f"{target}: cannot write here ({error.strerror}); choose a folder with --out"
        ) from error
    return [target / name for name in files]


def exported(stored: StoredJournal, *, share: bool) -> dict[str, bytes]:
    """The content of each file of an export, by its name; accounts and paths are masked to
    `share` it.
    """
    log, summary, mask = LogProjection(), SummaryProjection(), Mask()
    kind, rows, lines = SIMULATED, [], []
    for record in stored.records():
        if isinstance(record.event, SessionStarted):
            kind = kind_of(record.metadata)
        if share:
            record = mask.record(record)
            lines.append(json_line(record) + "\n")
        summary.take(record)
        if row := log.row(record):
            rows.append(row)
    files = {f"{kind}_log.csv": csv_bytes(rows, header=True)}
    files[f"{kind}_summary.json"] = json_bytes(summary)
    if share:
        files["journal.jsonl"] = "".join(lines).encode()
    return files
