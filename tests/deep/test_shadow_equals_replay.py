"""A shadow session in lockstep trades what a replay of the same bars trades, killed or not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests import synthetic
from tests.process.shadows import (
    assert_same_trades,
    books_of,
    finished,
    kill_at,
    moments,
    replayed,
    sample_bars,
    shadow_process,
    synthetic_bars,
)

pytestmark = pytest.mark.deep

LOCKSTEP = ("--speed", "max", "--quiet")
SECONDS = 900.0
DRY_OR_SENDING = ("--dry-run", "--no-dry-run")


def server(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize("how", DRY_OR_SENDING)
def test_a_week_of_the_sample(tmp_path: Path, how: str) -> None:
    bars = sample_bars(tmp_path, server("2024-06-03"), server("2024-06-08"))
    code, said = finished(
        tmp_path, *bars, *LOCKSTEP, how, "--session-id", "shadow", seconds=SECONDS
    )
    assert code == 0, said
    assert_same_trades(tmp_path, replayed(tmp_path, bars), "shadow")


@pytest.mark.parametrize("how", DRY_OR_SENDING)
@pytest.mark.parametrize("seed", [1, 2])
def test_two_symbols_killed_again_and_again(tmp_path: Path, seed: int, how: str) -> None:
    """With trailing stops; wherever a kill strikes, nothing is done twice and nothing is missed."""
    bars = synthetic_bars(tmp_path, "EURUSD", "USDJPY", seed=seed, days=2)
    rng = np.random.default_rng(seed)
    first = synthetic.SPRING
    name = ("--session-id", "killed")
    for moment in moments(rng, first, first + 2 * synthetic.DAY - 7200, 4):
        with shadow_process(tmp_path, *bars, *LOCKSTEP, how, *name) as process:
            journal = tmp_path / "sessions" / "killed" / "journal.sqlite"
            kill_at(process, books_of(tmp_path, "killed", how), moment, journal)
        name = ("--resume", "killed")
    code, said = finished(tmp_path, *bars, *LOCKSTEP, how, *name, seconds=SECONDS)
    assert code == 0, said
    assert_same_trades(tmp_path, replayed(tmp_path, bars), "killed", killed=True)
