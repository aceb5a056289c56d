"""`butler shadow`: a preset on a live demo feed, for hours or weeks; dry unless `--no-dry-run` is
given."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import home, session_folder
from scripts.app.terms.request import LIMIT_OPTIONS, ReplayRequest
from scripts.cli.replay import Screen
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared import shadow_options as own
from scripts.cli.shared.account_options import (
    AccountsOption,
    DryRunOption,
    LoginOption,
    PasswordOption,
    ProfileOption,
    ResultsOption,
    ServerOption,
    SessionOption,
    choose_account,
)
from scripts.cli.shared.exit_codes import ExitCode

if TYPE_CHECKING:
    from adapters.state.resuming import Start
    from config.loader import ResolvedAccount
    from engine.portfolio import Portfolio
    from engine.types import Limits
    from risk.challenge import Challenge
    from scripts.app.account.books import AccountBooks
    from scripts.app.session_folder import SessionFolder
    from scripts.app.sessions.choosing import StartPlan
    from scripts.app.sessions.paper_market import RecordedMarket
    from scripts.app.sessions.resume import PreviousRun
    from scripts.app.sessions.starting import SessionAccount
    from scripts.app.terms.bars import BarInput
    from scripts.app.terms.strategies import Loaded

MODE = "shadow"
_AUTO, _LAST = "auto", "last"

_POLL_SECONDS = 1.0
_FAST_POLL_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class ShadowOptions:
    """What the user asked for."""

    request: ReplayRequest
    account: ResolvedAccount
    symbols: list[str]
    dry_run: bool
    seconds: float | None
    speed: float | None
    lockstep: bool
    resume: str
    results: Path
    session_id: str | None
    follow: bool
    metrics_port: int | None
    hang_limit: float
    view: bool
    screen: Screen


def shadow(
    account_profile: ProfileOption,
    dry_run: DryRunOption = True,
    duration: own.Duration = None,
    resume: own.Resume = _AUTO,
    symbol: own.SymbolsOption = None,
    preset: opt.PresetName = "ftmo_m15",
    max_positions: opt.MaxPositions = None,
    per_trade_risk_fraction: opt.PerTradeRisk = None,
    daily_loss_fraction: opt.DailyLoss = None,
    max_loss_fraction: opt.MaxLoss = None,
    bars: opt.Bars = None,
    clock: opt.Clock = None,
    symbol_spec: opt.SymbolSpecFiles = None,
    start: opt.Start = None,
    end: opt.End = None,
    speed: own.Speed = None,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    session_id: SessionOption = None,
    objectives: opt.Objectives = None,
    calendar: opt.Calendar = None,
    initial_balance: opt.InitialBalance = None,
    signals: opt.Signals = None,
    follow: own.Follow = False,
    metrics_port: own.MetricsPort = None,
    hang_limit: own.HangLimit = 30.0,
    view: own.View = True,
    as_json: opt.AsJson = False,
    quiet: opt.Quiet = False,
) -> int:
    """Run a preset on a live feed: dry by default, the real terminal's prices and nothing sent."""
    given = dict(locals())
    account = choose_account(account_profile, login, server, password, accounts)
    chosen = ShadowOptions(
        request=_request(given),
        account=account,
        symbols=symbol or [],
        dry_run=dry_run,
        seconds=own.seconds_of(duration),
        speed=own.speed_of(speed),
        lockstep=speed == "max",
        resume=resume,
        results=results_dir if results_dir is not None else home() / "results",
        session_id=session_id,
        follow=follow,
        metrics_port=metrics_port,
        hang_limit=hang_limit,
        view=view and not quiet and not as_json,
        screen=Screen(as_json=as_json, quiet=quiet),
    )
    return asyncio.run(_Shadow(chosen).run())


def _request(given: dict[str, Any]) -> ReplayRequest:
    """What a replay could be asked for, too."""
    alike = (
        "bars", "clock", "symbol_spec", "preset", "start", "end", "signals", "objectives",
        "calendar", "initial_balance",
    )  # fmt: skip
    limits = {name: given[name] for name in LIMIT_OPTIONS}
    return ReplayRequest(limits=limits, **{name: given[name] for name in alike})


def _given(chosen: ShadowOptions) -> tuple[Any, ...]:
    """The user's signals, unless they are read while the session runs."""
    if chosen.request.signals is None or chosen.follow:
        return ()
    from scripts.app.terms.user_signals import open_signals

    return open_signals(chosen.request.signals).signals


def _limits(chosen: ShadowOptions, loaded: Loaded) -> Limits:
    """The preset's limits as the user changed them; raises AppError."""
    from config.loader import ConfigError, with_overrides

    try:
        return with_overrides(loaded.preset.limits, **chosen.request.limits)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error


def _decided_by(chosen: ShadowOptions, loaded: Loaded) -> tuple[str, dict[str, Any]]:
    """What decides, by name, and its parameters: the preset, or the user's signals."""
    if chosen.request.signals:
        return "signals", {}
    return loaded.preset.name, loaded.preset.parameters


def _course(chosen: ShadowOptions) -> Challenge | None:
    """The firm's objectives that the user wants followed; raises AppError."""
    from scripts.app.terms.objectives import resolve

    request = chosen.request
    return resolve(request.objectives, None, request.calendar, request.initial_balance)


@dataclass(frozen=True)
class _Beginning:
    """What is known before the account is looked at."""

    previous: PreviousRun | None
    loaded: Loaded
    market: RecordedMarket | None
    plan: StartPlan
    books: AccountBooks


class _Shadow:
    """One run of the command."""

    def __init__(self, chosen: ShadowOptions) -> None:
        self._chosen = chosen
        self._check()

    def _check(self) -> None:
        from scripts.app.sessions.paper import PAPER

        chosen, paper = self._chosen, self._chosen.account.profile == PAPER
        if chosen.request.bars and not paper:
            raise WrongUsage(
                "--bars needs --account-profile PAPER: another account has a market of its own"
            )
        if chosen.follow and chosen.request.signals is None:
            raise WrongUsage("--follow needs --signals FILE")
        if (chosen.speed is not None or chosen.lockstep) and not paper:
            raise WrongUsage(
                "--speed needs --account-profile PAPER: another account has a clock of its own"
            )
        if chosen.symbols and paper:
            raise WrongUsage(
                "--symbol does not go with PAPER, which trades its bars: name them with --bars"
            )

    async def run(self) -> int:
        from scripts.app.account.books import opened
        from scripts.app.account.place import held
        from scripts.app.sessions.choosing import names_a_session, planned, read_back
        from scripts.app.terms.strategies import load

        chosen = self._chosen
        loaded = load(chosen.request.preset)
        limits = _limits(chosen, loaded)  # before anything is made
        named = names_a_session(chosen.resume)
        challenge = None if named and not chosen.request.objectives else _course(chosen)
        async with opened(chosen.account, chosen.results) as books:
            inputs, notes = self._inputs(loaded)
            plan = await planned(books, self._start(loaded, limits, challenge, inputs))
            own = self._new_folder()
            with held(chosen.account, chosen.results, plan.session or own.session_id):
                plan, previous = await read_back(books, plan, chosen.results)
                market = self._market(inputs, previous)
                if previous is not None:
                    self._compare(previous, loaded, market)
                chosen.screen.tell([*notes, *filter(None, [plan.line])])
                folder = own if previous is None else previous.folder
                if previous is None:
                    folder.create()
                found = _Beginning(previous, loaded, market, plan, books)
                try:
                    return await self._on_account(folder, found)
                finally:
                    folder.discard_if_empty()

    def _new_folder(self) -> SessionFolder:
        """The folder of a new session, not made yet."""
        from scripts.app.session_folder import THROUGH_MT5

        return session_folder(self._chosen.results, self._chosen.session_id, THROUGH_MT5)

    def _start(
        self,
        loaded: Loaded,
        limits: Limits,
        challenge: Challenge | None,
        inputs: list[BarInput],
    ) -> Start:
        """What is to begin, told so that a session of before can be held against it."""
        from adapters.state.resuming import Start
        from engine.clock import SystemClock
        from scripts.app.sessions.starting import hashed_terms
        from scripts.app.terms.objectives import as_recorded, with_firms_day

        chosen = self._chosen
        preset, parameters = _decided_by(chosen, loaded)
        symbols = [item.spec.name for item in inputs] or self._names(None, None)
        terms = hashed_terms(
            preset=preset,
            parameters=parameters,
            limits=with_firms_day(limits, challenge).terms(),
            objectives=as_recorded(challenge),
            symbols=symbols,
            bars=[(item.ref.symbol, item.ref.sha256) for item in inputs],
        )
        wanted = _AUTO if chosen.resume == _LAST else chosen.resume
        return Start(
            wanted=wanted,
            mode=MODE,
            dry=chosen.dry_run,
            terms=terms,
            now=SystemClock().now(),
            account_name=chosen.account.profile or "NAME",
        )

    def _compare(
        self, previous: PreviousRun, loaded: Loaded, market: RecordedMarket | None
    ) -> None:
        """Raise AppError unless the session goes on with what it began with."""
        chosen = self._chosen
        data = [item.ref for item in market.inputs] if market else []
        previous.insist_on_terms(*_decided_by(chosen, loaded), data, dry_run=chosen.dry_run)
        if chosen.request.initial_balance is not None:
            previous.insist_on_initial(_course(chosen))
        if chosen.symbols and chosen.symbols != previous.symbols:
            raise WrongUsage(
                f"--symbol: session {previous.folder.session_id} trades "
                f"{', '.join(previous.symbols)}; leave the option out"
            )

    def _names(self, previous: PreviousRun | None, market: RecordedMarket | None) -> list[str]:
        """The symbols of the session."""
        if market is not None:
            return [item.spec.name for item in market.inputs]
        if previous is not None:
            return previous.symbols
        return self._chosen.symbols or [self._chosen.account.default_symbol]

    def _inputs(self, loaded: Loaded) -> tuple[list[BarInput], list[str]]:
        """The recorded bars that stand for PAPER's market: those given, or the sample."""
        from scripts.app.sessions.paper import PAPER
        from scripts.app.terms import options
        from scripts.app.terms.conversion_pairs import insist_on_pairs
        from scripts.app.terms.inputs import open_inputs

        chosen = self._chosen
        if chosen.account.profile != PAPER:
            return [], []
        everything = ReplayRequest(
            bars=chosen.request.bars, clock=chosen.request.clock, end=chosen.request.end
        )
        table = options.known_specs(chosen.request.symbol_spec)
        inputs, notes = open_inputs(everything, table, loaded.timeframes)
        insist_on_pairs([item.spec for item in inputs], table.values())
        return inputs, notes

    def _market(
        self, inputs: list[BarInput], previous: PreviousRun | None
    ) -> RecordedMarket | None:
        from scripts.app.sessions.paper_market import RecordedMarket, now_ms
        from scripts.app.terms import options

        chosen = self._chosen
        if not inputs:
            return None
        first = min(item.ref.first for item in inputs)
        start = options.moment("--from", chosen.request.start)
        begin = first - 1000 if start is None else start * 1000 - 1000
        if previous is not None:
            begin = max(begin, previous.records[-1].time)
        if not chosen.dry_run:
            begin = max(begin, self._stands_at(inputs))
        speed = None if chosen.lockstep else chosen.speed or 1.0
        return RecordedMarket(inputs, begin, speed, now_ms())

    def _stands_at(self, inputs: list[BarInput]) -> int:
        """Where the paper account's market stands (ms UTC), 0 for fresh books; it never goes back.

        Raises WrongUsage where that is behind the bars.
        """
        from scripts.app.account.place import paper_books
        from scripts.app.sessions.paper import books_at
        from signals.market_data.clocks import utc_of

        books = paper_books(self._chosen.account, self._chosen.results)
        server = books_at(books)
        if server is None:
            return 0
        stands = utc_of(inputs[0].clock, server // 1000) * 1000
        if stands // 1000 >= max(item.ref.last // 1000 for item in inputs):
            raise WrongUsage(
                "the PAPER account of these results has come to the end of the bars: "
                "`butler account PAPER --reset` gives it fresh books, and so does another "
                "--results-dir"
            )
        return stands

    async def _on_account(self, folder: SessionFolder, found: _Beginning) -> int:
        from scripts.app.account.place import paper_books
        from scripts.app.sessions.connection import connected
        from scripts.app.sessions.live import instruments
        from scripts.app.sessions.permission import refuse_unsuitable
        from scripts.app.terms import options

        chosen, previous, market = self._chosen, found.previous, found.market
        names = self._names(previous, market)
        known = options.known_specs(chosen.request.symbol_spec)
        if market is not None:
            known |= {item.spec.name: item.spec for item in market.inputs}
        own = paper_books(chosen.account, chosen.results)
        async with connected(
            chosen.account,
            folder.results / "hosts",
            trading=not chosen.dry_run,
            symbols=names,
            books=folder.paper_market if chosen.dry_run else own,
            market=market,
            session=folder.session_id,
            is_held=True,
        ) as connection:
            refuse_unsuitable(connection)
            if previous is not None:
                previous.insist_on(connection.account, MODE)
            traded = await instruments(
                connection, names, chosen.account.symbol_map, known, managed=True
            )
            return await _Session(chosen, folder, found).run(connection, traded)


class _Session:
    """The session on a connected account."""

    def __init__(self, chosen: ShadowOptions, folder: SessionFolder, found: _Beginning) -> None:
        self._chosen = chosen
        self._folder = folder
        self._found = found
        self._previous = found.previous
        self._loaded = found.loaded
        self._market = found.market
        self._signal_file = _given(chosen)

    async def run(self, connection: Any, found: Any) -> int:
        from adapters.services.logs import SessionLog
        from scripts.app.sessions.failures import explained
        from scripts.app.sessions.live_feed import build_shadow, catch_up, clock_of
        from scripts.cli.shared.interrupts import orderly_stop

        clock = clock_of(self._market)
        if self._previous is not None:
            await catch_up(clock, self._market, connection)
        log = SessionLog(
            self._folder.log,
            self._folder.session_id,
            clock.now,
            say=self._chosen.screen.say,
            apart=True,
        )
        shadowed = None
        try:
            with explained(self._folder, log):
                terms = self._terms(found)
                account = await self._account(connection, clock, terms)
                frame = await self._context(connection, clock, log, account)
                shadowed = build_shadow(terms, connection, frame)
                with orderly_stop(shadowed.session.request_stop) as interrupt:
                    await shadowed.session.run()
        finally:
            log.close()
            if shadowed is not None:
                self._tell_left_open(shadowed.actors.portfolio)
        self._show(shadowed.summary.projection.summary())
        # What `butler stop` ordered is done.
        return ExitCode.INTERRUPTED if interrupt.asked else ExitCode.DONE

    async def _account(self, connection: Any, clock: Any, terms: Any) -> SessionAccount:
        """Where the account stands, and that the session begins on it. Raises AppError."""
        import msgspec

        from scripts.app.account.clocks import named_rule
        from scripts.app.account.terms import ledger_terms
        from scripts.app.sessions.ledger import LedgerSource
        from scripts.app.sessions.starting import begin, insist_on_no_orphans, session_account
        from scripts.app.terms.objectives import named_phase

        chosen, found, challenge = self._chosen, self._found, terms.challenge
        initial = None if challenge is None else challenge.initial_balance
        phase = named_phase(chosen.request.objectives)
        market = self._market
        source = LedgerSource(
            books=found.books,
            terms=ledger_terms(chosen.account, terms.limits, challenge, phase, initial),
            clock=clock,
            symbols=[item.name for item in terms.instruments.values()],
            rules=None if market is None else (named_rule(market.clock_name),),
            remembers=market is None or not chosen.dry_run,
        )
        account = await session_account(
            connection,
            source,
            terms.limits,
            challenge,
            sends=not chosen.dry_run,
            say=lambda line: chosen.screen.tell([line]),
            name=chosen.account.profile or "NAME",
        )
        resumed = self._previous is not None
        start = msgspec.structs.replace(found.plan.start, now=clock.now())
        given_up = found.plan.given_up
        if not chosen.dry_run:
            session = self._folder.session_id if resumed else None
            given_up = (await insist_on_no_orphans(account, start, session)).given_up
        await begin(account, self._folder, MODE, start.terms, resumed=resumed, given_up=given_up)
        return account

    async def _context(self, connection: Any, clock: Any, log: Any, account: SessionAccount) -> Any:
        from scripts.app.sessions.live import SessionContext
        from scripts.app.sessions.resume import account_mark, open_journal
        from scripts.app.version import session_metadata

        metadata = session_metadata(
            self._folder.session_id,
            self._chosen.account.profile,
            dry_run=self._chosen.dry_run,
            account=account_mark(connection.account),
        )
        if self._loaded.file is not None:
            metadata["strategy_file"] = str(self._loaded.file)
        journal = await open_journal(self._folder, resume=self._previous is not None)
        past = self._previous.records if self._previous else None
        return SessionContext(
            self._folder,
            account.journal(journal, self._folder.session_id),
            clock,
            log,
            metadata,
            past,
            account,
        )

    def _terms(self, found: Any) -> Any:
        from engine.events import NO_STRATEGY
        from scripts.app.sessions.hangs import why_out
        from scripts.app.sessions.live_feed import ShadowTerms
        from scripts.app.terms.objectives import with_firms_day

        chosen, previous, loaded = self._chosen, self._previous, self._loaded
        preset, parameters = _decided_by(chosen, loaded)
        limits = _limits(chosen, loaded)
        fast = self._market is not None and self._market.speed not in (None, 1.0)
        return ShadowTerms(
            mode=MODE,
            preset=preset,
            parameters=parameters,
            strategy=NO_STRATEGY if chosen.request.signals else loaded.strategy,
            factory=None if chosen.request.signals else loaded.factory,
            timeframes=loaded.timeframes,
            signals=self._signal_file,
            followed=chosen.request.signals if chosen.follow else None,
            instruments=found,
            limits=previous.limits if previous else with_firms_day(limits, _course(chosen)),
            challenge=previous.challenge if previous else _course(chosen),
            dry_run=chosen.dry_run,
            seconds=chosen.seconds,
            poll=_FAST_POLL_SECONDS if fast else _POLL_SECONDS,
            company=self._services(),
            strategy_out=why_out(self._folder.path),
            market=self._market,
        )

    def _services(self) -> Any:
        """What runs beside the session; alerts and metrics only where they were asked for."""
        from rich.console import Console

        from adapters.services.watchdog import WatchdogTerms
        from adapters.system.threads import in_daemon
        from scripts.app.sessions.services import ServiceOptions
        from scripts.cli.shared.interrupts import leave_hung
        from scripts.view.live_view import LiveView

        chosen = self._chosen
        console = Console(stderr=True)
        shown = chosen.view and console.is_terminal
        return ServiceOptions(
            alerts=chosen.account.alerts,
            metrics_port=chosen.metrics_port,
            watchdog=WatchdogTerms(
                leave=leave_hung,
                told_after=min(10.0, chosen.hang_limit / 2),
                ended_after=chosen.hang_limit,
            ),
            view=(lambda status: LiveView(status, console, drawn=in_daemon)) if shown else None,
        )

    def _tell_left_open(self, portfolio: Portfolio) -> None:
        """Said even where nothing else is: open positions are money."""
        from scripts.cli.shared.command_line import complain
        from scripts.view.left_open import left_open_lines

        for line in left_open_lines(
            portfolio.positions.values(),
            portfolio.specs,
            profile=self._chosen.account.profile or "NAME",
            session=self._folder.session_id,
            dry_run=self._chosen.dry_run,
        ):
            complain(line)

    def _show(self, summary: dict[str, Any]) -> None:
        import json

        from scripts.view.summary import show_summary

        if self._chosen.screen.as_json:
            print(json.dumps(summary, indent=2, allow_nan=False))
        elif not self._chosen.screen.quiet:
            show_summary(summary, self._folder.latest_event_log, self._folder.path)
