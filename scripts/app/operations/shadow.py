"""A preset, or the user's signals, on a live feed: a new session or one to go on with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import msgspec

from adapters.mt5.execution.requests import Instrument
from adapters.services.last_cause import ended_by_watchdog, tell_gone_on
from adapters.services.logs import SessionLog
from adapters.services.watchdog import limited
from adapters.state.resuming import Start, terms_text
from adapters.system.threads import in_daemon
from engine.clock import Clock, SystemClock
from engine.events import NO_STRATEGY
from engine.types import USD, Limits, Millis, SymbolSpec
from risk.challenge import Challenge
from scripts.app.account.books import AccountBooks, opened
from scripts.app.account.clocks import named_rule
from scripts.app.account.place import held, paper_books
from scripts.app.account.rebuilding import TERMS
from scripts.app.account.terms import ledger_terms
from scripts.app.errors import AppError, WrongUsage
from scripts.app.frontend import Frontend
from scripts.app.operations.beginning import Beginning
from scripts.app.operations.finished import FinishedSession
from scripts.app.operations.shadow_request import DrawnView, ShadowRequest
from scripts.app.session_folder import THROUGH_MT5, SessionFolder, session_folder, tag_number
from scripts.app.sessions.adopting import Adopter, adoption_lines
from scripts.app.sessions.alerts import alert_of_hang, send_refusal
from scripts.app.sessions.choosing import StartPlan, names_a_session, planned, read_back
from scripts.app.sessions.connection import Connection, as_typed, connected, in_currency
from scripts.app.sessions.failures import explained
from scripts.app.sessions.hangs import why_out
from scripts.app.sessions.ledger import LedgerSource
from scripts.app.sessions.live import SessionContext, instruments
from scripts.app.sessions.live_feed import ShadowTerms, build_shadow, catch_up, clock_of
from scripts.app.sessions.paper import books_at
from scripts.app.sessions.paper_market import RecordedMarket, busy_hour, now_ms
from scripts.app.sessions.permission import refuse_unsuitable
from scripts.app.sessions.replay import bar_files_of
from scripts.app.sessions.resume import PreviousRun, account_mark, open_journal
from scripts.app.sessions.services import ServiceOptions, StatusView
from scripts.app.sessions.starting import (
    LookedOver,
    SessionAccount,
    begin,
    hashed_terms,
    insist_on_no_orphans,
    session_account,
)
from scripts.app.terms import options
from scripts.app.terms.bars import BarInput
from scripts.app.terms.commissions import in_account_currency
from scripts.app.terms.conversion_pairs import insist_on_pairs
from scripts.app.terms.inputs import open_inputs
from scripts.app.terms.objectives import as_recorded, named_phase, with_firms_day
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import Loaded, load
from scripts.app.version import session_metadata
from signals.market_data.clocks import utc_of

MODE = "shadow"

_DAY = 86_400_000
_POLL_SECONDS = 1.0
_FAST_POLL_SECONDS = 0.25


def run_shadow(chosen: ShadowRequest, frontend: Frontend) -> FinishedSession:
    """Run the session to its end; raises AppError when it cannot begin or go on."""
    chosen.check()
    chosen.request.check()
    chosen = replace(chosen, account=in_currency(chosen.account, chosen.request.currency))
    return asyncio.run(_resolve_and_run(chosen, frontend))


async def _resolve_and_run(chosen: ShadowRequest, frontend: Frontend) -> FinishedSession:
    def told(line: str) -> None:
        frontend.tell([line])
        alert_of_hang(chosen.account, line, frontend.tell)

    with limited(chosen.watchdog, told):
        loaded = load(chosen.request.preset)
    limits = chosen.limits(loaded)  # before anything is made
    named = names_a_session(chosen.resume)
    challenge = None if named and not chosen.request.objectives else chosen.challenge()
    async with opened(chosen.account, chosen.results) as books:
        inputs, notes = _inputs(chosen, loaded)
        async with alerted(chosen, books, frontend):
            plan = await planned(books, _start(chosen, loaded, limits, challenge, inputs))
        own = _own_folder(chosen, plan)
        with held(chosen.account, chosen.results, plan.session or own.session_id):
            async with alerted(chosen, books, frontend):
                plan, previous = await read_back(books, plan, chosen.results)
            market = _market(chosen, inputs, previous)
            if previous is not None:
                _compare(chosen, previous, loaded, market)
            frontend.tell([*notes, *filter(None, [plan.line])])
            folder = own if previous is None else previous.folder
            if previous is None:
                folder.create()
            run = _Run(chosen, frontend, folder, previous, loaded, market, plan, books)
            try:
                return await run.on_account()
            finally:
                folder.discard_if_empty()


def _own_folder(chosen: ShadowRequest, plan: StartPlan) -> SessionFolder:
    """A new session's folder; a name that is drawn has a tag that no session of the account has."""
    while True:
        folder = session_folder(chosen.results, chosen.session_id, THROUGH_MT5)
        if chosen.session_id or tag_number(folder.session_id) not in plan.tags:
            return folder


@asynccontextmanager
async def alerted(
    chosen: ShadowRequest, books: AccountBooks, frontend: Frontend
) -> AsyncIterator[None]:
    """Whoever is to be alerted hears, once a day, why a session that sends does not begin."""
    try:
        yield
    except AppError as error:
        line, at = str(error), SystemClock().now()
        if not chosen.dry_run and await books.run(lambda store: store.is_news(line, at, _DAY)):
            name = chosen.account.profile or "the account"
            failed = await in_daemon(lambda: send_refusal(name, chosen.account.alerts, line))
            frontend.tell([failed] if failed else [])
        raise


def _start(
    chosen: ShadowRequest,
    loaded: Loaded,
    limits: Limits,
    challenge: Challenge | None,
    inputs: list[BarInput],
) -> Start:
    """What is to begin, told so that a session of before can be held against it."""
    preset, parameters = chosen.decided_by(loaded)
    terms = hashed_terms(
        preset=preset,
        parameters=parameters,
        limits=with_firms_day(limits, challenge).terms(),
        objectives=as_recorded(challenge),
        symbols=[item.spec.name for item in inputs] or chosen.named_symbols,
        bars=[(item.ref.symbol, item.ref.sha256) for item in inputs],
    )
    return Start(
        wanted=chosen.resume,
        mode=MODE,
        dry=chosen.dry_run,
        terms=terms,
        now=SystemClock().now(),
        adopt=chosen.adopt,
        account_name=as_typed(chosen.account),
    )


def _inputs(chosen: ShadowRequest, loaded: Loaded) -> tuple[list[BarInput], list[str]]:
    """The recorded bars that stand for PAPER's market: those given, or the sample."""
    if not chosen.on_paper:
        return [], []
    request = chosen.request
    everything = ReplayRequest(bars=request.bars, clock=request.clock, end=request.end)
    currency = request.currency
    table = options.known_specs(request.symbol_spec, currency)
    table = options.with_costs(table, None, request.commission, None)
    inputs, notes = open_inputs(everything, table, loaded.timeframes)
    traded = [item.spec for item in inputs]
    insist_on_pairs(traded, table.values(), currency)
    inputs, converted = in_account_currency(inputs, request.commission, currency)
    return inputs, notes + converted


def _market(
    chosen: ShadowRequest, inputs: list[BarInput], previous: PreviousRun | None
) -> RecordedMarket | None:
    """The market that plays these bars, from where an earlier part of the session left it."""
    if not inputs:
        return None
    first = min(item.ref.first for item in inputs)
    start = options.moment("--from", chosen.request.start)
    opening = first if chosen.lockstep or previous is not None else busy_hour(inputs)
    begin = opening - 1000 if start is None else start * 1000 - 1000
    if previous is not None:
        begin = max(begin, previous.records[-1].time)
    if not chosen.dry_run:
        begin = max(begin, _stands_at(chosen, inputs))
    speed = None if chosen.lockstep else chosen.speed or 1.0
    return RecordedMarket(inputs, begin, speed, now_ms(), chosen.request.currency)


def _stands_at(chosen: ShadowRequest, inputs: list[BarInput]) -> Millis:
    """Where the paper account's market stands (ms UTC), 0 for fresh books; it never goes back.

    Raises WrongUsage where that is behind the bars.
    """
    server = books_at(paper_books(chosen.account, chosen.results))
    if server is None:
        return 0
    stands = utc_of(inputs[0].clock, server // 1000) * 1000
    if stands // 1000 >= max(item.ref.last // 1000 for item in inputs):
        raise WrongUsage(
            "the PAPER account of these results has come to the end of the bars: "
            f"`butler account {as_typed(chosen.account)} --reset` gives it fresh books, and so "
            "does another --results-dir"
        )
    return stands


def _compare(
    chosen: ShadowRequest, previous: PreviousRun, loaded: Loaded, market: RecordedMarket | None
) -> None:
    """Raise WrongUsage unless the session goes on with what it began with."""
    data = [item.ref for item in market.inputs] if market else []
    previous.insist_on_terms(*chosen.decided_by(loaded), data, dry_run=chosen.dry_run)
    if chosen.request.initial_balance is not None:
        previous.insist_on_initial(chosen.challenge())
    if chosen.symbols and chosen.symbols != previous.symbols:
        raise WrongUsage(
            f"--symbol: session {previous.folder.session_id} trades "
            f"{', '.join(previous.symbols)}; leave the option out"
        )


@dataclass(frozen=True)
class _Run:
    """A session whose terms are resolved and whose folder exists."""

    chosen: ShadowRequest
    frontend: Frontend
    folder: SessionFolder
    previous: PreviousRun | None
    loaded: Loaded
    market: RecordedMarket | None
    plan: StartPlan
    books: AccountBooks

    async def on_account(self) -> FinishedSession:
        """Connect to the account and run there; raises AppError."""
        chosen, folder, market = self.chosen, self.folder, self.market
        names = self._names()
        known = options.known_specs(chosen.request.symbol_spec)
        if market is not None:
            known |= {item.spec.name: item.spec for item in market.inputs}
        own = paper_books(chosen.account, chosen.results)
        beginning = Beginning(folder, chosen.account.profile, dry_run=chosen.dry_run)
        link = connected(
            chosen.account,
            folder.results / "hosts",
            trading=not chosen.dry_run,
            symbols=names,
            books=folder.paper_market if chosen.dry_run else own,
            market=market,
            session=folder.session_id,
            is_held=True,
        )
        with beginning:
            return await self._begun(link, names, known, beginning)

    async def _begun(
        self,
        link: AbstractAsyncContextManager[Connection],
        names: list[str],
        known: dict[str, SymbolSpec],
        beginning: Beginning,
    ) -> FinishedSession:
        chosen = self.chosen
        async with link as connection:
            refuse_unsuitable(connection)
            beginning.over()
            if self.previous is not None:
                self.previous.insist_on(connection.account, MODE)
            found = await instruments(
                connection,
                names,
                chosen.account.symbol_map,
                known,
                managed=True,
                charged_in=USD if self.market is None else self.market.currency,
            )
            return await self._run(connection, self._terms(found))

    def _names(self) -> list[str]:
        """The symbols of the session."""
        if self.market is not None:
            return [item.spec.name for item in self.market.inputs]
        if self.previous is not None:
            return self.previous.symbols
        return self.chosen.named_symbols

    async def _run(self, connection: Connection, terms: ShadowTerms) -> FinishedSession:
        folder, clock = self.folder, clock_of(self.market)
        if self.previous is not None:
            await catch_up(clock, self.market, connection)
        hung = ended_by_watchdog(folder.log)  # which this run's own lines would hide
        log = SessionLog(
            folder.log, folder.session_id, clock.now, say=self.frontend.warn, apart=True
        )
        shadowed = None
        try:
            with explained(folder, log):
                async with alerted(self.chosen, self.books, self.frontend):
                    account = await self._account(connection, clock, terms)
                if self.previous is not None:
                    tell_gone_on(log, hung)
                context = await self._context(connection, clock, log, account)
                with limited(self.chosen.watchdog, self._told_at_once(log), folder.path):
                    shadowed = build_shadow(terms, connection, context)
                with self.frontend.interruptible(shadowed.session.request_stop) as interrupt:
                    outcome = await shadowed.session.run()
        finally:
            log.close()
            if shadowed is not None:
                profile = as_typed(self.chosen.account)
                self.frontend.tell_left_open(
                    shadowed.actors.portfolio,
                    profile=profile,
                    goes_on=f"butler shadow --account-profile {profile} "
                    f"--resume {folder.session_id} manages them again",
                    dry_run=self.chosen.dry_run,
                )
        summary, tables = shadowed.sinks.summary.projection.summary(), shadowed.sinks.tables
        return FinishedSession(
            folder, outcome, summary, as_ordered=not interrupt.asked, result=tables.result
        )

    def _told_at_once(self, log: SessionLog) -> Callable[[str], None]:
        """Warns log and services, and waits for both: this process may be ended next."""

        def told(line: str) -> None:
            log.warn(line)
            log.written(self.chosen.watchdog.last_words)
            alert_of_hang(self.chosen.account, line, self.frontend.tell)

        return told

    async def _account(
        self, connection: Connection, clock: Clock, terms: ShadowTerms
    ) -> SessionAccount:
        """Where the account stands, and that the session begins on it. Raises AppError."""
        chosen, challenge, market = self.chosen, terms.challenge, self.market
        initial = None if challenge is None else challenge.initial_balance
        phase = named_phase(chosen.request.objectives)
        source = LedgerSource(
            books=self.books,
            terms=ledger_terms(chosen.account, terms.limits, challenge, phase, initial),
            clock=clock,
            names={item.name: ours for ours, item in terms.instruments.items()},
            rules=None if market is None else (named_rule(market.clock_name),),
            rules_name="" if market is None else market.clock_name,
            remembers=market is None or not chosen.dry_run,
        )
        account = await session_account(
            connection,
            source,
            terms.limits,
            challenge,
            sends=not chosen.dry_run,
            say=lambda line: self.frontend.tell([line]),
            name=as_typed(chosen.account),
        )
        looked = await self._looked_over(account, clock, terms)
        resumed, own = self.previous is not None, self.plan.start.terms
        await begin(account, self.folder, MODE, own, resumed=resumed, looked=looked)
        if looked.adopted is not None:
            self.frontend.tell(adoption_lines(looked.adopted, terms.instruments))
        return replace(account, adopted=looked.adopted)

    async def _looked_over(
        self, account: SessionAccount, clock: Clock, terms: ShadowTerms
    ) -> LookedOver:
        """What is open that no session manages, which only one that sends has to do with."""
        if self.chosen.dry_run:
            return LookedOver(given_up=self.plan.given_up)
        names = frozenset(item.name for item in terms.instruments.values())
        start = msgspec.structs.replace(self.plan.start, now=clock.now(), symbols=names)
        adopter = Adopter(
            results=self.folder.results,
            instruments=terms.instruments,
            preset=terms.preset,
            parameters=terms.parameters,
        )
        session = None if self.previous is None else self.folder.session_id
        return await insist_on_no_orphans(account, start, session, adopter)

    async def _context(
        self, connection: Connection, clock: Clock, log: SessionLog, account: SessionAccount
    ) -> SessionContext:
        metadata = session_metadata(
            self.folder.session_id,
            self.chosen.account.profile,
            dry_run=self.chosen.dry_run,
            account=account_mark(connection.account),
        )
        metadata[TERMS] = terms_text(self.plan.start.terms)
        if self.loaded.file is not None:
            metadata["strategy_file"] = str(self.loaded.file)
        if self.market is not None:
            metadata |= bar_files_of(self.market.inputs)
        opened_one = await open_journal(self.folder, resume=self.previous is not None)
        past = self.previous.records if self.previous else None
        journal = account.journal(opened_one, self.folder.session_id, past or ())
        return SessionContext(self.folder, journal, clock, log, metadata, past, account)

    def _terms(self, found: dict[str, Instrument]) -> ShadowTerms:
        chosen, previous, loaded = self.chosen, self.previous, self.loaded
        preset, parameters = chosen.decided_by(loaded)
        challenge = previous.challenge if previous else chosen.challenge()
        limits = chosen.limits(loaded)
        fast = self.market is not None and self.market.speed not in (None, 1.0)
        out = why_out(self.folder.path)
        return ShadowTerms(
            mode=MODE,
            preset=preset,
            parameters=parameters,
            strategy=NO_STRATEGY if chosen.request.signals else loaded.strategy,
            factory=None if chosen.request.signals or out else loaded.factory,
            timeframes=loaded.timeframes,
            signals=chosen.signals(),
            followed=chosen.request.signals if chosen.follow else None,
            instruments=found,
            limits=previous.limits if previous else with_firms_day(limits, challenge),
            challenge=challenge,
            dry_run=chosen.dry_run,
            seconds=chosen.seconds,
            poll=_FAST_POLL_SECONDS if fast else _POLL_SECONDS,
            company=ServiceOptions(
                alerts=chosen.account.alerts,
                metrics_port=chosen.metrics_port,
                view=_in_daemon(chosen.view),
                watchdog=chosen.watchdog,
                parquet=chosen.parquet,
            ),
            strategy_out=out,
            market=self.market,
        )


def _in_daemon(view: DrawnView | None) -> StatusView | None:
    """A view whose drawing holds up a thread of its own alone, where a console takes nothing."""
    return None if view is None else lambda status: view(status, in_daemon)
