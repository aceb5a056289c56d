"""The sessions in folders of results: which there are, of which account, and what they left."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from adapters.journal import StoredJournal
from engine import events as ev
from engine.journal import JournalDamaged
from scripts.app.session_folder import JOURNAL
from scripts.app.web.folders import FolderLook, SessionFolders

MOST: Final = 200
"""Sessions that are listed, the ones last written to, and as many of accounts; older ones are left
to `butler runs`."""

_AGAIN_SECONDS: Final = 10.0
"""Until a journal that could not be read is tried again."""

_NEW_SECONDS: Final = 10.0
"""A journal that was written to just now may be in the middle of being made."""

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


class _Unread(NamedTuple):
    """A journal that could not be read as it was then; `again` is when to try once more."""

    stamp: tuple[int, bool]
    again: float
    why: str


class Catalog:
    """Finds sessions; what is known of one that was not written to since is not read again."""

    def __init__(self, places: list[Path]) -> None:
        self.places = places
        self.problems: tuple[str, ...] = ()
        """What the last look could not read, in words."""
        self._folders = SessionFolders(places)
        self._known: dict[Path, tuple[tuple[int, bool], SessionEntry | None]] = {}
        self._unread: dict[Path, _Unread] = {}
        self._studies: list[Study] = []
        """Those of the last look, so that names that stay need not be made anew for the next."""

    def sessions(self) -> list[SessionEntry]:
        """The sessions last written to, the newest first, and the last ones on accounts.

        Whatever runs or was cut off is among them, however long it has written nothing.
        """
        newest = _listed(self._folders.looks())
        entries = [self._entry(look) for look in newest]
        kept = {look.folder for look in newest}
        self._known = {folder: item for folder, item in self._known.items() if folder in kept}
        self._unread = {folder: item for folder, item in self._unread.items() if folder in kept}
        unread = [item.why for item in self._unread.values() if _is_old(item.stamp[0])]
        self.problems = (*self._folders.problems, *unread)
        return [entry for entry in entries if entry is not None]

    def _entry(self, look: FolderLook) -> SessionEntry | None:
        stamp = (look.written, look.live)
        known = self._known.get(look.folder)
        if known is not None and known[0] == stamp:
            return known[1]
        unread = self._unread.get(look.folder)
        if unread is not None and unread.stamp == stamp and time.monotonic() < unread.again:
            return None
        try:
            entry = _read(look)
        except (JournalDamaged, OSError, ValueError) as error:
            # Just made, or in the middle of a write, or not to be read: looked at again.
            again = time.monotonic() + _AGAIN_SECONDS
            self._unread[look.folder] = _Unread(stamp, again, str(error))
            return None
        self._unread.pop(look.folder, None)
        self._known[look.folder] = (stamp, entry)
        return entry

    def studies(self) -> list[Study]:
        """Pages of odds and sweeps, the newest first."""
        self._studies = [
            Study(place, kind, folder.name, page, written_at(page) // 1_000_000)
            for place, results in enumerate(self.places)
            for kind in STUDIES
            for folder in _folders(results / kind)
            if (page := page_of_study(folder)) is not None
        ]
        return sorted(self._studies, key=lambda item: item.written, reverse=True)[:MOST]


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
    for name in (str(file), f"{file}-wal"):
        try:
            known = os.stat(name)  # noqa: PTH116 - of many again and again: no path of the moment
        except OSError:
            continue
        if known.st_size:
            latest = max(latest, known.st_mtime_ns)
    return latest


def _listed(looks: list[FolderLook]) -> list[FolderLook]:
    """The newest, the newest of accounts, and all that run or were cut off; the newest first."""
    order = sorted(looks, key=lambda look: (look.written, str(look.folder)), reverse=True)
    live = [look for look in order if look.live]
    chosen = {look.folder for look in (*order[:MOST], *live[:MOST])}
    return [look for look in order if look.held or look.folder in chosen]


def _is_old(written: int) -> bool:
    return time.time() - written / 1e9 > _NEW_SECONDS


def _read(look: FolderLook) -> SessionEntry | None:
    folder = look.folder
    with StoredJournal(folder / JOURNAL) as stored:
        first = next(iter(stored.records(1, 1)), None)
        sealed = stored.sealed_hash() is not None
    if first is None or not isinstance(first.event, ev.SessionStarted):
        return None
    about = first.metadata or {}
    return SessionEntry(
        place=look.place,
        session=folder.name,
        folder=folder,
        mode=first.event.mode,
        preset=first.event.preset,
        profile=str(about.get("account_profile") or ""),
        account=str(about.get("account") or ""),
        dry_run=bool(about.get("dry_run", True)),
        started=str(about.get("started_at", "")),
        written=look.written // 1_000_000,
        live=look.live,
        sealed=sealed,
    )
