"""What the checks of a strategy found."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.app.authoring.check import StrategyCheck


def check_lines(found: StrategyCheck) -> Iterator[str]:
    """One line a check, the fault in full where there is one."""
    yield (
        f"{found.preset} on {found.symbol}: {found.decisions:,} decisions over {found.bars:,} bars"
    )
    for one in found.findings:
        mark = "FAULT" if one.fault else "ok"
        yield f"  {mark:<6} {one.check:<11} {one.fault or one.told}"
    warm = f"{found.warm_up:,} bars" if found.warm_up is not None else "more bars than were tried"
    yield f"  {'':<6} {'warm-up':<11} {warm} before a start give the decisions of a longer run"
    yield f"  {'':<6} {'speed':<11} {found.microseconds:g} microseconds a bar"
    if not found.decisions:
        yield "  it decided nothing over these bars, so the checks say little: give other bars"
