"""The terms of a replay: everything that the user asked for, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.events import UserSignal
from engine.types import USD, Cents, ClockName, Conversion, Limits, SymbolSpec
from risk.challenge import Challenge
from scripts.app.errors import WrongUsage
from scripts.app.terms.bars import BarInput
from scripts.app.terms.request import ReplayRequest
from signals.strategy import StrategyFactory

if TYPE_CHECKING:
    from scripts.app.terms.strategies import Loaded
    from scripts.app.terms.user_signals import UserSignalFile


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a session is to do, resolved and checked."""

    inputs: list[BarInput]
    preset: str
    parameters: dict[str, Any]
    factory: StrategyFactory | None
    timeframes: tuple[str, ...]
    limits: Limits
    starting_balance: Cents
    limit_trades: int | None = None
    slippage: int = 0
    signals_sha256: str = ""
    signals: tuple[UserSignal, ...] = ()
    signals_file: Path | None = None
    strategy: str = ""
    strategy_file: Path | None = None
    objectives: Challenge | None = None
    every_bar: bool = False
    currency: str = USD

    @property
    def converts(self) -> bool:
        """Whether a pair's prices convert the money of any symbol."""
        return any(item.spec.conversion is Conversion.FROM_BROKER for item in self.inputs)

    @property
    def plays_every_bar(self) -> bool:
        """Whether none may be skipped: asked for, or since each may move what money is worth."""
        return self.every_bar or self.converts

    @property
    def costs(self) -> dict[str, Any]:
        """What the symbols' own figures do not say of a run's costs."""
        return {"slippage_points": self.slippage} if self.slippage else {}

    @property
    def clock(self) -> ClockName:
        """The server's clock: that of the first symbol's feed."""
        return self.inputs[0].clock


DEFAULT_STARTING_EQUITY = 100_000.0


def _starting_balance(equity: float | None) -> Cents:
    """Raises AppError for an amount that no account can have."""
    from scripts.app.terms import options

    return options.cents("--starting-equity", DEFAULT_STARTING_EQUITY if equity is None else equity)


def resolve_terms(request: ReplayRequest, loaded: Loaded | None = None) -> tuple[Terms, list[str]]:
    """Everything that the user said, checked, and what they should know of it.

    `loaded` is the request's preset where it was loaded already. Raises AppError with one line.
    """
    from config.errors import ConfigError
    from config.limits import with_overrides
    from engine.events import NO_STRATEGY
    from scripts.app.terms import objectives, options
    from scripts.app.terms.strategies import load

    request.check()
    balance = _starting_balance(request.starting_equity)
    loaded = loaded or load(request.preset)
    try:
        limits = with_overrides(loaded.preset.limits, **request.limits)
        specs = options.with_digits(
            options.known_specs(request.symbol_spec, request.currency), request.digits
        )
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    challenge = objectives.resolve(request.objectives, request.attempts, request.calendar)
    specs = options.with_costs(specs, request.spread_floor, request.commission, request.swap)
    signal_file = _signal_file(request.signals)
    timeframes = () if signal_file else loaded.timeframes
    inputs, notes = _priced(request, specs, timeframes)
    signals: tuple[UserSignal, ...] = ()
    if signal_file is not None:
        from adapters.bars.symbol_names import known_signals

        signals, matched = known_signals(signal_file.signals, [item.spec.name for item in inputs])
        notes += matched
    terms = Terms(
        inputs=inputs,
        preset="signals" if signal_file else loaded.preset.name,
        parameters={} if signal_file else loaded.preset.parameters,
        factory=None if signal_file else loaded.factory,
        timeframes=timeframes,
        limits=objectives.with_firms_day(limits, challenge),
        starting_balance=balance,
        limit_trades=request.limit_trades,
        slippage=request.slippage_points,
        signals=signals,
        signals_sha256=signal_file.sha256 if signal_file else "",
        signals_file=request.signals,
        strategy=NO_STRATEGY if signal_file else loaded.strategy,
        strategy_file=None if signal_file else loaded.file,
        objectives=challenge,
        currency=request.currency,
    )
    return terms, notes


def _signal_file(path: Path | None) -> UserSignalFile | None:
    """The user's signals, opened; what reads them is imported where there are any."""
    if path is None:
        return None
    from scripts.app.terms.user_signals import open_signals

    return open_signals(path)


def _priced(
    request: ReplayRequest, specs: dict[str, SymbolSpec], timeframes: tuple[str, ...]
) -> tuple[list[BarInput], list[str]]:
    """The bars, with what converts their symbols' money; raises AppError where something lacks."""
    from scripts.app.terms.commissions import in_account_currency
    from scripts.app.terms.conversion_pairs import insist_on_pairs
    from scripts.app.terms.inputs import open_inputs

    inputs, notes = open_inputs(request, specs, timeframes)
    insist_on_pairs([item.spec for item in inputs], specs.values(), request.currency)
    inputs, converted = in_account_currency(inputs, request.commission, request.currency)
    return inputs, notes + converted
