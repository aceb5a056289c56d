"""The signal by which a position is left, whoever wants it left."""

from __future__ import annotations

from engine import events as ev
from engine.portfolio import Position
from engine.types import Side


def close_signal(
    position: Position, tick: ev.Tick | None, reason: str, *, mark: str = ""
) -> ev.SignalRaised:
    """The signal that closes a position as a whole, at the market.

    Where no tick is known yet its entry stands for the price: the venue fills at its own. `mark` is
    added to the id of the position's own signal.
    """
    price = position.entry
    if tick is not None:
        price = tick.bid if position.side is Side.LONG else tick.ask
    return ev.SignalRaised(
        terms=ev.OrderTerms(
            signal_id=f"{position.signal_id}{mark}",
            strategy_id=position.strategy_id,
            symbol=position.symbol,
            action=ev.Action.CLOSE,
            side=position.side,
            reason=reason,
            price=price,
            stop_loss=position.stop_loss,
            take_profit=position.take_profit,
            volume=position.volume,
            position=position.ticket,
        ),
    )
