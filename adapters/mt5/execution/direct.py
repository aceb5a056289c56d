"""Positions that the venue closed by itself, as a venue in this process tells them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.events import Account
from engine.fields import Deal


class ClosedPositions(NamedTuple):
    """Positions that were closed whole: their deals by ticket, and the account."""

    deals: Mapping[int, Sequence[Deal]]
    account: Account
