"""A reversal: the close first, the entry when the close is confirmed, and risk asked in between.

The venue answers when the test says so, as a real one does; a replay's answers at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.bus import HandlerFailed
from engine.types import Side, SymbolSpec
from signals.strategy import Decision, Enter, Exit, StrategyActor, View
from tests.builders import limits, of_kind, signal
from tests.venue_steps import INFO, Live, deal_in, deal_out, deals, live, result

OPENED = 1_736_251_200_000  # ms UTC, the opening of the bar that closes
PERIOD = 900_000
BAR = ev.BarClosed("EURUSD", "M15", OPENED, 1, 2, 0, 1)
LATER = ev.Tick("EURUSD", 109_950, 109_962)


@dataclass
class Reversing:
    """Leaves at every bar and then enters short, 100 points from the bid that it is shown."""

    timeframes: tuple[str, ...] = ("M15",)
    shown: list[View] = field(default_factory=list)
    wants: bool = True

    def on_bar(self, _bar: ev.BarClosed, _view: View) -> Decision | None:
        return Exit("OPPOSITE", self.entry)

    def entry(self, view: View) -> Enter | None:
        self.shown.append(view)
        bid = view.tick.bid
        return (
            Enter(side=Side.SHORT, stop_loss=bid + 100, take_profit=bid - 200, reason="turn")
            if self.wants
            else None
        )


def leaving(strategy: Reversing | None = None, late: int = 0) -> Live:
    """A lot is open and the strategy has just left it `late` ms after the bar's end.

    No more than one position may be open at a time, on the symbol and at all.
    """
    desk = live(limits(max_positions=1))
    bus = desk.parts.bus
    made = strategy or Reversing()
    actor = StrategyActor(bus, desk.parts.portfolio, "mine", lambda _spec: made)
    bus.attach(actor.routes())
    bus.publish(signal("s:1", volume=10_000))
    desk.reply(result(), deals=(deal_in(),))
    bus.time = OPENED + PERIOD + late
    bus.feed(BAR)
    return desk


def confirm(desk: Live, after: int = 200) -> None:
    """The venue has closed the position, `after` ms later, at another price."""
    desk.parts.bus.time += after
    desk.parts.bus.feed(LATER)
    desk.reply(result(order=8, deal=12), deals=(deal_out(reason=mt5.DEAL_REASON_EXPERT),))


def entries(desk: Live) -> list[ev.SignalRaised]:
    """Entries raised after the first one, which opened the position."""
    raised = of_kind(desk.parts.journal, ev.SignalRaised)
    return [event for event in raised if event.terms.action is ev.Action.OPEN][1:]


def test_only_the_close_is_raised_until_the_venue_confirms_it() -> None:
    desk = leaving()
    assert [venue_request.request["position"] for venue_request in desk.sent] == [7]
    assert entries(desk) == []
    assert 7 in desk.parts.portfolio.positions


def test_the_confirmed_close_raises_the_entry_and_risk_approves_it_with_the_place_free() -> None:
    """One position at most is allowed: asked before the confirmation, risk would have denied."""
    desk = leaving()
    confirm(desk)
    kinds = [type(event) for event in desk.events(ev.PositionClosed)]
    assert kinds == [ev.SignalRaised, ev.OrderIntent, ev.OrderApproved, ev.OrderSubmitted]
    assert [venue_request.request["action"] for venue_request in desk.sent] == [
        mt5.TRADE_ACTION_DEAL
    ]
    assert desk.parts.portfolio.positions == {}


def test_the_entry_is_measured_from_the_tick_of_the_confirmation() -> None:
    strategy = Reversing()
    desk = leaving(strategy)
    confirm(desk)
    (entry,) = entries(desk)
    assert (entry.terms.price, entry.terms.stop_loss, entry.terms.take_profit) == (
        109_950,
        110_050,
        109_750,
    )
    assert entry.terms.signal_id == f"mine:EURUSD:M15:{OPENED // 1000}"
    assert [(view.tick, view.position) for view in strategy.shown] == [(LATER, None)]


def test_the_equity_after_the_closing_deal_is_tested_before_the_entry_is_vetted() -> None:
    """A close that takes the equity to the day's floor halts, and the entry is denied for it."""
    desk = leaving()
    desk.parts.bus.time += 200
    low = INFO._with(balance=90_000.0, equity=90_000.0)
    desk.reply(result(order=8, deal=12), deals=(deal_out(),), account=low)
    (denied,) = of_kind(desk.parts.journal, ev.OrderDenied)
    assert denied.reason is ev.DenyReason.HALTED
    assert desk.sent == []


@pytest.mark.parametrize(
    ("late", "after", "raised"),
    [
        (0, PERIOD - 1, True),
        (0, PERIOD, False),
        (PERIOD - 1, 0, True),  # the bar was seen to be closed at the end of the next one's time
        (PERIOD - 1, 1, False),
        (5 * PERIOD, PERIOD - 1, True),  # after a gap: the bar of the decision counts
        (5 * PERIOD, PERIOD, False),
    ],
)
def test_a_confirmation_after_the_bar_of_the_decision_comes_too_late(
    late: int, after: int, raised: bool
) -> None:
    desk = leaving(late=late)
    confirm(desk, after)
    assert bool(entries(desk)) is raised
    dropped = of_kind(desk.parts.journal, ev.SignalDropped)
    assert [event.reason for event in dropped] == ([] if raised else ["reversal_late"])


def test_a_close_in_part_does_not_raise_the_entry() -> None:
    desk = leaving()
    half = deal_out(volume=0.5, order=9, reason=mt5.DEAL_REASON_CLIENT)
    position = mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=0.5)
    desk.see(positions=(position,), deals=deals(deal_in(), half))
    desk.parts.bus.feed(ev.AccountSeen(9_990_000, 9_990_000, 0))
    assert desk.parts.portfolio.positions[7].volume == 5_000
    assert entries(desk) == []


def test_a_position_that_the_venue_closed_first_is_reversed_as_well() -> None:
    """Its stop was hit while the close was on its way: it is gone, which is all that is asked."""
    desk = leaving()
    desk.see(deals=deals(deal_in(), deal_out(reason=mt5.DEAL_REASON_SL)))
    assert entries(desk) == [], "the account is not known yet"
    desk.parts.bus.feed(ev.AccountSeen(9_990_000, 9_990_000, 0))
    assert len(entries(desk)) == 1


def test_the_entry_is_not_raised_twice() -> None:
    desk = leaving()
    confirm(desk)
    into = deal_in(ticket=13, order=9, position_id=9)
    desk.reply(result(order=9, deal=13), deals=(into,))
    desk.see(deals={9: (into, deal_out(ticket=14, order=10, position_id=9))})
    desk.parts.bus.feed(ev.AccountSeen(9_990_000, 9_990_000, 0))
    assert desk.parts.portfolio.positions == {}
    assert len(entries(desk)) == 1


def test_a_rejected_close_leaves_the_position_and_halts() -> None:
    desk = leaving()
    desk.reply(result(mt5.TRADE_RETCODE_REJECT), account=INFO)
    assert entries(desk) == []
    assert 7 in desk.parts.portfolio.positions
    desk.parts.bus.feed(ev.AccountSeen(9_990_000, 9_990_000, 0))
    assert entries(desk) == []
    assert not desk.parts.risk.trading.active


def test_a_close_of_unknown_outcome_reverses_nothing_even_when_it_proves_done() -> None:
    """Trading is latched then: the entry is raised and denied."""
    desk = leaving()
    desk.reply(None, error=(-10_005, "IPC timeout"))
    assert entries(desk) == []
    desk.see(deals=deals(deal_in(), deal_out(comment="ab-2")))
    (denied,) = of_kind(desk.parts.journal, ev.OrderDenied)
    assert denied.reason is ev.DenyReason.HALTED


def test_a_strategy_that_wants_nothing_more_only_leaves() -> None:
    desk = leaving(Reversing(wants=False))
    confirm(desk)
    assert entries(desk) == []
    assert of_kind(desk.parts.journal, ev.SignalDropped) == []


def test_a_strategy_that_fails_to_say_what_it_enters_is_named() -> None:
    class Failing(Reversing):
        def entry(self, view: View) -> Enter | None:
            raise ZeroDivisionError(view.spec.name)

    desk = leaving(Failing())
    with pytest.raises(HandlerFailed) as caught:
        confirm(desk)
    assert "strategy mine failed on EURUSD: ZeroDivisionError" in str(caught.value.__cause__)


def test_other_symbols_positions_do_not_matter() -> None:
    """A reversal waits for its own position."""
    made: dict[str, Reversing] = {}

    def factory(spec: SymbolSpec) -> Reversing:
        return made.setdefault(spec.name, Reversing())

    desk = live()
    bus = desk.parts.bus
    bus.attach(StrategyActor(bus, desk.parts.portfolio, "mine", factory).routes())
    for number, name in enumerate(("EURUSD", "GBPUSD"), start=7):
        bus.publish(ev.PositionOpened(
            position=number, order_id=0, signal_id="s", strategy_id="s", symbol=name,
            side=Side.LONG, volume=10_000, price=110_010, reason="tag",
            account=ev.Account(balance=10_000_000, equity=10_000_000),
        ))  # fmt: skip
    bus.time = OPENED + PERIOD
    bus.feed(BAR)
    desk.see(deals={8: (deal_out(position_id=8, symbol="GBPUSD"),)},
             positions=(mt5.TradePosition.of(ticket=7, symbol="EURUSD", volume=1.0),))  # fmt: skip
    bus.feed(ev.AccountSeen(9_990_000, 9_990_000, 0))
    raised = of_kind(desk.parts.journal, ev.SignalRaised)
    assert [event.terms.action for event in raised] == [ev.Action.CLOSE]
