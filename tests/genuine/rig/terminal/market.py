"""Symbols and prices of the played terminal: a smooth function of the server's time.

A test that needs an exact price pins it. Bars open from Monday to Friday, ticks come always.
"""

from __future__ import annotations

import datetime as dt
import math
import time
import zoneinfo
from typing import Any, Final

from tests.genuine.rig.terminal.records import RATE, U32, pack

Row = dict[str, Any]

BUY, SELL = 0, 1
_NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
_DAY: Final = 86_400
_MOST_ROWS: Final = 30_000
_MINUTES: Final = {
    16385: 60, 16386: 120, 16387: 180, 16388: 240, 16390: 360, 16392: 480, 16396: 720,
    16408: 1440, 32769: 10080, 49153: 43200,
}  # fmt: skip
"""Minutes of the timeframes above M30, whose numbers are not their minutes."""


def server_now() -> float:
    """The server's wall clock, New York and seven hours, as epoch seconds."""
    utc = dt.datetime.now(dt.UTC)
    offset = utc.astimezone(_NEW_YORK).utcoffset()
    assert offset is not None
    return time.time() + offset.total_seconds() + 7 * 3600


_SHORT: Final = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
"""Timeframes whose numbers are their minutes."""


def period_of(timeframe: int) -> int:
    """Seconds of one bar of a timeframe's constant; 0 where there is no such timeframe."""
    return 60 * _MINUTES.get(timeframe, timeframe if timeframe in _SHORT else 0)


def _symbol(
    name: str, price: float, digits: int, contract: float, spread: int, description: str
) -> Row:
    point = 10.0**-digits
    return {
        "name": name, "description": description, "path": "Forex\\" + name,
        "currency_base": name[:3], "currency_profit": name[3:], "currency_margin": name[:3],
        "digits": digits, "point": point, "spread": spread, "spread_float": True,
        "trade_mode": 4, "trade_exemode": 2, "swap_mode": 1, "swap_rollover3days": 3,
        "expiration_mode": 15, "filling_mode": 3, "order_mode": 127,
        "trade_contract_size": contract, "trade_tick_size": point, "volume_min": 0.01,
        "volume_max": 50.0, "volume_step": 0.01, "select": True, "visible": True,
        "margin_hedged": contract, "_price": price,
    }  # fmt: skip


def symbols() -> dict[str, Row]:
    """What the terminal offers when it starts."""
    listed = (
        _symbol("EURUSD", 1.10, 5, 100_000.0, 2, "Euro vs US Dollar"),
        _symbol("GBPUSD", 1.28, 5, 100_000.0, 3, "Pound vs US Dollar"),
        _symbol("USDJPY", 150.0, 3, 100_000.0, 3, "US Dollar vs Yen"),
        _symbol("XAUUSD", 2400.0, 2, 100.0, 15, "Gold vs US Dollar"),
    )
    return {symbol["name"]: symbol for symbol in listed}


def price_at(symbol: Row, moment: float) -> float:
    """The bid at a moment of the server's clock."""
    wave = 0.004 * math.sin(moment / _DAY) + 0.001 * math.sin(moment / 4000)
    wave += 0.0002 * math.sin(moment / 97)
    return float(round(symbol["_price"] * (1 + wave), symbol["digits"]))


def tick_at(symbol: Row, moment: float) -> Row:
    """The symbol's tick at a moment of the server's clock."""
    bid = price_at(symbol, moment)
    ask = round(bid + symbol["spread"] * symbol["point"], symbol["digits"])
    return {"time": int(moment), "time_msc": int(moment * 1000), "bid": bid, "ask": ask, "flags": 6}


def bars(
    symbol: Row, seconds: int, newest: float, count: int, oldest: float = -math.inf
) -> list[bytes]:
    """At most `count` bars that opened from `oldest` to `newest`, oldest first."""
    opening = int(min(newest, server_now())) // seconds * seconds
    count = min(count, _MOST_ROWS)
    out: list[bytes] = []
    while len(out) < count and opening >= max(oldest, 0):
        weekday = (opening // _DAY + 4) % 7
        if weekday not in (0, 6) or seconds > _DAY:
            out.append(_bar(symbol, opening, seconds))
        opening -= seconds
    return out[::-1]


def _bar(symbol: Row, opening: int, seconds: int) -> bytes:
    prices = [price_at(symbol, opening + seconds * part / 4) for part in range(4)]
    prices.append(price_at(symbol, opening + seconds - 1))
    low, high = min(prices), max(prices)
    spread = symbol["spread"]
    return RATE.pack(opening, prices[0], high, low, prices[-1], 100, spread, 0)


def ticks(symbol: Row, since: int, until: float, count: int) -> list[bytes]:
    """At most `count` ticks of the last day from `since` to `until` (ms), one a second."""
    out: list[bytes] = []
    second = math.ceil(max(since / 1000, server_now() - _DAY))
    count = min(count, _MOST_ROWS)
    last = min(until, server_now() * 1000)
    while len(out) < count and second * 1000 <= last:
        out.append(pack("Tick", tick_at(symbol, second)))
        second += 1
    return out


def counted_rows(rows: list[bytes]) -> bytes:
    """Rows with their number in front."""
    return U32.pack(len(rows)) + b"".join(rows)
