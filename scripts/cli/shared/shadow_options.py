"""Options that only `butler shadow` has, and what they mean."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from scripts.app.errors import WrongUsage

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MAX_SPEED = 3600.0

Duration = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="End after 90s, 30m, 8h or 5d of your own time, with --speed max of the market's; "
        "by default never.",
    ),
]
Speed = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="With PAPER: play bars so many times as fast as the clock, or max (in lockstep).",
    ),
]
Resume = Annotated[
    str,
    typer.Option(
        metavar="auto|last|never|SESSION",
        help="auto: go on with the account's last session where that was cut off and has the same "
        "terms, else begin a new one. last: the same, but never begin a new one. never: begin a "
        "new one. Or name a session to go on with.",
    ),
]
Adopt = Annotated[
    bool,
    typer.Option(
        "--adopt",
        help="Take over what earlier sessions left open and no session manages; with --no-dry-run.",
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Serve Prometheus metrics on this port of 127.0.0.1."),
]
HangLimit = Annotated[
    float,
    typer.Option(
        min=5,
        help="Seconds after which a session whose loop does not turn any more is ended (exit code "
        "6, or 1 where one call holds the interpreter); it is said before.",
    ),
]
Follow = Annotated[
    bool, typer.Option("--follow", help="With --signals: go on reading what is appended.")
]
View = Annotated[
    bool,
    typer.Option("--view/--no-view", help="Show the live view on a terminal, or leave it out."),
]
SymbolsOption = Annotated[
    list[str] | None,
    typer.Option("--symbol", help="Trade this symbol; repeat for more; by default the profile's."),
]


def seconds_of(duration: str | None) -> float | None:
    """The seconds of `--duration`, None without it; raises AppError."""
    if duration is None:
        return None
    told = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", duration)
    if told is None or not float(told[1]):
        raise WrongUsage(f"--duration {duration}: write a number and s, m, h or d, such as 8h")
    return float(told[1]) * _UNITS[told[2]]


def speed_of(text: str | None) -> float | None:
    """How many times as fast as the clock; None without `--speed` and for `max`.

    Raises AppError.
    """
    if text is None or text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _MAX_SPEED:
        raise WrongUsage(f"--speed {text}: write max, or a number above 0 and up to {_MAX_SPEED:g}")
    return value
