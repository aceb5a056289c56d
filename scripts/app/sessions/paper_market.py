"""The paper account on recorded bars: the market of a shadow session without MetaTrader."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from adapters.paper.terminal.market import MarketPace
from engine.clock import SystemClock
from engine.types import USD, ClockName, Millis
from scripts.app.sessions.paper import LOGIN, server_in
from scripts.app.terms.bars import BarInput, OpenMarketBars
from signals.market_data.clocks import server_of, to_utc, utc_of

_DAY: Final[Millis] = 86_400_000
_FRIDAY: Final = 4


@dataclass(frozen=True)
class RecordedMarket:
    """Recorded bars that a paper terminal plays, at `speed` or, with None, move by move.

    `start` is where its clock begins (ms UTC), at the moment `began` of this machine's clock.
    """

    inputs: list[BarInput]
    start: Millis
    speed: float | None
    began: Millis
    currency: str = USD

    @property
    def clock_name(self) -> ClockName:
        """The clock of the bars, and so of the server."""
        return self.inputs[0].clock

    @property
    def pace(self) -> MarketPace:
        """How the terminal moves through a bar: in lockstep as a replay does."""
        return MarketPace.BARS if self.speed is None else MarketPace.TICKS

    def spec(self, state: Path, books: Path | None) -> str:
        """The terminal's specification, as its host takes it; bars are saved in `state`."""
        document = {
            "symbols": [msgspec.to_builtins(item.spec) for item in self.inputs],
            "login": LOGIN,
            "server": server_in(self.currency),
            "bars": {item.spec.name: str(_rates_file(item, state)) for item in self.inputs},
            "start": server_of(self.clock_name, self.start // 1000),
            "state": None if books is None else str(books.resolve()),
            "pace": self.pace,
            "currency": self.currency,
        }
        if self.speed is not None:
            document |= {"clock": "real", "speed": self.speed, "began": self.began / 1000}
        return msgspec.json.encode(document).decode()

    def to_utc(self, server: int) -> int:
        """Seconds of the server's clock as seconds UTC."""
        return utc_of(self.clock_name, server)

    def to_server(self, moment: Millis) -> int:
        """A moment (ms UTC) as seconds of the server's clock."""
        return server_of(self.clock_name, moment // 1000)


class ScaledClock:
    """A clock that runs `speed` times as fast as this machine's, for a market that does."""

    def __init__(self, market: RecordedMarket) -> None:
        self._market = market
        self._clock = SystemClock()

    def now(self) -> Millis:
        market = self._market
        passed = self._clock.now() - market.began
        return market.start + round(passed * (market.speed or 0.0))


def busy_hour(inputs: list[BarInput]) -> Millis:
    """Where a market that is watched begins: the first weekday noon a week into the bars.

    London trades then and New York is about to, and indicators have bars to warm up on. Bars of
    less than two weeks begin at their first.
    """
    first = max(item.ref.first for item in inputs)
    last = min(item.ref.last for item in inputs)
    noon = (first // _DAY + 7) * _DAY + _DAY // 2
    while dt.datetime.fromtimestamp(noon / 1000, dt.UTC).weekday() > _FRIDAY:
        noon += _DAY
    return noon if noon + 7 * _DAY < last else min(item.ref.first for item in inputs)


def now_ms() -> Millis:
    """This machine's clock, as the host reads it too."""
    return round(time.time() * 1000)


def _rates_file(item: BarInput, state: Path) -> Path:
    """The bars as the terminal host reads them, made once for each content."""
    import numpy as np

    from adapters.bars.reader import concat
    from adapters.mt5.api.contract import rates_dtype

    end = item.window.end
    part = f"{item.ref.sha256[:16]}-{end}" if end else item.ref.sha256[:16]
    if isinstance(item.file, OpenMarketBars):
        part += f"-{item.clock.replace('/', '_')}"
    path = state.resolve() / f"paper-{part}.npy"
    if not path.exists():
        columns = concat(item.file.chunks())
        if end is not None:
            columns = columns.take(np.flatnonzero(to_utc(item.clock, columns.time) < end))
        rates = np.zeros(len(columns), dtype=rates_dtype())
        for name in ("time", "open", "high", "low", "close", "tick_volume", "spread"):
            rates[name] = getattr(columns, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp.npy")
        np.save(draft, rates)
        draft.replace(path)
    return path
