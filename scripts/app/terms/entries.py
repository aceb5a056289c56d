"""The entries that a strategy would make with no position open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from engine.events import Tick
    from engine.types import SymbolSpec
    from scripts.app.terms.bars import BarInput
    from scripts.app.terms.strategies import Loaded
    from signals.strategy import Enter


class Entry(NamedTuple):
    """An entry that a strategy would make with nothing open, at a bar's opening tick."""

    moment: int
    spec: SymbolSpec
    tick: Tick
    decision: Enter


def entries(item: BarInput, loaded: Loaded) -> Iterator[Entry]:
    """The entries of one symbol's strategy, asked at every closed bar with nothing open."""
    from engine.events import Tick
    from signals.strategy import Enter, View

    strategy, spec = loaded.factory(item.spec), item.spec
    for chunk in item.prepared(loaded.timeframes):
        for row, closed in chunk.closed.items():
            bid = chunk.open.item(row)
            tick = Tick(spec.name, bid, bid + chunk.spread.item(row))
            for bar in closed:
                decision = strategy.on_bar(bar, View(spec, tick, None))
                if isinstance(decision, Enter) and not chunk.past:
                    yield Entry(chunk.time.item(row), spec, tick, decision)


def signal_of(entry: Entry, strategy_id: str) -> dict[str, str]:
    from adapters.reports.projection import iso
    from engine.types import lots

    spec, decision, moment = entry.spec, entry.decision, iso(entry.moment)
    if decision.stop_loss <= 0:
        raise WrongUsage(
            f"{strategy_id} enters {spec.name} at {moment} without a stop: a signal needs one"
        )

    def price(points: int) -> str:
        return f"{spec.price(points):.{spec.digits}f}" if points else ""

    return {
        "time": moment,
        "symbol": spec.name,
        "direction": decision.side.word,
        "stop_loss": price(decision.stop_loss),
        "take_profit": price(decision.take_profit),
        "reason": decision.reason,
        "strategy_id": strategy_id,
        "risk_scale": repr(float(decision.scale)),  # read back, it is the same number
        "volume": repr(lots(decision.volume)) if decision.volume else "",
    }
