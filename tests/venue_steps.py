"""A gateway on a live bus, and a venue whose every answer is written by the test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.snapshot import Deals, Snapshot
from adapters.mt5.execution.translation import TradeReply, cancellation_of, result_of, snapshot_of
from engine import events as ev
from engine.types import Limits, Units
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


class VenueRequest(NamedTuple):
    """What would leave for an order; `cancellation` cancels a pending one."""

    order: ev.OrderIntent
    request: dict[str, Any]
    cancellation: bool = False

    def answered(self, reply: TradeReply) -> ev.VenueReplied:
        """The input that a terminal's reply becomes."""
        spec = SPECS[self.order.terms.symbol]
        if self.cancellation:
            result = cancellation_of(reply)
        else:
            result = result_of(self.order, reply, spec, REQUESTS.magic)
        return ev.VenueReplied(self.order.order_id, result, self.cancellation)


@dataclass
class WaitingPort:
    """A venue that says nothing by itself: what would be sent to it waits in `sent`."""

    parts: Wired
    sent: list[VenueRequest] = field(default_factory=list)
    recorded: list[ev.Event | ev.Input] = field(default_factory=list)

    def execute(self, order: ev.OrderIntent, volume: Units) -> None:
        self._send(VenueRequest(order, REQUESTS.of(order, volume)))

    def cancel(self, order: ev.OrderIntent, ticket: int) -> None:
        self._send(VenueRequest(order, REQUESTS.cancelling(ticket), cancellation=True))

    def _send(self, venue_request: VenueRequest) -> None:
        self.sent.append(venue_request)
        self.recorded.append(self.parts.journal.records[-1].event)


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
        self.parts.bus.feed(venue_request.answered(reply))

    def see(self, **what: Any) -> None:
        """The terminal is looked at, and this is what it holds."""
        self.gateway.reconcile(seen(**what))


def live(terms: Limits = LIMITS, challenge: Challenge | None = None) -> Live:
    """A session that has begun, with a gateway whose requests go nowhere by themselves."""
    parts = wired(terms, challenge=challenge)
    port = WaitingPort(parts)
    gateway = Gateway(parts.bus, parts.portfolio, parts.order_manager, REQUESTS, port)
    gateway.attach()
    return Live(parts, gateway, port.sent, port.recorded)


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


def seen(**what: Any) -> ev.AccountSnapshot:
    """A look at a terminal that holds nothing, unless told otherwise, as the engine gets it."""
    held = {"account": INFO, "positions": (), "orders": (), "deals": {}, "ended": {}, **what}
    return snapshot_of(Snapshot(**held), REQUESTS)


def deals(*ours: mt5.TradeDeal) -> dict[int, Deals]:
    """Deals of position 7."""
    return {7: ours}
