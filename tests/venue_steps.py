"""A gateway on a live bus, and a venue whose every answer is written by the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.gateway import Gateway, VenueRequest
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.snapshot import Deals, Snapshot, TradeReply
from engine import events as ev
from engine.types import Limits
from risk.challenge import Challenge
from tests.builders import LIMITS, SPECS, Wired, wired

REQUESTS = Requests(
    {name: Instrument(spec, name, mt5.ORDER_FILLING_FOK) for name, spec in SPECS.items()},
    magic=26,
    tag="ab",
    deviation=10,
    to_server=lambda moment: moment // 1000,
)

SUCCESS = (1, "Success")
INFO = mt5.AccountInfo.of(balance=99_997.5, equity=99_987.5, margin=1_100.1)
FIGURES = ev.Account(balance=9_999_750, equity=9_998_750, margin=110_010)
"""What the engine makes of INFO."""


@dataclass
class Live:
    """Market, orders, risk and gateway on one bus; requests wait in `sent` for their reply.

    `recorded` is the last event in the journal at the moment when each was sent.
    """

    parts: Wired
    gateway: Gateway
    sent: list[VenueRequest] = field(default_factory=list)
    recorded: list[ev.Event | ev.Input] = field(default_factory=list)

    def events(self, after: type[ev.Event] = ev.OrderSubmitted) -> list[ev.Event | ev.Input]:
        """What was recorded after the last event of one kind."""
        events = [record.event for record in self.parts.journal.records]
        last = max(number for number, event in enumerate(events) if isinstance(event, after))
        return events[last + 1 :]

    def reply(self, result: mt5.OrderSendResult | None, **rest: Any) -> None:
        """Answer the oldest request that waits."""
        venue_request = self.sent.pop(0)
        reply = TradeReply(result, **{"error": SUCCESS, "account": INFO, **rest})
        self.parts.bus.feed(
            ev.VenueReplied(venue_request.order_id, reply, venue_request.cancellation)
        )

    def see(self, **what: Any) -> None:
        """The terminal is looked at, and this is what it holds."""
        self.gateway.reconcile(seen(**what))


def live(terms: Limits = LIMITS, challenge: Challenge | None = None) -> Live:
    """A session that has begun, with a gateway whose requests go nowhere by themselves."""
    parts = wired(terms, challenge=challenge)
    sent: list[VenueRequest] = []
    recorded: list[ev.Event | ev.Input] = []

    def send(venue_request: VenueRequest) -> None:
        sent.append(venue_request)
        recorded.append(parts.journal.records[-1].event)

    gateway = Gateway(parts.bus, parts.portfolio, parts.order_manager, REQUESTS, send)
    gateway.attach()
    return Live(parts, gateway, sent, recorded)


def result(retcode: int = mt5.TRADE_RETCODE_DONE, **fields: Any) -> mt5.OrderSendResult:
    """What `order_send` returns: done, deal 11 of order 7, unless told otherwise."""
    done = retcode == mt5.TRADE_RETCODE_DONE
    usual = {"deal": 11, "order": 7, "volume": 1.0, "price": 1.1001} if done else {}
    return mt5.OrderSendResult.of(retcode=retcode, **{**usual, **fields})


def deal_in(**fields: Any) -> mt5.TradeDeal:
    """The deal that opened position 7: a lot of EURUSD bought at 1.10010."""
    return mt5.TradeDeal.of(
        **{
            "ticket": 11, "order": 7, "position_id": 7, "entry": mt5.DEAL_ENTRY_IN, "volume": 1.0,
            "price": 1.1001, "commission": -2.5, "symbol": "EURUSD", "magic": 26,
            "comment": "ab-1", "reason": mt5.DEAL_REASON_EXPERT, **fields,
        }
    )  # fmt: skip


def deal_out(**fields: Any) -> mt5.TradeDeal:
    """The deal that closed it at 1.10210, 200 points higher."""
    return mt5.TradeDeal.of(
        **{
            "ticket": 12, "order": 8, "position_id": 7, "entry": mt5.DEAL_ENTRY_OUT,
            "volume": 1.0, "price": 1.1021, "profit": 200.0, "commission": -2.5, "swap": -0.31,
            "symbol": "EURUSD", "magic": 26, "reason": mt5.DEAL_REASON_TP, **fields,
        }
    )  # fmt: skip


def seen(**what: Any) -> Snapshot:
    """A look at a terminal that holds nothing, unless told otherwise."""
    return Snapshot(
        **{"account": INFO, "positions": (), "orders": (), "deals": {}, "ended": {}, **what}
    )


def deals(*ours: mt5.TradeDeal) -> dict[int, Deals]:
    """Deals of position 7."""
    return {7: ours}
