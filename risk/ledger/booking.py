"""Reading deals: each once, in the order of their moments, with its net amount and its kind."""

from __future__ import annotations

import enum
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import accumulate

import msgspec

from engine.account.history import AccountNow, DealType, HistoryDeal
from engine.types import Cents, Millis
from risk.ledger.inputs import ClockRule

VOLUME_SCALE = 10**8
"""Parts of a lot in which volumes are added up: the finest that MT5 knows."""

_HOUR = 3600
_CENT = Decimal(1)
_EXACT = 1e12
"""Below it, a double counts as a whole number of cents."""


class DealClass(enum.Enum):
    """What a deal is to the balance."""

    RESULT = enum.auto()
    CAPITAL = enum.auto()
    CREDIT = enum.auto()  # no part of the balance
    CORRECTION = enum.auto()  # capital beside other capital, else a result


class BookedDeal(msgspec.Struct, frozen=True):
    """A deal that was read: its moment in UTC, what it adds to the balance, its signed volume."""

    deal: HistoryDeal
    at: Millis
    net: Cents
    kind: DealClass
    volume: int


class MergedHistory(msgspec.Struct, frozen=True):
    """Deals by ticket; `changed` has two versions, `gone` are missing from the later history.

    `difference` tells the first field in which these versions differ, in words.
    """

    deals: tuple[HistoryDeal, ...]
    changed: int | None
    gone: tuple[int, ...]
    difference: str = ""


def merged(
    told: Iterable[HistoryDeal], stored: Iterable[HistoryDeal], told_since: int
) -> MergedHistory:
    """The union of what is stored and what the terminal told from `told_since` (server ms) on."""
    kept = {deal.ticket: deal for deal in stored}
    missing = {ticket for ticket, deal in kept.items() if deal.time_msc >= told_since}
    changed, difference = None, ""
    for deal in told:
        known = kept.setdefault(deal.ticket, deal)
        missing.discard(deal.ticket)
        if known != deal and changed is None:
            changed, difference = deal.ticket, _difference(known, deal)
    return MergedHistory(tuple(kept.values()), changed, tuple(sorted(missing)), difference)


def _difference(known: HistoryDeal, deal: HistoryDeal) -> str:
    for name in known.__struct_fields__:
        was, now = getattr(known, name), getattr(deal, name)
        if was != now:
            return f"{name} {now}, was {was}"
    return ""


def net_cents(deal: HistoryDeal) -> Cents:
    """What a deal adds to the balance: its four amounts summed exactly, rounded half even.

    Raises ValueError for an amount that is no number.
    """
    amounts = (deal.profit, deal.swap, deal.commission, deal.fee)
    cents = 0
    for amount in amounts:
        if amount:
            whole = round(amount * 100) if abs(amount) < _EXACT else None
            if whole is None or whole / 100 != amount:
                return _rounded(deal, amounts)
            cents += whole
    return cents


def _rounded(deal: HistoryDeal, amounts: Iterable[float]) -> Cents:
    """The sum of amounts that are not all whole cents."""
    total = Decimal(0)
    for amount in amounts:
        if not math.isfinite(amount):
            raise ValueError(f"deal {deal.ticket}: {amount!r} is no amount of money")
        total += Decimal(repr(amount))
    return int((total * 100).quantize(_CENT, ROUND_HALF_EVEN))


def scaled(volume: float) -> int:
    """A volume in lots as a whole number of 1e-8 lots."""
    return round(volume * VOLUME_SCALE)


def booked(deals: Iterable[HistoryDeal], clock: Sequence[ClockRule]) -> list[BookedDeal]:
    """The deals with moments in UTC, ordered by moment and ticket."""
    result = []
    before: Millis = 0
    for deal in sorted(deals, key=lambda deal: deal.ticket):
        before = moment(deal.time_msc, clock, before)
        result.append(
            BookedDeal(deal, before, _balance_part(deal), _kind(deal.type), _signed(deal))
        )
    result.sort(key=lambda item: (item.at, item.deal.ticket))
    return result


def moment(server_msc: int, clock: Sequence[ClockRule], before: Millis = 0) -> Millis:
    """The moment (ms UTC) at which the server's wall clock showed `server_msc`.

    It is read by the last rule whose reading is not before the rule began. In an hour that the
    clock shows twice, the first reading is taken that is not earlier than `before`, the moment of
    the previous ticket.
    """
    seconds, rest = divmod(server_msc, 1000)
    for rule in reversed(clock):
        first = rule.to_utc(seconds)
        if first * 1000 + rest < rule.since and rule is not clock[0]:
            continue
        again = first + _HOUR
        if first * 1000 + rest < before and rule.to_server(again) == seconds:
            return again * 1000 + rest
        return first * 1000 + rest
    raise ValueError("no rule says how the server's clock is read")


def _balance_part(deal: HistoryDeal) -> Cents:
    return 0 if deal.type == DealType.CREDIT else net_cents(deal)


def _signed(deal: HistoryDeal) -> int:
    if not deal.trade:
        return 0
    return scaled(deal.volume) * (1 if deal.type == DealType.BUY else -1)


def _kind(deal_type: int) -> DealClass:
    if deal_type in (DealType.BALANCE, DealType.BONUS):
        return DealClass.CAPITAL
    if deal_type == DealType.CREDIT:
        return DealClass.CREDIT
    return DealClass.CORRECTION if deal_type == DealType.CORRECTION else DealClass.RESULT


def without_bonus_credit(history: list[BookedDeal], account: AccountNow) -> list[BookedDeal]:
    """The history with its bonuses as credit, where the account's figures show that they are.

    Brokers differ: a bonus is taken as part of the balance unless the deals exceed the balance by
    exactly the bonuses and the account's credit equals them.
    """
    bonus = sum(item.net for item in history if item.deal.type == DealType.BONUS)
    surplus = sum(item.net for item in history) - account.balance
    if not bonus or surplus != bonus or account.credit != bonus:
        return history
    return [
        BookedDeal(item.deal, item.at, 0, DealClass.CREDIT, 0)
        if item.deal.type == DealType.BONUS
        else item
        for item in history
    ]


class Balances:
    """The balance before and after every deal, folded backward from the balance now."""

    def __init__(self, history: Sequence[BookedDeal], balance: Cents) -> None:
        self.moments = [item.at for item in history]
        total = sum(item.net for item in history)
        self.opening = balance - total
        self._sums = list(accumulate((item.net for item in history), initial=self.opening))

    def before(self, place: int) -> Cents:
        """The balance before the deal at `place`; at the end of the history: now."""
        return self._sums[place]

    def after(self, place: int) -> Cents:
        return self._sums[place + 1]

    def at(self, moment: Millis) -> Cents:
        """The balance just before `moment`: a deal in that millisecond comes after it."""
        return self._sums[self.place(moment)]

    def place(self, moment: Millis) -> int:
        """The place of the first deal not before `moment`."""
        return bisect_left(self.moments, moment)
