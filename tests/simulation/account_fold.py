"""The audit's own reading of an account's deals, forward, written apart from the ledger's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.records import PaperDeal
from engine.fields import LedgerFigures
from engine.types import Cents, Millis
from scripts.app.sessions.replay import MAGIC
from signals.market_data.clocks import utc_of
from tests.simulation.model import demand

ZONE = ZoneInfo("Europe/Prague")
_DAY_LOSS, _LOSS, _TARGET = 5, 10, 10
"""FTMO's two steps: percent of what the challenge began with, limits and target rounded up."""


class FoldedDeal(NamedTuple):
    """A deal with its moment (ms UTC), its date in Prague, and what it adds to the balance."""

    deal: PaperDeal
    at: Millis
    date: dt.date
    net: Cents


class AccountFold:
    """What the deals so far say of the account at a moment (ms UTC)."""

    def __init__(self, deals: Iterable[PaperDeal], now: Millis) -> None:
        self._deals = sorted(map(_folded, deals), key=_order)
        self._now = now
        self._today = _date(now)
        trades = [item for item in self._deals if not _is_payment(item.deal)]
        first = trades[0] if trades else None
        self._first = first
        self.initial = sum(
            item.net
            for item in self._deals
            if _is_payment(item.deal) and (first is None or _order(item) < _order(first))
        )

    def figures(self) -> Mapping[str, Any]:
        """The figures by the ledger's names."""
        paid, paid_today = self._paid(all_days=True), self._paid(all_days=False)
        day_start = self._day_start()
        opened = self._openings(self._deals)
        floor_today = day_start - self.initial * _DAY_LOSS // 100 + max(0, paid_today)
        floor_overall = self.initial - self.initial * _LOSS // 100 + max(0, paid)
        return {
            "opening": 0,
            "complete": True,
            "initial": self.initial,
            "transfers": paid,
            "closed_today": sum(
                item.net for item in self._of_today() if not _is_payment(item.deal)
            ),
            "positions_today": len(self._openings(self._of_today())),
            "trading_days": len({item.date for item in opened}),
            "day_start": day_start,
            "floor_today": floor_today,
            "floor_overall": floor_overall,
            "floor": max(floor_today, floor_overall),
            "target": self.initial - -self.initial * _TARGET // 100 + max(0, paid),
        }

    def own_day_start(self) -> Cents:
        """The balance at our reset, and what was paid in or out since."""
        payments = [item.net for item in self._of_today() if _is_payment(item.deal)]
        return self._balance_before_today() + sum(payments)

    def own_orders(self, since: Millis) -> set[int]:
        """The orders of ours that opened something from a moment on."""
        return {
            item.deal.order
            for item in self._openings(self._deals)
            if item.deal.magic == MAGIC and item.at >= since
        }

    def last_loss(self) -> Millis | None:
        """When a position of ours was last closed whole with a loss over its life."""
        lives: dict[int, list[FoldedDeal]] = {}
        for item in self._deals:
            if not _is_payment(item.deal):
                lives.setdefault(item.deal.position, []).append(item)
        over = [
            life[-1].at
            for life in lives.values()
            if life[0].deal.magic == MAGIC
            and not sum(_signed(item.deal) for item in life)
            and sum(item.net for item in life) < 0
        ]
        return max(over, default=None)

    def baseline(self) -> Cents:
        """What the own largest loss counts from: the challenge's beginning and all payments."""
        return self.initial + self._paid(all_days=True)

    @property
    def reset(self) -> Millis:
        """The last midnight in Prague."""
        midnight = dt.datetime.combine(self._today, dt.time(), ZONE)
        return round(midnight.timestamp()) * 1000

    def _of_today(self) -> list[FoldedDeal]:
        return [item for item in self._deals if item.date == self._today]

    def _balance_before_today(self) -> Cents:
        return sum(item.net for item in self._deals if item.date < self._today)

    def _day_start(self) -> Cents:
        """On the day of the first trade what the challenge began with, else the balance."""
        if self._first is None or self._first.date == self._today:
            return self.initial
        return self._balance_before_today()

    def _paid(self, *, all_days: bool) -> Cents:
        first = self._first
        if first is None:
            return 0
        return sum(
            item.net
            for item in self._deals
            if _is_payment(item.deal)
            and _order(item) > _order(first)
            and (all_days or item.date == self._today)
        )

    @staticmethod
    def _openings(deals: Sequence[FoldedDeal]) -> list[FoldedDeal]:
        """The first entry of each position: further parts of its order open nothing more."""
        seen: set[int] = set()
        found = []
        for item in deals:
            if _is_payment(item.deal) or item.deal.entry != mt5.DEAL_ENTRY_IN:
                continue
            if item.deal.position not in seen:
                seen.add(item.deal.position)
                found.append(item)
        return found


def hold_against(figures: LedgerFigures, fold: AccountFold) -> None:
    """Each figure that the ledger tells is the one that the deals give; raises Broken."""
    for name, expected in fold.figures().items():
        told = getattr(figures, name)
        demand(told == expected, f"the ledger's {name} is the deals'", (told, expected))


def _folded(deal: PaperDeal) -> FoldedDeal:
    at = max(0, utc_of("new-york+7", deal.time // 1000) * 1000 + deal.time % 1000)
    return FoldedDeal(deal, at, _date(at), deal.profit + deal.commission + deal.swap)


def _order(item: FoldedDeal) -> tuple[Millis, int]:
    return item.at, item.deal.ticket


def _signed(deal: PaperDeal) -> int:
    return deal.volume if deal.kind == mt5.DEAL_TYPE_BUY else -deal.volume


def _is_payment(deal: PaperDeal) -> bool:
    return deal.kind == mt5.DEAL_TYPE_BALANCE


def _date(at: Millis) -> dt.date:
    return dt.datetime.fromtimestamp(at / 1000, ZONE).date()
