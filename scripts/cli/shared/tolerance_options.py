"""What two runs may differ by, and how much of a difference is shown."""

from __future__ import annotations

from typing import Annotated

import typer

PricePoints = Annotated[
    int, typer.Option(min=0, help="Points by which prices and stops may differ.")
]
TimeSeconds = Annotated[
    float, typer.Option(min=0, help="Seconds by which openings and closings may differ.")
]
Money = Annotated[float, typer.Option(min=0, help="Amount by which a trade's result may differ.")]
Rows = Annotated[int, typer.Option(min=0, help="Differing trades to show; 0 shows them all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Everything as JSON.")]
