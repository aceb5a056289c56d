"""The account's standing, folded backward from its balance now.

What is missing at the beginning of a history changes no later figure: the balance at a moment is
the balance now less what was booked since. Only what the beginning alone tells - the initial
balance, days before the visible part - must then be stated by the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from engine.fields import LedgerFigures, OwnFigures, PastBreach, PastVerdict
from engine.rules import WHOLE, Calendar, Mode, Phase
from engine.types import Cents
from risk.ledger import findings as found
from risk.ledger.challenges import FollowedChallenge, HistoryWalk, chosen, walked
from risk.ledger.counts import moved_baseline, own_figures, requests_since
from risk.ledger.days import ChallengeDays, last_reset
from risk.ledger.inputs import FirmRules, LedgerInputs, ProfitableDays
from risk.ledger.past import PastJudge, limits_of
from risk.ledger.reading import LedgerReading, read
from risk.ledger.valuing import BarIndex, OpenLegs
from risk.ledger.verdict import (
    BarsWanted,
    LedgerCode,
    LedgerFinding,
    LedgerReport,
    LedgerSeverity,
    reported,
)
from risk.ledger.words import date_of
from risk.objectives import share, unproven

T = TypeVar("T", bound=msgspec.Struct)


def fold(inputs: LedgerInputs) -> LedgerReport:
    """The standing of an account and what stands against trading on it.

    Raises ValueError for an amount that is no number.
    """
    reading = read(inputs)
    figures = LedgerFigures(opening=reading.balances.opening, complete=reading.complete)
    early = found.unsettled(
        inputs, reading.merged, reading.history, reading.balances, reading.lives, reading.complete
    )
    if early:
        return reported(figures, early)
    walk = _walked(reading)
    run = chosen(
        reading.history,
        reading.balances,
        walk,
        inputs.statement,
        inputs.now,
        complete=reading.complete,
    )
    own = own_figures(inputs, reading.history, reading.balances, reading.lives, walk.kinds)
    baseline = moved_baseline(inputs, reading.history, reading.balances, walk.kinds, walk.resets)
    if inputs.firm is None:
        figures = msgspec.structs.replace(figures, own=own)
        report = reported(figures, found.of_history(inputs, reading.merged))
    else:
        report = _Challenge(reading, walk, run, inputs.firm, own).report(figures)
    return msgspec.structs.replace(report, baseline=baseline)


def _walked(reading: LedgerReading) -> HistoryWalk:
    statement = reading.inputs.statement
    return walked(
        reading.history,
        reading.balances,
        reading.flatness,
        complete=reading.complete,
        stated=None if statement is None else statement.initial,
    )


class _Challenge:
    """The challenge's part of the standing."""

    def __init__(
        self,
        reading: LedgerReading,
        walk: HistoryWalk,
        run: FollowedChallenge,
        firm: FirmRules,
        own: OwnFigures,
    ) -> None:
        self._reading, self._walk, self._run = reading, walk, run
        self._firm, self._own = firm, own
        inputs = reading.inputs
        self._phase = found.phase_of(firm, inputs.statement)
        self._index = None if inputs.bars is None else BarIndex(inputs.bars, inputs.clock)
        self._days = ChallengeDays(
            inputs,
            firm.rules,
            reading.history,
            reading.balances,
            reading.lives,
            reading.flatness,
            run,
            walk.kinds,
            self._index,
        )
        self._judge = PastJudge(
            inputs,
            firm.rules,
            reading.history,
            reading.lives,
            reading.flatness,
            run,
            walk.kinds,
            self._days,
            reading.balances,
        )

    def report(self, figures: LedgerFigures) -> LedgerReport:
        """All figures and all findings."""
        breaches, past = self._past()
        full = self._with_money(self._with_counts(figures))
        full = msgspec.structs.replace(full, breaches=breaches, past=past, own=self._own)
        report = reported(full, self._findings(full))
        return msgspec.structs.replace(report, wanted=self._wanted(past))

    def _wanted(self, past: PastVerdict) -> BarsWanted | None:
        """The bars that would bound what is unknown; None where they would change nothing."""
        run, reading = self._run, self._reading
        if run.initial is None:
            return None
        spans = self._judge.unwatched() if past is PastVerdict.UNKNOWN and not run.older else []
        resets = self._days.unknown_resets(self._profitable_rule)
        moments = [*(at for span in spans for at in span), *resets]
        if not moments:
            return None
        low, high = min(moments), max(moments)
        symbols = reading.lives.symbols(reading.history, reading.inputs.positions, low)
        return BarsWanted(symbols=symbols, low=low, high=high) if symbols else None

    @property
    def _rule_phase(self) -> Phase:
        return self._firm.rules.phases[self._phase]

    @property
    def _profitable_rule(self) -> ProfitableDays | None:
        rules = self._firm.days.profitable
        return rules[self._phase] if self._phase < len(rules) else None

    def _past(self) -> tuple[tuple[PastBreach, ...], PastVerdict]:
        reading, judge = self._reading, self._judge
        breaches = judge.breaches()
        if breaches:
            return breaches, PastVerdict.BREACHED
        book = OpenLegs(reading.history, reading.lives, reading.inputs.positions)
        return (), judge.past(self._index, book)

    def _with_counts(self, figures: LedgerFigures) -> LedgerFigures:
        reading, days = self._reading, self._days
        inputs, run = reading.inputs, self._run
        rules = self._firm.rules
        carried = inputs.statement.carried if inputs.statement else None
        reset = last_reset(rules.reset_zone, rules.reset_hour, inputs.now)
        place = reading.balances.place(reset)
        closed = [day.closed for day in days.counted()]
        before = [day.closed for day in days.counted() if day is not days.now]
        carried_best, carried_good = (carried.best_day, carried.good_days) if carried else (0, 0)
        traded = days.trading_days(self._firm.days.trading_day)
        started = run.start if run.older else days.days[0].at
        return msgspec.structs.replace(
            figures,
            source="deals" if inputs.statement is None else "statement",
            initial=run.initial,
            phase=self._rule_phase.name,
            started=date_of(rules, started),
            date=days.today,
            transfers=sum(reading.history[at].net for at in run.transfers),
            transfers_today=days.now.transfers,
            closed_today=days.now.closed,
            positions_today=sum(opening.place >= place for opening in reading.lives.openings),
            requests_today=requests_since(inputs, reading.history, reset),
            trading_days=traded + (carried.trading_days if carried else 0),
            best_day=max([carried_best, *closed]),
            good_days=carried_good + sum(max(0, profit) for profit in closed),
            best_before=max([carried_best, *before]),
            good_before=carried_good + sum(max(0, profit) for profit in before),
            profitable_days=self._profitable_days(),
        )

    def _profitable_days(self) -> int | None:
        rule, initial = self._profitable_rule, self._run.initial
        if rule is None or initial is None:
            return None
        statement = self._reading.inputs.statement
        carried = statement.carried if statement else None
        counted = self._days.profitable(rule, initial, self._reading.lives)
        return counted + (carried.profitable_days if carried else 0)

    def _with_money(self, figures: LedgerFigures) -> LedgerFigures:
        """Day start, floors and target: what was paid in raises them, what was paid out does not
        lower them."""
        today = self._days.now
        initial = self._run.initial
        limits = limits_of(self._firm.rules, self._days, initial, 1)[-1]
        paid, paid_today = max(0, figures.transfers or 0), max(0, today.transfers)
        floor_today = None if limits.day is None else limits.day + paid_today
        overall = None if limits.overall is None else limits.overall + paid
        return msgspec.structs.replace(
            figures,
            high_water=self._days.highs()[-1],
            day_start=None if today.day_start is None else today.day_start[1],
            day_start_proof=today.proof,
            floor_today=floor_today,
            floor_overall=overall,
            floor=None if floor_today is None or overall is None else max(floor_today, overall),
            target=_target(self._rule_phase, initial, paid),
        )

    def _findings(self, figures: LedgerFigures) -> list[LedgerFinding]:
        reading, run, inputs = self._reading, self._run, self._reading.inputs
        flat = not inputs.positions
        items = found.of_history(inputs, reading.merged)
        items += found.of_statement(self._firm, inputs, reading, self._walk, run)
        items += found.of_transfers(inputs, reading.history, run)
        if (
            self._firm.rules.maximum.mode is Mode.TRAILING_END_OF_DAY
            and run.older
            and _no_high(inputs)
        ):
            items.append(found.trailing_unknown(self._firm.rules, run))
        items += found.of_past(
            inputs, self._firm.rules, figures, self._days.now.at, self._next_reset
        )
        passed = not figures.breaches and flat and self._passed(figures)
        if passed:
            left_out = self._firm.rules.left_out
            items.append(found.passed(inputs, figures, self._unjudged(), left_out))
        items += found.of_day(inputs, figures, self._next_reset)
        items += found.notes(inputs, reading.history, run)
        return items

    def _unjudged(self) -> tuple[str, ...]:
        """What no ledger shows: rules that are not modelled, and what was dealt about news."""
        return unproven(self._rule_phase, Calendar())

    @property
    def _next_reset(self) -> int:
        return self._days.now.ends

    def _passed(self, figures: LedgerFigures) -> bool:
        """Whether the phase is over: target reached, nothing open, every gate passed."""
        phase, rule = self._rule_phase, self._profitable_rule
        balance: Cents = self._reading.inputs.account.balance
        if figures.target is None or balance < figures.target:
            return False
        best, good = figures.best_day or 0, figures.good_days or 0
        return (
            (figures.trading_days or 0) >= phase.trading_days
            and (rule is None or (figures.profitable_days or 0) >= rule.days)
            and (phase.best_day is None or best * WHOLE <= good * phase.best_day)
        )


def _no_high(inputs: LedgerInputs) -> bool:
    statement = inputs.statement
    return statement is None or statement.carried is None or statement.carried.high is None


def _target(phase: Phase, initial: Cents | None, paid: Cents) -> Cents | None:
    if phase.target is None or initial is None:
        return None
    return initial - share(-initial, phase.target) + paid


def settled(reports: Sequence[LedgerReport], clocks: Sequence[str]) -> LedgerReport:
    """One report of several, each by another clock that fits the server.

    Where all agree in every figure the clock does not matter. Otherwise the figures that differ
    are unknown, entries are suspended, and only what every clock finds is a refusal.
    """
    first = reports[0]
    if all(report.figures == first.figures for report in reports):
        return first
    figures, differing = _agreed([report.figures for report in reports])
    own = [report.figures.own for report in reports]
    if "own" in differing and all(item is not None for item in own):
        agreed, parts = _agreed([item for item in own if item is not None])
        figures = msgspec.structs.replace(figures, own=agreed)
        differing = [name for name in differing if name != "own"] + [f"own {n}" for n in parts]
    items = [
        item
        for item in first.findings
        if item.code.severity is LedgerSeverity.NOTE
        or all(item.code in report.codes for report in reports)
    ]
    report = reported(figures, [*items, _clock_unknown(clocks, differing)])
    highest = max((item.baseline for item in reports if item.baseline is not None), default=None)
    return msgspec.structs.replace(report, baseline=highest)


def _clock_unknown(clocks: Sequence[str], differing: Sequence[str]) -> LedgerFinding:
    """Several clocks fit and it matters which one is right."""
    return LedgerFinding(
        LedgerCode.CLOCK_UNKNOWN,
        f"two clocks fit the server ({', '.join(clocks)}) and give other figures "
        f"({', '.join(differing)}): entries when fresh ticks decide",
    )


def _agreed(items: Sequence[T]) -> tuple[T, list[str]]:
    first = items[0]
    differing = [
        name
        for name in first.__struct_fields__
        if any(getattr(item, name) != getattr(first, name) for item in items)
    ]
    return msgspec.structs.replace(first, **dict.fromkeys(differing)), differing
