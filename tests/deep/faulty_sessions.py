"""Scripted sessions over a real terminal host at which things go wrong, and what must hold then.

The account's books are in a file, so that a host that is killed and started again finds them, and
so that a test can look at them when all is over: what the venue knows is not taken from the engine.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

import scripts.app.sessions.live
from adapters.journal import StoredJournal
from adapters.mt5.api import contract as mt5
from adapters.mt5.execution import remote
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.live import script
from adapters.mt5.live.script import ScriptedEntry
from adapters.services.logs import SessionLog
from config.loader import CliOverrides, Secret
from engine import events as ev
from engine.clock import SystemClock
from engine.trading import TradingState
from engine.types import Side
from scripts.app.errors import AppError
from scripts.app.session_folder import THROUGH_MT5, SessionFolder
from scripts.app.sessions import connection
from scripts.app.sessions.failures import explained
from scripts.app.sessions.live import LiveTerms, SessionContext, build_live, instruments
from scripts.app.sessions.paper import LOGIN, PAPER, SERVER
from scripts.app.sessions.replay import MAGIC
from scripts.app.sessions.resume import open_journal
from tests.builders import EURUSD, LIMITS
from tests.deep.steps import SWING, Kind, StepFeed
from tests.process.hosts import FAULTY_HOST
from tests.simulation.faults import Fault, FaultKind, ScriptedFault
from tests.simulation.faulty_spec import build

PASSWORD = "Yk3-not-to-be-seen"  # noqa: S105 - of an account that does not exist
DEADLINE = 1.5
"""Seconds until a call that a test lets hang is given up."""

E = TypeVar("E")

PLANS = (
    ScriptedEntry(name="1", symbol="EURUSD", side=Side.LONG, stop=200, target=400, volume=1_000),
    ScriptedEntry(name="2", symbol="EURUSD", side=Side.SHORT, stop=200, volume=2_000),
)


def fault(function: str, kind: FaultKind, call: int = 1, **more: Any) -> ScriptedFault:
    """One fault at the `call`-th call of `function`."""
    return ScriptedFault(function=function, call=call, fault=Fault(kind=kind, **more))


@dataclass(frozen=True)
class Outcome:
    """All that is left of a session: its journal, log and complaint, and the venue's own books."""

    records: list[ev.Record]
    sealed: bool
    log: list[dict[str, Any]]
    problem: AppError | None
    left: str | None
    positions: tuple[mt5.TradePosition, ...]
    deals: tuple[mt5.TradeDeal, ...]
    orders: tuple[mt5.TradeOrder, ...]
    old_orders: tuple[mt5.TradeOrder, ...]
    balance: float

    def of(self, kind: type[E]) -> list[E]:
        return [item.event for item in self.records if isinstance(item.event, kind)]

    @property
    def events(self) -> list[str]:
        """The kinds of the records, in order."""
        return [type(item.event).__name__ for item in self.records]

    @property
    def end(self) -> ev.SessionEnded:
        (end,) = self.of(ev.SessionEnded)
        return end

    def ours(self, entry: int) -> list[mt5.TradeDeal]:
        """The venue's deals of our orders that enter or leave."""
        return [deal for deal in self.deals if deal.magic == MAGIC and deal.entry == entry]


def spec(folder: Path, faults: Sequence[ScriptedFault], swing: int = 0) -> str:
    """The paper terminal of a test, as its host takes it; it moves only when it is played."""
    return msgspec.json.encode(
        {
            "symbols": [EURUSD], "login": LOGIN, "server": SERVER, "prices": {"EURUSD": 1.1},
            "state": str(folder / "books.json"), "faults": {"script": list(faults)}, "swing": swing,
        }
    ).decode()  # fmt: skip


@contextmanager
def _patched(backend: str, *, hanging: frozenset[str]) -> Iterator[None]:
    """The PAPER account with another terminal behind it; nothing waits longer than it must.

    Only calls of functions that hang are given up early: a busy machine delays the others, too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "paper_spec", lambda *_: backend)
        hasty = functools.partial(TerminalClient, sleep=lambda _: None)
        patch.setattr(connection, "TerminalClient", hasty)
        patch.setattr(connection, "LocalHost", functools.partial(LocalHost, command=FAULTY_HOST))
        patch.setattr(script, "_BETWEEN_LOOKS", 0.0)
        if "account_info" in hanging:  # the host asks for it in the middle of these, too
            hanging |= {"initialize", "order_send"}
            patch.setattr(connection, "USUAL_DEADLINE", DEADLINE)
        for function in hanging:
            patch.setitem(remote.DEADLINES, function, DEADLINE)
        yield


def run(
    folder: Path,
    faults: Sequence[ScriptedFault],
    *,
    plans: Sequence[ScriptedEntry] = PLANS,
    dry_run: bool = False,
    kind: Kind = Kind.SCRIPT,
) -> Outcome:
    """Run a session at a terminal with these faults; functions that hang get `DEADLINE`.

    `plans` are those of a script; the other kinds have steps of their own.
    """
    hangs = (FaultKind.HANG_BEFORE, FaultKind.HANG_AFTER)
    hanging = frozenset(item.function for item in faults if item.fault.kind in hangs)
    results = SessionFolder(folder, "faults", THROUGH_MT5)
    results.create()
    swing = 0 if kind is Kind.SCRIPT else SWING
    with _patched(spec(folder, faults, swing), hanging=hanging):
        problem, left = asyncio.run(_session(results, plans, dry_run, kind))
    return _outcome(folder, results, problem, left)


@contextmanager
def _feeding(link: connection.Connection, kind: Kind) -> Iterator[None]:
    """Steps of this kind in the place of a script."""

    async def advance(span: int) -> None:
        now = (await link.call("symbol_info_tick", "EURUSD")).time_msc
        await link.call("paper_advance", now + span)

    with pytest.MonkeyPatch.context() as patch:
        if kind is not Kind.SCRIPT:
            feed = functools.partial(StepFeed, kind=kind, advance=advance)
            patch.setattr(scripts.app.sessions.live, "ScriptFeed", feed)
        yield


async def _session(
    folder: SessionFolder, plans: Sequence[ScriptedEntry], dry_run: bool, kind: Kind
) -> tuple[AppError | None, str | None]:
    """What kept the session from its end, and what it says that it leaves behind."""
    paper = connection.resolve(PAPER, CliOverrides(), None, {})
    account = msgspec.structs.replace(paper, password=Secret(PASSWORD))
    log = SessionLog(folder.log, folder.session_id, SystemClock().now, say=None)
    left = None
    try:
        async with connection.connected(
            account, folder.results / "hosts", trading=not dry_run, symbols=["EURUSD"]
        ) as link:
            found = await instruments(link, ["EURUSD"], {}, {"EURUSD": EURUSD})
            terms = LiveTerms(
                mode="signals", preset="signals", parameters={}, instruments=found,
                limits=LIMITS, plans=plans, dry_run=dry_run, hold=0.0,
            )  # fmt: skip
            metadata = {"session_id": folder.session_id}
            journal = await open_journal(folder, resume=False)
            with _feeding(link, kind):
                context = SessionContext(folder, journal, SystemClock(), log, metadata)
                live = build_live(terms, link, context)
            with explained(folder):
                await live.session.run()
            left = live.left()
    except AppError as error:
        return error, left
    finally:
        log.close()
    return None, left


def _outcome(
    folder: Path, results: SessionFolder, problem: AppError | None, left: str | None
) -> Outcome:
    records: list[ev.Record] = []
    sealed = True
    if results.journal.exists():
        with StoredJournal(results.journal) as stored:
            records = list(stored.records())
            sealed = stored.sealed_hash() == stored.hexdigest()
    lines = results.log.read_text(encoding="utf-8").splitlines() if results.log.exists() else []
    # Orders under way are executed at the venue whether anyone looks or not.
    venue = build(spec(folder, []))
    assert venue.initialize()
    account = venue.account_info()
    return Outcome(
        records,
        sealed,
        [json.loads(line) for line in lines],
        problem,
        left,
        venue.positions_get(),
        venue.history_deals_get(0, mt5.LATEST_DATE),
        venue.orders_get(),
        venue.history_orders_get(0, mt5.LATEST_DATE),
        account.balance,
    )


# --- what must hold, whatever goes wrong -------------------------------------------------------


def check(outcome: Outcome) -> None:
    """Every promise of a session that may meet a fault."""
    _nothing_is_sent_twice(outcome)
    _nothing_opens_after_a_halt(outcome)
    _no_position_is_lost(outcome)
    _the_money_is_the_venues(outcome)
    _the_journal_is_whole(outcome)
    _the_log_says_it(outcome)


def _nothing_is_sent_twice(outcome: Outcome) -> None:
    """Each comment, which names one order, is on one order of the venue at most, and its deals."""
    submitted = {order.order_id for order in outcome.of(ev.OrderSubmitted)}
    every = [item for item in (*outcome.orders, *outcome.old_orders) if item.magic == MAGIC]
    marks = Counter(item.comment for item in every if not item.comment.startswith("["))
    assert all(count == 1 for count in marks.values()), marks
    for entry in (mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT):
        orders = {(deal.comment, deal.order) for deal in outcome.ours(entry)}
        named = Counter(comment for comment, _ in orders if not comment.startswith("["))
        assert all(count == 1 for count in named.values()), named
        assert {int(comment.rpartition("-")[2]) for comment in named} <= submitted
    signals = [order.terms.signal_id for order in outcome.of(ev.OrderIntent) if _opens(order)]
    assert len(signals) == len(set(signals))


def _opens(order: ev.OrderIntent | ev.OrderSubmitted) -> bool:
    return order.terms.action is ev.Action.OPEN


def _nothing_opens_after_a_halt(outcome: Outcome) -> None:
    state = TradingState.ACTIVE
    for record in outcome.records:
        match record.event:
            case ev.TradingStateChanged():
                state = record.event.state
            case ev.OrderSubmitted() if _opens(record.event):
                assert state is TradingState.ACTIVE, record


def _no_position_is_lost(outcome: Outcome) -> None:
    """Engine and venue agree on what is open, or the session says what to look at."""
    if not outcome.records:
        assert not outcome.deals[1:]
        assert outcome.problem is not None
        return
    here = {item.ticket for item in outcome.positions if item.magic == MAGIC}
    waiting = [item.ticket for item in outcome.orders if item.magic == MAGIC]
    if here or waiting or set(outcome.end.open_positions) != here:
        said = " ".join(filter(None, (outcome.left, str(outcome.problem or ""))))
        assert "terminal" in said, (here, outcome.end.open_positions, said)


def _the_money_is_the_venues(outcome: Outcome) -> None:
    """What the engine counted is what the venue booked, once both know the same deals."""
    closed = outcome.of(ev.PositionClosed)
    leaving = [deal for deal in outcome.deals if deal.entry == mt5.DEAL_ENTRY_OUT]
    mine = {opened.position for opened in outcome.of(ev.PositionOpened)}
    known = [deal for deal in outcome.deals if deal.position_id in mine]
    if outcome.positions or len(closed) != len(leaving):
        return
    booked = sum(deal.profit + deal.commission + deal.swap for deal in known)
    assert sum(item.net for item in closed) == round(booked * 100)


def _the_journal_is_whole(outcome: Outcome) -> None:
    assert outcome.sealed
    if outcome.records:
        assert isinstance(outcome.records[-1].event, ev.SessionEnded)
        failed = outcome.end.outcome is ev.SessionOutcome.FAILED
        assert failed == (outcome.problem is not None)
        assert bool(outcome.end.detail) == failed


def _the_log_says_it(outcome: Outcome) -> None:
    """One line for each refused or unknown order and for each halt."""
    lines = Counter(line["event"] for line in outcome.log)
    halts = [item for item in outcome.of(ev.TradingStateChanged) if item.cause is not None]
    assert lines["order rejected"] == len(outcome.of(ev.OrderRejected))
    assert lines["outcome of an order unknown"] == len(outcome.of(ev.OrderUnknown))
    assert lines["new orders stopped"] == len(halts)
    if outcome.records and outcome.end.outcome is ev.SessionOutcome.FAILED:
        assert lines["session ended"] == 1
