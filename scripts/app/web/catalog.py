"""The sessions in folders of results: which there are, of which account, and what they left."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from adapters.journal import StoredJournal
from engine import events as ev
from engine.journal import JournalDamaged
from scripts.app.session_folder import HEARTBEAT, JOURNAL

MOST: Final = 200
"""Sessions that are listed, the ones last written to; older ones are left to `butler journal`."""

STUDIES: Final = ("odds", "sweeps")
"""Folders of results that hold a page of their own for each piece of work."""


_READABLE: Final = (".html", ".txt", ".json", ".csv")
"""What a piece of work is shown by, the best first."""


@dataclass(frozen=True, kw_only=True)
class SessionEntry:
    """A session on disk. `place` is the number of its folder of results; times are in ms UTC.

    `live`: it has, or had, the services of a long session. `account` is empty for a replay.
    """

    place: int
    session: str
    folder: Path
    mode: str
    preset: str
    profile: str
    account: str
    dry_run: bool
    started: str
    written: int
    live: bool
    sealed: bool

    @property
    def key(self) -> tuple[int, str]:
        return self.place, self.session

    @property
    def path(self) -> str:
        """Where it stands in the page's addresses."""
        return f"{self.place}/{quote(self.session, safe='')}"

    @property
    def owner(self) -> tuple[int, str]:
        """The account as a card shows it: one for each folder of results."""
        return self.place, self.account or self.profile or self.session


@dataclass(frozen=True)
class Study:
    """Odds or a sweep with a page of its own."""

    place: int
    kind: str
    name: str
    page: Path
    written: int


class Catalog:
    """Finds sessions; what is known of one that was not written to since is not read again."""

    def __init__(self, places: list[Path]) -> None:
        self.places = places
        self._known: dict[Path, tuple[tuple[int, ...], SessionEntry | None]] = {}

    def sessions(self) -> list[SessionEntry]:
        """The sessions last written to, the newest first. What cannot be read is left out."""
        found: list[tuple[int, int, Path]] = []
        for place, results in enumerate(self.places):
            for folder in _folders(results / "sessions"):
                stamp = written_at(folder / JOURNAL)
                if stamp:
                    found.append((stamp, place, folder))
        newest = sorted(found, key=lambda item: (item[0], str(item[2])), reverse=True)[:MOST]
        entries = [self._entry(place, folder, written) for written, place, folder in newest]
        kept = {folder for _, _, folder in newest}
        self._known = {folder: item for folder, item in self._known.items() if folder in kept}
        return [entry for entry in entries if entry is not None]

    def _entry(self, place: int, folder: Path, written: int) -> SessionEntry | None:
        live = (folder / HEARTBEAT).exists()
        stamp = (written, live)
        known = self._known.get(folder)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            entry = _read(place, folder, written, live=live)
        except (JournalDamaged, OSError, ValueError):
            entry = None  # just made, or in the middle of a write: looked at again when it changes
        self._known[folder] = (stamp, entry)
        return entry

    def studies(self) -> list[Study]:
        """Pages of odds and sweeps, the newest first."""
        found = [
            Study(place, kind, folder.name, page, written_at(page) // 1_000_000)
            for place, results in enumerate(self.places)
            for kind in STUDIES
            for folder in _folders(results / kind)
            if (page := page_of_study(folder)) is not None
        ]
        return sorted(found, key=lambda item: item.written, reverse=True)[:MOST]


def page_of_study(folder: Path) -> Path | None:
    """The page in a folder of odds or of a sweep, or what else it can be read by; None for none."""
    found = (file for suffix in _READABLE for file in sorted(folder.glob(f"*{suffix}")))
    return next(found, None)


def report_in(folder: Path) -> Path | None:
    """The report that a session's folder holds already, None without one."""
    return next(iter(sorted(folder.glob("*_report.html"))), None)


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as found:
            return [parent / item.name for item in found if item.is_dir()]
    except OSError:
        return []  # it is not there, or not yet


def written_at(file: Path) -> int:
    """When the file was last written to, in ns; 0 where there is none. Its log counts, too.

    An empty log is what a reader leaves who opens a journal that was cut off.
    """
    latest = 0
    for name in (file, file.with_name(f"{file.name}-wal")):
        try:
            known = name.stat()
        except OSError:
            continue
        if known.st_size:
            latest = max(latest, known.st_mtime_ns)
    return latest


def _read(place: int, folder: Path, written: int, *, live: bool) -> SessionEntry | None:
    with StoredJournal(folder / JOURNAL) as stored:
        first = next(iter(stored.records(1, 1)), None)
        sealed = stored.sealed_hash() is not None
    if first is None or not isinstance(first.event, ev.SessionStarted):
        return None
    about = first.metadata or {}
    return SessionEntry(
        place=place,
        session=folder.name,
        folder=folder,
        mode=first.event.mode,
        preset=first.event.preset,
        profile=str(about.get("account_profile") or ""),
        account=str(about.get("account") or ""),
        dry_run=bool(about.get("dry_run", True)),
        started=str(about.get("started_at", "")),
        written=written // 1_000_000,
        live=live,
        sealed=sealed,
    )
