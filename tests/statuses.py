"""A status with something in every part of it."""

from __future__ import annotations

from adapters.mt5.live.feed_watch import FeedState
from adapters.reports.status import (
    AccountStatus,
    EventLine,
    LinkState,
    OrderStatus,
    PositionStatus,
    Status,
    SymbolFeed,
)

NOON = 1_736_251_200_000

STATUS = Status(
    session_id="s-1", mode="shadow", account_profile="DEMO", dry_run=False, running=True, pid=77,
    state="active", causes=(), link=LinkState.UP, reconnects=2, currency="USD",
    account=AccountStatus(balance=100_000.0, equity=99_987.5, margin=1_100.1),
    positions=(
        PositionStatus(ticket=7, symbol="EURUSD", side="long", volume=0.5, entry=1.1001,
                       stop_loss=1.0991, take_profit=1.1021, profit=-12.5),
    ),
    orders=(
        OrderStatus(order_id=3, symbol="GBPUSD", action="open", side="short", volume=0.1,
                    entry_price=1.26),
    ),
    unresolved=(4,),
    feeds={
        "EURUSD": SymbolFeed(state=FeedState.OPEN, last_tick=NOON, bid=1.1, ask=1.1001),
        "GBPUSD": SymbolFeed(state=FeedState.MUTE),
    },
    queues={"event log (CSV)": 3, "log": 0},
    last_events=(EventLine(seq=9, time=NOON, text="OPEN EURUSD long 0.50 1.10010"),),
    started_at="2025-01-07T10:00:00+00:00", uptime=7_200, seq=9, time=NOON,
    loss_buffer={"daily loss": 1_500.25},
)  # fmt: skip
