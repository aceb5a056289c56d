"""The pages of `butler serve` as a reader meets them: sizes, keyboard, hostile texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("starlette")
pytest.importorskip("plotly")

from adapters.reports.page.heartbeat import strip
from engine import events as ev
from engine.result.build import result_of
from tests.chromium import BROWSER, DRIVER, SIZES, Browser, browser, views_of
from tests.process.test_serve_streams import SEED, Session
from tests.reruns import recorded
from tests.serving import Served, serving

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None or sys.platform == "win32",
    reason="neither chromium nor chromedriver is installed",
)

VIEWS = views_of("wide", dark=False)
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>\u202e{{7*7}}${8*8}\u0000&lt;"
NAME = "x'><img src=x onerror=alert(3)> #?%41"
"""A folder's name, too."""


def hostile(record: ev.Record) -> ev.Record:
    """The record with such a text wherever a text of outside may stand."""
    event: Any = record.event
    changes: dict[str, Any] = {
        name: HOSTILE
        for name in ("reason", "detail", "preset", "strategy_id", "signal_id")
        if type(getattr(event, name, None)) is str
    }
    about = record.metadata and {**record.metadata, "account": HOSTILE, "account_profile": HOSTILE}
    return type(record)(
        record.seq, record.time, record.bar, msgspec.structs.replace(event, **changes), about
    )


def session_of(results: Path, name: str, change: Callable[[ev.Record], ev.Record]) -> Session:
    found = Session(results, name)
    found.records = tuple(map(change, found.records))
    last = found.records[-1]
    order = ev.UserCommanded(action=ev.UserAction.PAUSE, reason=HOSTILE, origin=HOSTILE)
    found.records = (*found.records, type(last)(last.seq + 1, last.time, None, order, None))
    found.grow(len(found.records))
    found.seal()
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A plain session and a hostile one."""
    results = tmp_path_factory.mktemp("results")
    session_of(results, "s-1", lambda record: record)
    session_of(results, NAME, hostile)
    with serving(results, controls=True) as found:
        yield found


STRIP = """
const bars = [...document.querySelectorAll('#strip rect')];
const rows = [...document.querySelectorAll('#watched tr')];
return [bars.map((bar) => [bar.getAttribute('class'), bar.getAttribute('y')]),
  rows.map((row) => [...row.cells].map((cell) => cell.textContent))];
"""


def heartbeat() -> list[list[list[str]]]:
    """The strip and its table as the report has them."""
    known = strip(result_of(recorded(SEED)))
    assert known is not None
    return [
        [[beat.tone, str(beat.top)] for beat in known.beats],
        [[cell.text for cell in row] for row in known.table.rows],
    ]


def entered(window: Browser, served: Served) -> None:
    window.visit(served.url)
    window.until("return document.documentElement?.dataset.ready")


@pytest.mark.parametrize(("size", "dark"), VIEWS)
def test_pages_fit_every_width_and_say_nothing_on_the_console(
    size: str, dark: bool, served: Served, tmp_path: Path
) -> None:
    """Nothing wider than the window, nothing asked of anybody else."""
    width, height = SIZES[size]
    with browser(tmp_path, width=width, height=height, dark=dark) as window:
        window.requests()
        entered(window, served)
        links = window.run(
            "return [...document.querySelectorAll('#runs a')].map((link) => link.href)"
        )
        assert len(links) == 4
        for address in [f"{served.origin}/", *links]:
            window.visit(address)
            window.until("return document.documentElement?.dataset.ready")
            wide = window.run("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{address} is {wide} px too wide"
        assert window.messages() == []
        asked = [url for url in window.requests() if not url.startswith("blob:")]
        assert {url.split("/", 3)[2] for url in asked} == {f"127.0.0.1:{served.port}"}


def test_hostile_texts_stay_texts(served: Served, tmp_path: Path) -> None:
    """Of session, account, preset, reason, origin and detail: they are shown, and run nothing."""
    with browser(tmp_path) as window:
        entered(window, served)
        window.until("return document.querySelectorAll('.account').length === 2")
        card = window.run("return document.querySelector('#cards').innerText")
        assert "<img src=x onerror=alert(1)>" in card
        link = "return [...document.querySelectorAll('.account a')].find((a) => a.textContent.includes('<img')).href"  # noqa: E501
        window.visit(window.run(link))
        window.until("return document.documentElement?.dataset.ready")
        lines = window.run("return document.getElementById('lines').innerText")
        assert "<img src=x onerror=alert(1)>" in lines
        assert window.run("return document.title").startswith(NAME)
        for page in ("", "report"):
            if page:
                window.visit(window.run("return document.getElementById('report').href"))
                window.until("return document.documentElement?.dataset.ready")
            assert window.run("return document.querySelectorAll('img').length") == 0
            assert window.run("return document.querySelectorAll('main script').length") == 0
        assert window.messages() == []


def test_a_session_is_read_by_keyboard_and_landmarks(served: Served, tmp_path: Path) -> None:
    """Every control is reached; the chart and the trades have the report's keys."""
    with browser(tmp_path) as window:
        entered(window, served)
        landmarks = "return [...document.querySelectorAll('header,main,nav,footer')].length >= 3"
        assert window.run(landmarks)
        assert window.run(
            "return [...document.querySelectorAll('section')].every("
            "(part) => document.getElementById(part.getAttribute('aria-labelledby')))"
        )
        window.visit(f"{served.origin}/session/0/s-1")
        window.until("return document.documentElement?.dataset.ready")
        status = "return document.getElementById('status').textContent"
        chosen = "return document.querySelector('.row[aria-selected=true]')?.dataset.at"
        assert window.run(STRIP) == heartbeat()
        window.press("n")
        assert window.run(chosen) == "0"
        window.run("document.getElementById('chart').focus()")
        window.press("Home")
        whole = window.run(status)
        window.press("+")
        assert window.run(status) != whole
        window.press("Home")
        assert window.run(status) == whole
        unnamed = window.run(
            "return [...document.querySelectorAll('button, input, select, [tabindex=\"0\"]')]"
            ".filter((e) => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).length"
        )
        assert unnamed == 0
        assert window.messages() == []


def test_an_address_without_its_fragment_is_refused_to_a_browser_too(
    served: Served, tmp_path: Path
) -> None:
    with browser(tmp_path) as window:
        window.visit(f"{served.origin}/")
        window.until("return location.pathname === '/refused' && document.body.innerText")
        assert window.run("return document.body.innerText").startswith("403: ")
        window.visit(f"{served.origin}/#{served.token[:-1]}x")
        window.until("return location.pathname === '/refused'")
        assert window.run("return document.cookie") == ""
        entered(window, served)
        assert window.run("return [location.hash, document.cookie]") == ["", ""]


@pytest.mark.deep
def test_the_page_says_when_its_server_is_gone(tmp_path: Path) -> None:
    """And that a server which was started again is another one."""
    results = tmp_path / "results"
    session_of(results, "s-1", lambda record: record)
    with browser(tmp_path / "browser") as window:
        with serving(results) as before:
            entered(window, before)
            port = before.port
        line = "const e = document.getElementById('line'); return e.classList.contains('bad') && e.innerText"  # noqa: E501
        assert "no answer from butler serve" in window.until(line)
        with serving(results, port=port):
            window.until(f"{line}.includes('cut off')")
