"""The strategy actor: bars in, at most one decision out, published as a signal."""

from __future__ import annotations

import signal

import msgspec
import pytest

from engine import events as ev
from engine.bus import HandlerFailed
from engine.types import Side, SymbolSpec
from signals.failure import message_of
from signals.strategy import Decision, Enter, Exit, MoveStop, View, insist_on_types
from signals.strategy_actor import StrategyActor
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


ENTER = Enter(side=Side.LONG, stop_loss=1, take_profit=0, reason="x")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", 1),
        ("stop_loss", True),
        ("stop_loss", 1.05),
        ("take_profit", 10**40),
        ("volume", -1),
        ("volume", 10**40),
        ("scale", float("nan")),
        ("scale", float("inf")),
        ("scale", -0.5),
        ("scale", True),
        ("reason", b"x"),
        ("reason", chr(0xD800)),
        ("note", "x" + chr(0xDFFF)),
    ],
)
def test_an_entry_that_would_mean_something_else_is_refused_by_its_field(
    field: str, value: object
) -> None:
    """What has no size, or cannot be recorded, is the strategy's fault and told as such."""
    with pytest.raises(TypeError, match=f"^{field} is "):
        insist_on_types(msgspec.structs.replace(ENTER, **{field: value}))


def test_what_says_what_it_means_is_taken() -> None:
    for decision in (None, ENTER, msgspec.structs.replace(ENTER, scale=0, reason="f\u00fcr [/b]")):
        insist_on_types(decision)
    insist_on_types(Exit("x", reverse_with=lambda _: None))
    with pytest.raises(TypeError, match=r"^reverse_with is 5: a function or None is wanted$"):
        insist_on_types(Exit("x", reverse_with=5))  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [SystemExit(0), KeyboardInterrupt(), GeneratorExit()])
def test_a_message_whose_making_ends_the_program_is_done_without(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a session hears Ctrl+C itself, all of that comes from the strategy's code."""
    monkeypatch.setattr(signal, "getsignal", lambda _: print)

    class Mute(Exception):
        def __str__(self) -> str:
            raise error

    kind = type(error).__name__
    assert message_of(Mute()) == f"Mute (its message cannot be made: {kind})"
    assert message_of(error) == f"{kind}: {error}"


def test_ctrl_c_is_the_users_while_nothing_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        message_of(KeyboardInterrupt())
