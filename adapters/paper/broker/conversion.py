"""What a paper account's server pays for a currency: by the tick of the pair that converts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from engine.types import FROM_BROKER, Points, Rate, SymbolSpec

CURRENCY: Final = "USD"
"""The currency of every paper account."""


def pair_of(spec: SymbolSpec, known: Iterable[SymbolSpec]) -> SymbolSpec | None:
    """The first symbol that converts the profits of `spec`; None when there is none."""
    for pair in known:
        if {pair.base, pair.quote} == {spec.quote, CURRENCY}:
            return pair
    return None


class Converter:
    """Rates of the symbols that have neither currency in common with the account.

    `from_broker` (by symbol) are rates that somebody else knows; they come before those of the
    pairs.
    """

    def __init__(
        self,
        specs: Mapping[str, SymbolSpec],
        bids: Mapping[str, Points],
        asks: Mapping[str, Points],
    ) -> None:
        self.from_broker: dict[str, Rate] = {}
        self._bids, self._asks = bids, asks
        self._pairs = {
            name: pair_of(spec, specs.values())
            for name, spec in specs.items()
            if spec.conversion is FROM_BROKER
        }

    def rate_of(self, spec: SymbolSpec) -> Rate | None:
        """What profits of `spec` are multiplied with; None where none is needed, or none known.

        A gain is sold at the pair's bid, a loss bought at its ask, or the other way round.
        """
        if spec.conversion is not FROM_BROKER:
            return None
        if spec.name in self.from_broker:
            return self.from_broker[spec.name]
        pair = self._pairs[spec.name]
        if pair is None or pair.name not in self._bids:
            return None
        bid, ask, whole = self._bids[pair.name], self._asks[pair.name], 10**pair.digits
        if pair.quote == CURRENCY:
            return Rate(gain=(bid, whole), loss=(ask, whole))
        return Rate(gain=(whole, ask), loss=(whole, bid))
