"""The actors of a session on a terminal, new or brought back from its journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import UnsuitableAccount
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.remote import OrderRouter
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.translation import figures
from adapters.mt5.execution.venue import TerminalLink, Venue
from adapters.mt5.live.days import Days
from adapters.mt5.live.release import TransientRelease
from engine import events as ev
from engine.bus import Bus
from engine.calendar import resets
from engine.clock import Clock
from engine.exits import Exits
from engine.journal import Journal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.ports import ExecutionPort
from engine.session import ClockSteppedBack, RecoveredSession, Restorer
from engine.types import Limits, Millis
from risk.actor import RiskActor
from risk.challenge import Challenge, ChallengeActor
from risk.news import NewsRestriction
from risk.restrictions import flat_due
from scripts.app.session_folder import session_tag
from scripts.app.sessions.replay import DEVIATION, MAGIC
from signals.strategy import StrategyFactory
from signals.strategy_actor import StrategyActor
from signals.user_signals import UserSignals


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
    challenge: Challenge | None = None
    releases: bool = False
    """Whether the feed releases trading that an answer of the moment has suspended."""


@dataclass(frozen=True, kw_only=True)
class Wiring(DeciderTerms):
    """What all the actors are made from."""

    journal: Journal
    link: TerminalLink
    clock: Clock
    account: mt5.AccountInfo
    router: Callable[[Requests, mt5.AccountInfo], OrderRouter]
    """Makes what carries out orders from what makes requests and the account."""


@dataclass(frozen=True)
class Deciders:
    """The actors that decide, connected to one bus in the order in which they see events."""

    bus: Bus
    portfolio: Portfolio
    order_manager: OrderManager
    risk: RiskActor
    strategy: StrategyActor
    user_signals: UserSignals
    gateway: Gateway
    challenge_actor: ChallengeActor | None
    news: NewsRestriction
    release: TransientRelease

    def restorer(self) -> Restorer:
        """What brings the actors back from recorded events."""
        memories = [
            self.portfolio.replay_routes(),
            self.order_manager.replay_routes(),
            self.risk.replay_routes(),
            self.user_signals.replay_routes(),
            *self.gateway.replay_routes(),
            self.release.replay_routes(),
            self.news.replay_routes(),
        ]
        if self.challenge_actor is not None:
            memories.insert(3, self.challenge_actor.replay_routes())
        return Restorer(self.bus, memories)

    def go_on(self, resumed: ev.SessionResumed, metadata: dict[str, Any] | None = None) -> None:
        """Begin to work again, once brought back.

        Orders that were under way are reported as what they are: never sent, or of unknown outcome.
        """
        self.bus.publish(resumed, metadata)
        self.order_manager.abandoned(resumed.account)
        self.gateway.abandoned()


@dataclass(frozen=True)
class LiveActors(Deciders):
    """The actors of a session on a terminal."""

    venue: Venue
    clock: Clock

    def begin(self, started: ev.SessionStarted, metadata: dict[str, Any]) -> None:
        """Begin a new session."""
        self.bus.time = self.clock.now()
        self.bus.publish(started, metadata)

    def resume(
        self,
        records: Iterable[ev.Record],
        account: mt5.AccountInfo | None,
        metadata: dict[str, Any],
        last_seq: int = 0,
    ) -> RecoveredSession:
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
        stands = self.portfolio.account.figures if account is None else figures(account)
        self.go_on(ev.SessionResumed(account=stands), metadata)
        return past


def connect_live(wiring: Wiring) -> LiveActors:
    """Build the actors of a session on a terminal.

    Raises UnsuitableAccount for an account that does not keep every position for itself.
    """
    refuse_netting(wiring.account)
    bus = Bus(wiring.journal, record_inputs=True)
    requests = requests_of(wiring)
    venue = Venue(
        bus,
        wiring.journal,
        wiring.link,
        wiring.clock,
        router=wiring.router(requests, wiring.account),
    )
    deciders = connect_deciders(bus, wiring, requests, venue)
    venue.must_not_leave = deciders.gateway.must_not_leave
    return LiveActors(**vars(deciders), venue=venue, clock=wiring.clock)


def requests_of(terms: DeciderTerms) -> Requests:
    """What makes the session's requests, each with the session's mark."""
    return Requests(
        terms.instruments,
        magic=MAGIC,
        tag=session_tag(terms.session_id),
        deviation=DEVIATION,
        to_server=terms.to_server,
    )


def connect_deciders(
    bus: Bus, terms: DeciderTerms, requests: Requests, port: ExecutionPort
) -> Deciders:
    """Build the actors: market first, then orders, risk, strategy, signals, gateway."""
    portfolio = Portfolio({name: item.spec for name, item in terms.instruments.items()})
    order_manager = OrderManager(bus, limit_trades=terms.limit_trades)
    challenge_actor = None
    if terms.challenge is not None:
        challenge_actor = ChallengeActor(bus, portfolio, order_manager, terms.challenge)
    risk = RiskActor(bus, portfolio, order_manager, terms.limits, challenge_actor)
    news = NewsRestriction(bus, portfolio, order_manager, challenge_actor)
    strategy = StrategyActor(bus, portfolio, terms.strategy_id, terms.factory)
    exits = Exits(bus, portfolio, order_manager)
    user_signals = UserSignals(bus, portfolio, exits)
    may_suspend = terms.releases and terms.limits.transient_rejections == "suspend"
    gateway = Gateway(bus, portfolio, order_manager, requests, port, may_suspend=may_suspend)
    release = TransientRelease(bus, portfolio, order_manager)
    followed = () if challenge_actor is None else (challenge_actor,)
    for actor in (order_manager, portfolio, risk, *followed, news, strategy, user_signals, exits):
        bus.attach(actor.routes())
    gateway.attach()
    bus.attach(release.routes())
    return Deciders(
        bus,
        portfolio,
        order_manager,
        risk,
        strategy,
        user_signals,
        gateway,
        challenge_actor,
        news,
        release,
    )


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
    bus: Bus, limits: Limits, challenge: Challenge | None, clock: Clock, past: Sequence[ev.Record]
) -> Days:
    """The days that a session has still to turn; weeks end only for a firm that minds them."""
    now = clock.now()
    weekends = iter(()) if challenge is None else flat_due(challenge.rules, challenge.phases, now)
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
