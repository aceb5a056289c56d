"""The parts of a run's result. Immutable values; what they mean is said once, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from engine import money
from engine.events import Account, DataRef, LossBuffer, SessionFigures, SessionOutcome
from engine.result.coverage import CoverageSpan
from engine.result.curve import EquityCurve
from engine.result.prices import PriceHistory
from engine.types import Cents, Millis, Points, Side, SymbolSpec, Units


class LevelChange(NamedTuple):
    """Stop loss and take profit of a position from `time` on; 0 for none."""

    time: Millis
    stop_loss: Points
    take_profit: Points


class PartialClose(NamedTuple):
    """A closing deal. `net` includes its part of the opening commission.

    `requested` is the market's price when the closing was asked for, 0 where the venue closed.
    """

    time: Millis
    volume: Units
    price: Points
    reason: str
    profit: Cents
    commission: Cents
    swap: Cents
    net: Cents
    requested: Points = 0


class TradeRecord(msgspec.Struct, frozen=True):
    """One position from its opening to its last closing deal; money includes both sides.

    `requested` is the market's price when the signal was raised, `planned_risk` what risk approved
    as the loss at the stop, costs included. `initial_risk` (1 R) is the loss in cents between the
    fill and the first stop without costs; None without a stop. `mae` and `mfe` are the largest
    adverse and favourable excursions in points, None where no price is known. Of the bar that a
    stop closed, only the stop's fill counts; of the one that a target closed, the target and the
    adverse extreme: what came first within a bar is unknown, and this reading costs most.
    `waited` is ms between the order's submission and its deal. Of what is closed, `gross` is what
    price moves alone brought, `swap` what was booked, and `net` the result with its part of the
    opening commission. A trade that runs is made by place (`RunningTrade.record`): new fields go to
    the end.
    """

    position: int
    symbol: str
    side: Side
    volume: Units
    opened: Millis
    open_price: Points
    open_commission: Cents
    stop_loss: Points
    take_profit: Points
    strategy_id: str
    signal_id: str
    variant: str
    requested: Points = 0
    planned_risk: Cents = 0
    initial_risk: Cents | None = None
    spread: Points | None = None
    waited: Millis | None = None
    attempt: int = 0
    parts: tuple[PartialClose, ...] = ()
    levels: tuple[LevelChange, ...] = ()
    gross: Cents = 0
    swap: Cents = 0
    net: Cents = 0
    remaining: Units = 0
    mae: Points | None = None
    mfe: Points | None = None

    @property
    def closed(self) -> Millis | None:
        """When the last of it was closed; None while any of it is open."""
        return None if self.remaining else self.parts[-1].time

    @property
    def close_price(self) -> float | None:
        """The average price of its closing deals, by volume."""
        if not self.parts:
            return None
        volume = sum(part.volume for part in self.parts)
        return sum(part.volume * part.price for part in self.parts) / volume

    @property
    def close_reason(self) -> str:
        """Why the last of it was closed."""
        return self.parts[-1].reason if self.parts and not self.remaining else ""

    @property
    def commission(self) -> Cents:
        """Commission of what is closed, of both sides."""
        return self.net - self.gross - self.swap

    @property
    def costs(self) -> Cents:
        """Commission and swap paid, as a positive number where they cost."""
        return self.gross - self.net

    @property
    def r(self) -> float | None:
        """The net result as a multiple of the initial risk; None while open or without a stop."""
        if self.remaining or not self.initial_risk:
            return None
        return self.net / self.initial_risk

    @property
    def risk_points(self) -> Points:
        """Points between the fill and the first stop; 0 without one."""
        return abs(self.open_price - self.stop_loss) if self.stop_loss else 0

    @property
    def mae_r(self) -> float | None:
        """The adverse excursion as a multiple of the initial risk."""
        return self._in_r(self.mae)

    @property
    def mfe_r(self) -> float | None:
        """The favourable excursion as a multiple of the initial risk."""
        return self._in_r(self.mfe)

    def _in_r(self, points: Points | None) -> float | None:
        risk = self.risk_points
        return points / risk if risk and points is not None else None

    @property
    def seconds(self) -> float | None:
        """How long it was open; None while it is."""
        return None if self.closed is None else (self.closed - self.opened) / 1000

    @property
    def open_slippage(self) -> Points | None:
        """Points by which the opening fill was worse than asked for; None where nothing was."""
        return (self.open_price - self.requested) * self.side if self.requested else None

    @property
    def close_slippage(self) -> Points | None:
        """Points by which the last closing fill was worse than its stop or the price asked for."""
        if not self.parts or self.remaining:
            return None
        last = self.parts[-1]
        wanted = self.levels[-1].stop_loss if last.reason == "SL" else last.requested
        return (wanted - last.price) * self.side if wanted else None


def initial_risk(spec: SymbolSpec, side: Side, volume: Units, entry: Points, stop: Points) -> Cents:
    """What `volume` loses between `entry` and `stop`, without costs.

    Raises money.RateMissing for a symbol whose money only its venue can tell.
    """
    return -money.profit_at(spec, side, volume, entry, stop, 0)


class DenialRecord(NamedTuple):
    """An order that risk denied, or that the venue rejected (`reason` is then its code)."""

    time: Millis
    reason: str
    symbol: str
    side: Side
    signal_id: str
    detail: str


class OrderFunnel(msgspec.Struct, frozen=True, kw_only=True):
    """How signals to enter became positions; `denied` counts every denial by its reason."""

    signals: int = 0
    dropped: int = 0
    denied: dict[str, int] = {}
    submitted: int = 0
    rejected: int = 0
    unknown: int = 0
    cancelled: int = 0
    filled: int = 0


class OperationRecord(NamedTuple):
    """Something that happened to the session rather than to an order: halts, links, commands."""

    time: Millis
    kind: str
    cause: str
    detail: str


class DayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A trading day on which something happened; `worst` is its lowest equity, where known."""

    date: str
    day_start: Cents
    realised: Cents
    worst: Cents | None
    opened: int
    trades: int
    denials: int


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A phase of an attempt at a firm's objectives; `outcome` is empty while it runs."""

    attempt: int
    phase: int
    name: str
    started: Millis
    balance: Cents
    target: Cents | None
    day_limit: Cents
    max_limit: Cents
    ended: Millis | None = None
    outcome: str = ""
    cause: str = ""
    detail: str = ""
    final_balance: Cents | None = None
    final_equity: Cents | None = None
    days: int = 0
    trading_days: int = 0
    min_buffer: Cents | None = None
    min_buffer_at: Millis | None = None


@dataclass(frozen=True, kw_only=True)
class RunTerms:
    """What the session was to do, as its first record says it."""

    session_id: str
    mode: str
    preset: str
    strategy: str
    currency: str
    start: Account
    symbols: Mapping[str, SymbolSpec]
    limits: Mapping[str, Any]
    parameters: Mapping[str, Any]
    objectives: Mapping[str, Any]
    costs: Mapping[str, Any]
    data: tuple[DataRef, ...]
    about: Mapping[str, Any]

    @property
    def day_zone(self) -> str:
        """The zone in which the trading day turns."""
        return str(self.limits.get("reset_zone", "UTC"))

    @property
    def day_hour(self) -> int:
        """The hour at which it turns."""
        return int(self.limits.get("reset_hour", 0))

    @property
    def rules(self) -> Mapping[str, Any] | None:
        """The firm's rules that the session follows; None without any."""
        return self.objectives.get("rules") if self.objectives else None


@dataclass(frozen=True, kw_only=True, eq=False)
class RunResult:
    """A run as a whole. `first` and `last` are the period played; `ended` None while it runs.

    `coverage` says when a session on a terminal looked at its market; a replay has none.
    """

    terms: RunTerms
    trades: tuple[TradeRecord, ...]
    curve: EquityCurve
    daily: tuple[DayRecord, ...]
    funnel: OrderFunnel
    denials: tuple[DenialRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    operations: tuple[OperationRecord, ...]
    coverage: tuple[CoverageSpan, ...] = ()
    prices: Mapping[str, PriceHistory] = field(default_factory=dict)
    first: Millis = 0
    last: Millis = 0
    account: Account
    deposits: Cents = 0
    figures: SessionFigures | None = None
    outcome: SessionOutcome | None = None
    loss_buffer: LossBuffer | None = None
    trading_state: str = "active"
    halt_cause: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def closed(self) -> tuple[TradeRecord, ...]:
        """The trades of which nothing is open any more."""
        return tuple(trade for trade in self.trades if not trade.remaining)

    @property
    def net(self) -> Cents:
        """The result on equity: what is closed and what still floats, deposits left out."""
        return self.account.equity - self.terms.start.equity - self.deposits
