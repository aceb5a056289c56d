"""Sessions that hang: when they are ended, and a strategy that stays out after two hangs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import signals.strategy_actor
from adapters.services.watchdog import HANGS, WatchdogTerms, hangs_within
from engine import events as ev
from engine.bus import Bus
from engine.clock import Clock
from engine.trading import HaltCause

_TOLERATED: Final = 1
"""One hang may be bad luck (a disk, a machine that was put to sleep)."""


def watchdog(leave: Callable[[], None], hang_limit: float = 30.0) -> WatchdogTerms:
    """Tells of a loop that does not turn, and ends the process by `leave` after `hang_limit` s."""
    return WatchdogTerms(leave=leave, told_after=min(10.0, hang_limit / 2), ended_after=hang_limit)


def why_out(folder: Path) -> str | None:
    """Why the session's strategy is not to be asked any more, or None."""
    try:
        times = hangs_within(folder, signals.strategy_actor.__file__)
    except OSError as error:
        return (
            f"{folder / HANGS} cannot be read ({error.strerror}), so nobody knows how often the "
            "strategy hung, and it is not asked; remove that file to ask it again"
        )
    if times <= _TOLERATED:
        return None
    return (
        f"the strategy hung {times} times and is not asked any more, see {folder / HANGS}; "
        "mend it and begin a new session, or remove that file to ask it again"
    )


def told_first(
    bus: Bus, clock: Clock, why: str | None, past: Sequence[ev.Record]
) -> Callable[[], Awaitable[None]] | None:
    """What puts on record, before the first look, that the strategy stays out or is back in."""
    states = [r.event for r in past if isinstance(r.event, ev.TradingStateChanged)]
    was_out = bool(states) and HaltCause.STRATEGY in states[-1].causes
    if why is None and not was_out:
        return None
    told = False

    async def tell() -> None:
        nonlocal told
        if not told:
            told = True
            bus.time, bus.bar = clock.now(), None
            detail = why or "asked again"
            bus.feed(ev.ConditionSeen(HaltCause.STRATEGY, why is not None, detail))

    return tell
