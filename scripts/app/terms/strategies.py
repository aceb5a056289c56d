"""From a preset to what makes its strategies, the user's own classes included."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.loader import ConfigError, Preset, load_preset
from engine.events import NO_STRATEGY, SessionStarted
from scripts.app.errors import BadData, WrongUsage
from signals.failure import FROM_OUTSIDE
from signals.strategies.registry import BadParameters, UnknownStrategy, registered, strategy_factory
from signals.strategy import StrategyFactory

Timeframes = tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """A preset, what makes its strategies, and the timeframes that they want."""

    preset: Preset
    factory: StrategyFactory
    timeframes: Timeframes

    @property
    def strategy(self) -> str:
        """How a session's first record names the code: by nothing where the preset's name does."""
        preset = self.preset
        return "" if preset.strategy == preset.name else preset.strategy

    @property
    def file(self) -> Path | None:
        """Where a strategy of the user's own stands."""
        file_name, colon, _ = self.preset.strategy.rpartition(":")
        return (Path(self.preset.file).parent / file_name).absolute() if colon else None


def load(name_or_path: str) -> Loaded:
    """The preset and its strategy; raises AppError with one line."""
    try:
        preset = load_preset(name_or_path)
        strategy: Any = _strategy_class(preset)
        factory = strategy_factory(strategy, preset.parameters)
    except (BadParameters, UnknownStrategy) as error:
        raise WrongUsage(f"preset {name_or_path}: {error}") from error
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return Loaded(preset, factory, tuple(strategy.timeframes))


def load_again(started: SessionStarted, file: str) -> tuple[StrategyFactory | None, Timeframes]:
    """What made a recorded session's strategies, from today's code, and their timeframes.

    `file` is where a class of the user's own stood. Raises AppError with one line.
    """
    if started.strategy == NO_STRATEGY:
        return None, ()
    name = started.strategy or started.preset
    _, colon, class_name = name.rpartition(":")
    try:
        strategy: Any = _class_in(Path(file), class_name) if colon else registered(name)
        return strategy_factory(strategy, started.parameters), tuple(strategy.timeframes)
    except (BadParameters, UnknownStrategy) as error:
        raise BadData(f"the session's preset {started.preset} cannot run again: {error}") from error


def _strategy_class(preset: Preset) -> type:
    file_name, colon, class_name = preset.strategy.rpartition(":")
    if not colon:
        return registered(preset.strategy)
    file = Path(preset.file).parent / file_name
    return _class_in(file, class_name)


def _class_in(file: Path, class_name: str) -> type:
    """The class `class_name` of a Python file; its own errors are reported, not swallowed."""
    spec = importlib.util.spec_from_file_location(f"user_strategy_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise UnknownStrategy(f"strategy file {file} does not exist")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and msgspec look their modules up there
    try:
        spec.loader.exec_module(module)
    except FROM_OUTSIDE as error:
        raise UnknownStrategy(
            f"strategy file {file} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        raise UnknownStrategy(f"strategy file {file} has no class {class_name}")
    return found
