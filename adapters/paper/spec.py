"""A paper terminal from a JSON text: the account, its symbols and market, and what goes wrong."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from random import Random
from typing import Final, Literal

import msgspec

from adapters.mt5 import contract as mt5
from adapters.paper import state
from adapters.paper.account import PaperAccount
from adapters.paper.charts import Rates
from adapters.paper.faults import FaultKind, FaultPlan, FaultScript, Plan, ScriptedFault
from adapters.paper.faulty import Effects, FaultyTerminal
from adapters.paper.functions import PaperTerminal
from adapters.paper.hosted import HostedTerminal, ServerClock
from adapters.paper.market import Pace, PaperMarket
from adapters.paper.rules import AccountTerms, SymbolRules
from adapters.paper.sources import load_bars, made_up_bars
from engine.types import SymbolSpec

MADE_UP_START: Final = 1_736_121_600
"""2025-01-06 00:00, a Monday: where the clock of a made-up market begins unless told otherwise."""

_TRADE_MODES: Final = {
    "demo": mt5.ACCOUNT_TRADE_MODE_DEMO,
    "contest": mt5.ACCOUNT_TRADE_MODE_CONTEST,
    "real": mt5.ACCOUNT_TRADE_MODE_REAL,
}
_KILLED: Final = 9
_LARGEST: Final = 1e12


def _demand(condition: bool, field: str, why: str) -> None:
    if not condition:
        raise ValueError(f"{field} {why}")


class FaultSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a `script`, or `chances` (probabilities by kind) with a `seed`.

    `functions` restricts the chances (None: all functions); spans are at most `longest` calls.
    """

    script: list[ScriptedFault] = []
    seed: int = 0
    chances: dict[FaultKind, float] = {}
    functions: list[str] | None = None
    longest: int = 3

    def __post_init__(self) -> None:
        named = {item.function for item in self.script} | set(self.functions or ())
        strange = sorted(named - set(mt5.FUNCTIONS))
        _demand(not strange, "faults", f"names functions that do not exist: {strange}")
        for kind, chance in self.chances.items():
            _demand(0 <= chance <= 1, f"faults.chances.{kind}", "must be from 0 to 1")
        _demand(self.longest > 0, "faults.longest", "must be above 0")

    def plan(self) -> Plan:
        if self.script:
            return FaultScript(self.script)
        rng = Random(self.seed)  # noqa: S311 - a seed, not a secret
        return FaultPlan(rng, self.chances, functions=self.functions, longest=self.longest)


class TerminalSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a paper terminal is made of.

    ``balance`` is in dollars, ``slippage`` in points, ``stop_out`` a margin level in percent (None:
    never). ``bars`` names a ``.npy`` file of rates records for a symbol; a symbol without one has a
    made-up market of M1 bars around its ``prices`` entry, a wave of ``swing`` points up and down.
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
    pace: Pace = Pace.BARS
    start: int | None = None
    began: float | None = None
    faults: FaultSpec | None = None
    state: str | None = None

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.symbols]
        _demand(
            bool(names) and len(set(names)) == len(names), "symbols", "must be given, each once"
        )
        _demand(bool(self.server), "server", "must not be empty")
        for field in ("login", "balance", "speed", "leverage", "max_orders"):
            _demand(0 < getattr(self, field) < _LARGEST, field, "must be above 0")
        _demand(self.stop_out is None or self.stop_out > 0, "stop_out", "must be above 0 or null")
        for field in ("slippage", "max_positions", "swing"):
            _demand(getattr(self, field) >= 0, field, "must not be below 0")
        for field in ("rules", "bars", "prices"):
            strange = sorted(set(getattr(self, field)) - set(names))
            _demand(not strange, field, f"names symbols that are not in symbols: {strange}")
        bare = sorted(set(names) - set(self.bars) - set(self.prices))
        _demand(not bare, "prices", f"has no price for {bare}, which have no bars either")
        for name, price in self.prices.items():
            _demand(0 < price < _LARGEST, f"prices.{name}", "must be above 0")

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


def build(text: str, effects: Effects | None = None) -> HostedTerminal | FaultyTerminal:
    """The terminal that the JSON `text` describes; it must be initialized before use.

    Raises ValueError with the field or file at fault.
    """
    try:
        spec = msgspec.json.decode(text, type=TerminalSpec)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"the paper terminal's spec: {error}") from error
    account = PaperAccount(
        {symbol.name: symbol for symbol in spec.symbols},
        round(spec.balance * 100),
        slippage=spec.slippage,
        netting=spec.netting,
        stop_out=spec.stop_out,
    )
    return _assemble(spec, account, effects or process_effects())


def _assemble(
    spec: TerminalSpec, account: PaperAccount, effects: Effects
) -> HostedTerminal | FaultyTerminal:
    start, bars = _start_and_bars(spec)
    market = PaperMarket(account, bars, pace=spec.pace)
    terminal = PaperTerminal(account, terms=spec.terms(), bars=market, attached=False)
    path = Path(spec.state) if spec.state else None
    calls = state.load(path, account, spec.login, spec.server) if path else None
    market.skip(start * 1000 if calls is None else account.now)
    faulty: FaultyTerminal | None = None

    def keep() -> None:
        if path is not None:
            counted = faulty.calls if faulty else {}
            state.save(path, account, spec.login, spec.server, counted)

    begin = max(start * 1000, account.now)
    clock = _clock(spec, start, begin) if spec.clock == "real" else None
    hosted = HostedTerminal(terminal, market, clock=clock, changed=keep)
    if spec.faults is None:
        return hosted
    faulty = FaultyTerminal(terminal, spec.faults.plan(), effects, behind=hosted, noted=keep)
    faulty.calls.update(calls or {})
    return faulty


def _clock(spec: TerminalSpec, start: int, begin: int) -> ServerClock:
    if spec.began is None:
        return ServerClock(begin, spec.speed)
    return ServerClock(start * 1000, spec.speed, time.time, spec.began)


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


def process_effects() -> Effects:
    """Faults of a process of its own: it hangs until it is killed, or ends at once."""

    def hang() -> None:
        threading.Event().wait()

    return Effects(hang=hang, die=lambda: os._exit(_KILLED), wait=time.sleep)
