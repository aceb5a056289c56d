"""Flat bars of a closed market are told from those of an open one, by the clock of the bars."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from adapters.bars.columns import RateColumns
from signals.market_data.clocks import to_server
from signals.market_data.closures import flat_while_closed


def bars(clock: str, moment: str, volume: int = 0, high: float = 1.08) -> RateColumns:
    """One bar of price 1.08 that opens at `moment` (UTC), with its time by `clock`."""
    utc = int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
    one = np.array([1.08])
    return RateColumns(
        to_server(clock, np.array([utc])),
        one,
        np.array([high]),
        one,
        one,
        np.array([volume]),
        np.zeros(1, np.int64),
    )


# In winter New York's 17:00 is 22:00 UTC, in summer 21:00.
MOMENTS = {
    "Friday's last quarter": ("2024-02-02T21:45", "EUR", False),
    "Friday's close": ("2024-02-02T22:00", "EUR", True),
    "Saturday": ("2024-02-03T12:00", "EUR", True),
    "Sunday's last quarter": ("2024-02-04T21:45", "EUR", True),
    "Sunday's open": ("2024-02-04T22:00", "EUR", False),
    "Sunday's open in summer": ("2024-07-07T21:00", "EUR", False),
    "a quarter before it": ("2024-07-07T20:45", "EUR", True),
    "a quiet night": ("2024-02-06T03:00", "EUR", False),
    "Christmas": ("2024-12-25T12:00", "EUR", True),
    "the evening of Christmas": ("2024-12-25T22:00", "EUR", False),
    "New Year's Eve after the close": ("2024-12-31T23:00", "EUR", True),
    "gold's pause": ("2024-02-06T22:15", "XAU", True),
    "the same hour of a currency": ("2024-02-06T22:15", "EUR", False),
    "after gold's pause": ("2024-02-06T23:00", "XAU", False),
}


@pytest.mark.parametrize("clock", ["utc", "new-york+7", "eu-dst", "est", "london", "Asia/Tokyo"])
@pytest.mark.parametrize("name", MOMENTS)
def test_a_flat_bar_counts_where_the_market_is_closed(name: str, clock: str) -> None:
    moment, base, closed = MOMENTS[name]
    assert flat_while_closed(bars(clock, moment), clock, base).tolist() == [closed]


@pytest.mark.parametrize("change", [{"volume": 1}, {"high": 1.0801}])
def test_a_bar_with_ticks_never_counts(change: dict[str, float]) -> None:
    """Somebody quoted: what trades on Saturdays, such as a coin, is an open market."""
    made = bars("utc", "2024-02-03T12:00", **change)  # type: ignore[arg-type]
    assert not flat_while_closed(made, "utc", "EUR").any()
