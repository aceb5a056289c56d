"""The figures that traders know, each a function of a result. Pure.

Names are those of MetaTrader's report where it has them: profit factor = gross profit / gross loss,
expected payoff = net / trades, recovery factor = net / largest drawdown in money. A trade wins when
its net (profit, commission and swap) is above zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from engine.result.curve import Ints
from engine.result.parts import RunResult, TradeRecord
from engine.types import Cents, Millis


class TradeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a set of closed trades; ratios are None where they have no meaning."""

    trades: int
    wins: int
    net: Cents
    gross: Cents
    commission: Cents
    swap: Cents
    profit: Cents
    loss: Cents
    best: Cents
    worst: Cents
    r_sum: float
    r_count: int
    seconds: float
    longest_wins: int
    longest_losses: int

    @property
    def costs(self) -> Cents:
        """Commission and swap paid, positive where they cost."""
        return -(self.commission + self.swap)

    @property
    def win_rate(self) -> float | None:
        return self.wins / self.trades if self.trades else None

    @property
    def profit_factor(self) -> float | None:
        return self.profit / self.loss if self.loss else None

    @property
    def expected_payoff(self) -> float | None:
        """Cents a trade."""
        return self.net / self.trades if self.trades else None

    @property
    def average_win(self) -> float | None:
        return self.profit / self.wins if self.wins else None

    @property
    def average_loss(self) -> float | None:
        losses = self.trades - self.wins
        return self.loss / losses if losses else None

    @property
    def r_per_trade(self) -> float | None:
        return self.r_sum / self.r_count if self.r_count else None

    @property
    def average_seconds(self) -> float | None:
        return self.seconds / self.trades if self.trades else None


def figures_of(trades: Iterable[TradeRecord]) -> TradeFigures:
    """The figures of the closed ones among `trades`, in their order of closing."""
    closed = sorted(
        (trade for trade in trades if not trade.remaining), key=lambda trade: trade.closed or 0
    )
    nets = [trade.net for trade in closed]
    ratios = [trade.r for trade in closed if trade.r is not None]
    wins, losses = _streaks(nets)
    gross, swap, net = (
        sum(trade.gross for trade in closed), sum(trade.swap for trade in closed), sum(nets)
    )  # fmt: skip
    return TradeFigures(
        trades=len(closed),
        wins=sum(net > 0 for net in nets),
        net=net,
        gross=gross,
        commission=net - gross - swap,
        swap=swap,
        profit=sum(item for item in nets if item > 0),
        loss=-sum(item for item in nets if item <= 0),
        best=max(nets, default=0),
        worst=min(nets, default=0),
        r_sum=sum(ratios),
        r_count=len(ratios),
        seconds=sum(trade.seconds or 0.0 for trade in closed),
        longest_wins=wins,
        longest_losses=losses,
    )


def _streaks(nets: Sequence[Cents]) -> tuple[int, int]:
    """The longest runs of wins and of losses."""
    longest, run, won = [0, 0], 0, False
    for net in nets:
        run = run + 1 if (net > 0) == won else 1
        won = net > 0
        longest[won] = max(longest[won], run)
    return longest[1], longest[0]


def drawdown_money(result: RunResult) -> Cents:
    """The largest fall of equity from its peak, in cents, over every equity test."""
    curve = result.curve
    if not len(curve):
        return 0
    falls = curve.peaks(result.terms.start.equity, restarts(result)) - curve.worst
    return max(0, int(falls.max()))


def restarts(result: RunResult) -> Ints:
    """The points at which an attempt after the first one began on a fresh balance."""
    begun = [attempt.started for attempt in result.attempts[1:]]
    rows = result.curve.time.searchsorted(np.array(begun, dtype=np.int64), side="right") - 1
    return np.unique(np.maximum(rows, 0))


class Group(msgspec.Struct, frozen=True):
    """The trades that have something in common, and their figures."""

    name: str
    figures: TradeFigures


Key = Callable[[TradeRecord], str]


def grouped(trades: Iterable[TradeRecord], key: Key) -> list[Group]:
    """Groups by `key`, in the order of their names."""
    found: dict[str, list[TradeRecord]] = {}
    for trade in trades:
        if not trade.remaining:
            found.setdefault(key(trade), []).append(trade)
    return [Group(name, figures_of(found[name])) for name in sorted(found)]


_DAYS = ("1 Mon", "2 Tue", "3 Wed", "4 Thu", "5 Fri", "6 Sat", "7 Sun")


@lru_cache(maxsize=1 << 16)
def _local(zone: str, hour: int) -> dt.datetime:
    """The local time of an hour since the epoch: a run names each again and again."""
    return dt.datetime.fromtimestamp(hour * 3_600, ZoneInfo(zone))


def hour_in(zone: str) -> Key:
    """The local hour of the opening."""
    return lambda trade: f"{_local(zone, trade.opened // 3_600_000).hour:02}"


def weekday_in(zone: str) -> Key:
    """The local weekday of the opening."""
    return lambda trade: _DAYS[_local(zone, trade.opened // 3_600_000).weekday()]


def market_session(trade: TradeRecord) -> str:
    """Which of the big markets were open at the opening: London 8-17, New York 8-17, else Asia."""
    hour = trade.opened // 3_600_000
    london = 8 <= _local("Europe/London", hour).hour < 17
    new_york = 8 <= _local("America/New_York", hour).hour < 17
    if london and new_york:
        return "London and New York"
    return "London" if london else "New York" if new_york else "Asia and Pacific"


def trading_day(zone: str, turn: int) -> Callable[[Millis], str]:
    """The date of the trading day of a moment, where days turn at `turn` o'clock in `zone`."""
    from engine.calendar import trading_date

    @lru_cache(maxsize=1 << 14)
    def of_hour(hour: int) -> str:
        return trading_date(zone, turn, hour * 3_600_000)

    return lambda moment: of_hour(moment // 3_600_000)


def by_day(result: RunResult) -> dict[str, Cents]:
    """Net result by the firm's day of the closing deal, every part of a position on its own day."""
    day = trading_day(result.terms.day_zone, result.terms.day_hour)
    found: dict[str, Cents] = {}
    for trade in result.trades:
        for part in trade.parts:
            date = day(part.time)
            found[date] = found.get(date, 0) + part.net
    return dict(sorted(found.items()))
