"""A result of records and prices. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.bars import PreparedBars
from engine.events import Record
from engine.journal import JournalDamaged
from engine.result.curve import EquityCurve
from engine.result.fold import LimitHistory, ResultFold
from engine.result.parts import RunResult
from engine.result.prices import PriceHistory
from engine.result.replayed import ReplayedAccount
from engine.result.steps import OPENING, step_key
from engine.result.valued import Valuing, points_of
from engine.types import Millis


def result_of(
    records: Iterable[Record],
    prices: Mapping[str, PriceHistory] | None = None,
    limits: LimitHistory | None = None,
) -> RunResult:
    """The result of a session's records, of a replay with the bars that it played as `prices`.

    Raises JournalDamaged when the records do not begin with the start of a session.
    """
    fold = ResultFold(limits)
    for record in records:
        fold.take(record)
    return finished(fold, prices)


def finished(fold: ResultFold, prices: Mapping[str, PriceHistory] | None = None) -> RunResult:
    """The result as it stands; a session that runs may be asked at any moment."""
    terms, ended = fold.terms, fold.ended
    if terms is None:
        raise JournalDamaged("the records do not begin with the start of a session")
    known = dict(prices or {})
    if terms.mode == "replay" and known:
        slippage = int(terms.costs.get("slippage_points", 0))
        end = fold.end_key
        known = {name: item.within(*_played(fold)) for name, item in known.items()}
        account = ReplayedAccount(
            fold.steps, known, terms.symbols, end=end, slippage=slippage, currency=terms.currency
        )
        trades = fold.trades(account.excursions(), account.spreads(fold.openings))
        last = (None, None) if ended is None else (ended.account.balance, ended.account.equity)
        curve = account.curve(last_balance=last[0], last_equity=last[1])
    else:
        trades, curve = fold.trades(), _observed(fold)
        known = known or fold.observed.prices()
    first, final = _period(fold, curve)
    return RunResult(
        terms=terms,
        trades=tuple(trades),
        curve=curve,
        daily=tuple(fold.days.behind),
        funnel=fold.funnel,
        denials=tuple(fold.denials),
        attempts=tuple(fold.attempts),
        operations=tuple(fold.operations),
        coverage=fold.coverage.spans,
        prices=known,
        first=first,
        last=final,
        account=fold.account,
        deposits=fold.deposits,
        figures=None if ended is None else ended.figures,
        outcome=None if ended is None else ended.outcome,
        loss_buffer=None if ended is None else ended.loss_buffer,
        trading_state=str(fold.trading.state),
        halt_cause=str(fold.trading.reason) if fold.trading.causes else "",
    )


def _played(fold: ResultFold) -> tuple[Millis, Millis]:
    """The openings of the first and the last bar that can have been played.

    Bars before the session's start only warmed up its strategy.
    """
    end = fold.end_key
    return fold.first, end // step_key(1, 0, 0, 0) - (end < step_key(fold.last, OPENING, 0, 0))


class PlayedBars(NamedTuple):
    """A replay's bars of one symbol, to be read in chunks; `period` is theirs in ms."""

    symbol: str
    period: Millis
    chunks: Iterable[PreparedBars]


def valued_prices(fold: ResultFold, sources: Sequence[PlayedBars]) -> dict[str, PriceHistory]:
    """Of bars as they are read, those that decide what `finished` says of equity.

    They are a part of the whole for most replays, which need never be in memory at once.
    """
    valuing = Valuing(fold.steps, points_of(item.period for item in sources), fold.end_key)
    within = _played(fold)
    return {item.symbol: valuing.read(*item, within) for item in sources}


def _observed(fold: ResultFold) -> EquityCurve:
    table = np.array(fold.steps.floors, dtype=np.int64)
    since = table[:, 0] // step_key(1, 0, 0, 0)
    return fold.observed.curve((since, table[:, 1], table[:, 2], table[:, 3]))


def _period(fold: ResultFold, curve: EquityCurve) -> tuple[int, int]:
    """From the first record to what was played last, whatever else the files hold."""
    if not len(curve):
        return fold.first, fold.last
    return min(fold.first, int(curve.time[0])), max(fold.last, int(curve.time[-1]) + curve.period)
