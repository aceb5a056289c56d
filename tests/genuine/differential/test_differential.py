"""The paper terminal against the genuine package: the same calls, the same results.

What the package decides (arguments, types, shapes, errors) is the truth for the paper terminal.
What the played terminal behind the package answers is no oracle for a broker; it is only reported.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.genuine.differential.comparing import (
    Difference,
    differences,
    genuine_outcomes,
    paper_outcomes,
    report,
)
from tests.genuine.rig.played import PlayedTerminal
from tests.genuine.rig.prefix import Prefix

CALLS_A_ROUND = 100

KNOWN: dict[tuple[str, str], str] = {}
"""Differences that stay, by function and the genuine package's outcome, each with its reason."""


def compared(
    prefix: Prefix, terminal: PlayedTerminal, folder: Path, seed: int, rounds: int
) -> list[Difference]:
    began = time.monotonic()
    genuine = genuine_outcomes(prefix, terminal, seed, rounds, CALLS_A_ROUND)
    paper = paper_outcomes(folder, seed, rounds, CALLS_A_ROUND)
    found = list(differences(genuine, paper))
    (folder / "differences.txt").write_text(report(found), encoding="utf-8")
    print(f"{len(genuine)} calls in {time.monotonic() - began:.0f} s, {len(found)} differ")
    return found


def mending(found: list[Difference]) -> list[Difference]:
    """What the paper terminal has to learn."""
    return [
        item
        for item in found
        if item.decided == "package" and (item.function, item.genuine) not in KNOWN
    ]


def test_the_paper_terminal_answers_as_the_package(
    prefix: Prefix, terminal: PlayedTerminal, tmp_path: Path
) -> None:
    """A thousand calls of one seed: the same types, fields, exceptions and errors."""
    found = mending(compared(prefix, terminal, tmp_path, seed=1, rounds=10))
    assert not found, report(found)


@pytest.mark.deep
def test_the_paper_terminal_answers_as_the_package_20000_times(
    prefix: Prefix, terminal: PlayedTerminal, tmp_path: Path
) -> None:
    """Two hundred rounds of another seed."""
    found = mending(compared(prefix, terminal, tmp_path, seed=2, rounds=200))
    assert not found, report(found)
