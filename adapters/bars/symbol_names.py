"""Symbols as people and brokers write them: in lower case, with suffixes, or in a file's name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import msgspec

from engine.fields import UserSignal

_SEPARATORS = re.compile(r"[/\\ _-]")
_SUFFIX = re.compile(r"[.#+!_-].{0,8}|[a-z]{1,4}|[.]?[A-Za-z]{1,4}|\d", re.IGNORECASE)
"""What brokers put behind a symbol's name: ".r", "m", "_i", ".pro", "#", "+"."""

_OTHER_NAMES = {"GOLD": "XAUUSD", "SILVER": "XAGUSD"}


def matching(name: str, known: Collection[str]) -> str | None:
    """The known symbol that `name` means; None when it is none of them, or could be several.

    Case, separators as in "EUR/USD" and a broker's suffix as in "EURUSD.r" make no difference.
    """
    if name in known:
        return name
    upper = name.strip().lstrip("#.").upper()
    upper = _OTHER_NAMES.get(upper, upper)
    bare = _SEPARATORS.sub("", upper)
    same = [symbol for symbol in known if symbol.upper() in (upper, bare)]
    if not same:
        same = [
            symbol
            for symbol in known
            for form in {upper, bare}
            if form.startswith(symbol.upper()) and _SUFFIX.fullmatch(form[len(symbol) :])
        ]
        longest = max(map(len, same), default=0)
        same = [symbol for symbol in dict.fromkeys(same) if len(symbol) == longest]
    return same[0] if len(set(same)) == 1 else None


def in_file_name(file_name: str, known: Collection[str]) -> str | None:
    """The known symbol that a file's name tells; None when it tells none or several."""
    stem = file_name.upper()
    bare = _SEPARATORS.sub("", stem)
    found = [symbol for symbol in known if symbol.upper() in stem or symbol.upper() in bare]
    found += [ours for other, ours in _OTHER_NAMES.items() if other in stem and ours in known]
    return found[0] if len(set(found)) == 1 else None


def known_signals(
    signals: Iterable[UserSignal], known: Collection[str]
) -> tuple[tuple[UserSignal, ...], list[str]]:
    """The signals with the symbols that they mean, and a line for each name that was matched.

    A name that means none stays: risk denies its signals.
    """
    meant: dict[str, str] = {}
    result = []
    for signal in signals:
        symbol = matching(signal.symbol, known) or signal.symbol
        if symbol != signal.symbol:
            meant[signal.symbol] = symbol
            signal = msgspec.structs.replace(signal, symbol=symbol)
        result.append(signal)
    notes = [f"signals: {name} is taken to be {symbol}" for name, symbol in meant.items()]
    return tuple(result), notes
