"""Whether a session lives, is mute, is dead or has ended: by its process, its heartbeat, its
journal."""

from __future__ import annotations

import enum
import shlex
from dataclasses import dataclass
from pathlib import Path

import msgspec

from adapters.services.control_wire import read_access
from adapters.services.heartbeat import Beat, read_beat
from adapters.system import processes
from scripts.app.session_folder import HEARTBEAT


class Health(enum.StrEnum):
    """What became of a session."""

    STARTING = "starting"
    RUNNING = "running"
    MUTE = "mute"
    DEAD = "dead"
    ENDED = "ended"


@dataclass(frozen=True)
class Signs:
    """What shows from outside: the last beat and its age in seconds, and the session's process.

    `process` is its number while it lives, None when it is gone or was never known.
    """

    beat: Beat | None
    age: float
    process: int | None


@dataclass(frozen=True)
class Judged:
    """A session's health, in words, and what to type now."""

    health: Health
    text: str
    advice: tuple[str, ...] = ()


def signs_of(folder: Path) -> Signs:
    """The signs in a session's folder; what cannot be read is no sign."""
    read = read_beat(folder / HEARTBEAT)
    beat, age = (None, 0.0) if read is None else read
    try:
        access = read_access(folder)
    except (OSError, msgspec.DecodeError):
        access = None
    if access is not None:
        return Signs(beat, age, access.pid if access.alive else None)
    # Without that file only a fresh beat proves a process: its number may be another's by now.
    fresh = beat is not None and beat.fresh(age)
    alive = fresh and beat is not None and processes.birth_of(beat.pid) is not None
    return Signs(beat, age, beat.pid if alive and beat is not None else None)


def judge(signs: Signs, outcome: str | None, advice: Advice) -> Judged:
    """What the signs mean; `outcome` is how the journal says that it ended, None if it does not."""
    beat, age, process = signs.beat, signs.age, signs.process
    fresh = beat is not None and beat.fresh(age)
    if outcome is not None and (process is None or not fresh):
        return Judged(Health.ENDED, f"ended {outcome}")
    if process is None:
        gone = f"process {beat.pid} is gone" if beat is not None else "its process is gone"
        text = f"dead: {gone}, and the journal does not end; start it again with its options"
        return Judged(Health.DEAD, text, advice.dead())
    if beat is None:
        return Judged(Health.STARTING, f"starting (process {process})")
    if fresh:
        return Judged(Health.RUNNING, f"running (process {process})")
    last = "its heartbeat has stopped" if beat.alive else "its loop does not turn"
    text = f"mute: process {process} lives and says nothing, {last}"
    return Judged(Health.MUTE, text, advice.mute())


@dataclass(frozen=True)
class Advice:
    """What a person types about a session: for its own folder of results, and its account."""

    session: str
    profile: str
    results: Path | None

    def _line(self, *words: str) -> str:
        place = () if self.results is None else ("--results-dir", str(self.results))
        return shlex.join(("butler", *words, *place))

    def dead(self) -> tuple[str, ...]:
        """Start it again; positions keep their stops at the broker meanwhile."""
        profile = self.profile or "NAME"
        return (
            self._line("status", self.session),
            self._line("shadow", "--account-profile", profile, "--resume", self.session),
            self._line("flatten", "--account-profile", profile),
        )

    def mute(self) -> tuple[str, ...]:
        """Look at it, or take the account over from it."""
        profile = self.profile or "NAME"
        return (
            self._line("status", self.session),
            self._line("flatten", "--account-profile", profile, "--force"),
        )
