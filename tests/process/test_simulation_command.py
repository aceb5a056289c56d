"""`python -m tests.simulation` as a developer runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.process.cli import SECONDS, complaint, environment, run_process
from tests.simulation.pool import results_of

COMMAND = (sys.executable, "-m", "tests.simulation")


def test_a_seed_is_the_same_run_in_another_interpreter() -> None:
    """Nothing depends on what differs between two processes, such as the hashes of strings."""
    hashes = set()
    for salt in ("1", "2"):
        said = run_process(
            COMMAND, "--seeds", 7, "--show", "--json", PYTHONHASHSEED=salt, TZ=f"UTC{salt}"
        )
        assert said.code == 0
        shown = json.loads("\n".join(said.out))
        assert shown["broken"] == ""
        assert len(shown["journal"]) == shown["records"]
        hashes.add(shown["journal_hash"])
    assert len(hashes) == 1


@pytest.mark.deep
def test_a_range_of_seeds_ends_with_its_figures() -> None:
    """Over several processes, with more than one chunk of seeds."""
    said = run_process(COMMAND, "--seeds", "1..12", "--jobs", 2, "--json")
    total = json.loads("\n".join(said.out))
    assert said.code == 0
    assert (total["seeds"], total["broken"]) == (12, [])
    assert total["records"] > 12
    assert total["restarts"] >= total["crashes"] > 0
    assert total["faults"]


@pytest.mark.parametrize("seeds", ["x", "5..1", "-1", "1..", "1..99999999999"])
def test_seeds_that_name_no_range_are_refused(seeds: str) -> None:
    said = run_process(COMMAND, f"--seeds={seeds}")
    assert said.code == 2
    assert complaint(said).startswith(f"--seeds {seeds}: write one seed such as 7")


def test_show_takes_one_seed() -> None:
    said = run_process(COMMAND, "--seeds", "7..8", "--show")
    assert said.code == 2
    assert complaint(said) == "--seeds 7..8: --show takes one seed, such as 7"


@pytest.mark.deep
def test_a_stop_lets_begun_seeds_end_and_begins_no_more() -> None:
    begun = iter((False, False))  # then it is to stop
    done = sum(1 for _ in results_of(range(100_000), 2, lambda: next(begun, True)))
    assert 0 < done < 1000


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for the processes in /proc")
@pytest.mark.deep
def test_ctrl_c_ends_in_order_with_the_figures_so_far() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--seeds", "1..100000", "--jobs", "2", "--json"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        try:
            _wait_for_workers(process)
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "stopping in order" in said
    assert json.loads(out)["seeds"] < 100_000


def _wait_for_workers(process: subprocess.Popen[str]) -> None:
    """Returns once the command has started processes of its own."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + SECONDS
    while not children.read_text().split():
        assert time.monotonic() < until, "no process was started"
        assert process.poll() is None
        time.sleep(0.05)
