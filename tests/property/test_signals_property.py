"""Whatever signals are given: each is accounted for once, with the reason that is true."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.bars.signal_files import read_signals, signals_csv
from engine import events as ev
from engine.events import DenyReason, UserSignal
from engine.types import Side
from tests.random_signals import ROOMY, Market, all_given, given_signals, made_market
from tests.user_signal_runs import PERIOD, Told, iso, played

Draw = Callable[[st.SearchStrategy[Any]], Any]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Market:
    return made_market(tmp_path_factory.mktemp("market"))


# --- what must hold -------------------------------------------------------------------------


def known_against(market: Market, signal: UserSignal) -> DenyReason | None:
    """What the bars alone say against a signal."""
    if signal.symbol not in market.ticks:
        return DenyReason.UNKNOWN_SYMBOL
    opening = market.opening(signal)
    if opening is None or signal.time < min(market.ticks[signal.symbol]):
        return DenyReason.OUTSIDE_DATA
    ends = [signal.exit_time, signal.expires if signal.entry_price else None]
    over = any(end is not None and end < opening + 1_000 for end in ends)
    return DenyReason.EXPIRED if over or opening - signal.time > PERIOD else None


def wrong_stops(signal: ev.OrderIntent, tick: tuple[int, int]) -> bool:
    """Whether stop or target lie on the wrong side of what the order is judged by."""
    side = signal.terms.side
    price = signal.terms.entry_price or (tick[0] if side is Side.LONG else tick[1])
    beyond = (price - signal.terms.stop_loss) * side <= 0
    return beyond or bool(
        signal.terms.take_profit and (signal.terms.take_profit - price) * side <= 0
    )


def check_accounts(told: Told, signals: list[UserSignal]) -> Counter[str]:
    """Each signal became one order, and each order came to one end or still waits."""
    intents = [item for item in told.of(ev.OrderIntent) if item.terms.action is ev.Action.OPEN]
    assert Counter(item.terms.signal_id for item in intents) == Counter(
        s.signal_id for s in signals
    )
    fates = {
        "denied": [item.order.order_id for item in told.of(ev.OrderDenied)],
        "opened": [item.order_id for item in told.of(ev.PositionOpened)],
        "cancelled": [item.order_id for item in told.of(ev.OrderCancelled)],
    }
    over = [order_id for ids in fates.values() for order_id in ids]
    accepted = {item.order_id for item in told.of(ev.OrderAccepted)}
    waiting = accepted - set(over)
    assert not told.of(ev.OrderRejected), "what risk lets pass, the venue takes"
    assert not told.of(ev.OrderUnknown)
    assert len(over) == len(set(over))
    assert sorted([*over, *waiting]) == sorted(item.order_id for item in intents)
    return Counter({name: len(ids) for name, ids in fates.items()}) + Counter(waiting=len(waiting))


def check_reasons(market: Market, told: Told, signals: list[UserSignal]) -> None:
    """The reason of each denial is true, and none that is true is passed over."""
    left = {id(signal): signal for signal in signals}
    verdicts = {item.order.order_id: item for item in told.of(ev.OrderDenied)}
    seen: set[str] = set()
    for moment, order in told.timed(ev.OrderIntent):
        if order.terms.action is not ev.Action.OPEN:
            continue
        signal = next(
            item
            for item in left.values()
            if item.signal_id == order.terms.signal_id
            and known_against(market, item) == order.problem
        )
        del left[id(signal)]
        denied = verdicts.get(order.order_id)
        reason = denied.reason if denied else None
        known = known_against(market, signal)
        assert (reason if reason in _KNOWN_EARLY else None) == known
        if known is not None:
            continue
        assert moment == market.opening(signal)
        tick = market.ticks[order.terms.symbol][moment]
        assert order.terms.price == tick[1 if order.terms.side is Side.LONG else 0]
        _check_vetted(
            order, reason, wrong=wrong_stops(order, tick), again=order.terms.signal_id in seen
        )
        seen.add(order.terms.signal_id)


_KNOWN_EARLY = (DenyReason.UNKNOWN_SYMBOL, DenyReason.OUTSIDE_DATA, DenyReason.EXPIRED)
_BEFORE_STOPS = (
    DenyReason.HALTED,
    DenyReason.DUPLICATE_INTENT,
    DenyReason.MAX_POSITIONS,
    DenyReason.MAX_POSITIONS_PER_SYMBOL,
)


def _check_vetted(
    order: ev.OrderIntent, reason: DenyReason | None, *, wrong: bool, again: bool
) -> None:
    if reason is not DenyReason.HALTED:
        assert (reason is DenyReason.DUPLICATE_INTENT) == again
    if reason not in _BEFORE_STOPS:
        assert (reason is DenyReason.INVALID_STOPS) == wrong
    if reason is DenyReason.BELOW_MIN_VOLUME:
        assert 0 <= order.terms.volume < 100
    if reason is None and order.terms.volume:
        assert order.terms.volume >= 100


def check_limits(told: Told, limits: dict[str, Any]) -> None:
    """Open positions and orders on their way never exceed the limits, at no moment."""
    alive: dict[int, str] = {}
    orders: dict[int, int] = {}
    for item in told.records:
        match item.event:
            case ev.OrderApproved(order=order) if order.terms.action is ev.Action.OPEN:
                alive[order.order_id] = order.terms.symbol
            case ev.OrderCancelled(order_id=order_id):
                alive.pop(order_id, None)
            case ev.PositionOpened(position=position, order_id=order_id):
                orders[position] = order_id
            case ev.PositionClosed(position=position):
                del alive[orders[position]]
            case _:
                continue
        assert len(alive) <= limits["max_positions"]
        assert all(
            count <= limits["max_positions_per_symbol"]
            for count in Counter(alive.values()).values()
        )


def check_exits(market: Market, told: Told, signals: list[UserSignal]) -> None:
    """A position is left by its own signal's exit time, not by that of one that was denied."""
    vetted = [signal for signal in signals if known_against(market, signal) is None]
    vetted.sort(key=lambda signal: signal.time)
    ends = {signal.signal_id: signal.exit_time for signal in reversed(vetted)}
    for moment, closed in told.timed(ev.PositionClosed):
        due = ends[closed.signal_id]
        assert closed.reason in {"SL", "TP", "END"}
        if closed.reason == "END":
            assert due is not None
            assert moment >= due


@pytest.mark.parametrize("pending", [False, True], ids=["at the market", "pending too"])
def test_every_signal_is_accounted_for(market: Market, pending: bool) -> None:
    """Wrong stops, unknown symbols, times before, between and after the bars, weekends, doubles."""

    fates: Counter[str] = Counter()

    @settings(max_examples=50, deadline=None)
    @given(values=given_signals(pending=pending), max_positions=st.integers(1, 4))
    def holds(values: list[dict[str, Any]], max_positions: int) -> None:
        signals = all_given(market, values)
        limits = {**ROOMY, "max_positions": max_positions}
        told = played(market.with_signals(signals, **limits))
        counts = check_accounts(told, signals)
        assert counts.total() == len(signals)
        check_reasons(market, told, signals)
        check_limits(told, limits)
        check_exits(market, told, signals)
        fates.update(counts)

    holds()
    assert fates["denied"], "some of them are wrong"
    assert fates["opened"], "and some are right"
    assert fates["cancelled"] or not pending, "and of those that wait, some wait in vain"


@pytest.mark.parametrize("pending", [False, True], ids=["at the market", "pending too"])
def test_bars_that_are_passed_over_change_nothing(market: Market, pending: bool) -> None:
    """Playing every single bar leads to the same records in the same order."""

    @settings(max_examples=20, deadline=None)
    @given(values=given_signals(pending=pending))
    def holds(values: list[dict[str, Any]]) -> None:
        terms = market.with_signals(all_given(market, values), **ROOMY)
        assert played(terms).records == played(replace(terms, every_bar=True)).records

    holds()


# --- files ----------------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12
)
AMOUNTS = st.floats(min_value=1e-6, max_value=1e8)


@st.composite
def any_signal(draw: Draw) -> UserSignal:
    """A signal with whatever a file can say."""
    time = draw(st.integers(0, 3_000_000_000_000))
    later = st.none() | st.integers(time + 1, time + 10**12)
    return UserSignal(
        line=0,
        time=time,
        symbol=draw(TEXTS),
        side=draw(st.sampled_from(Side)),
        stop_loss=draw(AMOUNTS),
        entry_price=draw(st.none() | AMOUNTS),
        take_profit=draw(st.none() | AMOUNTS),
        exit_time=draw(later),
        expires=draw(later),
        reason=draw(TEXTS),
        strategy_id=draw(TEXTS),
        risk_scale=draw(AMOUNTS),
        volume=draw(st.none() | AMOUNTS),
    )


def as_row(signal: UserSignal) -> dict[str, Any]:
    """The signal in the columns of a file, empty ones left out."""
    row = msgspec.structs.asdict(signal)
    row["direction"] = row.pop("side").word
    del row["line"]
    for name in ("time", "exit_time", "expires"):
        row[name] = None if row[name] is None else iso(row[name])
    return {name: value for name, value in row.items() if value is not None}


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(signals=st.lists(any_signal(), min_size=1, max_size=5))
def test_what_is_written_is_read_again(tmp_path: Path, signals: list[UserSignal]) -> None:
    """As CSV and as JSON lines, to the last digit of a price and the last millisecond."""
    rows = [as_row(signal) for signal in signals]
    texts = [{name: str(value) for name, value in row.items()} for row in rows]
    json_lines = "".join(json.dumps(row) + "\n" for row in rows)
    for content in (signals_csv(texts), json_lines.encode()):
        file = tmp_path / "signals"
        file.write_bytes(content)
        found = read_signals(file)
        assert [msgspec.structs.replace(item, line=0) for item in found] == signals
