"""Signals that a user gives in a simulated session: at market and pending, good and bad ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from random import Random

from adapters.paper.terminal.charts import Rates
from engine import events as ev
from engine.clock import Clock
from engine.events import UserSignal
from engine.types import ClockName, Millis, Side, SymbolSpec
from signals.market_data.clocks import utc_of

_MOST = 6
_BAR: Millis = 900_000
_STRANGE = "GBPUSD"
"""A symbol that no simulated session has."""


def signals_of(
    rng: Random, specs: Mapping[str, SymbolSpec], rates: Mapping[str, Rates], clock: ClockName
) -> list[UserSignal]:
    """Some signals at moments inside the bars, with levels near the prices of these moments."""
    signals = [
        _signal(rng, line, specs, rates, clock) for line in range(rng.choice((0, 0, 2, _MOST)))
    ]
    if signals and rng.random() < 0.3:
        signals.append(rng.choice(signals))  # the same signal once more
    return sorted(signals, key=lambda signal: signal.time)


def _signal(
    rng: Random,
    line: int,
    specs: Mapping[str, SymbolSpec],
    rates: Mapping[str, Rates],
    clock: ClockName,
) -> UserSignal:
    symbol = rng.choice(list(specs))
    spec, bar = specs[symbol], rates[symbol][rng.randrange(len(rates[symbol]))]
    side = rng.choice((Side.LONG, Side.SHORT))
    price = spec.points(float(bar["open"]))
    stop = price - side * rng.randint(-10, 120)
    time = utc_of(clock, int(bar["time"])) * 1000 + rng.choice((0, 0, 1000, 400_000))
    pending = rng.random() < 0.5
    return UserSignal(
        line=line + 1,
        time=time,
        symbol=symbol if rng.random() < 0.95 else _STRANGE,
        side=side,
        stop_loss=spec.price(stop),
        entry_price=spec.price(price + rng.randint(-60, 60)) if pending else None,
        take_profit=spec.price(price + side * rng.randint(20, 200)) if rng.random() < 0.5 else None,
        exit_time=time + rng.randint(1, 8) * _BAR if rng.random() < 0.5 else None,
        expires=time + rng.randint(1, 8) * _BAR if pending and rng.random() < 0.5 else None,
        risk_scale=rng.choice((0.25, 0.5, 1.0)),
        volume=rng.choice((None, None, 0.01, 0.5)),
    )


class SimulatedSignals:
    """Which signals and exits are due now: each once, also over restarts of the engine."""

    def __init__(
        self, signals: Iterable[UserSignal], clock: Clock, past: Iterable[ev.Record]
    ) -> None:
        """`past` are the session's records: what was put on the bus before is not due again."""
        self._clock = clock
        done = [_key(item.event) for item in past if isinstance(item.event, _KINDS)]
        self._open: list[tuple[Millis, ev.SignalDue | ev.ExitDue]] = []
        for signal in signals:
            due: list[tuple[Millis, ev.SignalDue | ev.ExitDue]] = [
                (signal.time, ev.SignalDue(signal))
            ]
            if signal.exit_time is not None:
                due.append((signal.exit_time, ev.ExitDue(signal.signal_id, signal.exit_time)))
            for moment, item in due:
                if _key(item) in done:
                    done.remove(_key(item))
                else:
                    self._open.append((moment, item))

    def due(self) -> Iterator[ev.SignalDue | ev.ExitDue]:
        """What is due by now, in the order of the signals."""
        now = self._clock.now()
        ready = [(moment, item) for moment, item in self._open if moment <= now]
        self._open = [(moment, item) for moment, item in self._open if moment > now]
        for moment, item in ready:
            yield _known(item, late=now - moment > _BAR)


_KINDS = (ev.SignalDue, ev.ExitDue)


def _known(item: ev.SignalDue | ev.ExitDue, *, late: bool) -> ev.SignalDue | ev.ExitDue:
    """A signal with what is known against it before anybody looks at it."""
    if not isinstance(item, ev.SignalDue):
        return item
    problem = ev.DenyReason.EXPIRED if late else None
    if item.signal.symbol == _STRANGE:
        problem = ev.DenyReason.UNKNOWN_SYMBOL
    return ev.SignalDue(item.signal, problem)


def _key(item: object) -> tuple[object, ...]:
    if isinstance(item, ev.SignalDue):
        return (item.signal.line,)
    return (item.signal_id, item.exit_time) if isinstance(item, ev.ExitDue) else ()
