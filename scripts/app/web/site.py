"""All sessions of some folders of results, as the page shows them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from adapters.bars.errors import BarFileError
from adapters.services.control_client import NotAnswering, NotRunning, SessionClient
from adapters.services.control_wire import Action, ControlRequest
from adapters.system.threads import in_daemon
from adapters.web.attempts import Attempts
from adapters.web.content import CommandRefused, NotNow, OverviewTopics, SessionTopics, Unknown
from adapters.web.topics import Topic
from engine.journal import JournalDamaged
from scripts.app.errors import AppError
from scripts.app.journals.recorded import recorded_run
from scripts.app.results.pages import PageFile
from scripts.app.results.verdict import hindsight_of
from scripts.app.session_folder import JOURNAL
from scripts.app.web.catalog import (
    STUDIES,
    Catalog,
    SessionEntry,
    page_of_study,
    report_in,
    written_at,
)
from scripts.app.web.health import signs_of
from scripts.app.web.watched import Watched

_SCAN_SECONDS: Final = 2.0
_OVERVIEW_SECONDS: Final = 0.25
_COMMAND_SECONDS: Final = 8.0
_TOLD: Final = 3
_BESIDE: Final = b'<script src="'
"""In a report that needs the chart library's file beside it, which is not served."""


class SessionSite:
    """Implements `adapters.web.content.Site`. `run` works until it is cancelled."""

    def __init__(self, places: list[Path], own_results: Path, warn: Callable[[str], None]) -> None:
        """`places` are the folders of results; `own_results` the one that commands take."""
        self._catalog = Catalog(places)
        self._own_results = own_results
        self._entries: dict[tuple[int, str], SessionEntry] = {}
        self._listed: list[SessionEntry] = []
        self._lists: dict[str, Any] = {}
        self._watched: dict[tuple[int, str], Watched] = {}
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._cards: list[Watched] = []
        self._overview = OverviewTopics(Topic(), Topic())
        self._viewers = 0
        self._dirty = asyncio.Event()
        self._attempts = Attempts(warn, self._dirty.set)
        self._making = asyncio.Lock()

    # --- work ---

    async def run(self) -> None:
        """Find sessions and keep the overview; ends when it is cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, work, seconds in (
                    ("finding sessions", self._find, _SCAN_SECONDS),
                    ("choosing the cards", self._choose_cards, _SCAN_SECONDS),
                    ("composing the overview", self._compose, _OVERVIEW_SECONDS),
                ):
                    tasks.create_task(self._attempts.again_and_again(name, work, seconds))
        finally:
            for task in self._tasks.values():
                task.cancel()

    def close(self) -> None:
        """End every stream."""
        self._overview.cards.close()
        self._overview.lists.close()
        for watched in self._watched.values():
            watched.topics.card.close()
            watched.topics.page.close()

    async def scan(self) -> None:
        """Look once at which sessions there are; a failure is reported, and tried again."""
        await self._attempts.at("finding sessions", self._find)

    async def _find(self) -> None:
        self._listed, studies = await in_daemon(
            lambda: (self._catalog.sessions(), self._catalog.studies()), name="find sessions"
        )
        self._attempts.say("reading sessions", _in_short(self._catalog.problems))
        self._entries = {entry.key: entry for entry in self._listed}
        lists = {
            "runs": [_run(entry) for entry in self._listed],
            "studies": [
                {"place": item.place, "kind": item.kind, "name": item.name} for item in studies
            ],
        }
        if lists != self._lists:
            self._lists = lists
            self._overview.lists.publish(msgspec.json.encode(lists))

    async def _choose_cards(self) -> None:
        """One session an account: the one that lives, else the one written to last."""
        if not self._viewers:
            return
        live = [entry for entry in self._listed if entry.live]
        alive = await in_daemon(
            lambda: {e.key for e in live if not e.sealed and signs_of(e.folder).process}
        )
        chosen: dict[tuple[int, str], SessionEntry] = {}
        for entry in sorted(live, key=lambda entry: entry.key not in alive):
            chosen.setdefault(entry.owner, entry)
        order = sorted(chosen.values(), key=lambda entry: entry.owner)
        cards = [self._watch(entry) for entry in order]
        if cards != self._cards:
            for watched in self._cards:
                watched.viewers -= 1
            for watched in cards:
                watched.viewers += 1
            self._cards = cards
            self._dirty.set()

    def _watch(self, entry: SessionEntry) -> Watched:
        """The session as it is watched, from now on if nobody has looked before."""
        watched = self._watched.get(entry.key)
        if watched is None:
            watched = self._watched[entry.key] = Watched(
                entry, self._own_results, self._attempts, self._dirty.set
            )
        if entry.key not in self._tasks:
            task = self._tasks[entry.key] = asyncio.create_task(watched.run())
            task.add_done_callback(partial(self._unwatched, entry.key))
        return watched

    def _unwatched(self, key: tuple[int, str], _: asyncio.Task[None]) -> None:
        """Nobody has looked for a while: what was read is let go of."""
        self._tasks.pop(key, None)
        self._watched.pop(key, None)

    async def _compose(self) -> None:
        """Send the cards once they have changed."""
        await self._dirty.wait()
        self._dirty.clear()
        cards = [watched.card for watched in self._cards if watched.card is not None]
        document = {
            "now": round(time.time() * 1000),
            "cards": cards,
            "reading": len(self._cards) - len(cards),
            "troubles": [f"{name}: {why}" for name, why in self._attempts.troubles.items()],
        }
        if self._viewers:
            self._overview.cards.publish(msgspec.json.encode(document))

    # --- what viewers look at ---

    @contextmanager
    def overview(self) -> Iterator[OverviewTopics]:
        self._viewers += 1
        first = asyncio.create_task(self._begin())
        try:
            yield self._overview
        finally:
            first.cancel()
            self._viewers -= 1
            if not self._viewers:
                for watched in self._cards:
                    watched.viewers -= 1
                self._cards = []
                self._overview.cards.content = None  # the next viewer must not meet what was

    async def _begin(self) -> None:
        """The first viewer waits for no scan."""
        await self._attempts.at("choosing the cards", self._choose_cards)
        self._dirty.set()

    def known(self, place: int, session: str) -> bool:
        entry = self._entries.get((place, session))
        return entry is not None and entry.live

    def _entry(self, place: int, session: str) -> SessionEntry:
        entry = self._entries.get((place, session))
        if entry is None:
            raise Unknown("there is no such session")
        return entry

    @contextmanager
    def session(self, place: int, session: str) -> Iterator[SessionTopics]:
        watched = self._watch(self._entry(place, session))
        watched.viewers += 1
        try:
            yield watched.topics
        finally:
            watched.viewers -= 1

    async def report(self, place: int, session: str) -> bytes:
        entry = self._entry(place, session)
        async with self._making:  # one at a time: each takes a core and a page of memory
            try:
                return await in_daemon(partial(_report, entry.folder), name="make a report")
            except (JournalDamaged, BarFileError, OSError, AppError) as error:
                raise NotNow(f"the report cannot be made: {error}") from error

    def study(self, place: int, kind: str, name: str) -> Path:
        places = self._catalog.places
        if not 0 <= place < len(places) or kind not in STUDIES:
            raise Unknown("there is no such page")
        asked = {"place": place, "kind": kind, "name": name}
        found = asked in self._lists.get("studies", ())
        page = page_of_study(places[place] / kind / name) if found else None
        if page is None:
            raise Unknown("there is no such page")
        return page

    async def command(self, place: int, session: str, action: str, reason: str, origin: str) -> str:
        entry = self._entry(place, session)
        client = SessionClient(entry.folder, seconds=_COMMAND_SECONDS)
        request = ControlRequest(action=cast("Action", action), reason=reason, origin=origin)
        try:
            reply = await in_daemon(partial(client.ask, request), name="order a session")
        except (NotAnswering, NotRunning) as error:
            raise NotNow(f"session {session}: {error}") from error
        if not reply.done:
            raise CommandRefused(reply.text)
        if (watched := self._watched.get(entry.key)) is not None:
            watched.told(reply.status)
        return reply.text


def _report(folder: Path) -> bytes:
    """The report that lies there and is whole, else one made now from the journal."""
    ready = report_in(folder)
    if ready is not None and ready.stat().st_mtime_ns >= written_at(folder / JOURNAL):
        content = ready.read_bytes()
        if _BESIDE not in content:
            return content
    result = recorded_run(folder / JOURNAL, None).result
    return PageFile(folder).made(result, hindsight_of(result, None))


def _in_short(problems: tuple[str, ...]) -> str:
    """The first few of many, and how many more there are."""
    more = len(problems) - _TOLD
    return "; ".join((*problems[:_TOLD], *([f"and {more:,} more"] if more > 0 else ())))


def _run(entry: SessionEntry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "session": entry.session,
        "preset": entry.preset,
        "mode": entry.mode + (", dry run" if entry.dry_run and entry.live else ""),
        "written": entry.written if entry.sealed else None,
        "live": entry.live,
        "sealed": entry.sealed,
    }
