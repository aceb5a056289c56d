"""A sweep as a person reads it: out of sample first, then luck, then the best in sample."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.types import plain
from scripts.app.sweep.verdict import Best, SweepVerdict, WalkVerdict
from scripts.view.research.odds_text import FIXED_LINE, between, percent


def sweep_lines(verdict: SweepVerdict, folder: Path) -> Iterator[str]:
    """Everything that `butler sweep` prints."""
    symbols = ", ".join(verdict.symbols)
    yield (
        f"{verdict.preset} on {symbols}, {verdict.first} to {verdict.last}: {verdict.done:,} of "
        f"{verdict.trials:,} trials, {verdict.failed:,} failed"
    )
    if verdict.interrupted:
        yield f"  interrupted: butler sweep --resume {folder} goes on"
    yield from (f"  {note}" for note in verdict.notes)
    yield "out of sample"
    yield from _walk_lines(verdict.walk)
    yield from _halves_lines(verdict)
    yield "how much is luck"
    yield from _luck_lines(verdict)
    yield f"in sample, by {verdict.objective}"
    yield from _best_lines(verdict)
    yield f"  {FIXED_LINE}"
    yield f"  folder       {folder}, its page is report.html"


def _walk_lines(walk: WalkVerdict | None) -> Iterator[str]:
    if walk is None:
        yield "  no walk-forward: --walk-forward 6m/2m shows what a choice is worth afterwards"
        return
    if walk.odds is not None:
        share, interval = percent(walk.odds.passed), between(walk.odds.interval)
        days = f"over {walk.odds.days:,} test days"
        yield f"  passes       {share}  (95 % interval: {interval}), {days}"
    elif walk.no_odds:
        yield f"  {walk.no_odds}"
    yield (
        f"  Sharpe       {walk.outside:+.2f} a year after each choice, {walk.inside:+.2f} on the "
        "days that it was made on"
    )
    if walk.replayed is not None:
        yield (
            f"  replayed     {walk.replayed:+.1%} over {len(walk.windows)} windows, each chosen "
            "set replayed by itself with a warm-up"
        )
    yield (
        f"  rank         the chosen were {walk.mean_rank:.0f} of {walk.trials} on the days after, "
        "on average"
    )
    for one in walk.windows:
        result = "failed" if one.replayed is None else f"{one.replayed:+.1%}"
        yield (
            f"    {one.test} to {one.end or 'the end':<10}  {result:>7}  rank {one.rank:>5.1f}  "
            f"trial {one.trial}: {settings_text(one.settings)}"
        )


def _halves_lines(verdict: SweepVerdict) -> Iterator[str]:
    halves = verdict.halves
    if halves is None:
        yield "  halves       too few trials or days to compare two halves"
        return
    related = "" if halves.correlation is None else f"; ranks correlate {halves.correlation:+.2f}"
    yield (
        f"  halves       the first half's best (trial {halves.trial}) is rank {halves.rank:g} of "
        f"{halves.trials} in the second{related}"
    )


def _luck_lines(verdict: SweepVerdict) -> Iterator[str]:
    if verdict.overfitting is not None:
        found = verdict.overfitting
        yield (
            f"  PBO          {percent(found.pbo)}: so often the best of a half is in the lower "
            "half of the other days"
        )
        yield "               (varies widely from one set of days to another)"
    else:
        yield "  PBO          needs 10 trials and 250 days"
    if verdict.deflated is not None and verdict.sharpe_year is not None:
        yield (
            f"  deflated     best Sharpe {verdict.sharpe_year:+.2f} a year; probability "
            f"{verdict.deflated.probability:.3f} that it is above the best of {verdict.tried:,} "
            "without any skill"
        )
    if verdict.plateau is not None and verdict.plateau.neighbours is not None:
        flat = verdict.plateau
        yield (
            f"  plateau      the best has {flat.chosen:.4g}, its {flat.count} neighbours on the "
            f"grid {flat.neighbours:.4g} in the middle"
        )
    yield f"  tried        {verdict.tried:,} parameter sets of this strategy on these bars so far"


def _best_lines(verdict: SweepVerdict) -> Iterator[str]:
    money = f"net {verdict.currency}".strip()
    yield f"  {'trial':>6}  {money:>12}  {'Sharpe':>7}  {'drawdown':>8}  {'trades':>6}  parameters"
    for one in verdict.best:
        yield _best(one, verdict.currency)


def _best(one: Best, currency: str) -> str:
    passes = "" if one.odds is None else f"passes {percent(one.odds)}, "
    return (
        f"  {one.number:>6}  {plain(one.net / 100, currency):>12}  {one.sharpe_year:>+7.2f}  "
        f"{one.drawdown:>8.1%}  {one.trades:>6,}  {passes}{settings_text(one.settings)}"
    )


def settings_text(settings: dict[str, object]) -> str:
    """A parameter set in one line."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())
