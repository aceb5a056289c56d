"""What a paper account's server pays for a currency: by the tick of the pair that converts it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.types import FROM_BROKER, USD, Points, Rate, SymbolSpec, pair_of, pair_rate


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
        currency: str = USD,
    ) -> None:
        """`currency` is the account's."""
        self.currency = currency
        self.from_broker: dict[str, Rate] = {}
        self._bids, self._asks = bids, asks
        self._pairs = {
            name: pair_of(spec, specs.values(), currency)
            for name, spec in specs.items()
            if spec.conversion is FROM_BROKER
        }

    def converts(self, spec: SymbolSpec) -> bool:
        """Whether the prices of a symbol that is known here convert the profits of `spec`."""
        return self._pairs.get(spec.name) is not None

    def rate_of(self, spec: SymbolSpec) -> Rate | None:
        """What profits of `spec` are multiplied with; None where none is needed, or none known."""
        if spec.conversion is not FROM_BROKER:
            return None
        if spec.name in self.from_broker:
            return self.from_broker[spec.name]
        pair = self._pairs[spec.name]
        if pair is None or pair.name not in self._bids:
            return None
        return pair_rate(pair, self._bids[pair.name], self._asks[pair.name], self.currency)
