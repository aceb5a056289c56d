"""Reading a firm's rules: from ``config/rules`` or the user's file, checked strictly."""

from __future__ import annotations

import enum
import re
from pathlib import Path
from typing import Final, TypeVar

from config.limits import zone_complaint
from config.section import Section, unknown_name
from config.yaml_strict import load_yaml
from engine.rules import (
    WHOLE,
    AmountBase,
    BreachAt,
    DailyLoss,
    DayStartBasis,
    MaxLoss,
    Measured,
    Mode,
    Phase,
    RuleAction,
    RuleSet,
    TradingRestrictions,
    WeeklyClosure,
)

_FOLDER: Final = Path(__file__).parent / "rules"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_KEYS: Final = ("name", "title", "reset", "daily_loss", "max_loss", "phases", "conduct")
_DAILY_KEYS: Final = ("percent", "amount_base", "anchor", "measured_on", "breach_at", "action")
_MAX_KEYS: Final = ("percent", "mode", "trails", "lock_percent", "measured_on", "breach_at")
_PHASE_KEYS: Final = (
    "name", "target_percent", "trading_days", "best_day_percent", "news_minutes",
    "flat_before_weekend_minutes", "profitable_days", "profitable_day_percent",
)  # fmt: skip
_CONDUCT_KEYS: Final = (
    "open_orders", "positions_a_day", "requests_a_day", "gap_minutes", "closure_minutes", "week",
)  # fmt: skip
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_MOMENT: Final = re.compile(rf"({'|'.join(_WEEKDAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_LARGEST_COUNT: Final = 1_000_000
_WEEK_MINUTES: Final = 7 * 24 * 60

E = TypeVar("E", bound=enum.StrEnum)


def list_rules() -> list[str]:
    """The names of the rule sets that come with the program, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def load_rules(name_or_path: str | Path) -> RuleSet:
    """The rule set of that name, or the one in the user's file (its name ends in .yaml or .yml).

    Raises ConfigError.
    """
    document = load_yaml(_file(name_or_path))
    top = Section(document, (), document.root, _KEYS)
    name = top.text("name")
    if not _NAME.fullmatch(name):
        raise top.error("name", f"must be lower-case letters, digits and _, not {name!r}")
    reset = top.section("reset", ("zone", "hour"))
    return RuleSet(
        name=name,
        title=top.text("title"),
        reset_zone=_zone(reset),
        reset_hour=reset.whole("hour", least=0, most=23),
        daily=_daily(top.section("daily_loss", _DAILY_KEYS)),
        maximum=_maximum(top.section("max_loss", _MAX_KEYS)),
        phases=_phases(top),
        restrictions=TradingRestrictions()
        if top.off("conduct")
        else _restrictions(top.section("conduct", _CONDUCT_KEYS)),
    )


def _file(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, Path):
        return name_or_path
    if name_or_path.endswith((".yaml", ".yml")):
        return Path(name_or_path)
    names = list_rules()
    if name_or_path in names:
        return _FOLDER / f"{name_or_path}.yaml"
    raise unknown_name(f"there are no rules {name_or_path!r}", name_or_path, names, "--objectives")


def _daily(section: Section) -> DailyLoss:
    return DailyLoss(
        percent=_percent(section, "percent"),
        day_start=_one_of(section, "anchor", DayStartBasis),
        amount_base=_one_of(section, "amount_base", AmountBase),
        measured_on=_one_of(section, "measured_on", Measured),
        breach_at=_one_of(section, "breach_at", BreachAt),
        action=_one_of(section, "action", RuleAction),
    )


def _maximum(section: Section) -> MaxLoss:
    mode = _one_of(section, "mode", Mode)
    trailing = mode is Mode.TRAILING_END_OF_DAY
    if not trailing:
        for key in ("trails", "lock_percent"):
            if section.has(key):
                raise section.error(key, "means nothing with mode: static; remove the line")
    lock = not section.off("lock_percent")
    return MaxLoss(
        percent=_percent(section, "percent"),
        mode=mode,
        trails=_one_of(section, "trails", DayStartBasis) if trailing else DayStartBasis.BALANCE,
        lock=_percent(section, "lock_percent", most=10 * WHOLE) if lock else None,
        measured_on=_one_of(section, "measured_on", Measured),
        breach_at=_one_of(section, "breach_at", BreachAt),
    )


def _phases(top: Section) -> tuple[Phase, ...]:
    value = top.value("phases")
    if not isinstance(value, list) or not value:
        raise top.error("phases", "must be a list of at least one phase; begin it with `- name:`")
    sections = [
        Section(top.document, ("phases", place), item, _PHASE_KEYS)
        for place, item in enumerate(value)
    ]
    phases = tuple(_phase(section) for section in sections)
    for place, section in enumerate(sections):
        if phases[place].name in {phase.name for phase in phases[:place]}:
            raise section.error("name", f"{phases[place].name!r} is given twice; rename one")
        if phases[place].target is None and place + 1 < len(phases):
            raise section.error(
                "target_percent", "only the last phase may have none: what follows is never reached"
            )
    return phases


def _phase(section: Section) -> Phase:
    name = section.text("name")
    if not _NAME.fullmatch(name):
        raise section.error("name", f"must be lower-case letters, digits and _, not {name!r}")
    return Phase(
        name=name,
        target=_percent_or_off(section, "target_percent", most=10 * WHOLE),
        trading_days=_count(section, "trading_days") or 0,
        best_day=_percent_or_off(section, "best_day_percent"),
        news_minutes=_count(section, "news_minutes", most=_WEEK_MINUTES) or 0,
        flat_minutes=_count(section, "flat_before_weekend_minutes", most=_WEEK_MINUTES) or 0,
        **_profitable(section),
    )


def _profitable(section: Section) -> dict[str, int]:
    """How many days must close a profit, and of how much of the initial balance at least."""
    days = _count(section, "profitable_days")
    percent = _percent_or_off(section, "profitable_day_percent")
    if (days is None) != (percent is None):
        missing = "profitable_days" if days is None else "profitable_day_percent"
        raise section.error(missing, "is missing: both lines say which days count, or neither")
    return {"profitable_days": days or 0, "profitable_percent": percent or 0}


def _restrictions(section: Section) -> TradingRestrictions:
    week = None
    if not section.off("week"):
        week = _week(section.section("week", ("zone", "closes", "opens")))
    return TradingRestrictions(
        open_orders=_count(section, "open_orders"),
        positions_a_day=_count(section, "positions_a_day"),
        requests_a_day=_count(section, "requests_a_day"),
        gap_minutes=_count(section, "gap_minutes", most=_WEEK_MINUTES) or 0,
        closure_minutes=_count(section, "closure_minutes", most=_WEEK_MINUTES) or 0,
        week=week,
    )


def _week(section: Section) -> WeeklyClosure:
    closes, opens = (_minutes(section, key) for key in ("closes", "opens"))
    if closes == opens:
        raise section.error("opens", "must be another moment than `closes`")
    return WeeklyClosure(zone=_zone(section), closes=closes, opens=opens)


def _minutes(section: Section, key: str) -> int:
    text = section.text(key)
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise section.error(key, f"must be a weekday and a time such as Friday 17:00, not {text!r}")
    day, hour, minute = match.groups()
    return (_WEEKDAYS.index(day) * 24 + int(hour)) * 60 + int(minute)


def _zone(section: Section) -> str:
    zone = section.text("zone")
    if complaint := zone_complaint(zone):
        raise section.error("zone", complaint)
    return zone


def _percent(section: Section, key: str, *, most: int = WHOLE) -> int:
    """A percentage above 0 with at most two decimals, in 1/100 percent."""
    value = section.number(key)
    hundredths = round(value * 100)
    if abs(value * 100 - hundredths) > 1e-6:
        raise section.error(key, f"must have at most two decimals, not {value!r}")
    if not 0 < hundredths <= most:
        raise section.error(
            key, f"must be above 0 and at most {most // 100} percent, not {value:g}"
        )
    return hundredths


def _percent_or_off(section: Section, key: str, *, most: int = WHOLE) -> int | None:
    return None if section.off(key) else _percent(section, key, most=most)


def _count(section: Section, key: str, *, most: int = _LARGEST_COUNT) -> int | None:
    return None if section.off(key) else section.whole(key, least=1, most=most)


def _one_of(section: Section, key: str, kind: type[E]) -> E:
    return kind(section.choice(key, [str(item) for item in kind]))
