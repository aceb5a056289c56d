"""A shadow session at whose terminal things go wrong by seed, and which is measured meanwhile.

``python -m tests.process.soak_main SEED GAUGES SHADOW_ARGUMENTS...`` runs `butler shadow`; GAUGES
is a file that gets one JSON line for every day of the market.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from adapters.mt5.api.contract import FUNCTIONS
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from scripts.app.sessions import connection, live_feed
from scripts.app.sessions.live_feed import Shadow
from scripts.app.sessions.paper_market import RecordedMarket
from scripts.cli import main
from tests.process.hosts import FAULTY_HOST
from tests.simulation.faults import FaultKind

CHANCES = {
    FaultKind.DIE_BEFORE: 0.0002,
    FaultKind.DIE_AFTER: 0.0002,
    FaultKind.FAIL: 0.0004,
    FaultKind.NO_IPC: 0.0002,
    FaultKind.OFFLINE: 0.0002,
    FaultKind.OTHER_ACCOUNT: 0.0002,
}
"""What goes wrong at each call. Nothing here changes what the account holds."""

READING = [name for name in FUNCTIONS if name not in ("order_send", "initialize", "last_error")]
"""An order whose outcome is unknown would end the trading, as it must."""

DAY = 86_400_000


def with_faults(seed: int) -> None:
    """Let the paper terminal of recorded bars misbehave; a lost host comes back at once."""
    faultless: Callable[..., str] = RecordedMarket.spec

    def spec(market: RecordedMarket, *where: Any) -> str:
        document = msgspec.json.decode(faultless(market, *where))
        # A host that is started again must not repeat the faults that ended it.
        document["faults"] = {
            "seed": seed, "chances": CHANCES, "longest": 2, "functions": READING,
        }  # fmt: skip
        return msgspec.json.encode(document).decode()

    RecordedMarket.spec = spec  # type: ignore[method-assign,assignment]
    connection.LocalHost = functools.partial(  # type: ignore[assignment,attr-defined]
        LocalHost, command=FAULTY_HOST
    )
    connection.TerminalClient = functools.partial(  # type: ignore[assignment,attr-defined]
        TerminalClient, sleep=lambda _: None
    )


def measured(gauges: Path) -> None:
    """Write down what the process uses, once for every day of the market."""
    unmeasured = live_feed.build_shadow

    def build(*arguments: Any) -> Shadow:
        shadow = unmeasured(*arguments)
        shadow.session.on_slice = Gauges(shadow, gauges).sample
        return shadow

    live_feed.build_shadow = build  # type: ignore[assignment]


class Gauges:
    """What the engine's process uses, day by day."""

    def __init__(self, shadow: Shadow, path: Path) -> None:
        self._bus = shadow.actors.bus
        self._path = path
        self._day = 0
        self._waiting = 0

    def sample(self) -> None:
        self._waiting = max(
            [self._waiting, *(subscription.waiting for subscription in self._bus._subscriptions)]
        )
        day = self._bus.time // DAY
        if day == self._day:
            return
        line = {
            "day": day,
            "kilobytes": _status("VmRSS"),
            "files": len(list(Path("/proc/self/fd").iterdir())),
            "threads": threading.active_count(),
            "waiting": self._waiting,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._day, self._waiting = day, 0


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)


if __name__ == "__main__":
    with_faults(int(sys.argv[1]))
    measured(Path(sys.argv[2]))
    sys.argv[1:3] = ["shadow"]
    main.main()
