"""Whole sessions from seeds: what must hold holds, and the audit is able to notice when not."""

from __future__ import annotations

import secrets

import pytest

from tests.breaks import QUICK, Break, first_seed_that_notices
from tests.simulation.run import run_and_keep, run_seed

_FIXED = range(1, 15)
_FRESH = 14
_ENOUGH = 40
"""Seeds within which each of the quick breaks is noticed."""


@pytest.mark.parametrize("seed", _FIXED)
def test_everything_holds_at_a_fixed_seed(seed: int) -> None:
    assert run_seed(seed).broken == ""


def test_everything_holds_at_fresh_seeds() -> None:
    base = secrets.randbelow(10**12)
    print(f"fresh seeds from {base}")
    broken = {seed: b for seed in range(base, base + _FRESH) if (b := run_seed(seed).broken)}
    assert not broken, f"repeat with: python -m tests.simulation --seeds {min(broken)} --show"


def test_one_seed_is_one_run() -> None:
    """The same journal to the last byte, though the process has run others in between."""
    first, records = run_and_keep(11)
    run_seed(12)
    again, same = run_and_keep(11)
    assert again == first
    assert same == records


@pytest.mark.parametrize("name", QUICK)
def test_the_audit_notices_a_break(name: str) -> None:
    broken: Break = QUICK[name]
    seed, why = first_seed_that_notices(broken, _ENOUGH)
    assert seed, f"no seed up to {_ENOUGH} notices that {name}"
    assert why
