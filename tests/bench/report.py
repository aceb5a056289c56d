"""The report page: how long it takes to write, its size, and how it behaves in Chromium.

Sample and a year of M1 bars, each opened from its file in a fresh browser. Times in the page are
the browser's own marks: `ready` is when the page can be used, a redraw or a sort ends with the
frame after it. `--runs N` opens each page N times and gives medians.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from adapters.reports.page.document import PageOptions, page_of
from adapters.reports.page.plotly_js import shared_script
from engine.result import RunResult
from scripts.app.journals.results import replay_in_memory
from scripts.app.results.verdict import hindsight_of
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.bench.bars import year
from tests.bench.machine import machine
from tests.chromium import BROWSER, Browser, browser

RANGES = ("all", "7776000", "2592000", "604800", "86400")

# A click, and the time until the frame that shows it.
_CLICK = """
window.taken = null;
const started = performance.now();
document.querySelectorAll(arguments[0])[arguments[1]].click();
requestAnimationFrame(() => setTimeout(() => { window.taken = performance.now() - started; }, 0));
return true;
"""


def year_result(folder: Path, preset: str = "ftmo_m15") -> RunResult:
    """A replay of a year of M1 bars."""
    bars = year(folder)
    request = ReplayRequest(bars=[f"EURUSD={bars.path}"], clock="new-york+7", preset=preset)
    return replay_in_memory(resolve_terms(request)[0], {"session_id": "year"})


def sample_result() -> RunResult:
    """The sample's replay."""
    return replay_in_memory(resolve_terms(ReplayRequest())[0], {"session_id": "sample"})


def clicked(window: Browser, selector: str, at: int = 0) -> float:
    """Milliseconds from a click to the end of the frame that shows what it did."""
    window.run(_CLICK, selector, at)
    return float(window.until("return window.taken"))


def opened(page: Path, *, width: int = 1280) -> dict[str, float]:
    """What the browser says of one opening of the page, and of its redraws."""
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder), width=width) as window:
        window.open(page)
        paint = window.until("return performance.getEntriesByType('paint')[0]?.startTime")
        ready = float(window.run("return document.documentElement.dataset.ready"))
        found = {"first paint": float(paint), "interactive": ready}
        for name in RANGES:
            found[f"redraw {name}"] = clicked(window, f"[data-range='{name}']")
        found["redraw worst"] = max(found[f"redraw {name}"] for name in RANGES)
        found["sort"] = clicked(window, ".row.head button", 10)
        found["heap MB"] = _metric(window, "JSHeapUsedSize") / 1e6
        found["renderer MB"] = _renderer_megabytes()
        return found


def _metric(window: Browser, name: str) -> float:
    """What the browser's debugging protocol measures."""
    window.debug("Performance.enable")
    metrics = window.debug("Performance.getMetrics")["metrics"]
    return next(float(item["value"]) for item in metrics if item["name"] == name)


def _renderer_megabytes() -> float:
    """What the page's own process holds that no other one shares."""
    held = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "--type=renderer" in process.cmdline():
                held = max(held, process.memory_full_info().uss)
    return held / 1e6


def measured(name: str, result: RunResult, folder: Path, runs: int) -> None:
    """Print size, time of writing, and what the browser says."""
    hindsight = hindsight_of(result)
    page_of(result, hindsight)  # modules and templates are loaded
    started = time.perf_counter()
    content = page_of(result, hindsight)
    seconds = time.perf_counter() - started
    library, _ = shared_script()
    shared = page_of(result, hindsight, PageOptions(shared_script=library))
    bars = sum(len(item) for item in result.prices.values())
    print(f"{name}: {bars:,} bars, {len(result.trades):,} trades")
    print(f"  {len(content) / 1e6:.2f} MB, {len(shared) / 1e6:.2f} MB shared, {seconds:.2f} s")
    page = folder / f"{name}.html"
    page.write_bytes(content)
    found = [opened(page) for _ in range(runs)]
    for key in found[0]:
        values = [item[key] for item in found]
        print(f"  {key}: {median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench report", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    options: Any = parser.parse_args(arguments)
    if BROWSER is None:
        raise SystemExit("tests.bench report: install chromium and chromium-driver first")
    print(machine())
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        measured("sample", sample_result(), folder, options.runs)
        measured("year", year_result(folder), folder, options.runs)


if __name__ == "__main__":
    main()
