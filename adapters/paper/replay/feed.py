"""Plays recorded bars: moves the paper market and tells the bus what it did.

For every feed bar that opens at T, with period P: at T the tick becomes the opening price; if that
shows a higher bar to be closed, the strategy decides and its orders meet this tick; at T + P the
range is played (equity at the bar's worst, then stops and targets, then the closing tick). At equal
time ranges come first in rank order, then the day reset, then openings in rank order.

Bars that cannot lead to anything are skipped: those of a symbol without a position until one
at which its strategy may decide, and those that are uneventful for what is open. With `every_bar`
all are played, which leads to the same journal.

Signals that the user gave are acted on at the first opening of their symbol at or after their time.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator

from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.swap import nights_after
from adapters.paper.replay.cursor import NEVER, SymbolCursor
from adapters.paper.replay.fast_forward import FastForward
from adapters.paper.replay.signal_schedule import SignalSchedule
from adapters.paper.replay.uneventful import (
    EquityBand,
    bounds,
    in_force,
    next_touch,
    opens_uneventfully,
    worst_profit,
)
from engine import events as ev
from engine.bus import Bus
from engine.types import Millis

_NO_WEEKEND = (NEVER, NEVER)
_SLICE_STEPS = 1_000
_SLICE_RECORDS = 2_048


class ReplayFeed:
    """The feed of a replay: recorded bars of some symbols, in rank order, over a paper account.

    `resets` gives the beginnings of trading days after the first bar, with their dates, without
    end; `reconcile` lets the execution adapter look at what the market closed; `equity_band` is
    the equity that changes nothing when tested; `schedule` holds user signals; `rollovers` are the
    server's midnights, each with the weekday that ended (0 = Sunday), without end; `weekends` are
    the moments at which open positions are looked at before the week closes, each with that
    closing; `finished` ends the replay early, asked after every range, turn of days and opening;
    `valuations` are asked after every tick, where other symbols' prices convert a symbol's money;
    `rewards` are the moments at which the firm pays.
    """

    def __init__(
        self,
        bus: Bus,
        account: PaperAccount,
        cursors: list[SymbolCursor],
        resets: Iterator[tuple[Millis, str]],
        *,
        reconcile: Callable[[], None],
        equity_band: Callable[[], EquityBand],
        schedule: SignalSchedule,
        rollovers: Iterator[tuple[Millis, int]],
        weekends: Iterator[tuple[Millis, Millis]],
        finished: Callable[[], bool] | None = None,
        every_bar: bool = False,
        valuations: Callable[[], Iterable[ev.SymbolValuation]] | None = None,
        rewards: Iterable[Millis] = (),
    ) -> None:
        self._valuations = valuations
        self._rewards = iter(rewards)
        self._next_reward = next(self._rewards, NEVER)
        self._bus = bus
        self._account = account
        self._cursors = cursors
        self._resets = resets
        self._next_reset = next(resets)
        self._reconcile = reconcile
        self._equity_band = equity_band
        self._schedule = schedule
        self._scheduled = schedule.in_use
        self._rollovers = rollovers
        self._next_rollover = next(rollovers)
        self._weekends = weekends
        self._next_weekend = next(weekends, _NO_WEEKEND)
        self._turn = self._next_turn()
        self._finished = finished
        self._every_bar = every_bar
        self._over = False
        self._chunks_played = 0
        self._fast_forward = FastForward(bus, account, cursors, equity_band, self._next_awaited)

    @property
    def bars_played(self) -> int:
        """How many bars lie behind, skipped ones included."""
        return self._chunks_played + sum(max(cursor.row, 0) for cursor in self._cursors)

    async def slices(self) -> AsyncGenerator[None, None]:
        for item in self._schedule.first:
            self._bus.feed(item)
        yield
        while not self._over:
            for cursor in self._cursors:
                if cursor.starved:
                    self._chunks_played += len(cursor.bars)
                    await cursor.load()
            self._work()
            yield

    async def aclose(self) -> None:
        """Play no more bars."""
        self._over = True

    def _work(self) -> None:
        """Step until a chunk runs out, enough records wait for the edges, or the data ends."""
        cursors, bus, every_bar = self._cursors, self._bus, self._every_bar
        for _ in range(_SLICE_STEPS):
            due = NEVER
            for cursor in cursors:
                if cursor.starved:
                    return
                if cursor.due < due:
                    due = cursor.due
            if due == NEVER:
                self._end()
            elif every_bar or not self._fast_forward.skip(due, self._turn):
                self._step(due)
            if self._over or bus.unflushed >= _SLICE_RECORDS:
                return

    def _end(self) -> None:
        self._bus.bar = None
        for item in self._schedule.last():
            self._bus.feed(item)
        self._over = True

    def _step(self, due: Millis) -> None:
        if self._turn < due and self._turn_days(due - 1):
            return
        asked = self._finished is not None
        for cursor in self._cursors:
            if cursor.due == due and cursor.in_bar:
                self._range(cursor)
                if asked and self._stopped_early():
                    return
        if self._turn <= due and self._turn_days(due):
            return
        for cursor in self._cursors:
            if cursor.due == due and not cursor.in_bar:
                self._open(cursor)
                if asked and self._stopped_early():
                    return

    def _stopped_early(self) -> bool:
        if self._finished is not None and self._finished():
            self._over = True
        return self._over

    def _open_at_tick(self, cursor: SymbolCursor) -> int:
        """Open the track's next bar and tell its tick; returns the bar's row."""
        bus, symbol = self._bus, cursor.symbol
        row = cursor.open()
        bid, ask, opening = cursor.bid, cursor.ask, cursor.opening
        bus.time, bus.bar = opening, (symbol, opening)
        self._account.quote(symbol, bid, ask, cursor.server)
        bus.feed(ev.Tick(symbol, bid, ask))
        if self._valuations is not None:
            self._value(self._valuations)
        return row

    def _value(self, valuations: Callable[[], Iterable[ev.SymbolValuation]]) -> None:
        for valuation in valuations():
            self._bus.feed(valuation)

    def _open(self, cursor: SymbolCursor) -> None:
        bus, symbol = self._bus, cursor.symbol
        row = self._open_at_tick(cursor)
        if self._account.held[symbol]:
            self._test_equity()
        for bar in cursor.bars.closed_by(row):
            bus.feed(bar)
        if self._scheduled and self._schedule.next_time(symbol) <= cursor.opening:
            for item in self._schedule.due(symbol, cursor.opening):
                bus.feed(item)
        if not cursor.starved:
            self._go_on(cursor, row)

    def _range(self, cursor: SymbolCursor) -> None:
        bus, symbol, bar, account = self._bus, cursor.symbol, cursor.bar(), self._account
        bus.time, bus.bar = cursor.due, (symbol, cursor.opening)
        account.now = cursor.server + cursor.period
        hits = account.fill_orders(symbol, bar) if account.orders else 0
        held = account.held[symbol]
        if held:
            worst = account.worst_equity(symbol, bar)
            bus.feed(ev.AccountSeen(account.balance, worst, account.margin))
            hits += account.play(symbol, bar)
        ask = bar.close + bar.spread
        account.quote(symbol, bar.close, ask, account.now)
        bus.feed(ev.Tick(symbol, bar.close, ask))
        if hits:
            self._reconcile()
        if self._valuations is not None:
            self._value(self._valuations)
        if held:
            self._test_equity()
        cursor.in_bar = False
        self._go_on(cursor, cursor.row + 1)

    def _go_on(self, cursor: SymbolCursor, row: int) -> None:
        """Leave for the first row from `row` on that must be played; it may be open already."""
        account, symbol = self._account, cursor.symbol
        waited_for = account.orders and self._awaited(symbol)
        if self._every_bar or waited_for or row + 1 >= cursor.count:
            following, touched = row, False
        elif account.held[symbol]:
            following, touched = self._next_eventful(cursor, row)
        else:
            following, touched = self._next_opening(cursor, row), False
        if following > row or not cursor.in_bar:
            cursor.move_to(following)
        if touched and not cursor.in_bar:
            # Nothing happens at its opening; whoever acts on its range finds that tick.
            self._open_at_tick(cursor)

    def _next_opening(self, cursor: SymbolCursor, row: int) -> int:
        """The first row from `row` on whose opening somebody waits for."""
        bars = cursor.bars
        row += cursor.in_bar  # the bar that is open has met its signals and its strategy
        following = bars.next_decision(row)
        if not self._scheduled:
            return following
        schedule = self._schedule.next_time(cursor.symbol)
        if schedule == NEVER:
            return following
        # A user signal must meet the first opening from its time on.
        return min(following, max(row, bars.first_from(schedule)))

    def _awaited(self, symbol: str) -> bool:
        """Whether an order waits for a price of `symbol`."""
        return any(order.spec.name == symbol for order in self._account.orders.values())

    def _next_eventful(self, cursor: SymbolCursor, row: int) -> tuple[int, bool]:
        """The first eventful row for the positions, and whether only its range is not."""
        bars, account = cursor.bars, self._account
        if len(account.positions) > 1:
            return row, False
        (position,) = account.positions.values()
        limits = bounds(position, account.balance, self._equity_band())
        if limits is None:
            return row, False
        latest = self._next_opening(cursor, row)
        # Whoever acts next (another symbol, a day's turn) must find this symbol's last tick.
        moment = self._turn
        for other in self._cursors:
            if other is not cursor and other.due < moment:
                moment = other.due
        if cursor.columns[0][latest] >= moment:
            latest = min(latest, in_force(bars, row, moment))
        following = next_touch(bars, row, latest, position.side, limits)
        if following > row:
            worst = worst_profit(bars, row, following, position)
            equity = account.balance + position.swap + worst
            self._bus.feed(ev.AccountSeen(account.balance, equity, account.margin))
        touched = following < latest and opens_uneventfully(bars, following, position.side, limits)
        return following, touched

    def _next_awaited(self, cursor: SymbolCursor) -> Millis:
        """When the first bar opens that must be played; at the latest the last one loaded."""
        if cursor.row < 0 or cursor.due == NEVER:
            return cursor.due
        return cursor.bars.time.item(self._next_opening(cursor, cursor.row))

    def _turn_days(self, until: Millis) -> bool:
        """Post swaps, close weeks and reset the trading day, in order of time.

        At one instant swaps come first and the reset last. Whether the replay ends early by it.
        """
        while (moment := self._turn) <= until:
            self._bus.time, self._bus.bar = moment, None
            if self._next_rollover[0] == moment:
                self._roll_over()
            elif self._next_weekend[0] == moment:
                self._close_week()
            elif self._next_reward == moment:
                self._next_reward = next(self._rewards, NEVER)
                self._bus.feed(ev.RewardDue())
            else:
                self._reset()
            self._turn = self._next_turn()
            if self._stopped_early():
                return True
        return False

    def _next_turn(self) -> Millis:
        return min(
            self._next_rollover[0], self._next_weekend[0], self._next_reset[0], self._next_reward
        )

    def _close_week(self) -> None:
        _, closes = self._next_weekend
        self._next_weekend = next(self._weekends, _NO_WEEKEND)
        self._bus.feed(ev.WeekendDue(closes))

    def _roll_over(self) -> None:
        _, weekday = self._next_rollover
        self._next_rollover = next(self._rollovers)
        account, posted = self._account, False
        for symbol, count in account.held.items():
            nights = nights_after(weekday, account.specs[symbol]) if count else 0
            if nights:
                account.post_swap(symbol, nights)
                posted = True
        if posted:
            for position in account.positions.values():
                self._bus.feed(ev.SwapSeen(position.identifier, position.swap))
            figures = ev.Account(
                balance=account.balance, equity=account.equity(), margin=account.margin
            )
            self._bus.publish(ev.AccountUpdated(account=figures, reason="swap"))
            self._test_equity()

    def _reset(self) -> None:
        _, date = self._next_reset
        account = self._account
        self._bus.feed(ev.ResetDue(date, account.balance, account.equity(), account.margin))
        self._next_reset = next(self._resets)

    def _test_equity(self) -> None:
        account = self._account
        self._bus.feed(ev.AccountSeen(account.balance, account.equity(), account.margin))
