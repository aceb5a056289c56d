"""What the reference program knows of one symbol: units, money, its bars and its signals.

Prices are integer points, money is integer cents, times are seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Clock = Literal["new-york+7", "eu-dst", "utc"]

M15, H1 = 900, 3600


@dataclass(frozen=True)
class Spec:
    """One row of the page's symbol table; floors and level in points, commission in USD."""

    digits: int
    contract: int
    lots: tuple[float, float, float]  # minimum, step, maximum
    commission: float
    floors: tuple[int, int]  # server hour 0, else
    stops_level: int
    leverage: int
    usd_base: bool = False


_FOREX = (0.01, 0.01, 50.0)
TABLE = {  # in rank order
    "EURUSD": Spec(5, 100_000, _FOREX, 2.5, (24, 2), 0, 100),
    "GBPUSD": Spec(5, 100_000, _FOREX, 2.5, (51, 5), 0, 100),
    "USDJPY": Spec(3, 100_000, _FOREX, 2.5, (38, 4), 0, 100, usd_base=True),
    "XAUUSD": Spec(2, 100, (0.01, 0.01, 20.0), 0.0, (60, 15), 0, 30),
}


@dataclass(frozen=True)
class Columns:
    """Feed bars of one symbol: server seconds, decimal bid prices, spread in points."""

    time: Array
    open: Array
    high: Array
    low: Array
    close: Array
    spread: Array


@dataclass
class Position:
    ticket: int
    symbol: str
    side: int
    lots: float
    entry: int
    stop: int
    target: int
    first_stop: int
    margin: int
    paid: int  # commission at entry


# ---- Inputs and units


def half(x: float) -> int:
    """`x` rounded half away from zero, by the page's formula."""
    size = math.floor(abs(x) + 0.5 + 1e-5)
    return size if x >= 0 else -size


def points(prices: Array, digits: int) -> list[int]:
    """Decimal prices as points; ValueError when they carry more than `digits` digits."""
    scaled = np.asarray(prices, dtype=np.float64) * 10**digits
    whole = np.floor(scaled + 0.5)
    off = np.flatnonzero(np.abs(scaled - whole) > 0.01)
    if off.size:
        price = float(prices[off[0]])
        raise ValueError(f"price {price} has more than {digits} digits; give the feed's digits")
    return [int(value) for value in whole.tolist()]


def utc_seconds(server: Array, clock: Clock) -> list[int]:
    """Server seconds as UTC seconds. The clock's offset is looked up once an hour."""
    zone, ahead = {
        "new-york+7": (ZoneInfo("America/New_York"), timedelta(hours=7)),
        "eu-dst": (ZoneInfo("Europe/Helsinki"), timedelta(0)),
        "utc": (ZoneInfo("UTC"), timedelta(0)),
    }[clock]
    hours, where = np.unique(np.asarray(server, dtype=np.int64) // H1, return_inverse=True)
    utc = []
    for hour in hours.tolist():
        shown = datetime.fromtimestamp(hour * H1, UTC).replace(tzinfo=None)
        utc.append(int((shown - ahead).replace(tzinfo=zone).timestamp()))
    shift = np.array(utc, dtype=np.int64) - hours * H1
    return [int(value) for value in (server + shift[where]).tolist()]


def prague_midnights(after: int, until: int) -> list[int]:
    """UTC seconds of the Europe/Prague midnights in (after, until]."""
    prague = ZoneInfo("Europe/Prague")
    day = datetime.fromtimestamp(after, prague).date()
    found: list[int] = []
    while True:
        midnight = int(datetime.combine(day, time(), prague).timestamp())
        if midnight > until:
            return found
        if midnight > after:
            found.append(midnight)
        day += timedelta(days=1)


def feed_period(server: Array) -> int:
    """900 for a feed whose bars all open on quarter hours, else 60 seconds."""
    return M15 if not np.any(np.asarray(server) % M15) else 60


# ---- Money


def profit(spec: Spec, side: int, entry: int, price: int, lots: float, spread: int) -> int:
    """Cents won by `lots` from `entry` to `price`, the bid that closes a long or ask of a short.

    The symbol's other price, which a USD base may need, lies `spread` from it.
    """
    quote = (price - entry) * side * spec.contract * lots / 10**spec.digits
    if spec.usd_base:
        bid, ask = (price, price + spread) if side > 0 else (price - spread, price)
        quote /= (ask if quote > 0 else bid) / 10**spec.digits
    return half(100 * quote)


def commission(spec: Spec, lots: float) -> int:
    """Cents that one deal costs."""
    return half(100 * lots * spec.commission)


def margin(spec: Spec, lots: float, entry: int) -> int:
    """Cents held by a position opened at `entry` points."""
    rate = 1.0 if spec.usd_base else entry / 10**spec.digits
    return half(100 * lots * spec.contract * rate / spec.leverage)


# ---- One symbol's bars and what the strategy knows of them


class Market:
    """The bars of one symbol, its current tick and its closed M15 and H1 bars."""

    def __init__(self, symbol: str, spec: Spec, columns: Columns, clock: Clock) -> None:
        self.symbol, self.spec = symbol, spec
        self.server = [int(t) for t in columns.time.tolist()]
        self.utc = utc_seconds(columns.time, clock)
        self.period = feed_period(columns.time)
        early = np.flatnonzero(np.diff(self.utc) < self.period)
        if not self.utc or early.size:
            what = f"bar {early[0] + 1} opens before bar {early[0]} ends" if early.size else "none"
            raise ValueError(f"bars of {symbol}: {what}; sort the feed and drop duplicates")
        prices = (columns.open, columns.high, columns.low, columns.close)
        self.open, self.high, self.low, self.close = (points(p, spec.digits) for p in prices)
        self.recorded = [int(s) for s in columns.spread.tolist()]
        self.bid = self.ask = self.spread = 0
        self.bar = [0, 0, 0]  # high, low, close of the M15 bar that is forming
        self.closes: list[int] = []  # of closed M15 bars
        self.hours: list[int] = []  # closes of closed H1 bars
        self.atr = 0.0
        self.slot_utc = 0  # when the last closed M15 bar's slot opened

    def tick(self, bid: int) -> None:
        self.bid, self.ask = bid, bid + self.spread

    def spread_of(self, i: int) -> int:
        """Points: the previous bar's recorded spread, but the floor of bar `i`'s own hour."""
        floor = self.spec.floors[0 if self.server[i] // H1 % 24 == 0 else 1]
        return max(self.recorded[i - 1] if i else 0, floor)

    def start_bar(self, i: int) -> bool:
        """Open feed bar `i`; True when that closes the symbol's previous M15 bar."""
        self.spread = self.spread_of(i)
        self.tick(self.open[i])
        before, now = self.server[i - 1], self.server[i]
        new_slot = i == 0 or before // M15 != now // M15
        if i and new_slot:
            self._close_m15(self.utc[i - 1] - before % M15)
        if i and before // H1 != now // H1:
            self.hours.append(self.close[i - 1])
        high, low = self.high[i], self.low[i]
        if not new_slot:
            high, low = max(high, self.bar[0]), min(low, self.bar[1])
        self.bar = [high, low, self.close[i]]
        return i > 0 and new_slot

    def _close_m15(self, slot_utc: int) -> None:
        high, low, close = self.bar
        if self.closes:
            before = self.closes[-1]
            true_range = max(high - low, abs(high - before), abs(low - before))
            self.atr += (true_range - self.atr) / 14
        else:
            self.atr = float(high - low)
        self.closes.append(close)
        self.slot_utc = slot_utc

    def signal(self) -> tuple[int, str]:
        """Side and variant of the last closed M15 bar, before trend and session; side 0: none."""
        closes = self.closes
        before = 5 * sum(closes[-21:-1]) - 2 * sum(closes[-51:-1])
        slow = sum(closes[-50:])
        now = 5 * sum(closes[-20:]) - 2 * slow
        if before <= 0 < now:
            return 1, "v1_cross"
        if before >= 0 > now:
            return -1, "v1_cross"
        if before > 0 and now > 0 and 50_000 * closes[-1] >= 999 * slow:
            return 1, "v2_momentum"
        if before < 0 and now < 0 and 50_000 * closes[-1] <= 1001 * slow:
            return -1, "v2_momentum"
        return 0, ""

    def trend(self, side: int) -> str:
        if len(self.hours) < 200:
            return "UNKNOWN"
        d = 4 * sum(self.hours[-50:]) - sum(self.hours[-200:])
        if abs(d) < 3000:
            return "SIDEWAYS"
        return "WITH_TREND" if (d > 0) == (side > 0) else "COUNTER_TREND"

    def session(self) -> str:
        return ("ASIA", "LONDON", "NEW_YORK")[self.slot_utc // H1 % 24 // 8]

    def exit_of(self, p: Position, i: int) -> tuple[int, str] | None:
        """Fill price and reason if bar `i` takes the position out."""
        if p.side > 0:
            if self.low[i] <= p.stop:
                return min(p.stop, self.open[i]), "SL"
            return (p.target, "TP") if self.high[i] >= p.target else None
        if self.high[i] + self.spread >= p.stop:
            return max(p.stop, self.open[i] + self.spread), "SL"
        return (p.target, "TP") if self.low[i] + self.spread <= p.target else None

    def worst_of(self, p: Position, i: int) -> int:
        """The closing price of the position's worst moment in bar `i`."""
        found = self.exit_of(p, i)
        if found and found[1] == "SL":
            return found[0]
        return self.low[i] if p.side > 0 else self.high[i] + self.spread
