"""Firm days from statements: closed deals alone, so nothing is known of what floated between."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from config.rules import load_rules
from risk.odds.days import FirmDay
from scripts.app import session_folder
from scripts.app.odds.records import OddsRecord
from scripts.app.odds.statement_days import statement_record
from tests.commands import butler
from tests.statement_files import Row, html_history, write_html


@pytest.fixture(autouse=True)
def _results_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odds leave a page in the folder of results; these tests' pages are nobody's."""
    monkeypatch.setattr(session_folder, "home", lambda: tmp_path)


RULES = load_rules("ftmo_2step")
MONDAY = dt.datetime(2024, 1, 8)


class History:
    """Deals of an account with 100,000.00, written row by row."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._balance = 0.0
        self._row(MONDAY - dt.timedelta(days=3), "", "balance", "", "0", 100_000.0)

    def _row(
        self, at: dt.datetime, symbol: str, kind: str, entry: str, volume: str, profit: float
    ) -> None:
        self._balance += profit
        number = str(len(self._rows) + 1)
        shown = f"{at:%Y.%m.%d %H:%M:%S}"
        self._rows.append(
            (shown, number, symbol, kind, entry, volume if symbol else "", "1.10000" if symbol
             else "", number if symbol else "", "0.00", "0.00", "0.00", f"{profit:.2f}",
             f"{self._balance:.2f}", "")
        )  # fmt: skip

    def trade(
        self, at: dt.datetime, profit: float, hours: float = 1, symbol: str = "EURUSD"
    ) -> None:
        self._row(at, symbol, "buy", "in", "1", 0.0)
        self._row(at + dt.timedelta(hours=hours), symbol, "sell", "out", "1", profit)

    def paid(self, at: dt.datetime, amount: float) -> None:
        self._row(at, "", "balance", "", "", amount)

    def file(self, folder: Path) -> Path:
        return write_html(folder / "report.html", html_history(self._rows, positions=()))


def days_of(file: Path, **options: float) -> tuple[FirmDay, ...]:
    return record_of(file, **options).run.days


def record_of(file: Path, *, scale: float | None = None) -> OddsRecord:
    return statement_record(file, RULES, "new-york+7", scale=scale, initial=None)


def weekday(number: int, hour: int = 12) -> dt.datetime:
    weeks, day = divmod(number, 5)
    return MONDAY + dt.timedelta(days=7 * weeks + day, hours=hour)


def test_a_day_has_a_segment_for_each_time_at_which_nothing_was_open(tmp_path: Path) -> None:
    history = History()
    history.trade(weekday(0, 10), -500.0)
    history.trade(weekday(0, 14), 800.0)
    history.trade(weekday(2), 100.0)
    days = days_of(history.file(tmp_path))
    assert [day.date for day in days] == ["2024-01-08", "2024-01-09", "2024-01-10"]
    first = days[0]
    assert [(s.lowest, s.balance) for s in first.segments] == [
        (9_950_000, 9_950_000), (9_950_000, 10_030_000),
    ]  # fmt: skip
    assert not days[1].segments
    assert days[2].start == 10_030_000


def test_a_position_over_the_reset_makes_no_flat_midnight(tmp_path: Path) -> None:
    history = History()
    history.trade(weekday(0, 22), 250.0, hours=12)
    first, second = days_of(history.file(tmp_path))
    assert (first.flat, first.ends_flat, second.flat) == (True, False, False)
    assert (second.balance - second.start, second.opened) == (25_000, False)


def test_money_paid_in_is_no_profit(tmp_path: Path) -> None:
    """It moves the level of the days after it."""
    history = History()
    history.trade(weekday(0), 100.0)
    history.paid(weekday(0, 18), 50_000.0)
    history.trade(weekday(1), 100.0)
    days = days_of(history.file(tmp_path))
    assert [day.balance - day.start for day in days] == [10_000, 10_000]
    assert [day.start for day in days] == [10_000_000, 15_010_000]


def test_volumes_are_only_scaled_down(tmp_path: Path) -> None:
    history = History()
    history.trade(weekday(0), -900.0)
    (day,) = days_of(history.file(tmp_path), scale=0.5)
    assert day.balance - day.start == -45_000


def test_odds_of_a_statement_say_what_is_not_known(tmp_path: Path) -> None:
    """Never without the caveat: no floating loss, so breaches are understated."""
    history = History()
    for number in range(90):
        history.trade(weekday(number), 400.0 if number % 3 else -300.0)
    file = history.file(tmp_path)
    said = butler("odds", "--statement", file, "--paths", 300)
    assert said.code == 0, said.err
    assert said.out[1].startswith("  passes       100 %")
    text = "\n".join(said.out)
    assert "floating loss unknown: daily and overall breaches are understated" in text
    assert "the statement's times are taken to be on the clock new-york+7" in text
    assert "closed deals cannot be played again: there is no table over risk" in text
    halved = butler("odds", "--statement", file, "--paths", 300, "--scale", 0.5)
    assert "every volume is scaled down to 50% of what was traded" in "\n".join(halved.out)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--statement-clock", "moon"), "--statement-clock moon: no such clock"),
        (("--preset", "sma_cross"), "--preset: the days come from a --statement"),
        ((), "closed trades, at least 20 are needed"),
    ],
)
def test_a_statement_that_tells_too_little_is_refused(
    options: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    history = History()
    history.trade(weekday(0), 100.0)
    history.trade(weekday(70), 100.0)
    said = butler("odds", "--statement", history.file(tmp_path), *options)
    assert said.code in (2, 3)
    assert complaint in said.line
