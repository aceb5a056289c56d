"""Which clock a whole feed shows."""

from __future__ import annotations

from collections.abc import Iterable

from signals.market_data.clocks import ClockDetector, ClockVerdict, Seconds


def detect_clock(times: Iterable[Seconds]) -> ClockVerdict:
    """What the detector says of a feed's bars, their opening times in chunks."""
    detector = ClockDetector()
    for chunk in times:
        detector.push(chunk)
    return detector.verdict()
