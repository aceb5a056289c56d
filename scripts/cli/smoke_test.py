"""`butler smoke-test`: does the whole path to this account work?

Dry (the default): connect, prove the account, select the symbol, read a tick, let risk vet a small
buy and the terminal check its request. With `--no-dry-run` the order is sent, held and closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.app.errors import AppError, NeedsAttention, Refused, WrongUsage
from scripts.app.session_folder import home
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
from scripts.cli.shared.command_line import complain
from scripts.cli.shared.exit_codes import ExitCode, exit_code

if TYPE_CHECKING:
    from adapters.mt5.execution.valuation import BrokerValuation
    from adapters.mt5.live.script import ScriptedEntry
    from config.loader import ResolvedAccount
    from engine.clock import Clock
    from engine.types import Limits, SymbolSpec
    from scripts.app.session_folder import SessionFolder
    from scripts.app.sessions.connection import Connection

SUMMARY = "mt5_demo_smoketest_summary.json"


def smoke_test(
    account_profile: ProfileOption,
    dry_run: DryRunOption = True,
    symbol: Annotated[
        str | None, typer.Option(help="Test this symbol; by default the profile's.")
    ] = None,
    risk_amount: Annotated[
        float, typer.Option(help="Let the order lose at most so many USD.")
    ] = 5.0,
    stop_pips: Annotated[float, typer.Option(help="Set its stop so many pips away.")] = 10.0,
    hold_seconds: Annotated[float, typer.Option(help="Hold it for so many seconds.")] = 2.0,
    max_positions: Annotated[int, typer.Option(help="Hold at most so many positions at once.")] = 1,
    per_trade_risk_fraction: Annotated[
        float, typer.Option(help="Let the order lose at most this fraction.")
    ] = 0.0005,
    daily_loss_fraction: Annotated[
        float, typer.Option(help="Let the day lose at most this fraction.")
    ] = 0.005,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    session_id: SessionOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> int:
    """Test the path to an account: a buy with a stop, risking little, checked or sent and closed.

    Writes mt5_demo_smoketest_summary.json whether it succeeds or not.
    """
    import asyncio

    _positive(("--risk-amount", risk_amount), ("--stop-pips", stop_pips))
    if not 0 <= hold_seconds < 1e6:
        raise WrongUsage(f"--hold-seconds {hold_seconds}: must be 0 or more")
    results = results_dir if results_dir is not None else home() / "results"
    try:
        account = choose_account(account_profile, login, server, password, accounts)
    except AppError as error:
        _tell_failure(results, account_profile, dry_run, str(error))
        raise
    limits = _limits(max_positions, per_trade_risk_fraction, daily_loss_fraction)
    test = SmokeTest(
        account,
        symbol or account.default_symbol,
        limits,
        dry_run=dry_run,
        risk_cents=round(risk_amount * 100),
        stop_pips=stop_pips,
        hold=hold_seconds,
        as_json=as_json,
    )
    return asyncio.run(test.run(results, session_id))


def _tell_failure(results: Path, profile: str, dry_run: bool, problem: str) -> None:
    """Write the summary of a test that ended before it had an account."""
    import json

    from adapters.system.atomic_files import replace_file
    from engine.clock import SystemClock

    report = Report(profile, dry_run, SystemClock())
    report.facts["error"] = problem
    results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.document(), indent=2) + "\n"
    replace_file(results / SUMMARY, text.encode())


def _positive(*options: tuple[str, float]) -> None:
    for name, value in options:
        if not 0 < value < 1e9:
            raise WrongUsage(f"{name} {value}: must be above 0")


def _limits(positions: int, per_trade: float, daily: float) -> Limits:
    from config.loader import DEFAULT_PRESET, ConfigError, load_preset, with_overrides

    try:
        return with_overrides(
            load_preset(DEFAULT_PRESET).limits,
            max_positions=positions,
            per_trade_risk_fraction=per_trade,
            daily_loss_fraction=daily,
        )
    except ConfigError as error:
        raise WrongUsage(str(error)) from error


class Report:
    """What the test found: every step with its outcome and time, and the summary's flags."""

    def __init__(self, profile: str, dry_run: bool, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self.facts: dict[str, Any] = {
            "account_profile": profile,
            "dry_run": dry_run,
            "connected": False,
            "order_sent": False,
            "order_closed": False,
            "error": None,
            "volume": None,
            "risk_usd": None,
            "open_price": None,
            "close_price": None,
            "profit_usd": None,
        }
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Measure a step; what is put into the yielded dict becomes part of its entry."""
        entry = self.begin(name)
        try:
            yield entry
        finally:
            self._time(entry)
        entry["outcome"] = "ok"

    def begin(self, name: str) -> dict[str, Any]:
        """A step's entry, which counts as failed until `end`."""
        entry: dict[str, Any] = {"step": name, "outcome": "failed", "milliseconds": 0}
        self.steps.append(entry)
        self._began = self._clock.now()
        return entry

    def end(self, entry: dict[str, Any]) -> None:
        """The step is done and all is well."""
        self._time(entry)
        entry["outcome"] = "ok"

    def _time(self, entry: dict[str, Any]) -> None:
        entry["milliseconds"] = self._clock.now() - self._began

    def fail(self, error: str) -> None:
        """The step under way failed, or nothing could be begun."""
        self.facts["error"] = error
        for entry in self.steps[-1:]:
            if entry["outcome"] != "ok":
                self._time(entry)

    def document(self) -> dict[str, Any]:
        return {**self.facts, "steps": self.steps}


class SmokeTest:
    """One run of the test."""

    def __init__(
        self,
        account: ResolvedAccount,
        symbol: str,
        limits: Limits,
        *,
        dry_run: bool,
        risk_cents: int,
        stop_pips: float,
        hold: float,
        as_json: bool = False,
    ) -> None:
        self._as_json = as_json
        from engine.clock import SystemClock

        self._account = account
        self._symbol = symbol
        self._limits = limits
        self._dry_run = dry_run
        self._risk_cents = risk_cents
        self._stop_pips = stop_pips
        self._hold = hold
        self._too_much = ""
        self._clock = SystemClock()
        self._report = Report(account.profile or "", dry_run, self._clock)

    async def run(self, results: Path, session_id: str | None) -> int:
        from scripts.app.session_folder import THROUGH_MT5, session_folder

        folder = session_folder(results, session_id, THROUGH_MT5)
        folder.create()
        self._report.facts["session_id"] = folder.session_id
        code = ExitCode.DONE
        self._report.facts["error"] = "stopped before its end"  # until something else is known
        try:
            await self._through(folder)
            self._report.facts["error"] = None
        except AppError as error:
            self._report.fail(str(error))
            complain(str(error))
            code = exit_code(error)
        finally:
            await self._write(folder)
        self._print(results / SUMMARY)
        return code

    async def _through(self, folder: SessionFolder) -> None:
        from scripts.app.account.place import paper_books
        from scripts.app.sessions.connection import connected

        state = folder.results / "hosts"
        step = self._report.begin("connect")
        async with connected(
            self._account,
            state,
            trading=not self._dry_run,
            symbols=[self._symbol],
            books=paper_books(self._account, folder.results),
            session=folder.session_id,
        ) as connection:
            self._report.facts["connected"] = True
            step["server"] = connection.account.server
            step["package"] = connection.hello.package
            self._report.end(step)
            await self._on_account(connection, folder)

    async def _on_account(self, connection: Connection, folder: SessionFolder) -> None:
        from config.loader import load_symbols
        from scripts.app.sessions.live import instruments, valuation_at

        with self._report.step("guard") as entry:
            entry["account"] = f"{connection.account.login} on {connection.account.server}, demo"
            await self._check_permission(connection)
        with self._report.step("symbol") as entry:
            found = await instruments(
                connection, [self._symbol], self._account.symbol_map, load_symbols()
            )
            entry["symbol"] = found[self._symbol].name
        with self._report.step("tick") as entry:
            tick = await connection.call("symbol_info_tick", found[self._symbol].name)
            entry["bid"], entry["ask"] = tick.bid, tick.ask
        item = found[self._symbol]
        bid, ask = item.spec.points(tick.bid), item.spec.points(tick.ask)
        valuation = await valuation_at(connection, item, bid, ask)
        plan = self._plan(item.spec, bid, ask, valuation, connection.account.balance)
        with self._report.step("order_check" if self._dry_run else "order") as entry:
            await self._order(connection, folder, found, plan, entry)

    async def _check_permission(self, connection: Connection) -> None:
        """Trading permission, and an account without positions, matter only for sending."""
        from scripts.app.sessions.permission import refuse_unsuitable, refuse_without_permission

        refuse_unsuitable(connection)
        if self._dry_run:
            return
        from scripts.app.sessions.live import refuse_open_positions

        await refuse_open_positions(connection)
        await refuse_without_permission(connection)

    def _plan(
        self,
        spec: SymbolSpec,
        bid: int,
        ask: int,
        valuation: BrokerValuation | None,
        balance: float,
    ) -> ScriptedEntry:
        from engine.types import Conversion
        from risk.valuation import rate_of
        from scripts.app.sessions.smoke_plan import smoke_plan

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
            pips=self._stop_pips,
            risk=self._risk_cents,
            allowed=int(self._limits.per_trade_risk_fraction * balance * 100),
        )
        self._too_much = sized.too_much
        return sized.plan

    async def _order(
        self,
        connection: Connection,
        folder: SessionFolder,
        found: Any,
        plan: ScriptedEntry,
        entry: dict[str, Any],
    ) -> None:
        from adapters.services.logs import SessionLog
        from scripts.app.account.terms import ledger_terms
        from scripts.app.sessions.failures import explained
        from scripts.app.sessions.live import LiveTerms, SessionContext, build_live
        from scripts.app.sessions.resume import account_mark, open_journal
        from scripts.app.sessions.starting import on_ledger
        from scripts.app.version import session_metadata
        from scripts.cli.shared.interrupts import orderly_stop

        log = SessionLog(folder.log, folder.session_id, self._clock.now, say=complain)
        terms = LiveTerms(
            mode="smoke_test",
            instruments=found,
            limits=self._limits,
            plans=[plan],
            preset="smoke_test",
            parameters={},
            dry_run=self._dry_run,
            hold=self._hold,
        )
        metadata = session_metadata(
            folder.session_id,
            self._account.profile,
            dry_run=self._dry_run,
            account=account_mark(connection.account),
        )
        async with on_ledger(
            connection,
            folder,
            self._account,
            self._clock,
            ledger_terms(self._account, self._limits, None, None),
            mode=terms.mode,
            limits=self._limits,
            sends=not self._dry_run,
            symbols=[item.name for item in found.values()],
            say=complain,
        ) as account:
            journal = account.journal(await open_journal(folder, resume=False), folder.session_id)
            frame = SessionContext(folder, journal, self._clock, log, metadata, account=account)
            live = build_live(terms, connection, frame)
            outcomes = live.outcomes
            try:
                with orderly_stop(live.session.request_stop), explained(folder):
                    await live.session.run()
            finally:
                log.close()
                self._report.facts["order_sent"] = outcomes.submitted > 0 and not self._dry_run
                self._report.facts["order_closed"] = outcomes.closed > 0
                self._report.facts |= outcomes.figures(found[self._symbol].spec)
                entry["events"] = outcomes.lines
        self._judge(outcomes, live.halted() or live.left())

    def _judge(self, told: Any, left: str | None) -> None:
        denied = told.problem and not told.submitted
        if self._too_much and not denied:
            complain(f"warning: {self._too_much}")
        problem = "; ".join(filter(None, (told.problem, self._too_much if denied else "", left)))
        if problem:
            raise NeedsAttention(problem)
        if not self._dry_run and not told.closed:
            raise NeedsAttention("the position was not closed: look at the terminal")

    async def _write(self, folder: SessionFolder) -> None:
        import json

        from adapters.system.atomic_files import publish_file

        text = json.dumps(self._report.document(), indent=2, allow_nan=False) + "\n"
        for target in (folder.path / SUMMARY, folder.results / SUMMARY):
            await publish_file(target, text.encode(), tag=folder.session_id, warn=complain)

    def _print(self, file: Path) -> None:
        facts = self._report.facts
        if self._as_json:
            import json

            print(json.dumps(self._report.document(), indent=2, allow_nan=False))
            return
        for step in self._report.steps:
            print(f"{step['outcome']:<6} {step['step']:<12} {step['milliseconds']:>6} ms")
        if facts["volume"] is not None:
            print(_order_line(self._symbol, facts))
        print(f"order sent {facts['order_sent']}, closed {facts['order_closed']}; {file}")


def _order_line(symbol: str, facts: dict[str, Any]) -> str:
    """What was asked for and what it came to, in one line."""
    parts = [f"{facts['volume']:.2f} lots {symbol}", f"risk {facts['risk_usd']:.2f} USD"]
    for what, name in (("opened at", "open_price"), ("closed at", "close_price")):
        if facts[name] is not None:
            parts.append(f"{what} {facts[name]}")
    if facts["profit_usd"] is not None:
        parts.append(f"profit {facts['profit_usd']:.2f} USD with costs")
    return ", ".join(parts)
