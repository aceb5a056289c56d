"""Symbols of which only a terminal can tell what they are worth: where they can be traded.

Neither of such a symbol's currencies is the account's. A terminal converts; recorded bars alone do
not, and the built-in paper account does where it has the bars of the pair that converts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.types import Conversion, SymbolSpec
from scripts.app.errors import CommandFailed, ExitCode


def refuse_unconvertible(specs: Iterable[SymbolSpec], remedy: str) -> None:
    """Raise CommandFailed for the first of these symbols that a replay cannot convert."""
    for spec in specs:
        if spec.conversion is Conversion.FROM_BROKER:
            raise CommandFailed(
                f"{spec.name}: its profit is in {spec.quote} and the account in USD, which a "
                f"replay of its bars cannot convert; {remedy}",
                ExitCode.USAGE,
            )


def converting(spec: SymbolSpec, table: Iterable[SymbolSpec]) -> SymbolSpec | None:
    """The symbol whose prices convert the profits of `spec`; None where nothing needs to.

    Raises CommandFailed when none of the `table` does.
    """
    from adapters.paper.broker.conversion import pair_of

    if spec.conversion is not Conversion.FROM_BROKER:
        return None
    pair = pair_of(spec, table)
    if pair is None:
        raise CommandFailed(
            f"{spec.name}: no symbol of config/symbols.yaml converts {spec.quote} into USD; "
            "add one",
            ExitCode.USAGE,
        )
    return pair


def insist_on_pairs(traded: Collection[SymbolSpec], table: Iterable[SymbolSpec]) -> None:
    """Raise CommandFailed unless bars are there for every pair that converts a traded symbol."""
    names = {spec.name for spec in traded}
    known = list(table)
    for spec in traded:
        pair = converting(spec, known)
        if pair is not None and pair.name not in names:
            raise CommandFailed(
                f"{spec.name}: its profit is in {spec.quote} and the account in USD: give the bars "
                f"of {pair.name} too (--bars {pair.name}=FILE)",
                ExitCode.USAGE,
            )
