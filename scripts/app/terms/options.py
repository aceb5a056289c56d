"""Reading the options of a replay: each wrong one is one line that says what to write."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import msgspec

from adapters.bars.reader import BarFileError, open_bars
from adapters.bars.symbol_names import in_file_name, matching
from engine.types import ACCOUNT_CURRENCIES, USD, SymbolSpec
from scripts.app.errors import BadData, WrongUsage

Specs = dict[str, SymbolSpec]


def moment(option: str, text: str | None) -> int | None:
    """A UTC date or time as epoch seconds."""
    if text is None:
        return None
    try:
        parsed = dt.datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(
            f"{option} {text}: write a date such as 2024-01-31 or a time such as 2024-01-31T08:00"
        ) from None
    return round(parsed.replace(tzinfo=parsed.tzinfo or dt.UTC).timestamp())


def cents(option: str, amount: float) -> int:
    """A positive amount of money as cents."""
    if not (math.isfinite(amount) and 0 < round(amount * 100) < 10**15):
        raise WrongUsage(f"{option} {amount}: must be above 0 and below ten trillion")
    return round(amount * 100)


def paper_currency(text: str) -> str:
    """The code of `--account-currency`; raises WrongUsage for one that no paper account has."""
    if text.upper() not in ACCOUNT_CURRENCIES:
        raise WrongUsage(
            f"--account-currency {text}: must be one of {', '.join(ACCOUNT_CURRENCIES)}"
        )
    return text.upper()


def known_specs(files: list[Path] | None, currency: str = USD) -> Specs:
    """The built-in table of symbols with those of `--symbol-spec FILE` over it and below it, as an
    account in `currency` has them."""
    from config.errors import ConfigError
    from config.symbols import in_currency, load_symbols

    try:
        specs = load_symbols()
        for file in files or ():
            specs = {**specs, **load_symbols(file)}
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    if currency == USD:
        return specs
    return {name: in_currency(spec, currency) for name, spec in specs.items()}


def bar_paths(bars: list[str], specs: Specs) -> tuple[dict[str, Path], list[str]]:
    """The files of `--bars [SYMBOL=]FILE`, each symbol once, and a line for each name matched."""
    paths: dict[str, Path] = {}
    notes = []
    for text in bars:
        named, equals, path = text.partition("=")
        alone = not equals or matching(named, specs) is None
        if alone and _is_file(text):
            symbol, path = _symbol_of(Path(text), specs), text
            notes.append(f"{path}: its bars are taken to be of {symbol}")
        elif not path:
            there = "" if equals else "there is no such file; "
            raise WrongUsage(
                f"--bars {text}: {there}write SYMBOL=FILE, for example EURUSD=eurusd.parquet"
            )
        else:
            symbol = _known_symbol(text, named, specs)
            if symbol != named:
                notes.append(f"--bars {text}: {named} is taken to be {symbol}")
        if symbol in paths:
            raise WrongUsage(f"--bars {text}: {symbol} is given twice")
        paths[symbol] = Path(path)
    return paths, notes


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # no name that this system could have for a file
        return False


def _known_symbol(text: str, named: str, specs: Specs) -> str:
    symbol = matching(named, specs)
    if symbol is None:
        raise WrongUsage(
            f"--bars {text}: unknown symbol {named}; known: {', '.join(specs)}; give the facts of "
            "another with --symbol-spec FILE"
        )
    return symbol


def _symbol_of(path: Path, specs: Specs) -> str:
    """The symbol that a file says itself, or its name; raises AppError."""
    try:
        said = open_bars(path).symbol
    except BarFileError as error:
        raise BadData(str(error)) from error
    symbol = matching(said, specs) if said else in_file_name(path.name, specs)
    if symbol is None:
        reason = f"{said} is not known" if said else "neither it nor its name says one known symbol"
        raise WrongUsage(
            f"--bars {path}: {reason}: write SYMBOL=FILE, such as EURUSD={path}, with one of "
            f"{', '.join(specs)} or with --symbol-spec FILE"
        )
    return symbol


def with_digits(specs: Specs, options: list[str] | None) -> Specs:
    """`--digits SYMBOL=N`: the feed's own digits; floors and stops level are then in its points."""
    for text in options or ():
        symbol, _, number = text.partition("=")
        if symbol not in specs or len(number) != 1 or number not in "012345678":
            raise WrongUsage(
                f"--digits {text}: write SYMBOL=N with a known symbol and 0 to 8 digits"
            )
        specs = _changed(specs, symbol, digits=int(number))
    return specs


def with_costs(
    specs: Specs,
    spread_floor: list[str] | None,
    commission: list[str] | None,
    swap: list[str] | None,
) -> Specs:
    """Costs that differ from the symbol table's; without `SYMBOL=` they hold for all symbols."""
    for text in spread_floor or ():
        for symbol, value in _by_symbol("--spread-floor", text, specs):
            points = _number("--spread-floor", text, value, whole=True)
            specs = _changed(
                specs, symbol, spread_floor=int(points), spread_floor_rollover=int(points)
            )
    for text in commission or ():
        for symbol, value in _by_symbol("--commission", text, specs):
            amount = _number("--commission", text, value, whole=False)
            specs = _changed(specs, symbol, commission=amount * 100)
    for text in swap or ():
        for symbol, value in _by_symbol("--swap", text, specs):
            long, short = _swap_points(text, value)
            specs = _changed(specs, symbol, swap_long=long, swap_short=short)
    return specs


def _by_symbol(option: str, text: str, specs: Specs) -> list[tuple[str, str]]:
    symbol, equals, value = text.partition("=")
    if not equals:
        return [(name, text) for name in specs]
    if symbol not in specs:
        raise WrongUsage(f"{option} {text}: unknown symbol {symbol}; known: {', '.join(specs)}")
    return [(symbol, value)]


def _number(option: str, text: str, value: str, *, whole: bool) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < 10**6 or (whole and number != int(number)):
        kind = (
            "points, 0 or more" if whole else "the account's currency per lot and side, 0 or more"
        )
        raise WrongUsage(f"{option} {text}: write [SYMBOL=]NUMBER in {kind}")
    return number


def _swap_points(text: str, value: str) -> tuple[float, float]:
    try:
        long, short = (float(part) for part in value.split("/"))
    except ValueError:
        long = short = math.nan
    if not (abs(long) < 10**6 and abs(short) < 10**6):
        raise WrongUsage(
            f"--swap {text}: write [SYMBOL=]LONG/SHORT in points per night, negative for a cost, "
            "such as EURUSD=-6.5/2.1"
        )
    return long, short


def _changed(specs: Specs, symbol: str, **fields: float) -> Specs:
    return {**specs, symbol: msgspec.structs.replace(specs[symbol], **fields)}
