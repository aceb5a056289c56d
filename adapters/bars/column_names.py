"""What the columns of a bar file are called, and which of ours each is.

A column that is not one of these is ignored, as an indicator beside the prices is. One of ours
that is there twice is refused: nobody but the user can say which of the two is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.bars.errors import BarFileError, import_command, shown
from engine.types import ClockName

PRICES = ("open", "high", "low", "close")
NEEDED = ("time", *PRICES)
KNOWN_COLUMNS = (*NEEDED, "tick_volume", "spread", "real_volume")
SYMBOL = "symbol"

# What the formats call the columns, in lower case and without angle brackets.
_ALIASES = {
    "tickvol": "tick_volume", "tick volume": "tick_volume", "tickvolume": "tick_volume",
    "tick_vol": "tick_volume", "volume": "tick_volume", "vol": "real_volume",
    "real volume": "real_volume", "timestamp": "time", "datetime": "time", "date time": "time",
    "date_time": "time", "open time": "time", "ticker": SYMBOL,
    "instrument": SYMBOL, "dtyyyymmdd": "date", "tickqty": "tick_volume",
    "open_time": "time", "window_start": "time",
    "t": "time", "o": "open", "h": "high", "l": "low", "c": "close", "v": "tick_volume",
    **{f"bid{name}": name for name in PRICES}, **{f"bid.{name[0]}": name for name in PRICES},
    **{f"{name} price": name for name in PRICES},
}  # fmt: skip
_UTC_NAMES = frozenset({"time_utc", "utc time", "gmt time", "time (utc)", "time(utc)", "utc"})
_OF_A_CLOCK: dict[str, ClockName] = dict.fromkeys(("eet", "eet time", "time (eet)"), "eu-dst")
"""Eastern European Time, with the summer time of the European Union."""

_LOCAL = {"local time": "a local zone", "time (local)": "a local zone", "time (est)": "EST"}
"""Names of times by a clock that they do not tell; a value's own offset from UTC may."""
_INDEXES = frozenset({"", "unnamed: 0", "index", "__index_level_0__"})
_OURS = frozenset({*KNOWN_COLUMNS, "date", "clock", SYMBOL})
_QUOTES = (frozenset({"bid", "ask"}), frozenset({"bidprice", "askprice"}))


@dataclass(frozen=True)
class ColumnChoice:
    """What the user says of a file's columns: which is which of ours, and which to leave out.

    `renamed` has our name for the file's; names are compared without regard to case.
    """

    renamed: dict[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ColumnNames:
    """Our name for each column of a file, None for one that is ignored."""

    names: tuple[str | None, ...]
    utc: bool
    """Whether a name says that the times are UTC."""
    clock: ClockName | None = None
    """The other clock that a name tells."""
    local: str = ""
    """The name of a column by a clock that it does not tell."""


def columns_of(
    path: Path, header: Sequence[str], choice: ColumnChoice | None = None
) -> ColumnNames:
    """Our names for a header; raises BarFileError when it is not one of bars.

    A first column without a name is taken for the time where no other is.
    """
    choice = choice or ColumnChoice()
    _check_choice(path, header, choice)
    bare = [_bare(name) for name in header]
    read = {name for name in bare if name not in choice.dropped}
    _refuse_ticks(path, read)
    ours = [_our_name(name, read, choice) for name in bare]
    if bare and bare[0] in _INDEXES and not {"time", "date"} & set(ours):
        ours[0] = "time"
    if "time" in ours and "date" in ours and "clock" not in ours:
        ours[ours.index("date")] = None  # a further column beside a whole time
    _check_columns(path, header, ours)
    _refuse_two_times(path, header, ours)
    kept = [name for name, our in zip(bare, ours, strict=True) if our]
    klines = {"open time", "open_time"} & set(kept) and {"close time", "close_time"} & set(bare)
    utc = bool(klines) or any(name in _UTC_NAMES for name in kept)
    clock = next((_OF_A_CLOCK[name] for name in kept if name in _OF_A_CLOCK), None)
    local = next((name for name in kept if name in _LOCAL.keys() - choice.renamed.keys()), "")
    return ColumnNames(tuple(ours), utc, clock, local)


def known_names(header: Sequence[str]) -> int:
    """How many names of a header are those of bar files: a table of something else has few."""
    bare = {_bare(name) for name in header}
    return len(
        bare & {*_OURS, *_ALIASES, *_UTC_NAMES, *_OF_A_CLOCK, *_LOCAL}.union(*_QUOTES) - {SYMBOL}
    )


def _bare(name: str) -> str:
    """A name as it is compared; a byte order mark may have been written twice."""
    return name.strip("\ufeff \t").lower().strip("<>")


def _check_choice(path: Path, header: Sequence[str], choice: ColumnChoice) -> None:
    there = {_bare(name) for name in header}
    for name in (*choice.renamed, *choice.dropped):
        if name not in there:
            shown_names = ", ".join(label.strip() for label in header)
            raise BarFileError(path, f"has no column {shown(name)}; it has {shown_names}", 1)


def other_clock(path: Path, name: str) -> BarFileError:
    """What is wrong with times by a clock that neither their column nor they tell."""
    fault = f"column {name!r} holds times in {_LOCAL[name]}: download with GMT times"
    return BarFileError(path, fault, 1)


def _refuse_ticks(path: Path, bare: set[str]) -> None:
    if any(bare >= quotes for quotes in _QUOTES) and not bare & set(PRICES):
        raise ticks_fault(path)


def ticks_fault(path: Path) -> BarFileError:
    """What is wrong with a file of ticks where bars are wanted."""
    remedy = import_command(path, "--ticks", "M1")
    return BarFileError(
        path, f"holds ticks (bid and ask), not bars: make bars of them with {remedy}", 1
    )


def _refuse_two_times(path: Path, header: Sequence[str], ours: list[str | None]) -> None:
    """A whole time beside a date and a time of day: both cannot be added up."""
    if not {"time", "date", "clock"} <= set(ours):
        return
    name = header[ours.index("time")].strip()
    raise BarFileError(
        path,
        f"column {shown(name)} gives the time, and so do a date and a time of day beside it: keep "
        f"one, say with {import_command(path, '--drop', name)}",
        1,
    )


def _our_name(name: str, bare: set[str], choice: ColumnChoice) -> str | None:
    if name in choice.dropped:
        return None
    if name in choice.renamed:
        return choice.renamed[name]
    if name in _UTC_NAMES or name in _OF_A_CLOCK or name in _LOCAL:
        return "time"
    if name == "time" and {"date", "dtyyyymmdd"} & bare:
        return "clock"
    if name == "volume" and {"tick_volume", "tickvol", "tick volume"} & bare:
        return "real_volume"
    ours = _ALIASES.get(name, name)
    return ours if ours in _OURS else None


def _check_columns(path: Path, header: Sequence[str], ours: list[str | None]) -> None:
    """Refuses missing and doubled columns."""
    for place, name in enumerate(ours):
        if name is not None and name in ours[:place]:
            label = header[place].strip()
            raise BarFileError(
                path,
                f"column {shown(label)} is there twice (as {name}): keep one, say with "
                f"{import_command(path, '--drop', label)}",
                1,
            )
    needed = PRICES if "date" in ours else NEEDED
    missing = [name for name in needed if name not in ours]
    if missing:
        pairs = zip(header, ours, strict=True)
        others = [shown(label.strip(), 20) for label, name in pairs if name is None][:5]
        maps = [word for name in missing for word in ("--map", f"{name}=NAME")]
        beside = f" beside {', '.join(others)}" if others else ""
        raise BarFileError(
            path,
            f"has no column {', '.join(missing)}{beside}: export it again with it, or say which it "
            f"is with {import_command(path, *maps)}",
            1,
        )
