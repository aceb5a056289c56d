"""A session that sends one order after another until it is told to stop.

``python -m tests.process.sending_main RESULTS SESSION_ID`` prints "ready" once it takes orders, and
at its end how many were filled.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from engine import events as ev
from engine.exits import exit_terms
from engine.types import units
from scripts.app.sessions.services import ServiceOptions
from tests.builders import signal
from tests.process.shadow_main import Shadow, build

_BETWEEN = 0.02  # seconds


class Sending:
    """Raises signals by turns: one that opens a position, one that closes it."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self.filled = 0
        shadow.bus.attach({ev.OrderFilled: self._on_filled})

    def _on_filled(self, _: ev.OrderFilled) -> None:
        self.filled += 1

    async def run(self) -> None:
        number = 0
        while not self._shadow.session.stop_requested:
            number += 1
            self._next(number)
            await anyio.sleep(_BETWEEN)

    def _next(self, number: int) -> None:
        bus, portfolio = self._shadow.bus, self._shadow.portfolio
        for position in list(portfolio.positions.values()):
            tick = portfolio.ticks[position.symbol]
            bus.publish(ev.SignalRaised(terms=exit_terms(position, tick, "out")))
            return
        bus.publish(
            signal(f"s:{number}", volume=units(0.01), stop_loss=109_510, take_profit=111_010)
        )


async def main() -> None:
    shadow = build(Path(sys.argv[1]), sys.argv[2], ServiceOptions(beat_seconds=1.0))
    sending = Sending(shadow)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shadow.session.run)
        await shadow.begun()
        print("ready", flush=True)
        await sending.run()
    shadow.log.close()
    print(sending.filled, flush=True)


if __name__ == "__main__":
    anyio.run(main)
