"""Reading an account's ledger: the terminal's history and our own store, folded into a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import msgspec

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import TerminalError
from adapters.mt5.execution.remote import Caller, RemoteTerminal
from adapters.state.errors import StateFailed
from adapters.state.past_bars import BarsRead, read_bars
from adapters.state.reading import AccountRead, ReadFailed, read_account
from adapters.state.store import AccountHalt, AccountStore
from engine import events as ev
from engine.clock import Clock
from engine.trading import HaltCause
from engine.types import Cents, Millis
from risk.ledger.days import last_reset
from risk.ledger.fold import fold, settled
from risk.ledger.inputs import LedgerInputs
from risk.ledger.verdict import LedgerCode, LedgerReport, LedgerSeverity
from scripts.app.account.books import AccountBooks
from scripts.app.account.clocks import Clock as ServerRules
from scripts.app.account.clocks import candidates, standing_still
from scripts.app.account.past_bars import AROUND, FARTHEST, LENGTHS, LONGEST_OF_SHORT, KeptBars
from scripts.app.account.terms import LedgerTerms
from scripts.app.errors import AppError, Refused, WrongUsage
from scripts.app.sessions.connection import Connection
from scripts.app.sessions.replay import MAGIC

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 30.0
"""A terminal that has just been started may still load its history: so long it is asked again."""

_HOUR: Millis = 3_600_000
_DAY: Millis = 24 * _HOUR
_OVERLAP = 2 * 86_400
"""Seconds before the newest known deal from which a later read asks again."""

HISTORY = frozenset(
    {LedgerCode.HISTORY_UNSETTLED, LedgerCode.HISTORY_CHANGED, LedgerCode.CLOCK_UNKNOWN}
)
"""What matters to a session that follows nobody's objectives, too."""


Fold = Callable[[], LedgerReport]


async def _in_a_thread(fold_it: Fold) -> LedgerReport:
    """Years of deals are folded without holding up the loop."""
    return await anyio.to_thread.run_sync(fold_it)


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What the store adds to a terminal's history."""

    known: LedgerInputs
    clock: tuple[tuple[Millis, str], ...] = ()
    baseline: Cents | None = None
    entries: tuple[Millis, ...] = ()
    symbols: Mapping[str, int] = {}
    signals: tuple[str, ...] = ()
    halts: tuple[AccountHalt, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LedgerSource:
    """Where an account's ledger comes from.

    `names` are our names of symbols by the terminal's, `bars` what was read of its past prices.
    `stands_still`: the terminal's market does, so its clock is read as now. `rules` is the clock
    of a recorded market, `rules_name` its name. Without `remembers` nothing of the history is kept
    or compared: the account is a session's own; without `writes` the store is only read. `aside` is
    where a fold is worked out.
    """

    books: AccountBooks
    terms: LedgerTerms
    clock: Clock
    names: Mapping[str, str]
    bars: KeptBars = field(default_factory=KeptBars)
    stands_still: bool = False
    rules: ServerRules | None = None
    rules_name: str = ""
    remembers: bool = True
    writes: bool = True
    aside: Callable[[Fold], Awaitable[LedgerReport]] = _in_a_thread


class LedgerRead(msgspec.Struct, frozen=True, kw_only=True):
    """One reading: what the terminal told, what follows, and what a session learns from it."""

    at: Millis
    seen: AccountRead
    report: LedgerReport
    remembered: Remembered
    clocks: tuple[str, ...] = ()
    rules: ServerRules = ()
    names: Mapping[str, str] = {}

    def update(self, *, follows: bool, first: bool = True) -> ev.LedgerUpdated:
        """The event; halts of earlier sessions only with the first one of a session.

        What would refuse a session to begin suspends one that runs, until it is clear again.
        """
        report, remembered = self.report, self.remembered
        figures = report.figures
        baseline = report.baseline or remembered.baseline
        if figures.initial is not None:
            baseline = figures.initial + (figures.transfers or 0)
        refused = None if first else refusal(report, follows=follows)
        suspended = str(refused) if refused else _suspended(report, follows=follows)
        more = (figures.own.orders_hour or 0) - len(remembered.entries) if figures.own else 0
        return ev.LedgerUpdated(
            balance=self.seen.account.balance,
            figures=figures,
            codes=tuple(map(str, report.codes)),
            baseline=baseline,
            entries=remembered.entries + (self.at,) * max(0, more),
            symbols=self._symbols(),
            signals=remembered.signals if first else (),
            halts=tuple(dict.fromkeys(HaltCause(halt.cause) for halt in remembered.halts))
            if first
            else (),
            suspended=suspended,
        )

    def _symbols(self) -> dict[str, int]:
        """Today's entries by our name of the symbol: approved, or opened, whichever is more."""
        own = self.report.figures.own
        opened: Counter[str] = Counter()
        for symbol, count in ((own and own.opened_by_symbol) or {}).items():
            opened[self.names.get(symbol, symbol)] += count
        return dict(sorted((opened | Counter(self.remembered.symbols)).items()))


async def read_ledger(connection: Connection, source: LedgerSource) -> LedgerRead:
    """Read until the history adds up, for half a minute at most; the last reading counts.

    Raises AppError when the terminal does not tell its account, or the store fails.
    """
    try:
        return await _patiently(connection, source)
    except (ReadFailed, TerminalError) as error:
        raise Refused(f"the account's history: {error}") from error
    except StateFailed as error:
        raise WrongUsage(str(error)) from error


async def _patiently(connection: Connection, source: LedgerSource) -> LedgerRead:
    reading = await read_once(connection, source)
    with anyio.move_on_after(PATIENCE_SECONDS):
        while LedgerCode.HISTORY_UNSETTLED in reading.report.codes:
            await anyio.sleep(POLL_SECONDS)
            reading = await read_once(connection, source)
    await settle(source, reading)
    return reading


async def settle(source: LedgerSource, reading: LedgerRead) -> None:
    """Keep what the history does not explain, once it adds up."""
    settled_at = reading.report.figures.opening
    if not (source.remembers and source.writes) or reading.report.severity is LedgerSeverity.WAIT:
        return

    def keep(store: AccountStore) -> None:
        store.settle(settled_at, reading.at)
        if len(reading.clocks) == 1 and reading.clocks[0]:
            store.note_clock(reading.clocks[0], reading.at if store.clock() else 0)

    await source.books.run(keep)


async def read_once(connection: Connection, source: LedgerSource, since: int = 0) -> LedgerRead:
    """One reading from `since` (server's seconds) on.

    Raises ReadFailed, TerminalError or StateFailed.
    """
    now = source.clock.now()
    account, names = connection.account, list(source.names)
    tick, seen = await connection.terminal.work(
        lambda client: _seen(RemoteTerminal(client), account, names, now // 1000, since)
    )
    remembered = await source.books.run(lambda store: _remembered(store, source, seen, now))
    found = _clocks(source, seen, tick, now, remembered)
    known = msgspec.structs.replace(remembered.known, bars=source.bars.bars)
    report = await source.aside(lambda: _report(known, found))
    if report.wanted is not None and source.bars.is_worth_asking(report.wanted, now):
        report = await _bounded(connection, source, known, found, report)
    if source.remembers and source.writes and report.severity is not LedgerSeverity.WAIT:
        # What does not add up may be half of a history: it is asked for again.
        await source.books.run(lambda store: store.add_history(seen.deals, seen.orders, now))
    return LedgerRead(
        at=now,
        seen=seen,
        report=report,
        remembered=remembered,
        clocks=tuple(name for name, _ in found),
        rules=found[0][1],
        names=source.names,
    )


async def _bounded(
    connection: Connection,
    source: LedgerSource,
    known: LedgerInputs,
    clocks: Sequence[tuple[str, ServerRules]],
    report: LedgerReport,
) -> LedgerReport:
    """The report with what the terminal's bars tell of times at which nobody watched."""
    to_server, now = clocks[0][1][-1].to_server, known.now
    for minutes in LENGTHS:
        wanted = report.wanted
        if wanted is None:
            break
        if minutes == LENGTHS[0] and wanted.high - wanted.low > LONGEST_OF_SHORT:
            continue
        low = to_server(max(wanted.low - AROUND, now - FARTHEST) // 1000)
        high = to_server(min(wanted.high + AROUND, now) // 1000)
        read = await connection.terminal.work(
            partial(_bars, wanted.symbols, low, high, minutes, known.account.currency)
        )
        kept = source.bars.keep(wanted, now, read)
        bounded = msgspec.structs.replace(known, bars=kept)
        report = await source.aside(partial(_report, bounded, clocks))
    return report


def _bars(
    symbols: Sequence[str], low: int, high: int, minutes: int, currency: str, client: Caller
) -> BarsRead:
    return read_bars(RemoteTerminal(client).call, symbols, low, high, minutes, currency)


def later_since(seen: AccountRead) -> int:
    """From when (server's seconds) a later reading asks."""
    newest = max((deal.time_msc for deal in seen.deals), default=0)
    return max(0, newest // 1000 - _OVERLAP)


def _seen(
    terminal: RemoteTerminal,
    account: mt5.AccountInfo,
    symbols: Sequence[str],
    now: int,
    since: int,
) -> tuple[int, AccountRead]:
    tick = 0
    for symbol in symbols:
        shown = terminal.symbol_info_tick(symbol)
        tick = max(tick, shown.time if shown is not None else 0)
    login, server = account.login, account.server
    return tick, read_account(terminal, max(now, tick), since, login=login, server=server)


def _remembered(
    store: AccountStore, source: LedgerSource, seen: AccountRead, now: Millis
) -> Remembered:
    terms = source.terms
    inputs = LedgerInputs(
        now=now,
        account=seen.account,
        deals=seen.deals,
        positions=seen.positions,
        orders=(*seen.orders, *seen.pending),
        magic=MAGIC,
        clock=(),
        own_day=terms.own_day,
        firm=terms.firm,
        statement=terms.statement,
        told_since=seen.since,
    )
    if not source.remembers:
        return Remembered(known=inputs)
    approvals = store.approvals(now - 2 * _DAY)
    own, baseline = terms.own_day, store.baseline()
    known = msgspec.structs.replace(
        inputs,
        stored=store.deals(),
        stored_opening=store.opening(),
        observed=store.figures(),
        watched=store.watched(),
        requests=store.requests(now - 2 * _DAY),
        approvals=approvals,
        baseline=baseline,
    )
    return Remembered(
        known=known,
        clock=store.clock(),
        baseline=None if baseline is None else baseline[1],
        entries=tuple(at for at in approvals if at > now - _HOUR),
        symbols=store.approved_symbols(last_reset(own.zone, own.hour, now)),
        signals=tuple(sorted(store.known_signals(now - _DAY))),
        halts=store.halts(now),
    )


def _clocks(
    source: LedgerSource, seen: AccountRead, tick: int, now: Millis, remembered: Remembered
) -> list[tuple[str, ServerRules]]:
    if source.rules is not None:
        return [(source.rules_name, source.rules)]
    if source.stands_still:
        moments = [deal.time_msc for deal in seen.deals]
        moments += [item.time_msc for item in (*seen.orders, *seen.pending)]
        moments += [position.time_msc for position in seen.positions]
        return [("", standing_still(max(tick, *(at // 1000 for at in moments), 0), now))]
    return candidates(tick, now, remembered.clock)


def _report(inputs: LedgerInputs, clocks: Sequence[tuple[str, ServerRules]]) -> LedgerReport:
    reports = [fold(msgspec.structs.replace(inputs, clock=rules)) for _, rules in clocks]
    return settled(reports, [name for name, _ in clocks])


def _suspended(report: LedgerReport, *, follows: bool) -> str:
    """Why nothing may be opened for now; empty where nothing is against it."""
    for finding in report.findings:
        matters = follows or finding.code in HISTORY
        if finding.code.severity is LedgerSeverity.SUSPEND and matters:
            return finding.line
    return ""


def refusal(report: LedgerReport, *, follows: bool) -> AppError | None:
    """Why a session that sends may not begin; None where nothing is against it.

    Refused where it may pass by itself, WrongUsage where a person must act.

    One that does not follow objectives (`follows`) minds only what makes its own day uncertain.
    """
    for finding in report.findings:
        if finding.code.severity not in (LedgerSeverity.WAIT, LedgerSeverity.ACT):
            break
        if follows or finding.code in HISTORY:
            waits = finding.code.severity is LedgerSeverity.WAIT
            return Refused(finding.line) if waits else WrongUsage(finding.line)
    return None
