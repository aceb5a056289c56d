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

BOOKS = "other positions, orders, deals and tickets: each terminal numbers and dates its own"
CHARTS = (
    "other bars: the paper terminal plays M15 bars of its own time, has no finer ones, refuses "
    "counts below one and flags that MT5 does not document"
)
MONEY = "the played terminal reckons with anything; the paper terminal refuses what is no deal"
REQUESTS = (
    "which of several faults is named first, and limits that only a broker sets: numbers that are "
    "not finite, positions that are not there, stops at the price"
)

KNOWN: dict[str, str] = {
    "copy_rates_from": CHARTS,
    "copy_rates_from_pos": CHARTS,
    "copy_rates_range": CHARTS,
    "copy_ticks_from": CHARTS,
    "copy_ticks_range": CHARTS,
    "history_deals_get": BOOKS,
    "history_orders_get": BOOKS,
    "positions_get": BOOKS,
    "orders_get": BOOKS,
    "order_calc_margin": MONEY,
    "order_calc_profit": MONEY,
    "order_check": REQUESTS,
    "order_send": REQUESTS,
    "symbol_select": "the paper terminal does not hide a symbol in use, as MT5 does not",
    "symbols_get": "what a mask means is the terminal's: the played one knows ? and no exceptions",
}
"""Why the two differ where the terminal decides and not the package, by function. Neither is an
oracle for a broker there. Where the package decides they may not differ at all."""


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
    """What the paper terminal has to learn, or what has no reason yet."""
    return [item for item in found if item.decided == "package" or item.function not in KNOWN]


@pytest.mark.core
def test_the_paper_terminal_answers_as_the_package(
    prefix: Prefix, terminal: PlayedTerminal, tmp_path: Path
) -> None:
    """Some calls of one seed: the same types, fields, exceptions and errors."""
    found = mending(compared(prefix, terminal, tmp_path, seed=1, rounds=3))
    assert not found, report(found)


def test_the_paper_terminal_answers_as_the_package_20000_times(
    prefix: Prefix, terminal: PlayedTerminal, tmp_path: Path
) -> None:
    """Two hundred rounds of another seed."""
    found = mending(compared(prefix, terminal, tmp_path, seed=2, rounds=200))
    assert not found, report(found)
