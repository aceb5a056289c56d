"""A paper terminal as a program of its own runs it: its market moves by a clock or on request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.contract import Access, Call, Function
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.market import MarketProgress, MarketStep, PaperMarket
from engine.types import Millis

ADVANCE: Final = Function("paper_advance", Call.POSITIONAL, None, Access.SESSION)
"""Not a function of the package: moves a lockstep market."""


STEP: Final = Function("paper_step", Call.POSITIONAL, None, Access.SESSION)
"""The same, move by move and no further than a moment at which somebody looks."""


class RunningClock:
    """A server's clock that runs by itself: `speed` server seconds in each second."""

    def __init__(
        self,
        start: Millis,
        speed: float,
        seconds: Callable[[], float] = time.monotonic,
        began: float | None = None,
    ) -> None:
        """It showed `start` when `seconds` gave `began` (None: now)."""
        self._start = start
        self._speed = speed
        self._seconds = seconds
        self._began = seconds() if began is None else began

    def now(self) -> Millis:
        return self._start + int((self._seconds() - self._began) * 1000 * self._speed)


class HostedTerminal:
    """The terminal's functions over its market.

    With a `clock` the market is brought up to date before each call; without, it stands still until
    `paper_advance`. `changed` is called after whatever may have changed the account.
    """

    __version__ = "paper"

    def __init__(
        self,
        terminal: PaperTerminal,
        market: PaperMarket,
        *,
        clock: RunningClock | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._terminal = terminal
        self._market = market
        self._clock = clock
        self._changed = changed
        if clock is None:  # nothing moves by itself, and reading changes nothing
            for name in mt5.FUNCTIONS.keys() - {"order_send", "last_error"}:
                setattr(self, name, getattr(terminal, name))

    @property
    def extra_functions(self) -> Mapping[str, Function]:
        """What a host may offer beyond the package's functions."""
        return {} if self._clock else {ADVANCE.name: ADVANCE, STEP.name: STEP}

    def __getattr__(self, name: str) -> Any:
        if name not in mt5.FUNCTIONS:
            raise AttributeError(name)
        function = getattr(self._terminal, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._call(name, function, args, kwargs)

        return call

    def last_error(self) -> tuple[int, str]:
        """Of the last call, `paper_advance` included."""
        return self._terminal.error

    def paper_advance(self, until: Any = None, most: Any = 0, /) -> MarketProgress | None:
        """Play the market up to `until`, in server ms, or at most `most` moves of it.

        None and error -2 for arguments that are no whole numbers, and where a clock moves it.
        """
        if self._clock or not isinstance(until, int) or not isinstance(most, int) or most < 0:
            self._terminal.error = (mt5.RES_E_INVALID_PARAMS, "Invalid arguments")
            return None
        self._terminal.error = (mt5.RES_S_OK, "Success")
        progress = self._market.advance(until, most)
        self._changed()
        return progress

    def paper_step(self, until: Any = None, /) -> MarketStep | None:
        """The next move that comes before the openings at `until`, in server ms.

        None and error -2 where `until` is no whole number, and where a clock moves the market.
        """
        if self._clock or not isinstance(until, int):
            self._terminal.error = (mt5.RES_E_INVALID_PARAMS, "Invalid arguments")
            return None
        self._terminal.error = (mt5.RES_S_OK, "Success")
        step = self._market.step(until)
        self._changed()
        return step

    def _call(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        moved = self._clock is not None and self._market.advance(self._clock.now()).happened
        value = function(*args, **kwargs) if kwargs else function(*args)
        if moved or name == "order_send":
            self._changed()
        return value
