"""Report pages in a real browser: nothing asked for, nothing on the console, all by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.reports.page.document import PageOptions, page_of
from adapters.reports.page.other_run import OtherRun
from adapters.reports.page.plotly_js import shared_script
from config.loader import load_rules
from engine.result.build import result_of
from risk.hindsight import judged
from scripts.app.journals.results import replay_in_memory
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests import synthetic
from tests.chromium import BROWSER, DRIVER, SIZES, Browser, browser, views_of
from tests.reruns import recorded
from tests.unit.test_report_page import harmful, replayed

pytest.importorskip("plotly")
pytest.importorskip("jinja2")
pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None, reason="neither chromium nor chromedriver is installed"
)

VIEWS = views_of("narrow", dark=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A plain run, one without trades, attempts, a live session, and one with harmful texts."""
    plain = replayed()
    made = {
        "plain": page_of(plain, judged(load_rules("ftmo_2step"), plain)),
        "empty": page_of(replayed(start="2023-02-01", end="2023-02-01T02:00")),
        "attempts": page_of(replayed(objectives="ftmo_2step", attempts="repeat")),
        "live": page_of(result_of(recorded(2))),
        "harmful": page_of(harmful(plain)),
    }
    other = OtherRun(
        "B: slipped </script>", "Different", " in 1 place", "fail",
        curve=replayed(slippage_points=2).curve, start=plain.terms.start.equity,
    )  # fmt: skip
    made["beside"] = page_of(plain, options=PageOptions(beside=other))
    name, script = shared_script()
    made["shared"] = page_of(plain, options=PageOptions(shared_script=name))
    folder = tmp_path_factory.mktemp("pages")
    (folder / name).write_bytes(script)
    for kind, content in made.items():
        (folder / f"{kind}.html").write_bytes(content)
    return {kind: folder / f"{kind}.html" for kind in made}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One window of the usual size for all tests that need no other."""
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def window(opened: Browser) -> Browser:
    """The window, without what it said before."""
    opened.messages()
    return opened


@pytest.mark.parametrize(("size", "dark"), VIEWS)
def test_pages_open_offline_without_a_word(
    size: str, dark: bool, pages: dict[str, Path], tmp_path: Path
) -> None:
    """No console message, no request beside the file, nothing wider than the window."""
    width, height = SIZES[size]
    with browser(tmp_path, width=width, height=height, dark=dark) as window:
        for kind, page in pages.items():
            window.open(page)
            window.run("scrollTo(0, document.body.scrollHeight)")
            window.run("for (const p of document.querySelectorAll('.panel')) p.scrollIntoView()")
            wide = window.run("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{kind} is {wide} px too wide"
            assert window.messages() == [], kind
            asked = {url.rpartition("/")[2] for url in window.requests()}
            assert asked <= {page.name, shared_script()[0]}, kind
            if kind != "shared":
                assert asked == {page.name}
            assert len(window.picture()) > 5_000


def test_every_part_works_by_keyboard(pages: dict[str, Path], window: Browser) -> None:
    """n and p go from trade to trade, arrows and + zoom and move, Enter shows a row's trade."""
    window.open(pages["plain"])
    status = "return document.getElementById('status').textContent"
    chosen = "return document.querySelector('.row[aria-selected=true]')?.dataset.at"
    whole = window.run(status)
    window.press("n")
    assert window.run(chosen) == "0"
    first = window.run(status)
    assert first != whole
    window.press("n", "n", "p")
    assert window.run(chosen) == "1"
    window.run("document.getElementById('chart').focus()")
    before = window.run(status)
    window.press("ArrowRight")
    assert window.run(status) != before
    window.press("Home")
    assert window.run(status) == whole
    window.press("+")
    assert window.run(status) != whole
    window.run("document.querySelector('.body .row[tabindex=\"0\"]').focus()")
    window.press("ArrowDown", "ArrowDown", "Enter")
    assert window.run(chosen) == "3"
    assert window.messages() == []


def test_a_sort_orders_all_trades_and_paper_has_them_all(
    pages: dict[str, Path], window: Browser
) -> None:
    """By net, up and down; what the screen draws row by row is whole when it is printed."""
    result = replayed()
    nets = sorted(trade.net for trade in result.closed)
    cell = (
        "return document.querySelector('.body .row[data-at=\"0\"]').children[10].textContent"
        ".replace(/,/g, '').replace('\u2212', '-')"
    )
    window.open(pages["plain"])
    click = "document.querySelectorAll('.row.head button')[10].click()"
    window.run(click)
    assert round(float(window.run(cell)) * 100) == nets[0]
    window.run(click)
    assert round(float(window.run(cell)) * 100) == nets[-1]
    count = "return document.querySelectorAll('.body .row').length"
    shown = window.run(count)
    window.run("dispatchEvent(new Event('beforeprint'))")
    assert window.run(count) == len(result.trades) > shown
    window.run("dispatchEvent(new Event('afterprint'))")
    assert window.run(count) == shown


def test_the_page_shows_the_figures_of_the_result(pages: dict[str, Path], window: Browser) -> None:
    """What the script draws is what was packed: the last point of equity, and the trades' count."""
    result = replayed()
    window.open(pages["plain"])
    drawn = window.run(
        "const t = document.getElementById('chart').data.find((d) => d.name === 'equity');"
        "return [t.y[t.y.length - 1], document.getElementById('grid').ariaRowCount]"
    )
    assert round(drawn[0] * 100) == result.account.equity
    assert int(drawn[1]) == len(result.trades) + 1


def test_harmful_texts_run_nothing(pages: dict[str, Path], window: Browser) -> None:
    """They are shown as they are; no dialog opens and no element comes of them."""
    window.open(pages["harmful"])
    window.press("n")
    assert window.run("return document.querySelectorAll('img').length") == 0
    assert window.run("return document.scripts.length") == 2  # the data are gone
    assert window.messages() == []


def test_the_other_runs_equity_is_drawn_on_the_same_axis(
    pages: dict[str, Path], window: Browser
) -> None:
    """Its last point is its own last equity, and the legend names it."""
    other = replayed(slippage_points=2)
    window.open(pages["beside"])
    drawn = window.run(
        "const t = document.getElementById('chart').data.find((d) => d.name === 'beside');"
        "return [t.y[t.y.length - 1], document.getElementById('legend').textContent]"
    )
    assert round(drawn[0] * 100) == other.account.equity
    assert "B: slipped </script>" in drawn[1]
    assert window.messages() == []


@pytest.mark.deep
@pytest.mark.parametrize(("size", "dark"), [("wide", False), ("narrow", True)])
def test_a_year_of_m1_bars_opens_as_the_others_do(size: str, dark: bool, tmp_path: Path) -> None:
    """Its size is within what was promised; each range is drawn, to M1 candles, without a word."""
    made = synthetic.feed(1, days=364, period=synthetic.MINUTE)["EURUSD"]
    bars = synthetic.write_parquet(made, tmp_path / "year.parquet")
    request = ReplayRequest(bars=[f"EURUSD={bars}"], clock="new-york+7")
    result = replay_in_memory(resolve_terms(request)[0])
    assert len(result.prices["EURUSD"]) == len(made) > 350_000
    page = tmp_path / "year.html"
    content = page_of(result, judged(load_rules("ftmo_2step"), result))
    assert len(content) < 7_000_000
    page.write_bytes(content)
    width, height = SIZES[size]
    with browser(tmp_path, width=width, height=height, dark=dark) as window:
        window.open(page)
        levels = []
        for name in ("all", "7776000", "2592000", "604800", "86400"):
            window.run("document.querySelector(`[data-range='${arguments[0]}']`).click()", name)
            levels.append(window.run("return document.getElementById('status').textContent"))
        assert len(set(levels)) == 5
        for _ in range(5):
            window.press("+")
        assert " M1," in window.run("return document.getElementById('status').textContent")
        assert window.run("return document.documentElement.scrollWidth - innerWidth") <= 0
        assert window.messages() == []
        assert {url.rpartition("/")[2] for url in window.requests()} == {page.name}
