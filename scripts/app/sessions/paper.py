"""What the built-in PAPER account's terminal is like: the sample as its market, standing still.

Its clock stands at the end of the sample, so that its history is that of two years and every run of
a command sees the same prices. Where a session has played a market of bars on the account, it
stands where that has come to: no command moves an account's time ahead.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from engine.decoding import from_json
from engine.types import USD, Millis, Points, SymbolSpec, pair_of
from scripts.app.account.place import PAPER as PAPER
from scripts.app.errors import BadData

LOGIN = 1
SERVER = "Paper-Demo"


def server_in(currency: str) -> str:
    """The server of the account in that currency: each has books of its own."""
    return SERVER if currency == USD else f"{SERVER}-{currency}"


SWING = 137
"""Points by which the made-up markets of other symbols swing up and down."""

_PRICES = {
    "GBPUSD": 1.25163,
    "USDJPY": 157.214,
    "XAUUSD": 2624.43,
    "USDCHF": 0.90731,
    "USDCAD": 1.43817,
    "AUDUSD": 0.61884,
    "NZDUSD": 0.55937,
    "US30": 42544.3,
    "EURGBP": 0.82713,
    "EURJPY": 162.785,
    "GBPJPY": 196.771,
}


def currency_of(server: str) -> str:
    """The currency of the account on that server."""
    return server.removeprefix(SERVER).removeprefix("-") or USD


def paper_spec(
    symbols: list[str], state: Path, books: Path | None = None, currency: str = USD
) -> str:
    """The specification of the paper terminal, as its host takes it.

    It offers `symbols`, and those of the account's books: a command must be able to close what is
    open on any of them.
    """
    from adapters.bars import sample

    kept = _books_of(books)
    specs = _offered(symbols, kept, currency)
    document = {
        "symbols": msgspec.to_builtins(sorted(specs, key=lambda spec: spec.name)),
        "login": LOGIN,
        "server": server_in(currency),
        "currency": currency,
        "bars": {sample.SYMBOL: str(_sample_rates(state.resolve()))},
        "prices": {
            spec.name: _price_of(spec, kept) for spec in specs if spec.name != sample.SYMBOL
        },
        "swing": SWING,
        "start": _end_of_sample() if kept.now is None else min(_end_of_sample(), kept.now // 1000),
        "state": None if books is None else str(books.resolve()),
    }
    return msgspec.json.encode(document).decode()


def _offered(symbols: list[str], kept: _Books, currency: str) -> list[SymbolSpec]:
    """The symbols that the terminal has, with the pairs that convert their profits."""
    from adapters.bars import sample
    from config.loader import load_symbols
    from config.symbols import in_currency
    from scripts.app.terms.conversion_pairs import converting

    books, table = {spec.name: spec for spec in kept.specs}, load_symbols()
    # The table's commissions are in USD; the books' are in the account's own currency.
    own = {name: in_currency(spec, currency) for name, spec in table.items()} | books
    known = books | table if currency == USD else own
    wanted = {*symbols, *kept.quotes, *(deal.symbol for deal in kept.deals)}
    names = {name for name in wanted if name in known} | {sample.SYMBOL}
    found = {name: known[name] for name in names}
    for name in names:
        if currency == USD:
            pair = converting(known[name], known.values())
        else:  # without one it stands still, and nothing is open on it
            pair = pair_of(known[name], known.values(), currency)
        if pair is not None:
            found[pair.name] = pair
    return list(found.values())


def _price_of(spec: SymbolSpec, kept: _Books) -> float:
    """Around which price a made-up market swings: where a market that was played has come to."""
    quote = kept.quotes.get(spec.name)
    if quote is None or kept.now is None or kept.now // 1000 >= _end_of_sample():
        return _PRICES.get(spec.name, 1.0)
    return spec.price(quote[0])


def books_at(books: Path | None) -> Millis | None:
    """The time that the server's clock showed last, by an account's books; None without any.

    Raises BadData for books that cannot be read.
    """
    return _books_of(books).now


def _books_of(books: Path | None) -> _Books:
    if books is None or not books.is_file():
        return _Books()
    try:
        return from_json(books.read_bytes(), _Books)
    except (OSError, msgspec.DecodeError) as error:
        raise BadData(
            f"{books}: the PAPER account's books cannot be read ({error}); "
            "`butler account PAPER --reset` gives it fresh ones"
        ) from error


class _Deal(msgspec.Struct):
    symbol: str


class _Books(msgspec.Struct):
    """What counts here of an account's books; nothing of an account without any."""

    now: Millis | None = None
    specs: list[SymbolSpec] = []
    quotes: dict[str, tuple[Points, Points, Millis]] = {}
    deals: list[_Deal] = []


def _end_of_sample() -> int:
    from adapters.bars import sample
    from adapters.bars.reader import open_bars

    last = 0
    for chunk in open_bars(sample.SAMPLE).chunks():
        last = int(chunk.time[-1])
    return last + sample.PERIOD_SECONDS


def _sample_rates(state: Path) -> Path:
    """The sample as the terminal host reads it, made once for each version of the sample."""
    import numpy as np

    from adapters.bars import sample
    from adapters.bars.reader import concat, open_bars
    from adapters.mt5.api.contract import rates_dtype

    digest = hashlib.sha256(sample.SAMPLE.read_bytes()).hexdigest()[:16]
    path = state / f"paper-{digest}.npy"
    if not path.exists():
        columns = concat(open_bars(sample.SAMPLE).chunks())
        rates = np.zeros(len(columns), dtype=rates_dtype())
        for name in ("time", "open", "high", "low", "close", "tick_volume", "spread"):
            rates[name] = getattr(columns, name)
        state.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp.npy")
        np.save(draft, rates)
        draft.replace(path)
    return path
