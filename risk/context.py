"""What risk knows at the moment of a decision, as one immutable value."""

from __future__ import annotations

import msgspec

from engine.events import AccountSeen, OrderIntent, Tick
from engine.types import USD, Cents, Limits, SymbolSpec, Units, amount, figure
from risk.counters import TradeCounts
from risk.exposure import Concentration
from risk.objectives import FirmFloors
from risk.restrictions import Objection
from risk.valuation import PLAIN, Valuation


class RiskContext(msgspec.Struct, frozen=True, gc=False):
    """Everything that vetting an entry looks at, beside the order itself.

    Money is cents. `stops_worst` is the sum over open positions of what each would still lose at
    its stop (never a gain); `*_in_flight` is what approved orders will add once they are filled.
    `valuation` is how the symbol's money is valued. `counts`, `concentration` and `firm_floors` are
    there where a limit in force needs them (`engine.limit_table.ContextPart`), `firm_objection` is
    what a firm's trading restrictions have against an entry. `without_stop` is the ticket of an own
    position that has no stop, 0 where each has one.
    """

    limits: Limits
    spec: SymbolSpec
    tick: Tick
    account: AccountSeen
    day_start: Cents
    starting_balance: Cents
    trading_active: bool
    known_signal: bool
    positions: int
    positions_on_symbol: int
    stops_worst: Cents
    risk_in_flight: Cents
    margin_in_flight: Cents
    without_stop: int = 0
    valuation: Valuation = PLAIN
    counts: TradeCounts | None = None
    concentration: Concentration | None = None
    firm_floors: FirmFloors | None = None
    firm_objection: Objection | None = None
    currency: str = USD

    def amount(self, cents: float) -> str:
        """Money of the account in words, with its currency."""
        return amount(cents, self.currency)

    def figure(self, cents: float) -> str:
        """The same without the currency, beside an amount that names it."""
        return figure(cents, self.currency)


class SizedOrder(msgspec.Struct, frozen=True, gc=False):
    """An entry with its volume, what it loses at its stop and at worst, and its margin (cents)."""

    order: OrderIntent
    volume: Units
    risk: Cents
    worst: Cents
    margin: Cents
