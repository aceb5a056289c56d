"""A market of two symbols and random signals on it, good ones and bad ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from engine.events import UserSignal
from engine.types import Millis, Side, SymbolSpec
from scripts.app.terms.replay_terms import Terms
from tests import synthetic
from tests.user_signal_runs import PERIOD, terms_of, with_limits

MINUTE: Millis = 60_000
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR
MONDAY: Millis = synthetic.SPRING * 1_000
SPECIAL = (0, 1_000, 7 * MINUTE, PERIOD - 1_000)
"""Where within a bar a signal may fall, in milliseconds."""

Ticks = dict[str, dict[Millis, tuple[int, int]]]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Market:
    """Terms without signals, and by symbol the bid and ask at each opening."""

    terms: Terms
    ticks: Ticks
    specs: dict[str, SymbolSpec]

    def with_signals(self, signals: list[UserSignal], **limits: Any) -> Terms:
        in_order = tuple(sorted(signals, key=lambda signal: signal.time))
        return with_limits(replace(self.terms, signals=in_order), **limits)

    def opening(self, signal: UserSignal) -> Millis | None:
        """The first opening of the signal's symbol from its time on."""
        times = list(self.ticks[signal.symbol])
        place = bisect_left(times, signal.time)
        return times[place] if place < len(times) else None


def made_market(folder: Path) -> Market:
    """Nine days of two symbols by the UTC clock: holes of hours in them, and a weekend."""
    feed = synthetic.feed(11, days=9)
    files = {
        name: synthetic.write_parquet(feed[name], folder / f"{name}.parquet")
        for name in ("EURUSD", "USDJPY")
    }
    terms = replace(terms_of(files, None), factory=None, timeframes=(), preset="signals")
    ticks = {
        item.spec.name: {
            time: (bid, bid + spread)
            for chunk in item.prepared(())
            for time, bid, spread in zip(
                chunk.time.tolist(), chunk.open.tolist(), chunk.spread.tolist(), strict=True
            )
        }
        for item in terms.inputs
    }
    return Market(terms, ticks, {item.spec.name: item.spec for item in terms.inputs})


MOMENTS = st.builds(
    lambda bar, within: MONDAY - DAY + bar * PERIOD + within,
    st.integers(0, 12 * 96),
    st.sampled_from(SPECIAL),
)
"""From the Sunday before the bars to days after them, the weekend between included."""


@st.composite
def given_signals(draw: Draw, *, pending: bool) -> list[dict[str, Any]]:
    """Signals as plain values: prices are distances in points from the market's."""
    kinds = st.fixed_dictionaries(
        {
            "time": MOMENTS,
            "symbol": st.sampled_from(["EURUSD", "USDJPY", "EURUSD", "USDJPY", "GBPUSD", "?"]),
            "side": st.sampled_from(Side),
            "stop": st.integers(-60, 400),
            "strategy_id": st.sampled_from(["one", "two"]),
        },
        optional={
            "target": st.integers(-60, 800),
            "exit_after": st.integers(1, 3 * DAY // MINUTE).map(lambda n: n * MINUTE),
            "volume": st.sampled_from([0.0001, 0.01, 0.015, 0.5, 2.0, 70.0]),
            "risk_scale": st.sampled_from([0.001, 0.5, 1.0, 3.0]),
            **(
                {
                    "entry": st.integers(-150, 150) | st.sampled_from((-900, 900)),
                    "expires_after": st.integers(1, 2 * DAY // MINUTE).map(lambda n: n * MINUTE),
                }
                if pending
                else {}
            ),
        },
    )
    signals: list[dict[str, Any]] = draw(st.lists(kinds, min_size=1, max_size=14))
    doubled = draw(st.sets(st.integers(0, len(signals) - 1), max_size=2))
    return signals + [signals[place] for place in doubled]


def as_given(market: Market, values: dict[str, Any], line: int) -> UserSignal:
    """The signal with prices around the market's at its time, far from it or not."""
    time, symbol, side = values["time"], values["symbol"], values["side"]
    ticks = market.ticks.get(symbol, market.ticks["EURUSD"])
    near = min(ticks, key=lambda opening: abs(opening - time))
    base = ticks[near][1 if side is Side.LONG else 0]
    entry = base + values["entry"] if "entry" in values else None
    digits = market.specs[symbol].digits if symbol in market.specs else 5

    def price(points: int | None) -> float | None:
        return None if points is None else points / 10**digits

    from_ = base if entry is None else entry
    stop = price(from_ - side * values["stop"])
    assert stop is not None
    return UserSignal(
        line=line,
        time=time,
        symbol=symbol,
        side=side,
        stop_loss=stop,
        entry_price=price(entry),
        take_profit=price(from_ + side * values["target"]) if "target" in values else None,
        exit_time=time + values["exit_after"] if "exit_after" in values else None,
        expires=time + values["expires_after"] if "expires_after" in values else None,
        strategy_id=values["strategy_id"],
        risk_scale=values.get("risk_scale", 1.0),
        volume=values.get("volume"),
    )


def all_given(market: Market, values: list[dict[str, Any]]) -> list[UserSignal]:
    return [as_given(market, value, line) for line, value in enumerate(values, start=2)]


ROOMY = {"max_positions": 4, "max_positions_per_symbol": 3, "per_trade_risk_fraction": 0.01}
