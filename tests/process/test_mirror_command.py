"""`butler mirror`: a session against the replay of its own bars: equal, or every reason named."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from engine.types import Millis
from tests.commands import Said, butler
from tests.journals import stored
from tests.pages import Page
from tests.process.shadows import played, synthetic_bars

LOCKSTEP = ("--speed", "max", "--quiet")
SENDING = ("--account-profile", "PAPER", "--no-dry-run", "--pace", 0, "--hold-seconds", 0)
HOUR = 3_600_000


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session in lockstep on two symbols, dry, over two days."""
    folder = tmp_path_factory.mktemp("mirror")
    bars = synthetic_bars(folder, "EURUSD", "USDJPY", seed=5, days=2)
    code, said = played(folder, *bars, *LOCKSTEP, "--session-id", "lockstep")
    assert code == 0, said
    return folder


@pytest.fixture(scope="module")
def records(results: Path) -> list[ev.Record]:
    """All that the session recorded."""
    with StoredJournal(results / "sessions" / "lockstep" / "journal.sqlite") as journal:
        return list(journal.records())


def mirrored(results: Path, session: str, *options: object) -> tuple[Said, dict[str, Any]]:
    said = butler("mirror", session, "--json", *options, "--results-dir", results)
    assert said.code in (0, 5), said
    document: dict[str, Any] = json.loads("".join(said.out))
    return said, document


def write(results: Path, name: str, records: list[ev.Record]) -> None:
    """A session of these records, numbered anew."""
    folder = results / "sessions" / name
    folder.mkdir(parents=True)
    numbers = count(1)
    renumbered = [msgspec.structs.replace(record, seq=next(numbers)) for record in records]
    asyncio.run(stored(folder / "journal.sqlite", renumbered))


def test_a_session_in_lockstep_is_equal_with_zero_tolerances(results: Path) -> None:
    """Every trade of both symbols, and the page says so."""
    said, told = mirrored(results, "lockstep")
    assert said.code == 0
    assert told["equal"] is True
    assert told["terms_that_differ"] == {}
    assert told["a"]["number_of_trades"] == told["b"]["number_of_trades"] > 10
    page = Page(Path(told["page"]).read_text(encoding="utf-8"))
    assert "Equal : A and B agree in" in page.words
    assert re.search(r"points a trade (\d+\.\d\d) \1 0\.00 widest", page.words)


def test_the_bars_may_come_out_of_the_journal_alone(
    results: Path, records: list[ev.Record]
) -> None:
    """A session on a terminal has no files: bars, warm-up and spreads are what it received."""
    first = msgspec.structs.replace(records[0], event=_without_data(records[0].event))
    write(results, "terminal", [first, *records[1:]])
    said, told = mirrored(results, "terminal")
    assert told["differences"] == []
    assert said.code == 0
    assert told["a"]["number_of_trades"] > 10


def _without_data(event: ev.Event | ev.Input) -> ev.SessionStarted:
    assert isinstance(event, ev.SessionStarted)
    return msgspec.structs.replace(event, data=())


def opened(records: list[ev.Record], number: int) -> ev.PositionOpened:
    """The opening of the session's trade of that number."""
    found = [r.event for r in records if isinstance(r.event, ev.PositionOpened)]
    return found[number]


def without(records: list[ev.Record], positions: set[int]) -> list[ev.Record]:
    """The records as if these positions had never been."""
    return [
        record for record in records if getattr(record.event, "position", None) not in positions
    ]


def test_slippage_is_named_with_its_money(results: Path, records: list[ev.Record]) -> None:
    """One opening was filled three points worse, which cost that much; all spreads were 4 wider."""
    chosen = opened(records, 4)
    lost = 777

    def worse(event: Any) -> Any:
        if isinstance(event, ev.Tick):
            return msgspec.structs.replace(event, ask=event.ask + 4)
        if getattr(event, "position", None) != chosen.position:
            return event
        if isinstance(event, ev.PositionOpened):
            return msgspec.structs.replace(event, price=event.price + 3 * event.side)
        if isinstance(event, ev.PositionClosed):
            return msgspec.structs.replace(event, profit=event.profit - lost)
        return event

    write(results, "slipped", changed(records, worse))
    said, told = mirrored(results, "slipped")
    assert said.code == 5
    (trade,) = [item for item in told["trades"] if item["differences"]]
    assert trade["open_slippage_points"] == 3
    assert told["first_divergence"]["text"] == "open price differs by 3 points"
    shown = "\n".join(butler("mirror", "slipped", "--results-dir", results).out)
    assert f"B - A {-lost / 100:+,.2f}" in shown
    page = Page(Path(told["page"]).read_text(encoding="utf-8"))
    assert "first" in page.words
    assert "\u22127.77" in page.words
    spread = re.search(
        r"points a trade \S+ \S+ (\S+) widest.*? money \(part of gross\) (\S+ \S+ \S+)", page.words
    )
    assert spread is not None
    assert spread[1] == "4.00"
    a, b, more = (float(x.replace("\u2212", "-").replace(",", "")) for x in spread[2].split())
    assert b < a < 0
    assert more == pytest.approx(b - a)


def changed(records: list[ev.Record], change: Callable[[Any], Any]) -> list[ev.Record]:
    return [msgspec.structs.replace(record, event=change(record.event)) for record in records]


def test_a_rejected_order_is_named_with_what_it_would_have_made(
    results: Path, records: list[ev.Record]
) -> None:
    """The replay's trade stands alone, with the return code and its result."""
    chosen = opened(records, 4)
    place = next(i for i, record in enumerate(records) if record.event is chosen)
    rejected = ev.OrderRejected(
        order_id=chosen.order_id,
        symbol=chosen.symbol,
        side=chosen.side,
        retcode=10006,
        message="Request rejected",
        account=chosen.account,
    )
    with_it = [*records]
    with_it[place] = msgspec.structs.replace(records[place], event=rejected)
    write(results, "rejected", without(with_it, {chosen.position}))
    said, told = mirrored(results, "rejected")
    assert said.code == 5
    (trade,) = [item for item in told["trades"] if item["differences"]]
    assert trade["differences"] == ["rejected with 10006 in B"]
    (own,) = [line for line in butler("mirror", "rejected", "--results-dir", results).out if
              line.startswith("money, B - A")]  # fmt: skip
    assert f"{-trade['a']['result']:+,.2f} USD for 1 that only A has" in own


def test_a_missed_hour_is_named_with_what_it_would_have_made(
    results: Path, records: list[ev.Record]
) -> None:
    """The link was down: each trade of that time says so, and the outage is listed."""
    middle = time_of(records, opened(records, 6))
    first, last = middle - HOUR // 2, middle + HOUR // 2
    missed = {
        record.event.position
        for record in records
        if isinstance(record.event, ev.PositionOpened) and first <= record.time <= last
    }
    kept = without(records, missed)
    link = [
        ev.Record(0, moment, None, ev.LinkChanged(up, "no answer")) for moment, up in
        ((first, False), (last, True))
    ]  # fmt: skip
    write(results, "missed", sorted([*kept, *link], key=lambda record: record.time))
    said, told = mirrored(results, "missed")
    assert said.code == 5
    assert len(told["outages"]) == 1
    assert told["outages"][0].startswith("the link to the terminal was down from ")
    alone = [item for item in told["trades"] if item["b"] is None]
    assert len(alone) == len(missed) >= 1
    shown = "\n".join(butler("mirror", "missed", "--rows", 0, "--results-dir", results).out)
    assert shown.count("\n    the link to the terminal was down from ") == len(missed)


def time_of(records: list[ev.Record], event: ev.PositionOpened) -> Millis:
    return next(record.time for record in records if record.event is event)


def test_a_session_that_still_runs_is_compared_as_far_as_it_came(
    results: Path, records: list[ev.Record]
) -> None:
    """A journal without its end: nothing beyond its last record counts as missed."""
    write(results, "running", records[: 2 * len(records) // 3])
    said, told = mirrored(results, "running")
    assert told["differences"] == []
    assert said.code == 0


def test_a_session_in_another_month_is_not_laid_on_this_one(results: Path) -> None:
    """A replay of a session is over the same time; another replay is said to be over another."""
    said = butler("replay", "--from", "2023-01-02", "--to", "2023-01-10", "--quiet",
                  "--results-dir", results, "--session-id", "other")  # fmt: skip
    assert said.code == 0
    compared = butler("compare", "lockstep", "other", "--results-dir", results)
    assert compared.code == 5
    assert any("nothing is paired" in line for line in compared.out)
    assert mirrored(results, "other")[1]["equal"] is True  # a replay's mirror is itself


def test_signals_that_were_sent_are_laid_on_their_replay(tmp_path: Path) -> None:
    """After the documented script: the same bars, preset, number of trades and account."""
    said = butler(
        "replay", *SENDING, "--limit-trades", 3, "--results-dir", tmp_path, "--session-id", "sent",
        "--from", "2024-06-03", "--to", "2024-06-08",
    )  # fmt: skip
    assert said.code == 0, said
    assert said.out[-1] == f"  mirror     butler mirror {tmp_path / 'sessions' / 'sent'} --open"
    _, told = mirrored(tmp_path, "sent")
    assert told["paired_in_order"] is True
    assert told["a"]["number_of_trades"] == told["b"]["number_of_trades"] == 3
    assert all(item["a"] and item["b"] for item in told["trades"])


def test_a_smoke_test_has_no_mirror(tmp_path: Path) -> None:
    """It follows no strategy, and that is said in one line."""
    said = butler("smoke-test", "--account-profile", "PAPER", "--results-dir", tmp_path,
                  "--session-id", "smoke")  # fmt: skip
    assert said.code == 0, said
    said = butler("mirror", "smoke", "--results-dir", tmp_path)
    assert said.code == 2
    assert "follows no strategy" in said.err[0]
