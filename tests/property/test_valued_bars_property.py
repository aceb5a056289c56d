"""Bars that a result leaves out change nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.bars import PreparedBars
from engine.result import holdings, quotes, replayed, valued
from engine.result.curve import NO_FLOOR
from engine.result.prices import PriceHistory
from engine.result.steps import EXITED, OPENING, RANGE, TURN, AccountSteps, OpenHolding, step_key
from engine.types import Side, units
from tests.builders import EURUSD, GBPUSD

MINUTE = 60_000
START = 1_767_571_200_000
SPECS = {"EURUSD": EURUSD, "GBPUSD": GBPUSD}
RANKS = {name: rank for rank, name in enumerate(SPECS)}
PERIODS = (1, 5, 10, 15, 20, 60)


@st.composite
def histories(draw: st.DrawFn, symbol: str) -> PriceHistory:
    """Bars of a few hours with holes."""
    period = draw(st.sampled_from(PERIODS)) * MINUTE
    count = draw(st.integers(1, 60))
    kept = [draw(st.integers(0, 5)) > 0 for _ in range(count)]
    kept[draw(st.integers(0, count - 1))] = True
    time = START + np.flatnonzero(kept) * period
    rows = len(time)
    seed = draw(st.integers(0, 2**32 - 1))
    moves = np.random.default_rng(seed).integers(-50, 51, size=(4, rows))
    opens, closes = 110_000 + moves[0], 110_000 + moves[1]
    highs = np.maximum(opens, closes) + np.abs(moves[2])
    lows = np.minimum(opens, closes) - np.abs(moves[3])
    spread = np.abs(moves[2] - moves[3])
    return PriceHistory(symbol, period, time, opens, highs, lows, closes, spread)


def key_of(draw: st.DrawFn, prices: PriceHistory) -> int:
    """When something happens to a position: at an opening, at the end of a range, at a turn."""
    time = int(prices.time[draw(st.integers(0, len(prices) - 1))])
    phase = draw(st.sampled_from((OPENING, RANGE, TURN)))
    moment = time if phase == OPENING else time + prices.period
    return step_key(moment, phase, 0 if phase == TURN else RANKS[prices.symbol], EXITED)


@st.composite
def accounts(draw: st.DrawFn) -> tuple[AccountSteps, dict[str, PriceHistory], int]:
    """What happened to an account, the bars of its symbols, and the last record's key."""
    symbols = draw(st.sampled_from((("EURUSD",), ("EURUSD", "GBPUSD"))))
    prices = {name: draw(histories(name)) for name in symbols}
    steps = AccountSteps()
    steps.start = 10_000_000
    steps._ranks = RANKS
    steps.floors.append((0, 1, NO_FLOOR, 0))
    end = max(key_of(draw, item) for item in prices.values())
    for position in range(draw(st.integers(0, 4))):
        item = prices[draw(st.sampled_from(symbols))]
        first, last = sorted((key_of(draw, item), key_of(draw, item)))
        open_still = draw(st.booleans())
        if first > end or (last > end and not open_still):
            continue
        stop = draw(st.sampled_from((0, 109_950, 110_050)))
        held = OpenHolding(
            position, item.symbol, draw(st.sampled_from(Side)), units(0.1), 110_000, stop, first
        )
        if open_still:
            steps._open[position] = held
            continue
        held.until, held.price, held.stopped = last, 110_010, draw(st.booleans())
        steps.holdings.append(held)
        steps.balances += [(first, -70), (last, 1_000)]
        steps.swaps.append((draw(st.sampled_from((first, last))), 0, 9_999_000))
        steps.booked.append((last, -13))
        steps.equities.append((last, last // step_key(1, 0, 0, 0), 9_990_000))
    return steps, prices, end


def told(steps: AccountSteps, prices: dict[str, PriceHistory], end: int) -> Sequence[Any]:
    """All that a result takes from an account's bars."""
    account = replayed.ReplayedAccount(steps, prices, SPECS, end=end)
    columns = vars(account.curve()).values()
    openings = [(name, START + 7 * MINUTE) for name in prices]
    return (
        [it.tolist() if isinstance(it, np.ndarray) else it for it in columns],
        account.excursions(),
        account.spreads(openings),
    )


@given(accounts())
def test_a_result_without_the_bars_that_value_nothing_is_the_same(
    case: tuple[AccountSteps, dict[str, PriceHistory], int],
) -> None:
    """Equity points, excursions and spreads are those of all bars, of whatever periods."""
    few = told(*case)
    with patch.object(replayed, "valued_bars", lambda prices, *_: dict(prices)):
        assert few == told(*case)


@given(accounts(), st.integers(1, 9))
def test_a_result_is_the_same_in_lots_of_any_size(
    case: tuple[AccountSteps, dict[str, PriceHistory], int], size: int
) -> None:
    """A position that is cut into stretches is worth, and reaches, what the whole one does."""
    whole = told(*case)
    with patch.object(holdings, "_AT_ONCE", size):
        assert whole == told(*case)


@given(accounts(), st.integers(1, 20))
def test_bars_that_are_chosen_while_they_are_read_are_those_chosen_of_all(
    case: tuple[AccountSteps, dict[str, PriceHistory], int], size: int
) -> None:
    """Chunks of any size leave the same bars, those outside the bounds excepted and not counted."""
    steps, prices, end = case
    period = valued.points_of(item.period for item in prices.values())
    for name, item in prices.items():
        bounds = int(item.time[len(item) // 4]), end // step_key(1, 0, 0, 0)
        inside = item.within(*bounds)
        due = valued.valued_bars({name: inside}, steps, period, end)[name]
        chunks = [
            PreparedBars(
                part.time, part.time, part.open, part.high, part.low, part.close, part.spread
            )
            for part in (item.rows(slice(at, at + size)) for at in range(0, len(item), size))
        ]
        read = valued.Valuing(steps, period, end).read(name, item.period, chunks, bounds)
        assert read.time.tolist() == due.time.tolist()
        assert read.low.tolist() == due.low.tolist()
        assert len(read) + read.left_out == len(inside)


@given(accounts(), st.integers(1, 9))
def test_equity_is_the_same_whatever_is_computed_together(
    case: tuple[AccountSteps, dict[str, PriceHistory], int], size: int
) -> None:
    """Points in lots of any size are those of one lot."""
    whole = told(*case)
    with patch.object(replayed, "_AT_ONCE", size):
        assert whole == told(*case)


def test_a_symbol_with_as_many_moments_as_all_together_keeps_its_own_prices() -> None:
    """Where another symbol's moments make up for those cut off, each moment finds its own bar."""
    time = START + np.arange(2) * MINUTE
    ones = np.ones(2, dtype=np.int64)
    five, six, four = (ones * price for price in (5, 6, 4))
    mine = PriceHistory("EURUSD", MINUTE, time, five, six, four, five, ones)
    own, others = quotes.moments(mine, 0), quotes.moments(mine, 1)
    merged = np.sort(np.concatenate([own, others]))[: len(own)]
    at = quotes.Quotes(mine, own, merged).at(np.arange(len(merged)))
    assert at.mine.tolist() == np.isin(merged, own).tolist()
    assert not at.mine.all()


def test_most_bars_without_a_position_are_left_out() -> None:
    """Of an hour without a position the last bar of each quarter, and the two before its end."""
    time = START + np.arange(60) * MINUTE
    flat = np.full(60, 110_000)
    prices = PriceHistory("EURUSD", MINUTE, time, flat, flat, flat, flat, flat * 0)
    end = step_key(START + 59 * MINUTE, OPENING, 0, EXITED)
    left = valued.valued_bars({"EURUSD": prices}, AccountSteps(), 15 * MINUTE, end)["EURUSD"]
    assert ((left.time - START) // MINUTE).tolist() == [14, 29, 44, 58, 59]
