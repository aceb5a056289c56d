"""Histories for ledger tests, told as a trader would: paid in, bought, closed, in UTC."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from config.rules import load_rules
from engine.account.history import AccountNow, DealEntry, DealType, HistoryDeal, OpenPosition
from engine.types import Cents, Millis
from risk.ledger.fold import fold
from risk.ledger.inputs import ChallengeStatement, ClockRule, FirmRules, LedgerInputs, OwnDay
from risk.ledger.verdict import LedgerReport
from signals.market_data.clocks import server_of, utc_of

MAGIC = 26111500
UTC = [
    ClockRule(since=0, to_utc=partial(utc_of, "utc"), to_server=partial(server_of, "utc")),
]
FTMO = FirmRules(rules=load_rules("ftmo_2step"))
ONE_STEP = FirmRules(rules=load_rules("ftmo_1step"))
THE5ERS = FirmRules(rules=load_rules("the5ers_high_stakes"))


def at(text: str) -> Millis:
    """A moment such as ``06-15 09:00`` of 2026, UTC."""
    return round(dt.datetime.fromisoformat(f"2026-{text}+00:00").timestamp() * 1000)


class History:
    """An account's deals and what is open; the balance follows from them."""

    def __init__(self, opening: Cents = 0) -> None:
        self.opening = opening
        self.deals: list[HistoryDeal] = []
        self.positions: dict[int, OpenPosition] = {}
        self._ticket = 1000

    def book(self, when: Millis, kind: int, amount: float, **fields: Any) -> HistoryDeal:
        self._ticket += 1
        deal = HistoryDeal(ticket=self._ticket, time_msc=when, type=kind, profit=amount, **fields)
        self.deals.append(deal)
        return deal

    def pay(self, when: str, amount: float, kind: int = DealType.BALANCE) -> HistoryDeal:
        return self.book(at(when), kind, amount)

    def enter(self, when: str | Millis, side: int = 1, volume: float = 1.0, **fields: Any) -> int:
        """Open a position; returns its id."""
        moment = at(when) if isinstance(when, str) else when
        position = 5000 + self._ticket
        fields = {"magic": MAGIC, "symbol": "EURUSD", "price": 1.1, **fields}
        kind = DealType.BUY if side > 0 else DealType.SELL
        self.book(moment, kind, 0.0, position_id=position, order=position, volume=volume, **fields)
        self.positions[position] = OpenPosition(
            identifier=position,
            time_msc=moment,
            type=int(kind),
            magic=fields["magic"],
            volume=volume,
            price_open=fields["price"],
            symbol=fields["symbol"],
        )
        return position

    def leave(self, when: str | Millis, position: int, profit: float, **fields: Any) -> HistoryDeal:
        """Close a position as a whole."""
        moment = at(when) if isinstance(when, str) else when
        held = self.positions.pop(position)
        fields = {"magic": held.magic, "symbol": held.symbol, "price": 1.1, **fields}
        kind = DealType.SELL if held.type == DealType.BUY else DealType.BUY
        return self.book(
            moment, kind, profit, entry=DealEntry.OUT, position_id=position,
            order=9000 + self._ticket, volume=held.volume, **fields,
        )  # fmt: skip

    def trade(self, begun: str, ended: str, profit: float, **fields: Any) -> None:
        self.leave(ended, self.enter(begun, **fields), profit)

    @property
    def balance(self) -> Cents:
        total = sum(
            Decimal(repr(deal.profit)) + Decimal(repr(deal.swap)) + Decimal(repr(deal.commission))
            for deal in self.deals
            if deal.type != DealType.CREDIT
        )
        return self.opening + int(total * 100)

    def inputs(
        self, now: str | Millis, firm: FirmRules | None = FTMO, **given: Any
    ) -> LedgerInputs:
        rules = FTMO.rules if firm is None else firm.rules
        account = AccountNow(balance=self.balance, equity=self.balance)
        return msgspec.structs.replace(
            LedgerInputs(
                now=at(now) if isinstance(now, str) else now,
                account=account,
                deals=tuple(self.deals),
                positions=tuple(self.positions.values()),
                magic=MAGIC,
                clock=UTC,
                own_day=OwnDay(zone=rules.reset_zone, hour=rules.reset_hour),
                firm=firm,
            ),
            **given,
        )

    def report(
        self, now: str | Millis, firm: FirmRules | None = FTMO, **given: Any
    ) -> LedgerReport:
        return fold(self.inputs(now, firm, **given))


def funded(amount: float = 100_000.0, when: str = "06-15 01:00") -> History:
    """An account with one deposit of a usual size."""
    history = History()
    history.pay(when, amount)
    return history


def stated(**given: Any) -> ChallengeStatement:
    """A statement of an FTMO challenge of 100,000."""
    fields = {"rules": "ftmo_2step", "initial": 10_000_000, "phase": "challenge", **given}
    if isinstance(fields.get("started"), str):
        fields["started"] = at(fields["started"])
    return ChallengeStatement(**fields)
