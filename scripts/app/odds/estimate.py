"""The odds of a request: a record of firm days, the estimate over it, and the table over risk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, Future
from contextlib import ExitStack
from pathlib import Path

import msgspec

from risk.challenge import Challenge
from risk.odds.checks import KEEPS_RESERVE, DaySample, refusal, warnings
from risk.odds.days import FirmDay
from risk.odds.draws import NoFlatStart
from risk.odds.estimate import Odds, Settings, odds
from risk.odds.levels import Level, Ranking, level_costs, ranked
from risk.odds.table import BadDays, Sizing, table_of
from risk.odds.terms import NoTarget, OddsTerms, terms_of
from scripts.app.errors import AppError, BadData, WrongUsage
from scripts.app.odds.records import (
    OddsRecord,
    ReplaySource,
    Source,
    at_risk,
    endless,
    journaled,
    replayed,
    replayed_for_draws,
    source_of,
)
from scripts.app.odds.request import RISKS, OddsRequest
from scripts.app.odds.result import Basis, CostTable, OddsReport
from scripts.app.odds.statement_days import statement_record
from scripts.app.terms.inputs import ASSUMED
from scripts.app.terms.objectives import resolve
from scripts.app.terms.options import cents
from scripts.app.terms.replay_terms import Terms
from scripts.app.trials.pool import process_pool, processors
from scripts.app.trials.tried import tried_of
from signals.market_data.clocks import is_clock

RULES = "--rules"


class FoundOdds(msgspec.Struct, frozen=True, kw_only=True):
    """The report, and the days that it stands on."""

    report: OddsReport
    days: tuple[FirmDay, ...]


class _LevelAsked(msgspec.Struct, frozen=True, kw_only=True):
    """One level of the table as it is sent to a worker."""

    source: Source
    challenge: Challenge
    risk: float
    max_days: int | None
    settings: Settings


def odds_of(request: OddsRequest) -> FoundOdds:
    """What `butler odds` prints; raises AppError with one line, BadData where there are no odds."""
    request.check()
    challenge = ruled(request)
    settings = Settings(seed=request.seed, paths=request.paths, block=request.block_days)
    source = _source(request)
    if isinstance(source, (Path, type(None))):
        record, notes = _given(request, source, challenge)
        return _found(request, challenge, settings, record, notes)
    terms, notes = source.terms()
    if terms.limits.firm_reserve_fraction is not None:
        raise BadData(f"no odds: {KEEPS_RESERVE}")
    with ExitStack() as stack:
        waiting: list[Future[Level | str]] = []
        if _has_table(request):
            risks = RISKS if request.risks is None else request.risks
            jobs = request.jobs or min(processors(), len(risks))
            pool = stack.enter_context(process_pool(jobs))
            asked = [
                _LevelAsked(
                    source=source, challenge=challenge, risk=risk, max_days=request.max_days,
                    settings=settings,
                )
                for risk in risks
            ]  # fmt: skip
            waiting = [pool.submit(level_at, one) for one in asked]
        record = replayed_for_draws(endless(terms, challenge))
        risk = 100 * terms.limits.per_trade_risk_fraction
        if record.run.sizing is Sizing.ABSOLUTE and waiting:
            notes, waiting = _without_table(request, notes, waiting)
        found = _found(request, challenge, settings, record, notes, risk)
        found = _with_tried(found, request, terms)
        return _with_levels(request, found, _finished(waiting))


def ruled(request: OddsRequest) -> Challenge:
    """The challenge under the rules that were asked for; raises WrongUsage for none."""
    try:
        challenge = resolve(request.rules, None, request.replay.calendar)
    except WrongUsage as error:
        raise WrongUsage(str(error).replace("--objectives", RULES)) from error
    if challenge is None:
        raise WrongUsage(f"{RULES} is needed: name a firm's rules, such as ftmo_2step")
    return challenge


def _has_table(request: OddsRequest) -> bool:
    return request.table and request.risks != ()


def _source(request: OddsRequest) -> Source | Path | None:
    if request.statement is not None:
        return None
    if request.run is not None:
        return source_of(request.run, request.results, request.replay.bars)
    return ReplaySource(request.replay)


def _given(
    request: OddsRequest, journal: Path | None, challenge: Challenge
) -> tuple[OddsRecord, list[str]]:
    """A record that cannot be made again at another risk."""
    if request.risks is not None:
        raise WrongUsage(
            "--risk needs a replay: fills of a live session or a statement cannot be played again "
            "at another risk; leave out RUN and --statement and name the preset or the signals, "
            "and the bars"
        )
    if journal is not None:
        return journaled(journal, challenge), [
            "live fills cannot be played again: there is no table over risk, and whether the "
            "strategy reads its balance was not tried; a replay (butler odds --preset NAME --bars "
            "FILE) does both",
            "equity is known at the session's own looks at the account: lows between are not seen",
        ]
    clock = request.statement_clock or ASSUMED
    if not is_clock(clock):
        raise WrongUsage(f"--statement-clock {clock}: no such clock; see --clock of butler replay")
    equity = request.replay.starting_equity
    record = statement_record(
        request.statement or Path(),
        challenge.rules,
        clock,
        scale=request.scale,
        initial=None if equity is None else cents("--starting-equity", equity),
    )
    notes = [
        f"the statement's times are taken to be on the clock {clock}",
        "closed deals cannot be played again: there is no table over risk",
    ]
    if request.scale is not None:
        notes.append(f"every volume is scaled down to {request.scale:.0%} of what was traded")
    return record, notes


def _without_table(
    request: OddsRequest, notes: list[str], waiting: Iterable[Future[Level | str]]
) -> tuple[list[str], list[Future[Level | str]]]:
    """Volumes are fixed: another risk per trade would only deny some of them."""
    for one in waiting:
        one.cancel()
    if request.risks is not None:
        raise WrongUsage(
            "--risk: the volumes are fixed, so another risk per trade changes none of them: use "
            "lots: by_risk, or signals without volume"
        )
    return [*notes, "volumes are fixed: no table over risk"], []


def _found(
    request: OddsRequest,
    challenge: Challenge,
    settings: Settings,
    record: OddsRecord,
    notes: list[str],
    risk: float | None = None,
) -> FoundOdds:
    terms = odds_terms(challenge, record.run.initial, request.max_days)
    found = estimated(record, terms, settings)
    days = record.run.days
    notes = list(notes)
    if record.run.mixed:
        notes.append("some volumes are fixed and others follow the balance: all count as fixed")
    news = any(phase.news_minutes for phase in challenge.phases[: len(terms.phases)])
    if terms.unproven:
        notes.append(f"a pass is not proven: not judged are {'; '.join(terms.unproven)}")
    if left_out := challenge.rules.left_out:
        notes.append(f"a pass is one by the figures; not modelled: {'; '.join(left_out)}")
    told = warnings(
        table_of(days),
        found,
        news_without_calendar=news and not challenge.calendar.news,
        closed_deals_only=record.closed_deals_only,
    )
    cost = None
    if request.fee is not None:
        both = level_costs(found, request.fee, refunded=request.refund)
        cost = CostTable(
            fee=request.fee, refunded=request.refund, point=both.point, lower=both.lower
        )
    basis = _basis(request, challenge, terms, record, found, settings, risk)
    report = OddsReport(basis=basis, odds=found, cost=cost, notes=tuple(notes), warnings=told)
    return FoundOdds(report=report, days=days)


def odds_terms(challenge: Challenge, initial: int, max_days: int | None) -> OddsTerms:
    """The rules as they are played over days; raises WrongUsage where there is nothing to pass."""
    try:
        return terms_of(
            challenge.rules, initial, first_phase=challenge.first_phase, max_days=max_days
        )
    except NoTarget as error:
        raise WrongUsage(f"{RULES}: {error}") from error


def estimated(record: OddsRecord, terms: OddsTerms, settings: Settings) -> Odds:
    """The odds over a record; raises BadData with the reason why there are none."""
    run = record.run
    sample = DaySample(
        trades=run.trades,
        ended_by=run.ended_by,
        reads_balance=record.reads_balance,
        keeps_reserve=record.keeps_reserve,
    )
    try:
        table = table_of(run.days)
        why = refusal(table, sample)
        if why is not None:
            raise BadData(f"no odds: {why}")
        return odds(run.days, terms, run.sizing, settings)
    except (BadDays, NoFlatStart) as error:
        raise BadData(f"no odds: {error}") from error


def level_at(asked: _LevelAsked) -> Level | str:
    """In a worker: the odds at one level of risk, or why there are none."""
    try:
        terms, _ = asked.source.terms()
        record = replayed(at_risk(endless(terms, asked.challenge), asked.risk))
        run = record.run
        rules = odds_terms(asked.challenge, run.initial, asked.max_days)
        cut = {**run.denied, "volume_max": run.cut}
        return Level(risk=asked.risk, odds=estimated(record, rules, asked.settings), cut=cut)
    except AppError as error:
        return f"{asked.risk:g} %: {error}"


def _with_tried(found: FoundOdds, request: OddsRequest, terms: Terms) -> FoundOdds:
    """With the number of parameter sets that sweeps tried on these bars: one of them is this."""
    strategy, file = terms.strategy or terms.preset, terms.strategy_file
    code = file.read_bytes() if file is not None and file.is_file() else None
    hashes = {item.spec.name: item.ref.sha256 for item in terms.inputs}
    tried = len(tried_of(request.results, strategy, code, hashes).keys())
    report = msgspec.structs.replace(found.report, trials=tried)
    return msgspec.structs.replace(found, report=report)


def _finished(waiting: list[Future[Level | str]]) -> list[Level | str]:
    try:
        return [one.result() for one in waiting]
    except BrokenExecutor as error:
        raise WrongUsage(
            f"a process for the table over risk was ended from outside ({error}): is memory "
            "short? --jobs 1 needs the least, --no-table none"
        ) from error


def _with_levels(request: OddsRequest, found: FoundOdds, made: list[Level | str]) -> FoundOdds:
    levels = tuple(one for one in made if isinstance(one, Level))
    failed = tuple(one for one in made if isinstance(one, str))
    ranking: Ranking | None = None
    if levels:
        ranking = ranked(levels, request.fee or 0.0, refunded=request.refund)
    report = msgspec.structs.replace(
        found.report, levels=levels, ranking=ranking, failed_levels=failed
    )
    return msgspec.structs.replace(found, report=report)


def _basis(
    request: OddsRequest,
    challenge: Challenge,
    terms: OddsTerms,
    record: OddsRecord,
    found: Odds,
    settings: Settings,
    risk: float | None,
) -> Basis:
    run, rules = record.run, challenge.rules
    return Basis(
        preset=record.preset,
        symbols=record.symbols,
        mode=record.mode,
        rules=rules.name,
        rules_title=rules.title,
        rules_sha256=hashlib.sha256(msgspec.json.encode(rules)).hexdigest(),
        phases=tuple(phase.name for phase in terms.phases),
        first=run.days[0].date,
        last=run.days[-1].date,
        days=found.days,
        trades=run.trades,
        flat_starts=found.flat_starts,
        initial=run.initial,
        currency=run.currency,
        sizing=str(run.sizing),
        risk_percent=risk if run.by_risk else None,
        seed=request.seed,
        paths=settings.paths,
    )
