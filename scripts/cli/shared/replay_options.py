"""The options of `butler replay`, one name each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Bars = Annotated[
    list[str] | None,
    typer.Option("--bars", metavar="SYMBOL=FILE", help="Bars to replay; repeat for more symbols."),
]
Clock = Annotated[
    str | None, typer.Option(help="Clock of the bars: auto, new-york+7, eu-dst, utc or est.")
]
Digits = Annotated[
    list[str] | None,
    typer.Option(metavar="SYMBOL=N", help="Digits of a feed that differ from the table's."),
]
PresetName = Annotated[str, typer.Option(help="Name of a preset, or path of your own YAML.")]
MaxPositions = Annotated[int | None, typer.Option(help="Open at once, at most.")]
PerTradeRisk = Annotated[float | None, typer.Option(help="What one trade may lose, as a fraction.")]
DailyLoss = Annotated[float | None, typer.Option(help="What one day may lose, as a fraction.")]
MaxLoss = Annotated[
    float | None, typer.Option(help="What the account may lose, as a fraction; off by default.")
]
LimitTrades = Annotated[
    int | None, typer.Option(help="End after so many trades are opened and closed.")
]
StartingEquity = Annotated[
    float | None,
    typer.Option(help="Balance at the start, USD; by default 100000, or the account's."),
]
Start = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="First bar: a UTC date or time, included."),
]
End = Annotated[
    str | None,
    typer.Option("--to", metavar="DATE", help="End of the bars: a UTC date or time, excluded."),
]
SlippagePoints = Annotated[
    int, typer.Option(min=0, max=100_000, help="Points by which every market fill is worse.")
]
SpreadFloor = Annotated[
    list[str] | None,
    typer.Option(metavar="[SYMBOL=]POINTS", help="Least spread at any hour."),
]
Commission = Annotated[
    list[str] | None,
    typer.Option(metavar="[SYMBOL=]USD", help="Commission per lot and side."),
]
Swap = Annotated[
    list[str] | None,
    typer.Option(metavar="[SYMBOL=]LONG/SHORT", help="Swap in points per lot and night."),
]
Signals = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Replay these signals instead of the preset's."),
]
Objectives = Annotated[
    str | None,
    typer.Option(
        metavar="RULES[:PHASE]",
        help="Follow a firm's rules, such as ftmo_2step, or a YAML of your own.",
    ),
]
Attempts = Annotated[
    str | None,
    typer.Option(
        metavar="once|repeat",
        help="With --objectives: one attempt (the default), or another on a fresh balance "
        "whenever one is over.",
    ),
]
Calendar = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="With --objectives: news and closures of the market, CSV."),
]
InitialBalance = Annotated[
    float | None,
    typer.Option(
        metavar="AMOUNT",
        help="With --objectives: the balance that the firm's phase began with, on an account that "
        "has traded since.",
    ),
]
Repair = Annotated[
    bool, typer.Option("--repair", help="Sort bars and drop exact duplicates; says so.")
]
Profile = Annotated[
    str | None,
    typer.Option(help="Replay on this account's terminal: its history and symbols; or PAPER."),
]
Symbols = Annotated[
    list[str] | None,
    typer.Option(help="With a profile: symbols to replay; by default the profile's."),
]
HoldSeconds = Annotated[
    float, typer.Option(min=0, help="With --no-dry-run: how long a position is kept.")
]
Pace = Annotated[float, typer.Option(min=0, help="With --no-dry-run: seconds between two signals.")]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="SESSION",
        help="With a profile: go on with a session that was sending and was interrupted.",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Only the summary as JSON on standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress, no summary, no warnings.")]
