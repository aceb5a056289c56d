"""What a run came to: one immutable object, of which everything shown is a function. Pure.

A `RunResult` is folded from a session's records (`engine.result.fold`) and from prices: those of a
replay are its bars, those of a live session are what its journal holds. Units are those of
`engine.types`: points, cents, volume units, milliseconds UTC.
"""

from __future__ import annotations

from engine.result.coverage import CoverageSpan as CoverageSpan
from engine.result.coverage import CoverageState as CoverageState
from engine.result.curve import EquityCurve as EquityCurve
from engine.result.parts import AttemptRecord as AttemptRecord
from engine.result.parts import DayRecord as DayRecord
from engine.result.parts import DenialRecord as DenialRecord
from engine.result.parts import LevelChange as LevelChange
from engine.result.parts import OperationRecord as OperationRecord
from engine.result.parts import OrderFunnel as OrderFunnel
from engine.result.parts import PartialClose as PartialClose
from engine.result.parts import RunResult as RunResult
from engine.result.parts import RunTerms as RunTerms
from engine.result.parts import TradeRecord as TradeRecord
from engine.result.prices import PriceHistory as PriceHistory
