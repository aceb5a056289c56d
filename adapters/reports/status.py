"""How a session stands: a pure fold over its records, with a few figures of the moment.

The same fold over a journal on disk tells how a session stood when it ended, orderly or not. Here,
at the edge, money is decimal in the account's currency, prices are decimal, volumes are lots.
"""

from __future__ import annotations

import datetime as dt
import enum
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

import msgspec

from adapters.mt5.live.feed_watch import FeedState
from adapters.reports.external import ExternalStatus, external_of
from adapters.reports.projection import LogProjection, iso, row_text
from engine import events as ev
from engine import money
from engine.bus import Subscription
from engine.calendar import resets
from engine.portfolio import Portfolio, Position
from engine.standing import stands
from engine.trading import HaltCause, Trading
from engine.types import Cents, Conversion, Millis, SymbolSpec, lots
from engine.valuation import broker_rate

_LAST_EVENTS = 12

_KINDS: tuple[type[msgspec.Struct], ...] = (*get_args(ev.Event), ev.LinkChanged, ev.ConditionSeen)

EVENT_NAMES: tuple[str, ...] = tuple(str(kind.__struct_config__.tag) for kind in _KINDS)
"""The kinds of records that a status is built from, as they are named in a journal."""


class LinkState(enum.StrEnum):
    UP = "up"
    DOWN = "down"


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts of a status."""


class AccountStatus(_Part, frozen=True, kw_only=True):
    balance: float
    equity: float
    margin: float


class PositionStatus(_Part, frozen=True, kw_only=True):
    """`stop_loss` and `take_profit` 0 are none; `profit` is floating, None without a price.

    `mismatches`: it carries the session's mark, but is in no books of its orders.
    """

    ticket: int
    symbol: str
    side: str
    volume: float
    entry: float
    stop_loss: float
    take_profit: float
    profit: float | None
    mismatches: bool = False


class OrderStatus(_Part, frozen=True, kw_only=True):
    """An order that left for the venue and is not over."""

    order_id: int
    symbol: str
    action: str
    side: str
    volume: float
    entry_price: float


class EventLine(_Part, frozen=True, kw_only=True):
    seq: int
    time: Millis
    text: str


class SymbolFeed(_Part, frozen=True, kw_only=True):
    """The last price of a symbol; `last_tick` is ms UTC, 0 before the first.

    `state` is None where nobody watches whether prices come; `digits` are those of its prices.
    """

    state: FeedState | None = None
    last_tick: Millis = 0
    bid: float = 0.0
    ask: float = 0.0
    digits: int | None = None


class Status(_Part, frozen=True, kw_only=True):
    """How a session stands. `running` is False when it is read from a journal on disk.

    `seq` and `time` (ms UTC) are those of the last record; `uptime` is seconds. `unresolved` are
    the ids of orders whose outcome is unknown, `queues` the batches that I/O actors have not taken
    yet, `loss_buffer` what may still be lost before each limit. `outcome` is None until the end.
    `now` is the session's own time, its market's, and `reset_at` when the day turns next (ms UTC;
    0 when it is over).
    """

    session_id: str
    mode: str
    account_profile: str | None
    dry_run: bool
    running: bool
    pid: int | None
    state: str
    causes: tuple[str, ...]
    link: LinkState
    reconnects: int
    currency: str
    account: AccountStatus
    positions: tuple[PositionStatus, ...]
    orders: tuple[OrderStatus, ...]
    unresolved: tuple[int, ...]
    feeds: dict[str, SymbolFeed]
    queues: dict[str, int]
    last_events: tuple[EventLine, ...]
    started_at: str
    uptime: int
    seq: int
    time: Millis
    loss_buffer: dict[str, float] | None = None
    outcome: str | None = None
    detail: str = ""
    degraded: dict[str, str] = {}
    """Services that do not do their work, and why; trading goes on without them."""
    to_close: tuple[int, ...] = ()
    """Positions that the user, a limit or a weekend wants closed and that still stand."""
    logins: int = 0
    """How often the session has logged in again, or tried to, since the link was first lost."""
    why: dict[str, str] = {}
    """Each cause that halts trading, and what holds of it now."""
    now: Millis = 0
    today: float | None = None
    """Equity beyond the balance at the day's start, where that is known."""
    reset_at: Millis = 0
    external: tuple[ExternalStatus, ...] = ()
    """What stands at the venue and is neither the session's own nor carries its mark."""

    @property
    def life(self) -> str:
        """Whether the session runs, and if not, how it ended, in words."""
        if self.running:
            return f"running for {_uptime(self.uptime)} (process {self.pid})"
        if self.outcome is None:
            return f"cut off after record {self.seq} at {iso(self.time)}"
        return f"ended {self.outcome} at {iso(self.time)}"


def _uptime(seconds: int) -> str:
    """Days, hours and minutes."""
    hours, minutes = divmod(seconds // 60, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02}:{minutes:02}" if days else f"{hours:02}:{minutes:02}"


class Moment(_Part, frozen=True, kw_only=True):
    """What is known now and is in no record: time, trading state, last figures and prices."""

    now: Millis
    trading: Trading
    account: ev.AccountSeen
    ticks: Mapping[str, ev.Tick]
    valuations: Mapping[str, ev.SymbolValuation] = {}
    ticked_at: Mapping[str, Millis] = {}
    feeds: Mapping[str, FeedState] = {}
    queues: Mapping[str, int] = {}
    loss_buffer: Mapping[str, float] | None = None
    degraded: Mapping[str, str] = {}
    day_start: Cents | None = None


class StatusFold:
    """Takes a session's records one by one and tells its status at any time."""

    def __init__(self) -> None:
        self._log = LogProjection()
        self._started: ev.SessionStarted | None = None
        self._ended: ev.SessionEnded | None = None
        self._metadata: dict[str, Any] = {}
        self._begin(())
        self._trading = Trading()
        self._last: deque[EventLine] = deque(maxlen=_LAST_EVENTS)
        self._orders: dict[int, ev.OrderSubmitted] = {}
        self._unresolved: dict[int, None] = {}
        self._to_close: dict[int, None] = {}
        self._why: dict[str, str] = {}
        self._external: tuple[ExternalStatus, ...] = ()
        self._logins = 0
        self._reconnects = 0
        self._seq = 0
        self._time: Millis = 0

    def _begin(self, specs: Iterable[SymbolSpec]) -> None:
        self._portfolio = Portfolio({spec.name: spec for spec in specs})
        self._handlers = self._portfolio.routes()

    @property
    def seq(self) -> int:
        """The last record that was taken."""
        return self._seq

    @property
    def last_line(self) -> EventLine | None:
        """The last line of its log, None before the first."""
        return self._last[-1] if self._last else None

    def take(self, record: ev.Record) -> None:
        """Take the next record into account."""
        event = record.event
        self._seq, self._time = record.seq, record.time
        match event:
            case ev.SessionStarted():
                self._started, self._metadata = event, record.metadata or {}
                self._begin(event.symbols)
            case ev.SessionEnded():
                self._ended = event
            case ev.SessionResumed():
                self._ended = None
            case ev.TradingStateChanged():
                self._change(event)
            case ev.ReconciliationMismatch():
                self._external = external_of(event)
            case _:
                self._follow(event)
        if handler := self._handlers.get(type(event)):
            handler(event)
        if isinstance(account := getattr(event, "account", None), ev.Account):
            self._portfolio.on_account(ev.AccountSeen.of(account))
        if line := self._line(record):
            self._last.append(line)

    def _change(self, event: ev.TradingStateChanged) -> None:
        was_down = HaltCause.LINK in self._trading.causes
        self._trading = Trading(event.causes)
        self._reconnects += was_down and HaltCause.LINK not in event.causes
        if event.cause is not None:
            self._why[str(event.cause)] = event.detail

    def _follow(self, event: ev.Event | ev.Input) -> None:
        match event:
            case ev.SignalRaised(terms=terms) if stands(terms):
                self._to_close[terms.position] = None
            case ev.PositionClosed(remaining=0):
                self._to_close.pop(event.position, None)
            case ev.LinkChanged(up=False):
                self._logins += 1  # each such look is followed by another login
                self._why[str(HaltCause.LINK)] = event.detail
            case ev.ConditionSeen(holds=True):
                self._why[str(event.cause)] = event.detail
            case ev.OrderSubmitted():
                self._orders[event.order_id] = event
            case ev.OrderUnknown():
                self._unresolved[event.order_id] = None
            case ev.OrderAccepted():
                self._unresolved.pop(event.order_id, None)
            case ev.OrderFilled(complete=True) | ev.OrderRejected() | ev.OrderCancelled():
                self._over(event.order_id)
            case ev.StopModified():
                self._over(event.order_id)
            case _:
                pass

    def _over(self, order_id: int) -> None:
        self._orders.pop(order_id, None)
        self._unresolved.pop(order_id, None)

    def _line(self, record: ev.Record) -> EventLine | None:
        text = ""
        match record.event:
            case ev.SessionStarted() as started:
                text = f"STARTED {started.mode} {started.preset}"
                self._log.row(record)
            case ev.SessionResumed():
                text = "RESUMED from its journal"
            case ev.SessionEnded() as ended:
                text = f"ENDED {ended.outcome} {ended.detail}"
            case ev.UserCommanded() as command:
                by = f" (by {command.origin})" if command.origin else ""
                text = f"USER {command.action} {command.reason}{by}"
            case ev.OrderCancelled(unsent=True) as cancelled:
                text = f"NOT SENT order {cancelled.order_id}, it stays wanted: {cancelled.reason}"
            case _:
                text = row_text(self._log.row(record))
        return EventLine(seq=record.seq, time=record.time, text=text.strip()) if text else None

    def recorded(self) -> Status:
        """The status as the records alone tell it: that of a session that runs no more.

        Raises ValueError before the session has started.
        """
        moment = Moment(
            now=self._time, trading=self._trading, account=self._portfolio.account, ticks={}
        )
        return self._status(moment, pid=None)

    def live(self, moment: Moment) -> Status:
        """The status of the session that this process runs; raises ValueError before its start."""
        return self._status(moment, pid=os.getpid())

    def _status(self, moment: Moment, pid: int | None) -> Status:
        started, metadata, trading = self._started, self._metadata, moment.trading
        if started is None:
            raise ValueError("the journal has no start of a session")
        began = str(metadata.get("started_at", ""))
        start, limits = moment.day_start, started.limits
        zone, hour = limits.get("reset_zone", "UTC"), limits.get("reset_hour", 0)
        return Status(
            session_id=str(metadata.get("session_id", "")),
            mode=started.mode,
            account_profile=metadata.get("account_profile"),
            dry_run=bool(metadata.get("dry_run", True)),
            running=pid is not None,
            pid=pid,
            state=str(trading.state),
            causes=tuple(map(str, trading.causes)),
            link=LinkState.DOWN if HaltCause.LINK in trading.causes else LinkState.UP,
            reconnects=self._reconnects,
            currency=started.currency,
            account=_account(moment.account),
            positions=tuple(self._positions(moment)),
            orders=tuple(map(self._order, self._orders.values())),
            unresolved=tuple(self._unresolved),
            feeds={name: _feed(spec, moment) for name, spec in self._portfolio.specs.items()},
            queues=dict(moment.queues),
            last_events=tuple(self._last),
            started_at=began,
            uptime=_seconds_since(began, moment.now),
            seq=self._seq,
            time=self._time,
            loss_buffer=None if moment.loss_buffer is None else dict(moment.loss_buffer),
            outcome=None if self._ended is None else str(self._ended.outcome),
            detail="" if self._ended is None else self._ended.detail,
            degraded=dict(moment.degraded),
            logins=self._logins,
            why={str(cause): self._why.get(str(cause), "") for cause in trading.causes},
            to_close=tuple(ticket for ticket in self._to_close if self._stands(ticket)),
            now=moment.now if pid is not None else 0,
            today=(moment.account.equity - start) / 100 if start else None,
            reset_at=next(resets(zone, moment.now, hour))[0] if pid is not None else 0,
            external=tuple(item for item in self._external if not item.marked),
        )

    def _stands(self, ticket: int) -> bool:
        return ticket in self._portfolio.positions or ticket in self._portfolio.marked

    def _positions(self, moment: Moment) -> Iterable[PositionStatus]:
        portfolio = self._portfolio
        for position in (*portfolio.positions.values(), *portfolio.marked.values()):
            spec = self._portfolio.specs[position.symbol]
            yield PositionStatus(
                ticket=position.ticket,
                symbol=position.symbol,
                side=position.side.word,
                volume=lots(position.volume),
                entry=spec.price(position.entry),
                stop_loss=spec.price(position.stop_loss),
                take_profit=spec.price(position.take_profit),
                profit=_floating(spec, position, moment),
                mismatches=position.ticket in portfolio.marked,
            )

    def _order(self, order: ev.OrderSubmitted) -> OrderStatus:
        spec = self._portfolio.specs[order.terms.symbol]
        return OrderStatus(
            order_id=order.order_id,
            symbol=order.terms.symbol,
            action=str(order.terms.action),
            side=order.terms.side.word,
            volume=lots(order.volume),
            entry_price=spec.price(order.terms.entry_price),
        )


class StatusKeeper:
    """The I/O actor that keeps the status of a running session.

    `status` may be asked for at any time on the loop's thread.
    """

    name = "status"
    kinds: frozenset[type] = frozenset(_KINDS)

    def __init__(self, moment: Callable[[], Moment], past: Iterable[ev.Record] = ()) -> None:
        """`past` are the records of a session that goes on."""
        self._fold = StatusFold()
        self._moment = moment
        self._take(past)

    async def run(self, subscription: Subscription) -> None:
        async for batch in subscription.stream:
            self._take(batch)

    def _take(self, records: Iterable[ev.Record]) -> None:
        for record in records:
            self._fold.take(record)

    def status(self) -> Status | None:
        """How the session stands now; None while its first record is still on its way."""
        return self._fold.live(self._moment()) if self._fold.seq else None


def _account(seen: ev.AccountSeen) -> AccountStatus:
    return AccountStatus(
        balance=seen.balance / 100, equity=seen.equity / 100, margin=seen.margin / 100
    )


def _floating(spec: SymbolSpec, position: Position, moment: Moment) -> float | None:
    """The profit at the last tick; None where that, or what it is worth, is not known."""
    tick, value = moment.ticks.get(spec.name), moment.valuations.get(spec.name)
    told = spec.conversion is Conversion.FROM_BROKER
    if tick is None or (told and value is None):
        return None
    price = tick.bid if position.side > 0 else tick.ask
    rate = broker_rate(spec, value) if told and value else None
    profit = money.profit(
        spec, position.side, position.volume, position.entry, price, tick.bid, tick.ask, rate
    )
    return profit / 100


def _feed(spec: SymbolSpec, moment: Moment) -> SymbolFeed:
    tick = moment.ticks.get(spec.name)
    return SymbolFeed(
        state=moment.feeds.get(spec.name),
        last_tick=moment.ticked_at.get(spec.name, 0),
        bid=spec.price(tick.bid) if tick else 0.0,
        ask=spec.price(tick.ask) if tick else 0.0,
        digits=spec.digits,
    )


def _seconds_since(began: str, now: Millis) -> int:
    seconds = now / 1000 - dt.datetime.fromisoformat(began).timestamp() if began else 0
    return max(0, int(seconds))
