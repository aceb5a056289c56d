"""The tables of a session: what they need beside its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.bars.errors import BarFileError
from adapters.journal import StoredJournal
from adapters.reports.table_sink import TableFiles, TableSink
from engine.events import Record, SessionStarted
from engine.result import PriceHistory
from engine.result.build import PlayedBars, valued_prices
from engine.result.fold import LimitHistory, ResultFold
from risk.challenge import Challenge
from risk.hindsight import FirmLimitHistory
from scripts.app.session_folder import SessionFolder
from scripts.app.terms.bars import BarInput
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.replay_terms import Terms

MOST_BARS: Final = 2_000_000
"""Of which a replay values its account at every moment at its end, about 300 bytes a bar that
matters (`engine.result.valued`)."""


@dataclass(frozen=True)
class TableTerms:
    """What tables need beside records: the firm's limits, and a replay's bars, read at its end.

    `behind` is the number of the last record of a session that goes on.
    """

    limits: LimitHistory | None = None
    prices: Callable[[ResultFold], Mapping[str, PriceHistory]] = lambda _: {}
    parquet: bool = False
    behind: int = 0


def limits_of(challenge: Challenge | None) -> LimitHistory | None:
    """The limits of the firm's rules from day to day; None without objectives."""
    return None if challenge is None else FirmLimitHistory(challenge.rules)


def prices_of(inputs: Iterable[BarInput]) -> Mapping[str, PriceHistory]:
    """The bars of a replay by symbol; raises BarFileError while reading."""
    return {
        item.spec.name: PriceHistory.of_chunks(
            item.spec.name, item.ref.period * 1000, item.prepared(())
        )
        for item in inputs
    }


def bar_prices(
    terms: Terms, warn: Callable[[str], None]
) -> Callable[[ResultFold], Mapping[str, PriceHistory]]:
    """Reads a replay's bars once more; without them equity is that of its records alone."""

    def read(fold: ResultFold) -> Mapping[str, PriceHistory]:
        bars = sum(item.ref.rows for item in terms.inputs)
        if bars > MOST_BARS:
            warn(
                f"equity between trades is left out: {bars:,} bars would take the memory of some "
                "gigabytes; butler report makes the whole of it, or replay a part with --from"
            )
            return {}
        try:
            sources = [
                PlayedBars(item.spec.name, item.ref.period * 1000, item.prepared(()))
                for item in terms.inputs
            ]
            return valued_prices(fold, sources)
        except BarFileError as error:
            warn(f"equity between trades is not known: {error}")
            return {}

    return read


def live_tables(
    started: SessionStarted, past: Sequence[Record] | None, last_seq: int, *, parquet: bool
) -> TableTerms:
    """For a session on a terminal; one that goes on has the objectives that it began with."""
    first = past[0].event if past else started
    challenge = challenge_of(first) if isinstance(first, SessionStarted) else None
    return TableTerms(limits_of(challenge), parquet=parquet, behind=last_seq if past else 0)


def table_sink(folder: SessionFolder, terms: TableTerms, **how: Any) -> TableSink:
    """The actor that keeps a session's tables; what is behind it is in its journal."""
    files = TableFiles(folder.trades, folder.equity, folder.latest_trades, folder.latest_equity)
    return TableSink(
        files,
        ResultFold(terms.limits),
        prices=terms.prices,
        past=_journal_so_far(folder, terms.behind) if terms.behind else None,
        parquet=terms.parquet,
        **how,
    )


def _journal_so_far(folder: SessionFolder, last: int) -> Callable[[], Iterable[Record]]:
    def read() -> Iterable[Record]:
        with StoredJournal(folder.journal) as stored:
            yield from stored.records(1, last)

    return read
