"""One session watched while somebody looks: its journal, its signs of life, its own word.

Everything that may wait is done in threads of its own, so a disk or a session that hangs holds up
nothing but what it would have told.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from adapters.reports.status import Status
from adapters.services.control_client import NotAnswering, NotRunning, SessionClient
from adapters.services.supervisor import reason_of
from adapters.system.threads import in_daemon
from adapters.web.attempts import Attempts
from adapters.web.content import SessionTopics
from adapters.web.topics import Topic
from engine.journal import JournalDamaged
from scripts.app.web.cards import Known, card
from scripts.app.web.catalog import SessionEntry
from scripts.app.web.follower import Followed, Follower
from scripts.app.web.health import Advice, Health, Judged, Signs, judge, signs_of

_LOOK_SECONDS: Final = 0.1
_ASK_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 3.0
_LATER_SECONDS: Final = 5.0
"""After something that failed."""

_PASSING: Final = {"as_of": 0, "beat_at": 0, "session_time": 0}
_GRACE_SECONDS: Final = 30.0
"""A session is followed on for so long after its last viewer left."""


class Watched:
    """A session and its streams. `run` watches until nobody has looked for a while."""

    def __init__(
        self,
        entry: SessionEntry,
        own_results: Path,
        attempts: Attempts,
        changed: Callable[[], None],
    ) -> None:
        """`own_results` are those that commands take without being told; `changed` is called
        whenever the card is another."""
        self.entry = entry
        self.topics = SessionTopics(Topic(), Topic())
        self.card: dict[str, Any] | None = None
        self.viewers = 0
        self._attempts = attempts
        self._changed = changed
        self._follower = Follower(entry.folder)
        results = entry.folder.parent.parent
        named = None if results.resolve() == own_results.resolve() else results.resolve()
        self._advice = Advice(entry.session, entry.profile, named)
        self._followed: Followed | None = None
        self._answer: Status | None = None
        self._asked = 0.0
        self._trouble = ""
        self._asking: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[Followed | None] | None = None
        self._read_at = 0.0
        self._signs: Signs | None = None

    @property
    def outcome(self) -> str | None:
        """How its journal says that it ended, None while it does not."""
        return None if self._followed is None else self._followed.status.outcome

    async def run(self) -> None:
        """Look again and again; ends some time after the last viewer has left."""
        left, name = time.monotonic(), f"following {self.entry.path}"
        try:
            while time.monotonic() - left < _GRACE_SECONDS:
                if self.viewers:
                    left = time.monotonic()
                looked = await self._attempts.at(name, self._look)
                await asyncio.sleep(_LOOK_SECONDS if looked else _LATER_SECONDS)
        finally:
            self._attempts.forget(name)
            for task in (self._asking, self._reading):
                if task is not None:
                    task.cancel()

    async def _look(self) -> None:
        """One look at the signs of life, while its journal is read for however long that takes."""
        signs = self._signs = await in_daemon(partial(signs_of, self.entry.folder))
        if self._reading is None and time.monotonic() >= self._read_at:
            self._reading = asyncio.create_task(
                in_daemon(self._follower.read, name="follow a journal")
            )
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_LOOK_SECONDS)
            if self._reading.done():
                done, self._reading = self._reading, None
                self._take(done)
        judged = judge(signs, self.outcome, self._advice)
        self._ask_sometimes(judged)
        if self._followed is not None or self._trouble or signs.process is not None:
            self._show(signs, judged)

    def _take(self, done: asyncio.Task[Followed | None]) -> None:
        """What was read, or why it was not: the viewer learns of it, and others are shown."""
        try:
            followed = done.result()
        except (JournalDamaged, OSError) as error:
            self._failed(f"its journal cannot be read now: {error}")
            return
        except Exception as error:
            self._failed(f"this page cannot follow the session ({reason_of(error)})")
            return
        self._trouble = ""
        self._read_at = time.monotonic() + _LOOK_SECONDS
        if followed is None:
            return
        known, self._followed = self._followed, followed
        if known is None or known.content is not followed.content:
            self.topics.page.publish(followed.content)

    def told(self, answer: Status | None) -> None:
        """The session has just said how it stands: shown at once."""
        if answer is not None and self._signs is not None:
            self._answer, self._asked = answer, time.monotonic()
            self._show(self._signs, judge(self._signs, self.outcome, self._advice))

    def _failed(self, trouble: str) -> None:
        self._trouble = trouble
        self._read_at = time.monotonic() + _LATER_SECONDS

    def _ask_sometimes(self, judged: Judged) -> None:
        """Ask the session how it stands, one question at a time."""
        if judged.health is not Health.RUNNING:
            self._answer = None
            return
        under_way = self._asking is not None and not self._asking.done()
        if under_way or time.monotonic() - self._asked < _ASK_SECONDS:
            return
        self._asked = time.monotonic()
        self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        client = SessionClient(self.entry.folder, seconds=_ANSWER_SECONDS)
        try:
            answer = (await in_daemon(client.status, name="ask a session")).status
            known = self._answer
            if known is None or answer is None or answer.seq >= known.seq:
                self._answer = answer  # else a command was answered meanwhile
        except (NotAnswering, NotRunning):
            self._answer = None  # its heartbeat tells what that means
        except Exception as error:
            self._answer, self._trouble = None, f"it cannot be asked ({reason_of(error)})"

    def _show(self, signs: Signs, judged: Judged) -> None:
        now = time.time()
        known = Known(self.entry, signs, judged, self._followed, self._answer, self._trouble)
        found = card(known, now)
        if _same(found, self.card):
            return
        self.card = found
        self.topics.card.publish(msgspec.json.encode({"now": round(now * 1000), "card": found}))
        self._changed()


def _same(found: dict[str, Any], shown: dict[str, Any] | None) -> bool:
    """Whether a viewer would see no difference, but for clocks that run on in the page itself."""
    if shown is None:
        return False
    one, other = found["beat_at"], shown["beat_at"]
    # A beat's time is known to some ms only.
    close = one == other or (one is not None and other is not None and abs(one - other) < 500)
    return close and {**found, **_PASSING} == {**shown, **_PASSING}
