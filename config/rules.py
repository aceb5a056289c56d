"""Reading a firm's rules: from ``config/rules`` or the user's file, checked strictly."""

from __future__ import annotations

import enum
import re
from pathlib import Path
from typing import Final, TypeVar

import msgspec

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
_KEYS: Final = (
    "name", "title", "source", "reset", "daily_loss", "max_loss", "phases", "conduct",
    "not_modelled",
)  # fmt: skip
_SOURCE_KEYS: Final = ("page", "read")
_UNMODELLED_KEYS: Final = ("rule", "phases")
_DAILY_KEYS: Final = ("percent", "amount_base", "anchor", "measured_on", "breach_at", "action")
_MAX_KEYS: Final = (
    "percent", "mode", "trails", "lock_percent", "keeps_after_reward", "measured_on", "breach_at",
)  # fmt: skip
_PHASE_KEYS: Final = (
    "name", "target_percent", "trading_days", "best_day_percent", "news_minutes",
    "flat_before_weekend_minutes", "profitable_days", "profitable_day_percent", "inactive_days",
)  # fmt: skip
_CONDUCT_KEYS: Final = (
    "open_orders", "positions_a_day", "requests_a_day", "gap_minutes", "closure_minutes", "week",
)  # fmt: skip
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip
_MOMENT: Final = re.compile(rf"({'|'.join(_WEEKDAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_LARGEST_COUNT: Final = 1_000_000
_WEEK_MINUTES: Final = 7 * 24 * 60

E = TypeVar("E", bound=enum.StrEnum)


class Unmodelled(msgspec.Struct, frozen=True):
    """A rule of the firm's that the program cannot judge, and the phases whose pass it decides."""

    rule: str
    phases: tuple[str, ...] = ()


class RuleNotes(msgspec.Struct, frozen=True):
    """Where a rule set was read, when (year and month), and what it leaves out."""

    page: str = ""
    read: str = ""
    not_modelled: tuple[Unmodelled, ...] = ()


def list_rules() -> list[str]:
    """The names of the rule sets that come with the program, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def load_rules(name_or_path: str | Path) -> RuleSet:
    """The rule set of that name, or the one in the user's file (its name ends in .yaml or .yml).

    Raises ConfigError.
    """
    top = _top(name_or_path)
    name = top.text("name")
    if not _NAME.fullmatch(name):
        raise top.error("name", f"must be lower-case letters, digits and _, not {name!r}")
    reset = top.section("reset", ("zone", "hour"))
    _source(top)
    return RuleSet(
        name=name,
        title=top.text("title"),
        reset_zone=_zone(reset),
        reset_hour=reset.whole("hour", least=0, most=23),
        daily=_daily(top.section("daily_loss", _DAILY_KEYS)),
        maximum=_maximum(top.section("max_loss", _MAX_KEYS)),
        phases=_unproven(_phases(top), unmodelled := _unmodelled(top)),
        left_out=tuple(item.rule for item in unmodelled if not item.phases),
        restrictions=TradingRestrictions()
        if top.off("conduct")
        else _restrictions(top.section("conduct", _CONDUCT_KEYS)),
    )


def rule_notes(name_or_path: str | Path) -> RuleNotes:
    """What a rule set says of itself; raises ConfigError."""
    top = _top(name_or_path)
    page, read = _source(top)
    return RuleNotes(page, read, _unmodelled(top))


def _top(name_or_path: str | Path) -> Section:
    document = load_yaml(_file(name_or_path))
    return Section(document, (), document.root, _KEYS)


def _source(top: Section) -> tuple[str, str]:
    """Page and month of reading; empty where the file does not say."""
    if top.off("source"):
        return "", ""
    source = top.section("source", _SOURCE_KEYS)
    read = source.text("read")
    if not _MONTH.fullmatch(read):
        raise source.error("read", f"must be a year and month such as 2026-11, not {read!r}")
    return source.text("page"), read


def _unmodelled(top: Section) -> tuple[Unmodelled, ...]:
    """The rules that are left out, each with the phases that it decides."""
    if top.off("not_modelled"):
        return ()
    value = top.value("not_modelled")
    if not isinstance(value, list) or not value:
        raise top.error("not_modelled", "must be a list; begin each rule with `- rule:`")
    sections = [
        Section(top.document, ("not_modelled", place), item, _UNMODELLED_KEYS)
        for place, item in enumerate(value)
    ]
    known = [phase.name for phase in _phases(top)]
    return tuple(Unmodelled(section.text("rule"), _named(section, known)) for section in sections)


def _named(section: Section, known: list[str]) -> tuple[str, ...]:
    """The phases that a rule names; none where it decides no pass."""
    names = () if section.off("phases") else tuple(section.texts("phases"))
    for name in names:
        if name not in known:
            raise section.error("phases", f"there is no phase {name!r}: {', '.join(known)}")
    return names


def _unproven(phases: tuple[Phase, ...], left_out: tuple[Unmodelled, ...]) -> tuple[Phase, ...]:
    """The phases, each with the rules that keep a pass of it from being proved."""
    return tuple(
        msgspec.structs.replace(
            phase, unproven=tuple(item.rule for item in left_out if phase.name in item.phases)
        )
        for phase in phases
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
        for key in ("trails", "lock_percent", "keeps_after_reward"):
            if section.has(key):
                raise section.error(key, "means nothing with mode: static; remove the line")
    lock = not section.off("lock_percent")
    return MaxLoss(
        percent=_percent(section, "percent"),
        mode=mode,
        trails=_one_of(section, "trails", DayStartBasis) if trailing else DayStartBasis.BALANCE,
        lock=_percent(section, "lock_percent", most=10 * WHOLE) if lock else None,
        keeps_after_reward=section.has("keeps_after_reward")
        and section.switch("keeps_after_reward"),
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
        if phases[place].target is None and any(it.target is not None for it in phases[place:]):
            raise section.error(
                "target_percent",
                "only the last phases may have none: one with a target after it is never reached",
            )
    return phases


def _phase(section: Section) -> Phase:
    name = section.text("name")
    if not _NAME.fullmatch(name):
        raise section.error("name", f"must be lower-case letters, digits and _, not {name!r}")
    days, percent = _profitable(section)
    return Phase(
        name=name,
        target=_percent_or_off(section, "target_percent", most=10 * WHOLE),
        trading_days=_count(section, "trading_days") or 0,
        best_day=_percent_or_off(section, "best_day_percent"),
        news_minutes=_count(section, "news_minutes", most=_WEEK_MINUTES) or 0,
        flat_minutes=_count(section, "flat_before_weekend_minutes", most=_WEEK_MINUTES) or 0,
        inactive_days=_count(section, "inactive_days") or 0,
        profitable_days=days,
        profitable_percent=percent,
    )


def _profitable(section: Section) -> tuple[int, int]:
    """How many days must close a profit, and of how much of the initial balance at least."""
    days = _count(section, "profitable_days")
    percent = _percent_or_off(section, "profitable_day_percent")
    if (days is None) != (percent is None):
        missing = "profitable_days" if days is None else "profitable_day_percent"
        raise section.error(missing, "is missing: both lines say which days count, or neither")
    return days or 0, percent or 0


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
