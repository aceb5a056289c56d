"""Rule sets and calendars: what ships loads, what is wrong is told in one line with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.loader import ConfigError, list_rules, load_calendar, load_rules
from config.rules import rule_notes
from engine.rules import BreachAt, Calendar, Closure, DayStartBasis, Mode, News

FILE = Path(__file__).resolve().parents[2] / "config" / "rules" / "ftmo_1step.yaml"


def test_every_shipped_set_loads_under_its_own_name() -> None:
    assert len(list_rules()) == 5
    for name in list_rules():
        assert load_rules(name).name == name


def test_the_2_step_reads_as_it_is_written() -> None:
    rules = load_rules("ftmo_2step")
    assert (rules.daily.percent, rules.maximum.percent) == (500, 1_000)
    assert [phase.target for phase in rules.phases] == [1_000, 500, None, None]
    assert [phase.trading_days for phase in rules.phases] == [4, 4, 0, 0]
    assert rules.restrictions.week is not None
    assert rules.restrictions.week.closes == (4 * 24 + 17) * 60
    assert rules.phases[2].flat_minutes == 30


@pytest.mark.parametrize("name", list_rules())
def test_every_shipped_set_names_its_page_and_date_and_what_it_leaves_out(name: str) -> None:
    """A reader can compare it with the firm's page, and knows what no verdict of it covers."""
    notes = rule_notes(name)
    assert "/" in notes.page
    assert notes.read >= "2026-11"
    assert notes.not_modelled


def test_a_swing_account_has_neither_the_news_nor_the_weekend_rule() -> None:
    for name in ("ftmo_1step", "ftmo_2step"):
        standard, swing = load_rules(name).phases[-2:]
        assert (standard.news_minutes, standard.flat_minutes) == (2, 30)
        assert (swing.name, swing.news_minutes, swing.flat_minutes) == ("account_swing", 0, 0)
        assert swing.target is None


def test_firms_differ_in_the_data_only() -> None:
    stellar, stakes = load_rules("fundednext_stellar_2step"), load_rules("the5ers_high_stakes")
    assert stellar.daily.breach_at is BreachAt.TOUCH
    assert (stellar.reset_zone, stellar.reset_hour) == ("America/New_York", 17)
    assert stakes.daily.day_start is DayStartBasis.LARGER
    assert load_rules("ftmo_1step").maximum.mode is Mode.TRAILING_END_OF_DAY


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("percent: 3\n", "percent: 3.333\n", "daily_loss.percent: must have at most two decimals"),
        ("percent: 3\n", "percent: 0\n", "daily_loss.percent: must be above 0 and at most 100"),
        ("percent: 3\n", "percent: 101\n", "daily_loss.percent: must be above 0 and at most 100"),
        ("anchor: balance", "anchor: best", "must be one of balance, equity, larger, not 'best'"),
        ("zone: Europe/Prague", "zone: Europe/Prag", "there is no time zone 'Europe/Prag'"),
        ("hour: 0", "hour: 24", "reset.hour: must be a whole number from 0 to 23, not 24"),
        ("mode: trailing_end_of_day", "mode: static", "means nothing with mode: static"),
        ("  action: fail", "  acton: fail", "unknown key 'acton'; did you mean 'action'?"),
        ("  action: fail\n", "", "daily_loss.action: is missing"),
        (
            "  - name: account\n    target_percent: null\n",
            "  - name: early\n    target_percent: null\n  - name: late\n    target_percent: 5\n",
            "only the last phases may have none",
        ),
        ('read: "2026-11"', 'read: "2026"', "must be a year and month such as 2026-11"),
        ("not_modelled:\n", "not_modelled: []\nother:\n", "unknown key 'other'"),
        (
            "  - rule: forbidden",
            "  - phases: [never]\n    rule: forbidden",
            "there is no phase 'never'",
        ),
        ("name: account", "name: challenge", "'challenge' is given twice"),
        ("closes: Friday 17:00", "closes: Fri 17:00", "must be a weekday and a time such as"),
        ("opens: Sunday 17:00", "opens: Friday 17:00", "must be another moment than `closes`"),
        ("weekend_minutes: 30", "weekend_minutes: -1", "must be a whole number from 1 to 10080"),
        ("open_orders: 200", "open_orders: 0", "must be a whole number from 1 to"),
    ],
)
def test_a_wrong_value_is_named_with_file_line_and_remedy(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    own = tmp_path / "mine.yaml"
    own.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_rules(str(own))
    told = str(caught.value)
    assert told.startswith(f"{own}, line ")
    assert complaint in told
    assert "\n" not in told


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="did you mean ftmo_2step"):
        load_rules("ftmo_2steps")


class TestCalendar:
    def read(self, folder: Path, *lines: str) -> Calendar:
        file = folder / "calendar.csv"
        text = "\n".join(["time,kind,until,currencies", *lines])
        file.write_text(text + "\n", encoding="utf-8")
        return load_calendar(file)

    def test_news_and_closures_come_in_order_of_time(self, tmp_path: Path) -> None:
        calendar = self.read(
            tmp_path,
            "2026-06-05T14:00:00Z,news,,",
            "2026-06-05T14:30:00+02:00,news,,USD EUR",
            "2026-12-25T00:00:00Z,closure,2026-12-26T00:00:00Z,",
        )
        noon = 1_780_660_800_000
        assert calendar.news == (
            News(time=noon + 1_800_000, currencies=("USD", "EUR")), News(time=noon + 7_200_000),
        )  # fmt: skip
        (closure,) = calendar.closures
        assert closure == Closure(start=1_798_156_800_000, end=1_798_243_200_000)

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("2026-06-05T12:30:00,news,,USD", "line 2, time: must be a time such as"),
            ("soon,news,,USD", "line 2, time: must be a time such as"),
            ("2026-06-05T12:30:00Z,fair,,USD", "line 2, kind: must be news, closure or reward"),
            ("2026-06-05T12:30:00Z,closure,2026-06-05T12:30:00Z,", "line 2, until: must be later"),
            ("2026-06-05T12:30:00Z,closure,,", "line 2, until: must be a time such as"),
        ],
    )
    def test_a_wrong_line_is_named(self, tmp_path: Path, line: str, complaint: str) -> None:
        with pytest.raises(ConfigError) as caught:
            self.read(tmp_path, line)
        assert complaint in str(caught.value)

    def test_another_header_or_no_file_is_refused(self, tmp_path: Path) -> None:
        file = tmp_path / "other.csv"
        file.write_text("when,what\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="first line must be time,kind,until,currencies"):
            load_calendar(file)
        with pytest.raises(ConfigError, match="there is no such file"):
            load_calendar(tmp_path / "none.csv")
        with pytest.raises(ConfigError, match=r"cannot be read \(.*\); check it"):
            load_calendar(tmp_path)
