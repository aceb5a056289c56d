"""Symbols of which only a terminal can tell what they are worth: where they can be traded.

Neither of such a symbol's currencies is the account's. A terminal converts; recorded bars alone do
not, and the built-in paper account does where it has the bars of the pair that converts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.types import Conversion, SymbolSpec
from scripts.app.errors import WrongUsage


def refuse_unconvertible(specs: Iterable[SymbolSpec], remedy: str) -> None:
    """Raise AppError for the first of these symbols that a replay cannot convert."""
    for spec in specs:
        if spec.conversion is Conversion.FROM_BROKER:
            raise WrongUsage(
                f"{spec.name}: its profit is in {spec.quote} and the account in USD, which a "
                f"replay of its bars cannot convert; {remedy}"
            )


def converting(spec: SymbolSpec, table: Iterable[SymbolSpec]) -> SymbolSpec | None:
    """The symbol whose prices convert the profits of `spec`; None where nothing needs to.

    Raises AppError when none of the `table` does.
    """
    from adapters.paper.broker.conversion import pair_of

    if spec.conversion is not Conversion.FROM_BROKER:
        return None
    pair = pair_of(spec, table)
    if pair is None:
        raise WrongUsage(
            f"{spec.name}: no symbol of config/symbols.yaml converts {spec.quote} into USD; add one"
        )
    return pair


def insist_on_pairs(traded: Collection[SymbolSpec], table: Iterable[SymbolSpec]) -> None:
    """Raise AppError unless bars are there for every pair that converts a traded symbol."""
    names = {spec.name for spec in traded}
    known = list(table)
    for spec in traded:
        pair = converting(spec, known)
        if pair is not None and pair.name not in names:
            raise WrongUsage(
                f"{spec.name}: its profit is in {spec.quote} and the account in USD: give the bars "
                f"of {pair.name} too (--bars {pair.name}=FILE)"
            )
