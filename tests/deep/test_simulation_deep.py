"""Many seeds, and every deliberate break."""

from __future__ import annotations

import os
import secrets

import pytest

from tests.breaks import BREAKS, MOST_SEEDS, first_seed_that_notices
from tests.simulation.pool import results_of

pytestmark = pytest.mark.deep

_SEEDS = 2000


def test_everything_holds_at_many_fresh_seeds() -> None:
    base = secrets.randbelow(10**12)
    print(f"fresh seeds from {base}")
    results = results_of(range(base, base + _SEEDS), os.cpu_count() or 1, lambda: False)
    broken = {result.seed: result.broken for result in results if result.broken}
    assert not broken, f"repeat with: python -m tests.simulation --seeds {min(broken)} --show"


@pytest.mark.parametrize("name", BREAKS)
def test_some_seed_notices_each_break(name: str) -> None:
    seed, why = first_seed_that_notices(BREAKS[name])
    print(f"{name}: seed {seed}, {why[:200]}")
    assert seed, f"no seed up to {MOST_SEEDS} notices that {name}"
