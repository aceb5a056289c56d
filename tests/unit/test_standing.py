"""What must be closed is asked for until the account shows that it is, whatever the venue says."""

from __future__ import annotations

import pytest

from adapters.mt5.api import contract as mt5
from engine import events as ev
from engine.session import Restorer
from engine.standing import FIRST, LONGEST, WITHOUT_PRICE
from tests.builders import LOT, of_kind, opened
from tests.risk_steps import enter
from tests.unit.test_unsent import (
    LOOSE,
    STANDING,
    WISHES,
    Wish,
    by_the_user,
    holding,
    later,
    refused,
    sent,
)
from tests.venue_steps import Live, deal_in, deal_out, deals, live, result, seen

STANDS = ("own limit", "firm floor", "weekend", "user")
SEEN = {"positions": (STANDING,)}


@pytest.fixture(params=STANDS)
def wish(request: pytest.FixtureRequest) -> Wish:
    """Whoever's closes stand; a strategy's are of the moment."""
    return WISHES[request.param]


def rejected(wish: Wish) -> Live:
    """A session in which the venue itself has just refused that close."""
    desk = wish.unsent()
    desk.see(**SEEN)
    desk.reply(result(10_018))
    assert desk.sent == []
    return desk


def asked_again(desk: Live) -> bool:
    """Whether a look that shows nothing new has the close sent again."""
    if desk.gateway.has_changes(seen(**SEEN)):
        desk.see(**SEEN)
    return sent(desk) == [7]


def test_what_the_venue_refused_is_asked_for_again_after_a_pause_that_grows(wish: Wish) -> None:
    desk = rejected(wish)
    for pause in (2 * FIRST, 4 * FIRST, 8 * FIRST, LONGEST, LONGEST):
        later(desk, pause - 1)
        assert not asked_again(desk)
        later(desk, 1)
        assert asked_again(desk)
        desk.reply(result(10_018))
    orders = [item.order_id for item in of_kind(desk.parts.journal, ev.OrderSubmitted)]
    assert len(orders) == len(set(orders)) == 7


def test_without_a_price_since_then_it_waits_longer(wish: Wish) -> None:
    """A market that is closed has no prices, and refuses every close."""
    desk = rejected(wish)
    later(desk, WITHOUT_PRICE - 1, price=False)
    assert not asked_again(desk)
    later(desk, 1, price=False)
    assert asked_again(desk)


def test_what_is_left_after_a_part_was_filled_is_closed_too(wish: Wish) -> None:
    desk = wish.unsent()
    desk.see(**SEEN)
    out = deal_out(volume=0.4, profit=80.0)
    desk.reply(result(mt5.TRADE_RETCODE_DONE_PARTIAL, order=8, deal=12), deals=(out,))
    assert desk.parts.portfolio.positions[7].volume == LOT * 6 // 10
    later(desk)
    rest = STANDING._with(volume=0.6)
    desk.see(positions=(rest,), deals=deals(deal_in(), out))
    assert [item.request["volume"] for item in desk.sent] == [0.6]


def test_nothing_is_sent_while_one_is_of_unknown_outcome(wish: Wish) -> None:
    desk = wish.unsent()
    desk.see(**SEEN)
    desk.reply(None, error=(-10_005, "IPC timeout"), account=None)
    later(desk)
    assert not asked_again(desk)
    desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.RESUME, reason="not there"))
    later(desk)
    assert asked_again(desk)


def test_once_the_account_shows_it_closed_nothing_stands(wish: Wish) -> None:
    desk = rejected(wish)
    later(desk)
    desk.see(deals=deals(deal_in(), deal_out(reason=mt5.DEAL_REASON_CLIENT)))
    assert (sent(desk), desk.parts.portfolio.positions) == ([], {})
    assert not desk.gateway.has_changes(seen())


def test_it_survives_a_restart(wish: Wish) -> None:
    before, after = rejected(wish), live(LOOSE)
    parts = after.parts
    memories = [
        parts.portfolio.replay_routes(),
        parts.order_manager.replay_routes(),
        *after.gateway.replay_routes(),
    ]
    Restorer(parts.bus, memories).restore(before.parts.journal.records)
    later(after)
    assert asked_again(after)


def test_a_close_under_way_of_another_reason_does_not_end_it() -> None:
    """The user flattens while a strategy's close travels, which the venue then refuses."""
    desk = WISHES["strategy"].unsent()
    desk.see(**SEEN)
    by_the_user(desk)
    desk.reply(result(10_018))
    later(desk)
    assert asked_again(desk)


class TestWhatOpensLater:
    """An entry that had left when everything had to be closed is closed once it is filled."""

    @pytest.mark.parametrize("name", ["own limit", "user", "weekend"])
    def test_an_entry_under_way_is_closed_when_it_is_filled(self, name: str) -> None:
        wish = WISHES[name]
        desk = wish.holding()
        enter(desk.parts, "GBPUSD")
        wish.act(desk)
        into = deal_in(ticket=21, order=9, position_id=9, symbol="GBPUSD", price=1.2502)
        entry = desk.sent[0].order.terms
        assert entry.action is ev.OPEN
        desk.reply(result(order=9, deal=21), deals=(into,))
        assert sorted(sent(desk)) == [7, 9]

    def test_after_a_resume_what_opens_stays_open_and_what_was_to_be_closed_is_closed(self) -> None:
        desk = rejected(WISHES["user"])
        desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.RESUME, reason="seen"))
        desk.parts.bus.publish(opened(8, order_id=0))
        assert sent(desk) == []
        later(desk)
        assert asked_again(desk)

    def test_what_turns_up_under_the_sessions_mark_is_closed_too(self) -> None:
        desk = holding(LOOSE)
        by_the_user(desk)
        desk.reply(result(order=8, deal=12), deals=(deal_out(),))
        marked = STANDING._with(ticket=50, magic=26, comment="ab-99", price_open=1.1)
        desk.see(positions=(marked,), risks={50: 1.0})
        assert sent(desk) == [50]


def test_a_close_that_the_guard_refused_is_sent_with_the_next_look_and_then_stands(
    wish: Wish,
) -> None:
    desk = wish.unsent()
    desk.see(**SEEN)
    refused(desk)
    assert asked_again(desk)


def test_halting_limits_that_do_not_flatten_close_nothing() -> None:
    desk = holding(LOOSE)
    enter(desk.parts, "GBPUSD")
    desk.parts.bus.publish(ev.UserCommanded(action=ev.UserAction.PAUSE, reason="lunch"))
    into = deal_in(ticket=21, order=9, position_id=9, symbol="GBPUSD", price=1.2502)
    desk.reply(result(order=9, deal=21), deals=(into,))
    assert desk.sent == []
