"""The options of `butler replay`, one name each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Bars = Annotated[
    list[str] | None,
    typer.Option(
        "--bars",
        metavar="SYMBOL=FILE",
        help="Replay these bars; repeat the option for more symbols.",
    ),
]
Clock = Annotated[
    str | None,
    typer.Option(
        help="Read bar times on this clock: auto, new-york+7, eu-dst, utc, est, new-york, london, "
        "or a time zone such as Europe/Kyiv."
    ),
]
Digits = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SYMBOL=N",
        help="Use these digits where the feed's differ from config/symbols.yaml.",
    ),
]
SymbolSpecFiles = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Facts of further symbols, written as config/symbols.yaml is or saved by doctor.",
    ),
]
PresetName = Annotated[
    str, typer.Option(help="Use this preset: its name, or the path of your own YAML.")
]
MaxPositions = Annotated[
    int | None,
    typer.Option(help="Hold at most so many positions at once, orders in flight included."),
]
PerTradeRisk = Annotated[
    float | None,
    typer.Option(help="Let one trade lose at most this fraction of equity and day-start balance."),
]
DailyLoss = Annotated[
    float | None,
    typer.Option(help="Let one day lose at most this fraction of the day-start balance."),
]
MaxLoss = Annotated[
    float | None,
    typer.Option(
        help="Let the account lose at most this fraction of its starting balance; off by default."
    ),
]
LimitTrades = Annotated[
    int | None, typer.Option(help="End once so many trades are opened and closed.")
]
StartingEquity = Annotated[
    float | None,
    typer.Option(
        help="Start with this balance, in the account's currency; by default 100000, or the "
        "account's."
    ),
]
AccountCurrency = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        help="Keep the paper account in this currency: USD (the default), EUR, GBP, CHF, CZK, CAD, "
        "AUD or JPY.",
    ),
]
Start = Annotated[
    str | None,
    typer.Option("--from", metavar="DATE", help="Begin at this UTC date or time, included."),
]
End = Annotated[
    str | None,
    typer.Option("--to", metavar="DATE", help="End at this UTC date or time, excluded."),
]
Cold = Annotated[
    bool,
    typer.Option("--cold", help="Do not warm indicators up on the bars before --from."),
]
SlippagePoints = Annotated[
    int, typer.Option(min=0, max=100_000, help="Make every market fill worse by so many points.")
]
SpreadFloor = Annotated[
    list[str] | None,
    typer.Option(metavar="[SYMBOL=]POINTS", help="Use at least this spread at every hour."),
]
Commission = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[SYMBOL=]AMOUNT",
        help="Charge this commission per lot and side, in the account's currency.",
    ),
]
Swap = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[SYMBOL=]LONG/SHORT", help="Charge this swap, in points per lot and night."
    ),
]
Signals = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Replay these signals instead of the preset's."),
]
Objectives = Annotated[
    str | None,
    typer.Option(
        metavar="RULES[:PHASE]",
        help="Follow a firm's rules, such as ftmo_2step, or a YAML of your own; none: not even say "
        "at the end what the usual ones would have made of the run.",
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
    typer.Option(
        metavar="FILE",
        help="With --objectives: read news, closures of the market and rewards from this CSV.",
    ),
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
    bool, typer.Option("--repair", help="Sort bars and drop exact duplicates, and say so.")
]
Profile = Annotated[
    str | None,
    typer.Option(
        help="Replay on this account's terminal, with its history and symbols; or on PAPER."
    ),
]
Symbols = Annotated[
    list[str] | None,
    typer.Option(
        help="With a profile: replay this symbol; repeat for more; by default the profile's."
    ),
]
HoldSeconds = Annotated[
    float, typer.Option(min=0, help="With --no-dry-run: keep each position for so many seconds.")
]
Pace = Annotated[
    float, typer.Option(min=0, help="With --no-dry-run: wait so many seconds between two signals.")
]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="SESSION",
        help="With a profile: go on with a session that was sending and was interrupted.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print only the summary, as JSON.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="Print no progress, no summary and no warnings.")
]
Parquet = Annotated[
    bool, typer.Option("--parquet", help="Write trades and equity as Parquet files, too.")
]
Report = Annotated[
    bool, typer.Option("--report", help="Write the page of the run, too (see butler report).")
]
