"""`butler doctor`: is everything in place for this account? One line each, with the remedy."""

from __future__ import annotations

import asyncio
import enum
import statistics
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from scripts.app.errors import AppError
from scripts.app.session_folder import home
from scripts.cli.shared.account_options import (
    AccountsOption,
    LoginOption,
    PasswordOption,
    ProfileOption,
    ResultsOption,
    ServerOption,
    choose_account,
)
from scripts.cli.shared.exit_codes import ExitCode

if TYPE_CHECKING:
    from adapters.mt5.execution.requests import Instrument
    from config.loader import ResolvedAccount
    from scripts.app.sessions.connection import Connection

_SYNCED = ("onedrive", "dropbox", "google drive", "icloud", "nextcloud")
_FRESH_SECONDS = 120
_SLOW_MS = 250
_ZONES = ("Europe/Prague", "America/New_York", "Europe/Helsinki")


class Verdict(enum.StrEnum):
    OK = "ok"
    WARNING = "WARNING"
    FAILURE = "FAILURE"


class DoctorFinding(NamedTuple):
    """One line of the report; `remedy` says what to do unless all is well."""

    verdict: Verdict
    topic: str
    what: str
    remedy: str = ""

    def line(self) -> str:
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return f"{self.verdict:<8} {self.topic:<14} {self.what}{remedy}"


def doctor(
    account_profile: ProfileOption,
    login: LoginOption = None,
    server: ServerOption = None,
    password: PasswordOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    save_symbols: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the facts of the symbols here, for --symbol-spec FILE."
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Examine these symbols instead of the profile's.")
    ] = None,
) -> int:
    """Examine packages, folders, terminal, account, symbols and clock; exit code 4 for a failure.

    Nothing is sent and nothing is changed.
    """
    account = choose_account(account_profile, login, server, password, accounts)
    results = results_dir if results_dir is not None else home() / "results"
    findings = [*local_findings(results)]
    for finding in findings:
        print(finding.line())
    look = _Look(account, symbol or _symbols(account), save_symbols)
    findings += asyncio.run(_terminal_findings(look, results))
    failed = any(finding.verdict is Verdict.FAILURE for finding in findings)
    return ExitCode.TERMINAL if failed else ExitCode.DONE


# --- this machine ------------------------------------------------------------------------------


def local_findings(results: Path) -> list[DoctorFinding]:
    """What can be said without a terminal."""
    return [_write_access(results), _zones()]


def _write_access(results: Path) -> DoctorFinding:
    probe = results / ".write-test"
    try:
        results.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return DoctorFinding(
            Verdict.FAILURE,
            "results",
            f"{results}: {error.strerror}",
            "make it writable or choose another folder with --results-dir",
        )
    where = str(results.resolve()).casefold()
    if where.startswith(("\\\\", "//")) or any(name in where for name in _SYNCED):
        return DoctorFinding(
            Verdict.WARNING,
            "results",
            f"{results} is a network or synced folder",
            "journals belong on a local disk: choose one with --results-dir",
        )
    return DoctorFinding(Verdict.OK, "results", f"{results} is writable")


def _zones() -> DoctorFinding:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        for name in _ZONES:
            ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        return DoctorFinding(Verdict.FAILURE, "time zones", str(error), "pip install tzdata")
    return DoctorFinding(Verdict.OK, "time zones", "rules of Prague and New York are there")


# --- the terminal ------------------------------------------------------------------------------


class _Look(NamedTuple):
    """What is to be examined at a terminal, and where the symbols' facts go."""

    account: ResolvedAccount
    symbols: list[str]
    save: Path | None


async def _terminal_findings(look: _Look, results: Path) -> list[DoctorFinding]:
    from scripts.app.sessions.connection import connected

    findings: list[DoctorFinding] = []

    def tell(finding: DoctorFinding) -> None:
        findings.append(finding)
        print(finding.line())

    try:
        async with connected(
            look.account,
            results / "hosts",
            trading=False,
            symbols=look.symbols,
        ) as connection:
            for examine in (_package, _connection, _account, _permission, _round_trip):
                tell(await _examined(examine, connection))
            for ours in look.symbols:
                for finding in await _symbol(connection, look.account, ours):
                    tell(finding)
            if look.save is not None:
                tell(await _saved(connection, look, look.save))
    except AppError as error:
        tell(DoctorFinding(Verdict.FAILURE, "terminal", str(error)))
    return findings


async def _examined(
    examine: Callable[[Connection], Awaitable[DoctorFinding]], connection: Connection
) -> DoctorFinding:
    """One examination; what the terminal cannot answer is a failure of its own line."""
    try:
        return await examine(connection)
    except AppError as error:
        return DoctorFinding(Verdict.FAILURE, examine.__name__.strip("_"), str(error))


async def _package(connection: Connection) -> DoctorFinding:
    hello = connection.hello
    version = await connection.call("version")
    return DoctorFinding(
        Verdict.OK,
        "package",
        f"{hello.backend} {hello.package} on Python {hello.python}, terminal build {version[1]}",
    )


async def _connection(connection: Connection) -> DoctorFinding:
    info = await connection.call("terminal_info")
    if not info.connected:
        return DoctorFinding(
            Verdict.FAILURE,
            "connection",
            f"{info.name} has no connection to the trade server",
            "see the terminal's lower right corner; check the network",
        )
    return DoctorFinding(
        Verdict.OK, "connection", f"{info.name}, ping {info.ping_last / 1000:.0f} ms"
    )


async def _account(connection: Connection) -> DoctorFinding:
    from adapters.mt5.api import contract as mt5

    info = connection.account
    kinds = {
        mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING: "hedging",
        mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING: "netting",
    }
    kind = kinds.get(info.margin_mode, "exchange")
    what = f"demo account {info.login} on {info.server}, {info.currency}, {kind}"
    if kind != "hedging":
        return DoctorFinding(
            Verdict.FAILURE,
            "account",
            what,
            "several positions on one symbol are merged here: use a hedging account",
        )
    return DoctorFinding(Verdict.OK, "account", what)


async def _permission(connection: Connection) -> DoctorFinding:
    terminal = await connection.call("terminal_info")
    info = connection.account
    if not terminal.trade_allowed or terminal.tradeapi_disabled:
        return DoctorFinding(
            Verdict.WARNING,
            "AutoTrading",
            "is off in the terminal",
            "dry runs work; to send orders press Algo Trading",
        )
    if not info.trade_allowed or not info.trade_expert:
        return DoctorFinding(
            Verdict.WARNING,
            "AutoTrading",
            "this login may not trade",
            "fine for dry runs (investor password); to send orders use the trading password",
        )
    return DoctorFinding(Verdict.OK, "AutoTrading", "is on")


async def _round_trip(connection: Connection) -> DoctorFinding:
    loop = asyncio.get_running_loop()
    times = []
    for _ in range(20):
        began = loop.time()
        await connection.call("account_info")
        times.append((loop.time() - began) * 1000)
    median = statistics.median(times)
    what = f"{median:.1f} ms in the middle, {max(times):.1f} ms at worst, of {len(times)} calls"
    if median > _SLOW_MS:
        return DoctorFinding(
            Verdict.WARNING, "round trip", what, "see what keeps this machine busy"
        )
    return DoctorFinding(Verdict.OK, "round trip", what)


def _symbols(account: ResolvedAccount) -> list[str]:
    """The default symbol, then those whose names at the venue the profile gives."""
    return list(dict.fromkeys([account.default_symbol, *account.symbol_map]))


async def _symbol(
    connection: Connection, account: ResolvedAccount, ours: str
) -> list[DoctorFinding]:
    from config.loader import load_symbols
    from scripts.app.sessions.live import instruments

    try:
        found = await instruments(connection, [ours], account.symbol_map, load_symbols())
    except AppError as error:
        return [DoctorFinding(Verdict.FAILURE, "symbol", str(error))]
    item = found[ours]
    info = await connection.call("symbol_info", item.name)
    mapped = f" (as {item.name})" if item.name != ours else ""
    what = (
        f"{ours}{mapped}: {info.digits} digits, volume {info.volume_min:g} to "
        f"{info.volume_max:g} by {info.volume_step:g}, stops level {info.trade_stops_level}, "
        f"filling {_filling(info.filling_mode)}"
    )
    return [
        DoctorFinding(Verdict.OK, "symbol", what),
        await _money(connection, item),
        *await _times(connection, item.name),
    ]


async def _saved(connection: Connection, look: _Look, file: Path) -> DoctorFinding:
    """Writes the symbols' facts as a file of symbols; what is there already stays."""
    from config.loader import load_symbols, symbols_yaml
    from scripts.app.sessions.live import instruments

    known = load_symbols()
    found = await instruments(connection, look.symbols, look.account.symbol_map, known)
    failure = _written(file, symbols_yaml([item.spec for item in found.values()]))
    if failure is not None:
        return DoctorFinding(Verdict.FAILURE, "save symbols", failure, "name another file")
    guessed = [name for name in found if name not in known]
    remedy = f"add commission and spread floors of {', '.join(guessed)}" if guessed else ""
    verdict = Verdict.WARNING if guessed else Verdict.OK
    return DoctorFinding(verdict, "save symbols", f"{len(found)} written to {file}", remedy)


def _written(file: Path, text: str) -> str | None:
    """Writes a new file; why that failed, or None."""
    from adapters.system.atomic_files import replace_file

    if file.exists():
        return f"{file} exists already"
    try:
        replace_file(file, text.encode())
    except OSError as error:
        return f"{file}: {error.strerror}"
    return None


async def _money(connection: Connection, item: Instrument) -> DoctorFinding:
    """The terminal's valuation of the symbol, and whether the formula agrees."""
    from engine.types import Conversion, lots
    from risk.valuation import valuation_of
    from scripts.app.sessions.live import valuation_at

    spec, tick = item.spec, await connection.call("symbol_info_tick", item.name)
    valuation = await valuation_at(connection, item, spec.points(tick.bid), spec.points(tick.ask))
    if valuation is None:
        return DoctorFinding(
            Verdict.WARNING,
            "money",
            f"the terminal gives no valuation of {spec.name}",
            "open charts of it and of the pair that converts its profit; no entry passes meanwhile",
        )
    objection = valuation_of(spec, valuation.at(spec.name, 0), 0, broker_valued=True).objection
    if objection is not None:
        return DoctorFinding(
            Verdict.FAILURE, "money", objection[1], "no entry on it passes: use another symbol"
        )
    point = valuation.loss / valuation.move / lots(valuation.volume) / 100
    currency = connection.account.currency
    how = "as the formula has it" if spec.conversion is not Conversion.FROM_BROKER else "no formula"
    what = f"a point of a lot of {spec.name} is worth {point:.4g} {currency} ({how})"
    return DoctorFinding(
        Verdict.OK, "money", f"{what}, its margin {valuation.margin / 100:.2f} {currency}"
    )


def _filling(mask: int) -> str:
    """The ways of filling that a symbol allows; RETURN where it names none."""
    from adapters.mt5.api import contract as mt5

    named = [mode.name or "" for mode in mt5.SymbolFilling if mask & mode]
    return " or ".join(named) or "RETURN"


async def _times(connection: Connection, name: str) -> list[DoctorFinding]:
    """The server's clock against UTC, from a fresh tick only, and how far history lags behind."""
    from adapters.mt5.api import contract as mt5
    from engine.clock import SystemClock

    tick = await connection.call("symbol_info_tick", name)
    ahead = tick.time - SystemClock().now() / 1000
    hours = round(ahead / 3600)
    findings = []
    if abs(ahead - hours * 3600) > _FRESH_SECONDS or not -12 <= hours <= 14:
        findings.append(
            DoctorFinding(
                Verdict.WARNING,
                "server clock",
                "cannot be measured: the last tick is old",
                "ask again while the market is open",
            )
        )
    else:
        findings.append(DoctorFinding(Verdict.OK, "server clock", f"UTC{hours:+d} h now"))
    rates: Any = await connection.call("copy_rates_from_pos", name, mt5.TIMEFRAME_M15, 0, 2)
    if not len(rates):
        return [
            *findings,
            DoctorFinding(
                Verdict.FAILURE, "history", f"no M15 bars of {name}", "open its chart once"
            ),
        ]
    lag = tick.time - int(rates["time"][-1])
    if lag > 2 * 900:
        return [
            *findings,
            DoctorFinding(
                Verdict.WARNING,
                "history",
                f"the last M15 bar is {lag // 60} minutes older than the last tick",
                "open the symbol's chart so that the terminal loads it",
            ),
        ]
    return [*findings, DoctorFinding(Verdict.OK, "history", "M15 bars are up to date")]
