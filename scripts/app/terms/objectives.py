"""A firm's objectives on the command line: which rules, from which phase, how often; and the tale.

`--objectives ftmo_2step` follows the rules from their first phase on, `--objectives
ftmo_2step:account` from the phase of that name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.types import Limits
from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.events import SessionStarted
    from engine.rules import Calendar, RuleSet
    from risk.challenge import Challenge

L = TypeVar("L", bound=Limits)


def resolve(
    objectives: str | None,
    attempts: str | None,
    calendar: Path | None,
    initial_balance: float | None = None,
) -> Challenge | None:
    """The course that the options ask for; None without --objectives.

    Raises AppError with one line.
    """
    if objectives is None:
        options = {
            "--attempts": attempts,
            "--calendar": calendar,
            "--initial-balance": initial_balance,
        }
        for option, given in options.items():
            if given is not None:
                raise WrongUsage(f"{option} needs --objectives to go with")
        return None
    if attempts not in (None, "once", "repeat"):
        raise WrongUsage(f"--attempts {attempts}: must be once or repeat")
    from config.loader import ConfigError, load_calendar, load_rules
    from risk.challenge import Challenge

    name, phase = _split(objectives)
    try:
        rules = load_rules(name)
        known = None if calendar is None else load_calendar(calendar)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return Challenge(
        rules=rules,
        first_phase=_phase(rules, phase),
        repeat=attempts == "repeat",
        calendar=known or _no_calendar(),
        initial_balance=_initial(initial_balance),
    )


def refuse_rewards(challenge: Challenge | None, calendar: Path | None) -> None:
    """Raise WrongUsage for rewards in a session's calendar: the firm pays them, not the session.

    What it has paid shows in the account's history, and from when on limits count anew is stated.
    """
    if challenge is None or not challenge.calendar.rewards:
        return
    first = datetime.fromtimestamp(challenge.calendar.rewards[0] / 1000, UTC)
    raise WrongUsage(
        f"--calendar {calendar}: has a reward ({first:%Y-%m-%d %H:%M} UTC), which only a replay "
        "pays: leave it out; once your firm has paid, state a new challenge.started in the profile"
    )


def _initial(amount: float | None) -> int | None:
    """What the phase began with, in cents; None where the account tells it."""
    from scripts.app.terms.options import cents

    return None if amount is None else cents("--initial-balance", amount)


def as_recorded(challenge: Challenge | None) -> dict[str, Any]:
    """The objectives as a session's first record has them; empty without any."""
    import msgspec

    from engine.decoding import from_json

    if challenge is None:
        return {}
    # Through JSON, so that they compare equal to what a journal gives back.
    recorded = from_json(msgspec.json.encode(challenge), dict)
    del recorded["rules"]["left_out"]  # beside the terms: `about_rules`
    if challenge.initial_balance is None:
        del recorded["initial_balance"]  # as in journals from before there was one
    if not challenge.by_ledger:
        del recorded["by_ledger"]
    if not challenge.endless:
        del recorded["endless"]
    if not recorded["rules"]["maximum"]["keeps_after_reward"]:
        del recorded["rules"]["maximum"]["keeps_after_reward"]
    if not recorded["calendar"]["rewards"]:
        del recorded["calendar"]["rewards"]
    for phase in recorded["rules"]["phases"]:
        for name in _LATER_TERMS:  # as in journals from before there were these
            if not phase[name]:
                del phase[name]
    return recorded


def about_rules(challenge: Challenge | None) -> dict[str, Any]:
    """What the rules leave out, for a session's first record; beside its terms, as it decides
    nothing."""
    left_out = () if challenge is None else challenge.rules.left_out
    return {_LEFT_OUT: list(left_out)} if left_out else {}


_LEFT_OUT = "not_modelled"
_LATER_TERMS = ("profitable_days", "profitable_percent", "unproven", "inactive_days")


def challenge_of(
    started: SessionStarted, beside: Mapping[str, Any] | None = None
) -> Challenge | None:
    """The objectives in a session's first record, None when it follows none.

    `beside` is what stands beside its terms, of which `about_rules` tells what the rules leave out.
    """
    if not started.objectives:
        return None
    import msgspec

    from engine.decoding import converted
    from risk.challenge import Challenge

    challenge = converted(started.objectives, Challenge)
    left_out = converted((beside or {}).get(_LEFT_OUT, ()), tuple[str, ...])
    rules = msgspec.structs.replace(challenge.rules, left_out=left_out)
    return msgspec.structs.replace(challenge, rules=rules)


def _no_calendar() -> Calendar:
    from engine.rules import Calendar

    return Calendar()


def _split(objectives: str) -> tuple[str, str | None]:
    """Name (or file) and phase; the colon of a Windows drive belongs to the file."""
    name, colon, phase = objectives.rpartition(":")
    if not colon or "/" in phase or "\\" in phase or phase.endswith((".yaml", ".yml")):
        return objectives, None
    return name, phase


def named_phase(objectives: str | None) -> str | None:
    """The phase that `--objectives NAME:PHASE` names; None where it names none."""
    return None if objectives is None else _split(objectives)[1]


def _phase(rules: RuleSet, name: str | None) -> int:
    names = [phase.name for phase in rules.phases]
    if name is None:
        return 0
    if name not in names:
        raise WrongUsage(
            f"--objectives: {rules.name} has no phase {name!r}; its phases are {', '.join(names)}"
        )
    return names.index(name)


def with_firms_day(limits: L, challenge: Challenge | None) -> L:
    """The own limits, their day being the firm's: one account has one trading day."""
    import msgspec

    if challenge is None:
        return limits
    rules = challenge.rules
    return msgspec.structs.replace(limits, reset_zone=rules.reset_zone, reset_hour=rules.reset_hour)
