"""Odds as a person reads them, the figure that matters first."""

from __future__ import annotations

from collections.abc import Iterator

from risk.odds.costs import Costs
from risk.odds.estimate import Odds
from risk.odds.interval import Interval
from risk.odds.levels import Level
from scripts.app.odds.exact import ExactAttempt, ExactHistory
from scripts.app.odds.result import Basis, CostTable, OddsReport

FIXED_LINE = "This says how these signals did on these days, not how they will do on others."
"""Stands under every figure, whatever it is."""

_NAME = 13
CUT_WORDS = {
    "below_min_volume": "below the smallest volume",
    "margin": "short of margin",
    "volume_max": "cut to the largest volume",
}


def percent(share: float) -> str:
    """A share as whole percents; what is small but not nothing is not shown as nothing."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 < share < 1:
        return "over 99 %"
    return f"{share * 100:.0f} %"


def between(interval: Interval) -> str:
    """A range of shares, such as "27 to 88 %"."""
    low, high = percent(interval.low), percent(interval.high)
    return f"{low.removesuffix(' %')} to {high}" if low[0].isdigit() else f"{low} to {high}"


def odds_lines(report: OddsReport) -> Iterator[str]:
    """Everything that `butler odds` prints."""
    basis, found = report.basis, report.odds
    yield f"{basis.rules_title} with {basis.preset} on {', '.join(basis.symbols)}"
    yield from _row("passes", *_passes(found))
    yield from _row("stands on", *_stands_on(basis, found))
    yield from _row("phases", *_phases(basis, found))
    yield from _row("fails by", _causes(found))
    yield from _row("days to pass", _days(found))
    yield from _row("in history", *_history(found))
    yield from _row("blocks", *_blocks(found))
    if report.cost is not None:
        yield from _row("cost", *_cost(report.cost, basis.currency))
    yield from _table(report)
    for note in report.notes:
        yield f"  {note}"
    for warning in report.warnings:
        yield f"  warning: {warning}"
    if report.trials > 1:
        yield (
            f"  This preset was chosen from {report.trials:,} that were tried: the best of many "
            "looks better than it is."
        )
    yield f"  {FIXED_LINE}"


def exact_lines(found: ExactHistory) -> Iterator[str]:
    """Everything that `butler odds --exact` prints."""
    yield f"{found.rules_title} with {found.preset} on {', '.join(found.symbols)}, exact history"
    starts, decided = len(found.attempts), found.decided
    share = "no attempt was decided" if found.share is None else percent(found.share)
    yield from _row("passes", f"{share}  (95 % interval: {between(found.interval)})")
    yield from _row(
        "in history",
        f"of {starts:,} starts {found.passes:,} passed, {decided - found.passes:,} failed, "
        f"{starts - decided:,} were still unfinished",
        f"they overlap: some {found.independent:.1f} independent attempts in {found.days:,} days",
    )
    causes = [f"{name.replace('_', ' ')} {count:,}" for name, count in found.causes.items()]
    yield from _row("fails by", ", ".join(causes) or "nothing")
    if found.days_to_pass is not None:
        days = " / ".join(map(str, found.days_to_pass))
        yield from _row("days to pass", f"{days} firm days (10 / 50 / 90 % of those that pass)")
    yield from _row("the fold", *_fold(found))
    for note in found.notes:
        yield f"  {note}"
    yield f"  {FIXED_LINE}"


def _fold(found: ExactHistory) -> Iterator[str]:
    if found.differences is None:
        yield found.no_fold
        return
    starts = len(found.attempts)
    yield f"says the same at {starts - len(found.differences):,} of {starts:,} starts"
    for one in found.differences:
        yield f"{one.exact.date}: {_came_to(one.exact)}; the fold: {_came_to(one.folded)}"
        if one.later is not None and one.explained:
            yield (
                f"  explained: both pass on {one.later.passed}, the replay goes on at once; begun "
                f"on {one.later.alone.date} as in the fold, that phase takes "
                f"{one.later.alone.days} days (in the fold {one.later.folded.days})"
            )


def _came_to(one: ExactAttempt) -> str:
    cause = f" by {one.cause.replace('_', ' ')}" if one.cause else ""
    return f"{one.outcome}{cause} in phase {one.phase} after {one.days} days"


def _row(name: str, *lines: str) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {name if not number else '':<{_NAME}}{line}"


def _passes(found: Odds) -> Iterator[str]:
    yield f"{percent(found.passed)}  (95 % interval: {between(found.interval)})"
    yield from odds_told(found)


def odds_told(found: Odds) -> Iterator[str]:
    """What the figure is worth, in a sentence."""
    attempts = max(1, round(found.independent))
    word = "attempt" if attempts == 1 else "attempts"
    if not found.history_decided:
        yield "no attempt that began on one of these days came to an end: nothing is decided yet"
    elif found.history_passes == 0:
        yield f"0 of some {attempts} independent {word} in these days passed"
    else:
        yield f"these days hold only some {attempts} independent {word}: hence the wide interval"


def _stands_on(basis: Basis, found: Odds) -> Iterator[str]:
    yield (
        f"{basis.days:,} firm days ({basis.first} to {basis.last}), {basis.trades:,} trades, "
        f"{basis.flat_starts:,} days that begin with nothing open"
    )
    volumes = "follow the balance" if basis.sizing == "relative" else "are fixed"
    risk = "" if basis.risk_percent is None else f"; {basis.risk_percent:g} % risk per trade"
    yield f"volumes {volumes}{risk}; blocks of {found.mean_block:.0f} days; seed {basis.seed}"
    yield f"rules {basis.rules}, sha256 {basis.rules_sha256[:16]}"


def _phases(basis: Basis, found: Odds) -> Iterator[str]:
    if len(basis.phases) > 1:
        shares = zip(basis.phases, found.estimate.phases, strict=True)
        yield ", ".join(f"{name} {percent(share)}" for name, share in shares)
    else:
        yield f"{basis.phases[0]} alone"


def _causes(found: Odds) -> str:
    shares = found.estimate
    parts = [
        f"daily loss {percent(shares.daily_loss)}", f"overall loss {percent(shares.max_loss)}",
    ]  # fmt: skip
    if shares.max_days:
        parts.append(f"out of days {percent(shares.max_days)}")
    if shares.inactivity:
        parts.append(f"inactivity {percent(shares.inactivity)}")
    if shares.undecided:
        parts.append(f"undecided {percent(shares.undecided)}")
    return ", ".join(parts)


def _days(found: Odds) -> str:
    quantiles = found.estimate.days_to_pass
    if quantiles is None:
        return "none passed"
    firm = " / ".join(str(days) for days in quantiles)
    calendar = " / ".join(str(found.calendar_days(days)) for days in quantiles)
    return f"{firm} firm days, {calendar} calendar days (10 / 50 / 90 % of those that pass)"


def _history(found: Odds) -> Iterator[str]:
    starts, decided = found.flat_starts, found.history_decided
    yield (
        f"of {starts:,} starts {found.history_passes:,} passed, "
        f"{decided - found.history_passes:,} failed, {starts - decided:,} were still unfinished"
    )


def _blocks(found: Odds) -> Iterator[str]:
    shares = ", ".join(f"{days:.0f}: {percent(share)}" for days, share in found.by_block)
    yield f"passes with days drawn in blocks of {shares}"
    if found.lowest_by_block is not None:
        yield (
            "your days depend on each other over weeks: take the lowest, "
            f"{percent(found.lowest_by_block)}"
        )


def _cost(cost: CostTable, currency: str) -> Iterator[str]:
    again = ", returned with a pass" if cost.refunded else ""
    yield f"at {money(cost.fee, currency)} an attempt{again}; fees only, never a payout"
    yield f"expected    {costs_text(cost.point, currency)}"
    yield f"at the low end of the interval    {costs_text(cost.lower, currency)}"


def costs_text(costs: Costs, currency: str) -> str:
    """Attempts, fees and a budget, or that none is enough."""
    if costs.attempts is None or costs.fees is None or costs.budget90 is None:
        return "unbounded"
    return (
        f"{costs.attempts:.1f} attempts, {money(costs.fees, currency)}; "
        f"{money(costs.budget90, currency)} is enough in 90 % of cases"
    )


def money(amount: float, currency: str) -> str:
    """An amount without cents."""
    return f"{amount:,.0f} {currency}".strip()


def _table(report: OddsReport) -> Iterator[str]:
    if not report.levels and not report.failed_levels:
        return
    yield "  each risk per trade was replayed by itself, over the same drawn days:"
    if report.levels:
        priced = report.cost is not None
        head = f"  {'risk':>8}  {'passes':>9}  {'95 % interval':>16}  {'median days':>11}  "
        yield f"{head}{'daily':>9}  {'overall':>9}" + (f"  {'fees':>12}" if priced else "")
        for number, level in enumerate(report.levels):
            yield f"{_level(report, number, level)}"
        yield from (f"  {line}" for line in told_apart(report))
    for failed in report.failed_levels:
        yield f"    {failed}"


def _level(report: OddsReport, number: int, level: Level) -> str:
    shares, ranking = level.odds.estimate, report.ranking
    days = shares.days_to_pass
    row = (
        f"  {level.risk:>6g} %  {percent(level.odds.passed):>9}  "
        f"{between(level.odds.interval):>16}  {'-' if days is None else days[1]:>11}  "
        f"{percent(shares.daily_loss):>9}  {percent(shares.max_loss):>9}"
    )
    marks = [CUT_WORDS[reason] for reason in level.marks]
    if ranking is not None:
        if report.cost is not None:
            fees = ranking.costs[number].point.fees
            row += f"  {'unbounded' if fees is None else money(fees, ''):>12}"
            if ranking.cheapest == number:
                marks.insert(0, "cheapest")
        if ranking.best == number and level.odds.passed:
            marks.insert(0, "best")
    return row + (f"  {', '.join(marks)}" if marks else "")


def told_apart(report: OddsReport) -> Iterator[str]:
    """Which levels of risk cannot be ranked; nothing where they can."""
    ranking = report.ranking
    if ranking is None or not ranking.alike:
        return
    names = [f"{report.levels[i].risk:g} %" for i in sorted((ranking.best, *ranking.alike))]
    yield f"{', '.join(names)} lie within each other's interval: these days cannot rank them"
