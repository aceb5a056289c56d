"""Examining whether everything is in place for an account, without sending or changing anything."""

from __future__ import annotations

import asyncio
import enum
import statistics
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.requests import Instrument
from adapters.system.atomic_files import replace_file
from config.loader import ResolvedAccount, load_symbols, symbols_yaml
from engine.clock import SystemClock
from engine.types import Conversion, amount, lots
from risk.valuation import valuation_of
from scripts.app.errors import AppError
from scripts.app.sessions.connection import Connection, connected
from scripts.app.sessions.live import instruments, valuation_at

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


_ok = partial(DoctorFinding, Verdict.OK)
_warning = partial(DoctorFinding, Verdict.WARNING)
_failure = partial(DoctorFinding, Verdict.FAILURE)

Tell = Callable[[DoctorFinding], None]
"""Takes each finding as soon as it is known."""


class _Examination(NamedTuple):
    """What is to be examined at a terminal, and where the symbols' facts go."""

    account: ResolvedAccount
    symbols: list[str]
    save: Path | None


def examine(
    account: ResolvedAccount,
    results: Path,
    tell: Tell,
    *,
    symbols: list[str] | None = None,
    save: Path | None = None,
) -> bool:
    """Examine machine, terminal, account and symbols; whether nothing of it fails.

    `symbols` go instead of the profile's; `save` is a new file that their facts are written to.
    """
    failed = False

    def noted(finding: DoctorFinding) -> None:
        nonlocal failed
        failed = failed or finding.verdict is Verdict.FAILURE
        tell(finding)

    for finding in local_findings(results):
        noted(finding)
    look = _Examination(account, symbols or _symbols(account), save)
    asyncio.run(_examine_terminal(look, results, noted))
    return not failed


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
        return _failure(
            "results",
            f"{results}: {error.strerror}",
            "make it writable or choose another folder with --results-dir",
        )
    where = str(results.resolve()).casefold()
    if where.startswith(("\\\\", "//")) or any(name in where for name in _SYNCED):
        return _warning(
            "results",
            f"{results} is a network or synced folder",
            "journals belong on a local disk: choose one with --results-dir",
        )
    return _ok("results", f"{results} is writable")


def _zones() -> DoctorFinding:
    try:
        for name in _ZONES:
            ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        return _failure("time zones", str(error), "pip install tzdata")
    return _ok("time zones", "rules of Prague and New York are there")


# --- the terminal ------------------------------------------------------------------------------


async def _examine_terminal(look: _Examination, results: Path, tell: Tell) -> None:
    try:
        async with connected(
            look.account, results / "hosts", trading=False, symbols=look.symbols
        ) as connection:
            for examine in (_package, _connection, _account, _permission, _round_trip):
                tell(await _examined(examine, connection))
            for ours in look.symbols:
                for finding in await _symbol(connection, look.account, ours):
                    tell(finding)
            if look.save is not None:
                tell(await _saved(connection, look, look.save))
    except AppError as error:
        tell(_failure("terminal", str(error)))


async def _examined(
    examine: Callable[[Connection], Awaitable[DoctorFinding]], connection: Connection
) -> DoctorFinding:
    """One examination; what the terminal cannot answer is a failure of its own line."""
    try:
        return await examine(connection)
    except AppError as error:
        return _failure(examine.__name__.strip("_"), str(error))


async def _package(connection: Connection) -> DoctorFinding:
    hello = connection.hello
    version = await connection.call("version")
    return _ok(
        "package",
        f"{hello.backend} {hello.package} on Python {hello.python}, terminal build {version[1]}",
    )


async def _connection(connection: Connection) -> DoctorFinding:
    info = await connection.call("terminal_info")
    if not info.connected:
        return _failure(
            "connection",
            f"{info.name} has no connection to the trade server",
            "see the terminal's lower right corner; check the network",
        )
    return _ok("connection", f"{info.name}, ping {info.ping_last / 1000:.0f} ms")


async def _account(connection: Connection) -> DoctorFinding:
    info = connection.account
    kinds = {
        mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING: "hedging",
        mt5.ACCOUNT_MARGIN_MODE_RETAIL_NETTING: "netting",
    }
    kind = kinds.get(info.margin_mode, "exchange")
    what = f"demo account {info.login} on {info.server}, {info.currency}, {kind}"
    if kind != "hedging":
        return _failure(
            "account",
            what,
            "several positions on one symbol are merged here: use a hedging account",
        )
    return _ok("account", what)


async def _permission(connection: Connection) -> DoctorFinding:
    terminal = await connection.call("terminal_info")
    info = connection.account
    if not terminal.trade_allowed or terminal.tradeapi_disabled:
        return _warning(
            "AutoTrading",
            "is off in the terminal",
            "dry runs work; to send orders press Algo Trading",
        )
    if not info.trade_allowed or not info.trade_expert:
        return _warning(
            "AutoTrading",
            "this login may not trade",
            "fine for dry runs (investor password); to send orders use the trading password",
        )
    return _ok("AutoTrading", "is on")


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
        return _warning("round trip", what, "see what keeps this machine busy")
    return _ok("round trip", what)


def _symbols(account: ResolvedAccount) -> list[str]:
    """The default symbol, then those whose names at the venue the profile gives."""
    return list(dict.fromkeys([account.default_symbol, *account.symbol_map]))


async def _symbol(
    connection: Connection, account: ResolvedAccount, ours: str
) -> list[DoctorFinding]:
    try:
        found = await instruments(connection, [ours], account.symbol_map, load_symbols())
    except AppError as error:
        return [_failure("symbol", str(error))]
    item = found[ours]
    info = await connection.call("symbol_info", item.name)
    mapped = f" (as {item.name})" if item.name != ours else ""
    what = (
        f"{ours}{mapped}: {info.digits} digits, volume {info.volume_min:g} to "
        f"{info.volume_max:g} by {info.volume_step:g}, stops level {info.trade_stops_level}, "
        f"filling {_filling(info.filling_mode)}"
    )
    money = await _money(connection, item)
    tick = await connection.call("symbol_info_tick", item.name)
    history = await _history(connection, item.name, tick.time)
    return [_ok("symbol", what), money, _server_clock(tick.time), history]


async def _saved(connection: Connection, look: _Examination, file: Path) -> DoctorFinding:
    """Writes the symbols' facts as a file of symbols; what is there already stays."""
    known = load_symbols()
    found = await instruments(connection, look.symbols, look.account.symbol_map, known)
    failure = _written(file, symbols_yaml([item.spec for item in found.values()]))
    if failure is not None:
        return _failure("save symbols", failure, "name another file")
    what = f"{len(found)} written to {file}"
    guessed = [name for name in found if name not in known]
    if guessed:
        remedy = f"add commission and spread floors of {', '.join(guessed)}"
        return _warning("save symbols", what, remedy)
    return _ok("save symbols", what)


def _written(file: Path, text: str) -> str | None:
    """Writes a new file; why that failed, or None."""
    if file.exists():
        return f"{file} exists already"
    try:
        replace_file(file, text.encode())
    except OSError as error:
        return f"{file}: {error.strerror}"
    return None


async def _money(connection: Connection, item: Instrument) -> DoctorFinding:
    """The terminal's valuation of the symbol, and whether the formula agrees."""
    spec, tick = item.spec, await connection.call("symbol_info_tick", item.name)
    valuation = await valuation_at(connection, item, spec.points(tick.bid), spec.points(tick.ask))
    if valuation is None:
        return _warning(
            "money",
            f"the terminal gives no valuation of {spec.name}",
            "open charts of it and of the pair that converts its profit; no entry passes meanwhile",
        )
    objection = valuation_of(spec, valuation.at(spec.name, 0), 0, broker_valued=True).objection
    if objection is not None:
        return _failure("money", objection[1], "no entry on it passes: use another symbol")
    point = valuation.loss / valuation.move / lots(valuation.volume) / 100
    currency = connection.account.currency
    how = "as the formula has it" if spec.conversion is not Conversion.FROM_BROKER else "no formula"
    what = f"a point of a lot of {spec.name} is worth {point:.4g} {currency} ({how})"
    return _ok("money", f"{what}, its margin {amount(valuation.margin, currency)}")


def _filling(mask: int) -> str:
    """The ways of filling that a symbol allows; RETURN where it names none."""
    named = [mode.name or "" for mode in mt5.SymbolFilling if mask & mode]
    return " or ".join(named) or "RETURN"


def _server_clock(last_tick: int) -> DoctorFinding:
    """The server's clock against UTC, from a fresh tick (s) only."""
    ahead = last_tick - SystemClock().now() / 1000
    hours = round(ahead / 3600)
    if abs(ahead - hours * 3600) > _FRESH_SECONDS or not -12 <= hours <= 14:
        what = "cannot be measured: the last tick is old"
        return _warning("server clock", what, "ask again while the market is open")
    return _ok("server clock", f"UTC{hours:+d} h now")


async def _history(connection: Connection, name: str, last_tick: int) -> DoctorFinding:
    """How far the terminal's M15 bars lag behind the last tick (s)."""
    rates: Any = await connection.call("copy_rates_from_pos", name, mt5.TIMEFRAME_M15, 0, 2)
    if not len(rates):
        return _failure("history", f"no M15 bars of {name}", "open its chart once")
    lag = last_tick - int(rates["time"][-1])
    if lag > 2 * 900:
        what = f"the last M15 bar is {lag // 60} minutes older than the last tick"
        return _warning("history", what, "open the symbol's chart so that the terminal loads it")
    return _ok("history", "M15 bars are up to date")
