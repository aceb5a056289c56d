"""What can be found against trading on an account, with the sentence for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.fields import LedgerFigures, PastVerdict, Proof
from engine.rules import RuleAction, RuleSet
from engine.types import Millis
from risk.ledger.booking import Balances, BookedDeal, DealClass, MergedHistory
from risk.ledger.challenges import ROUND_SIZE, FollowedChallenge, HistoryWalk
from risk.ledger.days import last_reset
from risk.ledger.inputs import ChallengeStatement, FirmRules, LedgerInputs
from risk.ledger.lives import PositionLives
from risk.ledger.verdict import LedgerCode, LedgerFinding
from risk.ledger.words import date_of, instant
from risk.objectives import DAILY_LOSS

if TYPE_CHECKING:
    from risk.ledger.reading import LedgerReading


# --- the history itself ---


def of_history(inputs: LedgerInputs, union: MergedHistory) -> list[LedgerFinding]:
    """What is wrong whoever trades by whichever rules."""
    account = inputs.account
    items = []
    if account.currency_digits > 2:
        items.append(
            LedgerFinding(
                LedgerCode.CURRENCY,
                f"account currency {account.currency} has {account.currency_digits} digits: at "
                "most two are supported",
            )
        )
    if union.changed is not None:
        items.append(
            LedgerFinding(
                LedgerCode.HISTORY_CHANGED,
                f"deal {union.changed} reads otherwise than before ({union.difference}): look at "
                "the account's history, then `butler account NAME --accept-history`",
            )
        )
    if union.gone:
        items.append(
            LedgerFinding(
                LedgerCode.SHRUNK,
                f"{len(union.gone)} deals are no longer in the terminal's history (the first is "
                f"{union.gone[0]}); the copies kept here are used",
            )
        )
    return items


def unsettled(
    inputs: LedgerInputs,
    union: MergedHistory,
    history: Sequence[BookedDeal],
    balances: Balances,
    lives: PositionLives,
    complete: bool,
) -> list[LedgerFinding]:
    """Why the history cannot be used yet; empty where it can.

    A deal that changed is of this kind too: nothing may be computed from it.
    """
    hard = [item for item in of_history(inputs, union) if item.code is not LedgerCode.SHRUNK]
    reason = "" if hard else _late(inputs, history, balances, lives, complete)
    if reason:
        hard.append(
            LedgerFinding(
                LedgerCode.HISTORY_UNSETTLED,
                f"the terminal's history does not add up to the account: {reason}; it may still "
                "be loading",
            )
        )
    return hard


def _late(
    inputs: LedgerInputs,
    history: Sequence[BookedDeal],
    balances: Balances,
    lives: PositionLives,
    complete: bool,
) -> str:
    opening, money = balances.opening, inputs.money
    for life in lives.by_position.values():
        if not life.settled:
            return f"the deals of position {life.position} do not add up to what is open of it"
    first = history[0].at if history else None
    for position, opened in lives.without_deals:
        if first is None or opened > first:
            return f"position {position} has no deal"
    stored = inputs.stored_opening
    if stored is not None:
        missing = opening - stored
        return f"{money(missing)} missing" if missing else ""
    if not history:
        return f"{money(opening)} missing" if opening else ""
    rules = None if inputs.firm is None else inputs.firm.rules
    zone, hour = (
        (inputs.own_day.zone, inputs.own_day.hour)
        if rules is None
        else (rules.reset_zone, rules.reset_hour)
    )
    if not complete and history[0].at >= last_reset(zone, hour, inputs.now):
        return f"{money(opening)} missing before today's first deal"
    return ""


# --- what the profile states ---


def phase_of(firm: FirmRules, statement: ChallengeStatement | None) -> int:
    """The place of the phase that is followed: the stated one, else the first."""
    stated = None if statement is None else statement.phase
    names = [phase.name for phase in firm.rules.phases]
    wanted = stated if stated is not None else firm.phase
    return names.index(wanted) if wanted in names else 0


def of_statement(
    firm: FirmRules,
    inputs: LedgerInputs,
    reading: LedgerReading,
    walk: HistoryWalk,
    run: FollowedChallenge,
) -> list[LedgerFinding]:
    """Where the challenge's figures come from, and what contradicts the statement."""
    statement = inputs.statement
    items = _of_phase(firm, statement)
    if not reading.complete:
        items.append(_truncated(firm.rules, run))
    if statement is None:
        return [*items, _derived(firm, reading, walk, run)]
    if statement.rules != firm.rules.name:
        items.append(
            LedgerFinding(
                LedgerCode.STATEMENT_RULES,
                f"profile: the challenge is {statement.rules}, --objectives says "
                f"{firm.rules.name}; follow the same rules in both",
            )
        )
    if run.initial is None:
        items.append(_begins_in_the_middle(LedgerCode.NO_INITIAL, firm.rules, run))
    elif run.older:
        if statement.carried is None:
            items.append(
                LedgerFinding(
                    LedgerCode.STATEMENT_UNCHECKED,
                    "the stated initial balance lies before the visible history and is taken as "
                    "it is",
                )
            )
    else:
        items += _contradictions(firm.rules, reading, run)
    return items + _resets_since(reading, walk, run)


def _of_phase(firm: FirmRules, statement: ChallengeStatement | None) -> list[LedgerFinding]:
    stated = None if statement is None else statement.phase
    names = [phase.name for phase in firm.rules.phases]
    for named in (stated, firm.phase):
        if named is not None and named not in names:
            return [
                LedgerFinding(
                    LedgerCode.STATEMENT_PHASE,
                    f"{firm.rules.name} has no phase {named}; its phases are {', '.join(names)}",
                )
            ]
    if stated is not None and firm.phase is not None and stated != firm.phase:
        return [
            LedgerFinding(
                LedgerCode.STATEMENT_PHASE,
                f"profile: the challenge is in {stated}, --objectives says {firm.phase}; state "
                "the one that runs",
            )
        ]
    if stated is None and firm.phase is None:
        return [
            LedgerFinding(
                LedgerCode.PHASE_ASSUMED,
                f"taken as {names[0]}, the first phase: state challenge.phase if it is another",
            )
        ]
    return []


def _truncated(rules: RuleSet, run: FollowedChallenge) -> LedgerFinding:
    begins = date_of(rules, run.visible)
    older = f"days and best day from {begins} on only"
    told = older if run.older else f"the history begins {begins}"
    return LedgerFinding(LedgerCode.TRUNCATED, told)


def _derived(
    firm: FirmRules, reading: LedgerReading, walk: HistoryWalk, run: FollowedChallenge
) -> LedgerFinding:
    rules, money = firm.rules, reading.inputs.money
    if run.initial is None or not reading.complete:
        return _begins_in_the_middle(LedgerCode.NOT_STATED, rules, run)
    if len(walk.epochs) > 1:
        date = date_of(rules, run.start)
        return LedgerFinding(
            LedgerCode.SEVERAL_EPOCHS,
            f"the balance was set to {money(run.initial)} on {date} after trading (a reset or a "
            "reward by your firm): state which challenge runs: "
            f"`challenge: {{rules: {rules.name}, initial: {run.initial / 100:.2f}, "
            f'started: "{date}"}}`',
        )
    if run.initial <= 0 or run.initial % ROUND_SIZE:
        return LedgerFinding(
            LedgerCode.ODD_INITIAL,
            f"the account began with {money(run.initial)}, no usual size: if that is the "
            "challenge's, state challenge.initial",
        )
    if run.trade == len(reading.history):
        return LedgerFinding(LedgerCode.FRESH, f"challenge of {money(run.initial)}, not traded yet")
    item = reading.history[run.first]
    return LedgerFinding(
        LedgerCode.DERIVED,
        f"challenge of {money(run.initial)} since {date_of(rules, reading.history[run.trade].at)}"
        f", from deal {item.deal.ticket}",
    )


def _begins_in_the_middle(
    code: LedgerCode, rules: RuleSet, run: FollowedChallenge
) -> LedgerFinding:
    return LedgerFinding(
        code,
        f"the history begins in the middle ({date_of(rules, run.visible)}): state "
        "challenge.initial and challenge.started in the profile",
    )


def _contradictions(
    rules: RuleSet, reading: LedgerReading, run: FollowedChallenge
) -> list[LedgerFinding]:
    """Where the stated beginning and the deals disagree."""
    items, money = [], reading.inputs.money
    had = reading.balances.before(run.result)
    if had != run.initial:
        items.append(
            LedgerFinding(
                LedgerCode.STATEMENT_INITIAL,
                f"profile: the challenge began {date_of(rules, run.start)} with "
                f"{money(run.initial or 0)}, the account had {money(had)} then",
            )
        )
    if not reading.flatness.before(run.first):
        items.append(
            LedgerFinding(
                LedgerCode.STATEMENT_NOT_FLAT,
                f"{_open_at(reading, run)} was open when the stated challenge began: state a "
                "later started",
            )
        )
    return items


def _open_at(reading: LedgerReading, run: FollowedChallenge) -> str:
    for life in reading.lives.by_position.values():
        before = [place for place in life.places if place < run.first]
        left = sum(reading.history[place].volume for place in before)
        if (before and left) or (life.cut and (not before or life.places[-1] >= run.first)):
            return f"position {life.position}"
    for position, opened in reading.lives.without_deals:
        if opened < run.start:
            return f"position {position}"
    return "a position"


def _resets_since(
    reading: LedgerReading, walk: HistoryWalk, run: FollowedChallenge
) -> list[LedgerFinding]:
    """A reset after the stated start with results between: the statement is of an earlier one."""
    for place in run.resets:
        traded = any(walk.kinds[at] is DealClass.RESULT for at in range(run.first, place))
        if traded:
            balance = reading.inputs.money(reading.balances.after(place))
            at = instant(reading.history[place].at)
            return [
                LedgerFinding(
                    LedgerCode.STATEMENT_BEFORE_RESET,
                    f"the balance was set to {balance} on {at} (a reset or a reward by your firm): "
                    "state a later started",
                )
            ]
    return []


def of_transfers(
    inputs: LedgerInputs, history: Sequence[BookedDeal], run: FollowedChallenge
) -> list[LedgerFinding]:
    """Money that was paid in or out after the first trade."""
    if not run.transfers:
        return []
    first = history[run.transfers[0]]
    amount = f"{'+' if first.net > 0 else ''}{inputs.money(first.net)}"
    day = instant(first.at)[:10]
    if inputs.statement is not None and inputs.statement.accept_transfers:
        told = f"{len(run.transfers)} payments since the first trade, the first {amount} on {day}"
        return [LedgerFinding(LedgerCode.TRANSFERS_ACCEPTED, told)]
    return [
        LedgerFinding(
            LedgerCode.TRANSFER,
            f"{amount} on {day} is no trade: state transfers: accept (floors rise with what was "
            "paid in) or, after a reset or a reward by your firm, a later started",
        )
    ]


def trailing_unknown(rules: RuleSet, run: FollowedChallenge) -> LedgerFinding:
    """The overall limit follows a best day that nobody can see."""
    percent = rules.maximum.percent / 100
    return LedgerFinding(
        LedgerCode.TRAILING_UNKNOWN,
        "the overall limit follows the best day end, and the history begins after "
        f"{date_of(rules, run.start)}: state carried.high (your firm's page shows the limit: "
        f"high = limit + {percent:g} % of the initial balance)",
    )


# --- where the challenge stands ---


def of_past(
    inputs: LedgerInputs, rules: RuleSet, figures: LedgerFigures, today: Millis, next_reset: Millis
) -> list[LedgerFinding]:
    """Breaches that are proved or likely."""
    for breach in figures.breaches or ():
        told = f"{inputs.money(breach.figure)}, limit {inputs.money(breach.limit)}"
        if breach.rule != DAILY_LOSS or rules.daily.action is RuleAction.FAIL:
            return [
                LedgerFinding(
                    LedgerCode.BREACHED,
                    f"{breach.rule} was broken {instant(breach.at)}: {told}: this challenge is "
                    "over; after a reset by the firm state a new started",
                )
            ]
        if breach.at >= today:
            return [
                LedgerFinding(
                    LedgerCode.PAUSED_TODAY,
                    f"the day limit of {rules.title} was broken at {instant(breach.at)} ({told}): "
                    f"entries after {instant(next_reset)}",
                )
            ]
    if figures.past is PastVerdict.UNKNOWN:
        return [
            LedgerFinding(
                LedgerCode.PAST_UNKNOWN,
                "positions were open while no session watched: whether a limit was broken then "
                "is not known",
            )
        ]
    if figures.past is PastVerdict.BREACHED_BOUNDED:
        return [
            LedgerFinding(
                LedgerCode.PAST_BREACH_LIKELY,
                "by the terminal's bars a limit was probably broken while no session watched",
            )
        ]
    return []


def passed(
    inputs: LedgerInputs,
    figures: LedgerFigures,
    unjudged: Sequence[str],
    left_out: Sequence[str] = (),
) -> LedgerFinding:
    """The phase is over, by its deals: `unjudged` nobody has, `left_out` the firm judges itself."""
    rest = f" (not judged here: {'; '.join(unjudged)})" if unjudged else ""
    rest += "; go on with the next login or state the next phase"
    if left_out:
        rest += f" (by its figures; not modelled: {'; '.join(left_out)})"
    return LedgerFinding(
        LedgerCode.PASSED,
        f"target {inputs.money(figures.target or 0)} reached with {figures.trading_days} days: the "
        f"phase is over{rest}",
    )


def of_day(inputs: LedgerInputs, figures: LedgerFigures, next_reset: Millis) -> list[LedgerFinding]:
    """How sure the day's starting figure is."""
    if figures.day_start_proof is Proof.UNKNOWN:
        return [
            LedgerFinding(
                LedgerCode.ANCHOR_UNKNOWN,
                "equity at the last reset is unknown (something was open and no session "
                f"watched): entries after {instant(next_reset)}",
            )
        ]
    if figures.day_start_proof is Proof.BOUNDED:
        return [
            LedgerFinding(
                LedgerCode.ANCHOR_BOUNDED,
                f"equity at the last reset is taken as {inputs.money(figures.day_start or 0)}, the "
                "most that the bars allow",
            )
        ]
    return []


def notes(
    inputs: LedgerInputs, history: Sequence[BookedDeal], run: FollowedChallenge
) -> list[LedgerFinding]:
    """What is reported and changes nothing."""
    items = []
    if inputs.account.credit:
        items.append(
            LedgerFinding(
                LedgerCode.CREDIT,
                f"credit of {inputs.money(inputs.account.credit)} is no part of balance and equity",
            )
        )
    trades = [item.deal for item in history[run.first :] if item.deal.trade]
    if any(deal.position_id == 0 for deal in trades):
        items.append(
            LedgerFinding(
                LedgerCode.ZERO_POSITION, "some deals name no position: volumes are not compared"
            )
        )
    others = {deal.magic for deal in trades} | {held.magic for held in inputs.positions}
    if others - {inputs.magic}:
        items.append(
            LedgerFinding(
                LedgerCode.FOREIGN, "others trade on this account: the firm counts their trades too"
            )
        )
    own = [held.identifier for held in inputs.positions if held.magic == inputs.magic]
    if own:
        named = ", ".join(str(position) for position in own[:3])
        items.append(
            LedgerFinding(LedgerCode.OWN_OPEN, f"{len(own)} own positions are open ({named})")
        )
    return items
