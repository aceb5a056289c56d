"""``python -m tests.screenshots``: the pictures of the README and the documents, made anew.

Each is a page of the program as Chromium shows it, small enough for a document.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from adapters.reports.page.document import page_of
from engine.result import RunResult
from scripts.app.journals.results import replay_in_memory
from scripts.app.results.verdict import hindsight_of
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from tests.chromium import BROWSER, browser

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
WIDE, HIGH = 1000, 760


def picture(result: RunResult, folder: Path, *, dark: bool = False, trade: bool = False) -> bytes:
    """The first screen of a run's page, or its chart at one trade."""
    page = folder / "page.html"
    page.write_bytes(page_of(result, hindsight_of(result)))
    with browser(folder, width=WIDE, height=HIGH, dark=dark) as window:
        window.open(page)
        if trade:
            window.press("n", "n", "n")
            window.run("document.getElementById('account').scrollIntoView({behavior: 'instant'})")
        return window.picture()


def main() -> None:
    if BROWSER is None:
        raise SystemExit("tests.screenshots: install chromium and chromium-driver first")
    PICTURES.mkdir(exist_ok=True)
    sample = replay_in_memory(resolve_terms(ReplayRequest())[0], {"session_id": "sample"})
    followed = ReplayRequest(start="2023-01-01", objectives="ftmo_2step")
    attempt = replay_in_memory(resolve_terms(followed)[0], {"session_id": "attempt"})
    for name, result, how in (
        ("report.png", sample, {}),
        ("trade.png", attempt, {"dark": True, "trade": True}),
    ):
        with tempfile.TemporaryDirectory() as folder:
            content = picture(result, Path(folder), **how)
        (PICTURES / name).write_bytes(content)
        print(f"{PICTURES / name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
