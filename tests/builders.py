"""Values that many tests need, spelt out once: symbols, limits, a preset, events, wired actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from config.preset_files import load_preset
from engine import events as ev
from engine.bus import Bus
from engine.journal import MemoryJournal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from engine.ports import FreshAccount
from engine.trading import HaltCause, TradingState
from engine.types import Cents, Conversion, Limits, Points, Side, SymbolSpec, Units
from risk.actor import RiskActor
from risk.challenge import Challenge, ChallengeActor
from risk.news import NewsRestriction
from signals.strategies.ftmo_m15_rules import FtmoM15Parameters

START: Cents = 10_000_000
"""The balance that sessions of tests start with: 100,000.00."""

LOT: Units = 10_000

EURUSD = SymbolSpec(
    name="EURUSD", digits=5, contract=100_000, volume_min=100, volume_step=100,
    volume_max=500_000, commission=250.0, spread_floor_rollover=24, spread_floor=2,
    stops_level=0, leverage=100, conversion=Conversion.NONE, base="EUR", quote="USD",
)  # fmt: skip
GBPUSD = msgspec.structs.replace(
    EURUSD, name="GBPUSD", base="GBP", spread_floor_rollover=51, spread_floor=5
)
USDJPY = SymbolSpec(
    name="USDJPY", digits=3, contract=100_000, volume_min=100, volume_step=100,
    volume_max=500_000, commission=250.0, spread_floor_rollover=38, spread_floor=4,
    stops_level=0, leverage=100, conversion=Conversion.DIVIDE, base="USD", quote="JPY",
)  # fmt: skip
XAUUSD = SymbolSpec(
    name="XAUUSD", digits=2, contract=100, volume_min=100, volume_step=100,
    volume_max=200_000, commission=0.0, spread_floor_rollover=60, spread_floor=15,
    stops_level=0, leverage=30, conversion=Conversion.NONE, base="XAU", quote="USD",
)  # fmt: skip
EURGBP = msgspec.structs.replace(
    EURUSD, name="EURGBP", quote="GBP", spread_floor=8, conversion=Conversion.FROM_BROKER
)
"""A cross: only the terminal can tell what it is worth, so it is not among the usual symbols."""
SPECS = {spec.name: spec for spec in (EURUSD, GBPUSD, USDJPY, XAUUSD)}

TICKS = {
    "EURUSD": ev.Tick("EURUSD", 110_000, 110_010),
    "GBPUSD": ev.Tick("GBPUSD", 125_000, 125_010),
    "USDJPY": ev.Tick("USDJPY", 150_000, 150_010),
    "XAUUSD": ev.Tick("XAUUSD", 265_000, 265_020),
}

LIMITS = Limits(
    max_positions=2,
    max_positions_per_symbol=1,
    per_trade_risk_fraction=0.004,
    daily_loss_fraction=0.02,
    reset_zone="Europe/Prague",
)

PARAMETERS: dict[str, Any] = load_preset("ftmo_m15").parameters
"""Those of the preset that ships with the program; tests spell out the figures they rely on."""


def parameters(**changes: Any) -> FtmoM15Parameters:
    """The preset's parameters with some changed; raises msgspec.ValidationError."""
    return msgspec.convert({**PARAMETERS, **msgspec.to_builtins(changes)}, FtmoM15Parameters)


def limits(**changes: Any) -> Limits:
    """The usual limits with some changed."""
    return msgspec.structs.replace(LIMITS, **changes)


def account(balance: Cents = START, equity: Cents | None = None, margin: Cents = 0) -> ev.Account:
    """Account figures; without floating profit unless `equity` is given."""
    return ev.Account(balance=balance, equity=balance if equity is None else equity, margin=margin)


def terms(signal_id: str = "s:1", **changes: Any) -> ev.OrderTerms:
    """A long entry on EURUSD at the usual tick, stop 100 and target 200 points away."""
    return ev.OrderTerms(
        signal_id=signal_id,
        **{
            "strategy_id": "s", "symbol": "EURUSD", "action": ev.Action.OPEN, "side": Side.LONG,
            "reason": "tag", "price": 110_010, "stop_loss": 109_910, "take_profit": 110_210,
            **changes,
        },
    )  # fmt: skip


def signal(signal_id: str = "s:1", **changes: Any) -> ev.SignalRaised:
    """The signal of `terms`; `problem` and `note` are its own."""
    own = {name: changes.pop(name) for name in ("problem", "note") if name in changes}
    return ev.SignalRaised(terms=terms(signal_id, **changes), **own)


def intent(order_id: int = 1, **changes: Any) -> ev.OrderIntent:
    """The order intent of `signal`."""
    own = {name: changes.pop(name) for name in ("problem",) if name in changes}
    changes = {"signal_id": f"s:{order_id}", **changes}
    return ev.OrderIntent(order_id=order_id, terms=terms(**changes), **own)


def submitted(order_id: int = 1, volume: Units = 0, **changes: Any) -> ev.OrderSubmitted:
    """The submission of `intent`."""
    changes = {"signal_id": f"s:{order_id}", **changes}
    return ev.OrderSubmitted(order_id=order_id, terms=terms(**changes), volume=volume)


def broker_valued(symbol: str = "EURUSD", **changes: Any) -> ev.SymbolValuation:
    """What a terminal reckons for EURUSD at the usual ask: a point of a lot is a dollar."""
    return ev.SymbolValuation(
        **{
            "symbol": symbol, "time": 0, "price": 110_010, "move": 110, "volume": 50 * LOT,
            "gain": 550_000, "loss": 550_000, "margin": 110_010, **changes,
        }
    )  # fmt: skip


def approved(order_id: int = 1, volume: Units = LOT, **changes: Any) -> ev.OrderApproved:
    """An approved order of one lot."""
    return ev.OrderApproved(
        order=intent(order_id, **changes), volume=volume, risk=10_500, margin=110_010
    )


def opened(position: int = 7, **changes: Any) -> ev.PositionOpened:
    """One lot of EURUSD, bought at the usual ask."""
    return ev.PositionOpened(
        position=position,
        **{
            "order_id": 1, "signal_id": "s:1", "strategy_id": "s", "symbol": "EURUSD",
            "side": Side.LONG, "volume": LOT, "price": 110_010, "reason": "tag",
            "account": account(START - 250, START - 1_250, 110_010), "stop_loss": 109_910,
            "take_profit": 110_210, "commission": -250, **changes,
        },
    )  # fmt: skip


def closed(position: int = 7, **changes: Any) -> ev.PositionClosed:
    """The position of `opened`, closed at its target."""
    return ev.PositionClosed(
        position=position,
        **{
            "symbol": "EURUSD", "side": Side.LONG, "volume": LOT, "price": 110_210,
            "reason": "TP", "profit": 20_000, "net": 19_500, "commission": -250,
            "account": account(START + 19_500), "strategy_id": "s", "signal_id": "s:1", **changes,
        },
    )  # fmt: skip


def halted(
    cause: HaltCause | None = HaltCause.DAILY_LOSS, **changes: Any
) -> ev.TradingStateChanged:
    """Trading stops for `cause`, or becomes freer without one."""
    return ev.TradingStateChanged(
        **{
            "state": TradingState.UNTIL_RESET, "account": account(9_790_000), "cause": cause,
            "causes": (cause,) if cause else (), "detail": "equity at or below 9800000 cents",
            **changes,
        }
    )  # fmt: skip


def started(balance: Cents = START, **changes: Any) -> ev.SessionStarted:
    """The terms of a session on all of the usual symbols."""
    return ev.SessionStarted(
        **{
            "mode": "replay", "currency": "USD", "account": account(balance), "preset": "ftmo_m15",
            "parameters": {"sma_fast": 20}, "limits": msgspec.to_builtins(LIMITS),
            "symbols": tuple(SPECS.values()), **changes,
        }
    )  # fmt: skip


FIGURES = ev.SessionFigures(
    max_drawdown_fraction=0.0125,
    max_daily_loss_fraction=0.01,
    daily_realized_loss=12_345,
    peak_positions=2,
)


def ended(outcome: ev.SessionOutcome = ev.SessionOutcome.DONE, **changes: Any) -> ev.SessionEnded:
    """The end of a session."""
    return ev.SessionEnded(
        **{"outcome": outcome, "account": account(), "figures": FIGURES, **changes}
    )


ONE_OF_EACH: tuple[ev.Event, ...] = (
    started(),
    signal(),
    ev.SignalDropped(signal_id="s:2", symbol="EURUSD", reason="limit_trades"),
    intent(),
    approved(),
    ev.OrderDenied(
        order=intent(2), reason=ev.DenyReason.MARGIN, detail="margin of 2 cents, free 1",
        account=account(),
    ),
    submitted(),
    ev.OrderAccepted(order_id=1, ticket=7),
    ev.OrderFilled(order_id=1, ticket=7, deal=2, volume=LOT, price=110_010),
    ev.OrderRejected(
        order_id=3, symbol="EURUSD", side=Side.SHORT, retcode=10_018,
        message="the market is closed", account=account(),
    ),
    ev.OrderUnknown(
        order_id=4, symbol="EURUSD", side=Side.LONG, message="timed out", account=account()
    ),
    ev.OrderCancelled(order_id=5, reason="withdrawn"),
    opened(),
    ev.StopModified(
        order_id=6, position=7, symbol="EURUSD", side=Side.LONG, volume=LOT, stop_loss=110_010,
        take_profit=110_210, reason="TRAIL", account=account(),
    ),
    closed(),
    ev.AccountUpdated(account=account(START + 1), reason="deposit"),
    halted(),
    ev.DayRolled(date="2025-01-08", day_start=START, floor=9_800_000.0, account=account()),
    ev.SessionResumed(account=account()),
    ev.ReconciliationMismatch(
        external=(
            ev.ExternalExposure(ticket=9, symbol="GBPUSD", side=Side.LONG, volume=LOT, risk=500),
        ),
        mismatches=("position 9",),
    ),
    ev.UserCommanded(action=ev.UserAction.PAUSE, reason="news at noon"),
    ev.AttemptStarted(
        attempt=1, phase=1, name="challenge", date="2025-01-07", account=account(),
        day_limit=9_500_000, max_limit=9_000_000, target=11_000_000,
    ),
    ev.AttemptEnded(
        attempt=1, phase=1, outcome=ev.AttemptOutcome.BREACHED, account=account(), days=3,
        trading_days=2, min_buffer=-1, min_buffer_at=1_736_251_200_000, cause="daily_loss",
    ),
    ev.RuleViolated(
        attempt=1, phase=1, rule="news", cause="stop", symbol="EURUSD", position=7,
        since=1_736_251_200_000, detail="EURUSD stop (SL) within 2 minutes of news",
    ),
    ended(),
)  # fmt: skip
"""One event of each kind, in an order that a session could have."""

E = TypeVar("E")


def of_kind(journal: MemoryJournal, kind: type[E]) -> list[E]:
    """The journal's events of one kind, in order."""
    return [item.event for item in journal.records if isinstance(item.event, kind)]


@dataclass
class Wired:
    """Market, order book and risk on one bus, a session begun and a tick known of every symbol."""

    journal: MemoryJournal
    bus: Bus
    portfolio: Portfolio
    order_manager: OrderManager
    risk: RiskActor
    challenge_actor: ChallengeActor | None = None
    news: NewsRestriction | None = None


def wired(
    terms: Limits = LIMITS,
    *,
    limit_trades: int | None = None,
    challenge: Challenge | None = None,
    account: FreshAccount | None = None,
    specs: dict[str, SymbolSpec] = SPECS,
    **terms_of_session: Any,
) -> Wired:
    """Connect the deciding actors in the order of a real session and start one."""
    journal = MemoryJournal()
    bus = (
        Bus(journal, record_inputs=True) if terms_of_session.get("broker_valued") else Bus(journal)
    )
    portfolio = Portfolio(specs)
    order_manager = OrderManager(bus, limit_trades=limit_trades)
    challenge_actor = None
    if challenge is not None:
        challenge_actor = ChallengeActor(bus, portfolio, order_manager, challenge, account)
    risk = RiskActor(bus, portfolio, order_manager, terms, challenge_actor)
    followed = () if challenge_actor is None else (challenge_actor,)
    news = NewsRestriction(bus, portfolio, order_manager, challenge_actor)
    for actor in (order_manager, portfolio, risk, *followed, news):
        bus.attach(actor.routes())
    bus.publish(started(**terms_of_session))
    for tick in TICKS.values():
        bus.feed(tick)
    return Wired(journal, bus, portfolio, order_manager, risk, challenge_actor, news)


def levels(side: Side, tick: ev.Tick, stop: Points, target: Points) -> dict[str, Points]:
    """Price, stop and target of an entry at `tick`, the latter two by their distance from it."""
    entry = tick.ask if side is Side.LONG else tick.bid
    return {
        "price": entry,
        "stop_loss": entry - side * stop,
        "take_profit": entry + side * target,
    }
