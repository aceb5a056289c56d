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
    session: str,
    dry_run: bool,
) -> list[str]:
    """One line for each open position and one that says how to go on; none without positions."""
    lines = [f"left open: {_line(item, specs[item.symbol])}" for item in positions]
    if not lines:
        return []
    resume = f"butler shadow --account-profile {profile} --resume {session} manages them again"
    if dry_run:
        return [*lines, f"they are paper positions of this dry run; {resume}"]
    return [*lines, f"{resume}, butler flatten --account-profile {profile} closes them"]


def _line(item: Position, spec: SymbolSpec) -> str:
    stop = (
        f"its stop {spec.price(item.stop_loss)} stands at the venue"
        if item.stop_loss
        else "WITHOUT A STOP"
    )
    deal = f"position {item.ticket} {item.symbol} {item.side.word} {lots(item.volume):.2f} lots"
    return f"{deal} at {spec.price(item.entry)}, {stop}"
