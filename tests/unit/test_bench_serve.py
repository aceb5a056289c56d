"""The bench of the page measures a session that runs: one that has ended or lags is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("plotly")

from tests.bench.serve import RATE, Progress, progress_of
from tests.unit.test_serve_catalog import session


@pytest.mark.parametrize(
    ("running", "part", "lack"),
    [
        (True, 1.0, ""),
        (True, 0.95, ""),
        (True, 0.5, f"{RATE * 30:,} records came, of {RATE * 60:,} that {RATE} a second make"),
        (True, 0.0, f"0 records came, of {RATE * 60:,} that {RATE} a second make"),
        (False, 1.0, f"the session has ended after record {1_000 + RATE * 60:,}"),
    ],
)
def test_a_session_that_ends_or_lags_makes_the_measurement_void(
    running: bool, part: float, lack: str
) -> None:
    began = Progress(running=True, seq=1_000, at=10.0)
    later = Progress(running=running, seq=1_000 + int(part * RATE * 60), at=70.0)
    assert began.lack(later) == lack


def test_the_bench_sees_that_the_process_of_its_session_has_ended(tmp_path: Path) -> None:
    session(tmp_path, "s-1", records=5)
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True
    ) as one:
        assert progress_of(one, tmp_path)[:2] == (True, 5)
        one.communicate("\n")
        assert progress_of(one, tmp_path)[:2] == (False, 5)
