"""The account's ledger over ten years: 50,000 deals kept, read back and folded at a start.

Between two readings a look at the account costs what `LedgerObserver.news` does before it asks.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from adapters.state.reading import AccountRead
from adapters.state.store import AccountStore
from engine.types import Millis
from risk.ledger.fold import fold
from risk.ledger.inputs import ClockRule
from scripts.app.account.clocks import named_rule
from scripts.app.sessions.ledger import LedgerRead, Remembered
from scripts.app.sessions.ledger_news import LedgerObserver
from tests.bench.machine import machine
from tests.ledger_history import FTMO, MAGIC, History, stated

TRADES = 24_995
YEARS = 10
DAY: Millis = 86_400_000
RUNS = 5
LOOKS = 100_000


def main() -> None:
    print(machine())
    history = lived()
    now = history.deals[-1].time_msc + DAY
    clock = [named_rule("new-york+7")]
    print(
        f"{len(history.deals):,} deals of {YEARS} years; seconds of the processor, medians of "
        f"{RUNS} runs"
    )
    with tempfile.TemporaryDirectory() as folder, AccountStore(Path(folder), 1, "Demo") as store:
        told(
            "keep all of them, the first time",
            once(lambda: store.add_history(history.deals, [], 1)),
        )
        told("read them back", timed(store.deals))
        stored = store.deals()
    inputs = history.inputs(now, FTMO, statement=stated(), clock=clock)
    told("fold them", timed(lambda: fold(inputs)))
    later = msgspec.structs.replace(
        inputs, stored=stored, deals=tuple(history.deals[-20:]),
        told_since=history.deals[-20].time_msc, stored_opening=0,
    )  # fmt: skip
    told("fold what is stored and what is new", timed(lambda: fold(later)))
    print(f"  {'a look between two readings':<40} {looks(history, now, clock) * 1e6:.2f} us")


def lived() -> History:
    """An account of 100,000 that trades about seven times a day, most of it on two symbols."""
    rng = random.Random(1)  # noqa: S311 - a seed, no secret
    history = History()
    begin = 1_400_000_000_000
    history.book(begin, 2, 100_000.0)
    step = YEARS * 365 * DAY // TRADES
    for number in range(TRADES):
        at = begin + (number + 1) * step
        symbol = rng.choice(("EURUSD", "EURUSD", "XAUUSD"))
        position = history.enter(at, symbol=symbol, commission=-3.0, magic=rng.choice((0, MAGIC)))
        history.leave(at + step // 2, position, float(rng.randint(-4, 5)), commission=-0.01)
    return history


def looks(history: History, now: Millis, clock: list[ClockRule]) -> float:
    """Seconds of one look that finds nothing to read."""
    inputs = history.inputs(now, FTMO, statement=stated(), clock=clock)
    seen = AccountRead(
        account=inputs.account, deals=tuple(history.deals[-1:]), orders=(), positions=(),
        pending=(), since=0,
    )  # fmt: skip
    first = LedgerRead(at=now, seen=seen, report=fold(inputs), remembered=Remembered(known=inputs))
    nowhere: Any = None
    observer = LedgerObserver(nowhere, nowhere, first, follows=True)

    async def many() -> float:
        begun = time.process_time()
        for _ in range(LOOKS):
            await observer.news(inputs.account.balance, turns=False)
        return (time.process_time() - begun) / LOOKS

    return asyncio.run(many())


def once(work: Callable[[], object]) -> list[float]:
    begun = time.process_time()
    work()
    return [time.process_time() - begun]


def timed(work: Callable[[], object]) -> list[float]:
    return [once(work)[0] for _ in range(RUNS)]


def told(what: str, seconds: list[float]) -> None:
    middle, least, most = statistics.median(seconds), min(seconds), max(seconds)
    print(f"  {what:<40} {middle:.2f} s ({least:.2f} to {most:.2f})")


if __name__ == "__main__":
    main()
