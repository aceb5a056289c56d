"""What must hold of every session, read from the terminal's own log beside the session's files."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from tests.genuine.engine import Running
from tests.genuine.rig.played import LOGIN, SERVER, PlayedTerminal

Row = dict[str, Any]

DEAL, PENDING = 1, 5
DEMO: Final = 0
INVALID_ARGUMENTS: Final = -2
_IN_FLIGHT_SECONDS: Final = 1.0
"""A request that left just before a halt may arrive so much later."""


@dataclass
class Figures:
    """What all audited sessions of this run came to."""

    sessions: int = 0
    calls: int = 0
    sends: int = 0
    doubled: int = 0
    after_a_halt: int = 0
    wrong_account: int = 0
    lost: int = 0
    refused: int = 0

    def add(self, others: Mapping[str, int]) -> None:
        """Count what another process has found, too."""
        for name, count in others.items():
            setattr(self, name, getattr(self, name) + count)

    def __str__(self) -> str:
        return ", ".join(f"{field.name} {getattr(self, field.name)}" for field in fields(self))


FIGURES: Final = Figures()


def audit(
    session: Running, terminal: PlayedTerminal, since: int | None = None, *, lost: bool = False
) -> None:
    """Raises AssertionError naming what does not hold.

    With `lost` the session has ended in the middle, so that what is open need not agree.
    """
    sends = terminal.sends(since)
    FIGURES.sessions += 1
    FIGURES.calls += len(terminal.calls(since=since))
    FIGURES.sends += len(sends)
    faults: dict[str, list[Any]] = {
        "doubled": doubled(sends),
        "after_a_halt": after_a_halt(sends, session.rows()),
        "wrong_account": wrong_account(sends),
        "lost": [] if lost else unexplained(session, terminal),
        "refused": refused_by_the_package(terminal),
    }
    for name, found in faults.items():
        setattr(FIGURES, name, getattr(FIGURES, name) + len(found))
    assert not any(faults.values()), faults


def is_entry(send: Row) -> bool:
    """Whether a send could open a position."""
    request = send.get("request", {})
    return request.get("action") in (DEAL, PENDING) and not request.get("position")


def doubled(sends: list[Row]) -> list[str]:
    """Comments, one for each order of a session, that arrived more than once."""
    comments = Counter(
        send["request"]["comment"] for send in sends if send.get("request", {}).get("comment")
    )
    return [comment for comment, times in comments.items() if times > 1]


def after_a_halt(sends: list[Row], rows: list[Row]) -> list[Row]:
    """Entries that arrived while the event log says that trading was halted."""
    halted: float | None = None
    spans: list[tuple[float, float]] = []
    for row in rows:
        at = datetime.fromisoformat(row["timestamp"]).timestamp()
        if row["event"] == "HALT" and halted is None:
            halted = at
        elif row["event"] == "RESUME" and halted is not None:
            spans.append((halted, at))
            halted = None
    if halted is not None:
        spans.append((halted, float("inf")))
    return [
        send
        for send in sends
        if is_entry(send) and any(a + _IN_FLIGHT_SECONDS < send["at"] < b for a, b in spans)
    ]


def wrong_account(sends: list[Row]) -> list[Row]:
    """Sends that arrived while another account than the demo account was logged in."""
    return [send for send in sends if send["account"] != [LOGIN, SERVER, DEMO]]


def refused_by_the_package(terminal: PlayedTerminal) -> list[Row]:
    """Calls whose arguments the package did not take: it raised, or said that they are invalid."""
    return [
        call
        for call in terminal.package_calls()
        if "raised" in call or call["error"][0] == INVALID_ARGUMENTS
    ]


def unexplained(session: Running, terminal: PlayedTerminal) -> list[str]:
    """Where event log and summary disagree with the terminal's own books."""
    book, summary = terminal.book(), session.summary()
    magics = {send["request"].get("magic") for send in terminal.sends() if "request" in send}
    deals = [
        deal for deal in book["deals"] if deal["order"] and deal["magic"] in magics - {0, None}
    ]
    wrong = []
    opened = {str(deal["position_id"]): deal for deal in deals if deal["entry"] == 0}
    told = {row["ticket"]: row for row in session.rows("OPEN")}
    for ticket, row in told.items():
        deal = opened.get(ticket)
        if deal is None:
            wrong.append(f"OPEN {ticket} has no deal")
        elif abs(float(row["volume"]) - _volume(deals, ticket)) > 1e-9:
            wrong.append(f"OPEN {ticket}: {row['volume']} told, {deal['volume']} dealt")
    wrong += [f"deal of position {ticket} has no OPEN" for ticket in opened if ticket not in told]
    wrong += _money(session, book)
    ours = [p for p in book["positions"] if p["magic"] in magics - {0, None}]
    if summary["open_positions"] != len(ours):
        wrong.append(f"{summary['open_positions']} open told, {len(ours)} are")
    return wrong


def _volume(deals: list[Row], ticket: str) -> float:
    entries = (d for d in deals if str(d["position_id"]) == ticket and d["entry"] == 0)
    return float(sum(deal["volume"] for deal in entries))


def _money(session: Running, book: Row) -> list[str]:
    """Closed positions' results and the balance, to the cent."""
    wrong = []
    told: defaultdict[str, float] = defaultdict(float)
    for row in session.rows("CLOSE"):  # several where a position was closed in parts
        told[row["ticket"]] += float(row["profit"] or 0) + float(row["commission"] or 0)
    for ticket, said in told.items():
        mine = [d for d in book["deals"] if str(d["position_id"]) == ticket]
        dealt = sum(d["profit"] + d["commission"] for d in mine if d["entry"] == 1)
        fees = sum(d["commission"] for d in mine if d["entry"] == 0)
        if min(abs(said - dealt), abs(said - dealt - fees)) > 0.011:
            wrong.append(f"CLOSE {ticket}: {said:.2f} told, {dealt:.2f} dealt")
    balance = session.summary()["final_balance"]
    if abs(balance - book["facts"]["balance"]) > 0.011:
        wrong.append(f"balance {balance} told, {book['facts']['balance']} is")
    return wrong
