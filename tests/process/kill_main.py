"""One life of a session on a paper account, which may end by a kill at a chosen moment.

`live` runs in a process of its own. It begins a session of planned orders, or goes on with one by
the command that users type, and leaves a note of how it ended; a killed one leaves none.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import io
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import scripts.app.sessions.live
from adapters.journal.runs import RecordBuffer
from adapters.journal.store import Store
from adapters.mt5.api.errors import TerminalError
from adapters.mt5.execution.remote import RemoteTerminal
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.live import script
from adapters.system import processes
from config.loader import CliOverrides
from scripts.app.operations import send_signals
from scripts.app.operations.profile_replay import ProfileReplay, connection_of
from scripts.app.session_folder import THROUGH_MT5, SessionFolder
from scripts.app.sessions import connection
from scripts.app.sessions.live import LiveTerms, instruments
from scripts.app.sessions.paper import LOGIN, PAPER, SERVER
from scripts.app.sessions.resume import PreviousRun
from scripts.app.terms.request import ReplayRequest
from scripts.cli import main
from scripts.cli.replay import _finish_sent
from scripts.cli.shared import command_line
from scripts.cli.shared.screen import Screen
from tests.builders import EURUSD, LIMITS
from tests.process.kill_feed import PLANS, STRATEGY, SWING, MovingFeed
from tests.simulation.faults import ScriptedFault


class Step(enum.StrEnum):
    """What is counted, and where the engine may be killed."""

    APPEND = "append"  # a record is handed to the journal
    COMMIT = "commit"  # the journal's thread writes a block
    SEAL = "seal"
    SEND = "send"  # a request goes to the terminal's host
    CALL = "call"  # any call to the host; killed only when it fails, `after`
    HUNG = "hung"  # a request, once the host hangs in it and can notice nothing


class Point(NamedTuple):
    """A moment to be killed at: the `number`-th such step (from 1), before or after it."""

    step: Step
    after: bool
    number: int

    def __str__(self) -> str:
        return f"{self.step}-{'after' if self.after else 'before'}-{self.number}"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What a life is to be."""

    results: str
    session: str
    resume: bool
    point: Point | None = None
    faults: list[ScriptedFault] = []


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """How a life ended that was not killed."""

    code: int
    out: str
    err: str
    counts: dict[str, int]


def note_of(life: Life) -> Path:
    """Where the life leaves its note."""
    return Path(life.results) / f"{life.session}-note.json"


def books_of(life: Life) -> Path:
    """The books of the life's account."""
    return _folder(life).paper_account


def _seized(life: Life) -> Path:
    """What the host writes to when it is about to hang."""
    return Path(life.results) / f"{life.session}-seized"


def _folder(life: Life) -> SessionFolder:
    return SessionFolder(Path(life.results), life.session, THROUGH_MT5)


def spec(books: Path, faults: Sequence[ScriptedFault]) -> str:
    """The paper terminal of a life, as its host takes it; it moves only when it is played."""
    return msgspec.json.encode(
        {
            "symbols": [EURUSD], "login": LOGIN, "server": SERVER, "prices": {"EURUSD": 1.1},
            "swing": SWING, "state": str(books), "faults": {"script": list(faults)},
        }
    ).decode()  # fmt: skip


def live(life: Life) -> None:
    """Live it, in this process, which is changed for good."""
    reaper = Reaper(life.point, _seized(life))
    reaper.watch()
    _set_stage(life)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = _code(_go_on if life.resume else _begin, life)
    note = Note(code=code, out=out.getvalue(), err=err.getvalue(), counts=dict(reaper.counts))
    note_of(life).write_bytes(msgspec.json.encode(note))


def _set_stage(life: Life) -> None:
    """Another terminal behind the PAPER account; nothing waits longer than it must."""
    backend = spec(books_of(life), life.faults)
    command = (sys.executable, "-m", "tests.process.kill_host", str(_seized(life)))
    # Attributes of modules, changed in a process that ends with this session.
    changes: list[tuple[Any, str, Any]] = [
        (connection, "paper_spec", lambda *_: backend),
        (connection, "TerminalClient", functools.partial(TerminalClient, sleep=lambda _: None)),
        (scripts.app.sessions.live, "ScriptFeed", MovingFeed),
        (connection, "LocalHost", functools.partial(LocalHost, command=command)),
        (script, "_BETWEEN_LOOKS", 0.0),
    ]
    for where, name, value in changes:
        setattr(where, name, value)


def _code(work: Callable[[Life], int], life: Life) -> int:
    """The exit code of `work`, by the rules of every command."""
    app = command_line.make_app("")
    app.command()(lambda: work(life))
    sys.argv = ["butler"]
    try:
        command_line.run(app)
    except SystemExit as error:
        return int(error.code or 0)


def _begin(life: Life) -> int:
    return _finish_sent(asyncio.run(_first_part(life)), Screen())


async def _first_part(life: Life) -> send_signals.SentSignals:
    folder = _folder(life)
    folder.create()
    how = ProfileReplay(
        request=ReplayRequest(),
        account=connection.resolve(PAPER, CliOverrides(), None, {}),
        symbols=["EURUSD"], dry_run=False, hold=0.0, pace=0.0,
    )  # fmt: skip
    async with connection_of(how, folder, trading=True) as link:
        terms = LiveTerms(
            mode=send_signals.SIGNALS, preset=STRATEGY, parameters={},
            instruments=await instruments(link, ["EURUSD"], {}, {"EURUSD": EURUSD}),
            limits=LIMITS, plans=PLANS, dry_run=False, hold=0.0,
        )  # fmt: skip
        previous = PreviousRun(folder, [])
        return await send_signals.run_script(terms, link, how, previous, Screen())


def _go_on(life: Life) -> int:
    sys.argv = [
        "butler", "replay", "--account-profile", PAPER, "--no-dry-run", "--resume", life.session,
        "--results-dir", life.results, "--hold-seconds", "0", "--pace", "0",
    ]  # fmt: skip
    code = main.app(standalone_mode=False)
    return int(code)


class Reaper:
    """Counts steps, and kills this process at its point."""

    def __init__(self, point: Point | None, seized: Path) -> None:
        self._point = point
        self._seized = seized
        self.counts: Counter[str] = Counter()

    def watch(self) -> None:
        """Count what the classes do from now on."""
        for where, name, step in (
            (RecordBuffer, "append", Step.APPEND),
            (Store, "write", Step.COMMIT),
            (Store, "seal", Step.SEAL),
            (RemoteTerminal, "order_send", Step.SEND),
        ):
            setattr(where, name, self._counted(getattr(where, name), step))
        usual = TerminalClient.call

        def call(client: TerminalClient, *args: Any, **more: Any) -> Any:
            try:
                return usual(client, *args, **more)
            except TerminalError:
                self._reach(Point(Step.CALL, True, 1))
                raise

        setattr(TerminalClient, "call", call)  # noqa: B010 - a method of the class itself

    def _counted(self, function: Callable[..., Any], step: Step) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            self.counts[step] += 1
            number = self.counts[step]
            self._reach(Point(step, False, number))
            if step is Step.SEND:
                self._while_hanging(number)
            value = function(*args, **more)
            self._reach(Point(step, True, number))
            return value

        return counted

    def _reach(self, point: Point) -> None:
        if point == self._point:
            processes.end(os.getpid())

    def _while_hanging(self, number: int) -> None:
        """Kill this process once the host hangs in its call of this number."""
        if self._point != Point(Step.HUNG, False, number):
            return

        def wait() -> None:
            while not (self._seized.exists() and self._seized.read_bytes()):
                time.sleep(0.01)
            processes.end(os.getpid())

        threading.Thread(target=wait, daemon=True).start()
