"""The account's ledger in a simulated session: its store outlives every life of the engine."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import TerminalError
from adapters.state.reading import ReadFailed
from adapters.state.store import AccountStore, SessionRow
from config.loader import load_rules
from engine import events as ev
from engine.types import Limits
from risk.ledger.inputs import FirmRules, OwnDay, day_rules
from risk.ledger.verdict import LedgerReport
from scripts.app.account.books import AccountBooks
from scripts.app.account.clocks import named_rule
from scripts.app.account.past_bars import KeptBars
from scripts.app.account.terms import LedgerTerms
from scripts.app.session_folder import tag_number
from scripts.app.sessions.adopting import Adopter, adopted, holdings
from scripts.app.sessions.connection import Connection
from scripts.app.sessions.ledger import Fold, LedgerSource, read_once, refusal
from scripts.app.sessions.ledger import settle as settle_ledger
from scripts.app.sessions.starting import SessionAccount, keep_baseline
from tests.simulation.link import SimulatedLink
from tests.simulation.world import CLOCK, LOGIN, SERVER, World

T = TypeVar("T")

RULES = load_rules("ftmo_2step")


class MemoryStore(AccountStore):
    """The store as it is on a disk that loses nothing: every change of it is one transaction."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"), LOGIN, SERVER)

    def _opened(self, login: int, server: str) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        self._prepare(connection, login, server)
        return connection


class SimulatedBooks:
    """In place of `AccountBooks`, whose thread would work at moments of its own."""

    def __init__(self, store: MemoryStore, world: World) -> None:
        self._store, self._world = store, world

    async def run(self, job: Callable[[AccountStore], T]) -> T:
        """Before and after each change the engine may crash, in the midst of one it may not."""
        self._world.step()
        result = job(self._store)
        self._world.step()
        return result


class SimulatedConnection(NamedTuple):
    """What reading a ledger needs of `Connection`."""

    terminal: SimulatedLink
    account: mt5.AccountInfo


class _NoBars(KeptBars):
    """What nobody watched stays unknown here: bars have tests of their own."""

    def is_worth_asking(self, *_: Any) -> bool:
        return False


async def _at_once(fold: Fold) -> LedgerReport:
    return fold()


async def joined(
    world: World, store: MemoryStore, link: SimulatedLink, account: Any, limits: Limits
) -> SessionAccount | None:
    """Where the account stands; None where the terminal does not tell, or a session that sends is
    refused: the user tries again.
    """
    books = cast(AccountBooks, SimulatedBooks(store, world))
    source = LedgerSource(
        books=books,
        terms=LedgerTerms(
            own_day=OwnDay(zone=limits.reset_zone),
            firm=FirmRules(rules=RULES, days=day_rules(RULES)),
        ),
        clock=world.clock,
        names={},
        bars=_NoBars(),
        rules=(named_rule(CLOCK),),
        rules_name=CLOCK,
        aside=_at_once,
    )
    connection = cast(Connection, SimulatedConnection(link, account))
    try:
        reading = await read_once(connection, source)
    except (ReadFailed, TerminalError):
        return None
    if refusal(reading.report, follows=False) is not None:
        return None
    await settle_ledger(source, reading)
    await keep_baseline(source, reading)
    return SessionAccount(
        books=books,
        source=source,
        reading=reading,
        challenge=None,
        limits=limits,
        sends=True,
        connection=connection,
    )


def begin(store: MemoryStore, world: World) -> None:
    """Keep that the session begins, or goes on."""
    session, at = world.session_id, world.clock.now()
    if any(row.id == session for row in store.sessions()):
        store.resumed(session, at)
        return
    store.begin(
        SessionRow(
            id=session, folder="", tag=tag_number(session), mode="simulation", dry=False,
            terms="{}", started=at, beat=at,
        )
    )  # fmt: skip


async def taken_over(
    link: SimulatedLink, part: SessionAccount, adopter: Adopter
) -> ev.OrphansAdopted | None:
    """What earlier sessions left open; raises TerminalError where the terminal does not tell."""
    positions = (await link.call("positions_get", deadline=10.0)).value or ()
    orphans = holdings(positions, (), lambda at: at)
    if not orphans:
        return None
    return adopted(adopter, orphans, positions, part.reading.seen.deals, ())
