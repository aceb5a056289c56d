"""Connecting to a profile's terminal: start its host, prove the account, or say what is missing.

Whatever keeps a terminal from being used ends the command with one line that says how to go on.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.account_guard import NOT_TOLD, objection
from adapters.mt5.api.errors import HostRefused, HostStartFailed, TerminalError
from adapters.mt5.execution.remote import DEADLINES, USUAL_DEADLINE
from adapters.mt5.host.client import AsyncTerminal, CallResult, TerminalClient
from adapters.mt5.host.launch import LocalHost, RemoteHost
from adapters.mt5.host.service import Hello, HostConfig
from config.loader import (
    CliOverrides,
    ConfigError,
    ResolvedAccount,
    Secret,
    accounts_file,
    load_profiles,
    resolve_account,
)
from engine.types import ACCOUNT_CURRENCIES, USD, SymbolSpec
from scripts.app.account.place import held, paper_books, results_of
from scripts.app.errors import AppError, Refused, Unreachable, UnsuitableProfile, WrongUsage
from scripts.app.session_folder import home
from scripts.app.sessions.paper import LOGIN, PAPER, SERVER, currency_of, paper_spec, server_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.app.sessions.paper_market import RecordedMarket

BUILT_IN = "built in"
"""Where the values of the paper account come from."""

_REMEDIES = {
    "backend-missing": (
        "docs/getting-started.md shows how; --account-profile PAPER needs no MetaTrader"
    ),
    "busy": "stop the other session of this profile first",
    "slow": "see whether the terminal opens by hand",
    "connection": "is the terminal host running, and the tunnel open? see docs/getting-started.md",
    "read-only": 'start the host with "trading": true, or leave out --no-dry-run',
    "account": "log in to the profile's account in the terminal, or correct the profile",
}

_TOKEN = re.compile(r"[0-9A-Fa-f]{64}")


@dataclass(frozen=True)
class Connection:
    """A terminal whose account was proven to be the profile's demo account."""

    terminal: AsyncTerminal
    hello: Hello
    account: mt5.AccountInfo
    ended_orphan: bool

    async def call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """A function's value; raises TerminalError or AppError when it failed."""
        answer = await self.ask(function, *args, **kwargs)
        if answer.failed:
            code, text = answer.last_error
            raise Unreachable(f"{function}: {code} {text}")
        return answer.value

    async def ask(self, function: str, *args: Any, **kwargs: Any) -> CallResult:
        """A function's answer, failed or not, within its deadline; raises TerminalError."""
        deadline = DEADLINES.get(function, USUAL_DEADLINE)
        return await self.terminal.call(function, *args, deadline=deadline, **kwargs)


def resolve(
    profile: str | None, cli: CliOverrides, accounts: Path | None, environ: Mapping[str, str]
) -> ResolvedAccount:
    """The account of a profile, or the built-in paper account; raises AppError."""
    if profile == PAPER:
        if cli != CliOverrides():
            raise WrongUsage(
                f"--login, --server and --password do not go with {PAPER}, which is built in; "
                "name a profile of your own"
            )
        return ResolvedAccount(
            profile=PAPER,
            server=SERVER,
            login=LOGIN,
            password=Secret(""),
            default_symbol="EURUSD",
            purpose="demo",
            terminal_path=None,
            symbol_map={},
            host=None,
            origins=dict.fromkeys(ResolvedAccount.__struct_fields__, BUILT_IN),
            warnings=[],
        )
    try:
        file = accounts if accounts is not None else accounts_file(home())
        profiles = load_profiles(file) if accounts is not None or file.is_file() else {}
        return resolve_account(profile, profiles, cli, environ)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error


def checked(account: ResolvedAccount, currency: str) -> str:
    """A currency that the user chose for PAPER; raises WrongUsage for any other account."""
    if account.profile != PAPER:
        raise WrongUsage(
            f"--account-currency goes with {PAPER} alone: {account.profile} has a currency of its "
            "own, which its terminal tells"
        )
    from scripts.app.terms.options import paper_currency

    return paper_currency(currency)


def in_currency(account: ResolvedAccount, currency: str) -> ResolvedAccount:
    """The built-in paper account in that currency; any other account is as it is."""
    if account.profile != PAPER:
        return account
    return msgspec.structs.replace(account, server=server_in(currency))


def with_books(account: ResolvedAccount, results: Path) -> list[str]:
    """The other currencies in which PAPER has books there; none for another account."""
    if account.profile != PAPER:
        return []
    others = {name: in_currency(account, name) for name in ACCOUNT_CURRENCIES}
    del others[currency_of(account.server)]
    kept = {name: paper_books(other, results) for name, other in others.items()}
    return [name for name, books in kept.items() if books is not None and books.is_file()]


def as_typed(account: ResolvedAccount) -> str:
    """What follows --account-profile, or `butler account`, in a command on this account."""
    currency = currency_of(account.server) if account.profile == PAPER else USD
    chosen = "" if currency == USD else f" --account-currency {currency}"
    return f"{account.profile or 'NAME'}{chosen}"


@asynccontextmanager
async def connected(
    account: ResolvedAccount,
    state: Path,
    *,
    trading: bool,
    symbols: Sequence[str],
    books: Path | None = None,
    market: RecordedMarket | None = None,
    session: str = "(a command)",
    is_held: bool = False,
) -> AsyncIterator[Connection]:
    """A connection to the account's terminal, closed in the end; nobody else has one meanwhile.

    `state` is the folder of the terminal hosts; `symbols` are what the paper account is to offer,
    `books` the file in which it keeps its positions and deals (None: it forgets them); a `market`
    of recorded bars replaces its own. `session` is named to whoever wants the account too; with
    `is_held` the caller has it already.

    Raises AppError with the remedy.
    """
    launcher = _launcher(account, state, trading, symbols, books, market)
    terminal = AsyncTerminal(TerminalClient(launcher))
    alone = nullcontext() if is_held else held(account, results_of(state), session)
    with alone:
        try:
            yield await _attach(terminal, account)
        except HostStartFailed as error:
            kind = UnsuitableProfile if error.kind == "account" else Unreachable
            raise kind(_with_remedy(error.kind, str(error))) from error
        except TerminalError as error:
            raise Unreachable(f"the terminal: {error}") from error
        finally:
            await terminal.close()


def _folder_of(account: ResolvedAccount, state: Path) -> Path:
    return state / f"{account.server}-{account.login}"


def _launcher(
    account: ResolvedAccount,
    state: Path,
    trading: bool,
    symbols: Sequence[str],
    books: Path | None,
    market: RecordedMarket | None,
) -> LocalHost | RemoteHost:
    backend = "MetaTrader5"
    if account.profile == PAPER:
        if market:
            spec = market.spec(state, books)
        else:
            spec = paper_spec(list(symbols), state, books, currency_of(account.server))
        backend = f"paper:{spec}"
    if account.host and account.terminal_path:
        raise WrongUsage(
            f"profile {account.profile}: terminal_path has no effect with host, which starts its "
            "own terminal: put terminal_path into the host's own configuration and leave it out "
            "of the profile"
        )
    host_config = HostConfig(
        token=_remote_token() if account.host else secrets.token_hex(32),
        login=account.login,
        server=account.server,
        password=account.password.reveal(),
        backend=backend,
        trading=trading,
        terminal_path=account.terminal_path,
    )
    if account.host:
        return RemoteHost(int(account.host.rpartition(":")[2]), host_config)
    return LocalHost(host_config, _folder_of(account, state))


def _remote_token() -> str:
    """The token of a host on another machine, which its owner chose."""
    token = os.environ.get("OMEGA_MT5_HOST_TOKEN", "")
    if not token:
        raise WrongUsage(
            "OMEGA_MT5_HOST_TOKEN is not set: give the token that the terminal host was started "
            "with (64 hexadecimal digits)"
        )
    if not _TOKEN.fullmatch(token):
        raise WrongUsage(
            "OMEGA_MT5_HOST_TOKEN: must be the host's token, 64 hexadecimal digits (not shown)"
        )
    return token


async def _attach(terminal: AsyncTerminal, account: ResolvedAccount) -> Connection:
    started = await terminal.start()
    try:
        answer = await terminal.call("initialize", deadline=DEADLINES["initialize"])
    except HostRefused as error:
        raise _unsuitable(
            str(error), f"{_REMEDIES['account']}, or give the profile a terminal_path of its own"
        ) from error
    if answer.failed:
        code, text = answer.last_error
        kind = UnsuitableProfile if code == mt5.RES_E_AUTH_FAILED else Unreachable
        raise kind(f"initialize: {code} {text}; {_hint(code)}")
    info = (await terminal.call("account_info", deadline=USUAL_DEADLINE)).value
    why = objection(info, account.login, account.server)
    if why is not None:
        raise _unsuitable(why, _REMEDIES["account"])
    return Connection(terminal, started.hello, info, started.ended_orphan)


def _unsuitable(why: str, remedy: str) -> AppError:
    """An account that may not be used; only a terminal that tells none may tell it later."""
    return (Unreachable if NOT_TOLD in why else UnsuitableProfile)(f"{why}; {remedy}")


def _hint(code: int) -> str:
    hints = {
        mt5.RES_E_AUTH_FAILED: "check login, password and server of the profile",
        mt5.RES_E_INTERNAL_FAIL_INIT: "start the terminal by hand and log in once",
        mt5.RES_E_INTERNAL_FAIL_TIMEOUT: "the terminal is slow to connect: log in by hand once",
    }
    return hints.get(code, "start the terminal by hand and see what it says")


def _with_remedy(kind: str, text: str) -> str:
    remedy = _REMEDIES.get(kind)
    return f"{text}; {remedy}" if remedy else text


async def commissions_converted(
    connection: Connection,
    symbols: Sequence[str],
    names: dict[str, str],
    known: dict[str, SymbolSpec],
    charged_in: str,
) -> dict[str, SymbolSpec]:
    """The `symbols` that cost a commission, with that in the account's currency, by the terminal's
    price of the pair.

    No terminal reports its commissions, so those of the table stand for them, which are in
    `charged_in`. Raises Refused where the terminal cannot convert one.
    """
    specs = {name: known[name] for name in symbols if name in known}
    charged = {name: spec for name, spec in specs.items() if spec.commission}
    if not charged:
        return {}
    rate = await _conversion_rate(connection, names, charged_in, next(iter(charged)))
    return {
        name: msgspec.structs.replace(spec, commission=round(spec.commission * rate, 2))
        for name, spec in charged.items()
    }


async def _conversion_rate(
    connection: Connection, names: dict[str, str], currency: str, symbol: str
) -> float:
    """What a unit of `currency` is worth in the account's, by the terminal's price of the pair.

    The dearer side counts: a cost is bought. Raises Refused where the terminal has no such pair.
    """
    own = connection.account.currency
    for ours, inverse in ((f"{currency}{own}", False), (f"{own}{currency}", True)):
        name = names.get(ours, ours)
        if (await connection.ask("symbol_select", name, True)).failed:
            continue
        answer = await connection.ask("symbol_info_tick", name)
        if not answer.failed and answer.value.bid > 0:
            return float(1 / answer.value.bid if inverse else answer.value.ask)
    raise Refused(
        f"{symbol}: its commission is in {currency} and the account in {own}, and the terminal has "
        f"no price of {currency}{own} or {own}{currency}: set symbol_map in the profile, or give "
        "the symbol without a commission in --symbol-spec FILE"
    )
