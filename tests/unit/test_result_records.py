"""A result of records alone: sessions on a terminal, and agreement with the summary."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from adapters.reports.summary import SummaryProjection
from engine import events as ev
from engine.result.build import result_of
from engine.result.statistics import by_day, figures_of
from risk.hindsight import FirmLimitHistory
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.reruns import recorded
from tests.result_runs import prices_of, witnessed

SEEDS = range(1, 9)

RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "attempts": {"objectives": "ftmo_2step", "attempts": "repeat"},
}


def summary_of(records: list[ev.Record] | tuple[ev.Record, ...]) -> dict[str, Any]:
    projection = SummaryProjection()
    for record in records:
        projection.take(record)
    return projection.summary()


@pytest.mark.parametrize("name", RUNS)
def test_a_result_has_the_figures_of_the_summary(name: str) -> None:
    """Every figure that both know is the same, of the run, its days and its attempts."""
    terms = resolve_terms(ReplayRequest(start="2023-01-02", end="2023-07-01", **RUNS[name]))[0]
    records = witnessed(terms, every_bar=False).records
    course = challenge_of(records[0].event)  # type: ignore[arg-type]
    limits = None if course is None else FirmLimitHistory(course.rules)
    result = result_of(records, prices_of(terms), limits)
    summary, figures = summary_of(records), figures_of(result.trades)
    assert result.net == round(summary["total_pnl"] * 100)
    assert result.account.equity == round(summary["final_equity"] * 100)
    assert figures.trades == summary["number_of_trades"]
    assert figures.win_rate == summary["win_rate"]
    assert result.funnel.signals == summary["signals"]
    assert result.funnel.submitted == summary["orders"]
    denied = {name: count for name, count in summary["filtered"].items() if count}
    assert result.funnel.denied == denied
    days = [(day.date, day.realised, day.opened, day.trades) for day in result.daily]
    assert days == [
        (day["date"], round(day["realised"] * 100), day["opened"], day["trades"])
        for day in summary["daily"]
    ]
    ended = {item.attempt: item.final_balance for item in result.attempts}
    assert ended == {
        item["attempt"]: round(item["final_balance"] * 100) for item in summary["attempts"]
    }


def test_the_days_of_a_run_sum_to_its_trades() -> None:
    """Net by day is the net of all closing deals, whichever day they fall on."""
    terms = resolve_terms(ReplayRequest(start="2023-01-02", end="2023-03-01"))[0]
    result = witnessed(terms, every_bar=False).result
    assert sum(by_day(result).values()) == sum(trade.net for trade in result.trades)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_live_sessions_trades_are_those_of_its_journal(seed: int) -> None:
    """Net, commission and swap of each position are those of its closing deals, faults or not."""
    records = recorded(seed)
    result = result_of(records)
    nets: dict[int, int] = defaultdict(int)
    for record in records:
        if isinstance(record.event, ev.PositionClosed):
            nets[record.event.position] += record.event.net
    assert {trade.position: trade.net for trade in result.trades if trade.parts} == nets
    summary = summary_of(records)
    assert figures_of(result.trades).trades == summary["number_of_trades"]
    assert len(result.trades) - len(result.closed) == summary["open_positions"]
    assert result.trading_state == summary["trading_state"]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_live_sessions_points_are_its_looks_at_the_account(seed: int) -> None:
    """Each point ends with the last figures seen in its quarter of an hour, and holds the worst."""
    records = recorded(seed)
    curve = result_of(records).curve
    looks: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for record in records:
        event = record.event
        if isinstance(event, ev.AccountSeen):
            looks[record.time // 900_000 * 900_000].append((event.balance, event.equity))
    assert looks
    for time, seen in looks.items():
        row = int(curve.time.searchsorted(time))
        assert curve.time[row] == time
        assert curve.worst[row] <= min(equity for _, equity in seen)
        assert curve.best[row] >= max(equity for _, equity in seen)
    assert (curve.worst <= curve.equity).all()
    assert (curve.equity <= curve.best).all()


def test_a_session_that_still_runs_has_a_result_at_any_moment() -> None:
    """However much of a journal is there, a result can be made of it."""
    records = recorded(3)
    end = next(row for row, item in enumerate(records) if isinstance(item.event, ev.SessionEnded))
    for count in range(1, end + 1, max(1, end // 40)):
        result = result_of(records[:count])
        assert result.outcome is None
        assert len(result.curve)
