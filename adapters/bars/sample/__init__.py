"""Two years of EURUSD M15 bars that come with the package, so that a replay needs no download.

Origin, licence and making are stated in the NOTICE beside the file; `scripts/build_sample.py`
makes it. Nothing is read on import.
"""

from __future__ import annotations

from pathlib import Path

from engine.types import ClockName

SAMPLE = Path(__file__).parent / "EURUSD_M15_2023_2024.parquet"
"""The bars, 2 January 2023 to 31 December 2024 by the server's clock."""

SYMBOL = "EURUSD"
DIGITS = 5
PERIOD_SECONDS = 900
CLOCK: ClockName = "new-york+7"
"""Detected from the weeks' opens and closes over four changes of the hour; the source names
none."""
