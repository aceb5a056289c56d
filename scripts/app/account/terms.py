"""What an account's ledger is computed by: rules, phase, what the profile states, our own day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from config.loader import ConfigError, load_rules
from engine.rules import RuleSet
from engine.types import Cents, Limits, Millis
from risk.challenge import Challenge
from risk.ledger.days import reset_of
from risk.ledger.inputs import Carried, ChallengeStatement, FirmRules, OwnDay, day_rules
from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from config.challenge import Began, CarriedSettings, ChallengeSettings
    from config.loader import ResolvedAccount


@dataclass(frozen=True, kw_only=True)
class LedgerTerms:
    """What a fold needs beside history and store; without a firm only our own day counts."""

    own_day: OwnDay
    firm: FirmRules | None = None
    statement: ChallengeStatement | None = None


def ledger_terms(
    account: ResolvedAccount,
    limits: Limits,
    challenge: Challenge | None,
    phase: str | None,
    initial: Cents | None = None,
) -> LedgerTerms:
    """The terms of a session that follows `challenge`.

    `phase` is the one that the command line names, `initial` what it says the phase began with.
    Raises WrongUsage for a profile's challenge that is another account's, or cannot be read.
    """
    own = OwnDay(zone=limits.reset_zone, hour=limits.reset_hour)
    settings = account.challenge
    _refuse_other_login(account)
    if challenge is None:
        return LedgerTerms(own_day=own)
    firm = FirmRules(rules=challenge.rules, days=day_rules(challenge.rules), phase=phase)
    statement = None if settings is None else statement_of(settings)
    if initial is not None:
        named = statement or ChallengeStatement(rules=challenge.rules.name)
        statement = msgspec.structs.replace(named, initial=initial)
    return LedgerTerms(own_day=own, firm=firm, statement=statement)


def _refuse_other_login(account: ResolvedAccount) -> None:
    settings = account.challenge
    if settings is not None and settings.login not in (None, account.login):
        raise WrongUsage(
            f"profile {account.profile}: its challenge is that of login {settings.login}, the "
            f"account is {account.login}: leave out --login, or give the profile its own challenge"
        )


def statement_of(settings: ChallengeSettings) -> ChallengeStatement:
    """What a profile states, its dates as moments. Raises AppError."""
    try:
        rules = load_rules(settings.rules)
    except ConfigError as error:
        raise WrongUsage(f"challenge.rules: {error}") from error
    return ChallengeStatement(
        rules=rules.name,
        initial=settings.initial,
        started=None if settings.started is None else _moment(rules, settings.started),
        phase=settings.phase,
        accept_transfers=settings.accept_transfers,
        carried=None if settings.carried is None else _carried(rules, settings.carried),
    )


def _carried(rules: RuleSet, settings: CarriedSettings) -> Carried:
    figures = msgspec.structs.asdict(settings)
    return Carried(**figures | {"as_of": _moment(rules, settings.as_of)})


def _moment(rules: RuleSet, began: Began) -> Millis:
    """A firm's date is the moment of its reset."""
    if began.at is not None:
        return began.at
    return reset_of(rules.reset_zone, rules.reset_hour, began.date or "")
