"""The store of an account's ledger: one file an account, for all of its sessions.

It remembers what the terminal told and what our sessions did; it decides nothing. Every change is
one transaction that is on the disk when the call returns, since an order may be sent right after.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from adapters.state import schema
from adapters.state.errors import StateFailed
from engine.account.history import HistoryDeal, Observation, PastOrder
from engine.decoding import from_json
from engine.types import Cents, Millis

FILE = "ledger.sqlite"
_BUSY_SECONDS = 5.0
_DAMAGES = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises: SQLite's own words quote it, and may be no text."""

_REMEDY = "set it aside with `butler account NAME --accept-history`, which reads it anew"

INTERRUPTED = frozenset({"interrupted", "internal_error"})
"""How an unfinished session ended, where it could still say so."""


class AccountHalt(msgspec.Struct, frozen=True, kw_only=True):
    """A halt of trading on the account: until a moment, or (None) until a person releases it."""

    cause: str
    since: Millis
    until: Millis | None
    session: str


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session of the account: where its files lie, and what makes another one the same.

    `beat` is when it was last known to live; `ended` and `how` are None while it lives or after a
    crash.
    """

    id: str
    folder: str
    tag: int
    mode: str
    dry: bool
    terms: str
    started: Millis
    beat: Millis
    ended: Millis | None = None
    how: str | None = None

    @property
    def unfinished(self) -> bool:
        """Whether it was cut off or interrupted, so that it may go on."""
        return self.ended is None or self.how in INTERRUPTED


class AccountStore:
    """An account's state. Not to be shared between threads."""

    def __init__(self, folder: Path, login: int, server: str) -> None:
        """Open, or create, the state in an account's folder.

        Raises StateFailed for a file that is damaged, of a newer version, or another account's.
        """
        self.path = folder / FILE
        self._connection = self._opened(login, server)
        self._inside = False

    def _opened(self, login: int, server: str) -> sqlite3.Connection:
        try:
            # Made for its user alone before anything is written; its companions inherit that.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS)
        except (OSError, sqlite3.Error) as error:
            raise StateFailed(self.path, f"cannot be opened ({error}); check its folder") from error
        try:
            self._prepare(connection, login, server)
        except sqlite3.OperationalError as error:
            connection.close()
            raise StateFailed(self.path, f"cannot be used ({error}); try again") from error
        except BaseException as error:
            connection.close()
            if isinstance(error, _DAMAGES):
                raise self._damaged(error) from error
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, login: int, server: str) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if not version and not tables:
            schema.create(connection, login, server)
        elif application != schema.APPLICATION or version < 1:
            raise StateFailed(self.path, "is no account's ledger; move it away", damaged=True)
        elif version > schema.VERSION:
            raise StateFailed(
                self.path,
                f"was written by a newer Butler (version {version}, this one knows "
                f"{schema.VERSION}); update this one",
            )
        elif version < schema.VERSION:
            schema.migrate(connection, version)
        (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if result != "ok":
            raise sqlite3.DatabaseError(result)
        self._check_account(connection, login, server)

    def _check_account(self, connection: sqlite3.Connection, login: int, server: str) -> None:
        row = connection.execute("SELECT login, server FROM account").fetchone()
        if row is None:
            with connection:
                connection.execute("INSERT INTO account VALUES (?, ?)", (login, server))
        elif row[0] != login or row[1].lower() != server.lower():
            raise StateFailed(
                self.path,
                f"belongs to {row[0]} at {row[1]}, not to {login} at {server}; move it away",
            )

    def _damaged(self, error: Exception) -> StateFailed:
        return StateFailed(self.path, f"is damaged ({error}); {_REMEDY}", damaged=True)

    def close(self) -> None:
        """Close the file; nothing is left to be written."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction; on the disk when it is left, undone when it fails."""
        if self._inside:
            yield self._connection
            return
        try:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
        except sqlite3.OperationalError as error:
            raise StateFailed(
                self.path, f"cannot be written ({error}); free the disk or end who uses it"
            ) from error
        except _DAMAGES as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise self._damaged(error) from error

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Several changes as one transaction: all of them are kept, or none."""
        with self._change():
            self._inside = True
            try:
                yield
            finally:
                self._inside = False

    def do(self, jobs: Sequence[Callable[[Self], object]]) -> None:
        """Carry out jobs in order, as one transaction."""
        with self.at_once():
            for job in jobs:
                job(self)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:
            raise StateFailed(self.path, f"cannot be read ({error}); try again") from error
        except _DAMAGES as error:
            raise self._damaged(error) from error

    # --- what the terminal told ---

    def add_history(
        self, deals: Iterable[HistoryDeal], orders: Iterable[PastOrder], at: Millis
    ) -> tuple[int, ...]:
        """Keep what is new. Returns the tickets of deals that read otherwise than those kept."""
        told = list(deals)
        rows = [(deal.ticket, deal.time_msc, at, msgspec.json.encode(deal)) for deal in told]
        asked = [(order.ticket, order.time_msc, at, msgspec.json.encode(order)) for order in orders]
        with self._change() as connection:
            connection.executemany("INSERT OR IGNORE INTO deals VALUES (?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?)", asked)
        since = min((deal.time_msc for deal in told), default=0)
        kept = {deal.ticket: deal for deal in self.deals(since)}
        return tuple(deal.ticket for deal in told if kept.get(deal.ticket, deal) != deal)

    def accept_history(self, deals: Iterable[HistoryDeal], at: Millis) -> None:
        """Take these deals for the ones kept: a person has looked at the account's history."""
        rows = [(deal.ticket, deal.time_msc, at, msgspec.json.encode(deal)) for deal in deals]
        with self._change() as connection:
            connection.execute("DELETE FROM deals")
            connection.execute("DELETE FROM openings")
            connection.executemany("INSERT OR REPLACE INTO deals VALUES (?, ?, ?, ?)", rows)

    def deals(self, since: int = 0) -> tuple[HistoryDeal, ...]:
        """The deals kept, from a time of the server (ms) on, in its order."""
        return tuple(self._told("deals", since, HistoryDeal))

    def orders(self, since: int = 0) -> tuple[PastOrder, ...]:
        """The orders kept, from a time of the server (ms) on."""
        return tuple(self._told("orders", since, PastOrder))

    def _told(self, table: str, since: int, kind: type[Any]) -> Iterator[Any]:
        query = f"SELECT fields FROM {table} WHERE time_msc >= ? ORDER BY time_msc, ticket"  # noqa: S608
        try:
            yield from (from_json(row[0], kind) for row in self._rows(query, (since,)))
        except (msgspec.DecodeError, TypeError) as error:
            raise self._damaged(error) from error

    def settle(self, opening: Cents, at: Millis) -> None:
        """The history added up to the account with this opening."""
        if self.opening() != opening:
            with self._change() as connection:
                connection.execute("INSERT OR REPLACE INTO openings VALUES (?, ?)", (at, opening))

    def opening(self) -> Cents | None:
        """What the history does not explain of the balance, as last settled."""
        return self._number("SELECT opening FROM openings ORDER BY since DESC LIMIT 1")

    def _number(self, query: str, values: Sequence[Any] = ()) -> int | None:
        value = next((row[0] for row in self._rows(query, values)), None)
        if isinstance(value, int | None):
            return value
        raise self._damaged(ValueError(f"{value!r} is no number"))

    def note_clock(self, rule: str, since: Millis) -> None:
        """The server's clock follows this rule since a moment."""
        known = self.clock()
        if not known or known[-1][1] != rule:
            with self._change() as connection:
                connection.execute("INSERT OR REPLACE INTO clock VALUES (?, ?)", (since, rule))

    def clock(self) -> tuple[tuple[Millis, str], ...]:
        """The rules of the server's clock: since when, and which."""
        return tuple((at, rule) for at, rule in self._rows("SELECT * FROM clock ORDER BY since"))

    # --- what our sessions saw and did ---

    def add_figure(self, seen: Observation, session: str) -> None:
        """Figures that a session saw, at a reset above all."""
        with self._change() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO figures VALUES (?, ?, ?, ?)",
                (seen.at, seen.balance, seen.equity, session),
            )

    def figures(self, since: Millis = 0) -> tuple[Observation, ...]:
        """Figures that sessions saw, in order."""
        query = "SELECT at, balance, equity FROM figures WHERE at >= ? ORDER BY at"
        return tuple(
            Observation(at=at, balance=balance, equity=equity)
            for at, balance, equity in self._rows(query, (since,))
        )

    def watch(self, session: str, low: Millis, high: Millis) -> None:
        """A session watched from `low` to `high`; joined to what it watched right before."""
        with self._change() as connection:
            changed = connection.execute(
                "UPDATE watched SET high = max(high, ?) WHERE session = ? AND low = "
                "(SELECT max(low) FROM watched WHERE session = ?) AND low <= ? AND high >= ?",
                (high, session, session, low, low),
            ).rowcount
            if not changed:
                connection.execute(
                    "INSERT OR REPLACE INTO watched VALUES (?, ?, ?)", (session, low, high)
                )
            connection.execute(
                "UPDATE sessions SET beat = max(beat, ?) WHERE id = ?", (high, session)
            )

    def beat(self, session: str, at: Millis) -> None:
        """A session was alive at a moment."""
        with self._change() as connection:
            connection.execute(
                "UPDATE sessions SET beat = max(beat, ?) WHERE id = ?", (at, session)
            )

    def watched(self, since: Millis = 0) -> tuple[tuple[Millis, Millis], ...]:
        """The spans in which a session watched, in order."""
        query = "SELECT low, high FROM watched WHERE high >= ? ORDER BY low, high"
        return tuple((low, high) for low, high in self._rows(query, (since,)))

    def add_request(self, session: str, seq: int, at: Millis) -> None:
        """A request is about to go to the server; counted even if the process dies now.

        A session that lost its last records gives their numbers once more: the later one counts.
        """
        with self._change() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO requests VALUES (?, ?, ?)", (session, seq, at)
            )

    def requests(self, since: Millis) -> tuple[Millis, ...]:
        query = "SELECT at FROM requests WHERE at >= ? ORDER BY at"
        return tuple(row[0] for row in self._rows(query, (since,)))

    def add_approval(self, session: str, seq: int, at: Millis, signal: str, symbol: str) -> None:
        """An entry was approved and is about to be sent."""
        with self._change() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO approvals VALUES (?, ?, ?, ?, ?)",
                (session, seq, at, signal, symbol),
            )

    def approvals(self, since: Millis) -> tuple[Millis, ...]:
        """When entries were approved."""
        query = "SELECT at FROM approvals WHERE at >= ? ORDER BY at"
        return tuple(row[0] for row in self._rows(query, (since,)))

    def approved_symbols(self, since: Millis) -> dict[str, int]:
        """How many entries were approved since a moment, by our name of the symbol."""
        query = "SELECT symbol, count(*) FROM approvals WHERE at >= ? AND symbol > '' GROUP BY 1"
        return dict(self._rows(query, (since,)))

    def known_signals(self, since: Millis) -> frozenset[str]:
        """Signals that were approved since a moment: no session may enter them again."""
        query = "SELECT signal FROM approvals WHERE at >= ?"
        return frozenset(row[0] for row in self._rows(query, (since,)))

    # --- halts ---

    def halt(self, halt: AccountHalt) -> None:
        """Trading on the account is halted, for whichever session."""
        with self._change() as connection:
            connection.execute(
                # Released and halted again within one moment, it is in force.
                "INSERT INTO halts (cause, since, until, session) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (cause, since) DO UPDATE SET until = excluded.until, "
                "session = excluded.session, released = NULL, reason = NULL",
                (halt.cause, halt.since, halt.until, halt.session),
            )

    def release(self, cause: str, at: Millis, reason: str) -> bool:
        """A person released every halt of a cause; whether there was one."""
        with self._change() as connection:
            return bool(
                connection.execute(
                    "UPDATE halts SET released = ?, reason = ? WHERE cause = ? AND released IS "
                    "NULL",
                    (at, reason, cause),
                ).rowcount
            )

    def halts(self, now: Millis) -> tuple[AccountHalt, ...]:
        """The halts in force: neither released nor over, the oldest first."""
        query = (
            "SELECT cause, since, until, session FROM halts WHERE released IS NULL AND "
            "(until IS NULL OR until > ?) ORDER BY since, cause"
        )
        return tuple(
            AccountHalt(cause=cause, since=since, until=until, session=session)
            for cause, since, until, session in self._rows(query, (now,))
        )

    def is_news(self, line: str, at: Millis, within: Millis) -> bool:
        """Whether this line was not sent within so long before `at`; from now on it was."""
        query = "SELECT max(at) FROM told WHERE line = ? AND at > ?"
        if self._number(query, (line, at - within)) is not None:
            return False
        with self._change() as connection:
            connection.execute("DELETE FROM told WHERE at <= ?", (at - within,))
            connection.execute("INSERT INTO told VALUES (?, ?)", (line, at))
        return True

    # --- the own baseline ---

    def set_baseline(self, amount: Cents, at: Millis, reason: str) -> None:
        """The largest loss counts from this balance on."""
        with self._change() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO baseline VALUES (?, ?, ?)", (at, amount, reason)
            )

    def baseline(self) -> tuple[Millis, Cents] | None:
        """Since when the largest loss counts from which balance; None before the first session."""
        rows = self._rows("SELECT at, amount FROM baseline ORDER BY at DESC LIMIT 1")
        return (rows[0][0], rows[0][1]) if rows else None

    # --- sessions ---

    def begin(self, session: SessionRow) -> None:
        """A session begins. Raises StateFailed where its tag is taken: make another one."""
        try:
            with self._change() as connection:
                connection.execute(
                    "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    msgspec.structs.astuple(session),
                )
        except sqlite3.IntegrityError as error:
            raise StateFailed(
                self.path,
                f"session {session.id} or its tag {session.tag:06x} was used on this account "
                "before; begin another session",
            ) from error

    def end(self, session: str, at: Millis, how: str) -> None:
        """A session ended, or was given up."""
        with self._change() as connection:
            connection.execute(
                "UPDATE sessions SET ended = ?, how = ? WHERE id = ?", (at, how, session)
            )

    def resumed(self, session: str, at: Millis) -> None:
        """A session goes on."""
        with self._change() as connection:
            connection.execute("INSERT INTO resumes VALUES (?, ?)", (session, at))
            connection.execute(
                "UPDATE sessions SET ended = NULL, how = NULL WHERE id = ?", (session,)
            )

    def resumes(self, session: str, since: Millis) -> int:
        """How often a session was resumed since a moment."""
        query = "SELECT count(*) FROM resumes WHERE session = ? AND at >= ?"
        return self._number(query, (session, since)) or 0

    def sessions(self) -> tuple[SessionRow, ...]:
        """All sessions of the account, the newest first."""
        names = SessionRow.__struct_fields__  # our own words: nothing of a user's is in the query
        rows = self._rows(f"SELECT {', '.join(names)} FROM sessions ORDER BY started DESC, id DESC")  # noqa: S608
        told = (dict(zip(names, row, strict=True)) for row in rows)
        return tuple(SessionRow(**{**row, "dry": bool(row["dry"])}) for row in told)

    def session_of(self, tag: int) -> SessionRow | None:
        """The session whose orders carry this tag; None for another Butler's."""
        return next((one for one in self.sessions() if one.tag == tag), None)
