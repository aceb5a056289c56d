"""What a smoke test found, step by step, and the summary that it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.system.atomic_files import publish_file, replace_file
from engine.clock import Clock, SystemClock
from scripts.app.session_folder import SessionFolder

SUMMARY = "mt5_demo_smoketest_summary.json"


class SmokeReport:
    """What the test found: every step with its outcome and time, and the summary's flags."""

    def __init__(self, profile: str, dry_run: bool, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self.facts: dict[str, Any] = {
            "account_profile": profile,
            "dry_run": dry_run,
            "connected": False,
            "order_sent": False,
            "order_closed": False,
            "error": None,
            "volume": None,
            "currency": None,
            "risk": None,
            "open_price": None,
            "close_price": None,
            "profit": None,
        }
        self.steps: list[dict[str, Any]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, Any]]:
        """Measure a step; what is put into the yielded dict becomes part of its entry."""
        entry = self.begin(name)
        try:
            yield entry
        finally:
            self._time(entry)
        entry["outcome"] = "ok"

    def begin(self, name: str) -> dict[str, Any]:
        """A step's entry, which counts as failed until `end`."""
        entry: dict[str, Any] = {"step": name, "outcome": "failed", "milliseconds": 0}
        self.steps.append(entry)
        self._began = self._clock.now()
        return entry

    def end(self, entry: dict[str, Any]) -> None:
        """The step is done and all is well."""
        self._time(entry)
        entry["outcome"] = "ok"

    def _time(self, entry: dict[str, Any]) -> None:
        entry["milliseconds"] = self._clock.now() - self._began

    def fail(self, error: str) -> None:
        """The step under way failed, or nothing could be begun."""
        self.facts["error"] = error
        for entry in self.steps[-1:]:
            if entry["outcome"] != "ok":
                self._time(entry)

    def document(self) -> dict[str, Any]:
        return {**self.facts, "steps": self.steps}

    async def write(self, folder: SessionFolder, warn: Callable[[str], None]) -> None:
        """Write the summary into the session's folder and beside the latest results."""
        text = json.dumps(self.document(), indent=2, allow_nan=False) + "\n"
        for target in (folder.path / SUMMARY, folder.results / SUMMARY):
            await publish_file(target, text.encode(), tag=folder.session_id, warn=warn)


def write_unstarted(results: Path, profile: str, dry_run: bool, problem: str) -> None:
    """Write the summary of a test that ended before it had an account."""
    report = SmokeReport(profile, dry_run, SystemClock())
    report.facts["error"] = problem
    results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report.document(), indent=2) + "\n"
    replace_file(results / SUMMARY, text.encode())
