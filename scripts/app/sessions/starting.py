"""Beginning a session on an account: its ledger, which session goes on, what nobody manages."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.state.errors import StateFailed
from adapters.state.resuming import NEVER, Start, StartAction, choose, terms_text
from adapters.state.store import AccountStore, SessionRow
from engine import events as ev
from engine.clock import Clock, SystemClock
from engine.decoding import from_json
from engine.fields import LedgerFigures
from engine.types import Limits, Millis
from risk.challenge import Challenge
from risk.ledger.verdict import LedgerCode, LedgerSeverity
from risk.standing import phase_index
from scripts.app.account.books import AccountBooks, opened
from scripts.app.account.notes import SessionNotes
from scripts.app.account.recording import AccountJournal, NumberedJournal
from scripts.app.account.terms import LedgerTerms
from scripts.app.errors import AppError, BadData, Refused, WrongUsage
from scripts.app.session_folder import tag_number
from scripts.app.sessions.adopting import Adopter, adopted, entered, holdings
from scripts.app.sessions.ledger import LedgerRead, LedgerSource, read_ledger, refusal
from scripts.app.sessions.ledger_news import LedgerObserver
from scripts.app.sessions.paper import PAPER
from scripts.app.sessions.replay import MAGIC

if TYPE_CHECKING:
    from config.loader import ResolvedAccount
    from scripts.app.session_folder import SessionFolder
    from scripts.app.sessions.connection import Connection

STOPPED: dict[StartAction, type[AppError]] = {
    StartAction.REFUSE: WrongUsage,
    StartAction.WAIT: Refused,
    StartAction.DAMAGED: BadData,
}


@dataclass(frozen=True, kw_only=True)
class SessionAccount:
    """The account's part in one session: where it stands, and what is kept of the session.

    `scripted`: its entries are made now, so that none of an earlier session is meant by them.
    """

    books: AccountBooks
    source: LedgerSource
    reading: LedgerRead
    challenge: Challenge | None
    limits: Limits
    sends: bool
    connection: Connection
    scripted: bool = False
    adopted: ev.OrphansAdopted | None = None

    @property
    def first(self) -> ev.LedgerUpdated:
        """What the session learns at its beginning."""
        update = self.reading.update(follows=self.challenge is not None)
        return msgspec.structs.replace(update, signals=()) if self.scripted else update

    def journal(
        self,
        journal: NumberedJournal,
        session: str,
        past: Sequence[ev.Record] = (),
        seconds: Callable[[], float] = time.monotonic,
    ) -> AccountJournal:
        """The session's journal, which also keeps what must outlive the session.

        `past` are the records of one that goes on.
        """
        notes = SessionNotes(session, self.limits, sends=self.sends, halted=self.first.halts)
        notes.recall(past)
        return AccountJournal(journal, self.books, notes, seconds)

    def watch(self, seconds: Callable[[], float] = time.monotonic) -> LedgerObserver | None:
        """What looks at the ledger while the session runs; a dry one's account is its own."""
        if not self.sends:
            return None
        return LedgerObserver(
            self.connection,
            self.source,
            self.reading,
            follows=self.challenge is not None,
            seconds=seconds,
        )


async def session_account(
    connection: Connection,
    source: LedgerSource,
    limits: Limits,
    challenge: Challenge | None,
    *,
    sends: bool,
    say: Callable[[str], None],
    name: str = "NAME",
) -> SessionAccount:
    """Where the account stands, for a session that is about to begin on it.

    One that sends is refused where the ledger says so (AppError); a dry
    one is warned and goes on with what is known: without a balance that its challenge began with,
    without its objectives.
    """
    for line in _made_anew(source.books):
        say(line)
    reading = await read_ledger(connection, source)
    against = refusal(reading.report, follows=challenge is not None)
    if against is not None and sends:
        line = f"{against}{_fresh_books(reading, name)}{_left_open(reading, name)}"
        raise type(against)(addressed(line, name))
    for line in notes_of(reading, follows=challenge is not None):
        say(addressed(line, name))
    if challenge is not None:
        challenge = _standing_at(challenge, reading.report.figures)
        if challenge is None:
            say("warning: it goes on without objectives")
    if sends:
        await keep_baseline(source, reading)
    return SessionAccount(
        books=source.books,
        source=source,
        reading=reading,
        challenge=challenge,
        limits=limits,
        sends=sends,
        connection=connection,
    )


def _made_anew(books: AccountBooks) -> list[str]:
    anew = f"made anew from the terminal and the journals of {books.rebuilt} sessions"
    if books.set_aside is not None:
        return [f"warning: the account's ledger was damaged, is kept as {books.set_aside}, {anew}"]
    return [f"warning: the account had no ledger; it is {anew}"] if books.rebuilt else []


def addressed(line: str, name: str) -> str:
    """A line of the ledger's with the profile's name where a command needs it."""
    return line.replace("`butler account NAME ", f"`butler account {name} ")


def _fresh_books(reading: LedgerRead, name: str) -> str:
    """A challenge on PAPER that is over needs no firm to begin anew."""
    over = {LedgerCode.BREACHED, LedgerCode.PASSED} & set(reading.report.codes)
    if name.split()[0] != PAPER or not over:
        return ""
    return (
        f"; `butler account {name} --reset` gives it fresh books, and so does another --results-dir"
    )


def _left_open(reading: LedgerRead, name: str) -> str:
    count = sum(held.magic == MAGIC for held in reading.seen.positions)
    if not count:
        return ""
    are = "position of the Butler's is" if count == 1 else "positions of the Butler's are"
    return f"; {count} {are} open: butler flatten --account-profile {name}"


def notes_of(reading: LedgerRead, *, follows: bool) -> list[str]:
    """What a session says of the ledger as it begins."""
    if not follows:
        against = refusal(reading.report, follows=False)
        return [] if against is None else [f"warning: {against}"]
    return [
        finding.line if finding.code.severity is LedgerSeverity.NOTE else f"warning: {finding.line}"
        for finding in reading.report.findings
    ]


def _standing_at(challenge: Challenge, figures: LedgerFigures) -> Challenge | None:
    """The challenge in the phase where the ledger has it; None where its beginning is unknown."""
    if figures.initial is None:
        return None
    phase = phase_index(challenge.rules, figures)
    return msgspec.structs.replace(challenge, first_phase=phase, by_ledger=True)


async def keep_baseline(source: LedgerSource, reading: LedgerRead) -> None:
    """Without objectives the largest loss counts from the balance before our first session."""
    if not source.remembers or reading.remembered.baseline is not None:
        return
    balance, at = reading.seen.account.balance, reading.at
    await source.books.run(lambda store: store.set_baseline(balance, at, "the first session"))


# --- which session ---


def hashed_terms(**terms: Any) -> dict[str, str]:
    """Terms by name, each told by a hash."""
    return {
        name: hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]
        for name, value in terms.items()
    }


@dataclass(frozen=True, kw_only=True)
class LookedOver:
    """What a start does after a look at what is open, and what it takes over, if anything."""

    given_up: tuple[str, ...]
    adopted: ev.OrphansAdopted | None = None


async def insist_on_no_orphans(
    account: SessionAccount, start: Start, session: str | None, adopter: Adopter | None = None
) -> LookedOver:
    """What is open that no session manages stops one that sends and is no `adopter` of it.

    `session` is the one that goes on, None for a new one. Raises AppError.
    """
    connection = account.connection
    positions = await connection.call("positions_get")
    orders = await connection.call("orders_get")
    reading = account.reading
    held = holdings(positions, orders, lambda at: _utc(reading, at))
    start = msgspec.structs.replace(
        start, recent=entered(reading.seen.deals, lambda at: _utc(reading, at))
    )
    rows = await account.books.run(lambda store: store.sessions())
    if session is not None:
        row = next((one for one in rows if one.id == session), None)
        row = row or _row(session, "", start.mode, start.terms, start.now, dry=start.dry)
        start = _going_on(start, row)
        rows = (row, *(one for one in rows if one.id != session))
    choice = choose(start, rows, held)
    if choice.kind in STOPPED:
        raise STOPPED[choice.kind](choice.line)
    if adopter is None or not choice.adopted:
        return LookedOver(given_up=choice.given_up)
    taken = adopted(adopter, choice.adopted, positions, reading.seen.deals, rows)
    return LookedOver(given_up=choice.given_up, adopted=taken)


def _going_on(start: Start, row: SessionRow) -> Start:
    """The start of a session that goes on, whose terms were held against its journal's already."""
    terms = from_json(row.terms, dict[str, str])
    return msgspec.structs.replace(start, wanted=row.id, terms=terms, failed={}, unreadable={})


def _row(
    session: str, folder: str, mode: str, terms: Mapping[str, str], at: Millis, *, dry: bool
) -> SessionRow:
    return SessionRow(
        id=session,
        folder=folder,
        tag=tag_number(session),
        mode=mode,
        dry=dry,
        terms=terms_text(terms),
        started=at,
        beat=at,
    )


def _utc(reading: LedgerRead, server: Millis) -> Millis:
    rules = reading.rules
    return rules[-1].to_utc(server // 1000) * 1000 if rules else server


async def begin(
    account: SessionAccount,
    folder: SessionFolder,
    mode: str,
    terms: Mapping[str, str],
    *,
    resumed: bool,
    looked: LookedOver | None = None,
) -> None:
    """Keep that the session begins, or goes on, and what it ends by that.

    Raises AppError where its tag is taken.
    """
    looked = looked or LookedOver(given_up=())
    taken = {item.session for item in looked.adopted.positions} if looked.adopted else set()
    at = account.reading.at
    row = _row(
        folder.session_id, str(folder.path.resolve()), mode, terms, at, dry=not account.sends
    )

    def keep(store: AccountStore) -> None:
        for session in looked.given_up:
            store.end(session, at, "given_up")
        rows = store.sessions()
        for other in rows:
            if other.id in taken and other.unfinished:
                store.end(other.id, at, "adopted")
        if all(other.id != row.id for other in rows):
            store.begin(row)
        if resumed:  # by this machine's time: attempts are counted against it
            store.resumed(row.id, SystemClock().now())

    try:
        await account.books.run(keep)
    except StateFailed as error:
        raise WrongUsage(str(error)) from error


@asynccontextmanager
async def on_ledger(
    connection: Connection,
    folder: SessionFolder,
    profile: ResolvedAccount,
    clock: Clock,
    terms: LedgerTerms,
    *,
    mode: str,
    limits: Limits,
    sends: bool,
    names: Mapping[str, str],
    say: Callable[[str], None],
    challenge: Challenge | None = None,
    resumed: bool = False,
) -> AsyncIterator[SessionAccount]:
    """The account of a scripted session, new or `resumed`. Raises AppError."""
    async with opened(profile, folder.results) as books:
        source = LedgerSource(
            books=books,
            terms=terms,
            clock=clock,
            names=names,
            stands_still=profile.profile == PAPER,
        )
        name = profile.profile or "NAME"
        account = await session_account(
            connection, source, limits, challenge, sends=sends, say=say, name=name
        )
        started = hashed_terms(limits=limits.terms())
        if sends:
            start = Start(
                wanted=NEVER, mode=mode, dry=False, terms=started, now=clock.now(),
                account_name=name,
            )  # fmt: skip
            await insist_on_no_orphans(account, start, folder.session_id if resumed else None)
        await begin(account, folder, mode, started, resumed=resumed)
        yield replace(account, scripted=True)
