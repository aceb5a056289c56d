"""What a session leaves open when it ends, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.portfolio import Position
from engine.types import SymbolSpec, lots


def left_open_lines(
    positions: Iterable[Position],
    specs: Mapping[str, SymbolSpec],
    *,
    profile: str,
    goes_on: str,
    dry_run: bool,
) -> list[str]:
    """One line for each open position and one that says how to go on; none without positions.

    `goes_on` is the command that manages them again, and what it does; "" where there is none.
    """
    lines = [f"left open: {_line(item, specs[item.symbol])}" for item in positions]
    if not lines:
        return []
    if dry_run:
        return [*lines, f"they are paper positions of this dry run; {goes_on}"]
    closes = f"butler flatten --account-profile {profile} closes them"
    return [*lines, f"{goes_on}, {closes}" if goes_on else closes]


def _line(item: Position, spec: SymbolSpec) -> str:
    stop = (
        f"its stop {spec.price(item.stop_loss)} stands at the venue"
        if item.stop_loss
        else "WITHOUT A STOP"
    )
    deal = f"position {item.ticket} {item.symbol} {item.side.word} {lots(item.volume):.2f} lots"
    return f"{deal} at {spec.price(item.entry)}, {stop}"
