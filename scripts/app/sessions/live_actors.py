"""The actors of a session on a terminal, new or brought back from its journal."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import UnsuitableAccount
from adapters.mt5.execution.closing_deals import figures
from adapters.mt5.execution.gateway import Gateway, Send
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.venue import Desk, Line, Venue
from adapters.mt5.live.days import Days
from engine import events as ev
from engine.bus import Bus
from engine.calendar import resets
from engine.clock import Clock
from engine.orders import OrderBook
from engine.portfolio import Market
from engine.ports import Journal
from engine.recovery import ClockSteppedBack, Past, Restorer
from engine.types import Limits, Millis
from risk.actor import RiskActor
from risk.challenge import Course, Evaluation
from risk.restrictions import flat_due
from scripts.app.sessions.replay import DEVIATION, MAGIC
from signals.exits import Flatten
from signals.strategy import StrategyActor, StrategyFactory
from signals.user_signals import GivenSignals


@dataclass(frozen=True, kw_only=True)
class DeciderTerms:
    """What the deciding actors are made from."""

    session_id: str
    strategy_id: str
    factory: StrategyFactory | None
    instruments: dict[str, Instrument]
    limits: Limits
    to_server: Callable[[Millis], int]
    limit_trades: int | None = None
    course: Course | None = None


@dataclass(frozen=True, kw_only=True)
class Wiring(DeciderTerms):
    """What all the actors are made from."""

    journal: Journal
    line: Line
    clock: Clock
    account: mt5.AccountInfo
    desk: Desk


@dataclass(frozen=True)
class Deciders:
    """The actors that decide, connected to one bus in the order in which they see events."""

    bus: Bus
    market: Market
    book: OrderBook
    risk: RiskActor
    strategy: StrategyActor
    given: GivenSignals
    flatten: Flatten
    gateway: Gateway
    evaluation: Evaluation | None

    def restorer(self) -> Restorer:
        """What brings the actors back from recorded events."""
        memories = [
            self.market.restoring(),
            self.book.restoring(),
            self.risk.restoring(),
            self.given.restoring(),
            self.flatten.restoring(),
            *self.gateway.restoring(),
        ]
        if self.evaluation is not None:
            memories.insert(3, self.evaluation.restoring())
        return Restorer(self.bus, memories)

    def go_on(self, resumed: ev.SessionResumed, about: dict[str, Any] | None = None) -> None:
        """Begin to work again, once brought back.

        Orders that were under way are told for what they are: never sent, or of unknown outcome.
        """
        self.bus.publish(resumed, about)
        self.book.abandoned(resumed.account)
        self.gateway.abandoned()


@dataclass(frozen=True)
class LiveActors(Deciders):
    """The actors of a session on a terminal."""

    venue: Venue
    clock: Clock

    def begin(self, started: ev.SessionStarted, about: dict[str, Any]) -> None:
        """Begin a new session."""
        self.bus.time = self.clock.now()
        self.bus.publish(started, about)

    def resume(
        self,
        records: Iterable[ev.Record],
        account: mt5.AccountInfo | None,
        about: dict[str, Any],
        last_seq: int = 0,
    ) -> Past:
        """Go on with a session from its records; `last_seq` is the journal's last number.

        `account` is how the account stands now; None where a paper account of the session's own
        fills the orders: that stands as recorded until the session looks at it again. Raises
        ClockSteppedBack, or JournalDamaged.
        """
        past = self.restorer().restore(records, last_seq)
        now = self.clock.now()
        if now < past.last.time:
            raise ClockSteppedBack(
                f"this machine's clock stepped back: the last record is of {past.last.time}, it "
                f"shows {now} (ms UTC); set it right, nothing was changed"
            )
        self.bus.time = now
        stands = self.market.account.figures if account is None else figures(account)
        self.go_on(ev.SessionResumed(account=stands), about)
        return past


def connect_live(wiring: Wiring) -> LiveActors:
    """Build the actors of a session on a terminal.

    Raises UnsuitableAccount for an account that does not keep every position for itself.
    """
    refuse_netting(wiring.account)
    bus = Bus(wiring.journal, record_inputs=True)
    venue = Venue(bus, wiring.journal, wiring.line, wiring.clock, wiring.account, desk=wiring.desk)
    deciders = connect_deciders(bus, wiring, venue.send)
    venue.holds_back = deciders.gateway.holds_back
    return LiveActors(**vars(deciders), venue=venue, clock=wiring.clock)


def connect_deciders(bus: Bus, terms: DeciderTerms, send: Send) -> Deciders:
    """Build the actors: market first, then orders, risk, strategy, signals, gateway."""
    market = Market({name: item.spec for name, item in terms.instruments.items()})
    book = OrderBook(bus, limit_trades=terms.limit_trades)
    evaluation = None if terms.course is None else Evaluation(bus, market, terms.course)
    risk = RiskActor(bus, market, terms.limits, evaluation)
    strategy = StrategyActor(bus, market, terms.strategy_id, terms.factory)
    given, flatten = GivenSignals(bus, market), Flatten(bus, market)
    requests = Requests(
        terms.instruments,
        magic=MAGIC,
        tag=session_tag(terms.session_id),
        deviation=DEVIATION,
        to_server=terms.to_server,
    )
    gateway = Gateway(bus, market, requests, send)
    followed = () if evaluation is None else (evaluation,)
    for actor in (market, book, risk, *followed, strategy, given, flatten):
        bus.attach(actor.routes())
    gateway.attach()
    return Deciders(bus, market, book, risk, strategy, given, flatten, gateway, evaluation)


def days_to_come(
    limits: Limits, now: Millis, past: Sequence[ev.Record]
) -> Iterator[tuple[Millis, str]]:
    """The trading days that a session has still to turn, as `risk.days.resets` tells them.

    `past` are the records of a session that goes on: days that began while it was not running, or
    in which it ended before it could turn them, come first.
    """
    days = resets(limits.reset_zone, past[0].time if past else now, limits.reset_hour)
    turned = [item.event.date for item in past if isinstance(item.event, ev.DayRolled)]
    if turned:
        next(date for _, date in days if date == turned[-1])
    return days


def days_of(
    bus: Bus, limits: Limits, course: Course | None, clock: Clock, past: Sequence[ev.Record]
) -> Days:
    """The days that a session has still to turn; weeks end only for a firm that minds them."""
    now = clock.now()
    weekends = iter(()) if course is None else flat_due(course.rules, course.phases, now)
    return Days(bus, days_to_come(limits, now, past), weekends)


def refuse_netting(account: mt5.AccountInfo) -> None:
    """A netting (or exchange) account merges orders into one position a symbol, whoever's they are.

    What the engine opened could then be enlarged, closed or turned round by somebody else's order
    without a deal that says so. Raises UnsuitableAccount.
    """
    if account.margin_mode != mt5.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING:
        raise UnsuitableAccount(
            f"account {account.login} on {account.server} is not a hedging account (margin mode "
            f"{account.margin_mode}): it merges all positions on a symbol; use a hedging account"
        )


def session_tag(session_id: str) -> str:
    """Six characters that tell this session's orders from another's."""
    return f"{zlib.crc32(session_id.encode()) & 0xFFFFFF:06x}"
