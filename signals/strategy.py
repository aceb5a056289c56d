"""What a strategy is.

A strategy sees closed bars of one symbol, one at a time, and the state of that symbol; it answers
with at most one decision. It keeps indicators, nothing else: positions and prices are given to it.

To write one of your own, write a class as `Strategy` describes and a preset whose `strategy` names
it (`my_file.py:MyClass`, beside the preset); `signals/strategies/sma_cross.py` is a small example.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal, Protocol, cast

import msgspec

from engine import events as ev
from engine.portfolio import Position
from engine.types import Points, Side, SymbolSpec, Units, units

Lots = Annotated[float, msgspec.Meta(gt=0)] | Literal["by_risk"]
"""A preset's `lots`: the volume of every order, or that risk sizes each by its stop."""


def volume_of(lots: Lots) -> Units:
    """The volume that `lots` fixes, however small; 0 to let risk size the order."""
    return 0 if lots == "by_risk" else max(units(lots), 1)


class View(msgspec.Struct, frozen=True, gc=False):
    """The symbol at the moment of a decision: the tick that orders meet, the open position."""

    spec: SymbolSpec
    tick: ev.Tick
    position: Position | None


class Enter(msgspec.Struct, frozen=True, kw_only=True):
    """Open a position; `scale` multiplies the risk per trade, `reason` is the signal's tag.

    `volume` fixes the size (units of 1/10,000 lot); 0 lets risk size the order.
    """

    side: Side
    stop_loss: Points
    take_profit: Points
    reason: str
    scale: float = 1.0
    volume: Units = 0
    note: str = ""


class Exit(msgspec.Struct, frozen=True):
    """Close the open position.

    `reverse_with` makes it a reversal: it is asked for the entry once the position is known to be
    closed, with the symbol as it is at that moment.
    """

    reason: str
    reverse_with: Callable[[View], Enter | None] | None = None


class MoveStop(msgspec.Struct, frozen=True):
    """Move the stop loss of the open position."""

    stop_loss: Points
    reason: str


Decision = Enter | Exit | MoveStop


class Strategy(Protocol):
    """One strategy on one symbol.

    A class also has `parameters_type`, a msgspec Struct of the preset's parameters, and is made as
    `Class(spec, parameters)`. One that defines `scan_columns` (see `signals.scan`) is spared the
    bars of a history at which it cannot decide anything.
    """

    timeframes: tuple[str, ...]
    """The bars it wants, such as ("M15", "H1"); at equal time the longer ones come first."""

    def on_bar(self, bar: ev.BarClosed, view: View) -> Decision | None:
        """Take a closed bar and decide; None to do nothing."""


StrategyFactory = Callable[[SymbolSpec], Strategy]


def _is_whole(value: object) -> bool:
    """A whole number that a record can hold; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and _LEAST <= value <= _LARGEST


def _is_volume(value: object) -> bool:
    return _is_whole(value) and cast("int", value) >= 0


def _is_scale(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= cast("float", value) <= _LARGEST


def _is_text(value: object) -> bool:
    """Text that can be written; half of a surrogate pair cannot."""
    if not isinstance(value, str):
        return False
    return value.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in value)


def _is_side(value: object) -> bool:
    return isinstance(value, Side)


def _is_reversal(value: object) -> bool:
    return value is None or callable(value)


def _is_plain(entry: Enter) -> bool:
    """Whether every field of an entry is of the usual type and within its bounds, all at a look.

    Nearly every entry is. What is not (a subclass, a text beyond ASCII) may fit all the same:
    `_FIELDS` decides, and says what is wrong.
    """
    stop, target, scale, volume = entry.stop_loss, entry.take_profit, entry.scale, entry.volume
    return (
        type(entry.side) is Side
        and type(stop) is int
        and type(target) is int
        and type(volume) is int
        and (type(scale) is float or type(scale) is int)
        and type(entry.reason) is str
        and type(entry.note) is str
        and _LEAST <= stop <= _LARGEST
        and _LEAST <= target <= _LARGEST
        and 0 <= volume <= _LARGEST
        and 0 <= scale <= _LARGEST
        and entry.reason.isascii()
        and entry.note.isascii()
    )


def _is_plain_exit(leaving: Exit) -> bool:
    """The same of an exit that is no reversal."""
    reason = leaving.reason
    return leaving.reverse_with is None and type(reason) is str and reason.isascii()


_LARGEST: Final = 2**62
_LEAST: Final = -_LARGEST
_REASON: Final = ("reason", _is_text, "a str without halves of surrogate pairs")
_STOP_LOSS: Final = ("stop_loss", _is_whole, "an int, in points")
_FIELDS: Final[dict[type, tuple[tuple[str, Callable[[object], bool], str], ...]]] = {
    Enter: (
        ("side", _is_side, "engine.types.Side"),
        _STOP_LOSS,
        ("take_profit", _is_whole, "an int, in points"),
        _REASON,
        ("scale", _is_scale, "a number, not below 0"),
        ("volume", _is_volume, "an int, in units, not below 0"),
        ("note", _is_text, "a str without halves of surrogate pairs"),
    ),
    Exit: (_REASON, ("reverse_with", _is_reversal, "a function or None")),
    MoveStop: (_STOP_LOSS, _REASON),
}


def insist_on_types(decision: object) -> None:
    """Raises TypeError for a decision that would mean something else than it says.

    Nothing else looks at the types of what a user's code answers: a `side` of 1 would sell, and a
    `scale` that is no number has no size.
    """
    if decision is None or (type(decision) is Enter and _is_plain(decision)):
        return
    if type(decision) is Exit and _is_plain_exit(decision):
        return
    fields = _FIELDS.get(type(decision))
    if fields is None:
        raise TypeError(f"{decision!r} is no decision: Enter, Exit, MoveStop or None is wanted")
    for name, fits, wanted in fields:
        value = getattr(decision, name)
        if not fits(value):
            raise TypeError(f"{name} is {value!r}: {wanted} is wanted")
