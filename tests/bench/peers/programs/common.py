"""What every program of the comparison shares. Standard library only, Python 3.10 or newer.

    python PROGRAM BARS RULES STARTED

BARS is a CSV file of EURUSD M1 bars (`time` in epoch seconds, prices, volumes, a spread of 0).
RULES is "cross", "storm" or "sweep". STARTED is `time.time()` when the process was started. The
last line on standard output is the answer, as JSON.

cross: at the close of an M15 bar, a moving average of 20 closes crosses that of 50. Without a
position enter 0.10 lot at the next bar's opening, with a stop 1.5 and a target 3 average true
ranges (14 bars, Wilder's) away; with a position of the other side close it at the next opening.
storm: at the close of every M15 bar close the position and open one of the other side, no stops.
sweep: the rules of cross over bars of any length, once for each pair of FASTS and SLOWS.
Money is 100,000 USD at the start; no spread, no commission, no swap, no limits of loss.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from statistics import median

FAST, SLOW = 20, 50
ATR_BARS = 14
STOP_ATR, TARGET_ATR = 1.5, 3.0
UNITS = 10_000
CASH = 100_000
FASTS, SLOWS = range(5, 45, 2), range(50, 150, 10)
"""Of the sweep: 20 times 10 parameter sets."""
MINUTE, M15 = 60, 900


@dataclass
class Task:
    """What to do, and how long the interpreter and the imports took before it could begin."""

    bars: Path
    storm: bool
    startup: float
    began: float
    worked: float

    def restarted(self) -> Task:
        """The same task with its clock started again, after work that is not to be counted."""
        return replace(self, began=time.perf_counter(), worked=time.process_time())


def task() -> Task:
    """Read the arguments and start the clock: to be called when everything is imported."""
    bars, rules, started = sys.argv[1:]
    if rules not in ("cross", "storm", "sweep"):
        raise SystemExit(f"there are no rules {rules!r}")
    startup = time.time() - float(started)
    return Task(Path(bars), rules == "storm", startup, time.perf_counter(), time.process_time())


def answer(
    what: Task, package: str, *, bars: int, trades: int, last: float, balance: float
) -> None:
    """Stop the clock and print what came out; `last` is when the last trade closed."""
    seconds, processor = time.perf_counter() - what.began, time.process_time() - what.worked
    when = datetime.fromtimestamp(last, timezone.utc).isoformat() if last else ""
    found = {
        "version": version(package),
        "startup": what.startup,
        "seconds": seconds,
        "processor": processor,
        "bars": bars,
        "trades": trades,
        "last": when,
        "balance": round(balance, 2),
        "peak": peak(),
    }
    print(json.dumps(found))


def swept(what: Task, package: str, balances: dict[tuple[int, int], float]) -> None:
    """Stop the clock and print what came out: the balance at the end of each parameter set."""
    seconds = time.perf_counter() - what.began
    used = os.times()
    found = {
        "version": version(package),
        "startup": what.startup,
        "seconds": seconds,
        "processor": sum(used[:4]) - what.worked,
        "sets": len(balances),
        "best": round(max(balances.values()), 2),
        "worst": round(min(balances.values()), 2),
        "middle": round(median(balances.values()), 2),
    }
    print(json.dumps(found))


def peak() -> int:
    """This process's largest resident memory in bytes, 0 where the system does not tell."""
    if sys.platform == "linux":
        # Not `ru_maxrss`, which begins with what the process that started this one held.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


class Slots:
    """M15 bars out of M1 bars, each given out with its last minute, or with the first one after."""

    def __init__(self) -> None:
        self._slot = -1
        self._bar = (0.0, 0.0, 0.0)

    def push(self, moment: int, high: float, low: float, close: float) -> list:
        """(high, low, close) of the M15 bars that this minute closes."""
        closed = []
        slot = moment // M15
        if slot == self._slot:
            self._bar = (max(self._bar[0], high), min(self._bar[1], low), close)
        else:
            if self._slot >= 0:
                closed.append(self._bar)
            self._slot, self._bar = slot, (high, low, close)
        if (moment + MINUTE) % M15 == 0:
            closed.append(self._bar)
            self._slot = -1
        return closed


class Cross:
    """The rules of "cross" in plain Python, for a peer without indicators."""

    def __init__(self) -> None:
        self._closes: list = []
        self._gap = None
        self.atr = 0.0

    def push(self, high: float, low: float, close: float) -> int:
        """1, -1 or 0: which way the averages have just crossed."""
        closes = self._closes
        if closes:
            true_range = max(high, closes[-1]) - min(low, closes[-1])
            self.atr += (true_range - self.atr) / ATR_BARS
        else:
            self.atr = high - low
        closes.append(close)
        del closes[:-SLOW]
        if len(closes) < SLOW:
            return 0
        before, self._gap = self._gap, sum(closes[-FAST:]) / FAST - sum(closes) / SLOW
        if before is None:
            return 0
        if before <= 0 < self._gap:
            return 1
        return -1 if before >= 0 > self._gap else 0
