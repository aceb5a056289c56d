"""A paper terminal from a JSON text: the account, its symbols and its market."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from adapters.mt5.api import contract as mt5
from adapters.paper.broker import state_file
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.charts import Rates
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.hosted import HostedTerminal, RunningClock
from adapters.paper.terminal.market import MarketPace, PaperMarket
from adapters.paper.terminal.rules import AccountTerms, SymbolRules
from adapters.paper.terminal.sources import load_bars, made_up_bars
from engine.decoding import from_json
from engine.types import ACCOUNT_CURRENCIES, USD, SymbolSpec

MADE_UP_START: Final = 1_736_121_600
"""2025-01-06 00:00, a Monday: where the clock of a made-up market begins unless given otherwise."""

_TRADE_MODES: Final = {
    "demo": mt5.ACCOUNT_TRADE_MODE_DEMO,
    "contest": mt5.ACCOUNT_TRADE_MODE_CONTEST,
    "real": mt5.ACCOUNT_TRADE_MODE_REAL,
}
_LARGEST: Final = 1e12


def demand(condition: bool, field: str, why: str) -> None:
    """Raise ValueError that names the `field` unless `condition` holds."""
    if not condition:
        raise ValueError(f"{field} {why}")


class TerminalSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a paper terminal is made of.

    ``balance`` is in the account's ``currency``, ``slippage`` in points, ``stop_out`` a margin
    level in percent (None: never). ``bars`` names a ``.npy`` file of rates records for a symbol; a
    symbol without one has a made-up market of M1 bars around its ``prices`` entry, a wave of
    ``swing`` points up and down.
    ``start`` is the server's clock at the beginning, in seconds: by default that of the first bar
    of the files, else ``MADE_UP_START``, or for a real clock this machine's UTC. ``began`` is when
    a real clock showed it (seconds UTC; None: when the terminal is built). With the clock
    "lockstep" time stands until `paper_advance`; with "real" it runs, ``speed`` times as fast.
    ``state`` is a file that keeps the account when the terminal is started again.
    """

    symbols: list[SymbolSpec]
    login: int
    server: str
    balance: float = 100_000.0
    currency: str = USD
    leverage: int = 100
    trade_mode: Literal["demo", "contest", "real"] = "demo"
    netting: bool = False
    stop_out: int | None = None
    slippage: int = 0
    max_orders: int = 200
    max_positions: int = 0
    rules: dict[str, SymbolRules] = {}
    bars: dict[str, str] = {}
    prices: dict[str, float] = {}
    swing: int = 0
    clock: Literal["lockstep", "real"] = "lockstep"
    speed: float = 1.0
    pace: MarketPace = MarketPace.BARS
    start: int | None = None
    began: float | None = None
    state: str | None = None

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.symbols]
        demand(bool(names) and len(set(names)) == len(names), "symbols", "must be given, each once")
        demand(bool(self.server), "server", "must not be empty")
        known = ", ".join(ACCOUNT_CURRENCIES)
        demand(self.currency in ACCOUNT_CURRENCIES, "currency", f"must be one of {known}")
        for field in ("login", "balance", "speed", "leverage", "max_orders"):
            demand(0 < getattr(self, field) < _LARGEST, field, "must be above 0")
        demand(self.stop_out is None or self.stop_out > 0, "stop_out", "must be above 0 or null")
        for field in ("slippage", "max_positions", "swing"):
            demand(getattr(self, field) >= 0, field, "must not be below 0")
        for field in ("rules", "bars", "prices"):
            strange = sorted(set(getattr(self, field)) - set(names))
            demand(not strange, field, f"names symbols that are not in symbols: {strange}")
        bare = sorted(set(names) - set(self.bars) - set(self.prices))
        demand(not bare, "prices", f"has no price for {bare}, which have no bars either")
        for name, price in self.prices.items():
            demand(0 < price < _LARGEST, f"prices.{name}", "must be above 0")

    def terms(self) -> AccountTerms:
        return AccountTerms(
            login=self.login,
            server=self.server,
            trade_mode=_TRADE_MODES[self.trade_mode],
            leverage=self.leverage,
            max_orders=self.max_orders,
            max_positions=self.max_positions,
            rules=self.rules,
        )


Spec = TypeVar("Spec", bound=TerminalSpec)


class Assembled(NamedTuple):
    """A terminal in parts: its functions, what a host calls, and what writes its state file."""

    terminal: PaperTerminal
    hosted: HostedTerminal
    keep: Callable[[], None]


def build(text: str) -> HostedTerminal:
    """The terminal that the JSON `text` describes; it must be initialized before use.

    Raises ValueError with the field or file at fault.
    """
    return assemble(decode(text, TerminalSpec), {}).hosted


def decode(text: str, kind: type[Spec]) -> Spec:
    """The specification in the JSON `text`; raises ValueError with the field at fault."""
    try:
        return from_json(text, kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"the paper terminal's spec: {error}") from error


def assemble(spec: TerminalSpec, calls: dict[str, int]) -> Assembled:
    """The terminal of a specification; `calls` is kept in its state file and filled from it.

    Raises ValueError with the file at fault.
    """
    account = PaperAccount(
        {symbol.name: symbol for symbol in spec.symbols},
        round(spec.balance * 100),
        slippage=spec.slippage,
        netting=spec.netting,
        stop_out=spec.stop_out,
        currency=spec.currency,
    )
    start, bars = _start_and_bars(spec)
    market = PaperMarket(account, bars, pace=spec.pace)
    terminal = PaperTerminal(account, terms=spec.terms(), bars=market, attached=False)
    path = Path(spec.state) if spec.state else None
    counted = state_file.load(path, account, spec.login, spec.server) if path else None
    calls.update(counted or {})
    market.skip(start * 1000 if counted is None else account.now)

    def keep() -> None:
        if path is not None:
            state_file.save(path, account, spec.login, spec.server, calls)

    begin = max(start * 1000, account.now)
    clock = _clock(spec, start, begin) if spec.clock == "real" else None
    hosted = HostedTerminal(terminal, market, clock=clock, changed=keep)
    return Assembled(terminal, hosted, keep)


def _clock(spec: TerminalSpec, start: int, begin: int) -> RunningClock:
    if spec.began is None:
        return RunningClock(begin, spec.speed)
    return RunningClock(start * 1000, spec.speed, time.time, spec.began)


def _start_and_bars(spec: TerminalSpec) -> tuple[int, dict[str, Rates]]:
    """Where the server's clock begins, in seconds, and each symbol's bars in rank order."""
    loaded = {name: load_bars(Path(path)) for name, path in spec.bars.items()}
    if spec.start is not None:
        start = spec.start
    elif loaded:
        start = min(int(rates["time"][0]) for rates in loaded.values())
    else:
        start = int(time.time()) if spec.clock == "real" else MADE_UP_START
    bars = {
        symbol.name: loaded[symbol.name]
        if symbol.name in loaded
        else made_up_bars(symbol, spec.prices[symbol.name], spec.swing, start)
        for symbol in spec.symbols
    }
    return start, bars
