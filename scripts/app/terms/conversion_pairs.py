"""Symbols of which only a terminal can tell what they are worth: where they can be traded.

Neither of such a symbol's currencies is the account's. A terminal converts; a replay and the
built-in paper account do where they have the bars of the pair that converts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.types import USD, Conversion, SymbolSpec
from scripts.app.errors import WrongUsage


def converting(
    spec: SymbolSpec, table: Iterable[SymbolSpec], currency: str = USD
) -> SymbolSpec | None:
    """The symbol whose prices convert the profits of `spec`; None where nothing needs to.

    Raises AppError when none of the `table` does.
    """
    from engine.types import pair_of

    if spec.conversion is not Conversion.FROM_BROKER:
        return None
    pair = pair_of(spec, table, currency)
    if pair is None:
        raise WrongUsage(
            f"{spec.name}: no symbol of config/symbols.yaml converts {spec.quote} into {currency}; "
            "give one with --symbol-spec FILE"
        )
    return pair


def insist_on_pairs(
    traded: Collection[SymbolSpec],
    table: Iterable[SymbolSpec],
    currency: str = USD,
    *,
    how: str = "--bars {pair}=FILE",
) -> None:
    """Raise AppError unless bars are there for every pair that converts a traded symbol."""
    names = {spec.name for spec in traded}
    known = list(table)
    for spec in traded:
        pair = converting(spec, known, currency)
        if pair is not None and pair.name not in names:
            raise WrongUsage(
                f"{spec.name}: its profit is in {spec.quote} and the account in {currency}: "
                f"give the bars of {pair.name} too ({how.format(pair=pair.name)})"
            )
