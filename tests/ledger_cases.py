"""Ledger cases as data: a case's account, deals and journals in, figures and codes out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from engine.account.history import AccountNow, Observation, PriceBar, deal_of, position_of
from engine.fields import LedgerFigures
from engine.rules import RuleSet
from engine.types import ClockName, Millis
from risk.ledger.booking import VOLUME_SCALE
from risk.ledger.days import reset_of
from risk.ledger.fold import fold, settled
from risk.ledger.inputs import (
    Carried,
    ChallengeStatement,
    ClockRule,
    DayRules,
    FirmRules,
    LedgerInputs,
    OwnDay,
    PastBars,
    ProfitableDays,
    TradingDay,
)
from risk.ledger.verdict import LedgerReport, LedgerSeverity
from signals.market_data.clocks import server_of, utc_of

Case = dict[str, Any]


def shared_folder() -> Path:
    """The folder of files that lie beside the checkout or above it; it may not exist."""
    above = [folder / "shared" for folder in Path(__file__).resolve().parents[2:]]
    return next((folder for folder in above if folder.is_dir()), above[0])


def millis(text: str) -> Millis:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def iso(at: Millis | None) -> str | None:
    if at is None:
        return None
    moment = dt.datetime.fromtimestamp(at // 1000, dt.UTC)
    rest = f".{at % 1000:03}" if at % 1000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{rest}Z"


def exit_of(report: LedgerReport) -> int:
    """The exit code of a command that sends: 4 may pass by itself, 2 needs a person."""
    return {LedgerSeverity.WAIT: 4, LedgerSeverity.ACT: 2}.get(report.severity, 0)


def clock_of(clock: Any) -> list[ClockRule]:
    rules: list[tuple[str, ClockName]] = (
        [("1970-01-01T00:00:00Z", clock)] if isinstance(clock, str) else clock
    )
    return [
        ClockRule(
            since=millis(since), to_utc=partial(utc_of, name), to_server=partial(server_of, name)
        )
        for since, name in rules
    ]


def firm_of(rules: Mapping[str, Any], phase: str | None = None) -> FirmRules:
    """A firm from a case's rule set: the engine's rules and how days count."""
    phases = rules["phases"]
    plain = {
        **rules,
        "title": rules["name"],
        "daily": {**rules["daily"], "day_start": rules["daily"]["anchor"]},
        "phases": [
            {key: value for key, value in one.items() if key != "profitable_days"} for one in phases
        ],
    }
    return FirmRules(
        rules=msgspec.convert(plain, RuleSet),
        days=DayRules(
            trading_day=TradingDay(rules["trading_day"]),
            profitable=tuple(
                msgspec.convert(one["profitable_days"], ProfitableDays | None) for one in phases
            ),
        ),
        phase=phase,
    )


def started_of(rules: RuleSet, text: str) -> Millis:
    """A firm's date is its reset; anything longer is a moment."""
    if len(text) == 10:
        return reset_of(rules.reset_zone, rules.reset_hour, text)
    return millis(text)


def statement_of(rules: RuleSet, stated: Mapping[str, Any] | None) -> ChallengeStatement | None:
    if stated is None:
        return None
    carried = stated.get("carried")
    if carried is not None:
        figures = {key: value for key, value in carried.items() if key != "as_of"}
        carried = Carried(as_of=started_of(rules, carried["as_of"]), **figures)
    started = stated.get("started")
    return ChallengeStatement(
        rules=stated["rules"],
        initial=stated.get("initial"),
        started=None if started is None else started_of(rules, started),
        phase=stated.get("phase"),
        accept_transfers=stated.get("transfers") == "accept",
        carried=carried,
    )


def bars_of(case: Case) -> PastBars | None:
    if not case.get("bars"):
        return None
    symbols = case["symbols"]

    def profit(symbol: str, volume: int, opened: Decimal, price: Decimal) -> Decimal:
        contract: int = symbols[symbol]["contract"]
        return (price - opened) * volume * contract / VOLUME_SCALE

    return PastBars(
        minutes=case.get("bar_minutes") or 1,
        by_symbol={
            symbol: [msgspec.convert(bar, PriceBar) for bar in rows]
            for symbol, rows in case["bars"].items()
        },
        points={symbol: Decimal(1).scaleb(-one["digits"]) for symbol, one in symbols.items()},
        profit=profit,
    )


def inputs_of(case: Case, rule_sets: Mapping[str, Any], magic: int, clock: Any) -> LedgerInputs:
    firm = firm_of(rule_sets[case["rules"]], case.get("objectives_phase"))
    return LedgerInputs(
        now=millis(case["now"]),
        account=AccountNow(**case["account"]),
        deals=[deal_of(row) for row in case["deals"]],
        positions=[position_of(row) for row in case["positions"]],
        magic=magic,
        clock=clock_of(clock),
        own_day=OwnDay(zone=firm.rules.reset_zone, hour=firm.rules.reset_hour),
        firm=firm,
        statement=statement_of(firm.rules, case.get("challenge")),
        stored_opening=case.get("stored_opening"),
        observed=[
            Observation(at=millis(one["at"]), balance=one["balance"], equity=one["equity"])
            for one in case.get("observed") or ()
        ],
        watched=[(millis(low), millis(high)) for low, high in case.get("watched") or ()],
        requests=[millis(at) for at in case.get("requests") or ()],
        approvals=[millis(at) for at in case.get("approvals") or ()],
        bars=bars_of(case),
    )


def report_of(case: Case, rule_sets: Mapping[str, Any], magic: int) -> LedgerReport:
    """The case's report; by every clock that fits, where it names several."""
    candidates = case.get("clock_candidates")
    if not candidates:
        return fold(inputs_of(case, rule_sets, magic, case["clock"]))
    reports = [fold(inputs_of(case, rule_sets, magic, clock)) for clock in candidates]
    return settled(reports, candidates)


def told(report: LedgerReport) -> Case:
    """A report in the form of a case's expectations."""
    figures: LedgerFigures = report.figures
    plain: Case = {
        name: getattr(figures, name)
        for name in figures.__struct_fields__
        if name not in ("own", "breaches")
    }
    share = figures.best_day_share
    plain["best_day_share"] = None if share is None else f"{share:.6f}"
    plain["breaches"] = figures.breaches and [
        {"rule": one.rule, "at": iso(one.at), "figure": one.figure, "limit": one.limit}
        for one in figures.breaches
    ]
    plain["breaches"] = [] if figures.breaches == () else plain["breaches"]
    plain["own"] = figures.own and {
        "anchor": figures.own.day_start,
        "orders_today": figures.own.orders_today,
        "orders_hour": figures.own.orders_hour,
        "last_loss": iso(figures.own.last_loss),
    }
    plain["verdict"] = str(report.outcome)
    plain["exit"] = exit_of(report)
    plain["codes"] = sorted(set(report.codes))
    return plain
