"""Sessions whose engine or terminal host is killed, started again until they end in order.

Each life is a process of its own; the paper account's books outlive them all, so that what the
venue knows is not taken from the engine.
"""

from __future__ import annotations

import multiprocessing
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar

import msgspec

from adapters.journal import StoredJournal
from adapters.mt5.api import contract as mt5
from adapters.paper.broker.state_file import SavedState
from engine import events as ev
from scripts.app.session_folder import THROUGH_MT5, SessionFolder
from scripts.app.sessions.replay import MAGIC
from scripts.cli.journal import _exported
from scripts.cli.shared.exit_codes import ExitCode
from tests.process.kill_main import Life, Note, Point, live, note_of, spec
from tests.simulation.faults import ScriptedFault
from tests.simulation.faulty_spec import build

SECONDS = 300.0
"""A deadline that only a broken life misses."""

_RUNS = 5
_KILLED = 1 if sys.platform == "win32" else -signal.SIGKILL
_READ_LATE = ("anyio._backends._asyncio", "encodings.idna", "pydantic.type_adapter", "structlog")
"""Modules that a life would read only when it needs them."""

_AT_A_TIME = 2
_ONE_ASKS = threading.Lock()

E = TypeVar("E")


@dataclass(frozen=True)
class Venue:
    """The account's books when all is over."""

    positions: tuple[mt5.TradePosition, ...]
    orders: tuple[mt5.TradeOrder, ...]
    old_orders: tuple[mt5.TradeOrder, ...]
    deals: tuple[mt5.TradeDeal, ...]
    balance: float
    calls: dict[str, int]


@dataclass(frozen=True)
class Story:
    """All that a session left, after its lives; `kills` tells how many of them were killed."""

    folder: SessionFolder
    lives: int
    kills: int
    note: Note
    records: list[ev.Record]
    sealed: bool
    exported: dict[str, bytes]
    log: str
    venue: Venue

    def of(self, kind: type[E]) -> list[E]:
        return [item.event for item in self.records if isinstance(item.event, kind)]


def tell(
    folder: Path, *points: Point | None, faults: Sequence[ScriptedFault] = (), begun: int = 0
) -> Story:
    """Live a session: the first lives have these points, the others none, until it ends in order.

    A session that was killed before its first record was kept is begun anew, at a terminal
    without faults: nothing was sent.
    """
    session = f"kill-{begun}"
    kills, note = 0, None
    for number in range(_RUNS):
        point = points[number] if number < len(points) else None
        life = Life(
            results=str(folder), session=session, resume=number > 0, point=point,
            faults=list(faults),
        )  # fmt: skip
        note = _live(life)
        kills += note is None
        if note is not None and _never_began(folder, session, note):
            return replace(tell(folder, begun=begun + 1), kills=kills)
        if note is not None and _sealed(folder, session):
            return _story(folder, session, number + 1, kills, note)
    raise AssertionError(f"{folder}: not ended in order after {_RUNS} lives: {note}")


def _live(life: Life) -> Note | None:
    """The note of a life, None when it was killed."""
    note = note_of(life)
    note.unlink(missing_ok=True)
    exit_code = _exit_code(life)
    if exit_code == 0:
        return msgspec.json.decode(note.read_bytes(), type=Note)
    killed = life.point is not None and exit_code == _KILLED
    assert killed, f"{life}: ended with {exit_code}"
    return None


def _exit_code(life: Life) -> int | None:
    """How the process of a life ended.

    Whoever starts a process asks for the ends of all others, too, and an end can be read only once:
    so nobody starts one while another reads.
    """
    process = _context().Process(target=live, args=(life,))
    with _ONE_ASKS:
        process.start()
    if not wait([process.sentinel], SECONDS):
        process.kill()
        raise AssertionError(f"{life}: it does not end")
    with _ONE_ASKS:
        process.join()
        code: int | None = process.exitcode
    return code


@cache
def _context() -> Any:
    """How processes start: from a server that has read the program already, where there is one."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.process.kill_main", *_READ_LATE])
    return context


def _never_began(folder: Path, session: str, note: Note) -> bool:
    """Whether nothing is left to go on with; the account must then be untouched, too."""
    lost = "ended before its first record" in note.err or "no journal in" in note.err
    if lost:
        assert note.code == ExitCode.DATA
        books = SessionFolder(folder, session, THROUGH_MT5).paper_account
        assert not books.exists() or not _venue(books).deals[1:]
    return lost


def _sealed(folder: Path, session: str) -> bool:
    path = SessionFolder(folder, session, THROUGH_MT5).journal
    if not path.exists():
        return False
    with StoredJournal(path) as stored:
        return stored.check().sealed


def _story(folder: Path, session: str, lives: int, kills: int, note: Note) -> Story:
    home = SessionFolder(folder, session, THROUGH_MT5)
    with StoredJournal(home.journal) as stored:
        whole = stored.check()
        records = list(stored.records())
        exported = _exported(stored, share=False)
    log = home.log.read_text(encoding="utf-8") if home.log.exists() else ""
    venue = _venue(home.paper_account)
    return Story(home, lives, kills, note, records, whole.sealed, exported, log, venue)


def _venue(books: Path) -> Venue:
    # The books are read by a terminal of our own; what is under way there is not our affair.
    saved = msgspec.json.decode(books.read_bytes(), type=SavedState)
    terminal = build(spec(books, ()))
    assert terminal.initialize()
    return Venue(
        terminal.positions_get(),
        terminal.orders_get(),
        terminal.history_orders_get(0, mt5.LATEST_DATE),
        terminal.history_deals_get(0, mt5.LATEST_DATE),
        terminal.account_info().balance,
        saved.calls,
    )


def ours(items: Iterable[Any]) -> list[Any]:
    """Those that carry the engine's mark."""
    return [item for item in items if item.magic == MAGIC]


P = TypeVar("P")


def each(points: Sequence[P], judge: Callable[[Path, P], None]) -> dict[str, str]:
    """Judge every point, two at a time, each in a folder of its own; what failed, by point."""

    def one(point: P) -> str:
        folder = Path(mkdtemp(prefix="kill-"))
        try:
            judge(folder, point)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"{where.name}: {where.line}: {type(error).__name__} {error} ({folder})"
        shutil.rmtree(folder)
        return ""

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        said = dict(zip(map(str, points), pool.map(one, points), strict=True))
    return {point: why for point, why in said.items() if why}
