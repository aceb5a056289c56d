"""`butler signals`: the entries that a preset would raise, as a file that can be replayed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from scripts.cli import CommandFailed, Exit, complain

if TYPE_CHECKING:
    from engine.events import Tick
    from engine.types import SymbolSpec
    from scripts.bars import BarInput
    from scripts.strategies import Loaded
    from signals.strategy import Enter


def signals(
    bars: Annotated[
        list[str] | None, typer.Option("--bars", metavar="SYMBOL=FILE", help="As for replay.")
    ] = None,
    clock: Annotated[str | None, typer.Option(help="As for replay.")] = None,
    digits: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL=N", help="As for replay.")
    ] = None,
    preset: Annotated[str, typer.Option(help="Name of a preset, or path.")] = "ftmo_m15",
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="As for replay.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="As for replay.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; standard output by default.")
    ] = None,
) -> int:
    """Write the preset's entry signals as CSV, each as if no position were open.

    What depends on an open position (leaving on the opposite signal, trailing) is not in the file.
    """
    from adapters.files.signals import signals_csv
    from adapters.outputs import replace_file
    from config.loader import load_symbols
    from scripts import options
    from scripts.inputs import open_inputs
    from scripts.replay import Request
    from scripts.strategies import load

    loaded = load(preset)
    request = Request(bars=bars, clock=clock, start=start, end=end)
    specs = options.with_digits(load_symbols(), digits)
    inputs, notes = open_inputs(request, specs, loaded.timeframes)
    for note in notes:
        complain(note)
    rows = sorted(
        (_row(entry, loaded.preset.name) for item in inputs for entry in entries(item, loaded)),
        key=lambda row: row["time"],
    )
    content = signals_csv(rows)
    if out is None:
        sys.stdout.write(content.decode())
        return Exit.DONE
    try:
        replace_file(out, content)
    except OSError as error:
        raise CommandFailed(f"{out}: cannot be written ({error.strerror})", Exit.USAGE) from error
    print(f"{len(rows):,} signals written to {out}")
    return Exit.DONE


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
                if isinstance(decision, Enter):
                    yield Entry(chunk.time.item(row), spec, tick, decision)


def _row(entry: Entry, strategy_id: str) -> dict[str, str]:
    from adapters.projection import iso
    from engine.types import lots

    spec, decision, moment = entry.spec, entry.decision, iso(entry.moment)
    if decision.stop_loss <= 0:
        raise CommandFailed(
            f"{strategy_id} enters {spec.name} at {moment} without a stop: a signal needs one",
            Exit.USAGE,
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
