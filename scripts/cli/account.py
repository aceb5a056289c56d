"""`butler account`: where an account stands by its ledger, and what a profile should state."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.app.errors import WrongUsage
from scripts.app.session_folder import home
from scripts.cli.shared import replay_options as opt
from scripts.cli.shared.account_options import AccountsOption, ResultsOption, choose_account
from scripts.cli.shared.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.state.store import AccountStore
    from config.loader import ResolvedAccount
    from risk.challenge import Challenge
    from scripts.app.sessions.ledger import LedgerRead

NameArgument = Annotated[str, typer.Argument(help="Show this profile's account, or PAPER.")]
ResetOption = Annotated[
    bool, typer.Option("--reset", help="With PAPER: give it fresh books; the old ones are kept.")
]
AcceptOption = Annotated[
    bool,
    typer.Option(
        "--accept-history",
        help="Take the terminal's history as it reads now, once you have looked at it.",
    ),
]
RebaseOption = Annotated[
    bool,
    typer.Option("--rebase", help="Count the largest loss from today's balance; needs --reason."),
]
ReasonOption = Annotated[str | None, typer.Option(help="Say why; the ledger keeps it.")]


def account(
    name: NameArgument,
    objectives: opt.Objectives = None,
    reset: ResetOption = False,
    accept_history: AcceptOption = False,
    rebase: RebaseOption = False,
    reason: ReasonOption = None,
    accounts: AccountsOption = None,
    results_dir: ResultsOption = None,
    as_json: opt.AsJson = False,
) -> int:
    """Show where an account stands by its ledger; nothing is sent, and nothing written but by
    --reset, --accept-history and --rebase."""
    from scripts.app.account.place import PAPER

    chosen = choose_account(name, None, None, None, accounts)
    results = results_dir if results_dir is not None else home() / "results"
    if reset:
        if name != PAPER:
            raise WrongUsage(f"--reset is for {PAPER} alone: {name} is an account at a broker")
        return _reset(chosen, results)
    if rebase and not reason:
        raise WrongUsage("--rebase needs --reason TEXT: say why the largest loss counts anew")
    change = _change(reason if rebase else None, accept=accept_history)
    return asyncio.run(_shown(chosen, results, objectives, change, as_json=as_json))


def _change(
    reason: str | None, *, accept: bool
) -> Callable[[AccountStore, LedgerRead], object] | None:
    if reason is not None:
        return lambda store, reading: store.set_baseline(
            reading.seen.account.balance, reading.at, reason
        )
    if accept:
        return lambda store, reading: store.accept_history(reading.seen.deals, reading.at)
    return None


def _reset(chosen: ResolvedAccount, results: Path) -> int:
    """Fresh books for PAPER; what was there is moved aside."""
    from adapters.state.store import FILE
    from scripts.app.account.place import held, place_of

    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    with held(chosen, results, "(a command)"):
        place = place_of(chosen, results)
        for file in ("paper_account.json", FILE, f"{FILE}-wal", f"{FILE}-shm"):
            if (place / file).exists():
                (place / file).replace(place / f"{file}.reset-{stamp}")
    print(f"PAPER has fresh books; the old ones are in {place}, named .reset-{stamp}")
    return ExitCode.DONE


def _course(chosen: ResolvedAccount, objectives: str | None) -> Challenge | None:
    from scripts.app.terms.objectives import resolve

    stated = None if chosen.challenge is None else chosen.challenge.rules
    return resolve(objectives or stated, None, None)


async def _shown(
    chosen: ResolvedAccount,
    results: Path,
    objectives: str | None,
    change: Callable[[AccountStore, LedgerRead], object] | None,
    *,
    as_json: bool,
) -> int:
    from scripts.app.account.books import opened
    from scripts.app.account.place import paper_books
    from scripts.app.sessions.connection import connected

    challenge = _course(chosen, objectives)
    symbol = chosen.symbol_map.get(chosen.default_symbol, chosen.default_symbol)
    async with (
        opened(chosen, results) as books,
        connected(
            chosen,
            results / "hosts",
            trading=False,
            symbols=[chosen.default_symbol],
            books=paper_books(chosen, results),
            is_held=change is None,
        ) as connection,
    ):
        source = _source(chosen, books, challenge, objectives, symbol)
        reading = await _read(connection, source, change)
    _show(reading, challenge, as_json=as_json)
    return ExitCode.DONE


async def _read(connection: Any, source: Any, change: Any) -> LedgerRead:
    from scripts.app.sessions.ledger import read_ledger

    reading = await read_ledger(connection, source)
    if change is None:
        return reading
    await source.books.run(lambda store: change(store, reading))
    return await read_ledger(connection, source)


def _source(
    chosen: ResolvedAccount,
    books: Any,
    challenge: Challenge | None,
    objectives: str | None,
    symbol: str,
) -> Any:
    from config.loader import DEFAULT_PRESET, load_preset
    from engine.clock import SystemClock
    from scripts.app.account.place import PAPER
    from scripts.app.account.terms import ledger_terms
    from scripts.app.sessions.ledger import LedgerSource
    from scripts.app.terms.objectives import named_phase, with_firms_day

    limits = with_firms_day(load_preset(DEFAULT_PRESET).limits, challenge)
    return LedgerSource(
        books=books,
        terms=ledger_terms(chosen, limits, challenge, named_phase(objectives)),
        clock=SystemClock(),
        symbols=[symbol],
        stands_still=chosen.profile == PAPER,
        writes=False,
    )


def _show(reading: LedgerRead, challenge: Challenge | None, *, as_json: bool) -> None:
    import json

    import msgspec

    from risk.ledger.proposal import proposal
    from scripts.view.account_text import account_lines

    report = reading.report
    yaml = None if challenge is None else proposal(report, challenge.rules.name)
    if as_json:
        told = {
            "balance": reading.seen.account.balance / 100,
            "figures": msgspec.to_builtins(report.figures),
            "findings": [
                {"code": str(item.code), "severity": item.code.severity.name.lower(),
                 "line": item.line}
                for item in report.findings
            ],
            "challenge_yaml": yaml,
        }  # fmt: skip
        print(json.dumps(told, indent=2, allow_nan=False))
        return
    now = reading.seen.account
    print("\n".join(account_lines(report, now.balance, now.currency)))
    if yaml is not None:
        print(f"\nTo paste below the profile, where it fits:\n\n{yaml}", end="")
