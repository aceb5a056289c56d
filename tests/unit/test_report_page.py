"""The report page as a document: its figures, its data, its policy, and texts that mean harm."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.page.document import PageOptions, page_of
from adapters.reports.page.first_screen import day_limit, meters
from adapters.reports.page.packing import packed
from adapters.reports.page.plotly_js import shared_script
from adapters.reports.page.words import money
from config.loader import load_rules
from engine.journal import MemoryJournal
from engine.result import RunResult
from engine.result.build import result_of
from engine.result.statistics import drawdown_money, figures_of
from risk.hindsight import FirmLimitHistory, judged
from scripts.app.journals.results import replay_in_memory
from scripts.app.sessions.replay import files_of
from scripts.app.terms.objectives import challenge_of
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.pages import Page, unpacked
from tests.reruns import recorded
from tests.result_runs import prices_of, witnessed

pytest.importorskip("plotly")
pytest.importorskip("jinja2")

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>"\u202e' + "x" * 10_000


def replayed(**options: Any) -> RunResult:
    """A part of the sample, with the floors of its rules."""
    request = ReplayRequest(**{"start": "2023-02-01", "end": "2023-06-01", **options})
    terms = resolve_terms(request)[0]
    records = witnessed(terms, every_bar=False).records
    course = challenge_of(records[0].event)  # type: ignore[arg-type]
    limits = None if course is None else FirmLimitHistory(course.rules)
    return result_of(records, prices_of(terms), limits)


@pytest.fixture(scope="module")
def result() -> RunResult:
    return replayed()


@pytest.fixture(scope="module")
def page(result: RunResult) -> Page:
    return Page(page_of(result, judged(load_rules("ftmo_2step"), result)).decode())


def test_the_first_screens_figures_are_the_results(result: RunResult, page: Page) -> None:
    """Each of the eight figures is the exact value of the result."""
    figures = figures_of(result.trades)
    assert result.figures is not None
    assert {name: float(value) for name, value in page.figures.items()} == {
        "net": figures.net,
        "profit_factor": figures.profit_factor,
        "r": figures.r_per_trade,
        "won": figures.win_rate,
        "drawdown": result.figures.max_drawdown_fraction,
        "trades": figures.trades,
        "costs": figures.costs,
        "gross": figures.gross,
    }
    assert float(page.shown["net"].replace(",", "").replace("\u2212", "-")) * 100 == figures.net


def test_the_pages_data_are_the_results_exactly(result: RunResult, page: Page) -> None:
    """Equity points, trades and bars come out of the page as they went in, to the cent."""
    document, columns = unpacked(page.packed)
    balance = list(accumulate(columns["balance"]))
    equity = [one + other for one, other in zip(balance, columns["equity"], strict=True)]
    assert balance == result.curve.balance.tolist()
    assert equity == result.curve.equity.tolist()
    worst = [
        min(one, other) - below
        for one, other, below in zip(equity, balance, columns["worst"], strict=True)
    ]
    assert worst == result.curve.worst.tolist()
    assert columns["trade.net"] == [trade.net for trade in result.trades]
    assert sum(columns["trade.net"]) == sum(trade.net for trade in result.trades)
    texts = document["texts"]
    reasons = [texts[place] for place in document["traded"]["close_reason"]]
    assert reasons == [trade.close_reason for trade in result.trades]
    bars = result.prices["EURUSD"]
    closes, before = [], 0
    for gap, body in zip(columns["price.EURUSD.gap"], columns["price.EURUSD.body"], strict=True):
        before += gap + body
        closes.append(before)
    assert closes == bars.close.tolist()


def test_the_verdict_names_rule_time_and_figures() -> None:
    """An attempt that fails says so in one sentence, with the firm's time."""
    result = replayed(start="2023-01-01", objectives="ftmo_2step")
    page = Page(page_of(result).decode())
    assert (
        "Failed : overall loss limit hit 2023-05-24 14:30 Prague, "
        "equity 89,996.18 \u2264 90,000.00" in page.words
    )


def test_a_page_asks_for_nothing(page: Page) -> None:
    """The policy forbids all requests, and no element names another file or site."""
    assert page.policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in page.policy
    assert "http:" not in page.policy
    for tag, attributes in page.tags:
        for name in ("src", "href", "action", "data", "poster"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), f"{tag} {name}={value}"


def test_the_policy_lets_the_pages_own_scripts_run(page: Page) -> None:
    """Every script has its hash in the policy; the data are no script."""
    hashes = {
        "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
        for text in page.scripts[1:]
    }
    assert len(hashes) == 2
    assert all(item in page.policy for item in hashes)


def test_a_shared_script_is_named_and_not_inside() -> None:
    """The page is small then, and the file beside it is the library."""
    name, content = shared_script()
    html = page_of(replayed(end="2023-02-03"), options=PageOptions(shared_script=name)).decode()
    assert f'<script src="{name}"></script>' in html
    assert len(html) < 300_000
    assert len(content) > 1_000_000


def harmful(result: RunResult) -> RunResult:
    """The result with texts that try to leave their place wherever users can put some."""
    import dataclasses

    trades = tuple(
        msgspec.structs.replace(
            trade,
            variant=HOSTILE,
            signal_id=HOSTILE,
            strategy_id=HOSTILE,
            parts=tuple(part._replace(reason=HOSTILE) for part in trade.parts),
        )
        for trade in result.trades
    )
    operations = tuple(
        item._replace(detail=HOSTILE, cause=HOSTILE) for item in result.operations
    ) or (_operation(result),)
    about = {**result.terms.about, "version": HOSTILE}
    terms = dataclasses.replace(
        result.terms, preset=HOSTILE, session_id=HOSTILE, about=about, parameters={HOSTILE: HOSTILE}
    )
    return dataclasses.replace(
        result, trades=trades, operations=operations, terms=terms, warnings=(HOSTILE,)
    )


def _operation(result: RunResult) -> Any:
    from engine.result import OperationRecord

    return OperationRecord(result.first, "halt", HOSTILE, HOSTILE)


def test_texts_that_mean_harm_stay_texts(result: RunResult) -> None:
    """No text becomes an element, an attribute or a script."""
    plain = Page(page_of(result).decode())
    bad = Page(page_of(harmful(result)).decode())
    kinds = {tag for tag, _ in plain.tags} | {"ul", "li"}
    assert {tag for tag, _ in bad.tags} <= kinds
    assert sum(tag == "script" for tag, _ in bad.tags) == 3
    assert "<script>alert(1)</script>" in bad.words
    assert not any("onerror" in attributes for _, attributes in bad.tags)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_live_session_has_a_page_at_any_moment(seed: int) -> None:
    """Running or over, with the operations of its journal."""
    records = recorded(seed)
    for count in (2, len(records) // 2, len(records)):
        page = Page(page_of(result_of(records[:count])).decode())
        assert "Halts, links and commands" in page.words


def test_a_run_without_trades_has_a_page() -> None:
    """It says that nothing was closed, and no figure is made up."""
    page = Page(page_of(replayed(start="2023-02-01", end="2023-02-01T02:00")).decode())
    assert "No trade was closed." in page.words
    assert page.figures["profit_factor"] == ""
    assert "nan" not in page.words.lower().split()


@pytest.mark.parametrize("cold", [True, False])
def test_a_cold_start_is_warned_of(cold: bool) -> None:
    """Indicators that had seen no bar decide otherwise for a while: a reader must know."""
    request = ReplayRequest(start="2023-02-01", end="2023-02-01T02:00", cold=cold)
    terms = resolve_terms(request)[0]
    page = Page(page_of(replay_in_memory(terms, files_of(terms))).decode())
    assert ("Cold start: what decides had seen no bar" in page.words) is cold


def test_the_page_says_what_the_largest_drawdown_was(result: RunResult, page: Page) -> None:
    """In money, from the points."""
    text = f"{drawdown_money(result) / 100:,.2f}"
    assert re.search(rf"equity drawdown maximal {re.escape(text)}", page.words)


@given(
    st.lists(st.integers(-(1 << 50), 1 << 50), max_size=40),
    st.lists(st.integers(-200, 200), max_size=40),
    st.text(max_size=20),
)
def test_packed_columns_come_back_exactly(large: list[int], small: list[int], text: str) -> None:
    """Whatever the size of the numbers, and whatever stands in the texts."""
    columns = {"large": np.array(large, dtype=np.int64), "small": np.array(small, dtype=np.int64)}
    document, found = unpacked(packed({"text": text}, columns))
    assert document == {"text": text}
    assert found == {"large": large, "small": small}


def test_a_journal_in_memory_is_enough() -> None:
    """A page needs records and bars, no file."""
    journal = MemoryJournal()
    for record in recorded(1):
        journal.append(record)
    assert page_of(result_of(journal.records)).startswith(b"<!DOCTYPE html>")


def test_bars_that_only_warm_up_are_not_played() -> None:
    """A replay from a date on has its first point, its candles and its period from that date."""
    late = replayed(start="2023-02-01", end="2023-02-01T02:00")
    begin = 1_675_209_600_000  # 2023-02-01T00:00Z
    assert late.first == late.curve.time[0] == late.prices["EURUSD"].time[0] == begin
    assert len(late.prices["EURUSD"]) == 8
    page = Page(page_of(late).decode())
    assert "played 2023-02-01 to 2023-02-01" in page.words


@pytest.mark.parametrize("seed", [1, 2])
def test_a_session_that_runs_shows_the_day_with_its_countdown(seed: int) -> None:
    """What is used and left against the daily floor in force, and the time to the reset."""
    result = result_of(recorded(seed)[:60])
    assert result.outcome is None
    (today,) = (m for m in meters(result, result.curve, None) if m.key == "today")
    left = result.account.equity - int(result.curve.day_floor[-1])
    limit = day_limit(result, int(result.curve.day_floor[-1]))
    assert f"{money(max(0, limit - left))} used, {money(max(0, left))} left" == today.text
    assert 0 < today.until <= 25 * 3_600_000


def test_a_run_without_a_closed_trade_shows_no_empty_charts() -> None:
    """Nothing to count is no chart of nothing."""
    page = Page(page_of(replayed(start="2023-02-01", end="2023-02-01T02:00")).decode())
    assert "R of each trade" not in page.words
    assert "Signals and orders" in page.words


def test_meters_end_where_the_account_was_lost() -> None:
    """What would have been traded after that is fiction: it fills no meter and counts no day."""
    run = replayed(start="2023-01-02", end="2023-07-01")
    seen = judged(load_rules("ftmo_2step"), run)
    assert seen is not None
    assert seen.time
    shown = {item.key: item for item in meters(run, seen.curve, seen)}
    living = seen.curve.worst[seen.curve.time <= seen.time]
    used = run.terms.start.balance - int(living.min())
    assert f"{money(used)} used, 0.00 left at the lowest" == shown["overall"].text
    assert used < run.terms.start.balance - int(seen.curve.worst.min())
    days = sum(bool(day.opened) and day.date <= "2023-05-24" for day in run.daily)
    assert shown["next"].text == f"none: the account is lost; {days} trading days"
