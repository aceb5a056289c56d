"""What of the odds stands on their page."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.reports.odds_page import OddsPage, Part, Range
from risk.odds.estimate import Odds
from risk.odds.interval import Interval
from scripts.app.odds.result import Basis, OddsReport
from scripts.view.research.odds_text import (
    CUT_WORDS,
    FIXED_LINE,
    between,
    costs_text,
    money,
    odds_told,
    percent,
    told_apart,
)

_QUANTILES = ("one in ten is faster than", "half are faster than", "nine in ten are faster than")


def page_of_odds(report: OddsReport) -> OddsPage:
    """The page of `butler odds`, with all that it prints."""
    basis, found = report.basis, report.odds
    return OddsPage(
        title=f"{basis.rules_title} with {basis.preset} on {', '.join(basis.symbols)}",
        figure=f"passes {percent(found.passed)} ({between(found.interval)})",
        told=tuple(odds_told(found)),
        point=found.passed,
        ranges=(
            _range("95 % interval", found.interval),
            _range("history alone", found.from_history),
            _range("drawn days alone", found.from_bootstrap),
        ),
        parts=tuple(_parts(found)),
        outcome=tuple(_outcome(basis, found)),
        days=tuple(_days(found)),
        cost=tuple(_cost(report)),
        risk_head=_risk_head(report),
        risks=tuple(_risks(report)),
        risk_notes=(*told_apart(report), *report.failed_levels),
        basis=tuple(_basis(basis, found)),
        warnings=report.warnings,
        notes=tuple(_notes(report)),
    )


def _range(name: str, found: Interval) -> Range:
    return Range(name, found.low, found.high, between(found))


def _parts(found: Odds) -> Iterator[Part]:
    shares = found.estimate
    yield Part("passes", found.passed, percent(found.passed))
    for name, share, always in (
        ("daily loss", shares.daily_loss, True),
        ("overall loss", shares.max_loss, True),
        ("out of days", shares.max_days, False),
        ("inactivity", shares.inactivity, False),
        ("undecided", shares.undecided, False),
    ):
        if share or always:
            yield Part(name, share, percent(share))


def _outcome(basis: Basis, found: Odds) -> Iterator[tuple[str, str]]:
    for name, share in zip(basis.phases, found.estimate.phases, strict=True):
        yield f"passes {name}", percent(share)
    starts, decided, passes = found.flat_starts, found.history_decided, found.history_passes
    yield (
        "in history",
        f"of {starts:,} starts {passes:,} passed, {decided - passes:,} failed, "
        f"{starts - decided:,} were still unfinished",
    )
    yield "independent attempts", f"some {found.independent:.1f}"


def _days(found: Odds) -> Iterator[tuple[str, ...]]:
    for name, days in zip(_QUANTILES, found.estimate.days_to_pass or (), strict=False):
        yield name, f"{days:,}", f"{found.calendar_days(days):,}"


def _cost(report: OddsReport) -> Iterator[tuple[str, str]]:
    cost, unit = report.cost, report.basis.currency
    if cost is None:
        return
    again = ", returned with a pass" if cost.refunded else ""
    yield "an attempt", f"{money(cost.fee, unit)}{again}"
    yield "expected", costs_text(cost.point, unit)
    yield "at the low end of the interval", costs_text(cost.lower, unit)


def _risk_head(report: OddsReport) -> tuple[str, ...]:
    fees = ("fees",) if report.cost is not None else ()
    return ("risk", "passes", "95 % interval", "median days", "daily loss", "overall loss", *fees,
            "remarks")  # fmt: skip


def _risks(report: OddsReport) -> Iterator[tuple[str, ...]]:
    ranking = report.ranking
    for number, level in enumerate(report.levels):
        shares, found = level.odds.estimate, level.odds
        days = shares.days_to_pass
        marks = [CUT_WORDS[reason] for reason in level.marks]
        fees = []
        if ranking is not None:
            if report.cost is not None:
                price = ranking.costs[number].point.fees
                fees = ["unbounded" if price is None else money(price, report.basis.currency)]
                marks[:0] = ["cheapest"] if ranking.cheapest == number else []
            marks[:0] = ["best"] if ranking.best == number and found.passed else []
        yield (
            f"{level.risk:g} %", percent(found.passed), between(found.interval),
            "-" if days is None else f"{days[1]:,}", percent(shares.daily_loss),
            percent(shares.max_loss), *fees, ", ".join(marks),
        )  # fmt: skip


def _basis(basis: Basis, found: Odds) -> Iterator[tuple[str, str]]:
    yield "firm days", f"{basis.days:,}, {basis.first} to {basis.last}"
    yield "trades", f"{basis.trades:,}"
    yield "days that begin with nothing open", f"{basis.flat_starts:,}"
    risk = "" if basis.risk_percent is None else f"; {basis.risk_percent:g} % risk per trade"
    follow = "follow the balance" if basis.sizing == "relative" else "are fixed"
    yield "volumes", f"{follow}{risk}"
    yield "initial balance", money(basis.initial / 100, basis.currency)
    blocks = ", ".join(f"{days:.0f}: {percent(share)}" for days, share in found.by_block)
    yield "blocks", f"{found.mean_block:.0f} days; passes with blocks of {blocks}"
    if found.lowest_by_block is not None:
        yield (
            "these differ",
            "your days depend on each other over weeks: take the lowest, "
            f"{percent(found.lowest_by_block)}",
        )
    yield "rules", f"{basis.rules}, sha256 {basis.rules_sha256[:16]}"
    yield "drawn", f"{basis.paths:,} paths, seed {basis.seed}"


def _notes(report: OddsReport) -> Iterator[str]:
    yield from report.notes
    if report.trials > 1:
        yield (
            f"This preset was chosen from {report.trials:,} that were tried: the best of many "
            "looks better than it is."
        )
    yield FIXED_LINE
