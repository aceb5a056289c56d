"""Testing the whole path to an account with one small order, vetted, checked or sent and closed.

Dry: connect, prove the account, select the symbol, read a tick, let risk vet a small buy and the
terminal check its request. Otherwise the order is sent, held and closed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from adapters.mt5.execution.valuation import BrokerValuation
from adapters.mt5.live.script import ScriptedEntry
from adapters.services.logs import SessionLog
from config.loader import (
    DEFAULT_PRESET,
    ConfigError,
    ResolvedAccount,
    load_preset,
    load_symbols,
    with_overrides,
)
from engine.clock import Clock, SystemClock
from engine.types import Conversion, Limits, SymbolSpec
from risk.valuation import rate_of
from scripts.app.account.place import paper_books
from scripts.app.account.terms import ledger_terms
from scripts.app.errors import AppError, NeedsAttention, Refused, WrongUsage
from scripts.app.frontend import Frontend
from scripts.app.operations.smoke_plan import smoke_plan
from scripts.app.operations.smoke_report import SmokeReport
from scripts.app.session_folder import THROUGH_MT5, SessionFolder, session_folder
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.failures import explained
from scripts.app.sessions.live import (
    LiveTerms,
    SessionContext,
    build_live,
    instruments,
    refuse_open_positions,
    valuation_at,
)
from scripts.app.sessions.outcomes import OrderOutcomes
from scripts.app.sessions.permission import refuse_unsuitable, refuse_without_permission
from scripts.app.sessions.resume import account_mark, open_journal
from scripts.app.sessions.services import ServiceOptions
from scripts.app.sessions.starting import on_ledger
from scripts.app.version import session_metadata


def smoke_limits(**given: Any) -> Limits:
    """The default preset's limits with those `given`; raises WrongUsage."""
    try:
        return with_overrides(load_preset(DEFAULT_PRESET).limits, **given)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error


@dataclass(kw_only=True)
class SmokeTest:
    """One run of the test: at most `risk_cents` may be lost `stop_pips` away, held `hold` s."""

    account: ResolvedAccount
    symbol: str
    limits: Limits
    dry_run: bool
    risk_cents: int
    stop_pips: float
    hold: float
    frontend: Frontend
    services: ServiceOptions = field(default_factory=ServiceOptions)
    _clock: Clock = field(default_factory=SystemClock, init=False)
    _too_much: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._report = SmokeReport(self.account.profile or "", self.dry_run, self._clock)

    def run(self, results: Path, session_id: str | None) -> tuple[SmokeReport, AppError | None]:
        """What was found, written as well, and why the test failed; None when it did not."""
        return asyncio.run(self._run(results, session_id))

    async def _run(
        self, results: Path, session_id: str | None
    ) -> tuple[SmokeReport, AppError | None]:
        folder = session_folder(results, session_id, THROUGH_MT5)
        folder.create()
        self._report.facts["session_id"] = folder.session_id
        self._report.facts["error"] = "stopped before its end"  # until something else is known
        problem = None
        try:
            await self._through(folder)
            self._report.facts["error"] = None
        except AppError as error:
            self._report.fail(str(error))
            problem = error
        finally:
            await self._report.write(folder, lambda line: self.frontend.tell([line]))
        return self._report, problem

    async def _through(self, folder: SessionFolder) -> None:
        state = folder.results / "hosts"
        step = self._report.begin("connect")
        async with connected(
            self.account,
            state,
            trading=not self.dry_run,
            symbols=[self.symbol],
            books=paper_books(self.account, folder.results),
            session=folder.session_id,
        ) as connection:
            self._report.facts["connected"] = True
            step["server"] = connection.account.server
            step["package"] = connection.hello.package
            self._report.end(step)
            await self._on_account(connection, folder)

    async def _on_account(self, connection: Connection, folder: SessionFolder) -> None:
        with self._report.step("guard") as entry:
            entry["account"] = f"{connection.account.login} on {connection.account.server}, demo"
            await self._check_permission(connection)
        with self._report.step("symbol") as entry:
            found = await instruments(
                connection, [self.symbol], self.account.symbol_map, load_symbols()
            )
            entry["symbol"] = found[self.symbol].name
        with self._report.step("tick") as entry:
            tick = await connection.call("symbol_info_tick", found[self.symbol].name)
            entry["bid"], entry["ask"] = tick.bid, tick.ask
        item = found[self.symbol]
        bid, ask = item.spec.points(tick.bid), item.spec.points(tick.ask)
        valuation = await valuation_at(connection, item, bid, ask)
        self._report.facts["currency"] = connection.account.currency
        plan = self._plan(item.spec, bid, ask, valuation, connection.account)
        with self._report.step("order_check" if self.dry_run else "order") as entry:
            await self._order(connection, folder, found, plan, entry)

    async def _check_permission(self, connection: Connection) -> None:
        """Trading permission, and an account without positions, matter only for sending."""
        refuse_unsuitable(connection)
        if self.dry_run:
            return
        await refuse_open_positions(connection)
        await refuse_without_permission(connection)

    def _plan(
        self,
        spec: SymbolSpec,
        bid: int,
        ask: int,
        valuation: BrokerValuation | None,
        account: mt5.AccountInfo,
    ) -> ScriptedEntry:
        rate = None if valuation is None else rate_of(spec, valuation.at(spec.name, 0))
        if rate is None and spec.conversion is Conversion.FROM_BROKER:
            raise Refused(
                f"{spec.name}: the terminal has no valuation of a move of its price "
                "(order_calc_profit): see whether it shows prices of it"
            )
        sized = smoke_plan(
            spec,
            ask,
            ask - bid,
            rate=rate,
            pips=self.stop_pips,
            risk=self.risk_cents,
            allowed=int(self.limits.per_trade_risk_fraction * account.balance * 100),
            currency=account.currency,
        )
        self._too_much = sized.too_much
        return sized.plan

    async def _order(
        self,
        connection: Connection,
        folder: SessionFolder,
        found: dict[str, Instrument],
        plan: ScriptedEntry,
        entry: dict[str, Any],
    ) -> None:
        log = SessionLog(
            folder.log, folder.session_id, self._clock.now, say=self.frontend.warn, apart=True
        )
        terms = self._terms(found, plan)
        metadata = session_metadata(
            folder.session_id,
            self.account.profile,
            dry_run=self.dry_run,
            account=account_mark(connection.account),
        )
        async with on_ledger(
            connection,
            folder,
            self.account,
            self._clock,
            ledger_terms(self.account, self.limits, None, None),
            mode=terms.mode,
            limits=self.limits,
            sends=not self.dry_run,
            names={item.name: ours for ours, item in found.items()},
            say=lambda line: self.frontend.tell([line]),
        ) as account:
            journal = account.journal(await open_journal(folder, resume=False), folder.session_id)
            context = SessionContext(folder, journal, self._clock, log, metadata, account=account)
            live = build_live(terms, connection, context)
            outcomes = live.outcomes
            try:
                with self.frontend.interruptible(live.session.request_stop), explained(folder, log):
                    await live.session.run()
            finally:
                log.close()
                profile = self.account.profile or "NAME"
                self.frontend.tell_left_open(
                    live.portfolio, profile=profile, goes_on="", dry_run=self.dry_run
                )
                self._report.facts["order_sent"] = outcomes.submitted > 0 and not self.dry_run
                self._report.facts["order_closed"] = outcomes.closed > 0
                self._report.facts |= outcomes.figures(found[self.symbol].spec)
                entry["events"] = outcomes.lines
        self._judge(outcomes, live.halted() or live.left())

    def _terms(self, found: dict[str, Instrument], plan: ScriptedEntry) -> LiveTerms:
        return LiveTerms(
            mode="smoke_test",
            instruments=found,
            limits=self.limits,
            plans=[plan],
            preset="smoke_test",
            parameters={},
            dry_run=self.dry_run,
            hold=self.hold,
            services=self.services,
        )

    def _judge(self, told: OrderOutcomes, left: str | None) -> None:
        denied = told.problem and not told.submitted
        if self._too_much and not denied:
            self.frontend.tell([f"warning: {self._too_much}"])
        problem = "; ".join(filter(None, (told.problem, self._too_much if denied else "", left)))
        if problem:
            raise NeedsAttention(problem)
        if not self.dry_run and not told.closed:
            raise NeedsAttention("the position was not closed: look at the terminal")
