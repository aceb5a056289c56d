"""`butler serve` in a real browser, over sessions on PAPER: seen, ordered, killed, gone on with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("plotly")

from adapters.journal import StoredJournal
from engine import events as ev
from tests.chromium import BROWSER, DRIVER, Browser, browser
from tests.process.shadows import shadow_process
from tests.process.test_hung_sessions import HANGS
from tests.serving import Served, serving
from tests.unit.test_user_strategy import PRESET

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None or sys.platform == "win32",
    reason="neither chromium nor chromedriver is installed",
)

ENTERS = """
import msgspec
from engine.types import LONG
from signals.strategy import Enter


class Parameters(msgspec.Struct, frozen=True):
    pass


class Mine:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        pass

    def on_bar(self, bar, view):
        if view.position is None:
            stop, target = bar.close - 3000, bar.close + 9000
            return Enter(side=LONG, stop_loss=stop, take_profit=target, reason="always")
"""

CARDS = """
return [...document.querySelectorAll('.account')].map((card) => [
  card.querySelector('.note').textContent, card.querySelector('.badge').textContent,
  card.querySelector('.advice')?.innerText ?? '',
])"""
PAUSED = """
const said = document.querySelector('#life .state')?.innerText ?? '';
return said.includes('paused') && said.toUpperCase().includes('LATCHED')"""
CLOSED_BY_HAND = """
return [...document.querySelectorAll('#grid .body .row')].some(
  (row) => row.children[13].textContent === 'MANUAL')"""
LINES = "return document.getElementById('lines').innerText"
SEQ = "return Number(document.documentElement.dataset.seq)"
HEALTH = "return document.documentElement.dataset.health"


def preset(folder: Path, name: str, code: str) -> Path:
    """A strategy's file and its preset."""
    (folder / f"{name}.py").write_text(code)
    file = folder / f"{name}.yaml"
    file.write_text(PRESET.format(name=name, strategy=f"{name}.py:Mine", parameters="{}"))
    return file


def enter(window: Browser, served: Served) -> None:
    """As a person does: the whole address in the browser's bar."""
    window.visit(served.url)
    window.until("return document.documentElement?.dataset.ready")
    assert window.run("return location.href") == f"{served.origin}/"


def told(window: Browser, session: str, badge: str) -> list[str]:
    """The session's card once it has this badge."""
    script = f"{CARDS}.find((card) => card[0].includes(arguments[0]) && card[1] === arguments[1])"
    found: list[str] = window.until(script, f"\u00b7 {session} \u00b7", badge)
    return found


def order(window: Browser, action: str, reason: str, confirm: str = "") -> str:
    """Fill the form, press the button, and return what the page answers."""
    window.run(
        "document.getElementById('reason').value = arguments[1];"
        "document.getElementById('confirm').value = arguments[2];"
        "document.querySelector(`button[value=${arguments[0]}]`).click()",
        action, reason, confirm,
    )  # fmt: skip
    script = (
        "const said = document.getElementById('answer').textContent;"
        "return said.startsWith(arguments[0] + ': ') && !said.endsWith(': asked') && said"
    )
    said: str = window.until(script, action)
    return said


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "browser") as found:
        yield found


def test_two_accounts_are_seen_ordered_killed_and_gone_on_with(
    tmp_path: Path, window: Browser
) -> None:
    """Cards of two accounts; a pause and a flatten by the page; a killed engine shown dead, with
    what to type; the same session gone on with, on the same curve, without gap or double. What does
    not change on the page stays the same element, which a reader may hold on to.
    """
    options = ("--no-dry-run", "--speed", "600", "--preset", preset(tmp_path, "enters", ENTERS))
    places = [tmp_path / "a", tmp_path / "b"]
    with ExitStack() as stack:
        first = stack.enter_context(shadow_process(places[0], *options, "--session-id", "s-a"))
        stack.enter_context(shadow_process(places[1], *options, "--session-id", "s-b"))
        served = stack.enter_context(serving(*places, controls=True))
        enter(window, served)
        told(window, "s-a", "running")
        told(window, "s-b", "running")
        window.visit(f"{served.origin}/session/0/s-a")
        window.until("return document.querySelector('#positions tr td:nth-child(8)')")
        window.run("window.kept = document.querySelectorAll('#operations tr')")
        window.until(f"{SEQ} > arguments[0] + 10", window.run(SEQ))
        assert window.run("return kept.length && [...kept].every((one) => one.isConnected)")
        assert "say why" in order_refused(window, "pause", "").lower()
        assert order(window, "pause", "news <b>at</b> noon").startswith("pause: no new order")
        window.until(PAUSED)
        assert "type the session's name" in order_refused(window, "flatten", "enough", "s-b")
        assert order(window, "flatten", "enough", "s-a").startswith("flatten: paused")
        window.until("return document.getElementById('positions').innerText === 'nothing'")
        window.until(CLOSED_BY_HAND)
        window.until(f"{LINES}.includes(arguments[0])", "news <b>at</b> noon (by page, viewer 1)")
        assert order(window, "resume", "news is over").startswith("resume: latches are cleared")
        window.until(f"{LINES}.includes(arguments[0])", "news is over")  # it is on the disk
        first.kill()
        first.wait()
        window.until(f"{HEALTH} === 'dead'")
        advice = window.run("return document.querySelector('.advice').innerText")
        assert "butler status s-a" in advice
        before = window.run(SEQ)
        stack.enter_context(shadow_process(places[0], *options))
        window.until(f"{HEALTH} === 'running'")
        window.until(f"{SEQ} > arguments[0] + 30", before)
        assert_one_curve(window)
        window.visit(f"{served.origin}/")
        told(window, "s-a", "running")
        assert window.messages() == []
    given = [
        (str(command.action), command.reason, command.origin)
        for command in commands(places[0] / "sessions" / "s-a")
    ]
    assert given == [
        ("pause", "news <b>at</b> noon", "page, viewer 1"), ("flatten", "enough", "page, viewer 1"),
        ("resume", "news is over", "page, viewer 1"),
    ]  # fmt: skip


def order_refused(window: Browser, action: str, reason: str, confirm: str = "") -> str:
    """What the page says to an order that it does not even send."""
    window.run(
        "document.getElementById('answer').textContent = '';"
        "document.getElementById('reason').removeAttribute('required');"
        "document.getElementById('reason').value = arguments[1];"
        "document.getElementById('confirm').value = arguments[2];"
        "document.querySelector(`button[value=${arguments[0]}]`).click()",
        action, reason, confirm,
    )  # fmt: skip
    said: str = window.until("return document.getElementById('answer').textContent")
    return said


def assert_one_curve(window: Browser) -> None:
    """Points one after another in time, records each once, over both runs of the session."""
    steps = window.run(
        "const t = document.getElementById('chart').data.find((d) => d.name === 'equity');"
        "return t.x.map((x, i) => i ? x - t.x[i - 1] : 1)"
    )
    assert set(steps) == {1}
    records = window.run(
        "return [...document.querySelectorAll('#lines tr td:first-child')]"
        ".map((cell) => Number(cell.innerText))"
    )
    assert records == sorted(set(records), reverse=True)
    lines = window.run(LINES)
    assert lines.count("RESUMED from its journal") == 1
    assert lines.count("STARTED shadow") == 1


def commands(folder: Path) -> list[ev.UserCommanded]:
    with StoredJournal(folder / "journal.sqlite") as stored:
        found = [record.event for record in stored.records(kinds={"user_commanded"})]
    return [event for event in found if isinstance(event, ev.UserCommanded)]


def test_a_hung_strategy_is_shown_mute_with_what_to_type(tmp_path: Path, window: Browser) -> None:
    """Its process lives and its loop does not turn; the figures that were known stay."""
    results = tmp_path / "a"
    options = (
        "--speed",
        "600",
        "--hang-limit",
        "600",
        "--preset",
        preset(tmp_path, "hangs", HANGS),
    )
    with (
        shadow_process(results, *options, "--session-id", "hung") as process,
        serving(results) as served,
    ):
        enter(window, served)
        _, _, advice = told(window, "hung", "mute")
        assert f"butler flatten --account-profile PAPER --force --results-dir {results}" in advice
        assert process.poll() is None
        card = window.run("return document.querySelector('.account').innerText")
        assert "equity" in card
        window.visit(f"{served.origin}/session/0/hung")
        window.until(f"{HEALTH} === 'mute'")
        assert window.run("return document.getElementById('controls').hidden")
        assert window.messages() == []
