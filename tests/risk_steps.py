"""What happens to a risk actor in tests: entries, equity tests, resets, bad answers."""

from __future__ import annotations

from engine import events as ev
from engine.events import DenyReason
from engine.trading import HaltCause, TradingState
from engine.types import Side, SymbolSpec
from risk.context import RiskContext
from risk.valuation import valuation_of
from tests import builders
from tests.builders import LIMITS, START, TICKS, Wired, account, levels, of_kind, signal


def desk(spec: SymbolSpec, tick: ev.Tick, value: ev.SymbolValuation | None) -> RiskContext:
    """Nothing open yet on an account whose terminal told `value`."""
    return RiskContext(
        limits=LIMITS, spec=spec, tick=tick, account=ev.AccountSeen.of(account()), day_start=START,
        starting_balance=START, trading_active=True, known_signal=False, positions=0,
        positions_on_symbol=0, stops_worst=0, risk_in_flight=0, margin_in_flight=0,
        valuation=valuation_of(spec, value, 0, broker_valued=True),
    )  # fmt: skip


def enter(parts: Wired, symbol: str, signal_id: str | None = None) -> None:
    """A signal to buy `symbol` with a stop 500 points away, sized by risk."""
    away = levels(Side.LONG, TICKS[symbol], 500, 1_000)
    parts.bus.publish(signal(signal_id or f"s:{symbol}", symbol=symbol, scale=0.5, **away))


def denials(parts: Wired) -> list[DenyReason]:
    return [item.reason for item in of_kind(parts.journal, ev.OrderDenied)]


def approvals(parts: Wired) -> list[ev.OrderApproved]:
    return of_kind(parts.journal, ev.OrderApproved)


def see(parts: Wired, balance: int, equity: int | None = None) -> None:
    parts.bus.feed(ev.AccountSeen(balance, balance if equity is None else equity, 0))


def reset(parts: Wired, balance: int, equity: int | None = None, date: str = "2025-01-08") -> None:
    parts.bus.feed(ev.ResetDue(date, balance, balance if equity is None else equity, 0))


def changes(parts: Wired) -> list[tuple[TradingState, HaltCause | None]]:
    return [(item.state, item.cause) for item in of_kind(parts.journal, ev.TradingStateChanged)]


def submitted(parts: Wired, order_id: int, symbol: str) -> None:
    parts.bus.publish(builders.submitted(order_id, symbol=symbol))


def rejected(order_id: int) -> ev.OrderRejected:
    return ev.OrderRejected(
        order_id=order_id, symbol="EURUSD", side=Side.LONG, retcode=10_018,
        message="the market is closed", account=account(),
    )  # fmt: skip


def lost(order_id: int) -> ev.OrderUnknown:
    return ev.OrderUnknown(
        order_id=order_id, symbol="EURUSD", side=Side.LONG, message="timed out", account=account()
    )
