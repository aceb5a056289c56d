"""Replays with every bar played, and what the engine itself saw of the account while they ran."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine import events as ev
from engine.journal import MemoryJournal
from engine.result import PriceHistory, RunResult
from engine.result.build import result_of
from engine.result.curve import GRID
from engine.session import Session
from engine.types import Cents, Millis
from scripts.app.sessions.replay import begin, concluding, connect, replay_feed
from scripts.app.terms.replay_terms import Terms


@dataclass
class Witness:
    """Every equity test of a replay: time, opening of its bar (None between bars), figures."""

    tests: list[tuple[Millis, Millis | None, Cents, Cents]] = field(default_factory=list)

    def lowest(self, openings: list[Millis]) -> dict[Millis, Cents]:
        """By the opening of a point, the lowest equity that was tested inside it."""
        found: dict[Millis, Cents] = {}
        for time, opening, _, equity in self.tests:
            moment = time if opening is None else opening
            slot = openings[max(0, bisect_right(openings, moment) - 1)]
            found[slot] = min(found.get(slot, equity), equity)
        return found

    def final(self, openings: list[Millis]) -> dict[Millis, tuple[Cents, Cents]]:
        """By the opening of a point, balance and equity of the last test inside it."""
        found: dict[Millis, tuple[Cents, Cents]] = {}
        for time, opening, balance, equity in self.tests:
            moment = time if opening is None else opening
            slot = openings[max(0, bisect_right(openings, moment) - 1)]
            if moment < slot + GRID:  # else a turn of days while the market is closed
                found[slot] = balance, equity
        return found


@dataclass(frozen=True)
class Witnessed:
    """A replay's records and result, and what the engine saw."""

    records: list[ev.Record]
    result: RunResult
    witness: Witness


def prices_of(terms: Terms) -> Mapping[str, PriceHistory]:
    """The bars that a replay of the terms plays."""
    return {
        item.spec.name: PriceHistory.of_chunks(
            item.spec.name, item.ref.period * 1000, item.prepared(())
        )
        for item in terms.inputs
    }


def witnessed(terms: Terms, *, every_bar: bool = True) -> Witnessed:
    """Run the terms, in memory, and note each equity test as the account itself gives it."""
    journal, witness = MemoryJournal(), Witness()
    terms = replace(terms, every_bar=every_bar)
    parts = connect(journal, terms)
    bus, account = parts.bus, parts.account

    def note(balance: Cents, equity: Cents) -> None:
        bar = None if bus.bar is None else bus.bar[1]
        witness.tests.append((bus.time, bar, balance, equity))

    def test(seen: ev.AccountSeen | ev.ResetDue) -> None:
        note(seen.balance, seen.equity)

    bus.attach(
        {
            ev.AccountSeen: test,
            ev.ResetDue: test,  # a reset tests equity, too
            ev.AttemptStarted: lambda e: note(e.account.balance, e.account.equity),
        }
    )
    session = Session(
        bus,
        journal,
        replay_feed(parts, terms),
        [],
        conclude=concluding(parts.portfolio, parts.risk, parts.challenge_actor),
        end_metadata=dict,
        on_slice=lambda: None,
    )
    begin(parts, terms, {"session_id": "witnessed"})
    asyncio.run(session.run())
    assert account.balance == journal.records[-1].event.account.balance  # type: ignore[union-attr]
    return Witnessed(journal.records, result_of(journal.records, prices_of(terms)), witness)


def differing_points(run: Witnessed) -> list[str]:
    """Where the result's points are not what the engine saw, in words."""
    curve = run.result.curve
    openings = curve.time.tolist()
    lowest, final = run.witness.lowest(openings), run.witness.final(openings)
    found = []
    for row, opening in enumerate(openings):
        # Another symbol's tick at the close moves equity without a test.
        worst = min(lowest.get(opening, curve.equity[row]), curve.equity[row])
        if worst != curve.worst[row]:
            found.append(f"{opening}: worst {curve.worst[row]}, seen {worst}")
        # The last point is the end of the session, whatever came after the last bar.
        last = run.result.account
        end = row + 1 == len(openings)
        seen = (last.balance, last.equity) if end else final.get(opening)
        if seen is not None and seen != (curve.balance[row], curve.equity[row]):
            found.append(f"{opening}: {curve.balance[row]}, {curve.equity[row]}, seen {seen}")
    return found


__all__ = ["GRID", "Witness", "Witnessed", "differing_points", "prices_of", "witnessed"]
