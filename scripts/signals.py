"""`butler signals`: the entries that a preset would raise, as a file that can be replayed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.cli import CommandFailed, Exit, complain

if TYPE_CHECKING:
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
        (row for item in inputs for row in _rows(item, loaded)), key=lambda row: row["time"]
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


def _rows(item: BarInput, loaded: Loaded) -> Iterator[dict[str, str]]:
    """The entries of one symbol's strategy, asked at every closed bar with nothing open."""
    from adapters.projection import iso
    from engine import events as ev
    from signals.strategy import Enter, View

    strategy, spec = loaded.factory(item.spec), item.spec
    for chunk in item.prepared(loaded.timeframes):
        for row, closed in chunk.closed.items():
            bid = chunk.open[row]
            tick = ev.Tick(spec.name, bid, bid + chunk.spread[row])
            for bar in closed:
                decision: Any = strategy.on_bar(bar, View(spec, tick, None))
                if isinstance(decision, Enter):
                    yield _row(iso(chunk.time[row]), loaded.preset.name, spec, decision)


def _row(moment: str, strategy_id: str, spec: SymbolSpec, entry: Enter) -> dict[str, str]:
    from engine.types import lots

    if entry.stop_loss <= 0:
        raise CommandFailed(
            f"{strategy_id} enters {spec.name} at {moment} without a stop: a signal needs one",
            Exit.USAGE,
        )

    def price(points: int) -> str:
        return f"{spec.price(points):.{spec.digits}f}" if points else ""

    return {
        "time": moment,
        "symbol": spec.name,
        "direction": entry.side.word,
        "stop_loss": price(entry.stop_loss),
        "take_profit": price(entry.take_profit),
        "reason": entry.reason,
        "strategy_id": strategy_id,
        "risk_scale": repr(float(entry.scale)),  # read back, it is the same number
        "volume": repr(lots(entry.volume)) if entry.volume else "",
    }
