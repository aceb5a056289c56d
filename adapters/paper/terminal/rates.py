"""The functions of the package that show recorded bars and ticks."""

from __future__ import annotations

from typing import Final

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.calling import Failure, function, invalid_params, seconds
from adapters.paper.terminal.charts import (
    TICKS_PER_BAR,
    TIMEFRAME_SECONDS,
    BarSource,
    Rates,
    Recorded,
    Ticks,
    first_row,
    latest,
    merge,
    ticks_of,
)
from adapters.paper.terminal.history import Moment
from adapters.paper.terminal.prices import PriceFunctions
from adapters.paper.terminal.rules import AccountTerms

_TICK_KINDS: Final = (mt5.COPY_TICKS_ALL, mt5.COPY_TICKS_INFO, mt5.COPY_TICKS_TRADE)


class RateFunctions(PriceFunctions):
    """`copy_rates_*` and `copy_ticks_*` over `bars`; without bars they fail."""

    def __init__(
        self,
        account: PaperAccount,
        terms: AccountTerms,
        *,
        bars: BarSource | None = None,
        attached: bool = True,
    ) -> None:
        super().__init__(account, terms, attached=attached)
        self._bars = bars

    @function
    def copy_rates_from(
        self, symbol: str, timeframe: int, date_from: Moment, count: int, /
    ) -> Rates | None:
        """The last `count` bars that opened at `date_from` or before."""
        recorded = self._of_timeframe(symbol, timeframe)
        end = first_row(recorded, timeframe, seconds(date_from) + 1)
        return _frozen(latest(recorded, timeframe, end, _count(count)))

    @function
    def copy_rates_from_pos(
        self, symbol: str, timeframe: int, start_pos: int, count: int, /
    ) -> Rates | None:
        """`count` bars up to the one that lies `start_pos` before the current bar."""
        recorded = self._of_timeframe(symbol, timeframe)
        if start_pos < 0:
            raise invalid_params()
        found = latest(recorded, timeframe, len(recorded.rates), start_pos + _count(count))
        end = max(len(found) - start_pos, 0)
        return _frozen(found[max(end - count, 0) : end])

    @function
    def copy_rates_range(
        self, symbol: str, timeframe: int, date_from: Moment, date_to: Moment, /
    ) -> Rates | None:
        """The bars that opened between the two dates, both included."""
        recorded = self._of_timeframe(symbol, timeframe)
        begin = first_row(recorded, timeframe, seconds(date_from))
        end = first_row(recorded, timeframe, seconds(date_to) + 1)
        return _frozen(merge(recorded, timeframe, begin, max(begin, end)))

    @function
    def copy_ticks_from(
        self, symbol: str, date_from: Moment, count: int, flags: int, /
    ) -> Ticks | None:
        """The first `count` ticks at `date_from` or later."""
        recorded, digits = self._recorded(symbol), self.account.specs[symbol].digits
        since, wanted = seconds(date_from), _count(count)
        begin = _row_at(recorded, since - recorded.seconds)
        end = min(begin + wanted // TICKS_PER_BAR + 2, len(recorded.rates))
        ticks = _of_kind(ticks_of(recorded, digits, begin, end), flags)
        return _frozen(ticks[ticks["time"] >= since][:wanted])

    @function
    def copy_ticks_range(
        self, symbol: str, date_from: Moment, date_to: Moment, flags: int, /
    ) -> Ticks | None:
        """The ticks between the two dates, both included."""
        recorded, digits = self._recorded(symbol), self.account.specs[symbol].digits
        since, until = seconds(date_from), seconds(date_to)
        begin = _row_at(recorded, since - recorded.seconds)
        end = _row_at(recorded, until + 1)
        ticks = _of_kind(ticks_of(recorded, digits, begin, max(begin, end)), flags)
        return _frozen(ticks[(ticks["time"] >= since) & (ticks["time_msc"] <= until * 1000)])

    def _recorded(self, symbol: str) -> Recorded:
        self._spec(symbol)
        recorded = self._bars.recorded(symbol) if self._bars else None
        if recorded is None:
            raise Failure(mt5.RES_E_FAIL, "Terminal: Call failed")
        return recorded

    def _of_timeframe(self, symbol: str, timeframe: int) -> Recorded:
        """The records, if bars of `timeframe` can be merged from them."""
        recorded = self._recorded(symbol)
        length = TIMEFRAME_SECONDS.get(timeframe)
        if length is None:
            raise invalid_params()
        if length % recorded.seconds:
            raise Failure(mt5.RES_E_FAIL, "Terminal: Call failed")
        return recorded


def _count(count: int) -> int:
    if count <= 0:
        raise invalid_params()
    return count


def _row_at(recorded: Recorded, moment: int) -> int:
    """The first row that opens at `moment` (server seconds) or later."""
    return int(np.searchsorted(recorded.rates["time"], moment))


def _of_kind(ticks: Ticks, flags: int) -> Ticks:
    """Only quotes change here: there are no ticks of the kind that reports trades."""
    if flags not in _TICK_KINDS:
        raise invalid_params()
    return ticks[:0] if flags == mt5.COPY_TICKS_TRADE else ticks


def _frozen(array: Rates) -> Rates:
    """Read-only, as the package's arrays are."""
    array.setflags(write=False)
    return array
