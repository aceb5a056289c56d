"""The strategy actor: bars in, at most one decision out, published as a signal."""

from __future__ import annotations

import pytest

from engine import events as ev
from engine.bus import HandlerFailed
from engine.types import Side, SymbolSpec
from signals.strategy import Decision, Enter, Exit, MoveStop, StrategyActor, View
from tests.builders import LOT, Wired, of_kind, opened, wired

BAR = ev.BarClosed("EURUSD", "M15", 1_736_251_200_000, 1, 2, 0, 1)


class Scripted:
    """Answers every bar with the next decision of its script and keeps what it was shown."""

    timeframes: tuple[str, ...] = ("M15", "H1")

    def __init__(self, spec: SymbolSpec, script: list[Decision | None]) -> None:
        self.spec = spec
        self.script = script
        self.shown: list[tuple[ev.BarClosed, View]] = []

    def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
        self.shown.append((bar, view))
        return self.script.pop(0) if self.script else None


def session(*script: Decision | None) -> tuple[Wired, dict[str, Scripted]]:
    """A session whose strategy on EURUSD follows a script."""
    parts = wired()
    made: dict[str, Scripted] = {}

    def factory(spec: SymbolSpec) -> Scripted:
        made[spec.name] = Scripted(spec, list(script) if spec.name == "EURUSD" else [])
        return made[spec.name]

    parts.bus.attach(StrategyActor(parts.bus, parts.portfolio, "mine", factory).routes())
    return parts, made


def test_a_strategy_is_made_for_each_symbol_and_sees_only_its_own_bars() -> None:
    parts, made = session()
    parts.bus.feed(BAR)
    assert {name: (item.spec.name, len(item.shown)) for name, item in made.items()} == {
        "EURUSD": ("EURUSD", 1), "GBPUSD": ("GBPUSD", 0), "USDJPY": ("USDJPY", 0),
        "XAUUSD": ("XAUUSD", 0),
    }  # fmt: skip


def test_it_sees_only_the_timeframes_that_it_asked_for() -> None:
    parts, made = session()
    for timeframe in ("M1", "M15", "H1", "D1"):
        parts.bus.feed(ev.BarClosed("EURUSD", timeframe, 0, 1, 2, 0, 1))
    assert [bar.timeframe for bar, _ in made["EURUSD"].shown] == ["M15", "H1"]


def test_it_is_shown_the_tick_that_orders_meet_and_the_open_position() -> None:
    parts, made = session()
    tick = ev.Tick("EURUSD", 110_100, 110_110)
    parts.bus.feed(tick)
    parts.bus.feed(BAR)
    parts.bus.publish(opened(7))
    parts.bus.feed(BAR)
    (_, first), (_, second) = made["EURUSD"].shown
    assert (first.tick, first.position) == (tick, None)
    assert second.position is parts.portfolio.positions[7]


@pytest.mark.parametrize(("side", "price"), [(Side.LONG, 110_010), (Side.SHORT, 110_000)])
def test_an_entry_is_a_signal_at_the_price_that_it_would_meet(side: Side, price: int) -> None:
    entry = Enter(side=side, stop_loss=1, take_profit=2, reason="v1", scale=0.75, note="why")
    parts, _ = session(entry)
    parts.bus.feed(BAR)
    assert of_kind(parts.journal, ev.SignalRaised) == [
        ev.SignalRaised(
            terms=ev.OrderTerms(
                signal_id="mine:EURUSD:M15:1736251200",
                strategy_id="mine",
                symbol="EURUSD",
                action=ev.Action.OPEN,
                side=side,
                reason="v1",
                price=price,
                stop_loss=1,
                take_profit=2,
                scale=0.75,
            ),
            note="why",
        )
    ]  # fmt: skip


def test_leaving_and_protecting_name_the_position_and_keep_the_other_levels() -> None:
    parts, _ = session(MoveStop(110_050, "TRAIL"), Exit("OPPOSITE"))
    parts.bus.publish(opened(7))
    parts.bus.feed(BAR)
    parts.bus.feed(BAR)
    protect, leave = of_kind(parts.journal, ev.SignalRaised)
    assert (protect.terms.action, protect.terms.position, protect.terms.reason) == (
        ev.Action.MODIFY,
        7,
        "TRAIL",
    )
    assert (protect.terms.stop_loss, protect.terms.take_profit) == (110_050, 110_210)
    assert (leave.terms.action, leave.terms.side, leave.terms.volume) == (
        ev.Action.CLOSE,
        Side.LONG,
        LOT,
    )
    assert (leave.terms.price, leave.terms.stop_loss, leave.terms.reason) == (
        110_000,
        109_910,
        "OPPOSITE",
    )


def test_no_decision_is_no_signal() -> None:
    parts, _ = session(None)
    parts.bus.feed(BAR)
    assert of_kind(parts.journal, ev.SignalRaised) == []


def test_a_strategy_that_manages_what_is_not_open_is_stopped() -> None:
    parts, _ = session(Exit("OPPOSITE"))
    with pytest.raises(HandlerFailed) as caught:
        parts.bus.feed(BAR)
    assert "mine wants to manage a position of EURUSD" in str(caught.value.__cause__)


def test_without_a_strategy_bars_are_let_pass() -> None:
    parts = wired()
    parts.bus.attach(StrategyActor(parts.bus, parts.portfolio, "none", None).routes())
    parts.bus.feed(BAR)
    assert of_kind(parts.journal, ev.SignalRaised) == []
