"""Commissions of the symbol table, which is in USD, for an account in another currency."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import msgspec

from engine.types import USD
from scripts.app.errors import WrongUsage
from scripts.app.terms.bars import BarInput


def in_account_currency(
    inputs: Sequence[BarInput], stated: Iterable[str] | None, currency: str
) -> tuple[list[BarInput], list[str]]:
    """The inputs with commissions in `currency`, and a line for each that was converted.

    Those `stated` by the user are in it already. The others are converted once, by the first price
    of the pair of both currencies among the bars. Raises AppError where there is none.
    """
    if currency == USD:
        return list(inputs), []
    names = {
        name if equals else None for name, equals, _ in (it.partition("=") for it in stated or ())
    }
    rate, notes, done = _rate(inputs, currency), [], []
    for item in inputs:
        spec = item.spec
        if not spec.commission or names & {None, spec.name}:
            done.append(item)
            continue
        if rate is None:
            raise WrongUsage(
                f"{spec.name}: its commission of {spec.commission / 100:.2f} a lot and side is in "
                f"{USD} and the account in {currency}: give it in {currency} with --commission "
                f"{spec.name}=AMOUNT, or the bars of the pair that converts it"
            )
        charged = round(spec.commission * rate, 2)
        done.append(
            dataclasses.replace(item, spec=msgspec.structs.replace(spec, commission=charged))
        )
        notes.append(
            f"{spec.name}: its commission of {spec.commission / 100:.2f} {USD} a lot and side is "
            f"taken as {charged / 100:.4f} {currency}, by the first price of the bars"
        )
    return done, notes


def _rate(inputs: Sequence[BarInput], currency: str) -> float | None:
    """What a USD is worth in `currency` at the first of the bars that tell."""
    for item in inputs:
        pair = (item.spec.base, item.spec.quote)
        if set(pair) != {USD, currency}:
            continue
        price = float(next(iter(item.file.chunks())).open[0])
        return price if pair[0] == USD else 1 / price
    return None
