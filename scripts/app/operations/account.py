"""Where an account stands by its ledger, and the few changes that its user may make to it."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.state.store import FILE, AccountStore
from config.loader import DEFAULT_PRESET, ResolvedAccount, load_preset
from engine.clock import SystemClock, VirtualClock
from engine.fields import LedgerFigures
from engine.types import Cents, Millis
from risk.challenge import Challenge
from risk.ledger.proposal import proposal
from scripts.app.account.books import AccountBooks, opened
from scripts.app.account.market_time import played_until
from scripts.app.account.place import PAPER, held, paper_books, prepared
from scripts.app.account.terms import ledger_terms
from scripts.app.errors import WrongUsage
from scripts.app.sessions.connection import Connection, as_typed, connected
from scripts.app.sessions.ledger import LedgerRead, LedgerSource, read_ledger
from scripts.app.sessions.paper import books_at
from scripts.app.sessions.starting import addressed
from scripts.app.terms.objectives import named_phase, resolve, with_firms_day

_Write = Callable[[AccountStore, LedgerRead], object]


@dataclass(frozen=True, kw_only=True)
class LedgerChange:
    """What the user orders to be written; nothing by default.

    `rebase` is the reason why the largest loss counts from today's balance; with it nothing else
    is changed. `accept_history` takes the terminal's history as it reads now.
    """

    rebase: str | None = None
    accept_history: bool = False

    def write(self) -> _Write | None:
        """What writes it, given the store and a reading; None where nothing is to be written."""
        reason = self.rebase
        if reason is not None:
            return lambda store, reading: store.set_baseline(
                reading.seen.account.balance, reading.at, reason
            )
        if self.accept_history:
            return lambda store, reading: store.accept_history(reading.seen.deals, reading.at)
        return None


@dataclass(frozen=True, kw_only=True)
class StandingFinding:
    """A finding of the ledger: its code, the severity's name in small letters, its sentence."""

    code: str
    severity: str
    line: str


@dataclass(frozen=True, kw_only=True)
class AccountStanding:
    """Where an account stands; `challenge_yaml` is what its profile should state of a challenge."""

    balance: Cents
    currency: str
    figures: LedgerFigures
    findings: tuple[StandingFinding, ...]
    challenge_yaml: str | None


def fresh_books(account: ResolvedAccount, results: Path) -> tuple[Path, str]:
    """Give PAPER fresh books; returns the old ones' folder and the stamp that they are named by.

    Raises WrongUsage for another account, AppError while a session holds it.
    """
    if account.profile != PAPER:
        raise WrongUsage(
            f"--reset is for {PAPER} alone: {account.profile} is an account at a broker"
        )
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    with held(account, results, "(a command)"):
        place = prepared(account, results)
        for file in ("paper_account.json", FILE, f"{FILE}-wal", f"{FILE}-shm"):
            if (place / file).exists():
                (place / file).replace(place / f"{file}.reset-{stamp}")
        # Of the account that was, nothing counts any more: there is a ledger, and it is empty.
        AccountStore(place, account.login, account.server).close()
    return place, stamp


def standing(
    account: ResolvedAccount, results: Path, objectives: str | None, change: LedgerChange
) -> AccountStanding:
    """Read the account's ledger, once more after a `change`; nothing is sent.

    `objectives` as `--objectives` names them, by default those of the profile. Raises AppError.
    """
    challenge = _challenge(account, objectives)
    reading = asyncio.run(_read(account, results, challenge, objectives, change.write()))
    report = reading.report
    return AccountStanding(
        balance=reading.seen.account.balance,
        currency=reading.seen.account.currency,
        figures=report.figures,
        findings=tuple(
            StandingFinding(
                code=str(item.code),
                severity=item.code.severity.name.lower(),
                line=addressed(item.line, as_typed(account)),
            )
            for item in report.findings
        ),
        challenge_yaml=None if challenge is None else proposal(report, challenge.rules.name),
    )


def _challenge(account: ResolvedAccount, objectives: str | None) -> Challenge | None:
    stated = None if account.challenge is None else account.challenge.rules
    return resolve(objectives or stated, None, None)


async def _read(
    account: ResolvedAccount,
    results: Path,
    challenge: Challenge | None,
    objectives: str | None,
    write: _Write | None,
) -> LedgerRead:
    with _own_copy(paper_books(account, results)) as copy:
        return await _read_with(account, results, challenge, objectives, write, copy)


async def _read_with(
    account: ResolvedAccount,
    results: Path,
    challenge: Challenge | None,
    objectives: str | None,
    write: _Write | None,
    copy: Path | None,
) -> LedgerRead:
    async with (
        opened(account, results) as books,
        connected(
            account,
            results / "hosts",
            trading=False,
            symbols=[account.default_symbol],
            books=copy,
            is_held=write is None,
        ) as connection,
    ):
        source = _source(account, books, challenge, objectives)
        if account.profile == PAPER:
            source = await _by_its_market(source, books_at(copy))
        return await _reading(connection, source, write)


@contextmanager
def _own_copy(books: Path | None) -> Iterator[Path | None]:
    """The paper account's books to look at: its terminal writes down what it is asked for."""
    with TemporaryDirectory(prefix="butler-") as folder:
        copy = None if books is None else Path(folder) / books.name
        if books is not None and copy is not None and books.is_file():
            shutil.copyfile(books, copy)
        yield copy


async def _by_its_market(source: LedgerSource, server: Millis | None) -> LedgerSource:
    """The paper account at the time that its market has come to, where a session played that."""
    played = await played_until(source.books, server)
    if played is None:
        return source
    at, rule = played
    return replace(source, clock=VirtualClock(at), stands_still=False, rules=(rule,))


async def _reading(
    connection: Connection, source: LedgerSource, write: _Write | None
) -> LedgerRead:
    reading = await read_ledger(connection, source)
    if write is None:
        return reading
    await source.books.run(lambda store: write(store, reading))
    return await read_ledger(connection, source)


def _source(
    account: ResolvedAccount,
    books: AccountBooks,
    challenge: Challenge | None,
    objectives: str | None,
) -> LedgerSource:
    limits = with_firms_day(load_preset(DEFAULT_PRESET).limits, challenge)
    symbol = account.symbol_map.get(account.default_symbol, account.default_symbol)
    return LedgerSource(
        books=books,
        terms=ledger_terms(account, limits, challenge, named_phase(objectives)),
        clock=SystemClock(),
        names={symbol: account.default_symbol},
        stands_still=account.profile == PAPER,
        writes=False,
    )
