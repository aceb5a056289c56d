"""How firms count days, and what a person may paste from what the ledger sees."""

from __future__ import annotations

import msgspec
import pytest

from config.yaml_strict import load_yaml
from engine.account.history import Observation
from engine.fields import LedgerFigures
from engine.rules import DayStartBasis
from risk.ledger.days import last_reset, reset_of
from risk.ledger.inputs import (
    Compare,
    DayRules,
    FirmRules,
    ProfitableDays,
    ProfitBasis,
    TradingDay,
)
from risk.ledger.proposal import proposal
from tests.ledger_cases import exit_of
from tests.ledger_history import FTMO, History, at, funded, stated


def firm(
    axis: TradingDay = TradingDay.OPENED, profitable: ProfitableDays | None = None
) -> FirmRules:
    return FirmRules(rules=FTMO.rules, days=DayRules(trading_day=axis, profitable=(profitable,)))


def two_nights() -> History:
    """Opened on the 15th, closed on the 17th with 600; flat on the 18th."""
    history = funded()
    history.leave("06-17 09:00", history.enter("06-15 08:00", commission=-10.0), 600.0)
    return history


@pytest.mark.parametrize(
    ("axis", "expected"),
    [(TradingDay.OPENED, 1), (TradingDay.CLOSED, 1), (TradingDay.HELD, 3)],
)
def test_what_makes_a_trading_day(axis: TradingDay, expected: int) -> None:
    assert two_nights().report("06-18 10:00", firm(axis)).figures.trading_days == expected


@pytest.mark.parametrize(
    ("basis", "now", "expected"),
    [
        (ProfitBasis.CLOSED, "06-18 10:00", 1),  # the 17th made 600
        (ProfitBasis.OPENED, "06-18 10:00", 1),  # what the 15th opened made 590
        (ProfitBasis.OPENED, "06-16 10:00", 0),
        (ProfitBasis.EQUITY, "06-18 10:00", 0),  # nobody saw the equity at the resets between
    ],
)
def test_what_a_days_profit_is(basis: ProfitBasis, now: str, expected: int) -> None:
    history = funded()
    position = history.enter("06-15 08:00", commission=-10.0)
    if now > "06-17":
        history.leave("06-17 09:00", position, 600.0)
    rule = ProfitableDays(days=1, percent=50, basis=basis)
    assert history.report(now, firm(profitable=rule)).figures.profitable_days == expected


def test_a_day_on_equity_counts_once_it_is_over_and_was_seen() -> None:
    rule = ProfitableDays(days=1, percent=50, basis=ProfitBasis.EQUITY)
    seen = [
        Observation(at=at(f"06-{day} 22:00"), balance=9_999_000, equity=equity)
        for day, equity in (("15", 10_060_000), ("16", 10_050_000))
    ]
    figures = two_nights().report("06-17 10:00", firm(profitable=rule), observed=seen).figures
    assert figures.profitable_days == 1  # the 15th; the 16th lost, the 17th is not over
    later = two_nights().report("06-18 10:00", firm(profitable=rule), observed=seen).figures
    assert later.profitable_days == 1  # nobody saw the equity when the 17th began


@pytest.mark.parametrize(("compare", "expected"), [(Compare.AT_LEAST, 1), (Compare.ABOVE, 0)])
def test_exactly_the_percentage(compare: Compare, expected: int) -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", 500.0)
    rule = ProfitableDays(days=1, percent=50, compare=compare)
    report = history.report("06-16 10:00", firm(profitable=rule))
    assert report.figures.profitable_days == expected


def test_too_few_profitable_days_keep_a_phase_open() -> None:
    history = funded()
    for day in ("15", "16", "17", "18"):
        history.trade(f"06-{day} 08:00", f"06-{day} 09:00", 9_900.0 if day == "15" else 40.0)
    rule = ProfitableDays(days=2, percent=50)
    one = history.report("06-19 10:00", firm(profitable=rule))
    assert one.figures.profitable_days == 1
    assert exit_of(one) == 0


def test_a_trailing_floor_on_equity_follows_the_upper_bound() -> None:
    maximum = msgspec.structs.replace(FTMO.rules.maximum, trails=DayStartBasis.LARGER)
    rules = msgspec.structs.replace(FTMO.rules, maximum=maximum)
    seen = [Observation(at=at("06-15 22:00"), balance=9_999_000, equity=10_060_000)]
    figures = two_nights().report("06-16 10:00", FirmRules(rules=rules), observed=seen).figures
    assert figures.high_water == 10_060_000


@pytest.mark.parametrize(
    ("zone", "hour", "date", "moment"),
    [
        ("Europe/Prague", 0, "2026-06-15", "06-14 22:00"),
        ("America/New_York", 17, "2026-06-15", "06-14 21:00"),
        ("Etc/GMT-3", 0, "2026-06-15", "06-14 21:00"),
        ("Europe/Prague", 0, "2026-03-30", "03-29 22:00"),
    ],
)
def test_a_firms_date_is_its_reset(zone: str, hour: int, date: str, moment: str) -> None:
    assert reset_of(zone, hour, date) == at(moment)
    assert last_reset(zone, hour, at(moment)) == at(moment)
    assert last_reset(zone, hour, at(moment) + 3_600_000) == at(moment)
    assert last_reset(zone, hour, at(moment) - 1) < at(moment) - 1


# --- what a person may paste ---


def test_what_is_proposed_is_valid_yaml_of_what_was_found(tmp_path) -> None:  # type: ignore[no-untyped-def]
    history = two_nights()
    history.pay("06-18 06:00", 10.0)
    text = proposal(history.report("06-18 10:00"), "ftmo_2step")
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")
    assert load_yaml(file).root == {
        "challenge": {
            "rules": "ftmo_2step",
            "initial": 100_000.0,
            "started": "2026-06-15",
            "phase": "challenge",
        }
    }
    assert "# transfers: accept" in text
    unknown = History(opening=100).report("06-18 10:00", stored_opening=100)
    assert "# initial: ..." in proposal(unknown, "ftmo_2step")


def test_the_figures_survive_a_journal() -> None:
    """They are an event's payload: read back as they were."""
    figures = two_nights().report("06-18 10:00", statement=stated()).figures
    again = msgspec.json.decode(msgspec.json.encode(figures), type=LedgerFigures)
    assert again == figures
